#include "compiler/Driver/Annotate.h"
#include "compiler/Driver/Font.h"
#include <algorithm>

using namespace vitc;

static constexpr int32_t kLegibleSide = 224, kLargestSide = 2048;

/// One '?' for each character that is not ASCII.
static std::string toAscii(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      result += c;
    else if (byte >= 0xc0) // the first byte of a character; the others are skipped
      result += '?';
  }
  return result;
}

static void fill(Picture &picture, int32_t x, int32_t y, int32_t width, int32_t height, uint8_t grey) {
  for (int32_t row = y; row < std::min(y + height, picture.height); ++row)
    for (int32_t column = x; column < std::min(x + width, picture.width); ++column)
      std::fill_n(&picture.pixels[(size_t(row) * picture.width + column) * 3], 3, grey);
}

Picture vitc::annotate(const Picture &picture, llvm::ArrayRef<std::string> lines) {
  int32_t shorter = std::min(picture.height, picture.width), longer = std::max(picture.height, picture.width);
  int32_t factor = (kLegibleSide + shorter - 1) / shorter;
  factor = std::max(1, std::min(factor, kLargestSide / longer));
  // About 27 characters fit the width at any size from 320 on.
  int32_t scale = std::clamp(picture.width * factor / 160, 1, 12);
  int32_t margin = 3 * scale, lineHeight = (kGlyphHeight + 2) * scale;

  Picture result;
  result.width = std::max(picture.width * factor, kLegibleSide);
  result.height = picture.height * factor + 2 * margin + static_cast<int32_t>(lines.size()) * lineHeight;
  result.pixels.assign(size_t(result.height) * result.width * 3, 24);
  int32_t left = (result.width - picture.width * factor) / 2;
  for (int32_t y = 0; y < picture.height * factor; ++y)
    for (int32_t x = 0; x < picture.width * factor; ++x) {
      const uint8_t *from =
          &picture.pixels[(size_t(y / factor) * picture.width + x / factor) * picture.channels];
      uint8_t *to = &result.pixels[(size_t(y) * result.width + left + x) * 3];
      for (int c = 0; c < 3; ++c)
        to[c] = from[picture.channels == 1 ? 0 : c];
    }

  int32_t advance = (kGlyphWidth + 1) * scale;
  size_t fit = static_cast<size_t>((result.width - 2 * margin) / advance);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string text = toAscii(lines[i]);
    if (text.size() > fit)
      text = text.substr(0, fit > 3 ? fit - 3 : 0) + std::string("...").substr(0, fit);
    int32_t top = picture.height * factor + margin + static_cast<int32_t>(i) * lineHeight;
    for (size_t n = 0; n < text.size(); ++n)
      for (int y = 0; y < kGlyphHeight; ++y)
        for (int x = 0; x < kGlyphWidth; ++x)
          if (glyphDot(text[n], x, y))
            fill(result, margin + static_cast<int32_t>(n) * advance + x * scale, top + y * scale, scale,
                 scale, i == 0 ? 255 : 160);
  }
  return result;
}
