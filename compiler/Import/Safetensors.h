//===- Safetensors.h - writing safetensors files ------------------------------------------------------===//
#ifndef COMPILER_IMPORT_SAFETENSORS_H
#define COMPILER_IMPORT_SAFETENSORS_H

#include "compiler/Import/Checkpoint.h"
#include "llvm/ADT/StringRef.h"
#include <map>
#include <memory>
#include <string>

namespace vitc {

/// Writes tensors as one safetensors file, each as F32, or as F64 if it has elements that F32 cannot hold,
/// sorted by name, header padded to 8 bytes; atomically, streaming.
llvm::Error writeSafetensors(llvm::StringRef path,
                             const std::map<std::string, std::shared_ptr<const TensorView>> &tensors);

} // namespace vitc

#endif // COMPILER_IMPORT_SAFETENSORS_H
