//===- BuildOutputs.cpp - from the last block to what the library gives back ---------------------===//
#include "compiler/Import/VitNames.h"
#include "compiler/Pipeline/ForwardBuilder.h"
#include <cmath>

using namespace mlir;
using namespace vitc;

/// A learned query attends to the tokens, then an MLP of its own; no residual around the attention (Zhai et
/// al., "Scaling Vision Transformers", 2022, MAP). AIMv2's has attention alone (transformers,
/// modeling_aimv2.py).
Value ForwardBuilder::attentionPool(Value x) {
  Value q;
  if (c.pool.query) {
    q = linear(param("pool.probe", {1, c.width}), "pool.q", c.width, true);
  } else {
    // The probe is the query: a linear layer of the number one, so that what is folded into queries finds
    // one.
    MLIRContext *context = b.getContext();
    Value one =
        weights.param(b, loc, {"pool.one", {vit::FillStepAttr::get(context, {1, 1}, b.getF64FloatAttr(1))}});
    vit::WeightChain probe = stored("pool.probe");
    probe.then(vit::TransposeStepAttr::get(context), "column");
    q = vit::LinearOp::create(b, loc, type({1, c.width}), one, weights.param(b, loc, probe), Value());
  }
  Value k = linear(x, "pool.k", c.width, c.pool.kvBias), v = linear(x, "pool.v", c.width, c.pool.kvBias);
  double scale = 1.0 / std::sqrt(static_cast<double>(c.width / c.poolHeads()));
  Value y = vit::AttentionOp::create(b, loc, q.getType(), q, k, v, Value(), Value(), UnitAttr(),
                                     b.getI64IntegerAttr(c.poolHeads()), b.getF64FloatAttr(scale));
  y = linear(y, "pool.o", c.width, true);
  if (!c.pool.mlp)
    return y;
  Value h = linear(norm(y, "pool.ln"), "pool.fc1", c.poolHidden(), true);
  return add(y, linear(activation(h, activationKind(c.poolAct())), "pool.fc2", c.width, true));
}

/// The token that pooling makes of all tokens `x`.
Value ForwardBuilder::pool(Value x) {
  auto patchesOf = [&](Value tokens) { return slice(tokens, c.prefixTokens(), c.patches()); };
  auto read = [&] { return c.pool.includePrefix ? slice(x, 0, rows(x)) : patchesOf(x); };
  switch (c.pool.kind) {
  case PoolKind::Cls:
    return slice(x, 0, 1);
  case PoolKind::Mean:
    return mean(read());
  case PoolKind::Max:
    return max(read());
  case PoolKind::AvgMax: {
    Value tokens = read(), average = mean(tokens), largest = max(tokens);
    return vit::AverageOp::create(b, loc, average.getType(), ValueRange{average, largest});
  }
  case PoolKind::Map:
    return attentionPool(read());
  case PoolKind::ConcatClsMean:
    return concatChannels({slice(x, 0, 1), mean(patchesOf(x))});
  case PoolKind::MultiLayer: {
    // The class token behind each of the layers, then the mean of the last one's patches, all normalised.
    SmallVector<Value> parts;
    Value last;
    for (int64_t layer : c.pool.layers) {
      last = layer == c.depth - 1 ? x : hidden[layer];
      if (layer != c.depth - 1 && c.finalNorm == FinalNorm::AllTokens)
        last = norm(last, "final.norm");
      parts.push_back(slice(last, 0, 1));
    }
    parts.push_back(mean(patchesOf(last)));
    return concatChannels(parts);
  }
  case PoolKind::None:
    return Value();
  }
  llvm_unreachable("all kinds of pooling are handled");
}

/// What a head layer reads: the pooled token with what comes behind pooling, a prefix token, or all tokens.
Value ForwardBuilder::headInput(Value x, StringRef from) {
  if (from == kHeadOfTokens)
    return x;
  if (from != "pooled")
    return slice(x, *c.prefixIndex(from), 1);
  if (pooledToken)
    return pooledToken;
  Value token = pool(x);
  if (c.finalNorm == FinalNorm::AfterPool)
    token = norm(token, "final.norm");
  if (const std::optional<PreLogits> &pre = c.head.preLogits) {
    token = linear(token, "head.pre", pre->out, pre->bias);
    if (pre->act == "tanh")
      token = activation(token, vit::ActivationKind::Tanh);
    else if (std::optional<Activation> act = valueOf<Activation>(pre->act))
      token = activation(token, activationKind(*act));
  }
  return pooledToken = token;
}

/// Of length one. The square root of the width makes a norm by the mean square one of the sum.
Value ForwardBuilder::normalised(Value x) {
  int64_t width = cols(x);
  auto factor = b.getF64FloatAttr(1 / std::sqrt(static_cast<double>(width)));
  Value gamma =
      weights.param(b, loc, {"embedding.norm", {vit::FillStepAttr::get(b.getContext(), {width}, factor)}});
  constexpr double kEps = 1e-24; // zeros stay zeros
  return vit::LayerNormOp::create(b, loc, x.getType(), x, gamma, Value(), b.getUnitAttr(), IntegerAttr(),
                                  b.getF64FloatAttr(kEps));
}

Value ForwardBuilder::logits(Value x) {
  if (scores)
    return scores;
  if (c.zeroShot)
    return scores = linear(normalised(headInput(x, "pooled")), "zero_shot", c.zeroShot->classes, true);
  SmallVector<Value> all;
  for (const HeadLayer &layer : c.head.layers)
    all.push_back(linear(headInput(x, layer.from), "head." + layer.name, layer.out, layer.bias));
  scores = all.front();
  if (all.size() > 1)
    scores = vit::AverageOp::create(b, loc, scores.getType(), ValueRange(all));
  return scores;
}

Value ForwardBuilder::output(const OutputSpec &spec, Value x) {
  switch (spec.kind) {
  case OutputValue::Logits:
    return logits(x);
  case OutputValue::Probabilities: {
    Value y = logits(x);
    if (c.zeroShot && c.zeroShot->sigmoid)
      return activation(y, vit::ActivationKind::Sigmoid);
    return vit::SoftmaxOp::create(b, loc, y.getType(), y);
  }
  case OutputValue::Pooled:
    return headInput(x, "pooled");
  case OutputValue::Features:
    return x;
  case OutputValue::Hidden:
    return spec.index == 0 ? embedded : hidden[spec.index - 1];
  case OutputValue::Embedding:
    return normalised(headInput(x, "pooled"));
  case OutputValue::Attention:
    return maps.lookup(spec.index);
  case OutputValue::Rollout:
    // What reaches the token that is pooled: the class token, or the mean of patches.
    if (c.poolsClassToken())
      return slice(rolled, 0, 1);
    return mean(slice(rolled, c.prefixTokens(), c.patches()));
  }
  llvm_unreachable("all outputs are handled");
}

SmallVector<ForwardOutput> ForwardBuilder::build(Value image) {
  Value x = embedded = embed(image);
  for (int64_t i = 0; i < c.depth; ++i)
    hidden.push_back(x = block(x, i));
  if (c.finalNorm == FinalNorm::AllTokens)
    x = norm(x, "final.norm");

  SmallVector<ForwardOutput> outputs;
  for (const OutputSpec &spec : c.givenOutputs()) {
    outputs.push_back({outputName(spec), output(spec, x), spec.kind == OutputValue::Attention ? c.heads : 0});
  }
  return outputs;
}
