// timm's families beyond the plain ViT: what names, arguments and tensors of Eva, Beit and their like become.
#include "compiler/Import/TimmArchitectures.h"
#include "compiler/Import/VitNames.h"
#include "test/compiler/Import/TimmFixtures.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;
using namespace vitc::test;

namespace {

llvm::Expected<Opened> tryTimm(const Tensors &tensors, const char *architecture, Changes arguments = {}) {
  ModelDir dir;
  dir.tensors(tensors.shapes);
  dir.config(timmConfig({{"architecture", std::string("\"") + architecture + "\""}, {"global_pool", "-"}},
                        std::move(arguments)));
  auto document = get(JsonDocument::parseFile(dir.file("config.json")));
  return bound(importTimm(dir.path(), *document));
}
std::optional<Opened> timm(const Tensors &tensors, const char *architecture, Changes arguments = {}) {
  return get(tryTimm(tensors, architecture, std::move(arguments)));
}

/// Names of one block of timm's Eva; the plain ones where a flag is off.
struct Form {
  bool splitBias = false, separate = false, packedGate = false, splitGate = false, gamma = false;
};
Tensors eva(const Form &form, bool positions = true, int64_t registers = 0) {
  Tensors t;
  t.add("cls_token", {1, 1, w});
  if (registers)
    t.add("reg_token", {1, registers, w});
  if (positions)
    t.add("pos_embed", {1, 5, w});
  t.add("patch_embed.proj.weight", {w, 3, 4, 4}).add("patch_embed.proj.bias", {w});
  for (int i = 0; i < 2; ++i) {
    std::string b = fmt::format("blocks.{}.", i);
    t.norm(b + "norm1").norm(b + "norm2");
    if (form.separate)
      t.linear(b + "attn.q_proj", w, w)
          .linear(b + "attn.k_proj", w, w, false)
          .linear(b + "attn.v_proj", w, w);
    else
      t.linear(b + "attn.qkv", 3 * w, w, !form.splitBias);
    if (form.splitBias)
      t.add(b + "attn.q_bias", {w}).add(b + "attn.v_bias", {w});
    t.linear(b + "attn.proj", w, w);
    if (form.splitGate)
      t.linear(b + "mlp.fc1_g", f, w).linear(b + "mlp.fc1_x", f, w);
    else
      t.linear(b + "mlp.fc1", form.packedGate ? 2 * f : f, w);
    if (form.splitGate)
      t.add(b + "mlp.norm.weight", {f}).add(b + "mlp.norm.bias", {f});
    t.linear(b + "mlp.fc2", w, f);
    if (form.gamma)
      t.add(b + "gamma_1", {w}).add(b + "gamma_2", {w});
  }
  t.norm("fc_norm").linear("head", classes, w);
  return t;
}

TEST(TimmFamilies, EveryArchitectureOfARelease) {
  // timm_architectures.py wrote the file.
  std::string text = readFile(VITC_TEST_DATA "/timm_architectures.tsv");
  llvm::StringRef rest = text;
  int rows = 0;
  while (!rest.empty()) {
    auto [line, tail] = rest.split('\n');
    rest = tail;
    if (line.empty() || line.starts_with("#"))
      continue;
    ++rows;
    llvm::SmallVector<llvm::StringRef, 10> cell;
    line.split(cell, '\t');
    std::string name = cell[0].str();
    EXPECT_EQ(!refusedTimmArchitecture(name).empty(), cell[1] == "refused") << name;
    if (cell[1] == "refused")
      continue;
    std::optional<TimmArchitecture> facts = findTimmArchitecture(name);
    ASSERT_TRUE(facts) << name;
    const RopeConfig &rope = facts->rope;
    std::string ropeText = "none";
    if (rope.kind != RopeKind::None)
      ropeText = fmt::format("{} {:g} {} {} {}x{} {:g}", nameOf(rope.kind), rope.base, rope.order,
                             rope.pairing, rope.ref.height, rope.ref.width, rope.offset);
    std::string act = facts->act ? nameOf(*facts->act) : cell[4] == "silu" ? "silu" : "gelu_erf";
    EXPECT_EQ(fmt::format("{} {} {:g} {} {} {} {} {} {}", facts->width, facts->heads, facts->eps, act,
                          facts->pool, facts->poolHeads, nameOf(facts->placement), ropeText,
                          facts->poolIncludesPrefix),
              llvm::join(llvm::ArrayRef(cell).drop_front(), " "))
        << name;
  }
  EXPECT_GE(rows, 240);
}

TEST(TimmFamilies, Eva02Small) { // packed gates, biases of queries and values
  auto model = timm(eva({.splitBias = true, .packedGate = true}), "eva02_small_patch14_224");
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{true, false, true}));
  EXPECT_EQ(config.block.mlp.kind, MlpKind::Glu);
  EXPECT_EQ(config.block.mlp.act, Activation::Silu);
  EXPECT_EQ(config.block.mlp.hidden, f);
  EXPECT_EQ(config.rope, (RopeConfig{RopeKind::Cat, 10000, "yx", "adjacent", {16, 16}, 0, {}}));
  EXPECT_EQ(config.pool.kind, PoolKind::Mean);
  EXPECT_EQ(config.finalNorm, FinalNorm::AfterPool);
  // The gate comes first.
  std::vector<double> gate = values(model->checkpoint, "blk.0.gate.w"),
                      value = values(model->checkpoint, "blk.0.fc1.w");
  EXPECT_EQ(gate.size(), static_cast<size_t>(f * w));
  EXPECT_EQ(value.front(), gate.front() + static_cast<double>(f * w));
  EXPECT_EQ(values(model->checkpoint, "blk.1.fc1.b").front(),
            values(model->checkpoint, "blk.1.gate.b").front() + f);
}

TEST(TimmFamilies, Eva02Large) { // separate projections, gates with an inner norm
  auto model = timm(eva({.separate = true, .splitGate = true}), "eva02_large_patch14_448");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().block.attn.qkvBias, (std::array<bool, 3>{true, false, true}));
  EXPECT_TRUE(model->config().block.mlp.innerNorm);
  EXPECT_EQ(model->config().block.mlp.kind, MlpKind::Glu);
  EXPECT_FALSE(timm(eva({}), "eva02_enormous_patch14_clip_224")->config().rope.kind != RopeKind::None);
  EXPECT_EQ(timm(eva({}), "eva02_enormous_patch14_clip_224")->config().block.placement, Placement::ResPost);
}

TEST(TimmFamilies, Beit) {
  Tensors tensors = eva({.splitBias = true, .gamma = true}, false);
  for (const char *block : {"blocks.0.", "blocks.1."})
    tensors.add(std::string(block) + "attn.relative_position_bias_table", {3 * 3 + 3, 2});
  auto model = timm(tensors, "beit_base_patch16_224");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().relBias, RelBiasKind::Beit);
  EXPECT_FALSE(model->config().relBiasShared);
  EXPECT_TRUE(model->config().block.layerScale);
  EXPECT_EQ(model->config().posCovers, PosCovers::None);
  Tensors shared = eva({.splitBias = true, .gamma = true}, false)
                       .add("rel_pos_bias.relative_position_bias_table", {12, 2});
  EXPECT_TRUE(timm(shared, "beit_base_patch16_224")->config().relBiasShared);
  EXPECT_EQ(model->config().relBiasResize, RelBiasResize::Geometric);
  EXPECT_EQ(model->config().relBiasGrid, std::nullopt);
}

// Tables for 3 x 3 patches in a model of 2 x 2.
TEST(TimmFamilies, BeitWithTablesOfAnotherGrid) {
  Tensors tensors = eva({.splitBias = true, .gamma = true}, false)
                        .add("rel_pos_bias.relative_position_bias_table", {5 * 5 + 3, 2});
  auto model = timm(tensors, "beit_base_patch16_224");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().relBiasGrid, (Extent{3, 3}));
  EXPECT_EQ(shapeOf(model->checkpoint, "rel_table"), "[28, 2]");
  EXPECT_TRUE(llvm::any_of(model->checkpoint.notes, [](const std::string &note) {
    return llvm::StringRef(note).contains("tables for 3x3 patches, resampled for 2x2");
  }));
}

TEST(TimmFamilies, DinoV3) {
  Tensors tensors = eva({.splitBias = true, .gamma = true}, false, 4);
  auto model = timm(tensors, "vit_small_patch16_dinov3_qkvb");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().rope, (RopeConfig{RopeKind::DinoV3, 100, "yx", "half", {0, 0}, 0, {}}));
  EXPECT_EQ(model->config().normEps, 1e-5);
  EXPECT_EQ(model->config().prefix, (std::vector<TokenRun>{{"cls", 1}, {"reg", 4}}));
  EXPECT_EQ(model->config().block.mlp.act, Activation::GeluErf);
}

TEST(TimmFamilies, RopeOfArguments) {
  auto model = timm(eva({}), "eva_giant_patch14_224",
                    {{"use_rot_pos_emb", "true"},
                     {"rope_grid_indexing", "\"xy\""},
                     {"rope_temperature", "50"},
                     {"ref_feat_shape", "[3, 4]"},
                     {"rope_grid_offset", "1.0"},
                     {"rope_rotate_half", "true"}});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().rope, (RopeConfig{RopeKind::Cat, 50, "xy", "half", {3, 4}, 1, {}}));
  auto none = timm(eva({}), "eva02_base_patch14_224", {{"use_rot_pos_emb", "false"}});
  EXPECT_EQ(none->config().rope.kind, RopeKind::None);
  expectError(tryTimm(eva({}), "eva02_base_patch14_224", {{"rope_type", "\"mrope\""}}), ExitCode::Input,
              {"rope_type", "'cat', 'mixed', 'dinov3'", "'mrope'"});
}

TEST(TimmFamilies, MixedFrequenciesAreOnePerBlock) {
  Tensors tensors = eva({}).add("rope.freqs", {2, 2, 2, 2}); // axis, block, head, frequency
  auto model = timm(tensors, "vit_base_patch16_rope_mixed_ape_224");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().rope.kind, RopeKind::Mixed);
  double first = values(model->checkpoint, "blk.0.rope_freq").front();
  auto from = [&](std::initializer_list<double> offsets) {
    std::vector<double> list;
    for (double offset : offsets)
      list.push_back(first + offset);
    return list;
  };
  EXPECT_EQ(values(model->checkpoint, "blk.0.rope_freq"), from({0, 1, 2, 3, 8, 9, 10, 11}));
  EXPECT_EQ(values(model->checkpoint, "blk.1.rope_freq"), from({4, 5, 6, 7, 12, 13, 14, 15}));
  EXPECT_EQ(shapeOf(model->checkpoint, "blk.1.rope_freq"), "[2, 2, 2]");
  expectError(tryTimm(eva({}).add("rope.freqs", {2, 3, 2, 2}), "vit_base_patch16_rope_mixed_224"),
              ExitCode::Input, {"'rope.freqs'", "[2, 2, heads, head_dim / 2]", "[2, 3, 2, 2]"});
}

TEST(TimmFamilies, AttentionPooling) {
  Tensors tensors = without("fc_norm", eva({}));
  tensors.norm("norm").norm("norm_pre").add("attn_pool.latent", {1, 1, w}).linear("attn_pool.q", w, w);
  tensors.linear("attn_pool.kv", 2 * w, w).linear("attn_pool.proj", w, w).norm("attn_pool.norm");
  tensors.linear("attn_pool.mlp.fc1", 20, w).linear("attn_pool.mlp.fc2", w, 20);
  auto model = timm(tensors, "vit_pe_core_base_patch16_224");
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.pool.kind, PoolKind::Map);
  EXPECT_EQ(config.poolHeads(), 8);
  EXPECT_TRUE(config.pool.includePrefix);
  EXPECT_EQ(config.poolHidden(), 20);
  EXPECT_EQ(config.poolAct(), Activation::GeluErf);
  EXPECT_EQ(config.rope, (RopeConfig{RopeKind::Cat, 10000, "xy", "adjacent", {14, 14}, 1, {}}));
  EXPECT_TRUE(config.preNorm);
  EXPECT_EQ(values(model->checkpoint, "pool.v.w").front(),
            values(model->checkpoint, "pool.k.w").front() + w * w);
  auto four = timm(tensors, "vit_pe_core_base_patch16_224", {{"attn_pool_num_heads", "4"}});
  EXPECT_EQ(four->config().poolHeads(), 4);
}

TEST(TimmFamilies, RmsNormAndSubNorms) {
  Tensors tensors;
  tensors.add("pos_embed", {1, 4, w})
      .add("patch_embed.proj.weight", {w, 3, 4, 4})
      .add("patch_embed.proj.bias", {w});
  tensors.norm("patch_embed.norm", false);
  for (int i = 0; i < 2; ++i) {
    std::string b = fmt::format("blocks.{}.", i);
    tensors.norm(b + "norm1", false).norm(b + "norm2", false).linear(b + "attn.qkv", 3 * w, w, false);
    tensors.linear(b + "attn.proj", w, w, false).norm(b + "attn.norm", false);
    tensors.add(b + "attn.q_norm.weight", {w / 2}).add(b + "attn.k_norm.weight", {w / 2});
    tensors.linear(b + "mlp.fc1_g", f, w, false)
        .linear(b + "mlp.fc1_x", f, w, false)
        .linear(b + "mlp.fc2", w, f, false);
  }
  tensors.norm("norm", false).linear("head", classes, w);
  auto model = timm(tensors, "aimv2_large_patch14_224");
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.norm, NormKind::Rms);
  EXPECT_EQ(config.patch.normOut, NormKind::Rms);
  EXPECT_EQ(config.block.attn.qkNorm, NormKind::Rms);
  EXPECT_TRUE(config.block.attn.outNorm);
  EXPECT_FALSE(config.block.mlp.bias || config.block.attn.outBias);
  EXPECT_EQ(config.normEps, 1e-5);
  EXPECT_EQ(config.pool.kind, PoolKind::Mean);
  EXPECT_EQ(config.finalNorm, FinalNorm::AllTokens);
}

/// ViT-22B's blocks as timm has them: fc1, queries, keys and values in one product of `rows`.
Tensors parallel(int64_t rows) {
  Tensors t;
  t.add("cls_token", {1, 1, w}).add("pos_embed", {1, 5, w});
  t.add("patch_embed.proj.weight", {w, 3, 4, 4}).add("patch_embed.proj.bias", {w});
  for (int i = 0; i < 2; ++i) {
    std::string b = fmt::format("blocks.{}.", i);
    t.norm(b + "in_norm").linear(b + "in_proj", rows, w, false).add(b + "mlp_bias", {f});
    t.linear(b + "attn_out_proj", w, w).linear(b + "mlp_out_proj", w, f).add(b + "ls.gamma", {w});
  }
  t.norm("norm").linear("head", classes, w);
  return t;
}

TEST(TimmFamilies, AttentionBesideTheMlp) {
  auto model = timm(parallel(f + 3 * w), "vit_pwee_patch16_reg1_gap_256");
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.block.placement, Placement::Parallel);
  EXPECT_EQ(config.block.mlp.hidden, f);
  EXPECT_TRUE(config.block.mlp.bias && config.block.layerScale);
  EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{false, false, false}));
  // The MLP's rows come first; one layer scale serves both.
  EXPECT_EQ(values(model->checkpoint, "blk.1.ls1"), values(model->checkpoint, "blk.1.ls2"));
  std::vector<double> joined;
  for (const char *part : {"fc1", "q", "k", "v"})
    for (double v : values(model->checkpoint, fmt::format("blk.0.{}.w", part)))
      joined.push_back(v);
  EXPECT_EQ(joined.size(), static_cast<size_t>((f + 3 * w) * w));
  EXPECT_TRUE(llvm::is_sorted(joined)); // as the fixture counts
  expectError(tryTimm(parallel(3 * w), "vit_pwee_patch16_reg1_gap_256"), ExitCode::Input, {"in_proj"});
}

TEST(TimmFamilies, PositionsAreResizedAsTimmDoes) {
  auto plain = timm(eva({}), "vit_small_patch16_224");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->config().pos.resize, (PosResize{"cubic-0.5", true, false, "size"}));
  EXPECT_EQ(timm(eva({}), "flexivit_small")->config().pos.resize,
            (PosResize{"linear", false, false, "size"}));
}

TEST(TimmFamilies, RefusedByName) {
  for (auto [name, reason] : {std::pair("vit_base_patch16_18x2_224", "two attentions"),
                              std::pair("vit_dwee_patch16_reg1_gap_256", "differential"),
                              std::pair("vit_base_r50_s16_224", "convolutional stem")})
    expectError(tryTimm(eva({}), name), ExitCode::Input, {name, "not supported", reason});
}

} // namespace
