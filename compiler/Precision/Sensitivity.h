//===- Sensitivity.h - what each layer's narrow products cost at the outputs --------------------------===//
#ifndef COMPILER_PRECISION_SENSITIVITY_H
#define COMPILER_PRECISION_SENSITIVITY_H

#include "compiler/Precision/ChooseArithmetic.h"
#include "dialect/Interp/Variants.h"

namespace vitc {

/// A layer in one arithmetic, and the relative error of the outputs that it causes by itself.
struct SensitivityOfKind {
  vit::Product product;
  double error = 0;
};

struct LayerSensitivity {
  std::string name;
  double gflop = 0; ///< per image, of all its ops
  llvm::SmallVector<mlir::Operation *> ops;
  std::vector<SensitivityOfKind> kinds; ///< from the narrowest, as the precision says, to f32
};

/// The layers of `function` with narrow products, which become f32.
std::vector<LayerSensitivity> takeNarrowProducts(mlir::func::FuncOp function);
/// Makes the products as narrow again as they were.
void putNarrowProducts(llvm::ArrayRef<LayerSensitivity> layers);

/// Fills in the errors, of the outputs of all `inputs` together. See chooseArithmetic().
llvm::Error measureSensitivity(mlir::func::FuncOp function, llvm::ArrayRef<vit::Tensor> inputs,
                               vit::WeightEvaluator &weights, const PrecisionProgress &progress,
                               std::vector<LayerSensitivity> &layers);

/// Operations of the model on the inputs that sensitivities are measured on; each costs about 17 times its
/// own.
constexpr double kSensitivityFlops = 0.05e12;
constexpr size_t kMostSensitivity = 8;

} // namespace vitc

#endif // COMPILER_PRECISION_SENSITIVITY_H
