//===- BuildBlocks.cpp - attention and MLP as model-level ops ------------------------------------===//
#include "compiler/Pipeline/ForwardBuilder.h"
#include "dialect/Transforms/Projection.h"
#include <cmath>

using namespace mlir;
using namespace vitc;

vit::ActivationKind ForwardBuilder::activationKind(Activation act) {
  switch (act) {
  case Activation::GeluErf:
    return vit::ActivationKind::GeluErf;
  case Activation::GeluTanh:
    return vit::ActivationKind::GeluTanh;
  case Activation::QuickGelu:
    return vit::ActivationKind::QuickGelu;
  case Activation::Relu:
    return vit::ActivationKind::Relu;
  case Activation::Silu:
    return vit::ActivationKind::Silu;
  }
  llvm_unreachable("all activations are handled");
}

Value ForwardBuilder::rotated(Value x, const std::string &prefix) {
  if (c.rope.kind == RopeKind::None)
    return x;
  bool mixed = c.rope.kind == RopeKind::Mixed;
  std::string name = (mixed ? prefix : "") + "rope.";
  SmallVector<int64_t> table{c.patches(), mixed ? c.innerWidth() : c.headDim};
  return vit::RopeOp::create(b, loc, x.getType(), x, param(name + "cos", table), param(name + "sin", table),
                             c.rope.pairing == "half", c.heads, c.prefixTokens());
}

std::pair<Value, Value> ForwardBuilder::queryAndKey(Value x, const std::string &prefix) {
  const AttentionConfig &a = c.block.attn;
  Value q = linear(x, prefix + "q", c.innerWidth(), a.qkvBias[0]);
  Value k = linear(x, prefix + "k", c.innerWidth(), a.qkvBias[1]);
  if (a.qkNorm) {
    q = norm(q, prefix + "qn", *a.qkNorm, c.heads);
    k = norm(k, prefix + "kn", *a.qkNorm, c.heads);
  }
  q = rotated(q, prefix);
  return {q, rotated(k, prefix)};
}

Value ForwardBuilder::attentionBias(const std::string &prefix) {
  if (c.relBias == RelBiasKind::None)
    return {};
  return param((c.relBiasShared ? "" : prefix) + "rel_bias", {c.heads, c.tokens(), c.tokens()});
}

Value ForwardBuilder::attention(Value x, const std::string &prefix) {
  const AttentionConfig &a = c.block.attn;
  auto [q, k] = queryAndKey(x, prefix);
  Value v = linear(x, prefix + "v", c.innerWidth(), a.qkvBias[2]), divisor;
  if (a.scaleRule == ScaleRule::LearnedDivisor)
    divisor = param(prefix + "scale", {1});
  Value y = vit::AttentionOp::create(b, loc, q.getType(), q, k, v, attentionBias(prefix), divisor,
                                     a.softmax ? UnitAttr() : b.getUnitAttr(), b.getI64IntegerAttr(c.heads),
                                     b.getF64FloatAttr(attentionScale()));
  if (a.outNorm)
    y = norm(y, prefix + "attn_norm");
  return a.outProj ? linear(y, prefix + "o", c.width, a.outBias) : y;
}

Value ForwardBuilder::mlp(Value x, const std::string &prefix) {
  const MlpConfig &m = c.block.mlp;
  Value h;
  if (m.kind == MlpKind::Glu) {
    Value gate = activation(linear(x, prefix + "gate", m.hidden, m.bias), activationKind(m.act));
    Value up = linear(x, prefix + "fc1", m.hidden, m.bias);
    h = vit::MultiplyOp::create(b, loc, up.getType(), gate, up);
  } else {
    h = activation(linear(x, prefix + "fc1", m.hidden, m.bias), activationKind(m.act));
  }
  if (m.innerNorm)
    h = norm(h, prefix + "mlp_norm");
  return linear(h, prefix + "fc2", c.width, m.bias);
}

Value ForwardBuilder::scaled(Value x, const std::string &name) {
  return c.block.layerScale ? vit::LayerScaleOp::create(b, loc, x.getType(), x, param(name, {c.width})) : x;
}

Value ForwardBuilder::around(Value x, const std::string &normName, const std::string &scaleName,
                             function_ref<Value(Value)> layer) {
  Placement placement = c.block.placement;
  Value y = layer(placement == Placement::Pre ? norm(x, normName) : x);
  if (placement == Placement::ResPost)
    y = norm(y, normName);
  y = scaled(y, scaleName);
  if (c.block.residual)
    y = add(x, y);
  return placement == Placement::Post ? norm(y, normName) : y;
}

Value ForwardBuilder::block(Value x, int64_t index) {
  std::string prefix = "blk." + std::to_string(index) + ".";
  if (c.block.placement == Placement::Parallel) {
    Value y = norm(x, prefix + "ln1");
    keepMaps(y, index, prefix);
    Value sum = scaled(attention(y, prefix), prefix + "ls1");
    if (c.block.residual)
      sum = add(x, sum);
    return add(sum, scaled(mlp(y, prefix), prefix + "ls2"));
  }
  x = around(x, prefix + "ln1", prefix + "ls1", [&](Value y) {
    keepMaps(y, index, prefix);
    return attention(y, prefix);
  });
  return around(x, prefix + "ln2", prefix + "ls2", [&](Value y) { return mlp(y, prefix); });
}

/// Keeps the attention weights of a block for the outputs that show them: from a query and key of their own,
/// so that attention itself is computed as ever.
void ForwardBuilder::keepMaps(Value x, int64_t index, const std::string &prefix) {
  bool rollout = llvm::is_contained(c.outputs, OutputSpec{OutputValue::Rollout});
  if (!rollout && !llvm::is_contained(c.outputs, OutputSpec{OutputValue::Attention, index}))
    return;
  auto [query, key] = queryAndKey(x, prefix);
  auto heads = b.getI64IntegerAttr(c.heads);
  Value map =
      vit::AttentionWeightsOp::create(b, loc, type({c.heads * rows(query), rows(key)}), query, key,
                                      attentionBias(prefix), heads, b.getF64FloatAttr(attentionScale()));
  if (c.block.attn.scaleRule ==
      ScaleRule::LearnedDivisor) { // which maps do not know: their queries are divided
    MLIRContext *context = b.getContext();
    auto divide = vit::DivideStepAttr::get(context, FlatSymbolRefAttr::get(context, prefix + "scale"));
    vit::scaleQuery(*vit::Projection::of(query), divide, "divided", weights);
  }
  maps[index] = map;
  if (rollout)
    rolled = vit::RolloutOp::create(b, loc, type({rows(query), rows(key)}), map, rolled, heads);
}
