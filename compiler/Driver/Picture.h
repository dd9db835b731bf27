//===- Picture.h - PNG and JPEG files as pixels -------------------------------------------------------===//
//
// Pictures are untrusted. Sizes are checked before anything is allocated, every complaint of the decoders is
// an error of this file's, and a file that is damaged in any way that changes pixels is refused.
//
// Pixels are those of Pillow's Image.convert("RGB"): 16 bits are cut to 8, palettes expanded, alpha and
// transparent colours dropped without compositing, orientation tags and colour profiles ignored. Grey
// pictures stay grey.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_PICTURE_H
#define COMPILER_DRIVER_PICTURE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

struct Picture {
  int32_t height = 0, width = 0;
  int32_t channels = 3;        ///< 1 (grey) or 3 (RGB), interleaved
  std::vector<uint8_t> pixels; ///< height x width x channels, rows without gaps
};

/// Reads a PNG or JPEG file, told apart by their first bytes, with sides of at most `maxSide`.
llvm::Expected<Picture> readPicture(llvm::StringRef path, int64_t maxSide);

/// The same for a file in memory; `path` only appears in messages.
llvm::Expected<Picture> decodePicture(llvm::ArrayRef<uint8_t> file, llvm::StringRef path, int64_t maxSide);

/// The picture as a PNG file.
llvm::Expected<std::string> encodePng(const Picture &picture);

namespace detail {
llvm::Expected<Picture> decodePng(llvm::ArrayRef<uint8_t> file, llvm::StringRef path, int64_t maxSide);
llvm::Expected<Picture> decodeJpeg(llvm::ArrayRef<uint8_t> file, llvm::StringRef path, int64_t maxSide);
/// Checks sides against the limits before pixels are allocated.
llvm::Error checkSides(llvm::StringRef path, int64_t height, int64_t width, int64_t maxSide);
} // namespace detail

} // namespace vitc

#endif // COMPILER_DRIVER_PICTURE_H
