//===- PackQkv.cpp - vit-pack-qkv --------------------------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_PACKQKV
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// The projection behind an operand of `attention` that can share a matrix product with others, or null. It
/// writes exactly the attention's head planes, for nothing but this operand.
static FusedLinearOp projectionOf(FusedAttentionOp attention, unsigned operand) {
  auto linear = attention.getOperand(operand).getDefiningOp<FusedLinearOp>();
  if (!linear || !linear->hasOneUse() || linear.getActivation() ||
      linear.getHeads() != attention.getHeads() || attention.getPlanes()[operand] != 0)
    return {};
  return weightOf(linear.getWeight()) && isWeightOrAbsent(linear.getBias()) ? linear : FusedLinearOp();
}

/// The largest group of operands whose projections read the same tokens; fewer than two means that nothing
/// can be packed. After dead rows are dropped, the last block's query reads fewer tokens than its key and
/// value.
static SmallVector<unsigned> packable(FusedAttentionOp attention) {
  SmallVector<unsigned> best;
  for (unsigned i = 0; i < 3; ++i) {
    SmallVector<unsigned> group;
    if (FusedLinearOp first = projectionOf(attention, i))
      for (unsigned j = i; j < 3; ++j)
        if (FusedLinearOp other = projectionOf(attention, j);
            other && other.getInput() == first.getInput() && other.getDot() == first.getDot())
          group.push_back(j);
    if (group.size() > best.size())
      best = group;
  }
  return best;
}

static void pack(FusedAttentionOp attention, ArrayRef<unsigned> group, WeightBuilder &weights) {
  SmallVector<FusedLinearOp> linears;
  SmallVector<WeightChain> matrices, biases;
  SmallVector<Location> locations;
  bool biased = false;
  for (unsigned operand : group) {
    FusedLinearOp linear = projectionOf(attention, operand);
    linears.push_back(linear);
    locations.push_back(linear.getLoc());
    matrices.push_back(weights.chain(linear.getWeight()));
    biased |= linear.getBias() != nullptr;
  }
  // Where the last of them stood: the weights are in scope there, and so is the common input.
  auto later = [](FusedLinearOp a, FusedLinearOp b) { return a->isBeforeInBlock(b); };
  FusedLinearOp last = *llvm::max_element(linears, later);
  OpBuilder builder(last);
  Location loc = builder.getFusedLoc(locations);

  WeightChain matrix = weights.append(matrices);
  Value weight = weights.param(builder, loc, matrix), bias;
  if (biased) {
    for (FusedLinearOp linear : linears)
      biases.push_back(weights.biasChain(linear.getBias(), linear.getWeight()));
    WeightChain joined = weights.append(biases);
    joined.name = biasName(matrix.name);
    bias = weights.param(builder, loc, joined);
  }
  int64_t heads = attention.getHeads();
  auto type = cast<RankedTensorType>(last.getType());
  int64_t planes = heads * static_cast<int64_t>(group.size());
  auto packed = FusedLinearOp::create(
      builder, loc,
      RankedTensorType::get({planes, type.getDimSize(1), type.getDimSize(2)}, type.getElementType()),
      last.getInput(), weight, bias, Value(), Value(), ActivationKindAttr(),
      builder.getI64IntegerAttr(planes), last.getDotAttr(), last.getInputScaleAttr());

  auto offsets = llvm::to_vector(attention.getPlanes());
  for (auto [i, operand] : llvm::enumerate(group)) {
    attention->setOperand(operand, packed);
    offsets[operand] = static_cast<int64_t>(i) * heads;
  }
  attention.setPlanes(offsets);
  for (FusedLinearOp linear : linears)
    linear.erase();
}

namespace {
struct PackQkv : vit::impl::PackQkvBase<PackQkv> {
  using PackQkvBase::PackQkvBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t packed = 0;
    getOperation().walk([&](FusedAttentionOp attention) {
      auto group = packable(attention);
      if (group.size() < 2)
        return;
      pack(attention, group, weights);
      packed += group.size();
    });
    reportStatistic(*this, getOperation(), reportStatistics, "projections-packed", packed);
  }
};
} // namespace
