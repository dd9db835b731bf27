#include "compiler/Driver/CalibrationPictures.h"
#include "compiler/Driver/PictureResizer.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
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

} // namespace

llvm::Expected<std::vector<vit::Tensor>> vitc::readCalibrationPictures(llvm::StringRef directory,
                                                                       const ModelConfig &config,
                                                                       int64_t maxSide, size_t most,
                                                                       Console &console) {
  llvm::Expected<vitc_preprocess> preprocess = requiredPreprocess(config, "--calibrate: ");
  if (!preprocess)
    return preprocess.takeError();
  llvm::Expected<std::vector<std::string>> paths = listPictures(directory, console);
  if (!paths)
    return paths.takeError();
  PictureResizer resizer(*preprocess, config.channels, config.inputSize, maxSide);
  auto read = [&](llvm::StringRef path) -> llvm::Expected<vit::Tensor> {
    llvm::Expected<Picture> picture = readPicture(path, maxSide);
    return picture ? resizer.resize(*picture, path) : picture.takeError();
  };
  std::vector<vit::Tensor> pictures;
  for (size_t index : orderOf(paths->size(), most)) {
    if (pictures.size() == most)
      break;
    console.progress("reading pictures", static_cast<double>(pictures.size()) / static_cast<double>(most));
    llvm::Expected<vit::Tensor> picture = read((*paths)[index]);
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
