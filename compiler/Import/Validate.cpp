//===- Validate.cpp - which descriptions this compiler accepts --------------------------------------===//
//
// First the sizes, then consistency, then what the compiler can lower. A refusal names the field as vit.json
// spells it, the value found, and the nearest value that would be accepted.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/ModelConfig.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>

using namespace vitc;

namespace {

struct Range {
  const char *field;
  int64_t value, low, high;
};

llvm::Error checkSizes(const ModelConfig &config) {
  // The upper limits leave room for every model of the family (the largest has width 4096, depth 64, 4096
  // tokens) and keep every product below 2^63.
  const Range ranges[] = {
      {"input.size", config.inputSize.height, 1, 1 << 14},
      {"input.size", config.inputSize.width, 1, 1 << 14},
      {"input.channels", config.channels, 1, 1024},
      {"width", config.width, 1, 1 << 16},
      {"depth", config.depth, 1, 1024},
      {"heads", config.heads, 1, 1 << 12},
      {"head_dim", config.headDim, 1, 1 << 12},
      {"block.mlp.hidden", config.block.mlp.hidden, 1, 1 << 18},
      {"patch.size", config.patch.size.height, 1, 1 << 12},
      {"patch.size", config.patch.size.width, 1, 1 << 12},
      {"patch.stride", config.patch.stride.height, 1, 1 << 12},
      {"patch.stride", config.patch.stride.width, 1, 1 << 12},
  };
  for (const Range &range : ranges)
    if (range.value < range.low || range.value > range.high)
      return inputError("{}: expected a number from {} to {}, got {}", range.field, range.low, range.high,
                        range.value);
  if (config.innerWidth() > 1 << 16)
    return inputError("heads: expected heads * head_dim of at most {}, got {} * {}", 1 << 16, config.heads,
                      config.headDim);

  if (config.prefix.size() > 16 || config.suffix.size() > 16)
    return inputError("tokens: expected at most 16 kinds, got more");
  llvm::StringSet<> seen;
  for (const std::vector<TokenRun> *runs : {&config.prefix, &config.suffix})
    for (const TokenRun &run : *runs) {
      if (run.count < 1 || run.count > 4096)
        return inputError("tokens: expected 1 to 4096 tokens of kind '{}', got {}", run.kind, run.count);
      if (!seen.insert(run.kind).second)
        return inputError("tokens: expected every kind once, got a second '{}'", run.kind);
    }

  Extent grid = config.grid();
  if (grid.height < 1 || grid.width < 1)
    return inputError("patch.size: expected at most the input size {}x{}, got {}x{}", config.inputSize.height,
                      config.inputSize.width, config.patch.size.height, config.patch.size.width);
  constexpr int64_t maxTokens = 1 << 17;
  if (config.tokens() > maxTokens)
    return inputError("input.size: expected at most {} tokens, got {} ({}x{} patches)", maxTokens,
                      config.tokens(), grid.height, grid.width);
  return llvm::Error::success();
}

/// The name becomes part of C identifiers and of file names.
bool isIdentifier(llvm::StringRef text) {
  return !text.empty() && text.size() <= 255 && !llvm::isDigit(text[0]) &&
         llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

llvm::Error checkNumbers(const ModelConfig &config) {
  if (!config.name.empty() && !isIdentifier(config.name))
    return inputError("name: expected a C identifier, got '{}'", quoteForMessage(config.name));
  if (!(config.normEps >= 0 && config.normEps <= 1))
    return inputError("norm.eps: expected a number from 0 to 1, got {}", config.normEps);
  const AttentionConfig &attn = config.block.attn;
  if (!attn.outProj && config.innerWidth() != config.width)
    return inputError(
        "block.attn.out_proj: false expects heads * head_dim equal to the width {}, got {} * {}",
        config.width, config.heads, config.headDim);
  if (attn.scaleRule == ScaleRule::Number && !(std::isfinite(attn.scale) && attn.scale != 0))
    return inputError("block.attn.scale: expected a finite number other than 0, got {}", attn.scale);
  return llvm::Error::success();
}

/// Biases of pairs.
llvm::Error checkRelativeBias(const ModelConfig &config) {
  bool oneCls = config.prefix.size() == 1 && config.prefix[0].kind == "cls" && config.prefix[0].count == 1;
  if (config.relBias == RelBiasKind::Beit && (!oneCls || !config.suffix.empty()))
    return inputError("rel_bias.kind: 'beit' expects one cls token beside the patches");
  if (config.relBias == RelBiasKind::None && (config.relBiasGrid || config.relBiasResize))
    return inputError("rel_bias.{}: expected none without a table, with rel_bias.kind 'none'",
                      config.relBiasGrid ? "grid" : "resize");
  Extent made = config.storedRelativeGrid(), grid = config.grid();
  if (made.height < 1 || made.width < 1 || made.height > 1 << 14 || made.width > 1 << 14)
    return inputError("rel_bias.grid: expected extents from 1 to {}, got {}x{}", 1 << 14, made.height,
                      made.width);
  if (made != grid && !config.relBiasResize)
    return inputError(
        "rel_bias.grid: expected the patch grid {}x{}, or a rule 'rel_bias.resize' by which tables are "
        "resampled for it, got {}x{} without one",
        grid.height, grid.width, made.height, made.width);
  return llvm::Error::success();
}

llvm::Error checkPositions(const ModelConfig &config) {
  if ((config.pos.kind == PosKind::None) != (config.posCovers == PosCovers::None))
    return inputError(
        "pos.kind: expected 'none' exactly when tokens.pos_covers is 'none', got '{}' with '{}'",
        nameOf(config.pos.kind), nameOf(config.posCovers));
  if (config.posCovers == PosCovers::ClsAndPatch &&
      (config.prefix.empty() || config.prefix[0].kind != "cls" || config.prefix[0].count != 1))
    return inputError("tokens.pos_covers: 'cls+patch' expects one cls token as the first prefix token");
  if (llvm::Error error = checkRelativeBias(config))
    return error;
  if (config.pos.kind == PosKind::None)
    return llvm::Error::success();
  if (config.pos.kind != PosKind::Learned &&
      (config.width % 4 != 0 || (config.pos.kind == PosKind::SincosSimple && config.width < 8)))
    return inputError("width: expected a multiple of 4{} for pos.kind '{}', got {}",
                      config.pos.kind == PosKind::SincosSimple ? ", at least 8," : "",
                      nameOf(config.pos.kind), config.width);
  const Extent &grid = config.pos.grid;
  if (grid.height < 1 || grid.width < 1 || grid.height > 1 << 14 || grid.width > 1 << 14)
    return inputError("pos.grid: expected extents from 1 to {}, got {}x{}", 1 << 14, grid.height, grid.width);
  if (const std::optional<PosResize> &rule = config.pos.resize) {
    constexpr llvm::StringLiteral kernels[] = {"cubic-0.5", "cubic-0.75", "linear", "nearest"};
    if (!llvm::is_contained(kernels, rule->kernel))
      return inputError("pos.resize.kernel: expected one of '{}', got '{}'",
                        llvm::join(std::begin(kernels), std::end(kernels), "', '"),
                        quoteForMessage(rule->kernel));
    if (rule->scale != "size" && rule->scale != "offset0.1")
      return inputError("pos.resize.scale: expected 'size' or 'offset0.1', got '{}'",
                        quoteForMessage(rule->scale));
    if (rule->alignCorners && rule->scale != "size")
      return inputError("pos.resize.scale: expected 'size' with align_corners, got '{}'", rule->scale);
    if (rule->antialias && (rule->alignCorners || rule->kernel == "nearest"))
      return inputError("pos.resize.antialias: expected false with {}, got true",
                        rule->alignCorners ? "align_corners" : "the kernel 'nearest'");
  } else if (grid != config.grid()) {
    return inputError("pos.grid: expected the patch grid {}x{}, or a rule 'pos.resize' by which the table is "
                      "resampled for it, got {}x{} without one",
                      config.grid().height, config.grid().width, grid.height, grid.width);
  }
  return llvm::Error::success();
}

llvm::Error checkRope(const ModelConfig &config) {
  const RopeConfig &rope = config.rope;
  if (rope.kind == RopeKind::None)
    return llvm::Error::success();
  int64_t divisor = rope.kind == RopeKind::Mixed ? 2 : 4;
  if (config.headDim % divisor != 0)
    return inputError("rope.kind: '{}' expects a head_dim that is a multiple of {}, got {}",
                      nameOf(rope.kind), divisor, config.headDim);
  if (!(std::isfinite(rope.base) && rope.base > 1))
    return inputError("rope.base: expected a number above 1, got {}", rope.base);
  if (rope.order != "yx" && rope.order != "xy")
    return inputError("rope.order: expected 'yx' or 'xy', got '{}'", quoteForMessage(rope.order));
  const char *pairing = rope.kind == RopeKind::DinoV3 ? "half" : "adjacent";
  if (rope.pairing != pairing)
    return inputError("rope.pairing: '{}' expects '{}', got '{}'", nameOf(rope.kind), pairing,
                      quoteForMessage(rope.pairing));
  constexpr int64_t maxRef = 1 << 14;
  if ((rope.ref.height == 0) != (rope.ref.width == 0) || rope.ref.height > maxRef || rope.ref.width > maxRef)
    return inputError("rope.ref: expected [0, 0] or two numbers from 1 to {}, got [{}, {}]", maxRef,
                      rope.ref.height, rope.ref.width);
  if (!(std::abs(rope.offset) <= maxRef))
    return inputError("rope.offset: expected a number from {} to {}, got {}", -maxRef, maxRef, rope.offset);
  if (rope.periods.empty())
    return llvm::Error::success();
  if (rope.kind != RopeKind::DinoV3 || static_cast<int64_t>(rope.periods.size()) != config.headDim / 4)
    return inputError(
        "rope.periods: expected {} numbers (a quarter of head_dim) with rope.kind 'dinov3', got "
        "{} with '{}'",
        config.headDim / 4, rope.periods.size(), nameOf(rope.kind));
  for (double period : rope.periods)
    if (!(std::isfinite(period) && period > 0))
      return inputError("rope.periods: expected positive numbers, got {}", period);
  return llvm::Error::success();
}

llvm::Error checkPool(const ModelConfig &config) {
  const PoolConfig &pool = config.pool;
  auto name = [&] { return nameOf(pool.kind); };
  if (config.poolsClassToken() && config.prefix.empty())
    return inputError("pool.kind: '{}' expects a prefix token; the nearest is 'mean'", name());
  if (pool.includePrefix && (pool.kind == PoolKind::ConcatClsMean || pool.kind == PoolKind::MultiLayer))
    return inputError("pool.include_prefix: expected false for pool.kind '{}', got true", name());
  if ((pool.kind == PoolKind::MultiLayer) == pool.layers.empty())
    return inputError("pool.layers: expected {} for pool.kind '{}', got {}",
                      pool.layers.empty() ? "1 to 8 blocks" : "none", name(), pool.layers.size());
  if (pool.layers.size() > 8) // a region has at most 12 operands
    return inputError("pool.layers: expected at most 8 blocks, got {}", pool.layers.size());
  for (int64_t layer : pool.layers)
    if (layer < 0 || layer >= config.depth)
      return inputError("pool.layers: expected blocks from 0 to {}, got {}", config.depth - 1, layer);
  bool parts = pool.heads || pool.hidden || pool.act || !pool.query || !pool.kvBias || !pool.mlp;
  if (pool.kind != PoolKind::Map && parts)
    return inputError(
        "pool: 'heads', 'hidden', 'act', 'query', 'kv_bias' and 'mlp' expect the kind 'map', got '{}'",
        name());
  if (!pool.mlp && (pool.hidden || pool.act))
    return inputError("pool.mlp: expected true with pool.hidden or pool.act, got false");
  if (pool.kind == PoolKind::Map && config.width % config.poolHeads() != 0)
    return inputError("pool.heads: expected a divisor of the width {}, got {}", config.width,
                      config.poolHeads());
  if (config.poolHidden() > 1 << 18)
    return inputError("pool.hidden: expected a number from 1 to {}, got {}", 1 << 18, config.poolHidden());
  if (config.finalNorm == FinalNorm::AfterPool &&
      (pool.kind == PoolKind::ConcatClsMean || pool.kind == PoolKind::MultiLayer))
    return inputError("final_norm: expected 'all_tokens' or 'none' for pool.kind '{}', got 'after_pool'",
                      name());
  return llvm::Error::success();
}

llvm::Error checkOutputs(const ModelConfig &config) {
  constexpr int64_t maxOut = 1 << 20;
  constexpr size_t maxOutputs = 32; // what vitc calls in a library
  if (config.zeroShot && !config.head.layers.empty())
    return inputError("zero_shot: expected a model without head.layers, which give embeddings, got a head");
  if (config.zeroShot && (config.zeroShot->classes < 1 || config.zeroShot->classes > maxOut))
    return inputError("zero_shot.classes: expected a number from 1 to {}, got {}", maxOut,
                      config.zeroShot->classes);
  if (config.zeroShot && config.pool.kind == PoolKind::None)
    return inputError("zero_shot: expected a model that pools its tokens, got pool.kind 'none'");
  if (config.outputs.size() > maxOutputs)
    return inputError("outputs: expected at most {}, got {}", maxOutputs, config.outputs.size());
  for (size_t i = 0; i < config.outputs.size(); ++i) {
    const OutputSpec &output = config.outputs[i];
    std::string name = outputText(output);
    bool maps = output.kind == OutputValue::Attention || output.kind == OutputValue::Rollout;
    if (maps && !config.block.attn.softmax)
      return inputError("outputs: '{}' expects attention with a softmax, got block.attn.softmax false", name);
    if (llvm::is_contained(llvm::ArrayRef(config.outputs).take_front(i), output))
      return inputError("outputs: expected '{}' once, got it twice", name);
    bool pooled = config.pool.kind != PoolKind::None;
    bool classes = config.classes() > 0 &&
                   (config.head.layers.empty() || config.head.layers.front().from != kHeadOfTokens);
    int64_t last = output.kind == OutputValue::Hidden ? config.depth : config.depth - 1;
    switch (output.kind) {
    case OutputValue::Logits:
      if (!config.classes())
        return inputError("outputs: 'logits' expects a head or class embeddings, got a model without");
      break;
    case OutputValue::Probabilities:
      if (!classes)
        return inputError("outputs: 'probabilities' expects logits of a picture, got a model without");
      break;
    case OutputValue::Pooled:
    case OutputValue::Embedding:
    case OutputValue::Rollout:
      if (!pooled)
        return inputError("outputs: '{}' expects a model that pools its tokens, got pool.kind 'none'", name);
      break;
    case OutputValue::Hidden:
    case OutputValue::Attention:
      if (output.index > last)
        return inputError("outputs: expected {} from {}:0 to {}:{}, got {}:{}", nameOf(output.kind),
                          nameOf(output.kind), nameOf(output.kind), last, nameOf(output.kind), output.index);
      break;
    case OutputValue::Features:
      break;
    }
  }
  return llvm::Error::success();
}

llvm::Error checkHead(const ModelConfig &config) {
  const HeadConfig &head = config.head;
  constexpr int64_t maxOut = 1 << 20;
  if (head.preLogits && (head.preLogits->out < 1 || head.preLogits->out > maxOut))
    return inputError("head.pre_logits.out: expected a number from 1 to {}, got {}", maxOut,
                      head.preLogits->out);
  llvm::StringSet<> names;
  for (const HeadLayer &layer : head.layers) {
    if (layer.out < 1 || layer.out > maxOut)
      return inputError("head.layers: expected 1 to {} outputs of layer '{}', got {}", maxOut, layer.name,
                        layer.out);
    if (!isIdentifier(layer.name) || layer.name == "pre" || !names.insert(layer.name).second)
      return inputError("head.layers: expected distinct identifiers other than 'pre', got '{}'",
                        quoteForMessage(layer.name));
    if (layer.from != "pooled" && layer.from != kHeadOfTokens && !config.prefixIndex(layer.from))
      return inputError("head.layers: layer '{}': expected 'pooled', '{}' or a prefix token, got '{}'",
                        layer.name, kHeadOfTokens, layer.from);
    if ((layer.from == kHeadOfTokens) != (head.layers.front().from == kHeadOfTokens))
      return inputError("head.layers: expected all layers to read all tokens, or none, got '{}' and '{}'",
                        head.layers.front().from, layer.from);
    if (layer.from != "pooled" && head.preLogits)
      return inputError("head.pre_logits: expected null when a head layer reads a token ('{}' reads '{}')",
                        layer.name, layer.from);
    if (layer.from != "pooled" && config.finalNorm == FinalNorm::AfterPool)
      return inputError("final_norm: expected 'all_tokens' when a head layer reads a token ('{}' reads '{}')",
                        layer.name, layer.from);
    if (layer.out != head.layers.front().out)
      return inputError("head.layers: expected equal outputs, got {} and {}", head.layers.front().out,
                        layer.out);
  }
  if (head.layers.size() > 1 && head.combine != HeadCombine::Mean)
    return inputError("head.combine: expected 'mean' for {} layers, got 'single'", head.layers.size());
  if (head.preLogits && head.preLogits->act != "tanh" && head.preLogits->act != "identity" &&
      !valueOf<Activation>(head.preLogits->act)) {
    llvm::ArrayRef<const char *> names = VitNames<Activation>::names;
    return inputError("head.pre_logits.act: expected one of 'tanh', 'identity', '{}', got '{}'",
                      llvm::join(names.begin(), names.end(), "', '"), quoteForMessage(head.preLogits->act));
  }
  if (llvm::Error error = checkOutputs(config))
    return error;
  if (config.pool.kind == PoolKind::None && (!head.layers.empty() || head.preLogits) &&
      (head.preLogits || llvm::any_of(head.layers, [](const HeadLayer &l) { return l.from == "pooled"; })))
    return inputError("pool.kind: 'none' expects a head whose layers read tokens, or no head");
  if (config.finalNorm == FinalNorm::AfterPool && config.pool.kind == PoolKind::None)
    return inputError("final_norm: 'after_pool' expects a pool.kind other than 'none'");
  if (!config.labels.empty() && static_cast<int64_t>(config.labels.size()) != config.classes())
    return inputError("labels: expected one per class ({}), got {}", config.classes(), config.labels.size());
  return llvm::Error::success();
}

llvm::Error checkPreprocess(const ModelConfig &config) {
  if (!config.preprocess)
    return llvm::Error::success();
  auto positive = [](const Extent &e) {
    return e.height >= 1 && e.height <= 1 << 14 && e.width >= 1 && e.width <= 1 << 14;
  };
  bool sized = false, affine = false;
  int resizes = 0, crops = 0;
  Extent size;
  for (const PreprocessStep &step : config.preprocess->steps) {
    if (affine)
      return inputError("preprocess.steps: expected nothing behind the affine step");
    if (const auto *resize = std::get_if<ResizeStep>(&step)) {
      if (++resizes > 1 || crops)
        return inputError("preprocess.steps: expected at most one resize, before the crop");
      Extent checked = resize->size;
      if (resize->mode == ResizeMode::Shortest)
        checked.width = checked.height;
      if (!positive(checked))
        return inputError("preprocess.steps: resize: expected a size from 1 to 16384, got {}x{}",
                          resize->size.height, resize->size.width);
      if (llvm::Error error = checkResize(*resize))
        return error;
      sized = resize->mode == ResizeMode::Squash;
      size = resize->size;
    } else if (const auto *crop = std::get_if<CenterCropStep>(&step)) {
      if (++crops > 1 || !positive(crop->size))
        return inputError("preprocess.steps: expected at most one center_crop, with a size from 1 to 16384");
      if (crop->pad != 0)
        return inputError("preprocess.steps: center_crop.pad: only 0 is supported yet, got {}", crop->pad);
      sized = true;
      size = crop->size;
    } else {
      const auto &normalise = std::get<AffineStep>(step);
      affine = true;
      if (static_cast<int64_t>(normalise.mean.size()) != config.channels ||
          normalise.std.size() != normalise.mean.size())
        return inputError(
            "preprocess.steps: affine: expected {} means and standard deviations (one per channel), got "
            "{} and {}",
            config.channels, normalise.mean.size(), normalise.std.size());
      if (!std::isfinite(normalise.scale) || normalise.scale == 0)
        return inputError("preprocess.steps: affine.scale: expected a finite number other than 0, got {}",
                          normalise.scale);
      for (double value : normalise.std)
        if (!(std::isfinite(value) && value > 0))
          return inputError("preprocess.steps: affine.std: expected positive numbers, got {}", value);
      for (double value : normalise.mean)
        if (!std::isfinite(value))
          return inputError("preprocess.steps: affine.mean: expected finite numbers, got {}", value);
      // Beyond, the squares in the first norms would leave f32.
      for (auto [mean, deviation] : llvm::zip(normalise.mean, normalise.std))
        if (double largest = (255 * std::abs(normalise.scale) + std::abs(mean)) / deviation; largest > 1e9)
          return inputError(
              "preprocess.steps: affine: expected pixels to become numbers of at most 1e9, got {:.3g} "
              "from scale {}, mean {} and standard deviation {}",
              largest, normalise.scale, mean, deviation);
    }
  }
  if (!affine)
    return inputError("preprocess.steps: expected an affine step at the end");
  if (resizes && !sized)
    return inputError("preprocess.steps: a resize by the shortest side expects a center_crop behind it");
  if (sized && size != config.inputSize)
    return inputError("preprocess.steps: expected pictures of the input size {}x{} in the end, got {}x{}",
                      config.inputSize.height, config.inputSize.width, size.height, size.width);
  if (config.channels != 1 && config.channels != 3)
    return inputError("preprocess: expected 1 or 3 input channels, got {}", config.channels);
  if (config.preprocess->decodeRgb != (config.channels == 3))
    return inputError("preprocess.decode_rgb: expected {} for {} channels", config.channels == 3,
                      config.channels);
  return llvm::Error::success();
}

/// What parses but is not lowered yet.
llvm::Error checkLowerable(const ModelConfig &config) {
  struct Refusal {
    bool refused;
    const char *field;
    std::string got;
    const char *nearest;
  };
  const AttentionConfig &attn = config.block.attn;
  if (!attn.value)
    return inputError(
        "block.attn.value: expected true, got false: without values a block gives its scores, {0} "
        "heads of {1}x{1}, and the MLP behind it reads tokens of width {2}; multiply them with "
        "values, or ask for the maps of a block with softmax by the output 'attention:K'",
        config.heads, config.tokens(), config.width);
  const Refusal refusals[] = {
      {config.shape != InputShape::Fixed, "input.shape", nameOf(config.shape),
       "fixed; '--image-size A,B,C' compiles one library for several sizes"},
      {attn.gate.has_value(), "block.attn.gate", attn.gate.value_or(""), "null"},
  };
  for (const Refusal &refusal : refusals)
    if (refusal.refused)
      return inputError("{}: '{}' is not supported yet; the nearest that is: {}", refusal.field, refusal.got,
                        refusal.nearest);
  for (auto [runs, field] : {std::pair(&config.prefix, "prefix"), std::pair(&config.suffix, "suffix")})
    for (const TokenRun &run : *runs)
      if (run.kind != "cls" && run.kind != "dist" && run.kind != "reg")
        return inputError("tokens.{}: expected kinds 'cls', 'dist' or 'reg', got '{}'", field, run.kind);
  return llvm::Error::success();
}

} // namespace

llvm::Error vitc::checkResize(const ResizeStep &step) {
  if (step.mode == ResizeMode::FitPatches)
    return inputError(
        "preprocess.steps: resize.mode: 'fit_patches' is not supported; the nearest is 'squash'");
  bool pillowOnly = step.filter == ResizeFilter::Lanczos || step.filter == ResizeFilter::Box ||
                    step.filter == ResizeFilter::Hamming;
  if (pillowOnly && step.impl != ResizeImpl::Pil)
    return inputError(
        "preprocess.steps: resize.filter: '{}' expects impl 'pil', got '{}', which has nearest, "
        "bilinear and bicubic",
        nameOf(step.filter), nameOf(step.impl));
  if (step.filter == ResizeFilter::Nearest)
    return llvm::Error::success(); // which knows no antialiasing
  if (step.pixels == ResizePixels::F32 && step.impl != ResizeImpl::Tf &&
      (step.impl != ResizeImpl::Torch || !step.antialias))
    return inputError(
        "preprocess.steps: resize.pixels: 'f32' expects impl 'torch' with antialias true, or 'tf', got "
        "'{}' with {}",
        nameOf(step.impl), step.antialias);
  if (step.impl == ResizeImpl::Pil && !step.antialias)
    return inputError("preprocess.steps: resize.antialias: expected true with impl 'pil', which always "
                      "antialiases, got false");
  if ((step.impl == ResizeImpl::Tf || step.impl == ResizeImpl::OpenCv) && step.antialias)
    return inputError(
        "preprocess.steps: resize.antialias: expected false with impl '{}', got true; the nearest "
        "that antialiases is 'torch'",
        nameOf(step.impl));
  return llvm::Error::success();
}

llvm::Error vitc::validate(const ModelConfig &config) {
  for (auto *check : {checkSizes, checkNumbers, checkPositions, checkRope, checkPool, checkHead,
                      checkLowerable, checkPreprocess})
    if (llvm::Error error = check(config))
      return error;
  return llvm::Error::success();
}
