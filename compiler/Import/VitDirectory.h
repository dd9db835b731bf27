//===- VitDirectory.h - writing the canonical form --------------------------------------------------===//
#ifndef COMPILER_IMPORT_VITDIRECTORY_H
#define COMPILER_IMPORT_VITDIRECTORY_H

#include "compiler/Import/Checkpoint.h"

namespace vitc {

/// Writes PATH/vit.json and PATH/model.safetensors (F32: exact for weights that came from F32, F16 or BF16),
/// creating PATH if need be. The same checkpoint gives the same bytes. Errors are of ExitCode::Environment.
llvm::Error writeVitDirectory(const Checkpoint &checkpoint, llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_IMPORT_VITDIRECTORY_H
