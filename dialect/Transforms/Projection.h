//===- Projection.h - what makes queries, keys and values ------------------------------------------------//
#ifndef DIALECT_TRANSFORMS_PROJECTION_H
#define DIALECT_TRANSFORMS_PROJECTION_H

#include "dialect/Transforms/WeightUtils.h"

namespace vit {

/// What makes the query, key or value of an attention from tokens: a linear layer, behind it perhaps a norm
/// of heads, behind that perhaps a rotation. Each feeds the next only, and the last one the attention.
struct Projection {
  LinearOp linear;
  LayerNormOp norm; ///< null if there is none
  RopeOp rope;      ///< null if there is none

  /// The projection behind an operand, or nothing if other ops or readers are in between.
  static std::optional<Projection> of(mlir::Value operand);
  /// True if weight and bias of the linear layer, and of the norm, are parameters.
  bool isOfWeights();
};

/// Multiplies a query by a factor, `step` being what does so to a weight: in its norm, which would undo a
/// factor of the linear layer, else in the linear layer; rotations commute with factors. Precondition:
/// projection.isOfWeights().
void scaleQuery(Projection projection, mlir::Attribute step, llvm::StringRef suffix, WeightBuilder &weights);

} // namespace vit

#endif // DIALECT_TRANSFORMS_PROJECTION_H
