//===- FoldImageNormalization.cpp - vit-fold-image-normalization -------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FOLDIMAGENORMALIZATION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// The patch embedding that can take over `normalize`, or null. It must be the only reader of the normalised
/// image. Padding forbids it: its zeros come after normalisation, and no pixel value is normalised to zero in
/// general.
static PatchEmbedOp foldTarget(NormalizeImageOp normalize) {
  if (!normalize->hasOneUse())
    return {};
  auto embed = dyn_cast<PatchEmbedOp>(*normalize->user_begin());
  if (!embed || llvm::any_of(embed.getPadding(), [](int64_t p) { return p != 0; }))
    return {};
  return weightOf(embed.getKernel()) && isWeightOrAbsent(embed.getBias()) ? embed : PatchEmbedOp();
}

static void fold(NormalizeImageOp normalize, PatchEmbedOp embed, WeightBuilder &weights) {
  OpBuilder builder(embed);
  MLIRContext *context = builder.getContext();
  auto kernelShape = cast<RankedTensorType>(embed.getKernel().getType()).getShape();
  int64_t outputs = kernelShape[0], columns = kernelShape[1] * kernelShape[2] * kernelShape[3];
  SmallVector<double> factors, shifts;
  for (auto [mean, std] : llvm::zip_equal(normalize.getMean(), normalize.getStd())) {
    factors.push_back(normalize.getScale().convertToDouble() / std);
    shifts.push_back(-mean / std);
  }

  // sum K (x * factor + shift) = sum (K * factor) x + sum K * shift, one factor and one shift per channel.
  WeightChain matrix = weights.chain(embed.getKernel());
  matrix.then(ReshapeStepAttr::get(context, {outputs, columns}), "matrix");
  if (llvm::any_of(shifts, [](double shift) { return shift != 0; })) {
    WeightChain bias = weights.biasChain(embed.getBias(), embed.getKernel());
    bias.then(AddColGroupsStepAttr::get(context, weights.build(matrix), builder.getDenseF64ArrayAttr(shifts)),
              "pixels");
    embed.getBiasMutable().assign(weights.param(builder, embed.getLoc(), bias));
  }
  WeightChain kernel = weights.chain(embed.getKernel());
  kernel.then(ReshapeStepAttr::get(context, {outputs, columns}), "pixels");
  kernel.steps.push_back(ScaleColGroupsStepAttr::get(context, builder.getDenseF64ArrayAttr(factors)));
  kernel.steps.push_back(ReshapeStepAttr::get(context, kernelShape));
  embed.getKernelMutable().assign(weights.param(builder, embed.getLoc(), kernel));
  embed.getInputMutable().assign(normalize.getPixels());
  normalize.erase();
}

namespace {
struct FoldImageNormalization : vit::impl::FoldImageNormalizationBase<FoldImageNormalization> {
  using FoldImageNormalizationBase::FoldImageNormalizationBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0;
    getOperation().walk([&](NormalizeImageOp normalize) {
      if (PatchEmbedOp embed = foldTarget(normalize)) {
        fold(normalize, embed, weights);
        ++folded;
      }
    });
    reportStatistic(*this, getOperation(), reportStatistics, "images-folded", folded);
  }
};
} // namespace
