//===- SeededWeights.cpp - counter-based random weights ---------------------------------------------===//
#include "compiler/Import/Presets.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include <cassert>
#include <cmath>
#include <fmt/format.h>

using namespace vitc;

namespace {

/// The finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}
uint64_t draw(uint64_t key, uint64_t index) { return mix(key + (index + 1) * 0x9e3779b97f4a7c15); }

/// Uniform in [0, 1), 24 bits: exact in float.
double uniform(uint64_t bits) { return static_cast<double>(bits >> 40) * 0x1p-24; }

/// Nearly normal with variance 1: the sum of four 16-bit uniforms (variance 1/12 each), within +-3.46.
/// Cheaper than a true normal and bounded, which is all that weights need.
double normal(uint64_t bits) {
  auto sum =
      static_cast<int64_t>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
  return static_cast<double>(sum - 2 * 0xffff) * (0x1p-16 * 1.7320508075688772);
}

/// How the elements of a tensor are distributed.
struct Law {
  enum Kind { Normal, Uniform, LogUniform } kind = Normal;
  double low = 0, high = 1; ///< Normal: `high` is the deviation
};

class SeededTensor final : public TensorView {
public:
  /// Elements of row r and column c (the last dimension) are multiplied by rowFactor[r] and columnFactor[c];
  /// empty tables mean 1.
  SeededTensor(llvm::ArrayRef<int64_t> shape, uint64_t key, Law law, std::vector<double> rowFactor,
               std::vector<double> columnFactor)
      : TensorView(shape), key(key), law(law), rowFactor(std::move(rowFactor)),
        columnFactor(std::move(columnFactor)) {
    for (int64_t extent : shape.drop_front())
      rowLength *= extent;
  }

  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    assert(first >= 0 && first + static_cast<int64_t>(out.size()) <= elements() && "read out of range");
    switch (law.kind) {
    case Law::Normal:
      fill(first, out, [this](uint64_t bits) { return normal(bits) * law.high; });
      break;
    case Law::Uniform:
      fill(first, out, [this](uint64_t bits) { return law.low + (law.high - law.low) * uniform(bits); });
      break;
    case Law::LogUniform:
      fill(first, out,
           [this](uint64_t bits) { return law.low * std::pow(law.high / law.low, uniform(bits)); });
      break;
    }
  }

private:
  /// Values are rounded to float: a checkpoint in f32 would hold exactly these.
  template <typename Value> void fill(int64_t first, llvm::MutableArrayRef<double> out, Value value) const {
    if (rowFactor.empty() && columnFactor.empty()) {
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<float>(value(draw(key, static_cast<uint64_t>(first) + i)));
      return;
    }
    int64_t last = shape().back();
    for (size_t i = 0; i < out.size(); ++i) {
      int64_t index = first + static_cast<int64_t>(i);
      double factor = rowFactor.empty() ? 1 : rowFactor[index / rowLength];
      if (!columnFactor.empty())
        factor *= columnFactor[index % last];
      out[i] = static_cast<float>(factor * value(draw(key, static_cast<uint64_t>(index))));
    }
  }

  uint64_t key;
  Law law;
  int64_t rowLength = 1;
  std::vector<double> rowFactor, columnFactor;
};

/// Chooses the law of each tensor by its canonical name.
class Generator {
public:
  Generator(const ModelConfig &config, const SeededWeights &weights) : weights(weights) {
    if (weights.variant != WeightVariant::Outlier)
      return;
    // One outlier channel in about 128, at least two; which ones depends on the seed only, as in trained
    // models, where the same channels stand out in every block.
    outlierChannels.assign(config.width, 1);
    int64_t count = std::max<int64_t>(2, config.width / 128);
    for (int64_t i = 0; i < count; ++i) {
      uint64_t bits = draw(mix(weights.seed ^ 0x6f75746c69657273), i);
      outlierChannels[bits % config.width] = 20 + 80 * uniform(mix(bits));
    }
    // Gains between 0.1 and 10 make normalised rows about three times as large, so logits have a deviation of
    // about 9.6 times the square of this factor: 16 for even heads (nearly one-hot), 1 for the others.
    peakedHeads.assign(config.innerWidth(), 0.32);
    for (int64_t head = 0; head < config.heads; head += 2)
      for (int64_t i = 0; i < config.headDim; ++i)
        peakedHeads[head * config.headDim + i] = 1.3;
  }

  std::shared_ptr<const TensorView> tensor(const TensorSpec &spec) const {
    llvm::StringRef name = spec.name;
    uint64_t key = mix(llvm::xxh3_64bits(name) ^ mix(weights.seed + 0x9e3779b97f4a7c15));
    bool outlier = weights.variant == WeightVariant::Outlier;
    llvm::StringRef part = name.starts_with("blk.") ? name.drop_front(4).split('.').second : name;
    Law law;
    std::vector<double> rows, columns;
    bool isNorm = part.starts_with("ln") || part.contains("norm") || part.starts_with("qn") ||
                  part.starts_with("kn") || part == "pool.ln.w" || part == "pool.ln.b";
    if (part.starts_with("embed.") && !part.starts_with("embed.patch") && !isNorm) {
      law = {Law::Normal, 0,
             part == "embed.pos" ? 0.5 : 1.0}; // tokens and positions, of the size of a patch's row
    } else if (part == "rope_freq" || part == "rel_table") {
      law = {Law::Normal, 0, part == "rope_freq" ? 0.3 : 1.0}; // radians a patch, and scores
    } else if (part == "ls1" || part == "ls2") {
      law = {Law::Uniform, 0.3, 1};
    } else if (isNorm && part.ends_with(".w")) {
      law = outlier ? Law{Law::LogUniform, 0.1, 10} : Law{Law::Uniform, 0.7, 1.3};
    } else if (part == "scale") {
      law = {Law::Uniform, 1, 2};
    } else if (spec.shape.size() == 1) {
      law = {Law::Uniform, -0.3, 0.3};
    } else {
      int64_t fanIn = 1;
      for (int64_t extent : llvm::ArrayRef(spec.shape).drop_front())
        fanIn *= extent;
      law = {Law::Normal, 0, 1 / std::sqrt(static_cast<double>(fanIn))};
    }
    if (outlier) {
      if (part == "embed.patch.w" || part == "embed.patch.b")
        rows = outlierChannels;
      else if (part == "embed.pos" || part == "embed.cls" || part == "embed.dist" || part == "embed.reg")
        columns = outlierChannels;
      else if (part.starts_with("q.") || part.starts_with("k."))
        rows = peakedHeads;
    }
    return std::make_shared<SeededTensor>(spec.shape, key, law, std::move(rows), std::move(columns));
  }

private:
  const SeededWeights &weights;
  std::vector<double> outlierChannels, peakedHeads;
};

} // namespace

Checkpoint vitc::seededCheckpoint(const ModelConfig &config, const SeededWeights &weights) {
  Checkpoint checkpoint;
  checkpoint.config = config;
  bool outlier = weights.variant == WeightVariant::Outlier;
  checkpoint.config.source.library = "vitc";
  checkpoint.config.source.hash = fmt::format("seed:{}{}", weights.seed, outlier ? ":outlier" : "");
  checkpoint.weightsHash = checkpoint.config.source.hash;
  Generator generator(config, weights);
  for (const TensorSpec &spec : expectedTensors(config))
    checkpoint.tensors[spec.name] = generator.tensor(spec);
  return checkpoint;
}
