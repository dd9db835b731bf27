//===- OnnxMatchRope.cpp - rotary positions ---------------------------------------------------------===//
//
// x * cos + rotated(x) * sin on the patches, with the prefix tokens as they are. `rotated` exchanges the two
// numbers of each pair and negates one: neighbours, or elements half a head apart. The tables are constants
// here, so what they were made of is found by trying: coordinates and frequencies of vit-family's kinds.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

namespace {

constexpr const char *nearestRope =
    "2-D rotary positions as EVA-02, rope-vit (neighbouring pairs) and DINOv3 (halves) have them";

/// `view`, over a Concat with layout [outer][sum][inner], as a view of the one part that holds all of it.
std::optional<View> intoPart(const View &view, const Value &concat) {
  int64_t inner = concat.operands[0].extent(2), outer = concat.operands[0].extent(0);
  int64_t sum = concat.size / (inner * outer), row = sum * inner, index = view.offset % row / inner,
          begin = 0;
  for (const View &part : concat.operands) {
    int64_t count = part.extent(1), last = index;
    if (index >= begin + count) {
      begin += count;
      continue;
    }
    View local = view;
    local.offset = view.offset / row * count * inner + (index - begin) * inner + view.offset % inner;
    for (Dims &axis : local.axes) {
      Dims dims;
      for (Dim dim : axis) {
        if (dim.stride % row == 0)
          dim.stride = dim.stride / row * count * inner;
        else if (dim.stride % inner == 0 && dim.stride * dim.extent <= row)
          last += (dim.extent - 1) * (dim.stride / inner);
        else if (dim.stride * dim.extent > inner)
          return std::nullopt;
        dims.push_back(dim);
      }
      axis = merged(dims);
    }
    return last < begin + count ? compose(local, part) : std::nullopt;
  }
  return std::nullopt;
}

struct RotatedView {
  View x; ///< [heads][patches][size] before the rotation
  RopeTables tables;
};

/// a + b of a = x * cos and b = rotated(x) * sin.
std::optional<RotatedView> rotation(const View &view) {
  const Value *sum = valueOf(view, Kind::Add);
  if (!sum || view.scale != 1 || !valueOf(sum->operands[1]))
    return std::nullopt;
  int64_t size = view.extent(2);
  for (bool swap : {false, true}) {
    RotatedView result;
    std::optional<View> factors[2], tables[2];
    for (int i : {0, 1}) {
      std::optional<View> term = compose(view, sum->operands[swap ? 1 - i : i]);
      const Value *mul = term ? valueOf(*term, Kind::Mul) : nullptr;
      if (!mul || !onnx::isConstant(mul->operands[1]))
        return std::nullopt;
      double scale = term->scale;
      factors[i] = compose(*term, mul->operands[0]);
      term->scale = 1;
      tables[i] = compose(*term, mul->operands[1]);
      if (!factors[i] || !tables[i])
        return std::nullopt;
      factors[i]->scale = scale;
    }
    const Value *exchanged = valueOf(*factors[1], Kind::Concat);
    if (!exchanged || exchanged->operands.size() != 2 || factors[0]->scale != 1 || size % 2)
      continue;
    for (bool half : {true, false}) {
      int64_t step = half ? 1 : 2, second = half ? size / 2 : 1;
      bool fits = true;
      for (int side : {0, 1}) { // -x of the second, x of the first
        std::optional<View> mine = slice(*factors[1], 2, side ? second : 0, size / 2, step),
                            other = slice(*factors[0], 2, side ? 0 : second, size / 2, step);
        std::optional<View> part = mine ? intoPart(*mine, *exchanged) : std::nullopt;
        if (!part || !other) {
          fits = false;
          break;
        }
        other->scale = side ? 1 : -1;
        fits &= *part == *other;
      }
      if (!fits)
        continue;
      for (std::optional<View> &table : tables)
        if (table->axes[0] == merged({{table->extent(0), 0}})) // the same for all heads
          table->axes[0].clear();
      result.x = *factors[0];
      result.tables.half = half;
      result.tables.cos = *tables[0];
      result.tables.sin = *tables[1];
      return result;
    }
  }
  return std::nullopt;
}

} // namespace

bool Matching::peelRotation(View &x, RopeTables &tables) {
  const Value *value = valueOf(x);
  if (!value || (value->kind != Kind::Add && value->kind != Kind::Concat))
    return true;
  int64_t rows = x.extent(1), prefix = 0;
  std::optional<RotatedView> found = rotation(x);
  std::optional<View> front;
  for (prefix = 1; !found && value->kind == Kind::Concat && prefix < std::min<int64_t>(rows, 64); ++prefix) {
    std::optional<View> part = slice(x, 1, prefix, rows - prefix),
                        rotated = part ? intoPart(*part, *value) : part;
    if (!rotated || !(found = rotation(*rotated)))
      continue;
    front = slice(x, 1, 0, prefix);
    front = front ? intoPart(*front, *value) : front;
    break;
  }
  if (!found || (front && front->scale != 1))
    return fail(x, "heads that are cut from a linear layer, or rotary positions on the patches", nearestRope);
  View all = found->x;
  if (front) { // the same layer's rows in front of the rotated ones
    if (found->x.axes[1].size() > 1 || found->x.axes[1].empty())
      return fail(x, "rotary positions on all patches", nearestRope);
    all.offset = front->offset;
    all.axes[1] = merged({{rows, found->x.axes[1][0].stride}});
    std::optional<View> begin = slice(all, 1, 0, prefix), end = slice(all, 1, prefix, rows - prefix);
    if (!begin || !end || !(*begin == *front) || !(*end == found->x))
      return fail(x, "prefix tokens and rotated patches of one linear layer", nearestRope);
  }
  found->tables.prefix = front ? prefix : 0;
  tables = found->tables;
  x = all;
  ++progress;
  return true;
}

bool Matching::sameTables(const RopeTables &a, const RopeTables &b) {
  if (a.half != b.half || a.prefix != b.prefix)
    return false;
  auto equal = [&](const View &u, const View &v) {
    return u == v || (u.shape() == v.shape() && graph.read(u) == graph.read(v));
  };
  return (!a.cos.source && !b.cos.source) ||
         (a.cos.source && b.cos.source && equal(a.cos, b.cos) && equal(a.sin, b.sin));
}

namespace {

/// The tables as numbers, and which descriptions give them.
class RopeFit {
public:
  RopeFit(std::vector<double> cos, std::vector<double> sin, Extent grid, int64_t size)
      : cos(std::move(cos)), sin(std::move(sin)), grid(grid), size(size), bands(size / 4) {}
  std::optional<RopeConfig> fit(bool half) const { return half ? fitHalves() : fitNeighbours(); }

private:
  double angle(int64_t row, int64_t channel) const {
    return std::atan2(sin[row * size + channel], cos[row * size + channel]);
  }
  static double coordinate(const RopeConfig &rope, int64_t index, int64_t extent, int64_t ref) {
    double i = static_cast<double>(index), n = static_cast<double>(extent);
    if (rope.kind == RopeKind::DinoV3)
      return 2 * M_PI * (2 * (i + 0.5) / n - 1);
    return ref ? (i + rope.offset) * static_cast<double>(ref) / n : i + rope.offset;
  }
  bool equals(const RopeConfig &rope) const;
  std::optional<RopeConfig> fitHalves() const;
  std::optional<RopeConfig> fitNeighbours() const;
  /// The base whose last band turns by `angle` at `coordinate`.
  double baseOf(double coordinate, double angle) const {
    double exponent = static_cast<double>(bands) / static_cast<double>(bands - 1);
    double base = std::pow(coordinate / angle, exponent), rounded = std::round(base);
    return std::abs(base - rounded) < 1e-3 * base ? rounded : base;
  }

  std::vector<double> cos, sin;
  Extent grid;
  int64_t size, bands;
};

bool RopeFit::equals(const RopeConfig &rope) const {
  bool half = rope.kind == RopeKind::DinoV3, swap = rope.order == "xy";
  for (int64_t row = 0, count = grid.height * grid.width; row < count; ++row)
    for (int64_t c = 0; c < size; ++c) {
      int64_t band = half ? c % (size / 2) : c / 2;
      bool second = band >= bands;
      bool horizontal = second != swap;
      double place = horizontal ? coordinate(rope, row % grid.width, grid.width, rope.ref.width)
                                : coordinate(rope, row / grid.width, grid.height, rope.ref.height);
      double period =
          rope.periods.empty()
              ? std::pow(rope.base, static_cast<double>(band % bands) / static_cast<double>(bands))
              : rope.periods[band % bands];
      // Frameworks compute angles in float: their error grows with the angle.
      double want = place / period, tolerance = 1e-5 + 1e-6 * std::abs(want);
      if (std::abs(cos[row * size + c] - std::cos(want)) > tolerance ||
          std::abs(sin[row * size + c] - std::sin(want)) > tolerance)
        return false;
    }
  return true;
}

std::optional<RopeConfig> RopeFit::fitHalves() const {
  RopeConfig rope;
  rope.kind = RopeKind::DinoV3;
  rope.pairing = "half";
  // The first row beyond the middle, where angles are small.
  int64_t y = grid.height / 2, row = y * grid.width;
  if (grid.height > 1 && grid.height % 2)
    row = ++y * grid.width;
  double place = coordinate(rope, y, grid.height, 0);
  if (bands > 1 && place > 0)
    rope.base = baseOf(place, angle(row, bands - 1));
  if (rope.base > 1 && equals(rope))
    return rope;
  rope.base = 100;
  for (int64_t band = 0; band < bands; ++band)
    rope.periods.push_back(place / angle(row, band));
  return llvm::all_of(rope.periods, [](double p) { return p > 0 && std::isfinite(p); }) && equals(rope)
             ? std::optional(rope)
             : std::nullopt;
}

std::optional<RopeConfig> RopeFit::fitNeighbours() const {
  for (const char *order : {"yx", "xy"})
    for (double offset : {0.0, 1.0, 0.5})
      for (int64_t ref = 0; ref <= 64; ++ref) {
        RopeConfig rope;
        rope.kind = RopeKind::Cat;
        rope.pairing = "adjacent";
        rope.order = order;
        rope.offset = offset;
        rope.ref = {ref, ref};
        rope.base = 10000;
        // The first step along the axis of the first bands.
        bool vertical = rope.order == "yx";
        int64_t extent = vertical ? grid.height : grid.width, row = vertical ? grid.width : 1;
        if (extent > 1 && bands > 1) {
          double turned = angle(row, 2 * (bands - 1));
          rope.base = baseOf(coordinate(rope, 1, extent, ref), turned);
        }
        if (rope.base > 1 && std::isfinite(rope.base) && equals(rope))
          return rope;
      }
  return std::nullopt;
}

} // namespace

bool Matching::describeRope(Weights &weights) {
  if (rotations.empty() || !rotations.front().cos.source)
    return true;
  constexpr Value *nowhere = nullptr;
  Extent grid = config.grid();
  RopeTables &first = rotations.front();
  int64_t patches = grid.height * grid.width;
  if (config.headDim % 2 || first.prefix != config.prefixTokens() || first.cos.extent(1) != patches ||
      first.cos.extent(2) != config.headDim)
    return fail(nowhere, "rotary positions on the patches and nothing else", nearestRope);
  bool shared = first.cos.extent(0) == 1 && first.sin.extent(0) == 1 &&
                llvm::all_of(rotations, [&](const RopeTables &tables) { return sameTables(first, tables); });
  if (!shared)
    return describeMixed(weights);
  std::optional<std::vector<double>> cos = graph.read(first.cos), sin = graph.read(first.sin);
  std::optional<RopeConfig> rope;
  if (cos && sin && config.headDim % 4 == 0)
    rope = RopeFit(std::move(*cos), std::move(*sin), grid, config.headDim).fit(first.half);
  if (!rope)
    return fail(nowhere, "rotary positions by a rule that is known", nearestRope);
  config.rope = *rope;
  return true;
}

namespace {

/// The angle per step of a coordinate, from 0 to `steps`, whose cosines and sines are given: the first step,
/// made exact by the last one. One of those that differ by whole turns.
double frequency(llvm::function_ref<double(int64_t)> angle, int64_t steps) {
  if (steps == 0)
    return 0;
  double rough = angle(1), last = angle(steps), count = static_cast<double>(steps);
  double turns = std::round((rough * count - last) / (2 * M_PI));
  return (last + 2 * M_PI * turns) / count;
}

/// Frequencies [2, heads, size / 2] of x and y whose angles, each twice, the tables [heads][patches][size]
/// hold.
std::optional<std::vector<double>> mixedFrequencies(llvm::ArrayRef<double> cos, llvm::ArrayRef<double> sin,
                                                    Extent grid, int64_t heads, int64_t size) {
  std::vector<double> result(heads * size);
  int64_t patches = grid.height * grid.width, pairs = size / 2;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t pair = 0; pair < pairs; ++pair) {
      auto at = [&](int64_t row, int64_t channel) { return (head * patches + row) * size + channel; };
      auto angle = [&](int64_t row) { return std::atan2(sin[at(row, 2 * pair)], cos[at(row, 2 * pair)]); };
      double x = frequency(angle, grid.width - 1);
      double y = frequency([&](int64_t i) { return angle(i * grid.width); }, grid.height - 1);
      for (int64_t row = 0; row < patches; ++row)
        for (int64_t channel : {2 * pair, 2 * pair + 1}) {
          double want = static_cast<double>(row % grid.width) * x + static_cast<double>(row / grid.width) * y;
          double tolerance = 1e-5 + 1e-6 * std::abs(want);
          if (!(std::abs(cos[at(row, channel)] - std::cos(want)) <= tolerance) ||
              !(std::abs(sin[at(row, channel)] - std::sin(want)) <= tolerance))
            return std::nullopt;
        }
      result[head * pairs + pair] = x;
      result[(heads + head) * pairs + pair] = y;
    }
  return result;
}

} // namespace

bool Matching::describeMixed(Weights &weights) {
  constexpr Value *nowhere = nullptr;
  int64_t heads = config.heads, size = config.headDim, patches = config.patches();
  for (size_t i = 0; i < rotations.size(); ++i) {
    const RopeTables &tables = rotations[i];
    std::optional<View> cos = broadcastTo(tables.cos, {heads, patches, size}),
                        sin = broadcastTo(tables.sin, {heads, patches, size});
    std::optional<std::vector<double>> cosines, sines, found;
    if (cos && sin && !tables.half && (cosines = graph.read(*cos)) && (sines = graph.read(*sin)))
      found = mixedFrequencies(*cosines, *sines, config.grid(), heads, size);
    if (!found)
      return fail(nowhere, "rotary positions by a rule that is known", nearestRope);
    View view = graph.constant(DataType::Double, {2, heads, size / 2}, std::move(*found));
    if (valueOf(view))
      return fail(nowhere, "tables that fit into memory", nearestRope);
    weights[fmt::format("blk.{}.rope_freq", rotations.size() - 1 - i)] = view;
  }
  config.rope.kind = RopeKind::Mixed;
  config.rope.pairing = "adjacent";
  return true;
}
