//===- Lucidrains.cpp - weights of lucidrains' vit-pytorch
//-----------------------------------------------===//
//
// Three generations of one code: ViT with a norm inside attention and MLP (from 1.0 on), ViT with PreNorm
// wrappers, SimpleViT. Source: lucidrains/vit-pytorch, vit_pytorch/vit.py and simple_vit.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/BareLibraries.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;

namespace {

constexpr const char *qkv = "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}";

constexpr NameRule rules[] = {
    {"to_patch_embedding.1.{p}", "embed.norm_in.{p}"},
    {"to_patch_embedding.2.{p}", "embed.patch.{p}"},
    {"to_patch_embedding.3.{p}", "embed.norm_out.{p}"},
    {"cls_token", "embed.cls"},
    {"pos_embedding", "embed.pos"},
    {"transformer.layers.{i}.0.norm.{p}", "blk.{i}.ln1.{p}"},
    {"transformer.layers.{i}.0.to_qkv.{p}", qkv},
    {"transformer.layers.{i}.0.to_out.0.{p}", "blk.{i}.o.{p}"},
    {"transformer.layers.{i}.0.to_out.{p}", "blk.{i}.o.{p}"}, // SimpleViT
    {"transformer.layers.{i}.1.net.0.{p}", "blk.{i}.ln2.{p}"},
    {"transformer.layers.{i}.1.net.1.{p}", "blk.{i}.fc1.{p}"},
    {"transformer.layers.{i}.1.net.3.{p}", "blk.{i}.fc2.{p}"}, // SimpleViT
    {"transformer.layers.{i}.1.net.4.{p}", "blk.{i}.fc2.{p}"},
    {"transformer.norm.{p}", "final.norm.{p}"},
    {"mlp_head.{p}", "head.main.{p}"},
    {"mlp_head.0.{p}", "final.norm.{p}"},
    {"mlp_head.1.{p}", "head.main.{p}"},
    {"linear_head.{p}", "head.main.{p}"},
    {"linear_head.0.{p}", "final.norm.{p}"},
    {"linear_head.1.{p}", "head.main.{p}"},
};
constexpr NameRule oldRules[] = {
    {"to_patch_embedding.1.{p}", "embed.patch.{p}"},
    {"patch_to_embedding.{p}", "embed.patch.{p}"},
    {"cls_token", "embed.cls"},
    {"pos_embedding", "embed.pos"},
    {"transformer.layers.{i}.0.norm.{p}", "blk.{i}.ln1.{p}"},
    {"transformer.layers.{i}.0.fn.to_qkv.{p}", qkv},
    {"transformer.layers.{i}.0.fn.to_out.0.{p}", "blk.{i}.o.{p}"},
    {"transformer.layers.{i}.1.norm.{p}", "blk.{i}.ln2.{p}"},
    {"transformer.layers.{i}.1.fn.net.0.{p}", "blk.{i}.fc1.{p}"},
    {"transformer.layers.{i}.1.fn.net.3.{p}", "blk.{i}.fc2.{p}"},
    // Older still: Residual(PreNorm(...)).
    {"transformer.layers.{i}.0.fn.norm.{p}", "blk.{i}.ln1.{p}"},
    {"transformer.layers.{i}.0.fn.fn.to_qkv.{p}", qkv},
    {"transformer.layers.{i}.0.fn.fn.to_out.0.{p}", "blk.{i}.o.{p}"},
    {"transformer.layers.{i}.1.fn.norm.{p}", "blk.{i}.ln2.{p}"},
    {"transformer.layers.{i}.1.fn.fn.net.0.{p}", "blk.{i}.fc1.{p}"},
    {"transformer.layers.{i}.1.fn.fn.net.3.{p}", "blk.{i}.fc2.{p}"},
    {"mlp_head.0.{p}", "final.norm.{p}"},
    {"mlp_head.1.{p}", "head.main.{p}"},
};
// What code without norms around the patch embedding and with norms inside the layers had in between.
constexpr const char *prefixes[] = {"module.", "model.", "state_dict."};
constexpr NameTable table = {"lucidrains", rules, prefixes, {}};
constexpr NameTable oldTable = {"lucidrains", oldRules, prefixes, {}};

/// Patches are flattened row by row with channels innermost, so the projection shows their size only as a
/// product: three channels and square patches, or one.
llvm::Error readPatch(BareModel &model) {
  ModelConfig &config = model.config();
  int64_t area = model.tensors().extent("embed.patch.w", 1);
  for (int64_t channels : {3, 1}) {
    auto side = static_cast<int64_t>(
        std::llround(std::sqrt(static_cast<double>(area) / static_cast<double>(channels))));
    if (side < 1 || side * side * channels != area)
      continue;
    config.channels = channels;
    config.patch.kind = PatchKind::Linear;
    config.patch.order = PatchOrder::HWC;
    config.patch.size = config.patch.stride = {side, side};
    return llvm::Error::success();
  }
  return model.error(
      fmt::format("expected patches of 3 or 1 channels that are square, got {} numbers per patch; a "
                  "vit.json can describe others",
                  area));
}

/// Heads times dim_head is seen, and dim_head is 64 unless it was given.
llvm::Expected<int64_t> readHeads(BareModel &model) {
  const CanonicalTensors &tensors = model.tensors();
  int64_t inner = tensors.extent("blk.0.q.w", 0);
  if (model.options.heads == 0 && !tensors.has("blk.0.o.w"))
    return 1; // the code leaves the projection out for one head of the model's width
  if (model.options.heads == 0 && inner > 0 && inner % 64 == 0) {
    model.warn(fmt::format("no tensor says the number of heads; using {} of 64, the library's default size "
                           "(--heads says otherwise)",
                           inner / 64));
    return inner / 64;
  }
  return findHeads(model, {});
}

llvm::Error describe(BareModel &model) {
  if (llvm::Error error = readPatch(model))
    return error;
  if (llvm::Error error = findInputSize(model, 0))
    return error;
  llvm::Expected<int64_t> heads = readHeads(model);
  if (!heads)
    return heads.takeError();
  ModelConfig &config = model.config();
  CanonicalTensors &tensors = model.imported.tensors;
  if (tensors.find("embed.cls") && tensors.extent("embed.cls", -2) == 0 &&
      tensors.find("embed.cls")->shape.size() > 1)
    tensors.slices.erase("embed.cls"); // what a model that pools by the mean stores: no rows
  fillFromShapes(tensors, config);
  config.heads = *heads;
  config.headDim = tensors.extent("blk.0.q.w", 0) / *heads;
  config.normEps = 1e-5;
  config.block.mlp.act = Activation::GeluErf;
  config.block.attn.outProj = tensors.has("blk.0.o.w");
  const TensorSlice *norm = tensors.find("final.norm.w");
  config.finalNorm = !norm                                                           ? FinalNorm::None
                     : llvm::StringRef(norm->raw->name).contains("transformer.norm") ? FinalNorm::AllTokens
                                                                                     : FinalNorm::AfterPool;
  bool mean = config.prefix.empty() || model.arch.contains("mean");
  config.pool.kind = mean ? PoolKind::Mean : PoolKind::Cls;
  config.pool.includePrefix = mean;
  if (!config.prefix.empty() && model.arch.empty())
    model.warn(
        "no tensor says whether the class token or the mean of all tokens is pooled; using the token, the "
        "library's default (--arch lucidrains:vit_mean says otherwise)");
  fillHeadFromShapes(tensors, config);
  model.imported.checkpoint.notes.push_back(
      "no preprocessing is known: the library takes normalised tensors only");
  return llvm::Error::success();
}

llvm::Error describeSimple(BareModel &model) {
  if (llvm::Error error = describe(model))
    return error;
  model.config().posCovers = PosCovers::Patch;
  model.config().pos.kind = PosKind::SincosSimple;
  return llvm::Error::success();
}

} // namespace

const BareLibrary vitc::bareLucidrains = {"lucidrains",
                                          &table,
                                          {},
                                          [](const WeightStore &, const CanonicalTensors &tensors) { return tensors.has("embed.pos"); },
                                          describe,
                                          "vit or vit_mean"};
const BareLibrary vitc::bareLucidrainsOld = {"lucidrains", &oldTable, {},
                                             nullptr,      describe,  "vit or vit_mean"};
const BareLibrary vitc::bareSimpleVit = {
    "lucidrains",
    &table,
    {},
    [](const WeightStore &, const CanonicalTensors &tensors) { return !tensors.has("embed.pos"); },
    describeSimple,
    "simple_vit"};
