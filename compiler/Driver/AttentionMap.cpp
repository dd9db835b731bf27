#include "compiler/Driver/AttentionMap.h"
#include "compiler/Driver/Annotate.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <array>
#include <cmath>

using namespace vitc;

llvm::Expected<std::optional<OutputSpec>> vitc::attentionOption(const Arguments &arguments) {
  if (!arguments.has(OPT_attention)) {
    if (arguments.has(OPT_attention_block))
      return makeError(ExitCode::Usage,
                       "--attention-block: expected --attention DIR with it, which says where to draw");
    return std::nullopt;
  }
  if (!arguments.has(OPT_attention_block))
    return OutputSpec{OutputValue::Rollout};
  llvm::Expected<int64_t> block = arguments.integer(OPT_attention_block, 0, 0, 1023);
  if (!block)
    return block.takeError();
  return OutputSpec{OutputValue::Attention, *block};
}

std::vector<double> vitc::patchAttention(const ModelConfig &config, const OutputSpec &spec,
                                         llvm::ArrayRef<float> values) {
  int64_t tokens = config.tokens(), first = config.prefixTokens(), patches = config.patches();
  std::vector<double> result(patches);
  auto add = [&](llvm::ArrayRef<float> row, int64_t rows) {
    for (int64_t i = 0; i < patches; ++i)
      result[i] += static_cast<double>(row[first + i]) / static_cast<double>(rows);
  };
  if (spec.kind == OutputValue::Rollout) {
    add(values, 1);
    return result;
  }
  bool token = config.poolsClassToken();
  int64_t begin = token ? 0 : first, count = token ? 1 : patches;
  for (int64_t head = 0; head < config.heads; ++head)
    for (int64_t row = begin; row < begin + count; ++row)
      add(values.slice((head * tokens + row) * tokens, tokens), config.heads * count);
  return result;
}

std::vector<int64_t> vitc::patchesAlong(const ModelConfig &config, const PictureAxes &axes, bool vertical,
                                        int32_t pixels) {
  auto along = [&](const Extent &extent) { return vertical ? extent.height : extent.width; };
  int64_t size = along(config.patch.size), stride = along(config.patch.stride),
          patches = along(config.grid());
  int64_t begin = -config.padding()[vertical ? 0 : 1], end = begin + (patches - 1) * stride + size;
  double scale = static_cast<double>(along(axes.resized)) / pixels;
  auto low = static_cast<double>(along(axes.first)), high = low + static_cast<double>(along(axes.count));
  // The cell of a patch is as wide as the stride, around its centre.
  double origin = static_cast<double>(begin) + static_cast<double>(size - stride) / 2;
  std::vector<int64_t> result(pixels, -1);
  for (int32_t i = 0; i < pixels; ++i) {
    double place = (i + 0.5) * scale;
    double input = place - low + static_cast<double>(along(axes.place));
    if (place < low || place >= high || input < static_cast<double>(begin) ||
        input >= static_cast<double>(end))
      continue;
    auto cell = static_cast<int64_t>(std::floor((input - origin) / static_cast<double>(stride)));
    result[i] = std::clamp<int64_t>(cell, 0, patches - 1);
  }
  return result;
}

/// inferno at 0, 1/4, 1/2, 3/4 and 1.
static std::array<uint8_t, 3> colour(double value) {
  static constexpr uint8_t points[5][3] = {
      {0, 0, 4}, {87, 16, 110}, {188, 55, 84}, {249, 142, 9}, {252, 255, 164}};
  double place = std::clamp(value, 0.0, 1.0) * 4;
  int below = std::min(static_cast<int>(place), 3);
  std::array<uint8_t, 3> result;
  for (int c = 0; c < 3; ++c)
    result[c] = static_cast<uint8_t>(
        std::lround(points[below][c] + (place - below) * (points[below + 1][c] - points[below][c])));
  return result;
}

Picture vitc::drawAttention(const Picture &picture, const ModelConfig &config, const PictureAxes &axes,
                            llvm::ArrayRef<double> attention) {
  Picture result = enlarged(picture);
  std::vector<int64_t> rows = patchesAlong(config, axes, /*vertical=*/true, result.height),
                       columns = patchesAlong(config, axes, /*vertical=*/false, result.width);
  auto [least, most] = std::minmax_element(attention.begin(), attention.end());
  double range = *most - *least;
  std::vector<std::array<uint8_t, 3>> colours;
  for (double value : attention)
    colours.push_back(colour(range > 0 ? (value - *least) / range : 0));
  int64_t across = config.grid().width;
  uint8_t *pixel = result.pixels.data();
  for (int64_t row : rows)
    for (int64_t column : columns) {
      if (row >= 0 && column >= 0)
        for (int c = 0; c < 3; ++c)
          pixel[c] = static_cast<uint8_t>((pixel[c] + colours[row * across + column][c] + 1) / 2);
      pixel += 3;
    }
  return result;
}
