#include "compiler/Driver/Annotate.h"
#include "compiler/Driver/PutText.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace vitc;

static constexpr int32_t kLegibleSide = 224, kLargestSide = 2048, kLineHeight = 20;

Picture vitc::enlarged(const Picture &picture) {
  int32_t shorter = std::min(picture.height, picture.width), longer = std::max(picture.height, picture.width);
  int32_t factor = (kLegibleSide + shorter - 1) / shorter;
  factor = std::max(1, std::min(factor, kLargestSide / longer));

  Picture result;
  result.width = picture.width * factor;
  result.height = picture.height * factor;
  result.pixels.resize(size_t(result.height) * result.width * 3);
  uint8_t *to = result.pixels.data();
  for (int32_t y = 0; y < result.height; ++y)
    for (int32_t x = 0; x < result.width; ++x)
      for (int c = 0; c < 3; ++c)
        *to++ = picture.pixels[(size_t(y / factor) * picture.width + x / factor) * picture.channels +
                               (picture.channels == 1 ? 0 : c)];
  return result;
}

Picture vitc::annotate(const Picture &picture, llvm::ArrayRef<std::string> lines) {
  Picture result = enlarged(picture);
  for (auto [i, line] : llvm::enumerate(lines))
    putText(result, line, 0, static_cast<int32_t>(i + 1) * kLineHeight, {0, 255, 0});
  return result;
}
