#include "test/Integration/RandomModel.h"
#include <cmath>
#include <random>

using namespace vitc;

namespace {

class Generator {
public:
  Generator(uint64_t seed, uint64_t index) : random(seed * 1000003 + index), index(index) {}
  ModelConfig draw();

private:
  // The library's distributions differ between implementations; a printed seed must mean the same everywhere.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  }
  /// As many draws below the geometric mean as above.
  int64_t logBetween(int64_t low, int64_t high) {
    double u = static_cast<double>(random() >> 11) * 0x1p-53;
    auto value = static_cast<int64_t>(std::exp(std::log(low) + u * (std::log(high + 1) - std::log(low))));
    return std::clamp(value, low, high);
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <typename T> T oneOf(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<int64_t>(values.size()) - 1)];
  }

  void drawTokens(ModelConfig &config);
  void drawImage(ModelConfig &config);
  void drawBlock(ModelConfig &config);
  void drawRelativePositions(ModelConfig &config);
  void drawHead(ModelConfig &config);
  void drawOutputs(ModelConfig &config);
  static double flops(const ModelConfig &config);

  std::mt19937_64 random;
  uint64_t index;
};

/// Prefix, grid and positions.
void Generator::drawTokens(ModelConfig &config) {
  int64_t tokens = logBetween(2, 400);
  if (index % 16 == 0)
    tokens = 1;
  else if (index % 16 == 7)
    tokens = between(2, 8);
  else if (index % 16 == 1)
    tokens = between(1300, 1400);
  else if (index % 16 == 2)
    tokens = between(570, 600);
  int64_t prefix = std::min(tokens - 1, between(0, 5));
  if (prefix > 0 && chance(80)) {
    config.prefix.push_back({"cls", 1});
    --prefix;
  }
  if (prefix > 0 && chance(30)) {
    config.prefix.push_back({"dist", 1});
    --prefix;
  }
  if (prefix > 0)
    config.prefix.push_back({"reg", prefix});
  int64_t suffix = std::min(tokens - config.prefixTokens() - 1, between(0, 3));
  if (suffix > 0 && !config.prefixIndex("reg") && chance(30))
    config.suffix.push_back({"reg", suffix});
  int64_t patches = tokens - config.prefixTokens() - (config.suffix.empty() ? 0 : suffix);
  // A grid of about so many: odd shapes, also a single row or column.
  int64_t rows = chance(10) ? 1 : logBetween(1, patches);
  Extent grid{rows, patches / rows};
  if (chance(50))
    std::swap(grid.height, grid.width);
  config.patch.size = config.patch.stride = {between(1, 9), between(1, 9)};
  // Patches side by side, that overlap, or with gaps; zeros around the image, or pixels behind the last whole
  // patch that are never read.
  if (chance(25))
    config.patch.stride = {between(1, config.patch.size.height + 2), between(1, config.patch.size.width + 2)};
  if (chance(25))
    config.patch.pad = PatchPad::Same;
  auto along = [&](int64_t count, int64_t size, int64_t stride) {
    return config.patch.pad == PatchPad::Same ? (count - 1) * stride + between(1, stride)
                                              : (count - 1) * stride + size + between(0, stride - 1);
  };
  config.inputSize = {along(grid.height, config.patch.size.height, config.patch.stride.height),
                      along(grid.width, config.patch.size.width, config.patch.stride.width)};
  config.posCovers = oneOf({PosCovers::All, PosCovers::All, PosCovers::Patch, PosCovers::None});
  if (config.posCovers == PosCovers::Patch && !config.prefix.empty() && config.prefix[0].kind == "cls" &&
      chance(50))
    config.posCovers = PosCovers::ClsAndPatch;
  config.pos.kind = config.posCovers == PosCovers::None ? PosKind::None : PosKind::Learned;
  config.pos.grid = grid;
  if (config.pos.kind == PosKind::Learned && chance(25)) {
    config.pos.grid = {between(1, 12), between(1, 12)};
    bool corners = chance(30), antialias = !corners && chance(50);
    const char *kernel = antialias ? oneOf({"cubic-0.5", "cubic-0.75", "linear"})
                                   : oneOf({"cubic-0.5", "cubic-0.75", "linear", "nearest"});
    config.pos.resize = PosResize{kernel, antialias, corners, !corners && chance(30) ? "offset0.1" : "size"};
  }
}

void Generator::drawImage(ModelConfig &config) {
  config.channels = between(1, 4);
  config.patch.bias = chance(80);
  if (chance(30)) {
    config.patch.kind = PatchKind::Linear;
    config.patch.order = oneOf({PatchOrder::CHW, PatchOrder::HWC});
  }
  // A norm of a few pixels is mostly rounding, and one of a single pixel nothing else.
  if (config.channels * config.patch.size.height * config.patch.size.width >= 16 && chance(20))
    config.patch.normIn = NormKind::Layer;
  if (chance(20))
    config.patch.normOut = NormKind::Layer;
  if (chance(20))
    config.layout = InputLayout::NHWC;
  if ((config.channels == 1 || config.channels == 3) && chance(70)) {
    AffineStep affine;
    for (int64_t c = 0; c < config.channels; ++c) {
      affine.mean.push_back(static_cast<double>(between(1, 9)) / 10);
      affine.std.push_back(static_cast<double>(between(1, 9)) / 10);
    }
    // No resize: the runtime's is tested on its own, and pixels of the model's size reach the code unchanged.
    config.preprocess = Preprocess{config.channels == 3, {affine}};
  }
}

void Generator::drawBlock(ModelConfig &config) {
  config.depth = index % 16 == 10 ? between(3, 5) : between(1, 2);
  config.normEps = oneOf({1e-12, 1e-6, 1e-5, 1e-3});
  config.preNorm = chance(25);
  BlockConfig &block = config.block;
  AttentionConfig &attn = block.attn;
  attn.qkvBias = {chance(70), chance(70), chance(70)};
  attn.outBias = chance(70);
  if (chance(30)) {
    attn.scaleRule = ScaleRule::Number;
    attn.scale = static_cast<double>(between(1, 8)) / 20;
  } else if (chance(10)) {
    attn.scaleRule = ScaleRule::LearnedDivisor;
  }
  attn.softmax = chance(90);
  attn.scaleSite = oneOf({ScaleSite::Query, ScaleSite::Logits, ScaleSite::Split});
  block.layerScale = chance(40);
  block.mlp.act = oneOf(
      {Activation::GeluErf, Activation::GeluTanh, Activation::QuickGelu, Activation::Relu, Activation::Silu});
  block.mlp.bias = chance(70);
  auto norm = [&] { return chance(50) ? NormKind::Layer : NormKind::Rms; };
  config.norm = chance(70) ? NormKind::Layer : NormKind::Rms;
  block.placement = oneOf({Placement::Pre, Placement::Pre, Placement::Pre, Placement::ResPost,
                           Placement::Post, Placement::Parallel});
  block.mlp.kind = chance(35) ? MlpKind::Glu : MlpKind::Plain;
  block.mlp.innerNorm = chance(20);
  attn.outNorm = chance(15);
  if (chance(20))
    attn.qkNorm = norm();
  do {
    config.width = index % 16 == 8 ? logBetween(1, 100) : 20 * logBetween(1, 32);
    config.headDim = index % 16 == 3 ? 8 : index % 16 == 4 ? 128 : between(8, 128);
    if (index % 16 == 9)
      config.headDim = chance(50) ? between(1, 7) : between(129, 300);
    config.heads = logBetween(1, std::max<int64_t>(1, 512 / config.headDim));
    block.mlp.hidden = logBetween(1, 4 * config.width);
  } while (flops(config) > 0.6e9);
  drawRelativePositions(config);
}

/// Rotations where heads are of a size for them, and biases of pairs where they are small.
void Generator::drawRelativePositions(ModelConfig &config) {
  bool four = config.headDim % 4 == 0, two = config.headDim % 2 == 0;
  if (two && chance(40)) {
    config.rope.kind = four ? oneOf({RopeKind::Cat, RopeKind::DinoV3, RopeKind::Mixed}) : RopeKind::Mixed;
    config.rope.pairing = config.rope.kind == RopeKind::DinoV3 ? "half" : "adjacent";
    config.rope.order = chance(50) ? "yx" : "xy";
    config.rope.base = oneOf({100.0, 10000.0});
    config.rope.ref = {between(1, 20), between(1, 20)};
    config.rope.offset = static_cast<double>(between(0, 1));
  }
  bool oneCls = config.prefix.size() == 1 && config.prefix[0].kind == "cls";
  if (oneCls && chance(60) && config.heads * config.tokens() * config.tokens() < 1 << 21) {
    config.relBias = RelBiasKind::Beit;
    config.relBiasShared = chance(30);
    if (chance(50)) {
      config.relBiasGrid = Extent{between(1, 6), between(1, 6)};
      config.relBiasResize = oneOf({RelBiasResize::Linear, RelBiasResize::Geometric});
    }
  }
}

void Generator::drawHead(ModelConfig &config) {
  bool cls = !config.prefix.empty() && config.prefix[0].kind == "cls";
  config.pool.kind = cls && chance(60) ? PoolKind::Cls : PoolKind::Mean;
  if (index % 4 == 2) {
    config.pool.kind = oneOf({PoolKind::Max, PoolKind::AvgMax, PoolKind::Map});
    if (cls && chance(50))
      config.pool.kind = oneOf({PoolKind::ConcatClsMean, PoolKind::MultiLayer});
    if (config.pool.kind == PoolKind::Map) {
      config.pool.heads =
          oneOf<int64_t>({1, config.width % 5 == 0 ? 5 : 1, config.width % config.heads == 0 ? 0 : 1});
      config.pool.hidden = chance(50) ? logBetween(1, 300) : 0;
      if (chance(50))
        config.pool.act = Activation::GeluTanh;
      config.pool.query = chance(70);
      config.pool.kvBias = chance(70);
      if (chance(30)) {
        config.pool.mlp = false;
        config.pool.hidden = 0;
        config.pool.act.reset();
      }
    }
  }
  bool reads = config.pool.kind == PoolKind::ConcatClsMean || config.pool.kind == PoolKind::MultiLayer;
  if (config.pool.kind == PoolKind::MultiLayer)
    for (int64_t i = 0, count = between(1, 4); i < count; ++i)
      config.pool.layers.push_back(between(0, config.depth - 1));
  config.pool.includePrefix = config.pool.kind != PoolKind::Cls && !reads && chance(50);
  config.finalNorm = oneOf({FinalNorm::AllTokens, FinalNorm::AfterPool, FinalNorm::None});
  if (reads && config.finalNorm == FinalNorm::AfterPool)
    config.finalNorm = FinalNorm::AllTokens;
  int64_t classes = logBetween(1, 1001);
  if (index % 16 == 5)
    classes = 1;
  else if (index % 16 == 6)
    classes = 1001;
  if (index % 16 != 5 && index % 16 != 6 && chance(20))
    classes = 0; // features and pooled
  bool distilled = cls && config.prefixIndex("dist") && chance(70);
  if (classes && distilled) {
    config.finalNorm = FinalNorm::AllTokens;
    config.head.layers = {{"main", "cls", classes, chance(80)}, {"dist", "dist", classes, chance(80)}};
    config.head.combine = HeadCombine::Mean;
  } else if (!config.prefix.empty() && index % 4 == 3 && chance(70)) { // one token is read, or all are
    config.pool = {PoolKind::None, false, {}, 0, 0, {}};
    if (config.finalNorm == FinalNorm::AfterPool)
      config.finalNorm = FinalNorm::AllTokens;
    const TokenRun &run = config.prefix[between(0, static_cast<int64_t>(config.prefix.size()) - 1)];
    if (classes)
      config.head.layers = {{"main", chance(20) ? kHeadOfTokens : run.kind, classes, chance(80)}};
  } else {
    if (chance(20))
      config.head.preLogits =
          PreLogits{logBetween(1, 300), oneOf({"tanh", "tanh", "identity", "gelu_erf"}), chance(70)};
    if (classes)
      config.head.layers = {{"main", "pooled", classes, chance(80)}};
  }
}

/// Values that a user may ask for, now and then.
void Generator::drawOutputs(ModelConfig &config) {
  if (!chance(25))
    return;
  bool pooled = config.pool.kind != PoolKind::None;
  if (config.head.layers.empty() && pooled && chance(40))
    config.zeroShot = ZeroShot{logBetween(1, 50), chance(50)};
  bool perToken = !config.head.layers.empty() && config.head.layers[0].from == kHeadOfTokens;
  auto add = [&](OutputSpec spec) {
    if (chance(50))
      config.outputs.push_back(spec);
  };
  if (config.classes())
    add({OutputValue::Logits});
  if (config.classes() && !perToken)
    add({OutputValue::Probabilities});
  if (pooled) {
    add({OutputValue::Pooled});
    add({OutputValue::Embedding});
  }
  add({OutputValue::Features});
  add({OutputValue::Hidden, between(0, config.depth)});
  if (config.tokens() < 100 && config.block.attn.softmax) {
    add({OutputValue::Attention, between(0, config.depth - 1)});
    if (pooled)
      add({OutputValue::Rollout});
  }
}

/// Two per multiply-add of the blocks.
double Generator::flops(const ModelConfig &config) {
  auto tokens = static_cast<double>(config.tokens()), width = static_cast<double>(config.width);
  auto inner = static_cast<double>(config.innerWidth());
  auto hidden = static_cast<double>(config.block.mlp.hidden);
  return 2 * static_cast<double>(config.depth) * tokens *
         (4 * width * inner + 2 * width * hidden + 2 * tokens * inner);
}

ModelConfig Generator::draw() {
  ModelConfig config;
  config.name = "random_" + std::to_string(index);
  drawTokens(config);
  drawImage(config);
  drawBlock(config);
  drawHead(config);
  drawOutputs(config);
  if (config.pos.kind == PosKind::Learned && !config.pos.resize && config.width % 4 == 0 &&
      config.width >= 8 && chance(20))
    config.pos.kind = oneOf({PosKind::SincosMae, PosKind::SincosSimple});
  return config;
}

} // namespace

ModelConfig vitc::test::randomModel(uint64_t seed, uint64_t index) { return Generator(seed, index).draw(); }
