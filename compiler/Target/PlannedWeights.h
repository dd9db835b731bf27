//===- PlannedWeights.h - the weights of a planned module as tensors of a blob ----------------------===//
#ifndef COMPILER_TARGET_PLANNEDWEIGHTS_H
#define COMPILER_TARGET_PLANNEDWEIGHTS_H

#include "compiler/Target/WeightBlob.h"
#include "dialect/Interp/WeightEvaluator.h"

namespace vitc {

/// The `vit.weight` ops of `module` that have an offset. The result keeps the sources alive, not the
/// evaluator. Errors: Input, if the checkpoint lacks a tensor or has one of another shape.
llvm::Expected<std::vector<BlobTensor>> blobTensors(mlir::ModuleOp module, vit::WeightEvaluator &evaluator);

} // namespace vitc

#endif // COMPILER_TARGET_PLANNEDWEIGHTS_H
