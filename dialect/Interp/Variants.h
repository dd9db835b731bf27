//===- Variants.h - what narrower products do to a function's results --------------------------------===//
#ifndef DIALECT_INTERP_VARIANTS_H
#define DIALECT_INTERP_VARIANTS_H

#include "dialect/Interp/Interpreter.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace vit {

/// How one fused op multiplies, as its attributes `dot` and `input_scale` say.
struct Product {
  std::optional<DotKind> dot;
  double inputScale = 0; ///< 0: none
};

/// A function with other arithmetic in some of its products.
struct Variant {
  llvm::DenseMap<mlir::Operation *, Product> products;
  mlir::Value probe;        ///< compared besides the results; may be null
  bool stopAtProbe = false; ///< computed up to the probe only, which saves time
};

/// |variant - reference|^2 and |reference|^2.
struct SquaredError {
  double difference = 0, norm = 0;
  /// The relative error in the L2 norm; the absolute one if the reference is zero.
  double relative() const;
};

struct VariantErrors {
  SquaredError probe;                ///< zero without a probe
  std::vector<SquaredError> results; ///< empty after stopAtProbe
};

/// Runs a function on tensors as it is written, the reference, and each variant of it, in float64 and side by
/// side: a weight is evaluated once for all of them, and what a variant shares with the reference is not
/// computed again. `errors` gets an entry per variant. Fails, with a diagnostic, as interpret() does. During
/// the call the ops' attributes change; afterwards they are as before.
mlir::LogicalResult runVariants(mlir::func::FuncOp function, const Tensor &input, WeightEvaluator &weights,
                                llvm::ArrayRef<Variant> variants, std::vector<VariantErrors> &errors);

} // namespace vit

#endif // DIALECT_INTERP_VARIANTS_H
