//===- TimmModel.cpp - a description from timm's tensors --------------------------------------------===//
#include "compiler/Import/TimmModel.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

using Slices = std::map<std::string, TensorSlice>;

/// Rows [first, first + count) of a slice.
TensorSlice rows(const TensorSlice &slice, int64_t first, int64_t count) {
  TensorSlice result = slice;
  result.first += first * slice.dims[0].stride;
  result.dims[0].extent = count;
  result.shape[0] = count;
  return result;
}

std::string blockName(int64_t block, const char *rest) { return fmt::format("blk.{}.{}", block, rest); }

/// Gated MLPs with one matrix for gate and value, gate first: fc1 then has twice the rows that fc2 has
/// columns.
void unpackGates(CanonicalTensors &tensors, int64_t depth) {
  for (int64_t i = 0; i < depth; ++i) {
    std::string fc1 = blockName(i, "fc1"), gate = blockName(i, "gate");
    int64_t hidden = tensors.extent(blockName(i, "fc2.w"), 1);
    if (hidden == 0 || tensors.has(gate + ".w"))
      continue;
    for (const char *part : {".w", ".b"}) {
      auto it = tensors.slices.find(fc1 + part);
      if (it == tensors.slices.end() || it->second.dims.empty() || it->second.dims[0].extent != 2 * hidden)
        continue;
      TensorSlice packed = it->second;
      tensors.slices[gate + part] = rows(packed, 0, hidden);
      it->second = rows(packed, hidden, hidden);
    }
  }
}

/// Blocks with attention beside the MLP have one product for fc1, q, k and v, and one layer scale for both.
llvm::Error unpackParallel(Imported &imported, int64_t depth) {
  CanonicalTensors &tensors = imported.tensors;
  for (int64_t i = 0; i < depth; ++i) {
    int64_t width = tensors.extent(blockName(i, "fc1_qkv.w"), 1);
    for (const char *part : {".w", ".b"}) {
      auto it = tensors.slices.find(blockName(i, "fc1_qkv") + part);
      if (it == tensors.slices.end())
        continue;
      TensorSlice packed = it->second;
      if (width == 0 || packed.dims.empty() || packed.dims[0].extent <= 3 * width)
        return inputError("{}: tensor '{}': expected rows of an MLP and three times {}, got {}",
                          imported.store.path(), quoteForMessage(packed.raw->name), width,
                          packed.shape.empty() ? 0 : packed.shape[0]);
      int64_t hidden = packed.dims[0].extent - 3 * width, first = 0;
      for (auto [name, count] : {std::pair("fc1", hidden), {"q", width}, {"k", width}, {"v", width}}) {
        tensors.slices[blockName(i, name) + part] = rows(packed, first, count);
        first += count;
      }
      tensors.slices.erase(blockName(i, "fc1_qkv") + part);
    }
    if (auto it = tensors.slices.find(blockName(i, "ls")); it != tensors.slices.end()) {
      TensorSlice scale = it->second;
      tensors.slices[blockName(i, "ls1")] = tensors.slices[blockName(i, "ls2")] = scale;
      tensors.slices.erase(blockName(i, "ls"));
    }
  }
  return llvm::Error::success();
}

/// DINOv3's qkv.bias_mask: ones, with zeros where the bias of keys does not count.
llvm::Error applyBiasMasks(Imported &imported, int64_t depth) {
  CanonicalTensors &tensors = imported.tensors;
  for (int64_t i = 0; i < depth; ++i) {
    auto mask = tensors.slices.find(blockName(i, "qkv_mask"));
    if (mask == tensors.slices.end())
      continue;
    std::string name = mask->second.raw->name;
    int64_t elements = mask->second.raw->elements;
    bool fits = elements % 3 == 0 && elements <= 3 << 16;
    std::vector<double> values(fits ? elements : 0);
    if (fits)
      viewOf(mask->second, {elements})->read(0, values);
    llvm::ArrayRef<double> list(values);
    size_t third = values.size() / 3;
    auto all = [&](size_t part, double value) {
      return llvm::all_of(list.slice(part * third, third), [&](double v) { return v == value; });
    };
    if (!fits || !all(0, 1) || !all(2, 1) || !(all(1, 0) || all(1, 1)))
      return inputError(
          "{}: tensor '{}': expected ones for queries and values, and all zeros or all ones for "
          "keys; the mask of a model that was never trained holds NaN",
          imported.store.path(), quoteForMessage(name));
    if (all(1, 0) && tensors.slices.erase(blockName(i, "k.b")))
      tensors.ignored.push_back(
          fmt::format("{} (masks the bias of keys, which is left out)", quoteForMessage(name)));
    else
      tensors.ignored.push_back(fmt::format("{} (all ones)", quoteForMessage(name)));
    tensors.slices.erase(mask);
  }
  return llvm::Error::success();
}

/// rope-vit's frequencies [2, depth, heads, head_dim / 2], one slice for each block.
llvm::Error splitFrequencies(Imported &imported, int64_t depth) {
  Slices &slices = imported.tensors.slices;
  auto it = slices.find("rope_freqs");
  if (it == slices.end())
    return llvm::Error::success();
  TensorSlice all = it->second;
  if (all.dims.size() != 4 || all.dims[1].extent != depth)
    return inputError("{}: tensor '{}': expected a shape [2, {}, heads, head_dim / 2], got {}",
                      imported.store.path(), quoteForMessage(all.raw->name), depth,
                      fmt::format("[{}]", fmt::join(all.shape, ", ")));
  for (int64_t i = 0; i < depth; ++i) {
    TensorSlice one = all;
    one.first += i * all.dims[1].stride;
    one.dims.erase(one.dims.begin() + 1);
    one.shape.erase(one.shape.begin() + 1);
    slices[blockName(i, "rope_freq")] = one;
  }
  slices.erase(it);
  return llvm::Error::success();
}

/// DINOv3 as its authors save it: the periods are rounded to bf16, and its users see them rounded.
void takePeriods(Imported &imported) {
  Slices &slices = imported.tensors.slices;
  auto it = slices.find("rope_periods");
  if (it == slices.end())
    return;
  int64_t elements = it->second.shape.empty() ? 1 : it->second.shape[0];
  std::vector<double> &periods = imported.checkpoint.config.rope.periods;
  constexpr int64_t most = 1 << 12;
  periods.resize(std::min(elements, most)); // validate() compares with head_dim
  if (it->second.shape.size() == 1)
    viewOf(it->second, {elements})->read(0, periods);
  imported.tensors.ignored.push_back(quoteForMessage(it->second.raw->name) + " (kept in rope.periods)");
  slices.erase(it);
}

llvm::Error describeHead(const TimmArchitecture &facts, Imported &imported) {
  ModelConfig &config = imported.checkpoint.config;
  const CanonicalTensors &tensors = imported.tensors;
  auto layer = [&](const char *name, const char *from) {
    std::string tensor = std::string("head.") + name;
    config.head.layers.push_back({name, from, tensors.extent(tensor + ".w", 0), tensors.has(tensor + ".b")});
  };
  bool distilled = tensors.has("embed.dist");
  if (distilled && !tensors.has("head.main.w"))
    return inputError("{}: a distilled model without a head pools the mean of its two tokens, which is not "
                      "supported yet; keep the head, or use a model without distillation",
                      imported.store.path());
  if (distilled) {
    layer("main", "cls");
    layer("dist", "dist");
    config.head.combine = HeadCombine::Mean;
    if (config.head.layers[1].out == 0)
      return inputError("{}: expected a tensor 'head_dist.weight', which is missing", imported.store.path());
  } else if (tensors.has("head.main.w")) {
    layer("main", "pooled");
  } else if (tensors.has("head.pre.w")) {
    config.head.preLogits = PreLogits{tensors.extent("head.pre.w", 0), "identity", tensors.has("head.pre.b")};
  }
  return llvm::Error::success();
}

/// Whether the head is the projection of a tower, which has no bias: timm gives it one of zeros. One that was
/// trained to classify has numbers.
bool hasNoBias(const CanonicalTensors &tensors) {
  const TensorSlice *bias = tensors.find("head.main.b");
  if (!bias)
    return true;
  constexpr int64_t most = 1 << 16;
  if (bias->shape.size() != 1 || bias->shape[0] > most)
    return false;
  std::vector<double> values(bias->shape[0]);
  viewOf(*bias, bias->shape)->read(0, values);
  return llvm::all_of(values, [](double value) { return value == 0; });
}

void describePool(const TimmArchitecture &facts, Imported &imported) {
  ModelConfig &config = imported.checkpoint.config;
  const CanonicalTensors &tensors = imported.tensors;
  config.pool.kind = *findTimmPool(facts.pool);
  config.pool.includePrefix = facts.poolIncludesPrefix;
  if (config.pool.kind == PoolKind::Map) {
    if (facts.poolHeads != config.heads)
      config.pool.heads = facts.poolHeads;
    if (int64_t hidden = tensors.extent("pool.fc1.w", 0); hidden != config.block.mlp.hidden)
      config.pool.hidden = hidden;
  }
  const TensorSlice *norm = tensors.find("final.norm.w");
  config.finalNorm = !norm                                                          ? FinalNorm::None
                     : llvm::StringRef(norm->raw->name).ends_with("fc_norm.weight") ? FinalNorm::AfterPool
                                                                                    : FinalNorm::AllTokens;
}

} // namespace

llvm::Error vitc::canonicaliseTimm(Imported &imported) {
  int64_t depth = countBlocks(imported.tensors);
  unpackGates(imported.tensors, depth);
  if (llvm::Error error = unpackParallel(imported, depth))
    return error;
  if (llvm::Error error = applyBiasMasks(imported, depth))
    return error;
  return splitFrequencies(imported, depth);
}

llvm::Error vitc::describeTimm(const TimmArchitecture &facts, Imported &imported) {
  ModelConfig &config = imported.checkpoint.config;
  CanonicalTensors &tensors = imported.tensors;
  if (llvm::Error error = canonicaliseTimm(imported))
    return error;
  if (!tensors.has("embed.patch.w"))
    return inputError("{}: expected a tensor 'patch_embed.proj.weight', which is missing",
                      imported.store.path());
  fillFromShapes(tensors, config);
  config.heads = facts.heads;
  int64_t inner = tensors.extent("blk.0.q.w", 0);
  if (inner % config.heads != 0)
    return inputError("{}: num_heads: expected a divisor of {}, the rows of queries, got {}",
                      imported.store.path(), inner, config.heads);
  config.headDim = inner / config.heads;
  config.normEps = facts.eps;
  config.block.mlp.act =
      facts.act.value_or(config.block.mlp.kind == MlpKind::Glu ? Activation::Silu : Activation::GeluErf);
  config.block.placement = facts.placement;
  config.rope = facts.rope;
  takePeriods(imported);
  if (config.pos.kind == PosKind::Learned)
    config.pos.resize = facts.posResize;
  if (config.relBias != RelBiasKind::None)
    config.relBiasResize = RelBiasResize::Geometric;
  if (config.relBiasGrid)
    imported.checkpoint.notes.push_back(fmt::format(
        "relative positions: tables for {}x{} patches, resampled for {}x{}", config.relBiasGrid->height,
        config.relBiasGrid->width, config.grid().height, config.grid().width));
  describePool(facts, imported);
  if (llvm::Error error = describeHead(facts, imported))
    return error;
  if (facts.tower && config.head.layers.size() == 1 && hasNoBias(imported.tensors)) {
    useHeadAsProjection(imported);
    imported.checkpoint.notes.push_back(
        "pooled: the embedding of the picture, not normalised to length 1; the head "
        "has no bias, so it is the projection of a tower and no classifier");
  }
  return llvm::Error::success();
}

void vitc::useHeadAsProjection(Imported &imported) {
  ModelConfig &config = imported.checkpoint.config;
  if (config.head.layers.empty())
    return;
  config.head.preLogits = PreLogits{config.classes(), "identity", config.head.layers[0].bias};
  config.head.layers.clear();
  for (const char *part : {"w", "b"})
    if (auto node = imported.tensors.slices.extract(std::string("head.main.") + part)) {
      node.key() = std::string("head.pre.") + part;
      imported.tensors.slices.insert(std::move(node));
    }
}
