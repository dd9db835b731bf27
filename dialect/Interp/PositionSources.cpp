#include "dialect/Interp/PositionSources.h"
#include <cmath>
#include <numbers>

using namespace mlir;
using namespace vit;

using Span = MutableArrayRef<double>;

namespace {

/// Biases [heads, 1 + h w, 1 + h w] of a table in memory, see #vit.relative_bias.
class RelativeBias final : public TensorSource {
public:
  RelativeBias(std::vector<double> table, int64_t heads, int64_t height, int64_t width)
      : TensorSource({heads, 1 + height * width, 1 + height * width}), table(std::move(table)), heads(heads),
        height(height), width(width) {}
  void read(int64_t first, Span out) const override {
    int64_t tokens = 1 + height * width;
    for (double &value : out) {
      int64_t head = first / (tokens * tokens), query = first / tokens % tokens, key = first % tokens;
      value = table[row(query, key) * heads + head];
      ++first;
    }
  }

private:
  int64_t row(int64_t query, int64_t key) const {
    int64_t rows = (2 * height - 1) * (2 * width - 1) + 3;
    if (query == 0 || key == 0)
      return query == key ? rows - 1 : query == 0 ? rows - 3 : rows - 2;
    --query;
    --key;
    return (query / width - key / width + height - 1) * (2 * width - 1) + query % width - key % width +
           width - 1;
  }
  std::vector<double> table;
  int64_t heads, height, width;
};

} // namespace

SourcePtr vit::relativeBias(RelativeBiasStepAttr s, const TensorSource &table) {
  return std::make_shared<RelativeBias>(table.readAll(), table.shape()[1], s.getHeight(), s.getWidth());
}

std::vector<double> vit::ropeAngles(RopeAnglesStepAttr s, ArrayRef<double> periods) {
  auto coordinate = [&](int64_t place, int64_t extent, int64_t ref) {
    double i = static_cast<double>(place), n = static_cast<double>(extent);
    if (s.getCentered())
      return 2 * std::numbers::pi * (2 * (i + 0.5) / n - 1);
    double index = i + s.getOffset().getValueAsDouble();
    return ref ? index * static_cast<double>(ref) / n : index;
  };
  std::vector<double> angles;
  for (int64_t y = 0; y < s.getHeight(); ++y)
    for (int64_t x = 0; x < s.getWidth(); ++x) {
      double axes[] = {coordinate(y, s.getHeight(), s.getRefHeight()),
                       coordinate(x, s.getWidth(), s.getRefWidth())};
      if (s.getXy())
        std::swap(axes[0], axes[1]);
      // Neighbours: each angle twice. Else the whole list twice.
      for (int copy = 0; copy < (s.getCentered() ? 2 : 1); ++copy)
        for (double axis : axes)
          for (double period : periods)
            angles.insert(angles.end(), s.getCentered() ? 1 : 2, axis / period);
    }
  return angles;
}

std::vector<double> vit::mixedAngles(RopeMixedStepAttr s, ArrayRef<double> frequencies) {
  auto ofX = frequencies.take_front(frequencies.size() / 2), ofY = frequencies.drop_front(ofX.size());
  std::vector<double> angles;
  for (int64_t y = 0; y < s.getHeight(); ++y)
    for (int64_t x = 0; x < s.getWidth(); ++x)
      for (auto [fx, fy] : llvm::zip(ofX, ofY))
        angles.insert(angles.end(), 2, static_cast<double>(x) * fx + static_cast<double>(y) * fy);
  return angles;
}

std::vector<double> vit::ropePeriods(RopePeriodsStepAttr s) {
  std::vector<double> periods;
  for (int64_t i = 0; i < s.getCount(); ++i)
    periods.push_back(
        std::pow(s.getBase().getValueAsDouble(), static_cast<double>(i) / static_cast<double>(s.getCount())));
  return periods;
}
