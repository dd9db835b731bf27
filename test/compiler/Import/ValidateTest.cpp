#include "test/compiler/Import/ImportFixtures.h"
#include <cmath>

using namespace vitc;
using namespace vitc::test;

static void expectInvalid(const ModelConfig &config, std::initializer_list<llvm::StringRef> parts) {
  expectError(validate(config), ExitCode::Input, parts);
}

namespace {
/// A change of the minimal description, and what the refusal says.
struct Broken {
  const char *message;
  void (*change)(ModelConfig &);
};
} // namespace

TEST(Validate, Sizes) {
  const Broken cases[] = {
      {"width", [](ModelConfig &c) { c.width = 0; }},
      {"depth", [](ModelConfig &c) { c.depth = 100000; }},
      {"heads", [](ModelConfig &c) { c.heads = -1; }},
      {"heads", [](ModelConfig &c) { c.heads = INT64_MAX, c.headDim = INT64_MAX; }},
      {"head_dim", [](ModelConfig &c) { c.headDim = 0; }},
      {"heads * head_dim", [](ModelConfig &c) { c.heads = c.headDim = 4000; }},
      {"block.mlp.hidden", [](ModelConfig &c) { c.block.mlp.hidden = 0; }},
      {"patch.size", [](ModelConfig &c) { c.patch.size.height = 0; }},
      {"patch.size", [](ModelConfig &c) { c.patch.size = {100, 100}; }},
      {"input.size", [](ModelConfig &c) { c.inputSize.width = 1 << 20; }},
      {"tokens", [](ModelConfig &c) { c.prefix = {{"cls", 1}, {"cls", 1}}; }},
      {"head.layers", [](ModelConfig &c) { c.head.layers[0].out = 0; }},
      {"norm.eps", [](ModelConfig &c) { c.normEps = -1; }},
      {"norm.eps", [](ModelConfig &c) { c.normEps = std::nan(""); }},
  };
  for (const Broken &broken : cases) {
    ModelConfig config = minimalConfig();
    broken.change(config);
    expectInvalid(config, {broken.message});
  }
}

TEST(Validate, Consistency) {
  const Broken cases[] = {
      {"pos.grid", [](ModelConfig &c) { c.pos.grid = {3, 3}; }},
      {"pos.kind", [](ModelConfig &c) { c.posCovers = PosCovers::None; }},
      {"pos_covers", [](ModelConfig &c) { c.posCovers = PosCovers::ClsAndPatch, c.prefix = {{"reg", 2}}; }},
      {"pool.kind", [](ModelConfig &c) { c.prefix.clear(); }},
      {"pool.kind", [](ModelConfig &c) { c.pool.kind = PoolKind::None; }},
      {"final_norm",
       [](ModelConfig &c) { c.head = {}, c.pool.kind = PoolKind::None, c.finalNorm = FinalNorm::AfterPool; }},
      {"or a rule 'pos.resize' by which the table is resampled for it, got 3x3",
       [](ModelConfig &c) { c.pos.grid = {3, 3}; }},
      {"pos.grid: expected extents from 1",
       [](ModelConfig &c) { c.pos.grid = {0, 3}, c.pos.resize = PosResize(); }},
      {"pos.resize.kernel", [](ModelConfig &c) { c.pos.resize = PosResize{"sinc", false, false, "size"}; }},
      {"pos.resize.scale", [](ModelConfig &c) { c.pos.resize = PosResize{"linear", false, false, "x"}; }},
      {"pos.resize.scale: expected 'size' with align_corners",
       [](ModelConfig &c) { c.pos.resize = PosResize{"linear", false, true, "offset0.1"}; }},
      {"pos.resize.antialias: expected false with align_corners",
       [](ModelConfig &c) { c.pos.resize = PosResize{"linear", true, true, "size"}; }},
      {"pos.resize.antialias: expected false with the kernel 'nearest'",
       [](ModelConfig &c) { c.pos.resize = PosResize{"nearest", true, false, "size"}; }},
      {"width: expected a multiple of 4 for pos.kind 'sincos_mae', got 18",
       [](ModelConfig &c) { c.width = 18, c.headDim = 9, c.pos.kind = PosKind::SincosMae; }},
      {"at least 8", [](ModelConfig &c) { c.width = 4, c.headDim = 2, c.pos.kind = PosKind::SincosSimple; }},
      {"'concat_cls_mean' expects a prefix token",
       [](ModelConfig &c) { c.prefix.clear(), c.pool.kind = PoolKind::ConcatClsMean; }},
      {"pool.include_prefix", [](ModelConfig &c) { c.pool = {PoolKind::ConcatClsMean, true, {}, 0, 0, {}}; }},
      {"pool.layers: expected none for pool.kind 'cls'", [](ModelConfig &c) { c.pool.layers = {0}; }},
      {"pool.layers: expected 1 to 8 blocks", [](ModelConfig &c) { c.pool.kind = PoolKind::MultiLayer; }},
      {"pool.layers: expected at most 8",
       [](ModelConfig &c) { c.pool = {PoolKind::MultiLayer, false, std::vector<int64_t>(9, 0), 0, 0, {}}; }},
      {"pool.layers: expected blocks from 0 to",
       [](ModelConfig &c) { c.pool = {PoolKind::MultiLayer, false, {c.depth}, 0, 0, {}}; }},
      {"pool.heads: expected a divisor", [](ModelConfig &c) { c.pool.kind = PoolKind::Map, c.heads = 3; }},
      {"final_norm: expected 'all_tokens' or 'none'",
       [](ModelConfig &c) { c.pool.kind = PoolKind::ConcatClsMean, c.finalNorm = FinalNorm::AfterPool; }},
      {"head.pre_logits.act: expected one of 'tanh', 'identity'",
       [](ModelConfig &c) { c.head.preLogits = PreLogits{4, "swish", true}; }},
      {"all layers to read all tokens, or none",
       [](ModelConfig &c) {
         c.head.layers.push_back({"all", kHeadOfTokens, 3, true}), c.head.combine = HeadCombine::Mean;
       }},
      {"expected 'pooled', 'tokens' or a prefix token, got 'dist'",
       [](ModelConfig &c) { c.head.layers[0].from = "dist"; }},
      {"head.combine", [](ModelConfig &c) { c.head.layers.push_back({"dist", "cls", 3, true}); }},
      {"equal outputs", [](ModelConfig &c) { c.head.layers.push_back({"dist", "cls", 4, true}); }},
      {"distinct identifiers", [](ModelConfig &c) { c.head.layers.push_back(c.head.layers[0]); }},
      {"labels", [](ModelConfig &c) { c.labels = {"a"}; }},
  };
  for (const Broken &broken : cases) {
    ModelConfig config = minimalConfig();
    broken.change(config);
    expectInvalid(config, {broken.message});
  }
}

TEST(Validate, Outputs) {
  const Broken cases[] = {
      {"outputs: 'logits' expects a head",
       [](ModelConfig &c) { c.head = {}, c.outputs = {{OutputValue::Logits}}; }},
      {"outputs: 'probabilities' expects logits of a picture",
       [](ModelConfig &c) {
         c.head.layers[0].from = kHeadOfTokens, c.outputs = {{OutputValue::Probabilities}};
       }},
      {"outputs: 'embedding' expects a model that pools",
       [](ModelConfig &c) {
         c.pool.kind = PoolKind::None, c.head = {}, c.outputs = {{OutputValue::Embedding}};
       }},
      {"outputs: expected hidden from hidden:0 to hidden:",
       [](ModelConfig &c) { c.outputs = {{OutputValue::Hidden, c.depth + 1}}; }},
      {"outputs: expected attention from attention:0 to",
       [](ModelConfig &c) { c.outputs = {{OutputValue::Attention, c.depth}}; }},
      {"outputs: 'rollout' expects attention with a softmax",
       [](ModelConfig &c) { c.block.attn.softmax = false, c.outputs = {{OutputValue::Rollout}}; }},
      {"outputs: expected 'features' once",
       [](ModelConfig &c) { c.outputs = {{OutputValue::Features}, {OutputValue::Features}}; }},
      {"zero_shot: expected a model without head.layers", [](ModelConfig &c) { c.zeroShot = ZeroShot{3}; }},
      {"zero_shot.classes", [](ModelConfig &c) { c.head = {}, c.zeroShot = ZeroShot{0}; }},
      {"zero_shot: expected a model that pools",
       [](ModelConfig &c) { c.head = {}, c.pool.kind = PoolKind::None, c.zeroShot = ZeroShot{3}; }},
  };
  for (const Broken &broken : cases) {
    ModelConfig config = minimalConfig();
    broken.change(config);
    expectInvalid(config, {broken.message});
  }
  ModelConfig config = minimalConfig();
  config.outputs = {
      {OutputValue::Hidden, config.depth}, {OutputValue::Attention, 0}, {OutputValue::Probabilities}};
  EXPECT_EQ(llvm::toString(validate(config)), "");
  for (const char *text : {"hidden", "hidden:", "hidden:x", "hidden:-1", "logits:1", "Logits", ""})
    EXPECT_FALSE(parseOutput(text)) << text;
  EXPECT_EQ(parseOutput("attention:7"), (OutputSpec{OutputValue::Attention, 7}));
  EXPECT_EQ(outputText({OutputValue::Hidden, 3}), "hidden:3");
}

TEST(Validate, NamesAreIdentifiers) {
  for (const char *name : {"a b", "1a", "a-b", "a;", "\xc3\xa9"}) {
    ModelConfig config = minimalConfig();
    config.name = name;
    expectInvalid(config, {"name: expected a C identifier"});
    config = minimalConfig();
    config.head.layers[0].name = name;
    expectInvalid(config, {"distinct identifiers"});
  }
}

TEST(Validate, NamesWhatIsNotLoweredYet) {
  const Broken cases[] = {
      {"--image-size A,B,C", [](ModelConfig &c) { c.shape = InputShape::Multiple; }},
      {"input.shape: 'naflex'", [](ModelConfig &c) { c.shape = InputShape::NaFlex; }},
      {"tokens.prefix: expected kinds", [](ModelConfig &c) { c.prefix.push_back({"x", 1}); }},
      {"tokens.suffix: expected kinds", [](ModelConfig &c) { c.suffix.push_back({"x", 1}); }},
      {"block.attn.value", [](ModelConfig &c) { c.block.attn.value = false; }},
      {"block.attn.gate: 'sigmoid'", [](ModelConfig &c) { c.block.attn.gate = "sigmoid"; }},
  };
  for (const Broken &broken : cases) {
    ModelConfig config = minimalConfig();
    broken.change(config);
    expectInvalid(config, {broken.message});
  }
}

TEST(Validate, AcceptsTheSupportedAxes) {
  for (void (*change)(ModelConfig &) :
       {+[](ModelConfig &c) { c.pool.kind = PoolKind::Mean, c.prefix.clear(); },
        +[](ModelConfig &c) { c.pool = {PoolKind::Mean, true, {}, 0, 0, {}}; },
        +[](ModelConfig &c) { c.pool.kind = PoolKind::None, c.head = {}; },
        +[](ModelConfig &c) { c.head = {PreLogits{5, "tanh", true}, {}, {}}; },
        +[](ModelConfig &c) { c.prefix = {{"cls", 1}, {"dist", 2}, {"reg", 7}}; },
        +[](ModelConfig &c) { c.posCovers = PosCovers::None, c.pos.kind = PosKind::None; },
        +[](ModelConfig &c) { c.posCovers = PosCovers::Patch; },
        +[](ModelConfig &c) { c.patch.pad = PatchPad::Same; },
        +[](ModelConfig &c) { c.inputSize = {9, 13}, c.patch.pad = PatchPad::Same, c.pos.grid = c.grid(); },
        +[](ModelConfig &c) { c.patch.stride = {2, 3}, c.pos.grid = c.grid(); },
        +[](ModelConfig &c) { c.patch.kind = PatchKind::Linear, c.patch.order = PatchOrder::HWC; },
        +[](ModelConfig &c) { c.patch.normIn = c.patch.normOut = NormKind::Layer; },
        +[](ModelConfig &c) { c.layout = InputLayout::NHWC; },
        +[](ModelConfig &c) { c.suffix = {{"reg", 4}}; },
        +[](ModelConfig &c) { c.pos.kind = PosKind::SincosMae; },
        +[](ModelConfig &c) { c.pos.kind = PosKind::SincosSimple; },
        +[](ModelConfig &c) { c.pos.grid = {5, 7}, c.pos.resize = PosResize(); },
        +[](ModelConfig &c) { c.pool.kind = PoolKind::Max; },
        +[](ModelConfig &c) { c.pool = {PoolKind::AvgMax, true, {}, 0, 0, {}}; },
        +[](ModelConfig &c) { c.pool.kind = PoolKind::Map; },
        +[](ModelConfig &c) { c.pool.kind = PoolKind::ConcatClsMean; },
        +[](ModelConfig &c) { c.pool = {PoolKind::MultiLayer, false, {0, 0}, 0, 0, {}}; },
        +[](ModelConfig &c) { c.head.preLogits = PreLogits{4, "gelu_erf", true}; },
        +[](ModelConfig &c) { c.head.preLogits = PreLogits{4, "identity", false}; },
        +[](ModelConfig &c) { c.pool.kind = PoolKind::None, c.head.layers[0].from = kHeadOfTokens; },
        +[](ModelConfig &c) { c.block.attn.scaleRule = ScaleRule::Number, c.block.attn.scale = 0.1; },
        +[](ModelConfig &c) { c.block.attn.qkvBias = {true, false, true}; },
        +[](ModelConfig &c) { c.heads = 3; }, // inner width 24 on width 16
        +[](ModelConfig &c) { c.finalNorm = FinalNorm::AfterPool; },
        +[](ModelConfig &c) { c.finalNorm = FinalNorm::None, c.normEps = 0; }}) {
    ModelConfig config = minimalConfig();
    change(config);
    EXPECT_EQ(llvm::toString(validate(config)), "");
  }
}

TEST(Validate, Preprocessing) {
  auto with = [](std::vector<PreprocessStep> steps, bool rgb = true) {
    ModelConfig config = minimalConfig();
    config.preprocess = Preprocess{rgb, std::move(steps)};
    return config;
  };
  AffineStep affine{1 / 255.0, {0, 0, 0}, {1, 1, 1}};
  ResizeStep squash{ResizeMode::Squash, {8, 12}}, shortest{ResizeMode::Shortest, {8, 0}};
  EXPECT_EQ(llvm::toString(validate(with({squash, affine}))), "");
  EXPECT_EQ(llvm::toString(validate(with({shortest, CenterCropStep{{8, 12}}, affine}))), "");
  EXPECT_EQ(llvm::toString(validate(with({affine}))), "");
  expectInvalid(with({squash}), {"affine step at the end"});
  expectInvalid(with({affine, squash}), {"nothing behind the affine"});
  expectInvalid(with({shortest, affine}), {"center_crop behind"});
  expectInvalid(with({ResizeStep{ResizeMode::Squash, {9, 12}}, affine}), {"8x12", "9x12"});
  expectInvalid(with({ResizeStep{ResizeMode::Squash, {-9, 12}}, affine}), {"from 1 to 16384"});
  expectInvalid(with({squash, AffineStep{1, {0}, {1}}}), {"3 means"});
  expectInvalid(with({squash, AffineStep{1, {0, 0, 0}, {1, 0, 1}}}), {"positive"});
  expectInvalid(with({squash, AffineStep{1e300, {0, 0, 0}, {1, 1, 1}}}), {"at most 1e9"});
  expectInvalid(with({squash, AffineStep{1, {0, 0, 0}, {1, 1, 1e-300}}}), {"at most 1e9"});
  expectInvalid(with({squash, affine}, false), {"decode_rgb"});
}

TEST(Validate, ResizeRules) {
  auto check = [](ResizeImpl impl, ResizeFilter filter, bool antialias) {
    ResizeStep step{ResizeMode::Squash, {8, 12}, filter, antialias, impl};
    return llvm::toString(checkResize(step));
  };
  using enum ResizeFilter;
  for (ResizeFilter filter : {Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming})
    EXPECT_EQ(check(ResizeImpl::Pil, filter, true), "");
  EXPECT_NE(check(ResizeImpl::Pil, Bicubic, false).find("always antialiases"), std::string::npos);
  for (ResizeFilter filter : {Nearest, Bilinear, Bicubic}) {
    EXPECT_EQ(check(ResizeImpl::Torch, filter, true), "");
    EXPECT_EQ(check(ResizeImpl::Torch, filter, false), "");
    EXPECT_EQ(check(ResizeImpl::Tf, filter, false), "");
    EXPECT_EQ(check(ResizeImpl::OpenCv, filter, false), "");
  }
  for (ResizeImpl impl : {ResizeImpl::Torch, ResizeImpl::Tf, ResizeImpl::OpenCv})
    for (ResizeFilter filter : {Lanczos, Box, Hamming})
      EXPECT_NE(check(impl, filter, false).find("expects impl 'pil'"), std::string::npos);
  for (ResizeImpl impl : {ResizeImpl::Tf, ResizeImpl::OpenCv})
    EXPECT_NE(check(impl, Bilinear, true).find("expected false"), std::string::npos);
  ResizeStep fractions{ResizeMode::Squash, {8, 12}, Bilinear, true, ResizeImpl::Torch};
  fractions.pixels = ResizePixels::F32;
  EXPECT_EQ(llvm::toString(checkResize(fractions)), "");
  fractions.impl = ResizeImpl::Pil;
  EXPECT_NE(llvm::toString(checkResize(fractions)).find("'f32' expects"), std::string::npos);
  fractions.impl = ResizeImpl::Torch;
  fractions.antialias = false;
  EXPECT_NE(llvm::toString(checkResize(fractions)).find("'f32' expects"), std::string::npos);
  ResizeStep fit{ResizeMode::FitPatches, {8, 0}};
  EXPECT_NE(llvm::toString(checkResize(fit)).find("fit_patches"), std::string::npos);
}
