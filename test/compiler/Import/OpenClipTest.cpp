// open_clip's directories.
#include "compiler/Import/OpenClipNames.h"
#include "test/compiler/Import/ClipFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

llvm::Expected<Opened> tryClip(const Tensors &tensors, const std::string &json) {
  ModelDir dir;
  dir.tensors(tensors.shapes, "open_clip_model.safetensors");
  dir.write("open_clip_config.json", json);
  auto document = get(JsonDocument::parseFile(dir.file("open_clip_config.json")));
  return bound(importOpenClip(dir.path(), *document));
}
std::string config(Changes vision = {}, Changes model = {}, const std::string &preprocess = "{}") {
  model.insert({"embed_dim", "6"});
  model.insert({"text_cfg", "{\"width\": 4}"});
  model["vision_cfg"] = jsonObject(
      {{"image_size", "8"}, {"layers", "2"}, {"width", "8"}, {"head_width", "4"}, {"patch_size", "4"}},
      vision);
  return jsonObject({{"model_cfg", jsonObject(model)}, {"preprocess_cfg", preprocess}});
}

TEST(OpenClip, VisualTower) {
  auto model = get(tryClip(clipTower(), config()));
  ASSERT_TRUE(model);
  const ModelConfig &c = model->config();
  EXPECT_EQ(c.source.library, "open_clip");
  EXPECT_EQ(c.heads, 2);
  EXPECT_EQ(c.normEps, 1e-5);
  EXPECT_EQ(c.block.mlp.act, Activation::GeluErf);
  EXPECT_TRUE(c.preNorm);
  EXPECT_FALSE(c.patch.bias);
  EXPECT_EQ(c.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(c.head.preLogits, (PreLogits{6, "identity", false}));
  EXPECT_EQ(c.pos.resize, (PosResize{"cubic-0.5", true, false, "size"}));
  // The projection is stored [width, out].
  std::vector<double> proj = values(model->checkpoint, "head.pre.w");
  EXPECT_EQ(shapeOf(model->checkpoint, "head.pre.w"), "[6, 8]");
  EXPECT_EQ(proj[1], proj[0] + 6);
  EXPECT_TRUE(model->noted("'text_projection'") || model->noted("text_projection"));
}

TEST(OpenClip, Options) {
  EXPECT_EQ(get(tryClip(clipTower(), config({}, {{"quick_gelu", "true"}})))->config().block.mlp.act,
            Activation::QuickGelu);
  auto model = get(tryClip(clipTower(), config({{"pool_type", "\"avg\""},
                                                {"final_ln_after_pool", "true"},
                                                {"act_kwargs", "{\"approximate\": \"tanh\"}"},
                                                {"norm_kwargs", "{\"eps\": 1e-6}"}})));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Mean);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AfterPool);
  EXPECT_EQ(model->config().block.mlp.act, Activation::GeluTanh);
  EXPECT_EQ(model->config().normEps, 1e-6);
  Tensors scaled = clipTower();
  for (const char *block : {"visual.transformer.resblocks.0.", "visual.transformer.resblocks.1."})
    scaled.add(std::string(block) + "ls_1.gamma", {w}).add(std::string(block) + "ls_2.gamma", {w});
  EXPECT_TRUE(get(tryClip(scaled, config({{"ls_init_value", "1e-5"}})))->config().block.layerScale);
  EXPECT_FALSE(
      get(tryClip(without("ln_pre", clipTower()), config({{"no_ln_pre", "true"}})))->config().preNorm);
}

TEST(OpenClip, TowersOfTimm) {
  Tensors tower = prefixed("visual.trunk.", Tensors{timmShapes()});
  for (auto &[name, shape] : tower.shapes) // to the width of test_vit
    for (int64_t &extent : shape)
      extent = extent == w ? 64 : extent == 3 * w ? 192 : extent;
  tower.add("text.token_embedding.weight", {9, 4}).add("logit_bias", {});
  Changes vision = {{"timm_model_name", "\"test_vit\""}, {"timm_pool", "\"token\""}, {"width", "-"}};
  auto model = get(tryClip(tower, config(vision, {{"embed_dim", "5"}})));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().heads, 2);
  EXPECT_EQ(model->config().source.arch, "test_vit");
  EXPECT_EQ(model->config().head.preLogits, (PreLogits{5, "identity", true}));
  EXPECT_TRUE(model->config().head.layers.empty());
  // Or with the projection outside of the tower, and no head in it.
  Tensors outside = without("trunk.head", tower).add("visual.head.proj.weight", {6, 64});
  vision["timm_pool"] = "-"; // open_clip's default is the mean
  model = get(tryClip(outside, config(vision)));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().head.preLogits, (PreLogits{6, "identity", false}));
  EXPECT_EQ(model->config().pool.kind, PoolKind::Mean);
  vision["timm_model_name"] = "\"vit_base_patch16_224\"";
  expectError(tryClip(outside, config(vision)), ExitCode::Input, {"a width of 768", "got 64"});
}

TEST(OpenClip, Preprocessing) {
  auto steps = [](const std::string &preprocess) {
    return get(tryClip(clipTower(), config({}, {}, preprocess)))->config().preprocess->steps;
  };
  auto standard = steps("{}");
  ASSERT_EQ(standard.size(), 3u);
  EXPECT_EQ(std::get<ResizeStep>(standard[0]).size, (Extent{8, 0}));
  EXPECT_EQ(std::get<ResizeStep>(standard[0]).filter, ResizeFilter::Bicubic);
  EXPECT_EQ(std::get<AffineStep>(standard[2]).mean[0], .48145466);
  auto squash = steps(R"({"resize_mode": "squash", "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5],
                          "std": [0.25, 0.25, 0.25], "size": 8})");
  ASSERT_EQ(squash.size(), 2u);
  EXPECT_EQ(std::get<ResizeStep>(squash[0]).filter, ResizeFilter::Bilinear);
  EXPECT_EQ(std::get<AffineStep>(squash[1]).std[2], .25);
  for (auto [json, part] :
       {std::pair(R"({"resize_mode": "longest"})", "'shortest' or 'squash'"),
        std::pair(R"({"interpolation": "random"})", "'bicubic' or 'bilinear'"),
        std::pair(R"({"mean": [1, 2]})", "3 numbers"), std::pair(R"({"size": 9})", "expected 8x8"),
        std::pair(R"({"sise": 8})", "did you mean 'size'?")})
    expectError(tryClip(clipTower(), config({}, {}, json)), ExitCode::Input, {part});
}

TEST(OpenClip, Refusals) {
  auto refuse = [](Changes vision, Changes model, std::initializer_list<llvm::StringRef> parts) {
    expectError(tryClip(clipTower(), config(std::move(vision), std::move(model))), ExitCode::Input, parts);
  };
  refuse({{"attentional_pool", "true"}}, {}, {"attentional_pool", "off"});
  refuse({{"pool_type", "\"none\""}}, {}, {"'tok' or 'avg'"});
  refuse({{"layers", "3"}}, {}, {"expected 2 layers"});
  refuse({{"width", "16"}}, {}, {"a width of 8"});
  refuse({{"head_width", "9"}}, {}, {"number of heads that divides the width 8, got 0"});
  refuse({}, {{"embed_dim", "7"}}, {"expected 6", "got 7"});
  refuse({{"timm_model_name", "\"resnet50\""}}, {}, {"Vision Transformer of timm"});
  refuse({{"unknown_key", "1"}}, {}, {"'unknown_key'"});
  Tensors pooled = clipTower().add("visual.attn_pool.query", {1, w});
  expectError(tryClip(pooled, config()), ExitCode::Input, {"'visual.attn_pool.query'", "nothing is dropped"});
}

TEST(OpenClip, DirectoriesAreRecognised) {
  ModelDir dir;
  dir.tensors(clipTower().shapes, "open_clip_model.safetensors");
  dir.write("open_clip_config.json", config());
  auto model = get(dir.open());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.source.library, "open_clip");
  // Beside a configuration of transformers it takes --arch.
  dir.config(huggingFaceConfig());
  ImportOptions options;
  options.arch = "open_clip";
  EXPECT_EQ(get(openCheckpoint(dir.path(), options))->config.source.library, "open_clip");
  options.arch = "timm:vit_base_patch16_224";
  expectError(openCheckpoint(dir.path(), options), ExitCode::Usage, {"--arch", "without a configuration"});
}

} // namespace
