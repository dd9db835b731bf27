//===- WeightObject.h - an object file that holds nothing but weights -------------------------------===//
//
// 344 MB as a constant of LLVM's cost seconds and gigabytes on their way through the assembler. An ELF file
// around the streamed blob costs its copy.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_TARGET_WEIGHTOBJECT_H
#define COMPILER_TARGET_WEIGHTOBJECT_H

#include "compiler/Target/WeightBlob.h"

namespace vitc {

/// Writes a relocatable ELF file for `arch` that defines the hidden symbol `symbol` as the blob of `tensors`,
/// 4096-byte aligned and read-only. Returns the content id. Write errors stay in `os`.
llvm::Expected<WeightId> writeWeightObject(llvm::ArrayRef<BlobTensor> tensors, llvm::StringRef arch,
                                           llvm::StringRef symbol, llvm::raw_ostream &os,
                                           const std::function<void(double)> &progress = {});

} // namespace vitc

#endif // COMPILER_TARGET_WEIGHTOBJECT_H
