//===- FoldAttentionScale.cpp - vit-fold-attention-scale ---------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/Projection.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FOLDATTENTIONSCALE
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// What makes the query and can take the scale, if anything.
static std::optional<Projection> foldTarget(AttentionOp attention) {
  if (attention.getScale().convertToDouble() == 1 && !attention.getDivisor())
    return std::nullopt;
  if (attention.getDivisor() && !weightOf(attention.getDivisor()))
    return std::nullopt;
  auto query = Projection::of(attention.getQuery());
  return query && query->isOfWeights() ? query : std::nullopt;
}

namespace {
struct FoldAttentionScale : vit::impl::FoldAttentionScaleBase<FoldAttentionScale> {
  using FoldAttentionScaleBase::FoldAttentionScaleBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0;
    getOperation().walk([&](AttentionOp attention) {
      auto query = foldTarget(attention);
      if (!query)
        return;
      MLIRContext *context = attention.getContext();
      if (attention.getScale().convertToDouble() != 1)
        scaleQuery(*query, ScaleStepAttr::get(context, attention.getScaleAttr()), "scaled", weights);
      if (attention.getDivisor())
        scaleQuery(*query, DivideStepAttr::get(context, weightOf(attention.getDivisor())), "divided",
                   weights);
      attention.setScaleAttr(OpBuilder(attention).getF64FloatAttr(1));
      attention.getDivisorMutable().clear();
      ++folded;
    });
    reportStatistic(*this, getOperation(), reportStatistics, "scales-folded", folded);
  }
};
} // namespace
