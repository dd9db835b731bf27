//===- FusedOps.cpp - verifiers of fused ops --------------------------------------------------------===//
#include "dialect/IR/VerifyUtils.h"
#include "dialect/IR/VitOps.h"

using namespace mlir;
using namespace vit;

LogicalResult ExtractPatchesOp::verify() {
  return verifyPatches(*this, getResult(), "extract_patches_c1", "extract_patches_c2", "extract_patches_c3");
}

LogicalResult FusedLinearOp::verify() {
  if (failed(verifyLinear(*this, getInput(), getWeight(), getBias(), getResult(), "fused_linear")))
    return failure();
  auto in = shapeOf(getInput()), w = shapeOf(getWeight()), out = shapeOf(getResult());
  int64_t heads = getHeads().value_or(0);
  bool split = getHeads().has_value();
  if (split && (heads <= 0 || w[0] % heads != 0 || out.size() != 3 || out[0] != heads || out[1] != in[0] ||
                out[2] != w[0] / heads))
    return emitOpError() << "expected result [heads, " << in[0] << ", " << w[0] << " / heads] for " << heads
                         << " heads, got " << getResult().getType() << " (fused_linear_c3)";
  if (!split && out.size() != 2)
    return emitOpError() << "expected a result of rank 2 without heads, got " << getResult().getType()
                         << " (fused_linear_c3)";
  for (Value other : {getFactor(), getResidual()})
    if (other && (split || other.getType() != getResult().getType()))
      return emitOpError() << "expected a factor and a residual of the result's type and no heads, got "
                           << other.getType() << " (fused_linear_c4)";
  if (auto scale = getInputScale()) {
    if (getDot() != DotKind::Int8)
      return emitOpError() << "expected dot int8 with a scale of the input (fused_linear_c5)";
    if (!scale->isFinite() || scale->isNegative() || scale->isZero())
      return emitOpError() << "expected a positive finite scale of the input, got " << getInputScaleAttr()
                           << " (fused_linear_c5)";
  }
  return success();
}

LogicalResult FusedAttentionOp::verify() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey()), v = shapeOf(getValue()), out = shapeOf(getResult());
  int64_t heads = getHeads();
  auto planes = getPlanes();
  if (heads <= 0 || planes.size() != 3)
    return emitOpError() << "expected positive heads and three planes, got " << heads << " and "
                         << planes.size() << " (fused_attention_c1)";
  const std::array shapes = {q, k, v};
  for (auto [first, shape] : llvm::zip(planes, shapes))
    if (first < 0 || first > shape[0] - heads)
      return emitOpError() << "expected planes [" << first << ", " << first << " + " << heads << ") within "
                           << shape[0] << " (fused_attention_c1)";
  if (k[2] != q[2] || v[2] != q[2] || k[1] != v[1])
    return emitOpError()
           << "expected one head size, and key and value of one token count (fused_attention_c2)";
  if (out[0] != q[1] || out[1] != heads * q[2])
    return emitOpError() << "expected result [" << q[1] << ", " << heads * q[2] << "], got "
                         << getResult().getType() << " (fused_attention_c3)";
  if (getBias() && shapeOf(getBias()) != ArrayRef<int64_t>{heads, q[1], k[1]})
    return emitOpError() << "expected a bias [" << heads << ", " << q[1] << ", " << k[1] << "], got "
                         << getBias().getType() << " (fused_attention_c4)";
  if (getBase2() && getLinear())
    return emitOpError() << "expected base2 or linear, got both (fused_attention_c5)";
  return success();
}

LogicalResult FusedAttentionWeightsOp::verify() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey()), out = shapeOf(getResult());
  if (k[0] != q[0] || k[2] != q[2])
    return emitOpError() << "expected query and key of one number of planes and one head size, got "
                         << getQuery().getType() << " and " << getKey().getType()
                         << " (fused_attention_weights_c1)";
  if (out[0] != q[0] * q[1] || out[1] != k[1])
    return emitOpError() << "expected result [" << q[0] * q[1] << ", " << k[1] << "], got "
                         << getResult().getType() << " (fused_attention_weights_c2)";
  if (getBias() && shapeOf(getBias()) != ArrayRef<int64_t>{q[0], q[1], k[1]})
    return emitOpError() << "expected a bias [" << q[0] << ", " << q[1] << ", " << k[1] << "], got "
                         << getBias().getType() << " (fused_attention_weights_c3)";
  return success();
}
