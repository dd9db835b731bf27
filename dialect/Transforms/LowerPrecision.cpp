//===- LowerPrecision.cpp - vit-lower-precision ------------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_LOWERPRECISION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// Layers that integers would hurt most for the least time: the patch embedding, and heads, which nothing
/// evens out behind.
static bool isFirstOrLast(FusedLinearOp linear) {
  return linear.getInput().getDefiningOp<ExtractPatchesOp>() ||
         llvm::any_of(linear->getUsers(), llvm::IsaPred<func::ReturnOp>);
}

namespace {
struct LowerPrecision : vit::impl::LowerPrecisionBase<LowerPrecision> {
  using LowerPrecisionBase::LowerPrecisionBase;

  void runOnOperation() override {
    int64_t linears = 0, attentions = 0, bytes = 0;
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<FusedLinearOp>(op)) {
        if (linear.getDot())
          return;
        // A product of two activations has no weights to pack.
        if (!weightOf(linear.getWeight())) {
          linear.emitRemark("stays in f32: its weight is computed (vit-lower-precision)");
          return;
        }
        bool narrow = precision == DotKind::Int8 && !isFirstOrLast(linear);
        linear.setDot(narrow ? DotKind::Int8 : DotKind::Bf16);
        ++(narrow ? bytes : linears);
      } else if (auto attention = dyn_cast<FusedAttentionOp>(op); attention && !attention.getDot()) {
        attention.setDot(DotKind::Bf16);
        ++attentions;
      }
    });
    reportStatistic(*this, getOperation(), reportStatistics, "linears-int8", bytes);
    reportStatistic(*this, getOperation(), reportStatistics, "linears-bf16", linears);
    reportStatistic(*this, getOperation(), reportStatistics, "attentions-bf16", attentions);
  }
};
} // namespace
