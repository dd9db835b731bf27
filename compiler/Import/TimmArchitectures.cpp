#include "compiler/Import/TimmArchitectures.h"
#include "compiler/Support/Glob.h"
#include "llvm/ADT/StringRef.h"

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
    {"vit_giant_patch16_radio_*", 1536, 24},
    {"vit_giant_patch16_lingbot", 1536, 24},
    {"vit_small_plus_patch16_dinov3*", 384, 6},
    {"vit_huge_plus_patch16_dinov3*", 1280, 20},
    {"vit_7b_patch16_dinov3", 4096, 32},
    {"vit_pe_*_tiny_*", 192, 3},
    {"vit_pe_*_small_*", 384, 6},
    {"vit_pe_*_base_*", 768, 12},
    {"vit_pe_*_large_*", 1024, 16},
    {"vit_pe_*_gigantic_*", 1536, 16},
    {"vit_*_plus_*", 896, 14},
    {"vit_tiny_*", 192, 3},
    {"vit_xsmall_*", 256, 4},
    {"vit_wee_*", 256, 4},
    {"vit_pwee_*", 256, 4},
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
    {"beit_base_*", 768, 12},
    {"beit_large_*", 1024, 16},
    {"beitv2_base_*", 768, 12},
    {"beitv2_large_*", 1024, 16},
    {"beit3_base_*", 768, 12},
    {"beit3_large_*", 1024, 16},
    {"beit3_giant_*", 1408, 16},
    {"eva_large_*", 1024, 16},
    {"eva_giant_*", 1408, 16},
    {"eva02_tiny_*", 192, 3},
    {"eva02_small_*", 384, 6},
    {"eva02_base_*", 768, 12},
    {"eva02_large_*", 1024, 16},
    {"eva02_enormous_*", 1792, 16},
    {"aimv2_large_*", 1024, 8},
    {"aimv2_huge_*", 1536, 12},
    {"aimv2_1b_*", 2048, 16},
    {"aimv2_3b_*", 3072, 24},
    {"test_vit", 64, 2},
    {"test_vit2", 64, 2},
    {"test_vit3", 96, 3},
    {"test_vit4", 96, 3},
};

struct Trait {
  const char *pattern;
  void (*apply)(TimmArchitecture &);
};
void eps5(TimmArchitecture &a) { a.eps = 1e-5; }
void quickGelu(TimmArchitecture &a) { a.act = Activation::QuickGelu; }
void geluTanh(TimmArchitecture &a) { a.act = Activation::GeluTanh; }
void averagePool(TimmArchitecture &a) { a.pool = "avg"; }
void tokenPool(TimmArchitecture &a) { a.pool = "token"; }
void mapPool(TimmArchitecture &a) { a.pool = "map"; }
void poolOfPe(TimmArchitecture &a) { // timm's Eva shows its pool all tokens
  a.pool = "map";
  a.poolHeads = 8;
  a.poolIncludesPrefix = true;
}
void poolWithPrefix(TimmArchitecture &a) {
  a.pool = "map";
  a.poolIncludesPrefix = true;
}
void tower(TimmArchitecture &a) { a.tower = true; }
void postNorm(TimmArchitecture &a) { a.placement = Placement::ResPost; } // with the names of a pre-norm model
void parallelBlocks(TimmArchitecture &a) { a.placement = Placement::Parallel; }
void flexible(TimmArchitecture &a) { a.posResize = {"linear", false, false, "size"}; }
void ropeOfEva02(TimmArchitecture &a) { a.rope = {RopeKind::Cat, 10000, "yx", "adjacent", {16, 16}, 0, {}}; }
void ropeAxial(TimmArchitecture &a) { a.rope = {RopeKind::Cat, 100, "xy", "adjacent", {0, 0}, 0, {}}; }
void ropeMixed(TimmArchitecture &a) { a.rope = {RopeKind::Mixed, 10, "xy", "adjacent", {0, 0}, 0, {}}; }
void ropeOfDinoV3(TimmArchitecture &a) { a.rope = {RopeKind::DinoV3, 100, "yx", "half", {0, 0}, 0, {}}; }
template <int64_t ref, int offset> void ropeOfPe(TimmArchitecture &a) {
  a.rope = {RopeKind::Cat, 10000, "xy", "adjacent", {ref, ref}, offset, {}};
}
// All that match count, in this order.
constexpr Trait traits[] = {
    {"*_clip_*", eps5},
    {"*_clip_*", tower},
    {"vit_pe_core_*", tower},
    {"*_clip_quickgelu_*", quickGelu},
    {"vit_*_siglip_*", mapPool},
    {"vit_*_map_*", mapPool},
    {"vit_base_patch32_siglip_*", geluTanh},
    {"vit_large_patch16_siglip_512", geluTanh},
    {"vit_large_patch16_siglip_gap_512", geluTanh},
    {"vit_so400m_patch16_siglip_*", geluTanh},
    {"vit_giantopt_patch16_siglip_*", geluTanh},
    {"vit_*_gap_*", averagePool},
    {"test_vit2", averagePool},
    {"test_vit3", poolWithPrefix},
    {"test_vit4", averagePool},
    {"vit_*_rpn_*", averagePool},
    {"vit_*_rpn_*", postNorm},
    {"vit_*_xp_*", parallelBlocks},
    {"vit_pwee_*", parallelBlocks},
    {"vit_*_rope_*", ropeAxial},
    {"vit_*_rope_mixed_*", ropeMixed},
    {"vit_*_rope_reg*", ropeOfEva02},
    {"vit_*_dinov3*", averagePool},
    {"vit_*_dinov3*", eps5},
    {"vit_*_dinov3*", ropeOfDinoV3},
    {"vit_*_lingbot", eps5},
    {"vit_*_lingbot", ropeOfDinoV3},
    {"vit_pe_*", eps5},
    {"vit_pe_*", averagePool},
    {"vit_pe_*", ropeOfPe<32, 1>},
    {"vit_pe_*_gigantic_*", ropeOfPe<32, 0>},
    {"vit_pe_core_*", poolOfPe},
    {"vit_pe_core_tiny_*", ropeOfPe<24, 1>},
    {"vit_pe_core_small_*", ropeOfPe<24, 1>},
    {"vit_pe_core_base_*", ropeOfPe<14, 1>},
    {"vit_pe_core_large_*", ropeOfPe<24, 1>},
    {"flexivit_*", flexible},
    {"beit*", averagePool},
    {"beit3_*", eps5},
    {"eva*", averagePool},
    {"eva02_*", ropeOfEva02},
    {"eva*_clip_*", tokenPool},
    {"eva*_clip_*", [](TimmArchitecture &a) { a.eps = 1e-6; }},
    {"eva02_enormous_*", postNorm},
    {"eva02_enormous_*", [](TimmArchitecture &a) { a.rope = {}; }},
    {"aimv2_*", averagePool},
    {"aimv2_*", eps5},
};

struct Refused {
  const char *pattern, *reason;
};
constexpr const char *differential = "differential attention", *hybrid = "a convolutional stem";
constexpr Refused refused[] = {
    {"vit_*_18x2_*", "two attentions and two MLPs side by side in each block"},
    {"vit_dpwee_*", differential},
    {"vit_dwee_*", differential},
    {"vit_dlittle_*", differential},
    {"vit_*_r_s*", hybrid},
    {"vit_*_r26_s*", hybrid},
    {"vit_*_r50_*", hybrid},
    {"vit_*_resnet*", hybrid},
    {"vit_*_mci_*", hybrid},
    {"vit_*_sapiens2", "a layer-scale behind attention alone"},
    {"vit_relpos_*", "relative positions from an MLP or a table for each block"},
    {"vit_srelpos_*", "relative positions from an MLP shared by all blocks"},
    {"naflexvit_*", "inputs of any shape in one batch"},
};

constexpr std::pair<const char *, PoolKind> pools[] = {
    {"token", PoolKind::Cls},     {"avg", PoolKind::Mean}, {"max", PoolKind::Max},
    {"avgmax", PoolKind::AvgMax}, {"map", PoolKind::Map},  {"", PoolKind::None},
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

llvm::StringRef vitc::refusedTimmArchitecture(llvm::StringRef name) {
  for (const Refused &row : refused)
    if (matchesGlob(row.pattern, name))
      return row.reason;
  return {};
}

std::optional<PoolKind> vitc::findTimmPool(llvm::StringRef name) {
  for (const auto &[spelling, kind] : pools)
    if (name == spelling)
      return kind;
  return std::nullopt;
}

std::vector<std::string> vitc::timmArchitecturePatterns() {
  std::vector<std::string> patterns;
  for (const Size &size : sizes)
    patterns.push_back(size.pattern);
  return patterns;
}
