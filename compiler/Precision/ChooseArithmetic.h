//===- ChooseArithmetic.h - which layers a bound on the error keeps wide ------------------------------===//
#ifndef COMPILER_PRECISION_CHOOSEARITHMETIC_H
#define COMPILER_PRECISION_CHOOSEARITHMETIC_H

#include "dialect/Interp/Interpreter.h"
#include "dialect/Transforms/LayerArithmetic.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <vector>

namespace vitc {

/// One layer's part in a choice. Errors are relative L2 errors of an output over all inputs, the worst of the
/// outputs.
struct ChosenLayer {
  vit::LayerArithmetic chosen, narrowest; ///< as the bound asks, as the precision says
  double gflop = 0;                       ///< per image
  double error = 0;                       ///< that the layer as chosen causes by itself
  double narrowestError = 0;              ///< that it would cause as the precision says
};

struct ArithmeticChoice {
  std::vector<ChosenLayer> layers; ///< in the order of the model
  double error = 0;                ///< measured, of all layers as chosen
  double worstError = 0;           ///< the same of one input alone, the worst of them
  double exactError = 0;           ///< with f32 everywhere: the best that can be reached
  size_t inputs = 0;               ///< on which `error` was measured

  /// The layers that are not as the precision says.
  std::vector<vit::LayerArithmetic> deviations() const;
};

using PrecisionProgress = std::function<void(llvm::StringRef stage, double fraction)>; ///< may be empty

/// Finds an arithmetic for each layer of `function`, fused ops whose `dot` and `input_scale` say what the
/// precision makes of them, such that the outputs' error against float64 is at most `maxError`.
///
/// What a layer alone costs is measured up to the next value that all later ones depend on, and carried to
/// the outputs by the gain that the narrow products before that value have together, since small errors grow
/// by the same factor. Layers are widened, int8 to bf16 to f32, in the order of squared error saved for time
/// added, and as few as suffice: by bisection, with the error of the whole model measured at each step. All
/// this is done by the float64 interpreter, so that the same choice is made on every machine; what f32 adds
/// to the errors of the narrow products is measured once, with f32 everywhere. The errors of layers come from
/// a few of the inputs, evenly spread, that of the model from as many as keep the work within
/// `kMeasuredFlops`.
///
/// A tenth of the bound is left for what compiled code rounds besides: values that it stores.
///
/// Errors: Input, if f32 everywhere exceeds the bound.
llvm::Expected<ArithmeticChoice> chooseArithmetic(mlir::func::FuncOp function,
                                                  llvm::ArrayRef<vit::Tensor> inputs,
                                                  vit::WeightEvaluator &weights, double maxError,
                                                  const PrecisionProgress &progress);

/// Floating-point operations that the interpreter may spend on measuring one error: ViT-B takes 35e9 per
/// input, two seconds on two cores.
constexpr double kMeasuredFlops = 0.1e12;
/// More inputs than this hardly change the error.
constexpr size_t kMostMeasured = 32;

} // namespace vitc

#endif // COMPILER_PRECISION_CHOOSEARITHMETIC_H
