// Weights without a configuration: which library wrote them, and what it takes to know the rest.
#include "compiler/Import/BareWeights.h"
#include "test/compiler/Import/ClipFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

ImportOptions with(const char *arch, int64_t heads = 0, std::optional<Extent> size = {}) {
  ImportOptions options;
  options.arch = arch;
  options.heads = heads;
  options.imageSize = size;
  return options;
}
llvm::Expected<Opened> tryBare(const Tensors &tensors, const ImportOptions &options) {
  ModelDir dir;
  dir.tensors(tensors.shapes, "weights.safetensors");
  return bound(importBareWeights(dir.file("weights.safetensors"), options));
}
std::optional<Opened> bare(const Tensors &tensors, const ImportOptions &options = with("", 2)) {
  return get(tryBare(tensors, options));
}
void refuse(const Tensors &tensors, const ImportOptions &options,
            std::initializer_list<llvm::StringRef> parts, ExitCode code = ExitCode::Input) {
  expectError(tryBare(tensors, options), code, parts);
}
Tensors plain() { return Tensors{timmShapes()}; }

Tensors torchvision(bool old) {
  Tensors t;
  t.linear("conv_proj", w, 1).add("class_token", {1, 1, w}).add("encoder.pos_embedding", {1, 5, w});
  t.shapes[0].second = {w, 3, 4, 4};
  for (int i = 0; i < 2; ++i) {
    std::string b = fmt::format("encoder.layers.encoder_layer_{}.", i);
    t.norm(b + "ln_1").norm(b + "ln_2").linear(b + "self_attention.out_proj", w, w);
    t.add(b + "self_attention.in_proj_weight", {3 * w, w}).add(b + "self_attention.in_proj_bias", {3 * w});
    t.linear(b + (old ? "mlp.linear_1" : "mlp.0"), f, w).linear(b + (old ? "mlp.linear_2" : "mlp.3"), w, f);
  }
  return t.norm("encoder.ln").linear("heads.head", classes, w);
}

/// lucidrains' ViT of two heads of 4.
Tensors lucidrains(const char *form) {
  bool old = llvm::StringRef(form) == "old", simple = llvm::StringRef(form) == "simple";
  Tensors t;
  if (old) {
    t.linear("to_patch_embedding.1", w, 48);
  } else {
    t.add("to_patch_embedding.1.weight", {48}).add("to_patch_embedding.1.bias", {48});
    t.linear("to_patch_embedding.2", w, 48).norm("to_patch_embedding.3");
  }
  if (!simple)
    t.add("cls_token", {1, 1, w}).add("pos_embedding", {1, 5, w});
  for (int i = 0; i < 2; ++i) {
    std::string b = fmt::format("transformer.layers.{}.", i), fn = old ? "fn." : "";
    t.norm(b + "0.norm").linear(b + "0." + fn + "to_qkv", 3 * w, w, false);
    t.linear(b + "0." + fn + (simple ? "to_out" : "to_out.0"), w, w, !simple);
    t.norm(b + (old ? "1.norm" : "1.net.0")).linear(b + "1." + fn + (old ? "net.0" : "net.1"), f, w);
    t.linear(b + "1." + fn + (old || simple ? "net.3" : "net.4"), w, f);
  }
  if (old)
    return t.norm("mlp_head.0").linear("mlp_head.1", classes, w);
  return t.norm("transformer.norm").linear(simple ? "linear_head" : "mlp_head", classes, w);
}

TEST(BareWeights, Timm) {
  auto model = bare(plain());
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.source.library, "timm");
  EXPECT_EQ(config.inputSize, (Extent{8, 8}));
  EXPECT_EQ(config.heads, 2);
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_FALSE(config.preprocess);
  EXPECT_TRUE(model->noted("--arch timm:NAME"));
  auto named = bare(plain(), with("timm:vit_small_patch16_224", 4));
  ASSERT_TRUE(named);
  EXPECT_EQ(named->config().heads, 4);
  EXPECT_EQ(named->config().source.arch, "vit_small_patch16_224");
  ASSERT_TRUE(named->config().preprocess);
  EXPECT_EQ(std::get<AffineStep>(named->config().preprocess->steps.back()).mean[0], .5);
  // Wrappers of training code.
  EXPECT_TRUE(bare(prefixed("module.backbone.", plain())));
}

TEST(BareWeights, HeadsAreAskedForWhereTheWidthDoesNotSay) {
  refuse(plain(), with(""), {"heads a width of 8", "--heads N"});
  refuse(plain(), with("", 3), {"divides 8", "got 3"});
  refuse(plain(), with("timm:vit_small_patch16_224"), {"a width of 384", "got 8", "--heads N"});
  Tensors tiny = plain();
  for (auto &[name, shape] : tiny.shapes)
    for (int64_t &extent : shape)
      extent = extent == w ? 192 : extent == 3 * w ? 576 : extent;
  auto model = bare(tiny, with(""));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().heads, 3);
  ASSERT_EQ(model->checkpoint.warnings.size(), 1u);
  EXPECT_NE(model->checkpoint.warnings[0].find("using 3"), std::string::npos);
}

TEST(BareWeights, InputSize) {
  Tensors wide = plain();
  wide.shapes[1].second = {1, 1 + 6, w}; // 2 x 3 patches
  ASSERT_EQ(wide.shapes[1].first, "pos_embed");
  refuse(wide, with("", 2), {"7 rows of positions for 1 prefix tokens", "--image-size"});
  auto model = bare(wide, with("", 2, Extent{8, 12}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().inputSize, (Extent{8, 12}));
  // A size that the table was not made for does not say what the table is.
  refuse(wide, with("", 2, Extent{12, 12}), {"--image-size"});
  EXPECT_EQ(bare(plain(), with("", 2, Extent{12, 12}))->config().inputSize, (Extent{8, 8}));
  // Five prefix tokens and nine rows: a table of 2 x 2 for all tokens, or of 3 x 3 for patches.
  Tensors twice = plain();
  twice.shapes[1].second = {1, 9, w};
  twice.add("reg_token", {1, 4, w});
  refuse(twice, with("", 2), {"can be two square grids"});
}

TEST(BareWeights, WhatTimmSharesIsAskedFor) {
  refuse(plain().norm("norm_pre"), with("", 2), {"a norm before the blocks", "--arch timm:NAME"});
  Tensors without_ = without("pos_embed", plain());
  refuse(without_, with("", 2), {"positions", "--arch timm:NAME"});
  auto clip = bare(plain().norm("norm_pre"), with("timm:vit_base_patch16_clip_quickgelu_224", 2));
  ASSERT_TRUE(clip);
  EXPECT_EQ(clip->config().block.mlp.act, Activation::QuickGelu);
  EXPECT_EQ(clip->config().normEps, 1e-5);
  refuse(plain(), with("timm:resnet50", 2), {"--arch timm:resnet50"}, ExitCode::Usage);
  refuse(plain(), with("timm:vit_base_patch16_18x2_224", 2), {"not supported", "two attentions"});
}

TEST(BareWeights, PicturesOfTimm) {
  struct Row {
    const char *arch;
    ResizeMode mode;
    int64_t size;
    ResizeFilter filter;
    double mean;
  };
  constexpr ResizeMode shortest = ResizeMode::Shortest, squash = ResizeMode::Squash;
  constexpr ResizeFilter bicubic = ResizeFilter::Bicubic, bilinear = ResizeFilter::Bilinear;
  for (const Row &row : {Row{"vit_base_patch16_224", shortest, 8, bicubic, .5}, // floor(8 / 0.9)
                         Row{"vit_base_patch16_224_miil", shortest, 9, bilinear, 0},
                         Row{"vit_base_patch16_384", shortest, 8, bicubic, .5},
                         Row{"deit3_base_patch16_224", shortest, 8, bicubic, .485},
                         Row{"vit_base_patch14_dinov2", shortest, 8, bicubic, .485},
                         Row{"vit_base_patch16_siglip_gap_256", squash, 8, bicubic, .5},
                         Row{"eva02_base_patch14_448", squash, 8, bicubic, .48145466},
                         Row{"vit_base_patch16_clip_224", shortest, 8, bicubic, .48145466},
                         Row{"vit_base_patch16_reg4_gap_256", shortest, 8, bicubic, .5}}) {
    auto model = bare(plain(), with(("timm:" + std::string(row.arch)).c_str(), 2));
    ASSERT_TRUE(model) << row.arch;
    const auto &steps = model->config().preprocess->steps;
    EXPECT_EQ(std::get<ResizeStep>(steps.front()).mode, row.mode) << row.arch;
    EXPECT_EQ(std::get<ResizeStep>(steps.front()).size.height, row.size) << row.arch;
    EXPECT_EQ(std::get<ResizeStep>(steps.front()).filter, row.filter) << row.arch;
    EXPECT_EQ(std::get<AffineStep>(steps.back()).mean[0], row.mean) << row.arch;
  }
}

TEST(BareWeights, Beit) {
  Tensors t = without("pos_embed", plain());
  for (const char *block : {"blocks.0.", "blocks.1."})
    t.add(std::string(block) + "attn.relative_position_bias_table", {12, 2})
        .add(std::string(block) + "attn.relative_position_index", {5, 5});
  auto model = bare(t);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().inputSize, (Extent{8, 8}));
  EXPECT_EQ(model->config().relBias, RelBiasKind::Beit);
}

TEST(BareWeights, DinoAndItsRelatives) {
  Tensors dino = prefixed("teacher.backbone.", without("head", plain()));
  dino.add("teacher.head.mlp.0.weight", {4, w}).add("teacher.head.last_layer.weight_v", {9, 4});
  dino.add("student.backbone.cls_token", {1, 1, w});
  auto model = bare(dino);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().source.library, "dino");
  EXPECT_TRUE(model->config().head.layers.empty());
  EXPECT_EQ(std::get<AffineStep>(model->config().preprocess->steps.back()).mean[0], .485);

  Tensors mae = without("head", plain()).add("mask_token", {1, 1, 4}).add("decoder_pos_embed", {1, 5, 4});
  mae.linear("decoder_embed", 4, w).linear("decoder_pred", 48, 4).linear("decoder_blocks.0.attn.qkv", 12, 4);
  EXPECT_EQ(bare(mae)->config().source.library, "mae");

  Tensors ijepa = prefixed("target_encoder.", without("cls_token", without("head", plain())));
  ijepa.shapes[0].second = {1, 4, w};
  ijepa.add("encoder.pos_embed", {1, 4, w}).add("predictor.predictor_embed.weight", {4, w});
  model = bare(ijepa);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().source.library, "ijepa");
  EXPECT_EQ(model->config().pool.kind, PoolKind::Mean);
}

TEST(BareWeights, DinoV2) {
  Tensors t = without("head", plain()).add("mask_token", {1, w}).add("register_tokens", {1, 4, w});
  for (const char *block : {"blocks.0.", "blocks.1."})
    t.add(std::string(block) + "ls1.gamma", {w}).add(std::string(block) + "ls2.gamma", {w});
  auto model = bare(t);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().source.library, "dinov2");
  EXPECT_EQ(model->config().posCovers, PosCovers::ClsAndPatch);
  EXPECT_EQ(model->config().pos.resize, (PosResize{"cubic-0.5", true, false, "size"}));
  EXPECT_EQ(bare(without("register_tokens", t))->config().pos.resize,
            (PosResize{"cubic-0.75", false, false, "offset0.1"}));
  // Blocks in chunks, numbered through, and gated MLPs.
  Tensors chunked = without("mlp", t);
  for (auto &[name, shape] : chunked.shapes)
    if (llvm::StringRef(name).starts_with("blocks."))
      name = "blocks." + std::string(llvm::StringRef(name).starts_with("blocks.0") ? "0." : "1.") +
             name.substr(7);
  for (const char *block : {"blocks.0.0.", "blocks.1.1."})
    chunked.linear(std::string(block) + "mlp.w12", 2 * f, w).linear(std::string(block) + "mlp.w3", w, f);
  model = bare(chunked);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().depth, 2);
  EXPECT_EQ(model->config().block.mlp.kind, MlpKind::Glu);
  EXPECT_EQ(model->config().block.mlp.act, Activation::Silu);
}

TEST(BareWeights, Eva02AsItsAuthorsSaveIt) {
  Tensors t =
      without("mlp", without("qkv", plain())).add("rope.freqs_cos", {4, 4}).add("rope.freqs_sin", {4, 4});
  for (const char *block : {"blocks.0.", "blocks.1."}) {
    std::string b = block;
    for (const char *name : {"attn.q_proj", "attn.k_proj", "attn.v_proj"})
      t.linear(b + name, w, w, false);
    t.add(b + "attn.q_bias", {w}).add(b + "attn.v_bias", {w}).norm(b + "attn.inner_attn_ln");
    t.linear(b + "mlp.w1", f, w).linear(b + "mlp.w2", f, w).linear(b + "mlp.w3", w, f);
    t.add(b + "mlp.ffn_ln.weight", {f}).add(b + "mlp.ffn_ln.bias", {f});
  }
  refuse(t, with("", 2), {"gated MLPs", "--arch timm:NAME"});
  auto model = bare(t, with("timm:eva02_large_patch14_clip_224", 2));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().block.attn.qkvBias, (std::array<bool, 3>{true, false, true}));
  EXPECT_TRUE(model->config().block.attn.outNorm && model->config().block.mlp.innerNorm);
  EXPECT_EQ(model->config().rope.kind, RopeKind::Cat);
}

/// DINOv3 as its authors store it, with masks for the bias of keys.
TensorFile dinoV3(float keys, float queries = 1) {
  Tensors t = without("pos_embed", without("head", plain()));
  TensorFile file;
  for (const auto &[name, shape] : t.shapes)
    file.add(name, shape);
  file.add("storage_tokens", {1, 4, w});
  file.add("mask_token", {1, w});
  file.add("rope_embed.periods", {1}, {1});
  for (int i = 0; i < 2; ++i) {
    std::vector<float> mask(3 * w, 1);
    std::fill(mask.begin(), mask.begin() + w, queries);
    std::fill(mask.begin() + w, mask.begin() + 2 * w, keys);
    file.add(fmt::format("blocks.{}.attn.qkv.bias_mask", i), {3 * w}, mask);
  }
  return file;
}

TEST(BareWeights, DinoV3) {
  auto open = [](const TensorFile &file, const ImportOptions &options) {
    TempDir dir;
    return bound(importBareWeights(dir.write("x.safetensors", file.text()), options));
  };
  auto model = get(open(dinoV3(0), with("", 2)));
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.source.library, "dinov3");
  EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{true, false, true}));
  EXPECT_EQ(config.rope.kind, RopeKind::DinoV3);
  EXPECT_EQ(config.rope.periods, (std::vector<double>{1}));
  EXPECT_EQ(config.normEps, 1e-5);
  EXPECT_EQ(config.inputSize, (Extent{224, 224}));
  EXPECT_EQ(get(open(dinoV3(0), with("", 2, Extent{8, 8})))->config().inputSize, (Extent{8, 8}));
  EXPECT_TRUE(get(open(dinoV3(1), with("", 2)))->config().block.attn.qkvBias[1]);
  expectError(open(dinoV3(0.5f), with("", 2)), ExitCode::Input, {"bias_mask", "all zeros or all ones"});
  expectError(open(dinoV3(0, 0), with("", 2)), ExitCode::Input, {"bias_mask"});
}

TEST(BareWeights, OpenClipAndOpenAi) {
  refuse(clipTower(), with("", 2), {"which GELU", "--arch open_clip:"});
  auto model = bare(clipTower(), with("open_clip:ViT-B-16", 2));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().block.mlp.act, Activation::GeluErf);
  EXPECT_EQ(model->config().inputSize, (Extent{8, 8}));
  EXPECT_EQ(bare(clipTower(), with("open_clip:ViT-B-16-quickgelu", 2))->config().block.mlp.act,
            Activation::QuickGelu);
  Tensors openai = clipTower().add("input_resolution", {}).add("context_length", {}).add("vocab_size", {});
  model = bare(openai);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().source.library, "openai_clip");
  EXPECT_EQ(model->config().block.mlp.act, Activation::QuickGelu);
}

TEST(BareWeights, Torchvision) {
  for (bool old : {false, true}) {
    auto model = bare(torchvision(old));
    ASSERT_TRUE(model);
    EXPECT_EQ(model->config().source.library, "torchvision");
    EXPECT_EQ(model->config().normEps, 1e-6);
    EXPECT_EQ(model->config().pos.resize, (PosResize{"cubic-0.75", false, true, "size"}));
    EXPECT_EQ(std::get<ResizeStep>(model->config().preprocess->steps[0]).filter, ResizeFilter::Bilinear);
  }
  Tensors pre =
      without("heads", torchvision(false)).linear("heads.pre_logits", 10, w).linear("heads.head", 5, 10);
  EXPECT_EQ(bare(pre)->config().head.preLogits, (PreLogits{10, "tanh", true}));
}

TEST(BareWeights, Lucidrains) {
  auto model = bare(lucidrains("new"));
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.patch.kind, PatchKind::Linear);
  EXPECT_EQ(config.patch.order, PatchOrder::HWC);
  EXPECT_EQ(config.patch.size, (Extent{4, 4}));
  EXPECT_EQ(config.patch.normIn, NormKind::Layer);
  EXPECT_EQ(config.patch.normOut, NormKind::Layer);
  EXPECT_EQ(config.normEps, 1e-5);
  EXPECT_EQ(config.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  EXPECT_FALSE(config.block.attn.qkvBias[0]);
  auto mean = bare(lucidrains("new"), with("lucidrains:vit_mean", 2));
  EXPECT_EQ(mean->config().pool, (PoolConfig{PoolKind::Mean, true, {}, 0, 0, {}}));

  model = bare(lucidrains("old"));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().source.library, "lucidrains");
  EXPECT_FALSE(model->config().patch.normIn);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AfterPool);

  refuse(lucidrains("simple"), with("", 2), {"--image-size"});
  ModelDir dir;
  dir.tensors(lucidrains("simple").shapes);
  auto simple = get(importBareWeights(dir.path(), with("", 2, Extent{8, 8})));
  ASSERT_TRUE(simple);
  EXPECT_EQ(simple->checkpoint.config.pos.kind, PosKind::SincosSimple);
  EXPECT_EQ(simple->checkpoint.config.posCovers, PosCovers::Patch);
  EXPECT_EQ(simple->checkpoint.config.pool.kind, PoolKind::Mean);
  refuse(lucidrains("new"), with("", 0), {"--heads N"});
  Tensors odd = lucidrains("new");
  for (auto &[name, shape] : odd.shapes)
    for (int64_t &extent : shape)
      extent = extent == 48 ? 50 : extent;
  refuse(odd, with("", 2), {"50 numbers per patch"});
}

TEST(BareWeights, NothingFits) {
  refuse(Tensors{}.add("layer1.0.conv1.weight", {3, 3}), with(""),
         {"'layer1.0.conv1.weight'", "no library", "torchvision"});
  refuse(plain().add("blocks.0.attn.lambda_q1", {4}), with("", 2),
         {"nearest is timm", "'blocks.0.attn.lambda_q1'"});
  refuse(Tensors{huggingFaceShapes("vit.", false, false)}, with(""),
         {"names of transformers (ViT", "config.json"});
  refuse(plain(), with("timn:x", 2), {"--arch timn:x", "did you mean 'timm'?"}, ExitCode::Usage);
  refuse(plain(), with("torchvision:vit_b_16", 2), {"not part of a torchvision"});
  refuse(Tensors{}.add("cls_token", {1, 1, w}), with("timm"), {"a patch embedding"});
}

TEST(BareWeights, ShapesThatLie) {
  // Empty tensors may have any other extent.
  constexpr int64_t huge = int64_t(1) << 62;
  auto changed = [](Tensors tensors, const std::string &name, std::vector<int64_t> shape) {
    for (auto &entry : tensors.shapes)
      if (entry.first == name)
        entry.second = shape;
    return tensors;
  };
  refuse(changed(plain(), "patch_embed.proj.weight", {0, 3, huge, huge}), with("", 2),
         {"'patch_embed.proj.weight'"});
  refuse(changed(plain(), "pos_embed", {0, huge, w}), with("", 2), {"'pos_embed'"});
  refuse(changed(lucidrains("new"), "to_patch_embedding.2.weight", {0, huge}), with("", 2),
         {"to_patch_embedding"});
  for (const char *name : {"patch_embed.proj.weight", "pos_embed", "cls_token", "blocks.0.attn.qkv.weight",
                           "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.weight", "norm.weight"})
    for (std::vector<int64_t> shape : {std::vector<int64_t>{}, {0}, {1}, {3, 0}, {3, 1, 1, 1, 1}}) {
      ModelDir dir;
      dir.tensors(changed(plain(), name, shape).shapes, "weights.safetensors");
      auto model = openCheckpoint(dir.path(), with("", 2));
      EXPECT_FALSE(static_cast<bool>(model)) << name;
      if (!model)
        EXPECT_EQ(exitCodeOf(model.takeError()), ExitCode::Input);
    }
}

TEST(BareWeights, FilesAndDirectories) {
  ModelDir dir;
  dir.tensors(timmShapes(), "vit-tiny.v2.safetensors");
  ImportOptions options = with("", 2);
  auto file = get(openCheckpoint(dir.file("vit-tiny.v2.safetensors"), options));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->config.name, "vit_tiny_v2");
  EXPECT_TRUE(get(openCheckpoint(dir.path(), options)));
  dir.tensors(timmShapes(), "another.safetensors");
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input, {"another.safetensors", "vit-tiny.v2"});
}

} // namespace
