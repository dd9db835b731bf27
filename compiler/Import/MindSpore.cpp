//===- MindSpore.cpp - weights of MindSpore's ViT tutorial and of mindcv -----------------------------===//
//
// The tutorial's model, which mindcv had as its own before 0.3, is named by the nesting of cells; mindcv
// since then by timm's names. Sources: mindspore-ai/docs, application/cv/vit; mindspore-lab/mindcv,
// models/vit.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/BareLibraries.h"
#include "compiler/Import/TimmModel.h"
#include "compiler/Import/TimmNames.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

constexpr NameRule rules[] = {
    {"patch_embedding.conv.{p}", "embed.patch.{p}"},
    {"cls", "embed.cls"},
    {"cls_token", "embed.cls"},
    {"pos_embedding", "embed.pos"},
    {"transformer.layers.{i}.0.cell.0.{p}", "blk.{i}.ln1.{p}"},
    {"transformer.layers.{i}.0.cell.1.qkv.{p}", "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}"},
    {"transformer.layers.{i}.0.cell.1.out.{p}", "blk.{i}.o.{p}"},
    {"transformer.layers.{i}.1.cell.0.{p}", "blk.{i}.ln2.{p}"},
    {"transformer.layers.{i}.1.cell.1.dense1.{p}", "blk.{i}.fc1.{p}"},
    {"transformer.layers.{i}.1.cell.1.dense2.{p}", "blk.{i}.fc2.{p}"},
    {"norm.{p}", "final.norm.{p}"},
    {"dense.{p}", "head.main.{p}"},
    {"head.classifier.{p}", "head.main.{p}"},
    {"head.classifier.0.classifier.{p}", "head.pre.{p}"},
    {"head.classifier.1.classifier.{p}", "head.main.{p}"},
};
constexpr const char *prefixes[] = {"backbone.", "network.", "_backbone."};
constexpr IgnoreRule ignored[] = {
    // nn.Adam, nn.AdamWeightDecay, nn.Momentum and nn.SGD clone every parameter under these names.
    {"moment1.*", "training state"},
    {"moment2.*", "training state"},
    {"adam_m.*", "training state"},
    {"adam_v.*", "training state"},
    {"vhat.*", "training state"},
    {"moments.*", "training state"},
    {"accum.*", "training state"},
    {"stat.*", "training state"},
    {"ema.*", "a running average"},
    {"beta1_power", "training state"},
    {"beta2_power", "training state"},
    {"global_step", "training state"},
    {"learning_rate", "training state"},
    {"momentum", "training state"},
    {"weight_decay", "training state"},
    {"epoch_num", "training state"},
    {"step_num", "training state"},
    {"loss_scale", "training state"},
    {"scale_sense", "training state"},
    {"current_iterator_step", "training state"},
    {"last_overflow_iterator_step", "training state"},
    {"batch_num", "training state"},
};
constexpr ParameterSpelling parameters[] = {{"weight", "bias"}, {"gamma", "beta"}};
constexpr NameTable table = {"mindspore", rules, prefixes, ignored, parameters};
const NameTable mindcvTable = {"mindcv", timmNames.rules, prefixes, ignored, parameters};

constexpr HeadsOfWidth heads[] = {{768, 12}, {1024, 16}};
constexpr double eps = 1e-7;

void noteEps(BareModel &model) {
  if (!model.options.normEps)
    model.imported.checkpoint.notes.push_back(
        fmt::format("norm.eps: {}, the default of nn.LayerNorm (--norm-eps says otherwise)", eps));
}

/// Raw bytes minus 255 * mean over 255 * std, after the given resize and crop.
void usePictures(BareModel &model, std::vector<PreprocessStep> steps) {
  ModelConfig &config = model.config();
  if (config.channels != 3)
    return;
  AffineStep affine{1, {}, {}};
  for (size_t i = 0; i < 3; ++i) {
    affine.mean.push_back(255 * imageNetColours.mean[i]);
    affine.std.push_back(255 * imageNetColours.std[i]);
  }
  steps.push_back(affine);
  config.preprocess = Preprocess{true, std::move(steps)};
  model.imported.checkpoint.notes.push_back(
      fmt::format("preprocessing: the habit of {}, no file says it", config.source.library));
}

llvm::Error describe(BareModel &model) {
  if (llvm::Error error = findInputSize(model, 0))
    return error;
  llvm::Expected<int64_t> count = findHeads(model, heads);
  if (!count)
    return count.takeError();
  const CanonicalTensors &tensors = model.tensors();
  ModelConfig &config = model.config();
  fillFromShapes(tensors, config);
  config.patch.pad = PatchPad::Same; // pad_mode of nn.Conv2d
  config.heads = *count;
  config.headDim = tensors.extent("blk.0.q.w", 0) / *count;
  config.normEps = eps;
  config.block.mlp.act = Activation::GeluTanh;
  config.pool.kind = tensors.has("embed.cls") ? PoolKind::Cls : PoolKind::Mean;
  fillHeadFromShapes(tensors, config);
  noteEps(model);
  // The tutorial's inference squashes; its validation takes the shortest side and the centre (docs).
  usePictures(model, {ResizeStep{ResizeMode::Squash, config.inputSize, ResizeFilter::Bilinear,
                                 /*antialias=*/false, ResizeImpl::OpenCv, SizeRounding::Lround}});
  return llvm::Error::success();
}

llvm::Error describeMindcv(BareModel &model) {
  if (llvm::Error error = findInputSize(model, 0))
    return error;
  llvm::Expected<int64_t> count = findHeads(model, heads);
  if (!count)
    return count.takeError();
  const TensorSlice *norm = model.tensors().find("final.norm.w");
  bool behind = norm && llvm::StringRef(norm->raw->name).ends_with("fc_norm.gamma");
  TimmArchitecture facts;
  facts.heads = *count;
  facts.eps = eps;
  facts.act = Activation::GeluTanh;
  facts.pool = behind || !model.tensors().has("embed.cls") ? "avg" : "token";
  if (llvm::Error error = describeTimm(facts, model.imported))
    return error;
  ModelConfig &config = model.config();
  config.pos.resize.reset(); // its helper does not run
  if (behind)
    config.finalNorm = FinalNorm::AfterPool;
  noteEps(model);
  int64_t size = config.inputSize.height;
  if (size == config.inputSize.width)
    usePictures(model, {ResizeStep{ResizeMode::Shortest,
                                   {static_cast<int64_t>(static_cast<double>(size) / 0.875), 0},
                                   ResizeFilter::Bilinear,
                                   /*antialias=*/false,
                                   ResizeImpl::OpenCv,
                                   SizeRounding::Lround},
                        CenterCropStep{config.inputSize, CropRounding::Floor, 0}});
  return llvm::Error::success();
}

/// Norms of mindcv are gamma and beta; timm's names are otherwise the same.
bool isMindcv(const WeightStore &store, const CanonicalTensors &tensors) {
  const TensorSlice *norm = tensors.find("blk.0.ln1.w");
  return norm && llvm::StringRef(norm->raw->name).ends_with(".gamma");
}

} // namespace

const BareLibrary vitc::bareMindSpore = {"mindspore", &table, {}, nullptr, describe, "vit_b_16"};
const BareLibrary vitc::bareMindcv = {"mindcv", &mindcvTable, {}, isMindcv, describeMindcv, "vit_b_16_224"};
