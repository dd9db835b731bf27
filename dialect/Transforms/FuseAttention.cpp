//===- FuseAttention.cpp - vit-fuse-attention --------------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FUSEATTENTION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// Why `attention` cannot be fused; empty if it can.
static StringRef whyIllegal(AttentionOp attention) {
  if (attention.getScale().convertToDouble() != 1)
    return "its scale is not 1 (vit-fold-attention-scale did not fold it)";
  for (Value operand : attention.getOperands()) {
    auto linear = operand.getDefiningOp<LinearOp>();
    if (!linear)
      return "an operand is not the result of a linear layer";
    if (!linear->hasOneUse())
      return "an operand has other readers, which need it as rows and not as head planes";
  }
  auto query = attention.getQuery().getDefiningOp<LinearOp>();
  if (!weightOf(query.getWeight()) || !isWeightOrAbsent(query.getBias()))
    return "the weight or bias of its query is computed";
  return {};
}

/// Lets a linear layer write head planes.
static Value splitHeads(LinearOp linear, int64_t heads) {
  OpBuilder builder(linear);
  auto type = cast<RankedTensorType>(linear.getType());
  auto planes =
      RankedTensorType::get({heads, type.getDimSize(0), type.getDimSize(1) / heads}, type.getElementType());
  return FusedLinearOp::create(builder, linear.getLoc(), planes, linear.getInput(), linear.getWeight(),
                               linear.getBias(), Value(), ActivationKindAttr(),
                               builder.getI64IntegerAttr(heads), DotKindAttr(), FloatAttr());
}

static void fuse(AttentionOp attention, WeightBuilder &weights) {
  // exp(x) = 2^(x log2(e)): with the factor in the query, the kernel computes powers of two only.
  auto query = attention.getQuery().getDefiningOp<LinearOp>();
  OpBuilder builder(query);
  auto step = ScaleStepAttr::get(builder.getContext(), builder.getF64FloatAttr(llvm::numbers::log2e));
  auto scale = [&](Value operand) {
    return weights.param(builder, query.getLoc(), weights.chain(operand).then(step, "log2e"));
  };
  query.getWeightMutable().assign(scale(query.getWeight()));
  if (query.getBias())
    query.getBiasMutable().assign(scale(query.getBias()));

  int64_t heads = attention.getHeads();
  SmallVector<LinearOp> linears;
  SmallVector<Value> planes;
  for (Value operand : attention.getOperands()) {
    linears.push_back(operand.getDefiningOp<LinearOp>());
    planes.push_back(splitHeads(linears.back(), heads));
  }
  builder.setInsertionPoint(attention);
  auto fused =
      FusedAttentionOp::create(builder, attention.getLoc(), attention.getType(), planes[0], planes[1],
                               planes[2], builder.getI64IntegerAttr(heads),
                               builder.getDenseI64ArrayAttr({0, 0, 0}), builder.getUnitAttr(), DotKindAttr());
  attention.getResult().replaceAllUsesWith(fused);
  attention.erase();
  for (LinearOp linear : linears)
    linear.erase();
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
    reportStatistic(*this, getOperation(), reportStatistics, "attentions-fused", fused);
  }
};
} // namespace
