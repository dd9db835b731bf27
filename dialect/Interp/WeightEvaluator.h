//===- WeightEvaluator.h - the values of vit.weight, chains applied
//--------------------------------------===//
#ifndef DIALECT_INTERP_WEIGHTEVALUATOR_H
#define DIALECT_INTERP_WEIGHTEVALUATOR_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/TensorSource.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <functional>
#include <memory>
#include <mutex>

namespace vit {

/// Name of a checkpoint tensor -> its source; null if it does not exist.
using TensorLookup = std::function<SourcePtr(llvm::StringRef)>;

/// Evaluates the weights of a module in float64. Sources stream: a chain holds its vectors (gammas, folded
/// biases) and no matrix. All members may be called from several threads.
class WeightEvaluator {
public:
  /// Precondition: `module` verifies, outlives the evaluator, and its weights do not change meanwhile.
  WeightEvaluator(mlir::ModuleOp module, TensorLookup lookup);

  /// The value of the weight called `name`, chain applied, in float64 (not rounded to the weight's type).
  /// Fails with a diagnostic on the weight when the checkpoint lacks a tensor or has one of another shape.
  mlir::FailureOr<SourcePtr> get(mlir::FlatSymbolRefAttr name);

private:
  SourcePtr evaluate(llvm::StringRef name);
  SourcePtr evaluate(WeightOp weight);

  mlir::ModuleOp module;
  llvm::StringMap<WeightOp> weights;
  TensorLookup lookup;
  std::mutex mutex; ///< guards the caches below
  llvm::StringMap<SourcePtr> sources;
  llvm::StringSet<> active; ///< weights under evaluation: a cycle ends here
};

} // namespace vit

#endif // DIALECT_INTERP_WEIGHTEVALUATOR_H
