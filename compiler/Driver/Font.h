//===- Font.h - a bitmap font for printable ASCII -----------------------------------------------------===//
#ifndef COMPILER_DRIVER_FONT_H
#define COMPILER_DRIVER_FONT_H

#include <cstdint>

namespace vitc {

/// Dots of a glyph; leave a column between two glyphs.
inline constexpr int kGlyphWidth = 5, kGlyphHeight = 8;

/// Whether dot (x, y) of `character` is set. Characters outside printable ASCII look like '?'.
bool glyphDot(char character, int x, int y);

} // namespace vitc

#endif // COMPILER_DRIVER_FONT_H
