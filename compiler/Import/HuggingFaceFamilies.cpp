//===- HuggingFaceFamilies.cpp - the families and classes of transformers ---------------------------===//
//
// Sources: huggingface/transformers 4.57 and 5.23, models/*/configuration_*.py and modeling_*.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/HuggingFaceFamilies.h"
#include <cmath>

using namespace vitc;
using namespace vitc::hf;

namespace {

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant;

//===- Keys ---------------------------------------------------------------------------------------===//

constexpr KeyRule vitKeys[] = {
    {"intermediate_size", U}, {"layer_norm_eps", U},     {"qkv_bias", U},       {"head_dim", U},
    {"pooler_act", U},        {"pooler_output_size", U}, {"encoder_stride", I}, {"use_mask_token", I},
};
constexpr KeyRule maeKeys[] = {
    {"intermediate_size", U},
    {"layer_norm_eps", U},
    {"qkv_bias", U},
    {"head_dim", U},
    {"mask_ratio", I},
    {"norm_pix_loss", I},
    {"decoder_num_attention_heads", I},
    {"decoder_hidden_size", I},
    {"decoder_num_hidden_layers", I},
    {"decoder_intermediate_size", I},
};
constexpr KeyRule beitKeys[] = {
    {"intermediate_size", U},
    {"layer_norm_eps", U},
    {"head_dim", U},
    {"use_mean_pooling", U},
    {"use_absolute_position_embeddings", U},
    {"use_relative_position_bias", U},
    {"use_shared_relative_position_bias", U},
    {"layer_scale_init_value", U},
    {"vocab_size", I},
    {"use_mask_token", I},
    // Segmentation.
    {"pool_scales", I},
    {"use_auxiliary_head", I},
    {"auxiliary_loss_weight", I},
    {"auxiliary_channels", I},
    {"auxiliary_num_convs", I},
    {"auxiliary_concat_input", I},
    {"semantic_loss_ignore_index", I},
    {"segmentation_indices", I},
    {"add_fpn", I},
};
constexpr KeyRule dinov2Keys[] = {
    {"mlp_ratio", U},      {"layer_norm_eps", U},   {"qkv_bias", U},       {"head_dim", U},
    {"use_swiglu_ffn", U}, {"layerscale_value", I}, {"use_mask_token", I},
};
constexpr KeyRule dinov2RegisterKeys[] = {
    {"mlp_ratio", U},
    {"layer_norm_eps", U},
    {"qkv_bias", U},
    {"head_dim", U},
    {"use_swiglu_ffn", U},
    {"num_register_tokens", U},
    {"layerscale_value", I},
    {"use_mask_token", I},
    // Its files hold these; transformers always antialiases, without an offset.
    {"interpolate_antialias", I},
    {"interpolate_offset", I},
};
constexpr KeyRule dinov3Keys[] = {
    {"intermediate_size", U}, {"layer_norm_eps", U},      {"query_bias", U},       {"key_bias", U},
    {"value_bias", U},        {"proj_bias", U},           {"mlp_bias", U},         {"use_gated_mlp", U},
    {"rope_theta", U},        {"num_register_tokens", U}, {"layerscale_value", I}, {"pos_embed_shift", I},
    {"pos_embed_jitter", I},  {"pos_embed_rescale", I}, // of training
};
constexpr KeyRule clipKeys[] = {
    {"intermediate_size", U},
    {"layer_norm_eps", U},
    {"projection_dim", U},
};
constexpr KeyRule siglipKeys[] = {
    {"intermediate_size", U},
    {"layer_norm_eps", U},
    {"vision_use_head", U},
};
constexpr KeyRule aimv2Keys[] = {
    {"intermediate_size", U}, {"rms_norm_eps", U}, {"qkv_bias", U},
    {"mlp_bias", U},          {"use_head", U},     {"is_native", U},
};

//===- What keys and tensors say alike --------------------------------------------------------------===//

constexpr Presence qkvBias[] = {
    {"qkv_bias", "blk.0.q.b"}, {"qkv_bias", "blk.0.k.b"}, {"qkv_bias", "blk.0.v.b"}};
constexpr Presence beitPresences[] = {
    {"use_absolute_position_embeddings", "embed.pos"},
    {"use_relative_position_bias", "blk.0.rel_table"},
    {"use_shared_relative_position_bias", "rel_table"},
    {"layer_scale_init_value", "blk.0.ls1"},
};
constexpr Presence dinov2Presences[] = {{"qkv_bias", "blk.0.q.b"},
                                        {"qkv_bias", "blk.0.k.b"},
                                        {"qkv_bias", "blk.0.v.b"},
                                        {"use_swiglu_ffn", "blk.0.gate.w"}};
constexpr Presence dinov3Presences[] = {
    {"query_bias", "blk.0.q.b"}, {"key_bias", "blk.0.k.b"},   {"value_bias", "blk.0.v.b"},
    {"proj_bias", "blk.0.o.b"},  {"mlp_bias", "blk.0.fc1.b"}, {"use_gated_mlp", "blk.0.gate.w"},
};
constexpr Presence aimv2Presences[] = {
    {"qkv_bias", "blk.0.q.b"},
    {"qkv_bias", "blk.0.k.b"},
    {"qkv_bias", "blk.0.v.b"},
    {"qkv_bias", "blk.0.o.b"},
    {"mlp_bias", "blk.0.fc1.b"},
    {"use_head", "pool.probe"},
    {"is_native", "embed.pos", /*inverted=*/true},
};

int64_t widthOf(const ModelConfig &config) { return config.width; }
int64_t channelsOf(const ModelConfig &config) { return config.channels; }
int64_t depthOf(const ModelConfig &config) { return config.depth; }
int64_t hiddenOf(const ModelConfig &config) { return config.block.mlp.hidden; }
int64_t registersOf(const ModelConfig &config) {
  for (const TokenRun &run : config.prefix)
    if (run.kind == "reg")
      return run.count;
  return 0;
}
constexpr Size sizes[] = {
    {"hidden_size", widthOf, "embed.patch.w"},         {"num_channels", channelsOf, "embed.patch.w"},
    {"num_hidden_layers", depthOf, "blk.0.ln1.w"},     {"intermediate_size", hiddenOf, "blk.0.fc1.w"},
    {"num_register_tokens", registersOf, "embed.reg"},
};

//===- What needs more than a table -----------------------------------------------------------------===//

/// DINOv2 resizes its table from a square to any picture that is no square, even to the one it was made for.
llvm::Error squareTable(Reader &reader) {
  Extent grid = reader.config().grid();
  if (reader.config().inputSize.height == reader.config().inputSize.width)
    return llvm::Error::success();
  auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(reader.config().patches())));
  if (side * side != reader.config().patches())
    return reader.json.get("image_size")
        ->error(
            fmt::format("expected a square, or a square number of patches, since transformers resizes the "
                        "position table from a square; got {}x{} patches",
                        grid.height, grid.width));
  reader.config().pos.grid = {side, side};
  return llvm::Error::success();
}

llvm::Error readDinov2(Reader &reader) {
  MlpConfig &mlp = reader.config().block.mlp;
  bool glu = mlp.kind == MlpKind::Glu;
  if (glu)
    mlp.act = Activation::Silu; // whatever hidden_act says
  if (std::optional<JsonRef> ratio = reader.json.findValue("mlp_ratio")) {
    llvm::Expected<double> number = ratio->asNumber();
    if (!number)
      return number.takeError();
    double wanted = static_cast<double>(reader.config().width) * *number;
    // SwiGLU: two thirds, rounded up to a multiple of 8.
    if (wanted >= 0 && wanted <= 1e9 && glu)
      wanted = static_cast<double>((static_cast<int64_t>(std::floor(wanted) * 2 / 3) + 7) / 8 * 8);
    if (std::floor(wanted) != static_cast<double>(mlp.hidden))
      return ratio->error(fmt::format("expected this to lead to the {} hidden units of '{}', got {}",
                                      mlp.hidden, reader.sourceName("blk.0.fc1.w"), *number));
  }
  return squareTable(reader);
}

llvm::Error readDinov3(Reader &reader) {
  llvm::Expected<double> theta = reader.number("rope_theta", 100);
  if (!theta)
    return theta.takeError();
  if (*theta <= 0)
    return reader.json.get("rope_theta")->expected("a positive number");
  reader.config().rope.kind = RopeKind::DinoV3;
  reader.config().rope.base = *theta;
  return llvm::Error::success();
}

llvm::Error readBeit(Reader &reader) {
  ModelConfig &config = reader.config();
  if (reader.has("rel_table") && reader.has("blk.0.rel_table"))
    return reader.json.error(
        "expected one of use_relative_position_bias and use_shared_relative_position_bias, "
        "got both, which vitc cannot compile");
  if (config.inputSize.height != config.inputSize.width)
    return reader.json.get("image_size")
        ->error("expected a square for BEiT: transformers reads its tables as if they were square");
  llvm::Expected<bool> mean = reader.flag("use_mean_pooling", true);
  if (!mean)
    return mean.takeError();
  if (reader.tail.pool != PoolKind::Mean) // masked image modeling has a norm of its own
    return llvm::Error::success();
  if (!*mean)
    reader.tail = {FinalNorm::AllTokens, PoolKind::Cls, reader.tail.head};
  else if (!reader.has("final.norm.w")) // saved without the pooler, which has the only norm
    reader.tail = {FinalNorm::None, PoolKind::Cls, reader.tail.head};
  return llvm::Error::success();
}

llvm::Error readSiglip(Reader &reader) {
  if (reader.tail.pool != PoolKind::Map) // a classifier has no such head, whatever its configuration says
    return llvm::Error::success();
  return reader.compare(Presence{"vision_use_head", "pool.probe"});
}

llvm::Error readAimv2(Reader &reader) {
  ModelConfig &config = reader.config();
  if (!reader.has("embed.pos")) { // is_native
    config.posCovers = PosCovers::All;
    config.pos.kind = PosKind::SincosMae;
  }
  if (reader.has("pool.probe")) { // the probe is the query, and no MLP follows
    config.pool.query = config.pool.mlp = false;
    config.pool.kvBias = reader.has("pool.k.b");
  }
  return llvm::Error::success();
}

//===- Families -----------------------------------------------------------------------------------===//

const Family vit{.name = "ViT", .names = &vitNames, .keys = vitKeys, .presences = qkvBias};
const Family vitMae{.name = "ViTMAE", .names = &vitNames, .keys = maeKeys, .presences = qkvBias};
const Family vitMsn{.name = "ViTMSN", .names = &vitNames, .keys = vitKeys, .presences = qkvBias, .eps = 1e-6};
const Family beit{
    .name = "BEiT", .names = &vitNames, .keys = beitKeys, .presences = beitPresences, .readMore = readBeit};
const Family dinov2{.name = "DINOv2",
                    .names = &dinov2Names,
                    .keys = dinov2Keys,
                    .presences = dinov2Presences,
                    .eps = 1e-6,
                    .anySize = true,
                    .readMore = readDinov2};
const Family dinov2WithRegisters{.name = "DINOv2 with registers",
                                 .names = &dinov2Names,
                                 .keys = dinov2RegisterKeys,
                                 .presences = dinov2Presences,
                                 .eps = 1e-6,
                                 .resize = {"cubic-0.5", /*antialias=*/true, /*alignCorners=*/false, "size"},
                                 .anySize = true,
                                 .readMore = readDinov2};
const Family dinov3{.name = "DINOv3",
                    .names = &dinov3Names,
                    .keys = dinov3Keys,
                    .presences = dinov3Presences,
                    .heads = 6,
                    .eps = 1e-5,
                    .anySize = true,
                    .readMore = readDinov3};
const Family clip{
    .name = "CLIP", .names = &clipNames, .keys = clipKeys, .activation = "quick_gelu", .eps = 1e-5};
const Family siglip{.name = "SigLIP",
                    .names = &clipNames,
                    .keys = siglipKeys,
                    .activation = "gelu_pytorch_tanh",
                    .eps = 1e-6,
                    .readMore = readSiglip};
const Family aimv2{.name = "AIMv2",
                   .names = &aimv2Names,
                   .keys = aimv2Keys,
                   .presences = aimv2Presences,
                   .norm = NormKind::Rms,
                   .heads = 8,
                   .activation = "silu",
                   .epsKey = "rms_norm_eps",
                   .eps = 1e-5,
                   .readMore = readAimv2};

//===- Classes ------------------------------------------------------------------------------------===//

constexpr Tail token{FinalNorm::AllTokens, PoolKind::Cls, Head::None},
    pooler{FinalNorm::AllTokens, PoolKind::Cls, Head::Pooler},
    classifier{FinalNorm::AllTokens, PoolKind::Cls, Head::Classifier},
    teacher{FinalNorm::AllTokens, PoolKind::Cls, Head::Teacher},
    tokenAndMean{FinalNorm::AllTokens, PoolKind::ConcatClsMean, Head::Classifier},
    features{FinalNorm::AllTokens, PoolKind::None, Head::None},
    meanClassifier{FinalNorm::AllTokens, PoolKind::Mean, Head::Classifier},
    beitModel{FinalNorm::AfterPool, PoolKind::Mean, Head::None},
    beitClassifier{FinalNorm::AfterPool, PoolKind::Mean, Head::Classifier},
    clipTower{FinalNorm::AfterPool, PoolKind::Cls, Head::None},
    clipModel{FinalNorm::AfterPool, PoolKind::Cls, Head::Projection},
    clipClassifier{FinalNorm::None, PoolKind::Mean, Head::Classifier},
    attentionPool{FinalNorm::AllTokens, PoolKind::Map, Head::None},
    attentionPoolProjection{FinalNorm::AllTokens, PoolKind::Map, Head::Projection};

constexpr IgnoreRule noPooler[] = {{"pooler.*", "the class has no pooler"}};
constexpr IgnoreRule noHead[] = {{"classifier.*", "the class has no head"},
                                 {"cls_classifier.*", "the class has no head"},
                                 {"distillation_classifier.*", "the class has no head"}};
constexpr IgnoreRule noMasks[] = {{"pooler.*", "the class has no pooler"},
                                  {"lm_head.*", "predicts masked patches, which training only asks for"}};
constexpr IgnoreRule noPostNorm[] = {{"post_layernorm.*", "the class takes the mean before this norm"}};
constexpr IgnoreRule noAttentionPool[] = {{"head.*", "the class takes the mean instead"}};
constexpr IgnoreRule noProjection[] = {{"visual_projection.*", "the class has no projection"},
                                       {"classifier.*", "the class has no head"}};

constexpr const char *classifies = "classifier.weight", *teaches = "distillation_classifier.weight",
                     *projects = "visual_projection.weight";
constexpr const char *unmasked =
    "masking: none, all patches are kept; the class itself drops most patches at random, "
    "in evaluation, too, unless mask_ratio is 0";
constexpr const char *encoderOnly = "outputs: the encoder's; the class's own predict masked patches";
constexpr const char *naflex =
    "NaFlex models take lists of patches of pictures of any shape; the SigLIP 2 checkpoints "
    "of a fixed size (SiglipModel) are supported";

/// Classes of one model_type: those with a marker first, the one that fits any file last.
const ModelClass classes[] = {
    // clang-format off
    {"ViTForImageClassification", "vit", &vit, classifier, noPooler, classifies},
    {"ViTForMaskedImageModeling", "vit", &vit, token, noMasks, "decoder.0.weight", encoderOnly},
    {"ViTModel", "vit", &vit, pooler, noHead},
    {"DeiTForImageClassificationWithTeacher", "deit", &vit, teacher, noPooler, teaches},
    {"DeiTForImageClassification", "deit", &vit, classifier, noPooler, classifies},
    {"DeiTForMaskedImageModeling", "deit", &vit, token, noMasks, "decoder.0.weight", encoderOnly},
    {"DeiTModel", "deit", &vit, pooler, noHead},
    {"ViTMAEForPreTraining", "vit_mae", &vitMae, token, {}, "decoder.decoder_pred.weight", unmasked},
    {"ViTMAEModel", "vit_mae", &vitMae, token, {}, nullptr, unmasked},
    {"ViTMSNForImageClassification", "vit_msn", &vitMsn, classifier, {}, classifies},
    {"ViTMSNModel", "vit_msn", &vitMsn, token, noHead},
    {"IJepaForImageClassification", "ijepa", &vit, meanClassifier, noPooler, classifies},
    {"IJepaModel", "ijepa", &vit, features, noHead},
    {"BeitForImageClassification", "beit", &beit, beitClassifier, {}, classifies},
    {"BeitForMaskedImageModeling", "beit", &beit, token, noMasks, "lm_head.weight", encoderOnly},
    {"BeitModel", "beit", &beit, beitModel, noHead},
    {"Data2VecVisionForImageClassification", "data2vec-vision", &beit, beitClassifier, {}, classifies},
    {"Data2VecVisionModel", "data2vec-vision", &beit, beitModel, noHead},
    {"Dinov2ForImageClassification", "dinov2", &dinov2, tokenAndMean, {}, classifies},
    {"Dinov2Model", "dinov2", &dinov2, token, noHead},
    {"Dinov2WithRegistersForImageClassification", "dinov2_with_registers", &dinov2WithRegisters, tokenAndMean, {}, classifies},
    {"Dinov2WithRegistersModel", "dinov2_with_registers", &dinov2WithRegisters, token, noHead},
    {"DINOv3ViTModel", "dinov3_vit", &dinov3, token, noHead},
    {"CLIPForImageClassification", "clip", &clip, clipClassifier, noPostNorm, classifies, nullptr, true},
    {"CLIPModel", "clip", &clip, clipModel, {}, nullptr, nullptr, true},
    {"CLIPVisionModelWithProjection", "clip_vision_model", &clip, clipModel, {}, projects},
    {"CLIPVisionModel", "clip_vision_model", &clip, clipTower, noProjection},
    {"MetaClip2ForImageClassification", "metaclip_2", &clip, clipClassifier, noPostNorm, classifies, nullptr, true},
    {"MetaClip2Model", "metaclip_2", &clip, clipModel, {}, nullptr, nullptr, true},
    {"MetaClip2VisionModelWithProjection", "metaclip_2_vision_model", &clip, clipModel, {}, projects},
    {"MetaClip2VisionModel", "metaclip_2_vision_model", &clip, clipTower, noProjection},
    {"SiglipForImageClassification", "siglip", &siglip, meanClassifier, noAttentionPool, classifies, nullptr, true},
    {"SiglipModel", "siglip", &siglip, attentionPool, noProjection, nullptr, nullptr, true},
    {"SiglipVisionModel", "siglip_vision_model", &siglip, attentionPool, noProjection},
    {"Siglip2Model", "siglip2", nullptr, {}, {}, nullptr, naflex},
    {"Siglip2VisionModel", "siglip2_vision_model", nullptr, {}, {}, nullptr, naflex},
    {"Siglip2ForImageClassification", "siglip2", nullptr, {}, {}, nullptr, naflex},
    {"Aimv2Model", "aimv2", &aimv2, attentionPoolProjection, {}, nullptr, nullptr, true},
    {"Aimv2VisionModel", "aimv2_vision_model", &aimv2, attentionPool, noProjection},
    // clang-format on
};

} // namespace

llvm::ArrayRef<ModelClass> hf::modelClasses() { return classes; }
llvm::ArrayRef<Size> hf::sizeKeys() { return sizes; }
