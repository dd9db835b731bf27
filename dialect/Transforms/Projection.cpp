#include "dialect/Transforms/Projection.h"

using namespace mlir;
using namespace vit;

std::optional<Projection> Projection::of(Value operand) {
  Projection found;
  if (auto rope = operand.getDefiningOp<RopeOp>(); rope && rope->hasOneUse()) {
    found.rope = rope;
    operand = rope.getInput();
  }
  if (auto norm = operand.getDefiningOp<LayerNormOp>(); norm && norm->hasOneUse() && norm.getHeads()) {
    found.norm = norm;
    operand = norm.getInput();
  }
  found.linear = operand.getDefiningOp<LinearOp>();
  if (!found.linear || !found.linear->hasOneUse())
    return std::nullopt;
  return found;
}

bool Projection::isOfWeights() {
  return weightOf(linear.getWeight()) && isWeightOrAbsent(linear.getBias()) &&
         (!norm || (isWeightOrAbsent(norm.getGamma()) && isWeightOrAbsent(norm.getBeta())));
}

void vit::scaleQuery(Projection projection, Attribute step, StringRef suffix, WeightBuilder &weights) {
  MLIRContext *context = step.getContext();
  auto scale = [&](Operation *at, MutableOperandRange operand) {
    if (operand.empty())
      return;
    OpBuilder builder(at);
    operand[0].set(weights.param(builder, at->getLoc(), weights.chain(operand[0].get()).then(step, suffix)));
  };
  LinearOp linear = projection.linear;
  if (LayerNormOp norm = projection.norm) {
    if (!norm.getGamma()) {
      OpBuilder builder(norm);
      auto ones = FillStepAttr::get(context, {norm.groupSize()}, builder.getF64FloatAttr(1));
      WeightChain chain{weightOf(linear.getWeight()).getValue().str() + ".norm", {ones}};
      norm.getGammaMutable().assign(weights.param(builder, norm.getLoc(), chain));
    }
    scale(norm, norm.getGammaMutable());
    scale(norm, norm.getBetaMutable());
    return;
  }
  OpBuilder builder(linear);
  linear.getWeightMutable().assign(
      weights.param(builder, linear.getLoc(), weights.chain(linear.getWeight()).then(step, suffix)));
  scale(linear, linear.getBiasMutable());
}
