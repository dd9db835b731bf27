//===- ModelConfig.cpp - what follows from a description --------------------------------------------===//
#include "compiler/Import/ModelConfig.h"
#include "compiler/Import/VitNames.h"
#include "llvm/ADT/STLExtras.h"
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

static bool isIndexed(OutputValue kind) {
  return kind == OutputValue::Hidden || kind == OutputValue::Attention;
}

std::string vitc::outputText(const OutputSpec &output) {
  std::string name = nameOf(output.kind);
  return isIndexed(output.kind) ? fmt::format("{}:{}", name, output.index) : name;
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

/// Collects tensor specifications in order.
class Specs {
public:
  explicit Specs(const ModelConfig &config) : config(config) {}
  std::vector<TensorSpec> list;

  void add(std::string name, std::initializer_list<int64_t> shape) {
    list.push_back({std::move(name), shape});
  }
  void linear(const std::string &name, int64_t out, int64_t in, bool bias) {
    add(name + ".w", {out, in});
    if (bias)
      add(name + ".b", {out});
  }
  void norm(const std::string &name, NormKind kind, int64_t width) {
    add(name + ".w", {width});
    if (kind == NormKind::Layer)
      add(name + ".b", {width});
  }
  void embedding();
  void block(int64_t index);
  void tail();

private:
  void mlp(const std::string &name);
  const ModelConfig &config;
};

void Specs::embedding() {
  const PatchConfig &patch = config.patch;
  int64_t area = patch.size.height * patch.size.width;
  if (patch.normIn)
    norm("embed.norm_in", *patch.normIn, config.channels * area);
  if (patch.kind == PatchKind::Conv)
    add("embed.patch.w", {config.width, config.channels, patch.size.height, patch.size.width});
  else
    add("embed.patch.w", {config.width, config.channels * area});
  if (patch.bias)
    add("embed.patch.b", {config.width});
  if (patch.normOut)
    norm("embed.norm_out", *patch.normOut, config.width);
  for (const TokenRun &run : config.prefix)
    add("embed." + run.kind, {run.count, config.width});
  for (const TokenRun &run : config.suffix)
    add("embed." + run.kind, {run.count, config.width});
  if (config.posCovers != PosCovers::None && config.pos.kind == PosKind::Learned)
    add("embed.pos", {config.storedPositions(), config.width});
  if (config.preNorm)
    norm("embed.pre_norm", config.norm, config.width);
}

void Specs::mlp(const std::string &name) {
  const MlpConfig &mlp = config.block.mlp;
  linear(name + "fc1", mlp.hidden, config.width, mlp.bias);
  if (mlp.kind == MlpKind::Glu)
    linear(name + "gate", mlp.hidden, config.width, mlp.bias);
  if (mlp.innerNorm)
    norm(name + "mlp_norm", config.norm, mlp.hidden);
  linear(name + "fc2", config.width, mlp.hidden, mlp.bias);
}

void Specs::block(int64_t index) {
  const BlockConfig &block = config.block;
  const AttentionConfig &attn = block.attn;
  std::string name = fmt::format("blk.{}.", index);
  int64_t width = config.width, inner = config.innerWidth();
  if (block.placement != Placement::None)
    norm(name + "ln1", config.norm, width);
  linear(name + "q", inner, width, attn.qkvBias[0]);
  linear(name + "k", inner, width, attn.qkvBias[1]);
  if (attn.value)
    linear(name + "v", inner, width, attn.qkvBias[2]);
  if (attn.qkNorm) {
    norm(name + "qn", *attn.qkNorm, config.headDim);
    norm(name + "kn", *attn.qkNorm, config.headDim);
  }
  if (attn.scaleRule == ScaleRule::LearnedDivisor)
    add(name + "scale", {1});
  if (config.relBias == RelBiasKind::Beit && !config.relBiasShared) {
    Extent grid = config.grid();
    add(name + "rel_table", {(2 * grid.height - 1) * (2 * grid.width - 1) + 3, config.heads});
  }
  if (config.rope.kind == RopeKind::Mixed)
    add(name + "rope_freq", {2, config.heads, config.headDim / 2});
  if (attn.outNorm)
    norm(name + "attn_norm", config.norm, inner);
  if (attn.outProj)
    linear(name + "o", width, inner, attn.outBias);
  if (block.layerScale)
    add(name + "ls1", {width});
  if (block.placement != Placement::None && block.placement != Placement::Parallel)
    norm(name + "ln2", config.norm, width);
  mlp(name);
  if (block.layerScale)
    add(name + "ls2", {width});
}

void Specs::tail() {
  int64_t width = config.width;
  if (config.relBias == RelBiasKind::Beit && config.relBiasShared) {
    Extent grid = config.grid();
    add("rel_table", {(2 * grid.height - 1) * (2 * grid.width - 1) + 3, config.heads});
  }
  if (config.finalNorm != FinalNorm::None)
    norm("final.norm", config.norm, width);
  int64_t pooled = config.pooledWidth();
  if (config.pool.kind == PoolKind::Map) {
    add("pool.probe", {1, width});
    for (const char *part : {"pool.q", "pool.k", "pool.v", "pool.o"})
      linear(part, width, width, true);
    norm("pool.ln", config.norm, width);
    linear("pool.fc1", config.poolHidden(), width, true);
    linear("pool.fc2", width, config.poolHidden(), true);
  }
  if (const std::optional<PreLogits> &pre = config.head.preLogits) {
    linear("head.pre", pre->out, pooled, pre->bias);
    pooled = pre->out;
  }
  for (const HeadLayer &layer : config.head.layers)
    linear("head." + layer.name, layer.out, layer.from == "pooled" ? pooled : width, layer.bias);
  if (config.zeroShot)
    linear("zero_shot", config.zeroShot->classes, config.embeddingWidth(), true);
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
