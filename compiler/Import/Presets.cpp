#include "compiler/Import/Presets.h"
#include "compiler/Import/ViTSizes.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

struct Preset;

/// Turns a plain classifier (class token, learned positions, 1000 classes) into a member of another family.
using Kind = void (*)(const Preset &, ModelConfig &);

struct Preset {
  const char *name;
  Kind kind;
  const char *size;
  int64_t patch, image;
  int64_t out = 0; ///< CLIP: width of the space shared with texts
};

using Numbers = std::vector<double>;
const Numbers half{.5, .5, .5};
const Numbers imageNetMean{.485, .456, .406}, imageNetStd{.229, .224, .225};
const Numbers clipMean{.48145466, .4578275, .40821073}, clipStd{.26862954, .26130258, .27577711};

/// Shortest side to `scaled`, and the middle of it.
void shortest(ModelConfig &config, int64_t scaled, const Numbers &mean, const Numbers &std) {
  ResizeStep resize;
  resize.mode = ResizeMode::Shortest;
  resize.size = {scaled, 0};
  resize.filter = ResizeFilter::Bicubic;
  config.preprocess.emplace().steps = {resize, CenterCropStep{config.inputSize, CropRounding::HalfEven, 0},
                                       AffineStep{1.0 / 255.0, mean, std}};
}
void squash(ModelConfig &config, ResizeFilter filter, const Numbers &mean, const Numbers &std) {
  ResizeStep resize;
  resize.mode = ResizeMode::Squash;
  resize.size = config.inputSize;
  resize.filter = filter;
  config.preprocess.emplace().steps = {resize, AffineStep{1.0 / 255.0, mean, std}};
}
/// timm's crop_pct 0.9 at 224 pixels; larger pictures are not cut.
int64_t nineTenths(const ModelConfig &config) {
  return config.inputSize.height == 224 ? 248 : config.inputSize.height;
}

void noPositions(ModelConfig &config) {
  config.posCovers = PosCovers::None;
  config.pos.kind = PosKind::None;
}

void vit(const Preset &, ModelConfig &config) { shortest(config, nineTenths(config), half, half); }

void distilled(const Preset &preset, ModelConfig &config) {
  vit(preset, config);
  config.prefix.push_back({"dist", 1});
  config.head.layers = {{"main", "cls", 1000, true}, {"dist", "dist", 1000, true}};
  config.head.combine = HeadCombine::Mean;
}

void deit3(const Preset &, ModelConfig &config) {
  shortest(config, nineTenths(config), imageNetMean, imageNetStd);
  config.posCovers = PosCovers::Patch;
  config.block.layerScale = true;
}

/// timm's own recipes (searching for better baselines): registers instead of a class token.
template <int64_t count> void registers(const Preset &, ModelConfig &config) {
  shortest(config, config.inputSize.height * 100 / 95, half, half);
  config.prefix = {{"reg", count}};
  config.posCovers = PosCovers::Patch;
  config.block.layerScale = true;
  config.pool.kind = PoolKind::Mean;
  config.finalNorm = FinalNorm::AfterPool;
}
void test(const Preset &, ModelConfig &config) {
  shortest(config, config.inputSize.height * 100 / 95, half, half);
}

void beit(const Preset &preset, ModelConfig &config) {
  vit(preset, config);
  noPositions(config);
  config.relBias = RelBiasKind::Beit;
  config.relBiasResize = RelBiasResize::Geometric;
  config.block.attn.qkvBias = {true, false, true};
  config.block.layerScale = true;
  config.pool.kind = PoolKind::Mean;
  config.finalNorm = FinalNorm::AfterPool;
}

void dinov2(const Preset &preset, ModelConfig &config) {
  shortest(config, preset.image, imageNetMean, imageNetStd);
  config.head.layers.clear();
  config.block.layerScale = true;
  config.pos.resize = {"cubic-0.75", /*antialias=*/false, /*alignCorners=*/false, "offset0.1"};
}
void swiGlu(ModelConfig &config) {
  config.block.mlp.kind = MlpKind::Glu;
  config.block.mlp.act = Activation::Silu;
}
void dinov2Giant(const Preset &preset, ModelConfig &config) {
  dinov2(preset, config);
  swiGlu(config);
}
void dinov2Registers(const Preset &preset, ModelConfig &config) {
  dinov2(preset, config);
  config.prefix.push_back({"reg", 4});
  config.posCovers = PosCovers::ClsAndPatch;
  config.pos.resize = {"cubic-0.5", /*antialias=*/true, /*alignCorners=*/false, "size"};
}
void dinov2RegistersGiant(const Preset &preset, ModelConfig &config) {
  dinov2Registers(preset, config);
  swiGlu(config);
}

void dinov3(const Preset &preset, ModelConfig &config) {
  shortest(config, preset.image, imageNetMean, imageNetStd);
  noPositions(config);
  config.prefix.push_back({"reg", 4});
  config.rope.kind = RopeKind::DinoV3;
  config.rope.base = 100;
  config.normEps = 1e-5;
  config.block.attn.qkvBias = {true, false, true};
  config.block.layerScale = true;
  config.head.layers.clear();
}
void dinov3Plus(const Preset &preset, ModelConfig &config) {
  dinov3(preset, config);
  swiGlu(config);
}
void dinov3SevenB(const Preset &preset, ModelConfig &config) {
  dinov3Plus(preset, config);
  config.block.attn.qkvBias = {false, false, false};
}

void clip(const Preset &preset, ModelConfig &config) {
  shortest(config, preset.image, clipMean, clipStd);
  config.patch.bias = false;
  config.preNorm = true;
  config.normEps = 1e-5;
  config.finalNorm = FinalNorm::AfterPool;
  config.head.layers.clear();
  config.head.preLogits = PreLogits{preset.out, "identity", /*bias=*/false};
}
void clipQuickGelu(const Preset &preset, ModelConfig &config) {
  clip(preset, config);
  config.block.mlp.act = Activation::QuickGelu;
}

void siglip(const Preset &, ModelConfig &config) {
  squash(config, ResizeFilter::Bicubic, half, half);
  config.prefix.clear();
  config.block.mlp.act = Activation::GeluTanh;
  config.pool.kind = PoolKind::Map;
  config.head.layers.clear();
}
void siglip2(const Preset &preset, ModelConfig &config) {
  siglip(preset, config);
  squash(config, ResizeFilter::Bilinear, half, half);
}

void eva(const Preset &preset, ModelConfig &config) {
  shortest(config, preset.image, clipMean, clipStd);
  config.block.attn.qkvBias = {true, false, true};
  config.pool.kind = PoolKind::Mean;
  config.finalNorm = FinalNorm::AfterPool;
}
void eva02(const Preset &preset, ModelConfig &config) {
  eva(preset, config);
  swiGlu(config);
  config.rope.kind = RopeKind::Cat;
  config.rope.base = 10000;
  config.rope.pairing = "adjacent";
}
void eva02Large(const Preset &preset, ModelConfig &config) {
  eva02(preset, config);
  squash(config, ResizeFilter::Bicubic, clipMean, clipStd);
  config.block.mlp.innerNorm = true;
}

// The names are timm's.
constexpr Preset presets[] = {
    {"beit_base_patch16_224", beit, "base", 16, 224},
    {"beit_large_patch16_224", beit, "large", 16, 224},
    {"deit3_base_patch16_224", deit3, "base", 16, 224},
    {"deit3_small_patch16_224", deit3, "small", 16, 224},
    {"deit_base_distilled_patch16_224", distilled, "base", 16, 224},
    {"deit_small_distilled_patch16_224", distilled, "small", 16, 224},
    {"deit_tiny_distilled_patch16_224", distilled, "tiny", 16, 224},
    {"eva02_base_patch14_448", eva02Large, "eva02_base", 14, 448},
    {"eva02_large_patch14_448", eva02Large, "eva02_large", 14, 448},
    {"eva02_small_patch14_336", eva02, "eva02_small", 14, 336},
    {"eva02_tiny_patch14_336", eva02, "eva02_tiny", 14, 336},
    {"eva_giant_patch14_336", eva, "giant", 14, 336},
    {"test_vit", test, "test", 16, 160},
    {"vit_7b_patch16_dinov3", dinov3SevenB, "7b", 16, 224},
    {"vit_base_patch14_dinov2", dinov2, "base", 14, 518},
    {"vit_base_patch14_reg4_dinov2", dinov2Registers, "base", 14, 518},
    {"vit_base_patch16_224", vit, "base", 16, 224},
    {"vit_base_patch16_384", vit, "base", 16, 384},
    {"vit_base_patch16_clip_quickgelu_224", clipQuickGelu, "base", 16, 224, 512},
    {"vit_base_patch16_dinov3", dinov3, "base", 16, 224},
    {"vit_base_patch16_siglip_224", siglip, "base", 16, 224},
    {"vit_base_patch16_siglip_256", siglip, "base", 16, 256},
    {"vit_base_patch16_siglip_384", siglip, "base", 16, 384},
    {"vit_base_patch16_siglip_512", siglip, "base", 16, 512},
    {"vit_base_patch32_224", vit, "base", 32, 224},
    {"vit_base_patch32_clip_quickgelu_224", clipQuickGelu, "base", 32, 224, 512},
    {"vit_base_patch8_224", vit, "base", 8, 224},
    {"vit_betwixt_patch16_reg4_gap_256", registers<4>, "betwixt", 16, 256},
    {"vit_giant_patch14_224", vit, "giant", 14, 224},
    {"vit_giant_patch14_dinov2", dinov2Giant, "dinov2_giant", 14, 518},
    {"vit_giant_patch14_reg4_dinov2", dinov2RegistersGiant, "dinov2_giant", 14, 518},
    {"vit_giantopt_patch16_siglip_256", siglip2, "giantopt", 16, 256},
    {"vit_giantopt_patch16_siglip_384", siglip2, "giantopt", 16, 384},
    {"vit_gigantic_patch14_224", vit, "gigantic", 14, 224},
    {"vit_gigantic_patch14_clip_224", clip, "gigantic", 14, 224, 1280},
    {"vit_huge_patch14_224", vit, "huge", 14, 224},
    {"vit_huge_patch14_clip_224", clip, "huge", 14, 224, 1024},
    {"vit_huge_plus_patch16_dinov3", dinov3Plus, "huge_plus", 16, 224},
    {"vit_large_patch14_224", vit, "large", 14, 224},
    {"vit_large_patch14_clip_quickgelu_224", clipQuickGelu, "large", 14, 224, 768},
    {"vit_large_patch14_clip_quickgelu_336", clipQuickGelu, "large", 14, 336, 768},
    {"vit_large_patch14_dinov2", dinov2, "large", 14, 518},
    {"vit_large_patch14_reg4_dinov2", dinov2Registers, "large", 14, 518},
    {"vit_large_patch16_224", vit, "large", 16, 224},
    {"vit_large_patch16_384", vit, "large", 16, 384},
    {"vit_large_patch16_dinov3", dinov3, "large", 16, 224},
    {"vit_large_patch16_siglip_256", siglip, "large", 16, 256},
    {"vit_large_patch16_siglip_384", siglip, "large", 16, 384},
    {"vit_large_patch16_siglip_512", siglip2, "large", 16, 512},
    {"vit_large_patch32_224", vit, "large", 32, 224},
    {"vit_large_patch32_384", vit, "large", 32, 384},
    {"vit_large_plus_patch16_dinov3", dinov3Plus, "large", 16, 224},
    {"vit_little_patch16_reg4_gap_256", registers<4>, "little", 16, 256},
    {"vit_medium_patch16_reg4_gap_256", registers<4>, "medium", 16, 256},
    {"vit_small_patch14_518", vit, "small", 14, 518},
    {"vit_small_patch14_dinov2", dinov2, "small", 14, 518},
    {"vit_small_patch14_reg4_dinov2", dinov2Registers, "small", 14, 518},
    {"vit_small_patch16_224", vit, "small", 16, 224},
    {"vit_small_patch16_384", vit, "small", 16, 384},
    {"vit_small_patch16_dinov3", dinov3, "small", 16, 224},
    {"vit_small_patch32_224", vit, "small", 32, 224},
    {"vit_small_plus_patch16_dinov3", dinov3Plus, "small", 16, 224},
    {"vit_so400m_patch14_siglip_224", siglip, "so400m", 14, 224},
    {"vit_so400m_patch14_siglip_384", siglip, "so400m", 14, 384},
    {"vit_so400m_patch16_siglip_256", siglip2, "so400m", 16, 256},
    {"vit_so400m_patch16_siglip_384", siglip2, "so400m", 16, 384},
    {"vit_so400m_patch16_siglip_512", siglip2, "so400m", 16, 512},
    {"vit_tiny_patch16_224", vit, "tiny", 16, 224},
    {"vit_tiny_patch16_384", vit, "tiny", 16, 384},
    {"vit_tiny_patch32_224", vit, "tiny", 32, 224},
    {"vit_wee_patch16_reg1_gap_256", registers<1>, "wee", 16, 256},
};

ModelConfig configOf(const Preset &preset) {
  const ViTSize &size = *findViTSize(preset.size);
  ModelConfig config;
  config.name = preset.name;
  config.source.arch = preset.name;
  config.inputSize = {preset.image, preset.image};
  config.width = size.width;
  config.depth = size.depth;
  config.heads = size.heads;
  config.headDim = size.width / size.heads;
  config.patch.size = config.patch.stride = {preset.patch, preset.patch};
  config.prefix.push_back({"cls", 1});
  config.pos.grid = config.grid();
  config.pos.resize = PosResize(); // timm's; some kinds have another
  config.block.mlp.hidden = size.hidden;
  config.pool.kind = PoolKind::Cls;
  config.head.layers.push_back({"main", "pooled", 1000, true});
  preset.kind(preset, config);
  return config;
}

} // namespace

std::vector<std::string> vitc::presetNames() {
  std::vector<std::string> names;
  for (const Preset &preset : presets)
    names.push_back(preset.name);
  return names;
}

llvm::Expected<Checkpoint> vitc::openPreset(llvm::StringRef spec) {
  auto [name, query] = spec.split('?');
  const Preset *preset =
      llvm::find_if(presets, [&, wanted = name](const Preset &p) { return wanted == p.name; });
  if (preset == std::end(presets)) {
    llvm::SmallVector<llvm::StringRef> known;
    for (const Preset &candidate : presets)
      known.push_back(candidate.name);
    return inputError("preset:{}: expected a preset{}; the presets are: {}", name.str(),
                      didYouMean(name, known), llvm::join(known, ", "));
  }
  SeededWeights weights;
  ModelConfig config = configOf(*preset);
  for (llvm::StringRef option : llvm::split(query, '&')) {
    auto [key, value] = option.split('=');
    if (key == "seed" && !value.getAsInteger(10, weights.seed))
      continue;
    if (key == "variant" && value == "outlier") {
      weights.variant = WeightVariant::Outlier;
      config.name += "_outlier";
      continue;
    }
    if (key == "variant" && value == "plain")
      continue;
    if (!option.empty())
      return inputError(
          "preset:{}: expected options seed=NUMBER or variant=plain|outlier behind '?', joined by '&', got "
          "'{}'",
          spec.str(), option.str());
  }
  return seededCheckpoint(config, weights);
}
