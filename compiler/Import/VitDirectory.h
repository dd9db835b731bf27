//===- VitDirectory.h - writing the canonical form --------------------------------------------------===//
#ifndef COMPILER_IMPORT_VITDIRECTORY_H
#define COMPILER_IMPORT_VITDIRECTORY_H

#include "compiler/Import/Checkpoint.h"

namespace vitc {

/// Writes the directory PATH with vit.json, model.safetensors and, if there are labels that a file with one a
/// line can hold, labels.txt (else they are in vit.json). Opening it gives an equal description and equal
/// tensors. PATH must not exist yet, or be an empty directory; it appears complete or not at all. The same
/// checkpoint gives the same bytes. Errors are of ExitCode::Environment.
llvm::Error writeVitDirectory(const Checkpoint &checkpoint, llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_IMPORT_VITDIRECTORY_H
