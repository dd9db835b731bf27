#include "tools/vit-interp/SeededTensors.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <numbers>

using namespace vit;

/// A number that depends on a key and a counter, uniform over 64 bits (SplitMix64, Steele et al., 2014).
static uint64_t mix(uint64_t key, uint64_t counter) {
  uint64_t z = key + (counter + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// Uniform in (0, 1).
static double uniform(uint64_t key, uint64_t counter) {
  return (static_cast<double>(mix(key, counter) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t key, uint64_t counter) {
  double radius = std::sqrt(-2 * std::log(uniform(key, 2 * counter)));
  return radius * std::cos(2 * std::numbers::pi * uniform(key, 2 * counter + 1));
}

namespace {
class SeededWeight final : public TensorSource {
public:
  SeededWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, uint64_t seed)
      : TensorSource(shape), key(mix(llvm::xxh3_64bits(name), seed)) {
    llvm::StringRef last = name.substr(name.rfind('.') + 1);
    multiplies = last == "w" || last == "weight" || last == "gamma" || last == "g" || last.starts_with("ls");
    if (shape.size() > 1)
      deviation = std::sqrt(static_cast<double>(shape[0]) / static_cast<double>(elements()));
  }

  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    for (double &value : out)
      value = static_cast<float>(element(first++));
  }

private:
  double element(int64_t index) const {
    if (deviation > 0)
      return deviation * normal(key, index);
    double spread = 0.6 * uniform(key, index) - 0.3;
    return multiplies ? 1 + spread : std::copysign(std::max(std::abs(spread), 0.01), spread);
  }
  uint64_t key;
  bool multiplies = false;
  double deviation = 0;
};
} // namespace

std::shared_ptr<const TensorSource> vit::seededWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                                                      uint64_t seed) {
  return std::make_shared<SeededWeight>(name, shape, seed);
}

std::vector<double> vit::seededInput(size_t index, int64_t elements, bool pixels, uint64_t seed) {
  uint64_t key = mix(seed, index);
  std::vector<double> data(elements);
  for (int64_t i = 0; i < elements; ++i)
    data[i] =
        pixels ? std::floor(256 * uniform(key, i)) : static_cast<double>(static_cast<float>(normal(key, i)));
  return data;
}
