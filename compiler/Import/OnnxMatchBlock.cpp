//===- OnnxMatchBlock.cpp - attention, MLP and what joins them --------------------------------------===//
#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

bool Matching::fail(const Value *at, std::string expected, std::string nearest) {
  if (progress > best.progress)
    best = {progress, at ? at->node : -1, std::move(expected), std::move(nearest)};
  return false;
}

bool Matching::fail(const View &at, std::string expected, std::string nearest) {
  return fail(valueOf(at), std::move(expected), std::move(nearest));
}

const Value *Matching::whole(const View &view) const {
  const Value *value = valueOf(view);
  return value && view.scale == 1 && isWhole(view, value->size) ? value : nullptr;
}

View Matching::vector(double value, int64_t count) {
  View one = graph.constant(DataType::Double, {1}, {value});
  return *broadcastTo(one, {count});
}

bool Matching::takeNorm(const Value *norm, const std::string &name, Weights &weights) {
  if (haveNorm && (norm->norm != config.norm || norm->eps != config.normEps))
    return fail(norm,
                fmt::format("one kind of norm with one epsilon everywhere ({} with {:g}, as behind it)",
                            config.norm == NormKind::Layer ? "LayerNorm" : "RMSNorm", config.normEps),
                fmt::format("exporting with one epsilon (this norm has {:g})", norm->eps));
  if (norm->norm == NormKind::Rms && norm->operands[2].source)
    return fail(norm, "an RMSNorm without a bias", "LayerNorm, or RMSNorm with a gain");
  haveNorm = true;
  config.norm = norm->norm;
  config.normEps = norm->eps;
  int64_t width = norm->operands[0].extent(1);
  weights[name + ".w"] = norm->operands[1].source ? norm->operands[1] : vector(1, width);
  if (norm->norm == NormKind::Layer)
    weights[name + ".b"] = norm->operands[2].source ? norm->operands[2] : vector(0, width);
  ++progress;
  return true;
}

bool Matching::project(const View &view, bool heads, Projection &result) {
  constexpr const char *what = "a linear layer (MatMul with weights, or Gemm, and a bias)";
  constexpr const char *near = "MatMul or Gemm of the tokens with constant weights";
  const Value *layer = valueOf(view, Kind::Linear);
  if (!layer || view.scale != 1)
    return fail(view, what, near);
  int64_t width = layer->operands[1].extent(0);
  Dims rows, outputs;
  for (size_t i = 0; i < view.rank(); ++i)
    for (Dim dim : view.axes[i]) {
      if (!heads && dim.stride < width && dim.stride * dim.extent > width) { // rows and outputs in one
        int64_t inside = dim.stride > 0 && width % dim.stride == 0 ? width / dim.stride : 0;
        if (inside == 0 || dim.extent % inside)
          return fail(view, what, near);
        rows.push_back({dim.extent / inside, width});
        dim.extent = inside;
      }
      bool isRow = heads ? i == 1 : dim.stride >= width;
      if (isRow != (dim.stride >= width))
        return fail(view, "heads that are cut from the outputs of a linear layer", near);
      (isRow ? rows : outputs).push_back(dim);
    }
  int64_t count = layer->size / width;
  const Value *input = whole(layer->operands[0]);
  if (merged(rows) != merged({{count, width}}) || view.offset >= width || !input)
    return fail(view, "a linear layer of all tokens in order", near);
  std::optional<View> weight = Graph::selectRows(layer->operands[1], view.offset, outputs), bias;
  if (layer->operands[2].source)
    bias = Graph::selectRows(layer->operands[2], view.offset, outputs);
  if (!weight || (layer->operands[2].source && !bias))
    return fail(view, what, near);
  result.input = input;
  result.weight = *weight;
  result.bias = bias ? group(*bias, {2}) : View();
  ++progress;
  return true;
}

void Matching::putLinear(const std::string &name, const Projection &projection, Weights &weights) {
  weights[name + ".w"] = projection.weight;
  if (projection.bias.source)
    weights[name + ".b"] = projection.bias;
}

namespace {
constexpr const char *nearestAttention =
    "softmax(scale * q k^T) v between linear layers, as torch's scaled_dot_product_attention and "
    "MultiheadAttention export it";
constexpr const char *nearestMlp = "fc2(act(fc1 x)) with GELU (erf, tanh, quick), ReLU or SiLU, or "
                                   "fc2(act(gate x) * fc1 x)";
constexpr const char *nearestBlock = "x + attention(norm(x)), then x + mlp(norm(x))";
} // namespace

bool Matching::matchAttention(const Value *branch, const std::string &prefix, AttentionPart &part,
                              Weights &weights) {
  if (branch->kind != Kind::Linear)
    return fail(branch, "the projection of an attention's output", nearestAttention);
  View context = branch->operands[0];
  if (const Value *norm = valueOf(context, Kind::Norm); norm && whole(context)) {
    part.config.outNorm = true;
    if (!takeNorm(norm, prefix + "attn_norm", weights))
      return false;
    context = norm->operands[0];
  }
  const Value *product = valueOf(context, Kind::MatMul);
  if (!product || context.scale != 1 || context.offset != 0)
    return fail(context, "attention: softmax(...) times values, heads side by side", nearestAttention);
  const View &probabilities = product->operands[0];
  int64_t heads = probabilities.extent(0), rows = probabilities.extent(1),
          size = product->operands[1].extent(2);
  if (context.rank() != 2 || context.axes[0] != merged({{rows, size}}) ||
      context.axes[1] != merged({{heads, rows * size}, {size, 1}}))
    return fail(context, "the heads of all tokens side by side", nearestAttention);
  ++progress;
  const Value *softmax = valueOf(probabilities, Kind::Softmax);
  if (!softmax || !whole(probabilities))
    return fail(probabilities, "a softmax over the keys", nearestAttention);
  ++progress;
  View logits = softmax->operands[0];
  if (const Value *sum = valueOf(logits, Kind::Add); sum && onnx::isConstant(sum->operands[1])) {
    View all = wholeOf(*sum, {heads, rows, sum->size / (heads * rows)});
    std::optional<View> data = compose(all, sum->operands[0]), table = compose(all, sum->operands[1]);
    if (!isWhole(logits, sum->size) || logits.scale != 1 || !data || !table)
      return fail(logits, "a bias for each head and pair of tokens", nearestAttention);
    part.bias = *table;
    logits = *data;
  }
  const Value *dot = valueOf(logits, Kind::MatMul);
  if (!dot || !isWhole(logits, dot->size) || dot->operands[0].extent(0) != heads)
    return fail(logits, "queries times keys, without a mask", nearestAttention);
  ++progress;
  View q = dot->operands[0], k = transpose(dot->operands[1], {0, 2, 1}), v = product->operands[1];
  part.heads = heads;
  part.headDim = q.extent(2);
  part.scale = logits.scale;
  if (size != part.headDim)
    return fail(product, "values of the size of the keys", nearestAttention);

  // Norms of queries and keys, over the size of a head.
  auto peelNorm = [&](View &x, const char *name) {
    const Value *norm = valueOf(x, Kind::Norm);
    if (!norm)
      return true;
    std::optional<View> inner = compose(x, norm->operands[0]);
    if (!inner || x.scale != 1 || x.axes[2] != merged({{part.headDim, 1}}) ||
        norm->operands[0].extent(1) != part.headDim)
      return fail(x, "a norm of queries or keys over the size of a head", nearestAttention);
    part.config.qkNorm = norm->norm;
    x = *inner;
    return takeNorm(norm, prefix + name, weights);
  };
  bool pooled = onnx::isConstant(q);
  RopeTables ofKeys;
  if ((!pooled && !peelRotation(q, part.rope)) || !peelRotation(k, ofKeys))
    return false;
  if (!sameTables(part.rope, ofKeys))
    return fail(dot, "the same rotary positions on queries and keys", nearestAttention);
  if ((!pooled && !peelNorm(q, "qn")) || !peelNorm(k, "kn"))
    return false;
  Projection projections[3];
  const View *views[] = {&q, &k, &v};
  const char *names[] = {"q", "k", "v"};
  for (int i = pooled ? 1 : 0; i < 3; ++i) {
    if (!project(*views[i], true, projections[i]))
      return false;
    part.config.qkvBias[i] = projections[i].bias.source != nullptr;
    putLinear(prefix + names[i], projections[i], weights);
  }
  part.input = projections[1].input;
  part.constantQuery = pooled ? q : View();
  if (projections[2].input != part.input || (!pooled && projections[0].input != part.input))
    return fail(product, "queries, keys and values of the same tokens", nearestAttention);
  double usual = 1 / std::sqrt(static_cast<double>(part.headDim));
  if (std::abs(part.scale - usual) > 1e-6 * usual) {
    part.config.scaleRule = ScaleRule::Number;
    part.config.scale = shortestDecimal(part.scale);
  }
  weights[prefix + "o.w"] = branch->operands[1];
  part.config.outBias = branch->operands[2].source != nullptr;
  if (part.config.outBias)
    weights[prefix + "o.b"] = branch->operands[2];
  ++progress;
  return true;
}

bool Matching::matchMlp(const Value *branch, const std::string &prefix, MlpPart &part, Weights &weights) {
  const Value *hidden = branch->kind == Kind::Linear ? whole(branch->operands[0]) : nullptr;
  if (!hidden)
    return fail(branch, "the second linear layer of an MLP", nearestMlp);
  if (hidden->kind == Kind::Norm) {
    part.config.innerNorm = true;
    const Value *inner = whole(hidden->operands[0]);
    if (!inner)
      return fail(hidden, "a norm of an MLP's hidden units", nearestMlp);
    if (!takeNorm(hidden, prefix + "mlp_norm", weights))
      return false;
    hidden = inner;
  }
  Projection first, gate;
  auto activation = [&](const Function &function, const Value *at) {
    std::optional<Activation> known = activationOf(function);
    if (!known)
      return fail(at, "a known activation", nearestMlp);
    part.config.act = *known;
    ++progress;
    return true;
  };
  if (hidden->kind == Kind::Pointwise) {
    if (!activation(hidden->function, hidden) || !project(hidden->operands[0], false, first))
      return false;
  } else if (hidden->kind == Kind::Mul && valueOf(hidden->operands[1])) {
    part.config.kind = MlpKind::Glu;
    auto [a, f] = graph.resolve(hidden->operands[0]);
    auto [b, g] = graph.resolve(hidden->operands[1]);
    bool gateFirst = !f.isIdentity();
    if (!activation(gateFirst ? f : g, hidden) || !(gateFirst ? g : f).isIdentity() ||
        !project(gateFirst ? a : b, false, gate) || !project(gateFirst ? b : a, false, first))
      return fail(hidden, "an activated gate times a linear layer", nearestMlp);
    if (gate.input != first.input || (gate.bias.source != nullptr) != (first.bias.source != nullptr))
      return fail(hidden, "a gate that reads what it gates", nearestMlp);
    putLinear(prefix + "gate", gate, weights);
  } else {
    return fail(hidden, "an activation between two linear layers", nearestMlp);
  }
  putLinear(prefix + "fc1", first, weights);
  part.config.hidden = first.weight.extent(0);
  part.config.bias = first.bias.source != nullptr;
  part.input = first.input;
  weights[prefix + "fc2.w"] = branch->operands[1];
  if ((branch->operands[2].source != nullptr) != part.config.bias)
    weights[prefix + "fc2.b"] = vector(0, branch->operands[1].extent(0)), part.config.bias = true;
  if (branch->operands[2].source)
    weights[prefix + "fc2.b"] = branch->operands[2];
  if (part.config.bias && !first.bias.source)
    weights[prefix + "fc1.b"] = vector(0, part.config.hidden);
  ++progress;
  return true;
}

namespace {

/// x + branch(x) with what surrounds it.
struct Residual {
  const Value *x = nullptr, *branch = nullptr; ///< branch: without layer-scale and norm behind
  const Value *normBehind = nullptr;
  View layerScale;
};

/// A constant that repeats for every token: [rows, 0] outside, `width` elements inside.
std::optional<View> channelVector(const View &constant, int64_t width) {
  Dims dims, inner;
  for (const Dims &axis : constant.axes)
    dims.append(axis.begin(), axis.end());
  for (int64_t left = width; left > 1;) {
    if (dims.empty() || left % dims.back().extent)
      return std::nullopt;
    left /= dims.back().extent;
    inner.insert(inner.begin(), dims.pop_back_val());
  }
  if (!llvm::all_of(dims, [](const Dim &d) { return d.stride == 0; }))
    return std::nullopt;
  View result = constant;
  result.axes.assign(1, merged(inner));
  return result;
}

class BlockMatcher {
public:
  BlockMatcher(Matching &m, const std::string &prefix, Weights &weights)
      : m(m), prefix(prefix), weights(weights) {}
  /// The tokens that the block at `x` reads; null if there is no block.
  const Value *match(const Value *x);
  BlockConfig config;
  int64_t heads = 0, headDim = 0;
  RopeTables rope;
  View bias;

private:
  const Value *sublayer(const Value *x, bool attention);
  bool part(const Residual &residual, bool attention, Weights &into);

  Matching &m;
  const std::string &prefix;
  Weights &weights;
};

bool BlockMatcher::part(const Residual &residual, bool attention, Weights &into) {
  const Value *input = nullptr;
  if (attention) {
    AttentionPart found;
    if (!m.matchAttention(residual.branch, prefix, found, into))
      return false;
    if (found.constantQuery.source)
      return m.fail(residual.branch, "queries that are computed from the tokens", nearestAttention);
    config.attn = found.config;
    heads = found.heads;
    headDim = found.headDim;
    rope = found.rope;
    bias = found.bias;
    input = found.input;
  } else {
    MlpPart found;
    if (!m.matchMlp(residual.branch, prefix, found, into))
      return false;
    config.mlp = found.config;
    input = found.input;
  }
  std::string norm = prefix + (attention ? "ln1" : "ln2");
  if (config.placement == Placement::Pre) {
    if (input->kind != Kind::Norm || m.whole(input->operands[0]) != residual.x)
      return m.fail(input, "a norm of the residual stream in front of the sublayer", nearestBlock);
    if (!m.takeNorm(input, norm, into))
      return false;
  } else if (input != residual.x || !m.takeNorm(residual.normBehind, norm, into)) {
    return m.fail(input, "a sublayer of the residual stream itself", nearestBlock);
  }
  if (residual.layerScale.source)
    into[prefix + (attention ? "ls1" : "ls2")] = residual.layerScale;
  return true;
}

const Value *BlockMatcher::sublayer(const Value *x, bool attention) {
  const Value *behind = nullptr;
  if (config.placement == Placement::Post) {
    if (x->kind != Kind::Norm || !m.whole(x->operands[0]))
      return m.fail(x, "a norm behind the residual", nearestBlock), nullptr;
    behind = x;
    x = m.whole(x->operands[0]);
  }
  if (x->kind != Kind::Add || !valueOf(x->operands[1]))
    return m.fail(x, attention ? "a residual around attention" : "a residual around an MLP", nearestBlock),
           nullptr;
  for (bool swap : {false, true}) {
    Residual residual;
    residual.x = m.whole(x->operands[swap]);
    residual.branch = m.whole(x->operands[!swap]);
    residual.normBehind = behind;
    if (!residual.x || !residual.branch)
      continue;
    if (residual.branch->kind == Kind::Mul && onnx::isConstant(residual.branch->operands[1])) {
      const Value *inner = m.whole(residual.branch->operands[0]);
      int64_t width = inner && inner->kind == Kind::Linear ? inner->operands[1].extent(0) : 0;
      std::optional<View> scale = width ? channelVector(residual.branch->operands[1], width) : std::nullopt;
      if (!scale)
        continue;
      residual.layerScale = *scale;
      residual.branch = inner;
    }
    if (config.placement == Placement::ResPost) {
      if (residual.branch->kind != Kind::Norm || !m.whole(residual.branch->operands[0]))
        continue;
      residual.normBehind = residual.branch;
      residual.branch = m.whole(residual.branch->operands[0]);
    }
    BlockConfig before = config;
    bool known = m.haveNorm;
    Weights found;
    config.layerScale = residual.layerScale.source != nullptr;
    if (part(residual, attention, found)) {
      weights.merge(found);
      return residual.x;
    }
    config = before;
    m.haveNorm = known;
  }
  return nullptr;
}

const Value *BlockMatcher::match(const Value *x) {
  int start = m.progress;
  for (Placement placement : {Placement::Pre, Placement::ResPost, Placement::Post}) {
    m.progress = start;
    config = BlockConfig();
    config.placement = placement;
    const Value *middle = sublayer(x, false);
    bool scaled = config.layerScale;
    const Value *first = middle ? sublayer(middle, true) : nullptr;
    if (first && config.layerScale != scaled) // one of the two: the other's factor is 1
      for (const char *name : {"ls1", "ls2"})
        weights.try_emplace(prefix + name, m.vector(1, weights[prefix + "fc2.w"].extent(0)));
    config.layerScale |= scaled;
    if (first)
      return first;
  }
  m.progress = start;
  return nullptr;
}

} // namespace

/// Whether two blocks rotate alike, with whatever angles.
static bool sameRule(const RopeTables &a, const RopeTables &b) {
  return !a.cos.source == !b.cos.source && a.half == b.half && a.prefix == b.prefix;
}

const Value *Matching::matchBlocks(const Value *last, Weights &weights) {
  constexpr int most = 1024;
  std::vector<Weights> blocks;
  std::vector<const Value *> behind; // the last block first
  const Value *x = last;
  while (static_cast<int>(blocks.size()) < most) {
    Weights found;
    std::string prefix; // indices are known at the end
    BlockMatcher matcher(*this, prefix, found);
    progress = 100 * static_cast<int>(blocks.size() + 1); // a later failure counts more than any in a block
    const Value *before = matcher.match(x);
    if (!before)
      break;
    if (blocks.empty()) {
      config.block = matcher.config;
      config.heads = matcher.heads;
      config.headDim = matcher.headDim;
    } else if (!(config.block == matcher.config) || config.heads != matcher.heads ||
               config.headDim != matcher.headDim || !sameRule(rotations.front(), matcher.rope)) {
      fail(x, "blocks that are all alike (sizes, biases, activation, layer-scale)", nearestBlock);
      return nullptr;
    }
    blocks.push_back(std::move(found));
    biases.push_back(matcher.bias);
    rotations.push_back(matcher.rope);
    behind.push_back(x);
    x = before;
  }
  config.depth = static_cast<int64_t>(blocks.size());
  for (const Value *layer : pooledLayers) {
    auto it = llvm::find(behind, layer);
    if (it == behind.end()) {
      fail(layer, "the tokens behind a block", nearestBlock);
      return nullptr;
    }
    config.pool.layers.push_back(behind.end() - it - 1);
  }
  for (size_t i = 0; i < blocks.size(); ++i)
    for (auto &[name, view] : blocks[i])
      weights[fmt::format("blk.{}.{}", blocks.size() - 1 - i, name)] = view;
  return x;
}
