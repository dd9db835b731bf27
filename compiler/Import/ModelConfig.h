//===- ModelConfig.h - the canonical description of a Vision Transformer ----------------------------===//
//
// ModelConfig is `vit.json` in memory: every axis on which the members of the ViT family differ, as resolved
// values (never "the library's default"). Every importer produces one, and everything behind the importers
// reads nothing else. Field names and values follow docs/vit-json.md.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_MODELCONFIG_H
#define COMPILER_IMPORT_MODELCONFIG_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vitc {

class JsonDocument;

struct Extent {
  int64_t height = 0, width = 0;
  bool operator==(const Extent &) const = default;
};

enum class InputLayout { NCHW, NHWC };
enum class InputShape { Fixed, Multiple, NaFlex };
enum class PatchKind { Conv, Linear };
enum class PatchPad { Valid, Same };
enum class PatchOrder { CHW, HWC };
enum class PosCovers { All, ClsAndPatch, Patch, None };
enum class PosKind { Learned, SincosMae, SincosSimple, None };
enum class RopeKind { None, Cat, DinoV3, Mixed };
enum class RelBiasKind { None, Beit };
enum class RelBiasResize { Linear, Geometric };
enum class NormKind { Layer, Rms };
enum class Placement { Pre, ResPost, Post, Parallel, None };
enum class ScaleRule { RsqrtHeadDim, Number, LearnedDivisor };
enum class ScaleSite { Query, Logits, Split };
enum class MlpKind { Plain, Glu };
enum class Activation { GeluErf, GeluTanh, QuickGelu, Relu, Silu };
enum class FinalNorm { AllTokens, AfterPool, None };
enum class PoolKind { Cls, Mean, Max, AvgMax, Map, ConcatClsMean, MultiLayer, None };
enum class HeadCombine { Single, Mean };

enum class OutputValue { Logits, Probabilities, Pooled, Features, Hidden, Embedding, Attention, Rollout };

enum class ResizeMode { Shortest, Squash, FitPatches };
enum class ResizeFilter { Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming }; // Pillow's numbers
enum class ResizeImpl { Pil, Torch, Tf, OpenCv };
enum class ResizePixels { U8, F32 };
enum class SizeRounding { Floor, Lround };
enum class CropRounding { Floor, HalfEven };

struct ResizeStep {
  ResizeMode mode = ResizeMode::Squash;
  Extent size; ///< Squash: target. Shortest: height is the shortest side, width is 0.
  ResizeFilter filter = ResizeFilter::Bilinear;
  bool antialias = true;
  ResizeImpl impl = ResizeImpl::Pil;
  SizeRounding rounding = SizeRounding::Floor;
  ResizePixels pixels = ResizePixels::U8; ///< F32: converted before, and not rounded after
  /// Whether resized pixels keep fractions, as TensorFlow's do even of u8.
  bool keepsFractions() const {
    return filter != ResizeFilter::Nearest && (impl == ResizeImpl::Tf || pixels == ResizePixels::F32);
  }
  bool operator==(const ResizeStep &) const = default;
};
struct CenterCropStep {
  Extent size;
  CropRounding round = CropRounding::Floor;
  int64_t pad = 0;
  bool operator==(const CenterCropStep &) const = default;
};
/// y[c] = (x[c] * scale - mean[c]) / std[c]; x in 0..255.
struct AffineStep {
  double scale = 1.0 / 255.0;
  std::vector<double> mean, std;
  bool operator==(const AffineStep &) const = default;
};
using PreprocessStep = std::variant<ResizeStep, CenterCropStep, AffineStep>;
struct Preprocess {
  bool decodeRgb = true;
  std::vector<PreprocessStep> steps;
  /// The resize among the steps, or null.
  const ResizeStep *resize() const;
  /// Whether its pixels keep fractions.
  bool keepsFractions() const { return resize() && resize()->keepsFractions(); }
  bool operator==(const Preprocess &) const = default;
};

/// Where the weights came from. `hash` is vitc's content hash of the files that were imported
/// ("xxh3-128:...", docs/vit-json.md); `sha256` is carried along from a vit.json whose author recorded it.
struct Source {
  std::string library, arch, hash, sha256;
  bool operator==(const Source &) const = default;
};

struct PatchConfig {
  PatchKind kind = PatchKind::Conv;
  Extent size, stride;
  PatchPad pad = PatchPad::Valid;
  PatchOrder order = PatchOrder::CHW;
  bool bias = true;
  std::optional<NormKind> normIn, normOut;
  bool operator==(const PatchConfig &) const = default;
};

/// A run of prefix or suffix tokens: {"cls", 1}, {"dist", 1}, {"reg", 4}.
struct TokenRun {
  std::string kind;
  int64_t count = 1;
  bool operator==(const TokenRun &) const = default;
};

/// How the position table is resampled when the grid changes (vit.json "pos.resize").
struct PosResize {
  std::string kernel = "cubic-0.5"; ///< "cubic-0.5" "cubic-0.75" "linear" "nearest"
  bool antialias = true, alignCorners = false;
  std::string scale = "size"; ///< "size" "offset0.1"
  bool operator==(const PosResize &) const = default;
};
struct PosConfig {
  PosKind kind = PosKind::Learned;
  Extent grid;
  std::optional<PosResize> resize;
  bool operator==(const PosConfig &) const = default;
};
struct RopeConfig {
  RopeKind kind = RopeKind::None;
  double base = 100;
  std::string order = "yx", pairing = "half";
  Extent ref{16, 16}; ///< grid that indices are scaled to; 0x0: they stay as they are
  double offset = 0;  ///< added to indices
  /// DinoV3: the head_dim / 4 periods where a checkpoint stores them (rounded to bf16); empty: of `base`.
  std::vector<double> periods;
  bool operator==(const RopeConfig &) const = default;
};

struct AttentionConfig {
  std::array<bool, 3> qkvBias{true, true, true};
  std::optional<NormKind> qkNorm;
  ScaleRule scaleRule = ScaleRule::RsqrtHeadDim;
  double scale = 0; ///< when scaleRule is Number
  ScaleSite scaleSite = ScaleSite::Logits;
  bool softmax = true, value = true, outProj = true, outBias = true, outNorm = false;
  std::optional<std::string> gate;
  bool operator==(const AttentionConfig &) const = default;
};
struct MlpConfig {
  MlpKind kind = MlpKind::Plain;
  Activation act = Activation::GeluErf;
  int64_t hidden = 0;
  bool innerNorm = false, bias = true;
  bool operator==(const MlpConfig &) const = default;
};
struct BlockConfig {
  Placement placement = Placement::Pre;
  bool residual = true;
  AttentionConfig attn;
  bool layerScale = false;
  MlpConfig mlp;
  bool operator==(const BlockConfig &) const = default;
};

struct PoolConfig {
  PoolKind kind = PoolKind::Cls;
  bool includePrefix = false;
  std::vector<int64_t> layers; ///< MultiLayer: which blocks
  /// Map: sizes and activation of the pool's attention and MLP; 0 and nullopt: as in the blocks.
  int64_t heads = 0, hidden = 0;
  std::optional<Activation> act;
  /// Map: whether the probe goes through a projection to the query, keys and values have biases, and an MLP
  /// follows (SigLIP has all of it, AIMv2 neither the first nor the last).
  bool query = true, kvBias = true, mlp = true;
  bool operator==(const PoolConfig &) const = default;
};
/// A head layer that reads this gives logits for each token.
inline constexpr const char *kHeadOfTokens = "tokens";
struct HeadLayer {
  std::string name = "main";   ///< tensors head.NAME.{w,b}
  std::string from = "pooled"; ///< "pooled", a prefix token: "cls", "dist", or kHeadOfTokens
  int64_t out = 0;
  bool bias = true;
  bool operator==(const HeadLayer &) const = default;
};
/// Linear and an activation in front of the head, also Hugging Face's pooler of a bare ViTModel; or, with the
/// identity, the projection of CLIP into the space shared with texts.
struct PreLogits {
  int64_t out = 0;
  std::string act = "tanh"; ///< "tanh", "identity", or the name of an Activation
  bool bias = true;
  bool operator==(const PreLogits &) const = default;
};
/// No layers: the model has no head, and its outputs are `features` [tokens, width] and `pooled`.
struct HeadConfig {
  std::optional<PreLogits> preLogits;
  std::vector<HeadLayer> layers;
  HeadCombine combine = HeadCombine::Single;
  bool operator==(const HeadConfig &) const = default;
};

/// Class embeddings of a text tower in place of a head: logits = normalised embedding * tensor zero_shot.w +
/// zero_shot.b, which hold the scale and the normalisation of the classes.
struct ZeroShot {
  int64_t classes = 0;
  bool sigmoid = false; ///< probabilities are each class's own (SigLIP), and not shares of one (CLIP)
  bool operator==(const ZeroShot &) const = default;
};

/// A value that a library gives back.
struct OutputSpec {
  OutputValue kind = OutputValue::Logits;
  int64_t index = 0; ///< Hidden: behind so many blocks; Attention: of this block, counted from 0
  bool operator==(const OutputSpec &) const = default;
};
/// "hidden:3", and the inverse; what a library calls it, "hidden_3".
std::string outputText(const OutputSpec &output);
std::string outputName(const OutputSpec &output);
std::optional<OutputSpec> parseOutput(llvm::StringRef text);

struct ModelConfig {
  std::string name; ///< proposed C prefix, derived from the model's path or preset
  Source source;
  Extent inputSize;
  int64_t channels = 3;
  InputLayout layout = InputLayout::NCHW;
  InputShape shape = InputShape::Fixed;
  std::optional<Preprocess> preprocess;
  int64_t width = 0, depth = 0, heads = 0, headDim = 0;
  PatchConfig patch;
  std::vector<TokenRun> prefix, suffix;
  PosCovers posCovers = PosCovers::All;
  PosConfig pos;
  RopeConfig rope;
  RelBiasKind relBias = RelBiasKind::None;
  bool relBiasShared = false;
  std::optional<Extent> relBiasGrid; ///< that the tables were made for; absent: the patch grid
  /// The rule by which tables are resampled where that is not the patch grid.
  std::optional<RelBiasResize> relBiasResize;
  NormKind norm = NormKind::Layer;
  double normEps = 1e-6;
  bool preNorm = false;
  BlockConfig block;
  FinalNorm finalNorm = FinalNorm::AllTokens;
  PoolConfig pool;
  HeadConfig head;
  std::optional<ZeroShot> zeroShot;
  std::vector<OutputSpec> outputs; ///< empty: the logits, or else features and pooled
  std::vector<std::string> labels; ///< empty, or one per class
  std::string labelsFile;          ///< vit.json's "labels" as a file name, until openCheckpoint has read it
  std::vector<std::string>
      ignored; ///< tensors that the description leaves out on purpose; * matches any text
  /// What the files call tensors -> what the description calls them: rules as NameRule's, until
  /// openCheckpoint has read the tensors.
  std::vector<std::pair<std::string, std::string>> tensorNames;

  /// Patch grid: floor((size - patch) / stride) + 1 per axis for "valid", ceil(size / stride) for "same".
  Extent grid() const;
  int64_t patches() const;
  int64_t prefixTokens() const;
  int64_t tokens() const;
  /// The grid that tables of relative positions were made for.
  Extent storedRelativeGrid() const { return relBiasGrid.value_or(grid()); }
  /// Zeros around the image at top, left, bottom and right: for "same" as TensorFlow has them, the odd one at
  /// the end.
  std::array<int64_t, 4> padding() const;
  /// Rows of the position table for the model's grid; 0 without one.
  int64_t positions() const;
  /// Sizes and activation of attention pooling.
  int64_t poolHeads() const { return pool.heads ? pool.heads : heads; }
  int64_t poolHidden() const { return pool.hidden ? pool.hidden : block.mlp.hidden; }
  Activation poolAct() const { return pool.act.value_or(block.mlp.act); }
  /// The same for the grid that the table was made for, pos.grid.
  int64_t storedPositions() const;
  /// Rows of the table in front of those of patches.
  int64_t positionPrefix() const;
  /// Width of q, k and v: heads * headDim.
  int64_t innerWidth() const { return heads * headDim; }
  /// Index of the first token of prefix run `kind`, if there is one.
  std::optional<int64_t> prefixIndex(llvm::StringRef kind) const;
  /// Logits of the head or of class embeddings, 0 without either.
  int64_t classes() const {
    return zeroShot ? zeroShot->classes : head.layers.empty() ? 0 : head.layers.front().out;
  }
  /// Width of the pooled token, in front of pre_logits and behind them.
  int64_t pooledWidth() const;
  /// Whether pooling reads the class token, alone or beside others.
  bool poolsClassToken() const {
    return pool.kind == PoolKind::Cls || pool.kind == PoolKind::ConcatClsMean ||
           pool.kind == PoolKind::MultiLayer;
  }
  /// `outputs`, or what a model without them gives back.
  std::vector<OutputSpec> givenOutputs() const;
  int64_t embeddingWidth() const { return head.preLogits ? head.preLogits->out : pooledWidth(); }
  bool operator==(const ModelConfig &) const = default;
};

/// Parses vit.json. `path` only appears in messages. Unknown keys, wrong types, duplicate keys and numbers
/// out of range are errors that name the key by its JSON path.
llvm::Expected<ModelConfig> parseVitJson(llvm::StringRef text, llvm::StringRef path);
llvm::Expected<ModelConfig> parseVitJson(const JsonDocument &document);

/// Prints the canonical vit.json; parseVitJson(printVitJson(c)) == c.
std::string printVitJson(const ModelConfig &config);

/// A tensor that the description implies: its canonical name (docs/vit-json.md) and shape.
struct TensorSpec {
  std::string name;
  llvm::SmallVector<int64_t, 4> shape;
  /// The fields of vit.json by which there is such a tensor, and of that shape, for messages.
  llvm::SmallVector<llvm::StringLiteral, 3> fields;
};

/// All tensors that `config` implies, in a fixed order. Linear weights are [out, in], the patch kernel is
/// OIHW, a run of n tokens is [n, width], and the position table is [rows, width]. Precondition: validate()
/// accepts the sizes.
std::vector<TensorSpec> expectedTensors(const ModelConfig &config);

/// Checks that the runtime resizes as `step` says: a library's rules do not come with every filter.
llvm::Error checkResize(const ResizeStep &step);

/// Checks the description against itself and against the limits of this compiler (heads * head_dim, grid,
/// sizes, element counts); errors name the field. Axis values that the compiler cannot lower yet are refused
/// here by name.
llvm::Error validate(const ModelConfig &config);

} // namespace vitc

#endif // COMPILER_IMPORT_MODELCONFIG_H
