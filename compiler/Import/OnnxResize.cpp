#include "compiler/Import/OnnxResize.h"
#include <algorithm>
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

static double coordinate(const Resampling &how, int64_t index, double scale, int64_t input, int64_t output) {
  auto x = static_cast<double>(index);
  if (how.coordinates == "align_corners")
    return output == 1 ? 0 : x * static_cast<double>(input - 1) / static_cast<double>(output - 1);
  if (how.coordinates == "asymmetric")
    return x / scale;
  if (how.coordinates == "pytorch_half_pixel" && output == 1)
    return 0;
  if (how.coordinates == "half_pixel_symmetric") {
    double adjustment = static_cast<double>(output) / (scale * static_cast<double>(input));
    return static_cast<double>(input) / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5;
  }
  return (x + 0.5) / scale - 0.5;
}

static double kernel(const Resampling &how, double distance) {
  double x = std::abs(distance), a = how.cubicCoefficient;
  if (how.mode == "linear")
    return x < 1 ? 1 - x : 0;
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

Taps onnx::resampleAt(const Resampling &how, int64_t index, double scale, int64_t input, int64_t output) {
  double at = coordinate(how, index, scale, input, output);
  Taps taps;
  if (how.mode == "nearest") {
    double rounded = how.nearest == "floor"               ? std::floor(at)
                     : how.nearest == "ceil"              ? std::ceil(at)
                     : how.nearest == "round_prefer_ceil" ? std::floor(at + 0.5)
                                                          : std::ceil(at - 0.5);
    taps.first = static_cast<int64_t>(rounded);
    taps.values = {1};
    return taps;
  }
  double reach = how.mode == "linear" ? 1 : 2, stretch = how.antialias ? std::min(scale, 1.0) : 1;
  double support = reach / stretch;
  taps.first = static_cast<int64_t>(std::floor(at - support)) + 1;
  auto last = static_cast<int64_t>(std::ceil(at + support)) - 1;
  double total = 0;
  for (int64_t i = taps.first; i <= last; ++i) {
    bool outside = (how.excludeOutside || how.antialias) && (i < 0 || i >= input);
    taps.values.push_back(outside ? 0 : kernel(how, (static_cast<double>(i) - at) * stretch));
    total += taps.values.back();
  }
  if (how.excludeOutside || how.antialias)
    for (double &value : taps.values)
      value /= total;
  return taps;
}

std::vector<double> onnx::resampleAxis(const Resampling &how, const std::vector<double> &values,
                                       int64_t outer, int64_t input, int64_t inner, int64_t output,
                                       double scale) {
  std::vector<double> result(outer * output * inner);
  for (int64_t index = 0; index < output; ++index) {
    Taps taps = resampleAt(how, index, scale, input, output);
    for (size_t t = 0; t < taps.values.size(); ++t) {
      int64_t from = std::clamp<int64_t>(taps.first + static_cast<int64_t>(t), 0, input - 1);
      if (taps.values[t] != 0)
        for (int64_t o = 0; o < outer; ++o)
          for (int64_t i = 0; i < inner; ++i)
            result[(o * output + index) * inner + i] +=
                taps.values[t] * values[(o * input + from) * inner + i];
    }
  }
  return result;
}
