//===- Layers.h - the layers of a model, for inspect --------------------------------------------------===//
#ifndef COMPILER_DRIVER_LAYERS_H
#define COMPILER_DRIVER_LAYERS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

/// A layer that repeats is one row: "blk.*.fc1", 12 times.
struct Layer {
  std::string name; ///< of its weights, without ".w"
  std::string op;   ///< mnemonic, "linear"
  llvm::SmallVector<int64_t, 4> shape;
  int64_t count = 1;
  int64_t parameters = 0; ///< of all repetitions
  int64_t flops = 0;      ///< nominal, per image, of all repetitions
};

/// Layers of a module's @forward that have parameters or do arithmetic worth counting: model-level ops, or
/// planned regions.
std::vector<Layer> layersOf(mlir::ModuleOp module);

} // namespace vitc

#endif // COMPILER_DRIVER_LAYERS_H
