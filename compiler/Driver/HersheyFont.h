//===- HersheyFont.h - the strokes of a vector font ---------------------------------------------------===//
#ifndef COMPILER_DRIVER_HERSHEYFONT_H
#define COMPILER_DRIVER_HERSHEYFONT_H

#include "llvm/ADT/StringRef.h"

namespace vitc {

/// The glyph of a printable ASCII character, complex Roman, in the format of James Hurt: pairs of characters,
/// each a number plus 'R'. The first pair is the left and right side of the glyph, each other a point (x
/// right, y down, the baseline at 9) of a line; the pair " R" ends one line and begins another. Precondition:
/// ' ' <= c <= '~'.
llvm::StringRef hersheyGlyph(char c);

} // namespace vitc

#endif // COMPILER_DRIVER_HERSHEYFONT_H
