//===- FoldAttentionScale.cpp - vit-fold-attention-scale ---------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FOLDATTENTIONSCALE
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// The linear layer of the query that can take the scale, or null. It must feed nothing but this query; a
/// norm of the query (qk-norm) in between would undo the scale.
static LinearOp foldTarget(AttentionOp attention) {
  auto linear = attention.getQuery().getDefiningOp<LinearOp>();
  if (!linear || !linear->hasOneUse() || attention.getScale().convertToDouble() == 1)
    return {};
  return weightOf(linear.getWeight()) && isWeightOrAbsent(linear.getBias()) ? linear : LinearOp();
}

namespace {
struct FoldAttentionScale : vit::impl::FoldAttentionScaleBase<FoldAttentionScale> {
  using FoldAttentionScaleBase::FoldAttentionScaleBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0;
    getOperation().walk([&](AttentionOp attention) {
      LinearOp linear = foldTarget(attention);
      if (!linear)
        return;
      OpBuilder builder(linear);
      auto step = ScaleStepAttr::get(builder.getContext(), attention.getScaleAttr());
      auto scale = [&](Value operand) {
        return weights.param(builder, linear.getLoc(), weights.chain(operand).then(step, "scaled"));
      };
      linear.getWeightMutable().assign(scale(linear.getWeight()));
      if (linear.getBias())
        linear.getBiasMutable().assign(scale(linear.getBias()));
      attention.setScaleAttr(builder.getF64FloatAttr(1));
      ++folded;
    });
    reportStatistic(*this, getOperation(), reportStatistics, "scales-folded", folded);
  }
};
} // namespace
