//===- RuntimeBitcode.h - the runtime as data of the compiler -------------===//
//
// vitc carries the runtime as LLVM bitcode and links it into each model's
// module, so that the user's machine needs no compiler and no linker.
//
//===----------------------------------------------------------------------===//
#ifndef RUNTIME_RUNTIMEBITCODE_H
#define RUNTIME_RUNTIMEBITCODE_H

#include "llvm/ADT/StringRef.h"

namespace vitc {

/// Bitcode of all runtime sources, linked into one module, for `arch` "x86_64" or "aarch64"; empty for any
/// other. Null-terminated behind its end, 16-byte aligned.
llvm::StringRef runtimeBitcode(llvm::StringRef arch);

/// Text of runtime/include/vitc/api.h, which each generated header repeats.
llvm::StringRef apiHeaderText();

} // namespace vitc

#endif // RUNTIME_RUNTIMEBITCODE_H
