//===- PictureFiles.h - PNG and JPEG files of every kind, made in memory ------------------------------===//
#ifndef TEST_COMPILER_DRIVER_PICTUREFILES_H
#define TEST_COMPILER_DRIVER_PICTUREFILES_H

#include <cstdint>
#include <string>
#include <vector>

namespace vitc::test {

struct PngSpec {
  uint32_t width = 1, height = 1;
  int depth = 8, colorType = 0; ///< as in the IHDR chunk
  bool interlaced = false;
  std::vector<uint8_t> rows;                     ///< packed as libpng wants rows
  std::vector<uint8_t> palette = {}, alpha = {}; ///< RGB triples; alpha of the palette's entries
};
std::string makePng(const PngSpec &spec);

/// A PNG's signature and IHDR chunk only, of 8-bit grey.
std::string pngHeader(uint32_t width, uint32_t height);

/// A JPEG of `components` (1 grey, 3 RGB, 4 CMYK) with a smooth pattern.
std::string makeJpeg(int width, int height, int components, bool progressive = false);

} // namespace vitc::test

#endif // TEST_COMPILER_DRIVER_PICTUREFILES_H
