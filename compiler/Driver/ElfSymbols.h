//===- ElfSymbols.h - symbols of ELF files and archives that may be damaged ---------------------------===//
//
// A reader of its own, because LLVM's object readers crash on files whose headers lie (a section table at a
// wild offset). It covers what vitc writes: 64-bit little-endian ELF, and archives of that. Every read is
// checked.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_ELFSYMBOLS_H
#define COMPILER_DRIVER_ELFSYMBOLS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace vitc {

struct ElfSymbol {
  llvm::StringRef name;
  llvm::StringRef
      data; ///< from the symbol to the end of its section; empty where the section has no contents
};

struct ElfFile {
  bool shared = false;            ///< a shared library, else a relocatable object
  std::vector<ElfSymbol> symbols; ///< defined and global; the dynamic ones of a shared library
};

/// Parses an ELF file in memory, which the result points into.
llvm::Expected<ElfFile> readElf(llvm::StringRef file);

/// The members of a Unix archive, symbol and name tables left out.
llvm::Expected<std::vector<llvm::StringRef>> archiveMembers(llvm::StringRef file);

} // namespace vitc

#endif // COMPILER_DRIVER_ELFSYMBOLS_H
