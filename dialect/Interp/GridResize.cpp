//===- GridResize.cpp - position tables: generated, and for other grids -----------------------------===//
#include "dialect/Interp/GridResize.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace vit;

/// Keys' cubic convolution (R. Keys, "Cubic convolution interpolation for digital image processing", 1981).
static double keys(double x, double a) {
  x = std::fabs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double weightAt(double x, GridKernel kernel) {
  switch (kernel) {
  case GridKernel::Nearest:
    return 0;
  case GridKernel::Linear:
    return std::max(0.0, 1 - std::fabs(x));
  case GridKernel::Cubic50:
    return keys(x, -0.5);
  case GridKernel::Cubic75:
    return keys(x, -0.75);
  }
  llvm_unreachable("all kernels are handled");
}

/// Of a kernel whose weights reach that many points to either side.
static int64_t radius(GridKernel kernel) { return kernel == GridKernel::Linear ? 1 : 2; }

/// The kernel stretched to the distance of samples, over the points that exist, as Pillow and PyTorch's
/// `antialias=True` have it.
static GridTaps stretchedTaps(int64_t in, double scale, int64_t i, GridKernel kernel) {
  double stretch = std::max(scale, 1.0), support = static_cast<double>(radius(kernel)) * stretch;
  double center = scale * (static_cast<double>(i) + 0.5);
  int64_t first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
  int64_t end = std::min(static_cast<int64_t>(center + support + 0.5), in);
  GridTaps taps;
  double sum = 0;
  for (int64_t point = first; point < end; ++point) {
    double weight = weightAt((static_cast<double>(point) - center + 0.5) / stretch, kernel);
    taps.emplace_back(point, weight);
    sum += weight;
  }
  for (auto &[point, weight] : taps)
    weight /= sum;
  return taps;
}

/// Places of `in` points around 0 whose distances grow by a factor, so that they reach as far as `out` points
/// one apart (timm, layers/pos_embed_rel.py), as f32.
static std::vector<double> geometricPlaces(int64_t in, int64_t out) {
  double low = 1.01, high = 1.5, factor = low;
  auto half = static_cast<double>(out / 2);
  while (high - low > 1e-6) {
    factor = (low + high) / 2;
    double reach = (1 - std::pow(factor, static_cast<double>(in / 2))) / (1 - factor);
    (reach > half ? high : low) = factor;
  }
  std::vector<double> places(in);
  double distance = 1;
  for (int64_t i = 0; i < in / 2; ++i) {
    places[in / 2 + 1 + i] = static_cast<float>(distance);
    places[in / 2 - 1 - i] = -places[in / 2 + 1 + i];
    distance += std::pow(factor, static_cast<double>(i + 1));
  }
  return places;
}

/// `out` samples one apart around the middle, linear between points at uneven places.
static std::vector<GridTaps> unevenTaps(llvm::ArrayRef<double> places, int64_t out) {
  std::vector<GridTaps> result(out);
  auto last = static_cast<int64_t>(places.size()) - 1;
  for (int64_t i = 0; i < out; ++i) {
    double sample = std::clamp(static_cast<double>(i - out / 2), places.front(), places.back());
    int64_t above = llvm::lower_bound(places, sample) - places.begin();
    int64_t below = std::max<int64_t>(above - 1, 0);
    above = std::min(above, last);
    double gap = places[above] - places[below], weight = gap > 0 ? (sample - places[below]) / gap : 1;
    result[i] = {{below, 1 - weight}, {above, weight}};
  }
  return result;
}

std::vector<GridTaps> vit::gridTaps(int64_t in, int64_t out, GridKernel kernel, GridScale scale,
                                    bool antialias) {
  if (scale == GridScale::Geometric)
    return unevenTaps(geometricPlaces(in, out), out);
  bool corners = scale == GridScale::Corners;
  double extent = static_cast<double>(out) + (scale == GridScale::Offset ? 0.1 : 0);
  double distance = !corners  ? static_cast<double>(in) / extent
                    : out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1)
                              : 0;
  auto clamp = [&](double point) { return std::clamp<int64_t>(static_cast<int64_t>(point), 0, in - 1); };
  std::vector<GridTaps> result(out);
  for (int64_t i = 0; i < out; ++i) {
    GridTaps &taps = result[i];
    auto index = static_cast<double>(i);
    if (antialias) {
      taps = stretchedTaps(in, distance, i, kernel);
      continue;
    }
    if (kernel == GridKernel::Nearest) {
      taps.emplace_back(clamp(corners ? std::floor(index * distance + 0.5) : std::floor(index * distance)),
                        1);
      continue;
    }
    double place = corners ? index * distance : (index + 0.5) * distance - 0.5, below = std::floor(place);
    for (int64_t tap = 1 - radius(kernel); tap <= radius(kernel); ++tap) {
      double point = below + static_cast<double>(tap); // the outermost points repeat
      taps.emplace_back(clamp(std::max(point, 0.0)), weightAt(place - point, kernel));
    }
  }
  return result;
}

SourcePtr vit::resizedGrid(const TensorSource &table, ResizeGridStepAttr step) {
  int64_t width = table.shape()[1], rows = table.shape()[0], prefix = step.getPrefix();
  ArrayRef<int64_t> from = step.getFrom(), to = step.getTo();
  int64_t points = from[0] * from[1], suffix = rows - prefix - points;
  auto taps = [&](int axis) {
    return gridTaps(from[axis], to[axis], step.getKernel(), step.getScale(), step.getAntialias());
  };
  std::vector<GridTaps> vertical = taps(0), horizontal = taps(1);
  std::vector<double> old = table.readAll(), wide(from[0] * to[1] * width);
  std::vector<double> resized((prefix + to[0] * to[1] + suffix) * width);
  auto add = [&](double *into, const double *row, double weight) {
    for (int64_t c = 0; c < width; ++c)
      into[c] += weight * row[c];
  };
  for (int64_t y = 0; y < from[0]; ++y)
    for (int64_t x = 0; x < to[1]; ++x)
      for (auto [point, weight] : horizontal[x])
        add(&wide[(y * to[1] + x) * width], &old[(prefix + y * from[1] + point) * width], weight);
  for (int64_t y = 0; y < to[0]; ++y)
    for (int64_t x = 0; x < to[1]; ++x)
      for (auto [point, weight] : vertical[y])
        add(&resized[(prefix + y * to[1] + x) * width], &wide[(point * to[1] + x) * width], weight);
  std::copy_n(old.begin(), prefix * width, resized.begin());
  std::copy_n(old.end() - suffix * width, suffix * width, resized.end() - suffix * width);
  return tensorInMemory({prefix + to[0] * to[1] + suffix, width}, std::move(resized));
}

SourcePtr vit::sincosTable(SincosStepAttr step) {
  int64_t height = step.getGrid()[0], columns = step.getGrid()[1], width = step.getWidth(), q = width / 4;
  int64_t prefix = step.getPrefix();
  std::vector<double> table((prefix + height * columns) * width), frequencies(q);
  double steps = static_cast<double>(step.getKind() == SincosKind::Simple ? q - 1 : q);
  for (int64_t i = 0; i < q; ++i)
    frequencies[i] = std::pow(10000.0, -static_cast<double>(i) / steps);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < columns; ++x) {
      double *row = &table[(prefix + y * columns + x) * width];
      for (int64_t i = 0; i < q; ++i) {
        double across = static_cast<double>(x) * frequencies[i],
               down = static_cast<double>(y) * frequencies[i];
        row[i] = std::sin(across);
        row[q + i] = std::cos(across);
        row[2 * q + i] = std::sin(down);
        row[3 * q + i] = std::cos(down);
      }
    }
  return tensorInMemory({prefix + height * columns, width}, std::move(table));
}
