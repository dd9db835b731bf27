//===- KerasParts.h - a ViT of Keras's plain layers, taken apart ------------------------------------===//
#ifndef COMPILER_IMPORT_KERASPARTS_H
#define COMPILER_IMPORT_KERASPARTS_H

#include "compiler/Import/Keras.h"

namespace vitc {

/// The variables of a layer in the order of their creation: kernel and bias, or gamma and beta.
using KerasVariables = std::vector<const RawTensor *>;

/// The layers of a pre-norm ViT with fused queries, keys and values, by their place.
struct KerasParts {
  struct Block {
    KerasVariables norm1, qkv, out, norm2, fc1, fc2;
  };
  KerasVariables patch, finalNorm, preLogits, head;
  std::vector<Block> blocks;
  const RawTensor *cls = nullptr, *pos = nullptr; ///< where a file has them
};

/// Puts the parts under their canonical names and fills what shapes say. `imported.store` holds what `parts`
/// refer to; config.inputSize and config.patch.pad are set. What the parts do not use is ignored if it is no
/// weight, else an error. Without cls or pos, `supplied` must name them, or the error says how to.
llvm::Error assembleKeras(Imported &imported, const KerasParts &parts, const ImportOptions &options);

/// How a weight that no file has is given.
bool isSupplied(const ImportOptions &options, llvm::StringRef tensor);

} // namespace vitc

#endif // COMPILER_IMPORT_KERASPARTS_H
