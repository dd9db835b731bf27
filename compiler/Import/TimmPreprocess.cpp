//===- TimmPreprocess.cpp - pretrained_cfg as preprocessing steps -----------------------------------===//
//
// Source: timm/data/config.py (resolve_data_config), transforms_factory.py (transforms_imagenet_eval).
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/KeyTable.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Support/Error.h"
#include <cmath>

using namespace vitc;

namespace {

constexpr std::array<double, 3> imageNetMean{.485, .456, .406}, imageNetStd{.229, .224, .225};

llvm::Expected<std::vector<double>> perChannel(const JsonRef &pretrained, llvm::StringRef key,
                                               const std::array<double, 3> &fallback, size_t channels,
                                               Checkpoint &checkpoint) {
  std::vector<double> values;
  std::optional<JsonRef> list = pretrained.findValue(key);
  if (list) {
    llvm::Expected<std::vector<double>> parsed = numbers(*list, 1024);
    if (!parsed)
      return parsed.takeError();
    values = std::move(*parsed);
  } else {
    values.assign(fallback.begin(), fallback.end());
    checkpoint.warnings.push_back(
        fmt::format("{}: '{}' is missing; using ImageNet's, timm's default", pretrained.file(), key.str()));
  }
  // timm's transforms broadcast one value over all channels.
  if (values.size() == 1)
    values.resize(channels, values[0]);
  if (values.size() != channels)
    return (list ? *list : pretrained)
        .error(fmt::format("expected {} numbers, one per input channel, got {}", channels, values.size()));
  return values;
}

} // namespace

llvm::Error vitc::importTimmPreprocess(const JsonRef &pretrained, Checkpoint &checkpoint) {
  ModelConfig &config = checkpoint.config;
  Preprocess result;
  result.decodeRgb = config.channels == 3;
  if (config.channels != 1 && config.channels != 3) {
    checkpoint.notes.push_back(
        fmt::format("{} input channels: the library takes normalised tensors only", config.channels));
    return llvm::Error::success();
  }
  llvm::Expected<std::string> filter = stringOr(pretrained, "interpolation", "bicubic");
  if (!filter)
    return filter.takeError();
  llvm::Expected<std::string> mode = stringOr(pretrained, "crop_mode", "center");
  if (!mode)
    return mode.takeError();
  llvm::Expected<double> cropPct = numberOr(pretrained, "crop_pct", 0.875);
  if (!cropPct)
    return cropPct.takeError();
  if (!(*cropPct >= 0.01 && *cropPct <= 8))
    return pretrained.get("crop_pct")->expected("a number from 0.01 to 8");

  ResizeStep resize;
  // timm spells Pillow's filters as vit.json does.
  if (std::optional<ResizeFilter> found = valueOf<ResizeFilter>(*filter))
    resize.filter = *found;
  else
    return pretrained.get("interpolation")
        ->expected("'nearest', 'lanczos', 'bilinear', 'bicubic', 'box' or 'hamming'");
  auto scaled = [&](int64_t size) {
    return static_cast<int64_t>(std::floor(static_cast<double>(size) / *cropPct));
  };
  Extent size{scaled(config.inputSize.height), scaled(config.inputSize.width)};
  if (*mode == "squash") {
    resize.mode = ResizeMode::Squash;
    resize.size = size;
  } else if (*mode == "center" && config.inputSize.height == config.inputSize.width) {
    resize.mode = ResizeMode::Shortest;
    resize.size = {size.height, 0};
  } else if (*mode == "center") { // timm keeps the ratio until both sides are covered
    checkpoint.warnings.push_back(fmt::format(
        "{}: crop_mode 'center' for an input that is not square ({}x{}) is not supported; the library takes "
        "normalised tensors only",
        pretrained.file(), config.inputSize.height, config.inputSize.width));
    return llvm::Error::success();
  } else {
    return pretrained.get("crop_mode")->expected("'center' or 'squash'");
  }
  llvm::Expected<std::vector<double>> mean =
      perChannel(pretrained, "mean", imageNetMean, static_cast<size_t>(config.channels), checkpoint);
  if (!mean)
    return mean.takeError();
  llvm::Expected<std::vector<double>> std =
      perChannel(pretrained, "std", imageNetStd, static_cast<size_t>(config.channels), checkpoint);
  if (!std)
    return std.takeError();
  // torchvision rounds the crop's offset half to even.
  result.steps = {resize, CenterCropStep{config.inputSize, CropRounding::HalfEven, 0},
                  AffineStep{1.0 / 255.0, std::move(*mean), std::move(*std)}};
  config.preprocess = std::move(result);
  return llvm::Error::success();
}
