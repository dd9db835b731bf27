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
  if (llvm::any_of(embed.getPadding(), [](int64_t p) { return p != 0; }))
    return "extract_patches reads no padding";
  if (!weightOf(embed.getKernel()))
    return "its kernel is computed";
  return {};
}

static void lower(PatchEmbedOp embed, WeightBuilder &weights) {
  OpBuilder builder(embed);
  auto kernel = cast<RankedTensorType>(embed.getKernel().getType()).getShape();
  auto result = cast<RankedTensorType>(embed.getType());
  int64_t columns = kernel[1] * kernel[2] * kernel[3];
  auto patches = ExtractPatchesOp::create(
      builder, embed.getLoc(),
      RankedTensorType::get({result.getDimSize(0), columns}, result.getElementType()), embed.getInput(),
      builder.getDenseI64ArrayAttr({kernel[2], kernel[3]}), embed.getStrideAttr());
  WeightChain matrix = weights.chain(embed.getKernel());
  matrix.then(ReshapeStepAttr::get(builder.getContext(), {kernel[0], columns}), "matrix");
  Value weight = weights.param(builder, embed.getLoc(), matrix);
  auto linear = LinearOp::create(builder, embed.getLoc(), result, patches, weight, embed.getBias());
  embed.getResult().replaceAllUsesWith(linear);
  embed.erase();
}

namespace {
struct LowerPatchEmbed : vit::impl::LowerPatchEmbedBase<LowerPatchEmbed> {
  using LowerPatchEmbedBase::LowerPatchEmbedBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t lowered = 0;
    getOperation().walk([&](PatchEmbedOp embed) {
      if (StringRef why = whyIllegal(embed); !why.empty()) {
        emitRemark(embed.getLoc()) << "patch embedding stays a convolution: " << why;
        return;
      }
      lower(embed, weights);
      ++lowered;
    });
    reportStatistic(*this, getOperation(), reportStatistics, "patch-embeddings-lowered", lowered);
  }
};
} // namespace
