#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

static void expectRefused(const std::string &text, std::initializer_list<llvm::StringRef> parts) {
  expectError(parseVitJson(text, "vit.json"), ExitCode::Input, parts);
}

TEST(VitJson, DefaultsAreTheCommonCase) {
  ModelConfig config = minimalConfig();
  EXPECT_FALSE(validate(config));
  EXPECT_EQ(config.headDim, 8);
  EXPECT_EQ(config.grid(), (Extent{2, 3}));
  EXPECT_EQ(config.pos.grid, (Extent{2, 3}));
  EXPECT_EQ(config.tokens(), 7);
  EXPECT_EQ(config.patch.stride, config.patch.size);
  EXPECT_TRUE(config.block.attn.qkvBias[1]);
  EXPECT_EQ(config.head.layers[0].name, "main");
}

TEST(VitJson, EveryFieldSurvivesPrinting) {
  ModelConfig config;
  config.name = "odd \"name\"";
  config.source = {"lib", "arch", "xxh3-128:0", "ab"};
  config.inputSize = {33, 47};
  config.channels = 5;
  config.layout = InputLayout::NHWC;
  config.shape = InputShape::NaFlex;
  ResizeStep resize{ResizeMode::Shortest, {40, 0}, ResizeFilter::Bicubic, false, ResizeImpl::OpenCv,
                    SizeRounding::Lround};
  config.preprocess = Preprocess{false,
                                 {resize, CenterCropStep{{33, 47}, CropRounding::HalfEven, 2},
                                  AffineStep{1 / 127.5, {0.1, 1e-7}, {0.3, 2}}}};
  config.width = 30, config.depth = 3, config.heads = 7, config.headDim = 11;
  config.patch = {PatchKind::Linear, {3, 5}, {2, 4},        PatchPad::Same,
                  PatchOrder::HWC,   false,  NormKind::Rms, NormKind::Layer};
  config.prefix = {{"cls", 1}, {"reg", 4}};
  config.suffix = {{"tail", 2}};
  config.posCovers = PosCovers::ClsAndPatch;
  config.pos = {PosKind::SincosMae, {4, 9}, PosResize{"linear", false, true, "offset0.1"}};
  config.rope = {RopeKind::Mixed, 10000, "xy", "adjacent", {7, 8}, 1};
  config.relBias = RelBiasKind::Beit;
  config.relBiasShared = true;
  config.relBiasGrid = Extent{3, 5};
  config.relBiasResize = RelBiasResize::Geometric;
  config.norm = NormKind::Rms;
  config.normEps = 1.2345678901234567e-5;
  config.preNorm = true;
  config.block = {Placement::Parallel,
                  false,
                  {{true, false, true},
                   NormKind::Layer,
                   ScaleRule::Number,
                   0.1,
                   ScaleSite::Split,
                   false,
                   false,
                   false,
                   false,
                   true,
                   "sigmoid"},
                  true,
                  {MlpKind::Glu, Activation::Silu, 77, true, false}};
  config.finalNorm = FinalNorm::AfterPool;
  config.pool = {PoolKind::MultiLayer, true, {1, 2}};
  config.head = {PreLogits{9, "tanh", false},
                 {{"main", "cls", 4, false}, {"dist", "pooled", 4, true}},
                 HeadCombine::Mean};
  config.zeroShot = ZeroShot{5, true};
  config.outputs = {{OutputValue::Probabilities}, {OutputValue::Hidden, 2}, {OutputValue::Rollout}};
  config.labels = {"a", "b\n", "\xc3\xa9", ""};
  config.ignored = {"x.*"};
  config.tensorNames = {{"layer.{i}.qkv.{p}", "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}"},
                        {"pos", "embed.pos"}};
  auto parsed = get(parseVitJson(printVitJson(config), "vit.json"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, config) << printVitJson(*parsed);
}

TEST(VitJson, SpellingsOfEveryEnumRoundTrip) {
  ModelConfig config = minimalConfig();
  for (int i = 0; i < 5; ++i) {
    config.block.mlp.act = static_cast<Activation>(i);
    config.block.placement = static_cast<Placement>(i);
    config.pool.kind = static_cast<PoolKind>(i + 3);
    config.posCovers = static_cast<PosCovers>(i % 4);
    config.pos.kind = static_cast<PosKind>(i % 4);
    config.rope.kind = static_cast<RopeKind>(i % 4);
    auto parsed = get(parseVitJson(printVitJson(config), "vit.json"));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, config);
  }
}

TEST(VitJson, RefusesUnknownKeysEverywhere) {
  expectRefused(changedVitJson("\"width\"", "\"widht\": 3, \"width\""),
                {"vit.json:4:", "'widht'", "did you mean 'width'?"});
  expectRefused(changedVitJson("{\"size\": [4, 4]}", "{\"size\": [4, 4], \"strides\": [4, 4]}"),
                {"patch.strides", "'stride'"});
  expectRefused(changedVitJson("{\"out\": 3}", "{\"out\": 3, \"x\": 1}"), {"head.layers[0].x"});
  expectRefused(changedVitJson("\"hidden\": 20", "\"hidden\": 20, \"x\": 1"), {"block.mlp.x"});
}

TEST(VitJson, RefusesMissingKeys) {
  expectRefused(changedVitJson("\"width\": 16, ", ""), {"'width'", "missing"});
  expectRefused(changedVitJson("{\"eps\": 1e-6}", "{}"), {"norm", "'eps'", "missing"});
  expectRefused(changedVitJson("\"act\": \"gelu_erf\", ", ""), {"'act'", "missing"});
  expectRefused(changedVitJson("{\"kind\": \"cls\"}", "{}"), {"pool", "'kind'"});
  expectRefused("{}", {"'format'", "missing"});
}

TEST(VitJson, RefusesWrongTypesAndNumbers) {
  expectRefused(changedVitJson("\"width\": 16", "\"width\": \"16\""), {"width", "an integer", "'16'"});
  expectRefused(changedVitJson("\"width\": 16", "\"width\": -16"), {"width", "got -16"});
  expectRefused(changedVitJson("\"width\": 16", "\"width\": 16.5"), {"width", "16.5"});
  expectRefused(changedVitJson("\"heads\": 2", "\"heads\": 1000000000000000000"),
                {"heads", "1000000000000000000"});
  expectRefused(changedVitJson("[8, 12]", "[8]"), {"input.size", "a pair"});
  expectRefused(changedVitJson("[\"cls\"]", "[\"reg:0\"]"), {"tokens.prefix[0]", "a token kind"});
  expectRefused(changedVitJson("[\"cls\"]", "[\"reg:-4\"]"), {"a token kind"});
  expectRefused(changedVitJson("[\"cls\"]", "[\"../x\"]"), {"a token kind"});
  expectRefused(changedVitJson("\"gelu_erf\"", "\"gelu\""),
                {"block.mlp.act", "'gelu_erf', 'gelu_tanh'", "'gelu'"});
  expectRefused(changedVitJson("\"version\": 1", "\"version\": 2"), {"version"});
  expectRefused(changedVitJson("vitc.vit", "other"), {"format", "'vitc.vit'"});
  expectRefused(changedVitJson("\"width\": 16", "\"outputs\": [\"logits\", \"hidden\"], \"width\": 16"),
                {"outputs[1]", "an output such as", "'hidden'"});
  expectRefused(changedVitJson("\"width\": 16", "\"zero_shot\": {}, \"width\": 16"),
                {"'classes'", "missing"});
}

TEST(VitJson, RefusesRulesForNamesThatMeanNothing) {
  auto rule = [](const std::string &source, const std::string &target) {
    return changedVitJson("\"width\"", "\"tensors\": {\"" + source + "\": " + target + "}, \"width\"");
  };
  EXPECT_TRUE(get(parseVitJson(rule("l.{j}.x.{p}", "\"blk.{i}.q.{p}\""), "")));
  EXPECT_TRUE(get(parseVitJson(rule("all.x.{p}", "\"blk.{i}.q.{p}\""), ""))); // blocks along the first axis
  expectRefused(rule("a", "3"), {"tensors.a", "a string"});
  expectRefused(rule("a.{x}", "\"b\""), {"{i} or {j}, and {p}, as placeholders"});
  expectRefused(rule("a.{i", "\"b\""), {"placeholders"});
  expectRefused(rule("a}", "\"b\""), {"placeholders"});
  expectRefused(rule("a.{j}", "\"b.{j}\""), {"{i} and {p} as placeholders"});
  expectRefused(rule("a", "\"b.{p}\""), {"{p} on both sides"});
  expectRefused(rule("a.{i}.{i}", "\"b.{i}\""), {"each placeholder once"});
  expectRefused(rule("", "\"b\""), {"a name that is not empty"});
  expectRefused(rule("a", "\"\""), {"canonical names"});
  expectRefused(rule("a", "\"a||b\""), {"canonical names"});
  expectRefused(rule("a", "\"1|2|3|4|5|6|7|8|9\""), {"1 to 8"});
  std::string many = "\"t0\": \"x\"";
  for (int i = 1; i <= 256; ++i)
    many += fmt::format(", \"t{}\": \"x\"", i);
  expectRefused(changedVitJson("\"width\"", "\"tensors\": {" + many + "}, \"width\""), {"at most 256 rules"});
  expectRefused(changedVitJson("\"width\"", "\"tensors\": [], \"width\""), {"tensors", "an object"});
}

TEST(VitJson, ScaleIsARuleOrANumber) {
  std::string with = R"({"attn": {"scale": SCALE}, "mlp": {"act": "relu", "hidden": 4}})";
  auto scaled = [&](const std::string &value) {
    std::string block = with;
    block.replace(block.find("SCALE"), 5, value);
    return changedVitJson(R"({"mlp": {"act": "gelu_erf", "hidden": 20}})", block);
  };
  EXPECT_EQ(get(parseVitJson(scaled("0.25"), ""))->block.attn.scale, 0.25);
  EXPECT_EQ(get(parseVitJson(scaled("\"learned_div\""), ""))->block.attn.scaleRule,
            ScaleRule::LearnedDivisor);
  expectRefused(scaled("\"number\""), {"block.attn.scale", "the number itself"});
  expectRefused(scaled("true"), {"block.attn.scale"});
}
