#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

using Change = std::map<std::string, std::string>;
llvm::Expected<Checkpoint> openRaw(const Shapes &shapes, Change change = {}, Change arguments = {}) {
  ModelDir dir;
  dir.tensors(shapes);
  dir.config(timmConfig(std::move(change), std::move(arguments)));
  return dir.open();
}
std::optional<Checkpoint> open(const Shapes &shapes, Change change = {}, Change arguments = {}) {
  return get(openRaw(shapes, std::move(change), std::move(arguments)));
}
void expectRefused(Change change, Change arguments, std::initializer_list<llvm::StringRef> parts) {
  expectError(openRaw(timmShapes(), std::move(change), std::move(arguments)), ExitCode::Input, parts);
}
/// timmShapes() without the tensors whose names begin with `prefix`.
Shapes without(llvm::StringRef prefix) {
  Shapes shapes = timmShapes();
  std::erase_if(shapes, [&](const auto &s) { return llvm::StringRef(s.first).starts_with(prefix); });
  return shapes;
}
void set(Shapes &shapes, llvm::StringRef name, std::vector<int64_t> shape) {
  for (auto &entry : shapes)
    if (entry.first == name) {
      entry.second = shape;
      return;
    }
  shapes.push_back({name.str(), shape});
}

} // namespace

TEST(Timm, PlainVisionTransformer) {
  auto model = open(timmShapes());
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config;
  EXPECT_EQ(config.source.library, "timm");
  EXPECT_EQ(config.heads, 2);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_EQ(config.block.mlp.act, Activation::GeluErf);
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  EXPECT_EQ(config.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(config.head.layers, (std::vector<HeadLayer>{{"main", "pooled", 5, true}}));
  // floor(8 / 0.9) = 8, cut with torchvision's rounding.
  ASSERT_EQ(config.preprocess->steps.size(), 3u);
  EXPECT_EQ(std::get<ResizeStep>(config.preprocess->steps[0]).size, (Extent{8, 0}));
  EXPECT_EQ(std::get<CenterCropStep>(config.preprocess->steps[1]),
            (CenterCropStep{{8, 8}, CropRounding::HalfEven, 0}));
}

TEST(Timm, SplitsFusedProjections) {
  auto model = open(timmShapes());
  ASSERT_TRUE(model);
  // attn.qkv.weight is the seventh tensor of the file: 6000, 6001, ... in rows of 8; q, k and v have 8 rows
  // each.
  EXPECT_EQ(shapeOf(*model, "blk.0.q.w"), "[8, 8]");
  EXPECT_EQ(values(*model, "blk.0.q.w").front(), 6000);
  EXPECT_EQ(values(*model, "blk.0.k.w").front(), 6064);
  EXPECT_EQ(values(*model, "blk.0.v.w").front(), 6128);
  EXPECT_EQ(values(*model, "blk.0.v.w").back(), 6191);
  EXPECT_EQ(values(*model, "blk.0.k.b").front(), 7008);
  Shapes uneven = timmShapes();
  set(uneven, "blocks.0.attn.qkv.weight", {25, 8});
  expectError(openRaw(uneven), ExitCode::Input, {"'blocks.0.attn.qkv.weight'", "multiple of 3", "[25, 8]"});
}

TEST(Timm, ArchitectureNamesGiveWhatTensorsDoNotShow) {
  auto clip = open(timmShapes(), {{"architecture", "\"vit_base_patch32_clip_quickgelu_224.openai\""}});
  ASSERT_TRUE(clip);
  EXPECT_EQ(clip->config.normEps, 1e-5);
  EXPECT_EQ(clip->config.block.mlp.act, Activation::QuickGelu);
  // Heads come from the name when the arguments do not say: tiny has 3, which does not divide 8; so300 is
  // unknown.
  expectRefused({}, {{"num_heads", "-"}}, {"num_heads", "a divisor of 8, the rows of queries, got 3"});
  expectRefused({}, {{"num_heads", "-"}, {"embed_dim", "-"}},
                {"a width of 192 for 'vit_tiny_patch16_224', got 8"});
  expectRefused({{"architecture", "\"resnet50\""}}, {}, {"architecture", "vit_base_*", "'resnet50'"});
  EXPECT_EQ(open(timmShapes(), {{"architecture", "\"vit_base_patch16_rpn_224\""}})->config.block.placement,
            Placement::ResPost);
}

TEST(Timm, ExplicitArgumentsWin) {
  auto model = open(timmShapes(), {}, {{"act_layer", "\"gelu_tanh\""}, {"num_heads", "4"}});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.block.mlp.act, Activation::GeluTanh);
  EXPECT_EQ(model->config.heads, 4);
  expectRefused({}, {{"act_layer", "\"mish\""}}, {"act_layer", "'quick_gelu'", "'mish'"});
  expectRefused({}, {{"norm_layer", "\"batchnorm\""}}, {"norm_layer", "'layernorm'"});
  expectRefused({}, {{"depth", "3"}}, {"depth: expected 2"});
  expectRefused({}, {{"class_token", "false"}}, {"class_token: expected true"});
  expectRefused({}, {{"patch_size", "16"}}, {"patch_size: expected 4x4"});
  expectRefused({}, {{"mlp_layer", "\"SwiGLU\""}}, {"mlp_layer", "off"});
  expectRefused({}, {{"num_headz", "2"}}, {"'num_headz'", "did you mean 'num_heads'?"});
  expectRefused({}, {{"num_heads", "1000000000000000000"}}, {"num_heads"});
}

TEST(Timm, Pooling) {
  Shapes gap = without("norm.");
  set(gap, "fc_norm.weight", {8});
  set(gap, "fc_norm.bias", {8});
  auto average = open(gap, {}, {{"global_pool", "\"avg\""}});
  ASSERT_TRUE(average);
  EXPECT_EQ(average->config.pool, (PoolConfig{PoolKind::Mean, false, {}, 0, 0, {}}));
  EXPECT_EQ(average->config.finalNorm, FinalNorm::AfterPool);
  auto all = open(timmShapes(), {{"global_pool", "\"avg\""}}, {{"pool_include_prefix", "true"}});
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->config.pool.includePrefix);
  EXPECT_EQ(all->config.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(open(timmShapes(), {}, {{"global_pool", "\"avgmax\""}})->config.pool.kind, PoolKind::AvgMax);
  expectRefused({}, {{"global_pool", "\"prr\""}}, {"global_pool", "'avgmax', 'map'", "'prr'"});
  expectRefused({}, {{"global_pool", "\"\""}}, {"pool.kind"});
  auto none = open(without("norm."));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->config.finalNorm, FinalNorm::None);
}

TEST(Timm, WithoutHead) {
  auto model = open(without("head"), {{"num_classes", "0"}}, {{"num_classes", "0"}});
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->config.head.layers.empty());
  auto features = open(without("head"), {}, {{"global_pool", "\"\""}});
  ASSERT_TRUE(features);
  EXPECT_EQ(features->config.pool.kind, PoolKind::None);
}

TEST(Timm, NoClassToken) {
  Shapes shapes = without("cls_token");
  set(shapes, "pos_embed", {1, 4, 8});
  auto model = open(shapes, {}, {{"class_token", "false"}, {"global_pool", "\"avg\""}});
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->config.prefix.empty());
  EXPECT_EQ(model->config.tokens(), 4);
}

TEST(Timm, RegistersAndPositionsOnPatches) {
  Shapes shapes = timmShapes();
  set(shapes, "reg_token", {1, 4, 8});
  set(shapes, "pos_embed", {1, 4, 8});
  auto model = open(shapes, {}, {{"reg_tokens", "4"}, {"no_embed_class", "true"}});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.prefix, (std::vector<TokenRun>{{"cls", 1}, {"reg", 4}}));
  EXPECT_EQ(model->config.posCovers, PosCovers::Patch);
  EXPECT_EQ(shapeOf(*model, "embed.reg"), "[4, 8]");
  set(shapes, "pos_embed", {1, 9, 8});
  EXPECT_EQ(open(shapes)->config.posCovers, PosCovers::All);
  set(shapes, "pos_embed", {1, 5, 8});
  EXPECT_EQ(open(shapes)->config.posCovers, PosCovers::ClsAndPatch);
}

TEST(Timm, DistilledAndLayerScale) {
  Shapes shapes = timmShapes();
  set(shapes, "dist_token", {1, 1, 8});
  set(shapes, "pos_embed", {1, 6, 8});
  set(shapes, "head_dist.weight", {5, 8});
  set(shapes, "head_dist.bias", {5});
  for (const char *name :
       {"blocks.0.ls1.gamma", "blocks.0.ls2.gamma", "blocks.1.ls1.gamma", "blocks.1.ls2.gamma"})
    set(shapes, name, {8});
  auto model = open(shapes, {{"architecture", "\"deit_tiny_distilled_patch16_224\""}});
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->config.block.layerScale);
  EXPECT_EQ(model->config.prefix, (std::vector<TokenRun>{{"cls", 1}, {"dist", 1}}));
  EXPECT_EQ(model->config.head.layers,
            (std::vector<HeadLayer>{{"main", "cls", 5, true}, {"dist", "dist", 5, true}}));
  EXPECT_EQ(model->config.head.combine, HeadCombine::Mean);
}

TEST(Timm, OtherFamiliesAreRefusedByName) {
  Shapes shapes = timmShapes();
  set(shapes, "blocks.0.attn.lambda_q1", {8});
  expectError(openRaw(shapes), ExitCode::Input, {"'blocks.0.attn.lambda_q1'", "nothing is dropped"});
}

TEST(Timm, Preprocessing) {
  auto with = [](llvm::StringRef members) {
    return Change{{"pretrained_cfg", ("{\"input_size\": [3, 8, 8], " + members + "}").str()}};
  };
  auto squash =
      open(timmShapes(), with(R"("crop_mode": "squash", "crop_pct": 0.7, "interpolation": "bilinear",
    "mean": [0.5], "std": [0.25])"));
  ASSERT_TRUE(squash);
  const auto &steps = squash->config.preprocess->steps;
  EXPECT_EQ(std::get<ResizeStep>(steps[0]).size, (Extent{11, 11}));
  EXPECT_EQ(std::get<ResizeStep>(steps[0]).mode, ResizeMode::Squash);
  EXPECT_EQ(std::get<AffineStep>(steps[2]).std, (std::vector<double>{.25, .25, .25}));
  auto defaults = open(timmShapes(), with(R"("num_classes": 5)"));
  ASSERT_TRUE(defaults);
  EXPECT_EQ(std::get<ResizeStep>(defaults->config.preprocess->steps[0]).size,
            (Extent{9, 0})); // crop_pct 0.875
  EXPECT_EQ(defaults->warnings.size(), 2u);
  Shapes wide = timmShapes();
  set(wide, "pos_embed", {1, 7, 8});
  auto center = open(wide, with(R"("crop_mode": "center")"), {{"img_size", "[8, 12]"}});
  ASSERT_TRUE(center);
  EXPECT_FALSE(center->config.preprocess);
  EXPECT_NE(center->warnings.back().find("not square (8x12)"), std::string::npos);
  expectRefused(with(R"("crop_mode": "border")"), {}, {"crop_mode", "'center' or 'squash'"});
  expectRefused(with(R"("interpolation": "random")"), {}, {"interpolation", "'bilinear', 'bicubic'"});
  expectRefused(with(R"("crop_pct": 0)"), {}, {"crop_pct", "from 0.01 to 8, got 0"});
  expectRefused(with(R"("crop_pct": 1e-300)"), {}, {"crop_pct"});
  expectRefused(with(R"("mean": [1, 2])"), {}, {"mean", "3 numbers"});
  expectRefused(with(R"("meen": [1, 2])"), {}, {"'meen'", "did you mean 'mean'?"});
}

TEST(Timm, OldFlatConfigurations) {
  auto model = open(timmShapes(), {{"pretrained_cfg", "-"},
                                   {"input_size", "[3, 8, 8]"},
                                   {"crop_pct", "0.9"},
                                   {"interpolation", "\"bicubic\""},
                                   {"mean", "[0.5, 0.5, 0.5]"},
                                   {"std", "[0.5, 0.5, 0.5]"},
                                   {"first_conv", "\"patch_embed.proj\""}});
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->warnings.empty());
}

TEST(Timm, Labels) {
  auto model = open(timmShapes(), {{"label_names", R"(["n1", "n2", "n3", "n4", "n5"])"},
                                   {"label_descriptions", R"({"n1": "tench", "n3": "shark"})"}});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.labels, (std::vector<std::string>{"tench", "n2", "shark", "n4", "n5"}));
  expectRefused({{"label_names", "[\"a\"]"}}, {}, {"label_names: expected 5 labels"});
}

TEST(Timm, WrapperOfTransformers) {
  Shapes shapes = timmShapes();
  for (auto &[name, shape] : shapes)
    name = "timm_model." + name;
  EXPECT_TRUE(open(shapes, {{"model_type", "\"timm_wrapper\""},
                            {"architectures", "[\"TimmWrapperForImageClassification\"]"}}));
}
