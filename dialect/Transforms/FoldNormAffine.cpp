//===- FoldNormAffine.cpp - vit-fold-norm-affine -----------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FOLDNORMAFFINE
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// Collects the linear layers that read `tokens`, directly or through ops that an affine map of channels
/// commutes with: slices and the mean of tokens. Fails at any other reader (a residual, a result): it would
/// see the change.
static LogicalResult collectReaders(Value tokens, SmallVectorImpl<LinearOp> &readers) {
  for (OpOperand &use : tokens.getUses()) {
    Operation *user = use.getOwner();
    if (auto linear = dyn_cast<LinearOp>(user)) {
      if (use.getOperandNumber() != 0 || !weightOf(linear.getWeight()) || !isWeightOrAbsent(linear.getBias()))
        return failure();
      readers.push_back(linear);
    } else if (!isa<SliceOp, MeanTokensOp>(user) || failed(collectReaders(user->getResult(0), readers))) {
      return failure();
    }
  }
  return success();
}

/// The linear layers that can take the affine part of `norm`; empty if it must stay.
static SmallVector<LinearOp> foldTargets(LayerNormOp norm) {
  SmallVector<LinearOp> readers;
  bool affine = norm.getGamma() || norm.getBeta();
  if (!affine || norm.getHeads() || !isWeightOrAbsent(norm.getGamma()) || !isWeightOrAbsent(norm.getBeta()) ||
      failed(collectReaders(norm.getResult(), readers)))
    return {};
  return readers;
}

/// W (g * x + b) + c = (W * g) x + (c + W b).
static void fold(LayerNormOp norm, LinearOp linear, WeightBuilder &weights) {
  OpBuilder builder(linear);
  MLIRContext *context = builder.getContext();
  Value weight = linear.getWeight();
  if (Value beta = norm.getBeta()) {
    WeightChain bias = weights.biasChain(linear.getBias(), weight);
    bias.then(AddMatvecStepAttr::get(context, weightOf(weight), weightOf(beta)), "norm");
    linear.getBiasMutable().assign(weights.param(builder, linear.getLoc(), bias));
  }
  if (Value gamma = norm.getGamma()) {
    WeightChain scaled = weights.chain(weight);
    scaled.then(ScaleColsStepAttr::get(context, weightOf(gamma)), "norm");
    linear.getWeightMutable().assign(weights.param(builder, linear.getLoc(), scaled));
  }
}

namespace {
struct FoldNormAffine : vit::impl::FoldNormAffineBase<FoldNormAffine> {
  using FoldNormAffineBase::FoldNormAffineBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0;
    getOperation().walk([&](LayerNormOp norm) {
      auto readers = foldTargets(norm);
      if (readers.empty())
        return;
      // Uses are listed last first; weights are created in the order of the layers.
      for (LinearOp linear : llvm::reverse(readers))
        fold(norm, linear, weights);
      norm.getGammaMutable().clear();
      norm.getBetaMutable().clear();
      ++folded;
    });
    reportStatistic(*this, getOperation(), reportStatistics, "norms-folded", folded);
  }
};
} // namespace
