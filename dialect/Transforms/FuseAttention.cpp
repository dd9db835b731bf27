//===- FuseAttention.cpp - vit-fuse-attention --------------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/Projection.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FUSEATTENTION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

using Projections = std::array<std::optional<Projection>, 3>;

static Projections projectionsOf(AttentionOp attention) {
  return {Projection::of(attention.getQuery()), Projection::of(attention.getKey()),
          Projection::of(attention.getValue())};
}

static bool rotatesHalves(const std::optional<Projection> &projection) {
  return projection->rope && RopeOp(projection->rope).getHalves();
}
static bool rotatesNeighbours(const std::optional<Projection> &projection) {
  return projection->rope && !RopeOp(projection->rope).getHalves();
}

/// Why `attention` cannot be fused; empty if it can.
static StringRef whyIllegal(AttentionOp attention) {
  if (attention.getScale().convertToDouble() != 1 || attention.getDivisor())
    return "its scale is not 1 (vit-fold-attention-scale did not fold it)";
  Projections operands = projectionsOf(attention);
  for (auto [value, operand] : llvm::zip(attention.getOperands(), operands)) {
    auto norm = value.getDefiningOp<LayerNormOp>();
    if (!operand && !value.getDefiningOp<LinearOp>() && !value.getDefiningOp<RopeOp>() &&
        !(norm && norm.getHeads()))
      return "an operand is not the result of a linear layer";
    if (!operand)
      return "an operand has other readers, which need it as rows and not as head planes";
  }
  auto &[query, key, value] = operands;
  if (!query->isOfWeights())
    return "the weight or bias of its query is computed";
  if (attention.getBias() && !weightOf(attention.getBias()))
    return "its bias is computed";
  if (value->rope || value->norm)
    return "its value is rotated or normalised";
  bool halves = rotatesHalves(query) || rotatesHalves(key);
  if (halves && (rotatesNeighbours(query) || rotatesNeighbours(key)))
    return "its query and key are rotated in different pairs of channels";
  if (halves && !key->isOfWeights())
    return "the weight or bias of its key is computed";
  for (auto *operand : {&query, &key})
    if (RopeOp rope = (*operand)->rope; rope && (!weightOf(rope.getCos()) || !weightOf(rope.getSin())))
      return "a table of its rotation is computed";
  return {};
}

/// Renumbers the channels of each head so that those of both halves take turns: pairs of a rotation become
/// neighbours. Done to queries and keys alike it leaves their products as they are.
static void interleaveHalves(Projection projection, int64_t size, WeightBuilder &weights) {
  MLIRContext *context = projection.linear.getContext();
  auto interleave = [&](Operation *op, OpOperand &operand, unsigned dim) {
    OpBuilder builder(op);
    WeightChain chain = weights.chain(operand.get());
    chain.then(InterleaveHalvesStepAttr::get(context, dim, size), "pairs");
    operand.set(weights.param(builder, op->getLoc(), chain));
  };
  auto all = [&](Operation *op, MutableOperandRange operands, unsigned dim) {
    for (OpOperand &operand : operands)
      interleave(op, operand, dim);
  };
  LinearOp linear = projection.linear;
  interleave(linear, linear.getWeightMutable(), 0);
  all(linear, linear.getBiasMutable(), 0);
  if (LayerNormOp norm = projection.norm) {
    all(norm, norm.getGammaMutable(), 0);
    all(norm, norm.getBetaMutable(), 0);
  }
  if (RopeOp rope = projection.rope) {
    interleave(rope, rope.getCosMutable(), 1);
    interleave(rope, rope.getSinMutable(), 1);
    rope.setHalves(false);
  }
}

/// The projection with head planes for rows.
static Value splitHeads(Projection projection, int64_t heads) {
  LinearOp linear = projection.linear;
  OpBuilder builder(linear);
  auto type = cast<RankedTensorType>(linear.getType());
  auto planes =
      RankedTensorType::get({heads, type.getDimSize(0), type.getDimSize(1) / heads}, type.getElementType());
  Value value = FusedLinearOp::create(builder, linear.getLoc(), planes, linear.getInput(), linear.getWeight(),
                                      linear.getBias(), Value(), Value(), ActivationKindAttr(),
                                      builder.getI64IntegerAttr(heads), DotKindAttr(), FloatAttr());
  if (LayerNormOp norm = projection.norm) {
    builder.setInsertionPoint(norm);
    value = LayerNormOp::create(builder, norm.getLoc(), planes, value, norm.getGamma(), norm.getBeta(),
                                norm.getRmsAttr(), IntegerAttr(), norm.getEpsAttr());
  }
  if (RopeOp rope = projection.rope) {
    builder.setInsertionPoint(rope);
    value = RopeOp::create(builder, rope.getLoc(), planes, value, rope.getCos(), rope.getSin(),
                           rope.getHalvesAttr(), rope.getHeadsAttr(), rope.getFirstAttr());
  }
  return value;
}

static void eraseProjections(ArrayRef<Projection> projections) {
  for (Projection projection : projections)
    for (Operation *op :
         {projection.rope.getOperation(), projection.norm.getOperation(), projection.linear.getOperation()})
      if (op)
        op->erase();
}

static void fuse(AttentionOp attention, WeightBuilder &weights) {
  Projections operands = projectionsOf(attention);
  auto &[query, key, value] = operands;
  OpBuilder builder(attention);
  int64_t heads = attention.getHeads();
  if (rotatesHalves(query) || rotatesHalves(key)) {
    int64_t size = cast<RankedTensorType>(attention.getQuery().getType()).getDimSize(1) / heads;
    interleaveHalves(*query, size, weights);
    interleaveHalves(*key, size, weights);
  }
  Value bias = attention.getBias();
  if (!attention.getLinear()) {
    // exp(x) = 2^(x log2(e)): with the factor in query and bias, the kernel computes powers of two only.
    auto log2e = ScaleStepAttr::get(builder.getContext(), builder.getF64FloatAttr(llvm::numbers::log2e));
    scaleQuery(*query, log2e, "log2e", weights);
    if (bias)
      bias = weights.param(builder, attention.getLoc(), weights.chain(bias).then(log2e, "log2e"));
  }

  SmallVector<Value> planes;
  for (auto &operand : operands)
    planes.push_back(splitHeads(*operand, heads));
  auto fused = FusedAttentionOp::create(
      builder, attention.getLoc(), attention.getType(), planes[0], planes[1], planes[2], bias,
      builder.getI64IntegerAttr(heads), builder.getDenseI64ArrayAttr({0, 0, 0}),
      attention.getLinear() ? UnitAttr() : builder.getUnitAttr(), attention.getLinearAttr(), DotKindAttr());
  attention.getResult().replaceAllUsesWith(fused);
  attention.erase();
  eraseProjections({*query, *key, *value});
}

/// Fuses maps as attention itself, whose query and key are others; false if an operand is not made of
/// weights.
static bool fuse(AttentionWeightsOp maps, WeightBuilder &weights) {
  auto query = Projection::of(maps.getQuery()), key = Projection::of(maps.getKey());
  bool halves = query && rotatesHalves(query);
  if (!query || !key || !query->isOfWeights() || !key->isOfWeights() || halves != rotatesHalves(key) ||
      !isWeightOrAbsent(maps.getBias()))
    return false;
  OpBuilder builder(maps);
  int64_t heads = maps.getHeads();
  if (halves) {
    int64_t size = cast<RankedTensorType>(maps.getQuery().getType()).getDimSize(1) / heads;
    interleaveHalves(*query, size, weights);
    interleaveHalves(*key, size, weights);
  }
  auto factor = [&](double value) {
    return ScaleStepAttr::get(builder.getContext(), builder.getF64FloatAttr(value));
  };
  scaleQuery(*query, factor(maps.getScale().convertToDouble() * llvm::numbers::log2e), "scaled.log2e",
             weights);
  Value bias = maps.getBias();
  if (bias)
    bias = weights.param(builder, maps.getLoc(),
                         weights.chain(bias).then(factor(llvm::numbers::log2e), "log2e"));
  Value queries = splitHeads(*query, heads), keys = splitHeads(*key, heads);
  auto fused = FusedAttentionWeightsOp::create(builder, maps.getLoc(), maps.getType(), queries, keys, bias);
  maps.getResult().replaceAllUsesWith(fused);
  maps.erase();
  eraseProjections({*query, *key});
  return true;
}

namespace {
struct FuseAttention : vit::impl::FuseAttentionBase<FuseAttention> {
  using FuseAttentionBase::FuseAttentionBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t fused = 0;
    getOperation().walk([&](AttentionOp attention) {
      if (StringRef why = whyIllegal(attention); !why.empty()) {
        emitRemark(attention.getLoc()) << "attention is not fused: " << why;
        return;
      }
      fuse(attention, weights);
      ++fused;
    });
    getOperation().walk(
        [&](AttentionWeightsOp maps) {
          if (fuse(maps, weights))
            ++fused;
          else
            emitRemark(maps.getLoc())
                << "attention weights are not fused: an operand is not made of weights alone";
        });
    reportStatistic(*this, getOperation(), reportStatistics, "attentions-fused", fused);
  }
};
} // namespace
