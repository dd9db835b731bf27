//===- OnnxMatchHead.cpp - from an output to the tokens ---------------------------------------------===//
#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

namespace {

constexpr const char *nearestPool = "the class token, the mean or maximum of the tokens, class tokens of "
                                    "several blocks and a mean concatenated, "
                                    "or SigLIP's attention pooling";

/// Without the axes of extent 1, but with at least one axis.
View squeezed(const View &view) {
  View result = view;
  llvm::erase_if(result.axes, [](const Dims &axis) { return axis.empty(); });
  if (result.axes.empty())
    result.axes.push_back({});
  return result;
}

bool almost(double a, double b) { return std::abs(a - b) <= 1e-6 * std::abs(b); }

class HeadMatcher {
public:
  HeadMatcher(Matching &m, Weights &weights) : m(m), config(m.config), weights(weights) {}
  const Value *match(View output, llvm::StringRef name);

private:
  const Value *tokens(const Value *value);
  const Value *pool(View pooled);
  const Value *selected(const View &pooled);
  const Value *reduced(const View &pooled);
  const Value *layered(const View &pooled);
  const Value *attended(const Value *sum);
  const Value *averaged(const View &output);
  const Value *row(const View &view, int64_t &index);
  const Value *linear(const View &view);
  void putLayer(const std::string &name, const Value *layer);
  View peel(View output, llvm::StringRef name);
  const Value *no(const View &at, std::string expected) {
    return m.fail(at, std::move(expected), nearestPool), nullptr;
  }

  Matching &m;
  ModelConfig &config;
  Weights &weights;
};

/// The tokens behind the last block, from those that are pooled.
const Value *HeadMatcher::tokens(const Value *value) {
  if (config.finalNorm == FinalNorm::AfterPool)
    return value;
  config.finalNorm = FinalNorm::None;
  const Value *inner = m.finalNorm && value->kind == Kind::Norm ? m.whole(value->operands[0]) : nullptr;
  if (!inner || value->operands[0].extent(1) != config.width)
    return value;
  config.finalNorm = FinalNorm::AllTokens;
  for (const Value *&layer : m.pooledLayers) { // the same norm of other tokens
    bool same = layer->kind == Kind::Norm && layer->norm == value->norm && layer->eps == value->eps &&
                layer->operands[1] == value->operands[1] && layer->operands[2] == value->operands[2];
    const Value *behind = same ? m.whole(layer->operands[0]) : nullptr;
    if (!behind)
      return m.fail(layer, "the final norm on the tokens of each block", nearestPool), nullptr;
    layer = behind;
  }
  return m.takeNorm(value, "final.norm", weights) ? inner : nullptr;
}

/// One token: which value it belongs to, and its index.
const Value *HeadMatcher::row(const View &view, int64_t &index) {
  const Value *value = valueOf(view);
  if (!value || view.scale != 1 || view.rank() != 1 || view.axes[0] != merged({{config.width, 1}}) ||
      view.offset % config.width || value->size % config.width || value->size == config.width)
    return nullptr;
  index = view.offset / config.width;
  return value;
}

/// A linear layer of one row.
const Value *HeadMatcher::linear(const View &view) {
  const Value *value = m.whole(view);
  return value && value->kind == Kind::Linear && value->size == value->operands[1].extent(0) ? value
                                                                                             : nullptr;
}

void HeadMatcher::putLayer(const std::string &name, const Value *layer) {
  weights[name + ".w"] = layer->operands[1];
  if (layer->operands[2].source)
    weights[name + ".b"] = layer->operands[2];
}

const Value *HeadMatcher::reduced(const View &pooled) {
  const Value *value = valueOf(pooled, Kind::Reduce);
  if (!value || !isWhole(pooled, value->size))
    return nullptr;
  const View &view = value->operands[0];
  int64_t count = view.extent(1);
  double factor = value->reduction == Reduction::Sum ? 1 / static_cast<double>(count) : 1;
  const Value *source = valueOf(view);
  if (!almost(pooled.scale, factor) || view.scale != 1 || view.axes[0] != merged({{config.width, 1}}) ||
      view.axes[1] != merged({{count, config.width}}) || view.offset % config.width)
    return nullptr;
  m.pooledFirst = view.offset / config.width;
  m.pooledCount = count;
  config.pool.kind = value->reduction == Reduction::Sum ? PoolKind::Mean : PoolKind::Max;
  return source;
}

/// h + mlp(norm(h)) of h, an attention of a constant query over the tokens.
const Value *HeadMatcher::attended(const Value *sum) {
  for (bool swap : {false, true}) {
    const Value *attention = m.whole(sum->operands[swap]), *branch = m.whole(sum->operands[!swap]);
    if (!attention || !branch)
      continue;
    Weights found;
    MlpPart mlp;
    AttentionPart part;
    bool known = m.haveNorm;
    if (!m.matchMlp(branch, "pool.", mlp, found) || mlp.input->kind != Kind::Norm ||
        m.whole(mlp.input->operands[0]) != attention || !m.takeNorm(mlp.input, "pool.ln", found) ||
        !m.matchAttention(attention, "pool.", part, found) || !part.constantQuery.source ||
        part.config.qkNorm || part.config.outNorm || part.bias.source || part.rope.cos.source ||
        mlp.config.kind != MlpKind::Plain || mlp.config.innerNorm) {
      m.haveNorm = known;
      continue;
    }
    // Exporters compute the query from the probe; its own projection is then the identity.
    std::optional<std::vector<double>> query = m.graph.read(part.constantQuery);
    int64_t width = config.width;
    if (!query || static_cast<int64_t>(query->size()) != width || part.heads * part.headDim != width)
      continue;
    double factor = part.scale * std::sqrt(static_cast<double>(part.headDim));
    std::vector<double> identity(width * width);
    for (int64_t i = 0; i < width; ++i) {
      (*query)[i] *= almost(factor, 1) ? 1 : factor;
      identity[i * width + i] = 1;
    }
    found["pool.probe"] = m.graph.constant(DataType::Double, {1, width}, std::move(*query));
    found["pool.q.w"] = m.graph.constant(DataType::Double, {width, width}, std::move(identity));
    for (const char *bias : {"pool.q.b", "pool.k.b", "pool.v.b", "pool.o.b", "pool.fc2.b"})
      found.try_emplace(bias, m.vector(0, width));
    found.try_emplace("pool.fc1.b", m.vector(0, mlp.config.hidden));
    for (auto &[name, view] : found)
      if (valueOf(view))
        return nullptr;
    weights.merge(found);
    config.pool.kind = PoolKind::Map;
    config.pool.heads = part.heads;
    config.pool.hidden = mlp.config.hidden;
    config.pool.act = mlp.config.act;
    m.pooledFirst = 0;
    m.pooledCount = part.input->size / width;
    return part.input;
  }
  return nullptr;
}

/// Class tokens behind several blocks, and the mean of the last ones' patches (DINOv2's linear heads).
const Value *HeadMatcher::layered(const View &pooled) {
  const Value *value = valueOf(pooled, Kind::Concat);
  if (!value || !m.whole(pooled) || value->operands.size() < 3)
    return nullptr;
  std::vector<const Value *> layers;
  for (const View &part : llvm::ArrayRef(value->operands).drop_back()) {
    int64_t index = 0;
    const Value *tokens = row(squeezed(part), index);
    if (!tokens || index != 0)
      return nullptr;
    layers.push_back(tokens);
  }
  const Value *last = reduced(squeezed(value->operands.back()));
  if (!last || last != layers.back() || config.pool.kind != PoolKind::Mean)
    return nullptr;
  config.pool.kind = PoolKind::MultiLayer;
  m.pooledLayers = std::move(layers);
  return last;
}

const Value *HeadMatcher::selected(const View &pooled) {
  int64_t index = 0;
  if (const Value *source = row(pooled, index)) {
    config.pool.kind = PoolKind::Cls;
    return index == 0 ? source : no(pooled, fmt::format("the first token, not token {}", index));
  }
  if (const Value *source = reduced(pooled))
    return source;
  const Value *value = valueOf(pooled);
  if (value && value->kind == Kind::Concat && m.whole(pooled) && value->operands.size() == 2) {
    const Value *cls = row(squeezed(value->operands[0]), index),
                *mean = cls && index == 0 ? reduced(squeezed(value->operands[1])) : nullptr;
    if (mean && mean == cls && config.pool.kind == PoolKind::Mean) {
      config.pool.kind = PoolKind::ConcatClsMean;
      return cls;
    }
  }
  if (const Value *last = layered(pooled))
    return last;
  if (value && value->kind == Kind::Add && isWhole(pooled, value->size) && valueOf(value->operands[1])) {
    if (almost(pooled.scale, 0.5)) {
      const Value *sources[2];
      PoolKind kinds[2] = {};
      int64_t first[2], count[2];
      for (int i : {0, 1}) {
        sources[i] = reduced(squeezed(value->operands[i]));
        kinds[i] = config.pool.kind;
        first[i] = m.pooledFirst;
        count[i] = m.pooledCount;
      }
      if (sources[0] && sources[0] == sources[1] && kinds[0] != kinds[1] && first[0] == first[1] &&
          count[0] == count[1]) {
        config.pool.kind = PoolKind::AvgMax;
        return sources[0];
      }
    } else if (pooled.scale == 1) {
      if (const Value *source = attended(value))
        return source;
    }
  }
  return no(pooled, "a pooling of the tokens");
}

const Value *HeadMatcher::pool(View pooled) {
  config.width = pooled.extent(0);
  if (const Value *concat = valueOf(pooled, Kind::Concat); concat && concat->operands.size() >= 2)
    config.width = concat->operands[0].elements();
  const Value *norm = m.whole(pooled);
  if (norm && norm->kind == Kind::Norm && norm->operands[0].extent(0) == 1) {
    config.finalNorm = FinalNorm::AfterPool;
    if (!m.takeNorm(norm, "final.norm", weights))
      return nullptr;
    pooled = squeezed(norm->operands[0]);
  }
  const Value *source = selected(pooled);
  return source ? tokens(source) : nullptr;
}

/// The mean of heads on tokens of their own (DeiT).
const Value *HeadMatcher::averaged(const View &output) {
  const Value *sum = valueOf(output, Kind::Add);
  if (!sum || !almost(output.scale, 0.5) || !isWhole(output, sum->size) || !valueOf(sum->operands[1]))
    return nullptr;
  const Value *source = nullptr;
  llvm::SmallVector<std::pair<int64_t, const Value *>, 2> layers;
  for (const View &operand : sum->operands) {
    const Value *layer = linear(squeezed(operand));
    if (!layer)
      return nullptr;
    int64_t index = 0;
    View token = squeezed(layer->operands[0]);
    config.width = token.extent(0);
    const Value *from = row(token, index);
    if (!from || (source && from != source))
      return nullptr;
    source = from;
    layers.push_back({index, layer});
  }
  llvm::sort(layers);
  const char *names[] = {"main", "dist"}, *places[] = {"cls", "dist"};
  for (size_t i = 0; i < layers.size(); ++i) {
    const Value *layer = layers[i].second;
    config.head.layers.push_back({names[i], places[i], layer->size, layer->operands[2].source != nullptr});
    putLayer(std::string("head.") + names[i], layer);
    m.headRows.push_back(layers[i].first);
  }
  config.head.combine = HeadCombine::Mean;
  config.pool.kind = PoolKind::None;
  return tokens(source);
}

/// Softmax and L2 norm at the very end say how an output is presented.
View HeadMatcher::peel(View output, llvm::StringRef name) {
  const Value *value = valueOf(output);
  std::string label = quoteForMessage(name);
  if (value && value->kind == Kind::Softmax && m.whole(output) && value->operands[0].extent(0) == 1 &&
      value->operands[0].scale == 1) {
    m.warnings.push_back(
        fmt::format("output '{}' is a softmax of the logits; the library gives the logits", label));
    return squeezed(value->operands[0]);
  }
  if (value && value->kind == Kind::Norm && value->norm == NormKind::Rms && value->eps < 1e-20 &&
      !value->operands[1].source && value->operands[0].extent(0) == 1 && isWhole(output, value->size) &&
      almost(output.scale * std::sqrt(static_cast<double>(value->size)), 1)) {
    m.warnings.push_back(
        fmt::format("output '{}' has length 1; the library gives it before that normalisation", label));
    return squeezed(value->operands[0]);
  }
  return output;
}

const Value *HeadMatcher::match(View output, llvm::StringRef name) {
  output = peel(squeezed(output), name);
  if (output.rank() == 2) {
    const Value *all = m.whole(output);
    config.width = output.extent(1);
    config.pool.kind = PoolKind::None;
    return all ? tokens(all) : no(output, "all tokens in order, [tokens, width]");
  }
  if (output.rank() != 1)
    return no(output, "logits, pooled features or tokens");
  if (const Value *source = averaged(output))
    return source;
  config.head = HeadConfig();
  if (const Value *layer = linear(output)) {
    config.head.layers.push_back({"main", "pooled", layer->size, layer->operands[2].source != nullptr});
    putLayer("head.main", layer);
    output = squeezed(layer->operands[0]);
    ++m.progress;
  }
  if (const Value *tanh = m.whole(output); tanh && tanh->kind == Kind::Pointwise && isTanh(tanh->function)) {
    const Value *layer = linear(squeezed(tanh->operands[0]));
    if (!layer)
      return no(output, "a linear layer in front of tanh");
    config.head.preLogits = PreLogits{layer->size, "tanh", layer->operands[2].source != nullptr};
    putLayer("head.pre", layer);
    output = squeezed(layer->operands[0]);
  }
  return pool(output);
}

} // namespace

const Value *Matching::matchOutput(const View &output, llvm::StringRef name, Weights &weights) {
  return HeadMatcher(*this, weights).match(output, name);
}

bool Matching::checkRows() {
  constexpr Value *nowhere = nullptr;
  int64_t prefix = config.prefixTokens(), patches = config.patches(), all = config.tokens();
  PoolKind kind = config.pool.kind;
  if (kind == PoolKind::Mean || kind == PoolKind::Max || kind == PoolKind::AvgMax ||
      kind == PoolKind::ConcatClsMean || kind == PoolKind::MultiLayer) {
    config.pool.includePrefix = prefix > 0 && pooledFirst == 0 && pooledCount == all;
    if (!config.pool.includePrefix && (pooledFirst != prefix || pooledCount != patches))
      return fail(nowhere,
                  fmt::format("pooling of tokens {} to {} (the patches) or of all {}, got {} to {}", prefix,
                              prefix + patches - 1, all, pooledFirst, pooledFirst + pooledCount - 1),
                  nearestPool);
  }
  for (size_t i = 0; i < headRows.size(); ++i)
    if (config.prefixIndex(config.head.layers[i].from) != headRows[i])
      return fail(nowhere, "heads on the first and the second token", nearestPool);
  return true;
}
