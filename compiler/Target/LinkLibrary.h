//===- LinkLibrary.h - objects into a relocatable object, an archive or a shared library ------------===//
#ifndef COMPILER_TARGET_LINKLIBRARY_H
#define COMPILER_TARGET_LINKLIBRARY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace vitc {

/// Links object files to the shared library `output`, in this process, through lld. Symbols of default
/// visibility are exported; libc stays undefined and unnamed, so that the library loads beside any libc.
llvm::Error linkShared(llvm::ArrayRef<std::string> objects, llvm::StringRef soname, llvm::StringRef arch,
                       llvm::StringRef output);

/// Links object files to one.
llvm::Error linkRelocatable(llvm::ArrayRef<std::string> objects, llvm::StringRef arch,
                            llvm::StringRef output);

struct ArchiveMember {
  std::string name, path;
};

/// Writes an archive with a symbol table and without times or owners.
llvm::Error writeStaticLibrary(llvm::ArrayRef<ArchiveMember> members, llvm::raw_ostream &os);

} // namespace vitc

#endif // COMPILER_TARGET_LINKLIBRARY_H
