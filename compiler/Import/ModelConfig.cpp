//===- ModelConfig.cpp - what follows from a description --------------------------------------------===//
#include "compiler/Import/ModelConfig.h"
#include "compiler/Import/VitNames.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <fmt/format.h>

using namespace vitc;

static int64_t patchesAlong(int64_t size, int64_t patch, int64_t stride, PatchPad pad) {
  if (size <= 0 || patch <= 0 || stride <= 0)
    return 0;
  if (pad == PatchPad::Same)
    return (size + stride - 1) / stride;
  return size < patch ? 0 : (size - patch) / stride + 1;
}

const ResizeStep *Preprocess::resize() const {
  for (const PreprocessStep &step : steps)
    if (const auto *resize = std::get_if<ResizeStep>(&step))
      return resize;
  return nullptr;
}

Extent ModelConfig::grid() const {
  return {patchesAlong(inputSize.height, patch.size.height, patch.stride.height, patch.pad),
          patchesAlong(inputSize.width, patch.size.width, patch.stride.width, patch.pad)};
}

int64_t ModelConfig::patches() const {
  Extent extent = grid();
  return extent.height * extent.width;
}

int64_t ModelConfig::prefixTokens() const {
  int64_t count = 0;
  for (const TokenRun &run : prefix)
    count += run.count;
  return count;
}

int64_t ModelConfig::tokens() const {
  int64_t count = prefixTokens() + patches();
  for (const TokenRun &run : suffix)
    count += run.count;
  return count;
}

std::optional<int64_t> ModelConfig::prefixIndex(llvm::StringRef kind) const {
  int64_t index = 0;
  for (const TokenRun &run : prefix) {
    if (run.kind == kind)
      return index;
    index += run.count;
  }
  return std::nullopt;
}

/// Zeros before and behind `size`, so that ceil(size / stride) patches fit.
static std::pair<int64_t, int64_t> paddingAlong(int64_t size, int64_t patch, int64_t stride, PatchPad pad) {
  if (pad == PatchPad::Valid)
    return {0, 0};
  int64_t all = std::max<int64_t>(0, (patchesAlong(size, patch, stride, pad) - 1) * stride + patch - size);
  return {all / 2, all - all / 2};
}

std::array<int64_t, 4> ModelConfig::padding() const {
  auto [top, bottom] = paddingAlong(inputSize.height, patch.size.height, patch.stride.height, patch.pad);
  auto [left, right] = paddingAlong(inputSize.width, patch.size.width, patch.stride.width, patch.pad);
  return {top, left, bottom, right};
}

int64_t ModelConfig::positionPrefix() const {
  return posCovers == PosCovers::All ? prefixTokens() : posCovers == PosCovers::ClsAndPatch ? 1 : 0;
}

int64_t ModelConfig::positions() const {
  if (posCovers == PosCovers::None)
    return 0;
  int64_t suffixRows = posCovers == PosCovers::All ? tokens() - prefixTokens() - patches() : 0;
  return positionPrefix() + patches() + suffixRows;
}

int64_t ModelConfig::storedPositions() const {
  return posCovers == PosCovers::None ? 0 : positions() - patches() + pos.grid.height * pos.grid.width;
}

int64_t ModelConfig::pooledWidth() const {
  switch (pool.kind) {
  case PoolKind::ConcatClsMean:
    return 2 * width;
  case PoolKind::MultiLayer:
    return (static_cast<int64_t>(pool.layers.size()) + 1) * width;
  default:
    return width;
  }
}

std::vector<OutputSpec> ModelConfig::givenOutputs() const {
  if (!outputs.empty())
    return outputs;
  if (classes())
    return {{OutputValue::Logits}};
  if (pool.kind == PoolKind::None)
    return {{OutputValue::Features}};
  return {{OutputValue::Features}, {OutputValue::Pooled}};
}

static bool isIndexed(OutputValue kind) {
  return kind == OutputValue::Hidden || kind == OutputValue::Attention;
}

std::string vitc::outputText(const OutputSpec &output) {
  std::string name = nameOf(output.kind);
  return isIndexed(output.kind) ? fmt::format("{}:{}", name, output.index) : name;
}

std::string vitc::outputName(const OutputSpec &output) {
  std::string name = outputText(output);
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

std::optional<OutputSpec> vitc::parseOutput(llvm::StringRef text) {
  auto [name, index] = text.split(':');
  std::optional<OutputValue> kind = valueOf<OutputValue>(name);
  if (!kind || isIndexed(*kind) != text.contains(':'))
    return std::nullopt;
  OutputSpec output{*kind};
  if (isIndexed(*kind) && (index.getAsInteger(10, output.index) || output.index < 0))
    return std::nullopt;
  return output;
}

namespace {

using Fields = std::initializer_list<llvm::StringLiteral>;
constexpr llvm::StringLiteral kWidth = "width", kHeads = "heads", kHeadDim = "head_dim",
                              kHidden = "block.mlp.hidden";

/// Collects tensor specifications in order.
class Specs {
public:
  explicit Specs(const ModelConfig &config) : config(config) {}
  std::vector<TensorSpec> list;

  void add(std::string name, std::initializer_list<int64_t> shape, Fields fields) {
    list.push_back({std::move(name), shape, fields});
  }
  /// `weight` and `bias`: the fields behind the shape, and what there is a bias by.
  void linear(const std::string &name, int64_t out, int64_t in, bool bias, Fields weight,
              llvm::StringLiteral biased) {
    add(name + ".w", {out, in}, weight);
    if (bias)
      add(name + ".b", {out}, {biased, *weight.begin()});
  }
  void norm(const std::string &name, NormKind kind, int64_t width, Fields fields) {
    add(name + ".w", {width}, fields);
    if (kind == NormKind::Layer)
      add(name + ".b", {width}, fields);
  }
  void embedding();
  void attention(const std::string &name);
  void block(int64_t index);
  void tail();

private:
  void mlp(const std::string &name);
  void relativeBias(const std::string &name);
  const ModelConfig &config;
};

void Specs::embedding() {
  const PatchConfig &patch = config.patch;
  int64_t area = patch.size.height * patch.size.width;
  if (patch.normIn)
    norm("embed.norm_in", *patch.normIn, config.channels * area,
         {"patch.norm_in", "input.channels", "patch.size"});
  if (patch.kind == PatchKind::Conv)
    add("embed.patch.w", {config.width, config.channels, patch.size.height, patch.size.width},
        {kWidth, "input.channels", "patch.size"});
  else
    add("embed.patch.w", {config.width, config.channels * area}, {kWidth, "input.channels", "patch.size"});
  if (patch.bias)
    add("embed.patch.b", {config.width}, {"patch.bias", kWidth});
  if (patch.normOut)
    norm("embed.norm_out", *patch.normOut, config.width, {"patch.norm_out", kWidth});
  for (const TokenRun &run : config.prefix)
    add("embed." + run.kind, {run.count, config.width}, {"tokens.prefix", kWidth});
  for (const TokenRun &run : config.suffix)
    add("embed." + run.kind, {run.count, config.width}, {"tokens.suffix", kWidth});
  if (config.posCovers != PosCovers::None && config.pos.kind == PosKind::Learned)
    add("embed.pos", {config.storedPositions(), config.width}, {"tokens.pos_covers", "pos.grid", kWidth});
  if (config.preNorm)
    norm("embed.pre_norm", config.norm, config.width, {"pre_norm", kWidth});
}

void Specs::mlp(const std::string &name) {
  const MlpConfig &mlp = config.block.mlp;
  constexpr llvm::StringLiteral bias = "block.mlp.bias";
  linear(name + "fc1", mlp.hidden, config.width, mlp.bias, {kHidden, kWidth}, bias);
  if (mlp.kind == MlpKind::Glu)
    linear(name + "gate", mlp.hidden, config.width, mlp.bias, {kHidden, kWidth, "block.mlp.kind"}, bias);
  if (mlp.innerNorm)
    norm(name + "mlp_norm", config.norm, mlp.hidden, {"block.mlp.inner_norm", kHidden});
  linear(name + "fc2", config.width, mlp.hidden, mlp.bias, {kWidth, kHidden}, bias);
}

void Specs::relativeBias(const std::string &name) {
  Extent grid = config.storedRelativeGrid();
  add(name + "rel_table", {(2 * grid.height - 1) * (2 * grid.width - 1) + 3, config.heads},
      {"rel_bias.kind", "rel_bias.grid", "input.size", kHeads});
}

void Specs::attention(const std::string &name) {
  const AttentionConfig &attn = config.block.attn;
  int64_t width = config.width, inner = config.innerWidth();
  auto projection = [&](const char *part, bool bias) {
    linear(name + part, inner, width, bias, {kHeads, kHeadDim, kWidth}, "block.attn.qkv_bias");
  };
  projection("q", attn.qkvBias[0]);
  projection("k", attn.qkvBias[1]);
  if (attn.value)
    projection("v", attn.qkvBias[2]);
  if (attn.qkNorm) {
    norm(name + "qn", *attn.qkNorm, config.headDim, {"block.attn.qk_norm", kHeadDim});
    norm(name + "kn", *attn.qkNorm, config.headDim, {"block.attn.qk_norm", kHeadDim});
  }
  if (attn.scaleRule == ScaleRule::LearnedDivisor)
    add(name + "scale", {1}, {"block.attn.scale"});
  if (config.relBias == RelBiasKind::Beit && !config.relBiasShared)
    relativeBias(name);
  if (config.rope.kind == RopeKind::Mixed)
    add(name + "rope_freq", {2, config.heads, config.headDim / 2}, {"rope.kind", kHeads, kHeadDim});
  if (attn.outNorm)
    norm(name + "attn_norm", config.norm, inner, {"block.attn.out_norm", kHeads, kHeadDim});
  if (attn.outProj)
    linear(name + "o", width, inner, attn.outBias, {kWidth, kHeads, "block.attn.out_proj"},
           "block.attn.out_bias");
}

void Specs::block(int64_t index) {
  const BlockConfig &block = config.block;
  std::string name = fmt::format("blk.{}.", index);
  constexpr llvm::StringLiteral placement = "block.placement", scale = "block.layer_scale";
  if (block.placement != Placement::None)
    norm(name + "ln1", config.norm, config.width, {placement, kWidth});
  attention(name);
  if (block.layerScale)
    add(name + "ls1", {config.width}, {scale, kWidth});
  if (block.placement != Placement::None && block.placement != Placement::Parallel)
    norm(name + "ln2", config.norm, config.width, {placement, kWidth});
  mlp(name);
  if (block.layerScale)
    add(name + "ls2", {config.width}, {scale, kWidth});
}

void Specs::tail() {
  int64_t width = config.width;
  constexpr llvm::StringLiteral pool = "pool.kind", layers = "head.layers", pre = "head.pre_logits";
  if (config.relBias == RelBiasKind::Beit && config.relBiasShared)
    relativeBias("");
  if (config.finalNorm != FinalNorm::None)
    norm("final.norm", config.norm, width, {"final_norm", kWidth});
  int64_t pooled = config.pooledWidth();
  if (config.pool.kind == PoolKind::Map) {
    add("pool.probe", {1, width}, {pool, kWidth});
    if (config.pool.query)
      linear("pool.q", width, width, true, {kWidth, "pool.query"}, "pool.query");
    for (const char *part : {"pool.k", "pool.v"})
      linear(part, width, width, config.pool.kvBias, {kWidth, pool}, "pool.kv_bias");
    linear("pool.o", width, width, true, {kWidth, pool}, pool);
    if (config.pool.mlp) {
      norm("pool.ln", config.norm, width, {"pool.mlp", kWidth});
      linear("pool.fc1", config.poolHidden(), width, true, {"pool.hidden", kWidth}, "pool.mlp");
      linear("pool.fc2", width, config.poolHidden(), true, {kWidth, "pool.hidden"}, "pool.mlp");
    }
  }
  if (const std::optional<PreLogits> &layer = config.head.preLogits) {
    linear("head.pre", layer->out, pooled, layer->bias, {pre, kWidth}, pre);
    pooled = layer->out;
  }
  for (const HeadLayer &layer : config.head.layers)
    linear("head." + layer.name, layer.out, layer.from == "pooled" ? pooled : width, layer.bias,
           {layers, config.head.preLogits ? pre : kWidth}, layers);
  if (config.zeroShot)
    linear("zero_shot", config.zeroShot->classes, config.embeddingWidth(), true,
           {"zero_shot.classes", config.head.preLogits ? pre : kWidth}, "zero_shot");
}

} // namespace

std::vector<TensorSpec> vitc::expectedTensors(const ModelConfig &config) {
  Specs specs(config);
  specs.embedding();
  for (int64_t i = 0; i < config.depth; ++i)
    specs.block(i);
  specs.tail();
  return std::move(specs.list);
}
