//===- VitNames.h - how vit.json spells the values of the axes --------------------------------------===//
#ifndef COMPILER_IMPORT_VITNAMES_H
#define COMPILER_IMPORT_VITNAMES_H

#include "compiler/Import/ModelConfig.h"

namespace vitc {

/// The spellings of one enumeration, in the order of its values.
template <typename Enum> struct VitNames;

#define VITC_NAMES(ENUM, ...)                                                                                \
  template <> struct VitNames<ENUM> {                                                                        \
    static constexpr const char *names[] = {__VA_ARGS__};                                                    \
  }
VITC_NAMES(InputLayout, "nchw", "nhwc");
VITC_NAMES(InputShape, "fixed", "multiple", "naflex");
VITC_NAMES(PatchKind, "conv", "linear");
VITC_NAMES(PatchPad, "valid", "same");
VITC_NAMES(PatchOrder, "chw", "hwc");
VITC_NAMES(PosCovers, "all", "cls+patch", "patch", "none");
VITC_NAMES(PosKind, "learned", "sincos_mae", "sincos_simple", "none");
VITC_NAMES(RopeKind, "none", "cat", "dinov3", "mixed");
VITC_NAMES(RelBiasKind, "none", "beit");
VITC_NAMES(RelBiasResize, "linear", "geometric");
VITC_NAMES(NormKind, "layer", "rms");
VITC_NAMES(Placement, "pre", "res_post", "post", "parallel", "none");
VITC_NAMES(ScaleRule, "rsqrt_d", "number", "learned_div");
VITC_NAMES(ScaleSite, "q", "logits", "split");
VITC_NAMES(MlpKind, "plain", "glu");
VITC_NAMES(Activation, "gelu_erf", "gelu_tanh", "quick_gelu", "relu", "silu");
VITC_NAMES(FinalNorm, "all_tokens", "after_pool", "none");
VITC_NAMES(PoolKind, "cls", "mean", "max", "avgmax", "map", "concat_cls_mean", "multi_layer", "none");
VITC_NAMES(HeadCombine, "single", "mean");
VITC_NAMES(OutputValue, "logits", "probabilities", "pooled", "features", "hidden", "embedding", "attention",
           "rollout");
VITC_NAMES(ResizeMode, "shortest", "squash", "fit_patches");
VITC_NAMES(ResizeFilter, "nearest", "lanczos", "bilinear", "bicubic", "box", "hamming");
VITC_NAMES(ResizeImpl, "pil", "torch", "tf", "opencv");
VITC_NAMES(ResizePixels, "u8", "f32");
VITC_NAMES(SizeRounding, "floor", "lround");
VITC_NAMES(CropRounding, "floor", "half_even");
#undef VITC_NAMES

template <typename Enum> const char *nameOf(Enum value) {
  return VitNames<Enum>::names[static_cast<int>(value)];
}

/// The value that `name` spells, if any.
template <typename Enum> std::optional<Enum> valueOf(llvm::StringRef name) {
  int index = 0;
  for (const char *candidate : VitNames<Enum>::names) {
    if (name == candidate)
      return static_cast<Enum>(index);
    ++index;
  }
  return std::nullopt;
}

} // namespace vitc

#endif // COMPILER_IMPORT_VITNAMES_H
