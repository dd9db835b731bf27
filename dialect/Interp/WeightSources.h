//===- WeightSources.h - one TensorSource for each step of a weight's chain ----------------------===//
#ifndef DIALECT_INTERP_WEIGHTSOURCES_H
#define DIALECT_INTERP_WEIGHTSOURCES_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/TensorSource.h"

namespace vit {

/// The result of one step applied to `input` (null for a step that starts a chain). `lookup` gives the value
/// of another weight, and null when it has none, which makes the result null. Preconditions: the shapes fit
/// (WeightTransformInterface::inferShape succeeded).
SourcePtr applyWeightStep(WeightTransformInterface step, SourcePtr input,
                          llvm::function_ref<SourcePtr(mlir::FlatSymbolRefAttr)> lookup);

} // namespace vit

#endif // DIALECT_INTERP_WEIGHTSOURCES_H
