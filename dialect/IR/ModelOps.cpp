//===- ModelOps.cpp - verifiers and folds of model-level ops ----------------------------------------===//
//
// Every diagnostic ends with the number of the constraint it checks, as listed in the op's documentation.
//
//===----------------------------------------------------------------------------------------------===//
#include "dialect/IR/VerifyUtils.h"
#include "dialect/IR/VitOps.h"
#include <cmath>

using namespace mlir;
using namespace vit;

LogicalResult NormalizeImageOp::verify() {
  auto in = imageExtent(getPixels().getType());
  auto out = shapeOf(getResult());
  int64_t channels = in.channels;
  if (out[0] != channels || out[1] != in.height || out[2] != in.width)
    return emitOpError() << "expected result [" << channels << ", " << in.height << ", " << in.width
                         << "], got " << getResult().getType() << " (normalize_image_c1)";
  if (static_cast<int64_t>(getMean().size()) != channels || static_cast<int64_t>(getStd().size()) != channels)
    return emitOpError() << "expected mean and std of " << channels << " channels, got " << getMean().size()
                         << " and " << getStd().size() << " (normalize_image_c2)";
  if (llvm::is_contained(getStd(), 0.0))
    return emitOpError() << "expected std without zeros (normalize_image_c2)";
  return success();
}

LogicalResult ChannelsFirstOp::verify() {
  auto in = shapeOf(getInput()), out = shapeOf(getResult());
  if (out[0] != in[2] || out[1] != in[0] || out[2] != in[1])
    return emitOpError() << "expected result [" << in[2] << ", " << in[0] << ", " << in[1] << "], got "
                         << getResult().getType() << " (channels_first_c1)";
  return success();
}

LogicalResult PatchEmbedOp::verify() {
  auto in = imageExtent(getInput().getType());
  auto kernel = shapeOf(getKernel()), out = shapeOf(getResult());
  if (kernel.size() != 4 || kernel[1] != in.channels)
    return emitOpError() << "expected a kernel [D, " << in.channels << ", Ph, Pw], got "
                         << getKernel().getType() << " (patch_embed_c1)";
  if (getBias() && !isVector(getBias(), kernel[0]))
    return emitOpError() << "expected a bias of " << kernel[0] << " entries, got " << getBias().getType()
                         << " (patch_embed_c2)";
  auto stride = getStride(), padding = getPadding();
  if (stride.size() != 2 || padding.size() != 4 || llvm::any_of(stride, [](int64_t s) { return s <= 0; }))
    return emitOpError() << "expected 2 positive strides and 4 paddings (patch_embed_c3)";
  for (auto [i, pad] : llvm::enumerate(padding))
    if (pad < 0 || pad >= kernel[2 + i % 2])
      return emitOpError() << "expected paddings of 0 to " << kernel[2 + i % 2] - 1 << ", got " << pad
                           << " (patch_embed_c3)";
  int64_t rows = patchCount(in.height + padding[0] + padding[2], kernel[2], stride[0]);
  int64_t cols = patchCount(in.width + padding[1] + padding[3], kernel[3], stride[1]);
  if (rows <= 0 || cols <= 0 || out[0] != rows * cols || out[1] != kernel[0])
    return emitOpError() << "expected result [" << rows * cols << ", " << kernel[0] << "], got "
                         << getResult().getType() << " (patch_embed_c4)";
  return success();
}

LogicalResult ConcatOp::verify() {
  auto out = shapeOf(getResult());
  int64_t tokens = 0;
  for (Value input : getInputs()) {
    auto in = shapeOf(input);
    if (in[1] != out[1])
      return emitOpError() << "expected operands of width " << out[1] << ", got " << in[1] << " (concat_c1)";
    tokens += in[0];
  }
  if (getInputs().empty() || tokens != out[0])
    return emitOpError() << "expected operands of " << out[0] << " tokens together, got " << tokens
                         << " (concat_c1)";
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : OpFoldResult();
}

LogicalResult ConcatChannelsOp::verify() {
  auto out = shapeOf(getResult());
  int64_t width = 0;
  for (Value input : getInputs()) {
    auto in = shapeOf(input);
    if (in[0] != out[0])
      return emitOpError() << "expected operands of " << out[0] << " tokens, got " << in[0]
                           << " (concat_channels_c1)";
    width += in[1];
  }
  if (getInputs().empty() || width != out[1])
    return emitOpError() << "expected operands of width " << out[1] << " together, got " << width
                         << " (concat_channels_c1)";
  return success();
}

OpFoldResult ConcatChannelsOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : OpFoldResult();
}

LogicalResult AverageOp::verify() {
  if (getInputs().empty())
    return emitOpError() << "expected at least one operand (average_c1)";
  for (Value input : getInputs())
    if (input.getType() != getResult().getType())
      return emitOpError() << "expected operands of type " << getResult().getType() << ", got "
                           << input.getType() << " (average_c1)";
  return success();
}

LogicalResult LinearOp::verify() {
  return verifyLinear(*this, getInput(), getWeight(), getBias(), getResult(), "linear");
}

LogicalResult LayerNormOp::verify() {
  auto in = shapeOf(getInput());
  if (getInput().getType() != getResult().getType())
    return emitOpError() << "expected result " << getInput().getType() << ", got " << getResult().getType()
                         << " (layer_norm_c1)";
  bool planes = in.size() == 3;
  if (auto heads = getHeads(); heads && (planes || static_cast<int64_t>(*heads) <= 0 || in[1] % *heads != 0))
    return emitOpError() << "expected heads to divide the width of tokens, got "
                         << static_cast<int64_t>(*heads) << " for " << getInput().getType()
                         << " (layer_norm_c4)";
  for (Value affine : {getGamma(), getBeta()})
    if (affine && !isVector(affine, groupSize()))
      return emitOpError() << "expected gamma and beta of " << groupSize() << " entries, got "
                           << affine.getType() << " (layer_norm_c2)";
  if (getRms() && getBeta())
    return emitOpError() << "expected no beta with rms (layer_norm_c2)";
  double eps = getEps().convertToDouble();
  if (!(eps > 0) || !std::isfinite(eps))
    return emitOpError() << "expected a positive, finite eps, got " << eps << " (layer_norm_c3)";
  return success();
}

int64_t LayerNormOp::groupSize() { return shapeOf(getInput()).back() / getHeads().value_or(1); }

int64_t RopeOp::headSize() {
  auto in = shapeOf(getInput());
  return in.size() == 3 ? in[2] : in[1] / static_cast<int64_t>(getHeads());
}

LogicalResult RopeOp::verify() {
  auto in = shapeOf(getInput()), cos = shapeOf(getCos()), sin = shapeOf(getSin());
  int64_t heads = getHeads(), first = getFirst();
  bool planes = in.size() == 3;
  if (getInput().getType() != getResult().getType())
    return emitOpError() << "expected result " << getInput().getType() << ", got " << getResult().getType()
                         << " (rope_c1)";
  if (heads <= 0 || (planes ? in[0] != heads : in[1] % heads != 0) || headSize() % 2 != 0)
    return emitOpError() << "expected heads of an even size that divide " << getInput().getType() << ", got "
                         << heads << " (rope_c2)";
  int64_t size = headSize(), tokens = planes ? in[1] : in[0];
  if (cos != sin || (cos[1] != size && cos[1] != heads * size) || first < 0 || first > tokens - cos[0])
    return emitOpError() << "expected tables [N, " << size << "] or [N, " << heads * size
                         << "] with N rows from " << first << " inside " << tokens << " tokens, got "
                         << getCos().getType() << " and " << getSin().getType() << " (rope_c3)";
  return success();
}

LogicalResult AttentionOp::verify() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey()), v = shapeOf(getValue());
  int64_t heads = getHeads();
  if (heads <= 0 || q[1] % heads != 0)
    return emitOpError() << "expected heads to divide the width " << q[1] << ", got " << heads
                         << " (attention_c1)";
  if (k != v || k[1] != q[1])
    return emitOpError() << "expected key and value of one type and of width " << q[1] << ", got "
                         << getKey().getType() << " and " << getValue().getType() << " (attention_c2)";
  if (getResult().getType() != getQuery().getType())
    return emitOpError() << "expected result " << getQuery().getType() << ", got " << getResult().getType()
                         << " (attention_c3)";
  if (!getScale().isFinite())
    return emitOpError() << "expected a finite scale (attention_c4)";
  if (getBias() && shapeOf(getBias()) != ArrayRef<int64_t>{heads, q[0], k[0]})
    return emitOpError() << "expected a bias [" << heads << ", " << q[0] << ", " << k[0] << "], got "
                         << getBias().getType() << " (attention_c5)";
  if (getDivisor() && !isVector(getDivisor(), 1))
    return emitOpError() << "expected a divisor of one entry, got " << getDivisor().getType()
                         << " (attention_c6)";
  return success();
}

LogicalResult LayerScaleOp::verify() {
  auto in = shapeOf(getInput());
  if (!isVector(getGamma(), in[1]) || getResult().getType() != getInput().getType())
    return emitOpError() << "expected gamma of " << in[1] << " entries and the input's type as result, got "
                         << getGamma().getType() << " and " << getResult().getType() << " (layer_scale_c1)";
  return success();
}

LogicalResult SliceOp::verify() {
  auto in = shapeOf(getInput()), out = shapeOf(getResult());
  int64_t first = getFirst();
  if (out[1] != in[1] || out[0] <= 0 || first < 0 || first > in[0] - out[0])
    return emitOpError() << "expected rows inside " << getInput().getType() << ", got " << out[0]
                         << " rows from " << first << " of width " << out[1] << " (slice_c1)";
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getInput().getType() == getResult().getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

/// `constraint` of ops that make one token of many.
static LogicalResult verifyPool(Operation *op, StringRef constraint) {
  auto in = shapeOf(op->getOperand(0)), out = shapeOf(op->getResult(0));
  if (out[0] != 1 || out[1] != in[1] || in[0] == 0)
    return op->emitOpError() << "expected result [1, " << in[1] << "], got " << op->getResult(0).getType()
                             << " (" << constraint << ")";
  return success();
}

LogicalResult MeanTokensOp::verify() { return verifyPool(*this, "mean_tokens_c1"); }
LogicalResult MaxTokensOp::verify() { return verifyPool(*this, "max_tokens_c1"); }

LogicalResult AttentionWeightsOp::verify() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey()), out = shapeOf(getResult());
  int64_t heads = getHeads();
  if (heads <= 0 || q[1] % heads != 0 || k[1] != q[1])
    return emitOpError() << "expected heads that divide the width " << q[1] << " of query and key, got "
                         << heads << " and " << getKey().getType() << " (attention_weights_c1)";
  if (out[0] != heads * q[0] || out[1] != k[0])
    return emitOpError() << "expected result [" << heads * q[0] << ", " << k[0] << "], got "
                         << getResult().getType() << " (attention_weights_c2)";
  if (!getScale().isFinite())
    return emitOpError() << "expected a finite scale (attention_weights_c3)";
  if (getBias() && shapeOf(getBias()) != ArrayRef<int64_t>{heads, q[0], k[0]})
    return emitOpError() << "expected a bias [" << heads << ", " << q[0] << ", " << k[0] << "], got "
                         << getBias().getType() << " (attention_weights_c4)";
  return success();
}

LogicalResult RolloutOp::verify() {
  auto weights = shapeOf(getWeights()), out = shapeOf(getResult());
  int64_t heads = getHeads(), tokens = weights[1];
  if (heads <= 0 || heads > weights[0] || weights[0] != heads * tokens)
    return emitOpError() << "expected weights of " << heads << " heads, [heads * tokens, tokens], got "
                         << getWeights().getType() << " (rollout_c1)";
  if (out[0] != tokens || out[1] != tokens || (getBefore() && getBefore().getType() != getResult().getType()))
    return emitOpError() << "expected 'before' and result [" << tokens << ", " << tokens << "], got "
                         << getResult().getType() << " (rollout_c2)";
  return success();
}
