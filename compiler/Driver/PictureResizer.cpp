#include "compiler/Driver/PictureResizer.h"
#include "compiler/Support/Error.h"
#include "compiler/Target/ModelTables.h"
#include "runtime/include/vitc/runtime.h"
#include "runtime/src/picture.h"
#include "llvm/Support/Alignment.h"
#include <limits>

using namespace vitc;

static int runTasks(void *, uint32_t count, vitc_task task, void *arg) {
  for (uint32_t i = 0; i < count; ++i)
    task(arg, i, 0);
  return 1;
}

llvm::Expected<vitc_preprocess> vitc::requiredPreprocess(const ModelConfig &config, llvm::StringRef before) {
  llvm::Expected<std::optional<vitc_preprocess>> table = preprocessTable(config);
  if (!table)
    return table.takeError();
  if (!*table)
    return inputError("{}expected a model that says how pictures are resized and normalised, got one without "
                      "preprocessing",
                      before.str());
  return **table;
}

template <typename T>
static vit::Tensor convert(const vitc_picture &prepared, const Picture &picture,
                           llvm::SmallVector<int64_t, 4> shape) {
  std::vector<T> pixels(static_cast<size_t>(shape[0] * shape[1] * shape[2]));
  vitc_picture_convert(&prepared, picture.pixels.data(), pixels.data(), runTasks, nullptr);
  return vit::Tensor{std::move(shape), std::vector<double>(pixels.begin(), pixels.end())};
}

PictureResizer::PictureResizer(const vitc_preprocess &preprocess, int64_t channels, Extent size,
                               int64_t maxSide)
    : table(preprocess) {
  info.input_channels = static_cast<uint32_t>(channels);
  info.input_height = static_cast<uint32_t>(size.height);
  info.input_width = static_cast<uint32_t>(size.width);
  info.preprocess = &table;
  info.max_side = static_cast<uint32_t>(maxSide);
  scratch.resize(vitc_picture_bytes(&info) + 64);
}

llvm::Expected<vit::Tensor> PictureResizer::resize(const Picture &picture, llvm::StringRef path) {
  vitc_picture prepared;
  auto *aligned = reinterpret_cast<uint8_t *>(llvm::alignAddr(scratch.data(), llvm::Align(64)));
  if (vitc_picture_prepare(&prepared, &info, picture.height, picture.width, picture.channels,
                           ptrdiff_t(picture.width) * picture.channels, aligned) != VITC_OK)
    return inputError("{}: {}", path.str(), vitc_rt_last_message());
  if (table.f32)
    return convert<float>(prepared, picture, {info.input_channels, info.input_height, info.input_width});
  return convert<uint8_t>(prepared, picture, {info.input_height, info.input_width, info.input_channels});
}

llvm::Expected<PictureAxes> vitc::pictureAxes(const vitc_preprocess &preprocess, Extent picture,
                                              Extent size) {
  vitc_model_info info = {};
  info.input_height = static_cast<uint32_t>(size.height);
  info.input_width = static_cast<uint32_t>(size.width);
  info.preprocess = &preprocess;
  info.max_side = std::numeric_limits<int32_t>::max();
  vitc_axis vertical, horizontal;
  if (vitc_picture_axes(&info, static_cast<int32_t>(picture.height), static_cast<int32_t>(picture.width),
                        &vertical, &horizontal) != VITC_OK)
    return inputError("{}", vitc_rt_last_message());
  return PictureAxes{{vertical.out, horizontal.out},
                     {vertical.first, horizontal.first},
                     {vertical.place, horizontal.place},
                     {vertical.count, horizontal.count}};
}
