#include "compiler/Driver/Picture.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/MappedFile.h"

using namespace vitc;

/// Most pixels of a picture, whatever its sides: 805 MB as RGB.
static constexpr int64_t kMaxPixels = int64_t(1) << 28;

llvm::Error vitc::detail::checkSides(llvm::StringRef path, int64_t height, int64_t width, int64_t maxSide) {
  if (height < 1 || width < 1)
    return inputError("{}: expected a picture with pixels, got {} x {}", path.str(), width, height);
  if (height > maxSide || width > maxSide)
    return inputError(
        "{}: expected sides of at most {}, got {} x {}; make the picture smaller, or compile the model with "
        "a larger --max-side",
        path.str(), maxSide, width, height);
  if (height * width > kMaxPixels)
    return inputError("{}: expected at most {} pixels, got {} x {}", path.str(), kMaxPixels, width, height);
  return llvm::Error::success();
}

llvm::Expected<Picture> vitc::decodePicture(llvm::ArrayRef<uint8_t> file, llvm::StringRef path,
                                            int64_t maxSide) {
  llvm::StringRef text(reinterpret_cast<const char *>(file.data()), file.size());
  if (text.starts_with("\x89PNG"))
    return detail::decodePng(file, path, maxSide);
  if (text.starts_with("\xff\xd8"))
    return detail::decodeJpeg(file, path, maxSide);
  if (file.empty())
    return inputError("{}: expected a PNG or JPEG picture, got an empty file", path.str());
  return inputError("{}: expected a PNG or JPEG picture, got another kind of file", path.str());
}

llvm::Expected<Picture> vitc::readPicture(llvm::StringRef path, int64_t maxSide) {
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return decodePicture((*file)->bytes(), path, maxSide);
}
