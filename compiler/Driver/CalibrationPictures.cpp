#include "compiler/Driver/CalibrationPictures.h"
#include "compiler/Driver/Picture.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Target/ModelTables.h"
#include "runtime/include/vitc/runtime.h"
#include "runtime/src/picture.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>

using namespace vitc;
namespace fs = llvm::sys::fs;

namespace {

llvm::Expected<std::vector<std::string>> listPictures(llvm::StringRef directory, Console &console) {
  fs::file_status status;
  std::string quoted = quoteForMessage(directory);
  if (std::error_code error = fs::status(directory, status)) {
    ExitCode code = error == std::errc::no_such_file_or_directory ? ExitCode::Input : ExitCode::Environment;
    return makeError(code, "--calibrate: expected a folder of pictures, got '{}': {}", quoted,
                     error.message());
  }
  if (status.type() != fs::file_type::directory_file)
    return inputError("--calibrate: expected a folder of pictures, got the file '{}'", quoted);
  std::vector<std::string> paths, folders{directory.str()};
  while (!folders.empty()) {
    std::string folder = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    // Links to folders could lead round in circles.
    for (fs::directory_iterator it(folder, error, /*follow_symlinks=*/false), end; it != end && !error;
         it.increment(error)) {
      std::string suffix = llvm::sys::path::extension(it->path()).lower();
      bool file = it->type() == fs::file_type::regular_file || it->type() == fs::file_type::symlink_file;
      if (it->type() == fs::file_type::directory_file)
        folders.push_back(it->path());
      else if (file && llvm::is_contained({".png", ".jpg", ".jpeg"}, suffix))
        paths.push_back(it->path());
    }
    if (error && folder == directory)
      return makeError(ExitCode::Environment, "--calibrate: '{}' could not be read: {}", quoted,
                       error.message());
    if (error)
      console.warn(fmt::format("'{}' could not be read: {} (skipped)", folder, error.message()));
  }
  if (paths.empty())
    return inputError("--calibrate: expected PNG or JPEG files (.png, .jpg, .jpeg) in '{}', found none",
                      quoted);
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// The order in which pictures are tried: `most` of them evenly spread, then the others.
std::vector<size_t> orderOf(size_t count, size_t most) {
  std::vector<size_t> order;
  std::vector<bool> taken(count, false);
  for (size_t i = 0, chosen = std::min(count, most); i < chosen; ++i) {
    order.push_back(i * count / chosen);
    taken[order.back()] = true;
  }
  for (size_t i = 0; i < count; ++i)
    if (!taken[i])
      order.push_back(i);
  return order;
}

int runTasks(void *, uint32_t count, vitc_task task, void *arg) {
  for (uint32_t i = 0; i < count; ++i)
    task(arg, i, 0);
  return 1;
}

class PictureReader {
public:
  PictureReader(const ModelConfig &config, const vitc_preprocess &preprocess, int64_t maxSide) {
    info.input_channels = static_cast<uint32_t>(config.channels);
    info.input_height = static_cast<uint32_t>(config.inputSize.height);
    info.input_width = static_cast<uint32_t>(config.inputSize.width);
    info.preprocess = &preprocess;
    info.max_side = static_cast<uint32_t>(maxSide);
    scratch.resize(vitc_picture_bytes(&info) + 64);
  }

  llvm::Expected<vit::Tensor> read(llvm::StringRef path) {
    llvm::Expected<Picture> picture = readPicture(path, info.max_side);
    if (!picture)
      return picture.takeError();
    vitc_picture prepared;
    auto *aligned = reinterpret_cast<uint8_t *>(llvm::alignAddr(scratch.data(), llvm::Align(64)));
    if (vitc_picture_prepare(&prepared, &info, picture->height, picture->width, picture->channels,
                             ptrdiff_t(picture->width) * picture->channels, aligned) != VITC_OK)
      return inputError("{}: {}", path.str(), vitc_rt_last_message());
    if (info.preprocess->f32)
      return convert<float>(prepared, *picture, {info.input_channels, info.input_height, info.input_width});
    return convert<uint8_t>(prepared, *picture, {info.input_height, info.input_width, info.input_channels});
  }

private:
  template <typename T>
  vit::Tensor convert(const vitc_picture &prepared, const Picture &picture,
                      llvm::SmallVector<int64_t, 4> shape) const {
    std::vector<T> pixels(size_t(info.input_height) * info.input_width * info.input_channels);
    vitc_picture_convert(&prepared, picture.pixels.data(), pixels.data(), runTasks, nullptr);
    return vit::Tensor{std::move(shape), std::vector<double>(pixels.begin(), pixels.end())};
  }

  vitc_model_info info = {};
  std::vector<uint8_t> scratch;
};

} // namespace

llvm::Expected<std::vector<vit::Tensor>> vitc::readCalibrationPictures(llvm::StringRef directory,
                                                                       const ModelConfig &config,
                                                                       int64_t maxSide, size_t most,
                                                                       Console &console) {
  llvm::Expected<std::optional<vitc_preprocess>> preprocess = preprocessTable(config);
  if (!preprocess)
    return preprocess.takeError();
  if (!*preprocess)
    return inputError("--calibrate: expected a model that says how pictures are resized and normalised, got "
                      "one without preprocessing");
  llvm::Expected<std::vector<std::string>> paths = listPictures(directory, console);
  if (!paths)
    return paths.takeError();
  PictureReader reader(config, **preprocess, maxSide);
  std::vector<vit::Tensor> pictures;
  for (size_t index : orderOf(paths->size(), most)) {
    if (pictures.size() == most)
      break;
    console.progress("reading pictures", static_cast<double>(pictures.size()) / static_cast<double>(most));
    llvm::Expected<vit::Tensor> picture = reader.read((*paths)[index]);
    if (picture)
      pictures.push_back(std::move(*picture));
    else
      console.warn(llvm::toString(picture.takeError()) + " (skipped)");
  }
  if (pictures.empty())
    return inputError("--calibrate: expected pictures in '{}' that can be read, found none among {} files",
                      quoteForMessage(directory), paths->size());
  return pictures;
}
