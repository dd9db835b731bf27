#include "compiler/Driver/PixelSteps.h"
#include "compiler/Driver/PictureResizer.h"
#include "compiler/Support/Error.h"
#include "runtime/src/resize.h"
#include <cmath>

using namespace vitc;
using vit::Tensor;

Tensor vitc::decodedPixels(const Picture &picture, int64_t channels) {
  Tensor result{{picture.height, picture.width, channels}, {}};
  result.data.reserve(static_cast<size_t>(int64_t(picture.height) * picture.width * channels));
  for (size_t i = 0; i < picture.pixels.size(); i += picture.channels) {
    const uint8_t *pixel = &picture.pixels[i];
    if (channels == 1)
      result.data.push_back(picture.channels == 1 ? *pixel : vitc_grey(pixel));
    else
      for (int64_t c = 0; c < channels; ++c)
        result.data.push_back(pixel[std::min<int64_t>(c, picture.channels - 1)]);
  }
  return result;
}

bool vitc::isBytes(const Tensor &pixels) {
  return llvm::all_of(pixels.data,
                      [](double value) { return value >= 0 && value <= 255 && value == std::floor(value); });
}

static Picture pictureOf(const Tensor &pixels) {
  Picture picture;
  picture.height = static_cast<int32_t>(pixels.shape[0]);
  picture.width = static_cast<int32_t>(pixels.shape[1]);
  picture.channels = static_cast<int32_t>(pixels.shape[2]);
  picture.pixels.assign(pixels.data.begin(), pixels.data.end());
  return picture;
}

Tensor vitc::reversedChannels(Tensor pixels) {
  size_t channels = static_cast<size_t>(pixels.shape[2]);
  for (size_t i = 0; i < pixels.data.size(); i += channels)
    std::reverse(&pixels.data[i], &pixels.data[i] + channels);
  return pixels;
}

Tensor vitc::channelsLast(const Tensor &planes) {
  int64_t channels = planes.shape[0], area = planes.shape[1] * planes.shape[2];
  Tensor result{{planes.shape[1], planes.shape[2], channels}, std::vector<double>(planes.data.size())};
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < area; ++i)
      result.data[i * channels + c] = planes.data[c * area + i];
  return result;
}

llvm::Expected<Extent> vitc::resizedExtent(const ModelConfig &config, Extent picture) {
  llvm::Expected<vitc_preprocess> table = requiredPreprocess(config);
  if (!table)
    return table.takeError();
  table->crop = 1; // to whatever size
  llvm::Expected<PictureAxes> axes = pictureAxes(*table, picture, {1, 1});
  if (!axes)
    return axes.takeError();
  return axes->resized;
}

/// From decoded pixels to those of the resized picture, or of the crop.
static llvm::Expected<Tensor> resized(const ModelConfig &config, const Tensor &pixels, bool crop) {
  llvm::Expected<vitc_preprocess> table = requiredPreprocess(config);
  if (!table)
    return table.takeError();
  Extent size = config.inputSize;
  if (!crop) {
    llvm::Expected<Extent> whole = resizedExtent(config, {pixels.shape[0], pixels.shape[1]});
    if (!whole)
      return whole.takeError();
    size = *whole;
    int64_t side = std::max(pixels.shape[0], pixels.shape[1]);
    // The runtime's scratch grows with both.
    if (std::max(size.height, side) * size.width > kMaxSteppedPixels)
      return inputError("expected a resized picture of at most {} pixels, got {} x {}", kMaxSteppedPixels,
                        size.height, size.width);
    table->crop = 0;
  }
  PictureResizer resizer(*table, config.channels, size, std::max(pixels.shape[0], pixels.shape[1]));
  llvm::Expected<Tensor> result = resizer.resize(pictureOf(pixels), "the picture");
  if (!result || !table->f32)
    return result;
  return channelsLast(*result);
}

static llvm::Expected<Tensor> cropped(const ModelConfig &config, const Tensor &pixels) {
  llvm::Expected<vitc_preprocess> table = requiredPreprocess(config);
  if (!table)
    return table.takeError();
  table->resize = VITC_RESIZE_NONE;
  llvm::Expected<PictureAxes> axes =
      pictureAxes(*table, {pixels.shape[0], pixels.shape[1]}, config.inputSize);
  if (!axes)
    return axes.takeError();
  int64_t channels = pixels.shape[2], width = config.inputSize.width;
  Tensor result{{config.inputSize.height, width, channels}, {}};
  result.data.resize(static_cast<size_t>(config.inputSize.height * width * channels));
  for (int64_t y = 0; y < axes->count.height; ++y) {
    const double *from =
        &pixels.data[((axes->first.height + y) * pixels.shape[1] + axes->first.width) * channels];
    std::copy_n(from, axes->count.width * channels,
                &result.data[((axes->place.height + y) * width + axes->place.width) * channels]);
  }
  return result;
}

static Tensor normalised(const AffineStep &affine, const Tensor &pixels) {
  int64_t channels = pixels.shape[2], area = pixels.shape[0] * pixels.shape[1];
  Tensor result{{channels, pixels.shape[0], pixels.shape[1]}, std::vector<double>(pixels.data.size())};
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < area; ++i)
      result.data[c * area + i] =
          (pixels.data[i * channels + c] * affine.scale - affine.mean[c]) / affine.std[c];
  return result;
}

llvm::Expected<Tensor> vitc::pixelStep(const ModelConfig &config, const ModelStep &from, const Tensor &value,
                                       const ModelStep &to) {
  Tensor pixels = value;
  if (from.kind == ModelStep::Decode) {
    llvm::Expected<Tensor> made = resized(config, value, to.kind > ModelStep::Resize);
    if (!made)
      return made.takeError();
    pixels = std::move(*made);
  } else if (from.kind == ModelStep::Resize) {
    llvm::Expected<Tensor> cut = cropped(config, value);
    if (!cut)
      return cut.takeError();
    pixels = std::move(*cut);
  }
  if (to.kind < ModelStep::Normalise)
    return pixels;
  if (pixels.shape[0] != config.inputSize.height || pixels.shape[1] != config.inputSize.width)
    return inputError("expected {} x {} pixels behind the crop, got {} x {}", config.inputSize.height,
                      config.inputSize.width, pixels.shape[0], pixels.shape[1]);
  return normalised(*stepOf<AffineStep>(config), pixels);
}
