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

/// The operands that the factors can be folded into, weight first: those of a linear layer, of a norm, or of
/// what makes the values of an attention. Empty if there are none; another reader of the layer would see the
/// factors.
static SmallVector<OpOperand *> foldTargets(LayerScaleOp layerScale) {
  Operation *layer = layerScale.getInput().getDefiningOp();
  if (!layer || !layer->hasOneUse() || !weightOf(layerScale.getGamma()))
    return {};
  SmallVector<OpOperand *> operands;
  auto add = [&](MutableOperandRange range) {
    for (OpOperand &operand : range)
      operands.push_back(&operand);
  };
  if (auto linear = dyn_cast<LinearOp>(layer)) {
    operands.push_back(&linear.getWeightMutable());
    add(linear.getBiasMutable());
  } else if (auto norm = dyn_cast<LayerNormOp>(layer); norm && norm.getGamma() && !norm.getHeads()) {
    add(norm.getGammaMutable());
    add(norm.getBetaMutable());
  } else if (auto attention = dyn_cast<AttentionOp>(layer)) {
    // Without a projection behind it: each channel of the result is a mean of that channel of the values.
    auto value = attention.getValue().getDefiningOp<LinearOp>();
    if (value && value->hasOneUse()) {
      operands.push_back(&value.getWeightMutable());
      add(value.getBiasMutable());
    }
  }
  bool weights = llvm::all_of(operands, [](OpOperand *operand) { return weightOf(operand->get()); });
  return weights ? operands : SmallVector<OpOperand *>();
}

namespace {
struct FoldLayerScale : vit::impl::FoldLayerScaleBase<FoldLayerScale> {
  using FoldLayerScaleBase::FoldLayerScaleBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0;
    getOperation().walk([&](LayerScaleOp layerScale) {
      auto targets = foldTargets(layerScale);
      if (targets.empty())
        return;
      Operation *layer = targets.front()->getOwner();
      OpBuilder builder(layer);
      auto step = ScaleRowsStepAttr::get(builder.getContext(), weightOf(layerScale.getGamma()));
      for (OpOperand *operand : targets)
        operand->set(
            weights.param(builder, layer->getLoc(), weights.chain(operand->get()).then(step, "scaled")));
      layerScale.getResult().replaceAllUsesWith(layerScale.getInput());
      layerScale.erase();
      ++folded;
    });
    reportStatistic(*this, getOperation(), reportStatistics, "layer-scales-folded", folded);
  }
};
} // namespace
