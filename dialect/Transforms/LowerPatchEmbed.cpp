//===- LowerPatchEmbed.cpp - vit-lower-patch-embed ---------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_LOWERPATCHEMBED
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// Why `embed` cannot become a matrix product; empty if it can.
static StringRef whyIllegal(PatchEmbedOp embed) {
  return weightOf(embed.getKernel()) ? "" : "its kernel is computed";
}

static void lower(PatchEmbedOp embed, WeightBuilder &weights) {
  OpBuilder builder(embed);
  auto kernel = cast<RankedTensorType>(embed.getKernel().getType()).getShape();
  auto result = cast<RankedTensorType>(embed.getType());
  int64_t columns = kernel[1] * kernel[2] * kernel[3];
  auto patches = ExtractPatchesOp::create(
      builder, embed.getLoc(),
      RankedTensorType::get({result.getDimSize(0), columns}, result.getElementType()), embed.getInput(),
      builder.getDenseI64ArrayAttr({kernel[2], kernel[3]}), embed.getStrideAttr(), embed.getPaddingAttr(),
      DenseF64ArrayAttr(), DenseF64ArrayAttr(), UnitAttr());
  WeightChain matrix = weights.chain(embed.getKernel());
  matrix.then(ReshapeStepAttr::get(builder.getContext(), {kernel[0], columns}), "matrix");
  Value weight = weights.param(builder, embed.getLoc(), matrix);
  auto linear = LinearOp::create(builder, embed.getLoc(), result, patches, weight, embed.getBias());
  embed.getResult().replaceAllUsesWith(linear);
  embed.erase();
}

/// Lets `patches` read what its image is made of: pixels that are normalised as they are read, and channels
/// that come last. Returns whether it did.
static bool readSource(ExtractPatchesOp patches) {
  Operation *source = patches.getInput().getDefiningOp();
  bool plain = !patches.getFactors() && !patches.getChannelsLast();
  if (auto normalize = dyn_cast_or_null<NormalizeImageOp>(source); normalize && plain) {
    SmallVector<double> factors, shifts;
    for (auto [mean, std] : llvm::zip_equal(normalize.getMean(), normalize.getStd())) {
      factors.push_back(normalize.getScale().convertToDouble() / std);
      shifts.push_back(-mean / std);
    }
    patches.setFactors(factors);
    patches.setShifts(shifts);
    patches.getInputMutable().assign(normalize.getPixels());
  } else if (auto channels = dyn_cast_or_null<ChannelsFirstOp>(source); channels && plain) {
    patches.setChannelsLast(true);
    patches.getInputMutable().assign(channels.getInput());
  } else {
    return false;
  }
  if (source->use_empty())
    source->erase();
  return true;
}

namespace {
struct LowerPatchEmbed : vit::impl::LowerPatchEmbedBase<LowerPatchEmbed> {
  using LowerPatchEmbedBase::LowerPatchEmbedBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t lowered = 0, sources = 0;
    getOperation().walk([&](PatchEmbedOp embed) {
      if (StringRef why = whyIllegal(embed); !why.empty()) {
        emitRemark(embed.getLoc()) << "patch embedding stays a convolution: " << why;
        return;
      }
      lower(embed, weights);
      ++lowered;
    });
    getOperation().walk([&](ExtractPatchesOp patches) { sources += readSource(patches); });
    reportStatistic(*this, getOperation(), reportStatistics, "patch-embeddings-lowered", lowered);
    reportStatistic(*this, getOperation(), reportStatistics, "sources-read", sources);
  }
};
} // namespace
