#include "compiler/Import/Presets.h"
#include "compiler/Import/ViTSizes.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

struct Preset {
  const char *name, *size;
  int64_t patch, image;
  bool distilled;
};
// The names are timm's.
constexpr Preset presets[] = {
    {"deit_base_distilled_patch16_224", "base", 16, 224, true},
    {"deit_small_distilled_patch16_224", "small", 16, 224, true},
    {"deit_tiny_distilled_patch16_224", "tiny", 16, 224, true},
    {"vit_base_patch16_224", "base", 16, 224, false},
    {"vit_base_patch16_384", "base", 16, 384, false},
    {"vit_base_patch32_224", "base", 32, 224, false},
    {"vit_base_patch8_224", "base", 8, 224, false},
    {"vit_large_patch14_224", "large", 14, 224, false},
    {"vit_large_patch16_224", "large", 16, 224, false},
    {"vit_large_patch16_384", "large", 16, 384, false},
    {"vit_large_patch32_224", "large", 32, 224, false},
    {"vit_large_patch32_384", "large", 32, 384, false},
    {"vit_small_patch14_518", "small", 14, 518, false},
    {"vit_small_patch16_224", "small", 16, 224, false},
    {"vit_small_patch16_384", "small", 16, 384, false},
    {"vit_small_patch32_224", "small", 32, 224, false},
    {"vit_tiny_patch16_224", "tiny", 16, 224, false},
    {"vit_tiny_patch16_384", "tiny", 16, 384, false},
    {"vit_tiny_patch32_224", "tiny", 32, 224, false},
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
  config.pool.kind = PoolKind::Cls;
  config.head.layers.push_back({"main", "pooled", 1000, true});
  if (preset.distilled) {
    config.prefix.push_back({"dist", 1});
    config.head.layers = {{"main", "cls", 1000, true}, {"dist", "dist", 1000, true}};
    config.head.combine = HeadCombine::Mean;
  }
  config.pos.grid = config.grid();
  config.block.mlp.hidden = size.hidden;

  // timm's evaluation of these names: 224 is cut out of floor(224 / 0.9) = 248, larger pictures are not cut.
  Preprocess preprocess;
  int64_t scaled = preset.image == 224 ? 248 : preset.image;
  ResizeStep resize;
  resize.mode = ResizeMode::Shortest;
  resize.size = {scaled, 0};
  resize.filter = ResizeFilter::Bicubic;
  preprocess.steps = {resize, CenterCropStep{config.inputSize, CropRounding::HalfEven, 0},
                      AffineStep{1.0 / 255.0, {.5, .5, .5}, {.5, .5, .5}}};
  config.preprocess = std::move(preprocess);
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
