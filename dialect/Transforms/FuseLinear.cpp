//===- FuseLinear.cpp - vit-fuse-linear --------------------------------------------------------------===//
#include "dialect/IR/VitOps.h"
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FUSELINEAR
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// The only op that reads `op`'s result, if it is an `Op`; null otherwise. Another reader would need the
/// value before the epilogue, which the fused op never stores.
template <typename Op> static Op onlyReader(Operation *op) {
  return op->hasOneUse() ? dyn_cast<Op>(*op->user_begin()) : Op();
}

namespace {
struct FuseLinear : vit::impl::FuseLinearBase<FuseLinear> {
  using FuseLinearBase::FuseLinearBase;

  int64_t fused = 0, activations = 0, factors = 0, residuals = 0;

  void runOnOperation() override {
    fused = activations = factors = residuals = 0;
    getOperation().walk([&](Block *block) {
      // In order of the block: of two linear layers that meet in an addition, the first becomes the other's
      // residual, so that the fused op stands after both.
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
        if (auto linear = dyn_cast<LinearOp>(op))
          fuse(linear);
    });
    reportStatistic(*this, getOperation(), reportStatistics, "linears-fused", fused);
    reportStatistic(*this, getOperation(), reportStatistics, "activations-fused", activations);
    reportStatistic(*this, getOperation(), reportStatistics, "factors-fused", factors);
    reportStatistic(*this, getOperation(), reportStatistics, "residuals-fused", residuals);
  }

  void fuse(LinearOp linear) {
    SmallVector<Operation *> replaced{linear};
    ActivationKindAttr activation;
    Value factor, residual;
    auto other = [&](auto op) { // the operand that `op` combines with what has been fused so far
      Value value = replaced.back()->getResult(0);
      replaced.push_back(op);
      return op.getLhs() == value ? op.getRhs() : op.getLhs();
    };
    if (auto op = onlyReader<ActivationOp>(linear)) {
      activation = op.getKindAttr();
      replaced.push_back(op);
      ++activations;
    }
    if (auto multiply = onlyReader<MultiplyOp>(replaced.back())) {
      factor = other(multiply);
      ++factors;
    }
    if (auto add = onlyReader<AddOp>(replaced.back())) {
      residual = other(add);
      ++residuals;
    }
    Operation *end = replaced.back();
    auto locations = llvm::map_to_vector(replaced, [](Operation *op) { return op->getLoc(); });
    OpBuilder builder(end);
    auto result = FusedLinearOp::create(builder, builder.getFusedLoc(locations), end->getResult(0).getType(),
                                        linear.getInput(), linear.getWeight(), linear.getBias(), factor,
                                        residual, activation, IntegerAttr(), DotKindAttr(), FloatAttr());
    end->getResult(0).replaceAllUsesWith(result);
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
    ++fused;
  }
};
} // namespace
