//===- Torchvision.cpp - weights of torchvision's Vision Transformers ----------------------------------===//
//
// torchvision writes state dicts only. Source: torchvision/models/vision_transformer.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/BareLibraries.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

constexpr NameRule rules[] = {
    {"conv_proj.{p}", "embed.patch.{p}"},
    {"class_token", "embed.cls"},
    {"encoder.pos_embedding", "embed.pos"},
    {"encoder.layers.encoder_layer_{i}.ln_1.{p}", "blk.{i}.ln1.{p}"},
    {"encoder.layers.encoder_layer_{i}.self_attention.in_proj_{p}",
     "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}"},
    {"encoder.layers.encoder_layer_{i}.self_attention.out_proj.{p}", "blk.{i}.o.{p}"},
    {"encoder.layers.encoder_layer_{i}.ln_2.{p}", "blk.{i}.ln2.{p}"},
    {"encoder.layers.encoder_layer_{i}.mlp.0.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layers.encoder_layer_{i}.mlp.3.{p}", "blk.{i}.fc2.{p}"},
    {"encoder.layers.encoder_layer_{i}.mlp.linear_1.{p}", "blk.{i}.fc1.{p}"}, // before 0.13
    {"encoder.layers.encoder_layer_{i}.mlp.linear_2.{p}", "blk.{i}.fc2.{p}"},
    {"encoder.ln.{p}", "final.norm.{p}"},
    {"heads.pre_logits.{p}", "head.pre.{p}"},
    {"heads.head.{p}", "head.main.{p}"},
};
constexpr const char *prefixes[] = {"module.", "model.", "model_ema.", "state_dict."};
constexpr IgnoreRule ignored[] = {{"optimizer.*", "training state"}, {"lr_scheduler.*", "training state"}};
constexpr NameTable table = {"torchvision", rules, prefixes, ignored};

constexpr HeadsOfWidth heads[] = {{768, 12}, {1024, 16}, {1280, 16}};

llvm::Error describe(BareModel &model) {
  if (llvm::Error error = findInputSize(model, 0))
    return error;
  llvm::Expected<int64_t> count = findHeads(model, heads);
  if (!count)
    return count.takeError();
  ModelConfig &config = model.config();
  const CanonicalTensors &tensors = model.tensors();
  fillFromShapes(tensors, config);
  config.heads = *count;
  config.headDim = tensors.extent("blk.0.q.w", 0) / *count;
  config.normEps = 1e-6;
  config.block.mlp.act = Activation::GeluErf;
  config.pos.resize = PosResize{"cubic-0.75", false, true, "size"};
  config.pool.kind = PoolKind::Cls;
  config.finalNorm = tensors.has("final.norm.w") ? FinalNorm::AllTokens : FinalNorm::None;
  fillHeadFromShapes(tensors, config);

  // The first weights of each architecture; those of SWAG take larger pictures, whole and bicubic.
  bool swag = config.inputSize.height > 224;
  PreprocessRecipe recipe;
  recipe.filter = swag ? ResizeFilter::Bicubic : ResizeFilter::Bilinear;
  bool large16 = config.width == 1024 && config.patch.size.height == 16;
  recipe.cropPct = swag ? 1 : large16 ? 224.0 / 242.5 : 224.0 / 256;
  usePreprocess(model, recipe);
  return llvm::Error::success();
}

} // namespace

const BareLibrary vitc::bareTorchvision = {"torchvision", &table, {}, nullptr, describe, "vit_b_16"};
