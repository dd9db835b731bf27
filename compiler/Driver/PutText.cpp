//===- PutText.cpp - text drawn as OpenCV draws it ----------------------------------------------------===//
//
// Coordinates are fixed-point numbers of 16 fractional bits, as in modules/imgproc/src/drawing.cpp of OpenCV:
// its way of rounding decides which pixels a line covers.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/PutText.h"
#include "compiler/Driver/HersheyFont.h"
#include <algorithm>
#include <utility>

using namespace vitc;

namespace {

constexpr int kShift = 16;
constexpr int64_t kOne = int64_t(1) << kShift, kHalf = kOne / 2;
constexpr int64_t kScale = kOne / 2; ///< of the font
constexpr int64_t kBaseline = 9;     ///< of the glyphs

struct Point {
  int64_t x, y;
};

class Canvas {
public:
  Canvas(Picture &picture, std::array<uint8_t, 3> color) : picture(picture), color(color) {}

  void line(Point a, Point b) {
    if (!clip(a, b))
      return;
    // Along its longer axis, from the smaller end.
    bool flat = std::abs(b.x - a.x) > std::abs(b.y - a.y);
    if (flat ? b.x < a.x : b.y < a.y)
      std::swap(a, b);
    int64_t length = flat ? b.x - a.x : b.y - a.y, rise = flat ? b.y - a.y : b.x - a.x;
    int64_t step = rise * kOne / (length | 1);
    put((b.x + kHalf) >> kShift, (b.y + kHalf) >> kShift);
    int64_t along = ((flat ? a.x : a.y) + kHalf) >> kShift, across = (flat ? a.y : a.x) + kHalf;
    for (int64_t i = 0; i <= length >> kShift; ++i, ++along, across += step)
      flat ? put(along, across >> kShift) : put(across >> kShift, along);
  }

  int64_t width() const { return picture.width * kOne; }

private:
  void put(int64_t x, int64_t y) {
    if (x >= 0 && x < picture.width && y >= 0 && y < picture.height)
      std::copy(color.begin(), color.end(), &picture.pixels[(size_t(y) * picture.width + size_t(x)) * 3]);
  }

  /// Sides of the picture that a point lies beyond: left 1, right 2, above 4, below 8.
  int beyond(const Point &p) const {
    return (p.x < 0) | (p.x > right()) << 1 | (p.y < 0) << 2 | (p.y > bottom()) << 3;
  }
  int64_t right() const { return picture.width * kOne - 1; }
  int64_t bottom() const { return picture.height * kOne - 1; }

  /// Moves `a` along the line to the border that it lies beyond.
  void moveVertically(Point &a, const Point &b, int sides) const {
    int64_t border = sides < 8 ? 0 : bottom();
    a.x += static_cast<int64_t>(static_cast<double>(border - a.y) * static_cast<double>(b.x - a.x) /
                                static_cast<double>(b.y - a.y));
    a.y = border;
  }
  void moveSideways(Point &a, const Point &b, int sides) const {
    int64_t border = sides == 1 ? 0 : right();
    a.y += static_cast<int64_t>(static_cast<double>(border - a.x) * static_cast<double>(b.y - a.y) /
                                static_cast<double>(b.x - a.x));
    a.x = border;
  }

  /// Cuts the line at the picture's borders; false if nothing is left.
  bool clip(Point &a, Point &b) const {
    int sidesA = beyond(a), sidesB = beyond(b);
    if ((sidesA & sidesB) == 0 && (sidesA | sidesB) != 0) {
      if (sidesA & 12) {
        moveVertically(a, b, sidesA);
        sidesA = beyond(a) & 3;
      }
      if (sidesB & 12) {
        moveVertically(b, a, sidesB);
        sidesB = beyond(b) & 3;
      }
      if ((sidesA & sidesB) == 0 && (sidesA | sidesB) != 0) {
        if (sidesA)
          moveSideways(a, b, sidesA);
        if (sidesB)
          moveSideways(b, a, sidesB);
        sidesA = sidesB = 0;
      }
    }
    return (sidesA | sidesB) == 0;
  }

  Picture &picture;
  std::array<uint8_t, 3> color;
};

/// One '?' for each character that is not printable ASCII.
std::string toAscii(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      result += c >= ' ' && c <= '~' ? c : '?';
    else if (byte >= 0xc0) // the first byte of a character; the others are skipped
      result += '?';
  }
  return result;
}

} // namespace

void vitc::putText(Picture &picture, llvm::StringRef text, int32_t x, int32_t y,
                   std::array<uint8_t, 3> color) {
  Canvas canvas(picture, color);
  int64_t originX = x * kOne, originY = y * kOne - kBaseline * kScale;
  for (char c : toAscii(text)) {
    if (originX > canvas.width() + 64 * kOne) // so is every glyph from here on
      break;
    llvm::StringRef glyph = hersheyGlyph(c);
    originX -= (glyph[0] - 'R') * kScale;
    bool drawing = false;
    Point last{};
    for (size_t i = 2; i < glyph.size(); i += 2) {
      if (glyph[i] == ' ') {
        drawing = false;
        continue;
      }
      Point next{(glyph[i] - 'R') * kScale + originX, (glyph[i + 1] - 'R') * kScale + originY};
      if (drawing)
        canvas.line(last, next);
      last = next;
      drawing = true;
    }
    originX += (glyph[1] - 'R') * kScale;
  }
}
