//===- Jax.cpp - .npz weights of Google's vision_transformer and big_vision --------------------------===//
//
// Two generations of one code, told apart by the numbers that flax gave to the layers of a block. Everything
// but epsilon and activation, which are flax's defaults, is in the tensors, heads included. Sources:
// google-research/vision_transformer, vit_jax/models_vit.py; google-research/big_vision, models/vit.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/BareLibraries.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

constexpr NameRule rules[] = {
    {"embedding/{p}", "embed.patch.{p}", Layout::Hwio},
    {"cls", "embed.cls"},
    {"Transformer/posembed_input/pos_embedding", "embed.pos"},
    {"Transformer/pos_embedding", "embed.pos"}, // big_vision before 2022
    {"pos_embedding", "embed.pos"},
    // vision_transformer counts all layers of a block, big_vision each kind.
    {"Transformer/encoderblock_{i}/LayerNorm_0/{p}", "blk.{i}.ln1.{p}"},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_1/query/{p}", "blk.{i}.q.{p}",
     Layout::HeadsIn},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_1/key/{p}", "blk.{i}.k.{p}", Layout::HeadsIn},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_1/value/{p}", "blk.{i}.v.{p}",
     Layout::HeadsIn},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_1/out/{p}", "blk.{i}.o.{p}",
     Layout::HeadsOut},
    {"Transformer/encoderblock_{i}/LayerNorm_2/{p}", "blk.{i}.ln2.{p}"},
    {"Transformer/encoderblock_{i}/MlpBlock_3/Dense_0/{p}", "blk.{i}.fc1.{p}", Layout::Transposed},
    {"Transformer/encoderblock_{i}/MlpBlock_3/Dense_1/{p}", "blk.{i}.fc2.{p}", Layout::Transposed},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/query/{p}", "blk.{i}.q.{p}",
     Layout::HeadsIn},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/key/{p}", "blk.{i}.k.{p}", Layout::HeadsIn},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/value/{p}", "blk.{i}.v.{p}",
     Layout::HeadsIn},
    {"Transformer/encoderblock_{i}/MultiHeadDotProductAttention_0/out/{p}", "blk.{i}.o.{p}",
     Layout::HeadsOut},
    {"Transformer/encoderblock_{i}/LayerNorm_1/{p}", "blk.{i}.ln2.{p}"},
    {"Transformer/encoderblock_{i}/MlpBlock_0/Dense_0/{p}", "blk.{i}.fc1.{p}", Layout::Transposed},
    {"Transformer/encoderblock_{i}/MlpBlock_0/Dense_1/{p}", "blk.{i}.fc2.{p}", Layout::Transposed},
    // Scanned models of big_vision: all blocks in one tensor.
    {"Transformer/encoderblock/LayerNorm_0/{p}", "blk.{i}.ln1.{p}"},
    {"Transformer/encoderblock/MultiHeadDotProductAttention_0/query/{p}", "blk.{i}.q.{p}", Layout::HeadsIn},
    {"Transformer/encoderblock/MultiHeadDotProductAttention_0/key/{p}", "blk.{i}.k.{p}", Layout::HeadsIn},
    {"Transformer/encoderblock/MultiHeadDotProductAttention_0/value/{p}", "blk.{i}.v.{p}", Layout::HeadsIn},
    {"Transformer/encoderblock/MultiHeadDotProductAttention_0/out/{p}", "blk.{i}.o.{p}", Layout::HeadsOut},
    {"Transformer/encoderblock/LayerNorm_1/{p}", "blk.{i}.ln2.{p}"},
    {"Transformer/encoderblock/MlpBlock_0/Dense_0/{p}", "blk.{i}.fc1.{p}", Layout::Transposed},
    {"Transformer/encoderblock/MlpBlock_0/Dense_1/{p}", "blk.{i}.fc2.{p}", Layout::Transposed},
    {"Transformer/encoder_norm/{p}", "final.norm.{p}"},
    {"MAPHead_0/probe", "pool.probe"},
    {"MAPHead_0/MultiHeadDotProductAttention_0/query/{p}", "pool.q.{p}", Layout::HeadsIn},
    {"MAPHead_0/MultiHeadDotProductAttention_0/key/{p}", "pool.k.{p}", Layout::HeadsIn},
    {"MAPHead_0/MultiHeadDotProductAttention_0/value/{p}", "pool.v.{p}", Layout::HeadsIn},
    {"MAPHead_0/MultiHeadDotProductAttention_0/out/{p}", "pool.o.{p}", Layout::HeadsOut},
    {"MAPHead_0/LayerNorm_0/{p}", "pool.ln.{p}"},
    {"MAPHead_0/MlpBlock_0/Dense_0/{p}", "pool.fc1.{p}", Layout::Transposed},
    {"MAPHead_0/MlpBlock_0/Dense_1/{p}", "pool.fc2.{p}", Layout::Transposed},
    {"pre_logits/{p}", "head.pre.{p}", Layout::Transposed},
    {"head/{p}", "head.main.{p}", Layout::Transposed},
};
constexpr const char *prefixes[] = {"opt/target/", "params/", "img/"};
constexpr IgnoreRule ignored[] = {
    {"opt/state*", "training state"},  {"opt/hyper*", "training state"},   {"opt/0/*", "training state"},
    {"opt/1/*", "training state"},     {"opt/2/*", "training state"},      {"txt/*", "the text tower"},
    {"t", "scales text similarities"}, {"b", "offsets text similarities"},
};
constexpr ParameterSpelling parameters[] = {{"kernel", "bias"}, {"scale", "bias"}};
constexpr NameTable table = {"jax", rules, prefixes, ignored, parameters};

/// Heads are a dimension of the kernels: [..., width, heads, head size].
int64_t headsOf(const CanonicalTensors &tensors, llvm::StringRef name) {
  const TensorSlice *slice = tensors.find(name);
  size_t rank = slice ? slice->raw->shape.size() : 0;
  return rank < 3 ? 0 : slice->raw->shape[rank - 2];
}

llvm::Error describe(BareModel &model) {
  if (llvm::Error error = findInputSize(model, 224))
    return error;
  const CanonicalTensors &tensors = model.tensors();
  ModelConfig &config = model.config();
  fillFromShapes(tensors, config);
  config.heads = headsOf(tensors, "blk.0.q.w");
  if (config.heads == 0)
    return model.error(fmt::format("expected a tensor '{}' of width, heads and head size, which is missing",
                                   sourceNameOf(table, "blk.0.q.w")));
  config.headDim = tensors.extent("blk.0.q.w", 0) / config.heads;
  config.normEps = 1e-6;
  config.block.mlp.act = Activation::GeluTanh;
  config.pos.resize = PosResize{"linear", /*antialias=*/false, /*alignCorners=*/true, "size"};
  if (!tensors.has("embed.pos")) { // big_vision's posemb="sincos2d" stores nothing
    config.pos.kind = PosKind::SincosSimple;
    config.posCovers = PosCovers::Patch;
  }
  config.finalNorm = tensors.has("final.norm.w") ? FinalNorm::AllTokens : FinalNorm::None;
  if (tensors.has("pool.probe")) {
    config.pool.kind = PoolKind::Map;
    config.pool.heads = headsOf(tensors, "pool.q.w");
    config.pool.hidden = tensors.extent("pool.fc1.w", 0);
  } else {
    config.pool.kind = tensors.has("embed.cls") ? PoolKind::Cls : PoolKind::Mean;
  }
  fillHeadFromShapes(tensors, config);
  if (config.channels == 3) {
    // tf.image.resize of the bytes without antialiasing, then value_range(-1, 1).
    ResizeStep resize{ResizeMode::Squash,  config.inputSize, ResizeFilter::Bilinear,
                      /*antialias=*/false, ResizeImpl::Tf,   SizeRounding::Floor};
    AffineStep affine{1, {127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}};
    config.preprocess = Preprocess{true, {resize, affine}};
    model.imported.checkpoint.notes.push_back("preprocessing: the habit of jax, no file says it");
  }
  return llvm::Error::success();
}

} // namespace

const BareLibrary vitc::bareJax = {"jax", &table, {}, nullptr, describe, "vit"};
