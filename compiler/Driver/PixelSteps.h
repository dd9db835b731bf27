//===- PixelSteps.h - preprocessing one step at a time, nothing fused ---------------------------------===//
#ifndef COMPILER_DRIVER_PIXELSTEPS_H
#define COMPILER_DRIVER_PIXELSTEPS_H

#include "compiler/Driver/Picture.h"
#include "compiler/Pipeline/ModelSteps.h"
#include "dialect/Interp/Interpreter.h"

namespace vitc {

/// The largest pictures whose steps are looked at: 800 MB in RGB, in float64.
constexpr int64_t kMaxSteppedPixels = int64_t(1) << 25;

/// The step Decode: the picture in the model's channels, grey replicated, or RGB made grey as Pillow does.
vit::Tensor decodedPixels(const Picture &picture, int64_t channels);

/// Whether a decoded step can be resized: whole numbers from 0 to 255.
bool isBytes(const vit::Tensor &pixels);

/// The step `to` from the value of `from`, at most Normalise, in float64 behind the resize, which is the
/// runtime's. Preconditions: from < to; the value has the model's channels, and is bytes if it is Decode's.
/// Errors: Input, if the description has no preprocessing or the runtime cannot do it.
llvm::Expected<vit::Tensor> pixelStep(const ModelConfig &config, const ModelStep &from,
                                      const vit::Tensor &value, const ModelStep &to);

/// What becomes of a picture's sides in the resize.
llvm::Expected<Extent> resizedExtent(const ModelConfig &config, Extent picture);

/// Pixels [height, width, channels] with their channels in the other order.
vit::Tensor reversedChannels(vit::Tensor pixels);
/// [channels, height, width] -> [height, width, channels].
vit::Tensor channelsLast(const vit::Tensor &planes);

/// The description's step of a kind, or null.
template <typename Step> const Step *stepOf(const ModelConfig &config) {
  if (config.preprocess)
    for (const PreprocessStep &step : config.preprocess->steps)
      if (const auto *found = std::get_if<Step>(&step))
        return found;
  return nullptr;
}
template <typename Step> Step *stepOf(ModelConfig &config) {
  return const_cast<Step *>(stepOf<Step>(std::as_const(config)));
}

} // namespace vitc

#endif // COMPILER_DRIVER_PIXELSTEPS_H
