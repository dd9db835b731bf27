//===- Interpreter.h - the meaning of every vit op, in float64
//-------------------------------------------===//
//
// The oracle of `vitc verify` and of the passes' tests. Model, fused and planned ops are computed by their
// documented formulas; none shares code with the passes or with code generation.
//
//===-----------------------------------------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_INTERPRETER_H
#define DIALECT_INTERP_INTERPRETER_H

#include "dialect/Interp/WeightEvaluator.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <functional>
#include <vector>

namespace vit {

/// A dense tensor, row-major. Pixels are numbers 0 to 255.
struct Tensor {
  llvm::SmallVector<int64_t, 4> shape;
  std::vector<double> data;
};

struct InterpOptions {
  /// Computes in float32: products, sums, exponentials, everything, with weights and inputs rounded once.
  /// What a plain implementation of the op would reach; the yardstick for models whose numerics are hard.
  bool single = false;
  /// Called after each op that computes, in order, with its result or, for planned ops, with the buffer it
  /// wrote. Weights, buffers and views are not reported. May be empty.
  std::function<void(mlir::Operation *, const Tensor &)> observe;
};

/// Runs `function` on one image.
///
/// A function on tensors takes `inputs` and gives its results. A planned function takes buffers: the first
/// `inputs.size()` arguments are the inputs, the others its outputs, whose contents become `results`. Planned
/// buffers with an offset share one arena, so that a plan in which live buffers overlap computes wrong
/// numbers; memory that an op may overwrite without a defined value (columns behind a row's end) and memory
/// not yet written are NaN.
///
/// Values live until their last use, weights while an op reads them: ViT-L needs about 300 MB. Results do not
/// depend on the number of threads. Fails with a diagnostic when inputs do not fit the function, a weight has
/// no value, or an op is not of the dialect.
mlir::LogicalResult interpret(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> inputs,
                              WeightEvaluator &weights, const InterpOptions &options,
                              std::vector<Tensor> &results);

} // namespace vit

#endif // DIALECT_INTERP_INTERPRETER_H
