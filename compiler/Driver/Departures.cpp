//===- Departures.cpp - what a departure looks like ---------------------------------------------------===//
#include "compiler/Driver/Doctor.h"
#include "compiler/Driver/Npy.h"
#include "compiler/Driver/PictureFacts.h"
#include "compiler/Driver/PixelSteps.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <fmt/format.h>

using namespace vitc;
using vit::Tensor;

/// Whether every number has at most `fraction` bits behind its first one: what half precision leaves.
static bool isRounded(const Tensor &tensor, unsigned fraction) {
  return llvm::all_of(tensor.data, [&](double value) {
    return (llvm::bit_cast<uint64_t>(value) & ((uint64_t(1) << (52 - fraction)) - 1)) == 0;
  });
}

static bool sameWith(const Tensor &got, const Tensor &want,
                     llvm::function_ref<size_t(size_t, size_t)> place) {
  size_t height = got.shape[0], width = got.shape[1], channels = got.shape[2];
  for (size_t y = 0; y < height; ++y)
    for (size_t x = 0; x < width; ++x)
      for (size_t c = 0; c < channels; ++c)
        if (std::abs(got.data[(y * width + x) * channels + c] - want.data[place(y, x) * channels + c]) > 3)
          return false;
  return true;
}

/// The eight ways to hold a picture, as EXIF numbers them; "" if the reference is none of the other seven.
static std::string orientationOf(const Tensor &got, const Tensor &want) {
  size_t height = got.shape[0], width = got.shape[1];
  for (int orientation = 2; orientation <= 8; ++orientation) {
    bool turned = orientation >= 5;
    if (want.shape.back() != got.shape.back() || want.shape[0] != int64_t(turned ? width : height) ||
        want.shape[1] != int64_t(turned ? height : width))
      continue;
    // Our rows and columns in the reference: counted from either end, exchanged where it is turned.
    bool up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    bool back = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool same = sameWith(got, want, [&](size_t y, size_t x) {
      size_t row = up ? height - 1 - y : y, column = back ? width - 1 - x : x;
      return turned ? column * height + row : row * width + column;
    });
    if (same)
      return orientationText(orientation);
  }
  return "";
}

static void describeShapes(const ModelConfig &config, const ModelStep &step, const Tensor &got,
                           const Tensor &want, std::vector<std::string> &facts) {
  facts.push_back(fmt::format("expected shape {} as the model makes it, got {} in the trace",
                              shapeTuple(got.shape), shapeTuple(want.shape)));
  size_t channels = step.kind <= ModelStep::Crop ? 2 : 0;
  if (step.kind <= ModelStep::Normalise && got.shape[channels] != want.shape[channels]) {
    bool grey = got.shape[channels] == 1;
    facts.push_back(want.shape[channels] == 4
                        ? "the reference keeps alpha: models take 3 channels, convert(\"RGB\")"
                        : fmt::format("the model takes pictures of {} channel{}: convert(\"{}\")",
                                      got.shape[channels], grey ? "" : "s", grey ? "L" : "RGB"));
  } else if (step.kind == ModelStep::Crop || step.kind == ModelStep::Normalise) {
    size_t at = step.kind == ModelStep::Crop ? 0 : 1;
    facts.push_back(fmt::format("the reference ran at another size: --image-size {}x{}", want.shape[at],
                                want.shape[at + 1]));
  } else if (step.kind >= ModelStep::Embedding && step.kind <= ModelStep::Norm) {
    if (want.shape[1] != got.shape[1])
      facts.push_back(
          fmt::format("tokens of {} numbers: is this the trace of another model?", want.shape[1]));
    else if (want.shape[0] == config.patches())
      facts.push_back("the reference has patch tokens only: no class or register tokens");
    else
      facts.push_back(fmt::format("{} tokens: the model has {} prefix tokens and {} x {} patches; was the "
                                  "reference run at another size (--image-size)?",
                                  want.shape[0], config.prefixTokens(), config.grid().height,
                                  config.grid().width));
  }
}

static double correlation(const Tensor &a, const Tensor &b) {
  double count = static_cast<double>(a.data.size()), meanA = 0, meanB = 0, aa = 0, bb = 0, ab = 0;
  for (auto [x, y] : llvm::zip(a.data, b.data))
    meanA += x / count, meanB += y / count;
  for (auto [x, y] : llvm::zip(a.data, b.data))
    aa += (x - meanA) * (x - meanA), bb += (y - meanB) * (y - meanB), ab += (x - meanA) * (y - meanB);
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 1;
}

static void describePixels(const ModelStep &step, const Tensor &got, const Tensor &want,
                           std::vector<std::string> &facts) {
  size_t differ = 0;
  for (auto [a, b] : llvm::zip(got.data, want.data))
    differ += a != b;
  auto [low, high] = std::minmax_element(want.data.begin(), want.data.end());
  facts.push_back(fmt::format("{} of {} values differ; the reference's lie in {:.4g} to {:.4g}", differ,
                              got.data.size(), *low, *high));
  auto [ownLow, ownHigh] = std::minmax_element(got.data.begin(), got.data.end());
  if (correlation(got, want) < 0.3)
    facts.push_back("the two have little in common: is this the trace of the same picture?");
  if (step.kind <= ModelStep::Crop && *high <= 1 && *ownHigh > 1)
    facts.push_back("the reference's pixels lie in 0..1: store them before the division by 255");
}

static double errorOfRows(const Tensor &got, const Tensor &want, int64_t first, int64_t count) {
  int64_t width = got.shape[1];
  Tensor a{{count, width}, {}}, b = a;
  a.data.assign(got.data.begin() + first * width, got.data.begin() + (first + count) * width);
  b.data.assign(want.data.begin() + first * width, want.data.begin() + (first + count) * width);
  return difference(a, b).relative;
}

/// The error of each kind of token, which tells a wrong class token from wrong positions.
static void describeTokens(const ModelConfig &config, const Tensor &got, const Tensor &want,
                           std::vector<std::string> &facts) {
  if (got.shape[0] != config.tokens())
    return;
  std::string text;
  int64_t first = 0;
  auto group = [&](llvm::StringRef name, int64_t count) {
    if (count)
      text += fmt::format("{}{} {:.1e}", text.empty() ? "" : ", ", name.str(),
                          errorOfRows(got, want, first, count));
    first += count;
  };
  for (const TokenRun &run : config.prefix)
    group(run.kind, run.count);
  group("patches", config.patches());
  for (const TokenRun &run : config.suffix)
    group(run.kind, run.count);
  facts.push_back("error by token: " + text);
}

std::vector<std::string> vitc::describeDeparture(const ModelConfig &config, const ModelStep &step,
                                                 const Tensor &got, const Tensor &want, unsigned precision) {
  std::vector<std::string> facts;
  if (step.kind == ModelStep::Decode && got.shape.back() == want.shape.back())
    if (std::string orientation = orientationOf(got, want); !orientation.empty())
      facts.push_back(
          "the reference's picture is ours " + orientation +
          ": it obeys the orientation that the file names, which Pillow, torchvision and vitc do not");
  Difference apart = difference(got, want);
  if (!apart.shapes) {
    describeShapes(config, step, got, want, facts);
    return facts;
  }
  facts.push_back(fmt::format("largest error at element {}: expected {:.6g} as in the trace, got {:.6g}",
                              apart.worst, want.data[apart.worst], got.data[apart.worst]));
  if (step.kind <= ModelStep::Normalise)
    describePixels(step, got, want, facts);
  if (step.kind == ModelStep::Decode) {
    if (got.shape[2] == 3 && difference(reversedChannels(got), want).maximum <= 3)
      facts.push_back(
          "the reference has the channels in the order BGR, as OpenCV reads pictures: convert it to RGB");
  } else if (step.kind > ModelStep::Normalise) {
    if (got.shape[0] > 1)
      describeTokens(config, got, want, facts);
    if (precision >= 23 && apart.relative < 5e-2 && (isRounded(want, 10) || isRounded(want, 7)))
      facts.push_back(
          fmt::format("the reference computed in {}: all its numbers are rounded to it; trace it in float32",
                      isRounded(want, 10) ? "float16" : "bfloat16"));
  }
  return facts;
}
