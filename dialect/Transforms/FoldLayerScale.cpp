//===- FoldLayerScale.cpp - vit-fold-layer-scale -----------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FOLDLAYERSCALE
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// The linear layer that can take the factors, or null. Another reader of it would see them too.
static LinearOp foldTarget(LayerScaleOp layerScale) {
  auto linear = layerScale.getInput().getDefiningOp<LinearOp>();
  if (!linear || !linear->hasOneUse() || !weightOf(layerScale.getGamma()))
    return {};
  return weightOf(linear.getWeight()) && isWeightOrAbsent(linear.getBias()) ? linear : LinearOp();
}

namespace {
struct FoldLayerScale : vit::impl::FoldLayerScaleBase<FoldLayerScale> {
  using FoldLayerScaleBase::FoldLayerScaleBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0;
    getOperation().walk([&](LayerScaleOp layerScale) {
      LinearOp linear = foldTarget(layerScale);
      if (!linear)
        return;
      OpBuilder builder(linear);
      auto step = ScaleRowsStepAttr::get(builder.getContext(), weightOf(layerScale.getGamma()));
      auto scale = [&](Value operand) {
        return weights.param(builder, linear.getLoc(), weights.chain(operand).then(step, "scaled"));
      };
      linear.getWeightMutable().assign(scale(linear.getWeight()));
      if (linear.getBias())
        linear.getBiasMutable().assign(scale(linear.getBias()));
      layerScale.getResult().replaceAllUsesWith(linear.getResult());
      layerScale.erase();
      ++folded;
    });
    reportStatistic(*this, getOperation(), reportStatistics, "layer-scales-folded", folded);
  }
};
} // namespace
