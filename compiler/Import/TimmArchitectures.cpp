#include "compiler/Import/TimmArchitectures.h"
#include "compiler/Support/Glob.h"

using namespace vitc;

namespace {

struct Size {
  const char *pattern;
  int64_t width, heads;
};
// The first match counts, so exceptions come first.
constexpr Size sizes[] = {
    {"vit_base_patch16_gap_224", 768, 16},
    {"vit_giant_patch14_dinov2", 1536, 24},
    {"vit_giant_patch14_reg*", 1536, 24},
    {"vit_*_plus_*", 896, 14},
    {"vit_tiny_*", 192, 3},
    {"vit_xsmall_*", 256, 4},
    {"vit_wee_*", 256, 4},
    {"vit_little_*", 320, 5},
    {"vit_small_*", 384, 6},
    {"vit_medium_*", 512, 8},
    {"vit_mediumd_*", 512, 8},
    {"vit_betwixt_*", 640, 10},
    {"vit_base_*", 768, 12},
    {"vit_so150m2_*", 832, 13},
    {"vit_so150m_*", 896, 14},
    {"vit_large_*", 1024, 16},
    {"vit_intern300m_*", 1024, 16},
    {"vit_so400m_*", 1152, 16},
    {"vit_huge_*", 1280, 16},
    {"vit_giant_*", 1408, 16},
    {"vit_giantopt_*", 1536, 16},
    {"vit_gigantic_*", 1664, 16},
    {"deit_tiny_*", 192, 3},
    {"deit_small_*", 384, 6},
    {"deit_base_*", 768, 12},
    {"deit3_small_*", 384, 6},
    {"deit3_medium_*", 512, 8},
    {"deit3_base_*", 768, 12},
    {"deit3_large_*", 1024, 16},
    {"deit3_huge_*", 1280, 16},
    {"flexivit_small", 384, 6},
    {"flexivit_base", 768, 12},
    {"flexivit_large", 1024, 16},
    {"test_vit", 64, 2},
    {"test_vit2", 64, 2},
};

struct Trait {
  const char *pattern;
  void (*apply)(TimmArchitecture &);
};
void clip(TimmArchitecture &a) { a.eps = 1e-5; }
void quickGelu(TimmArchitecture &a) { a.act = Activation::QuickGelu; }
void geluTanh(TimmArchitecture &a) { a.act = Activation::GeluTanh; }
void silu(TimmArchitecture &a) { a.act = Activation::Silu; }
void averagePool(TimmArchitecture &a) { a.pool = "avg"; }
void mapPool(TimmArchitecture &a) { a.pool = "map"; }
void residualPostNorm(TimmArchitecture &a) { // its tensors have the names of a pre-norm model
  a.placement = Placement::ResPost;
  a.pool = "avg";
}
// All that match count, in this order.
constexpr Trait traits[] = {
    {"*_clip_*", clip},
    {"*_clip_quickgelu_*", quickGelu},
    {"vit_giant_patch14_dinov2", silu},
    {"vit_giant_patch14_reg*", silu},
    {"vit_*_siglip_*", mapPool},
    {"vit_*_map_*", mapPool},
    {"vit_base_patch32_siglip_*", geluTanh},
    {"vit_large_patch16_siglip_512", geluTanh},
    {"vit_large_patch16_siglip_gap_512", geluTanh},
    {"vit_so400m_patch16_siglip_*", geluTanh},
    {"vit_giantopt_patch16_siglip_*", geluTanh},
    {"vit_*_gap_*", averagePool},
    {"test_vit2", averagePool},
    {"vit_*_rpn_*", residualPostNorm},
};

} // namespace

std::optional<TimmArchitecture> vitc::findTimmArchitecture(llvm::StringRef name) {
  for (const Size &size : sizes) {
    if (!matchesGlob(size.pattern, name))
      continue;
    TimmArchitecture architecture;
    architecture.width = size.width;
    architecture.heads = size.heads;
    for (const Trait &trait : traits)
      if (matchesGlob(trait.pattern, name))
        trait.apply(architecture);
    return architecture;
  }
  return std::nullopt;
}

std::vector<std::string> vitc::timmArchitecturePatterns() {
  std::vector<std::string> patterns;
  for (const Size &size : sizes)
    patterns.push_back(size.pattern);
  return patterns;
}
