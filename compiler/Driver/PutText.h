//===- PutText.h - text drawn as OpenCV draws it ------------------------------------------------------===//
#ifndef COMPILER_DRIVER_PUTTEXT_H
#define COMPILER_DRIVER_PUTTEXT_H

#include "compiler/Driver/Picture.h"
#include <array>

namespace vitc {

/// Draws `text` with the left end of its baseline at (x, y), equal to the pixel to what OpenCV 4.12 makes of
/// cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_COMPLEX, 0.5, color). (4.14 draws slanted lines
/// otherwise.) Characters that are not printable ASCII become '?', where OpenCV draws Cyrillic; braces look a
/// little different. Precondition: the picture is RGB.
void putText(Picture &picture, llvm::StringRef text, int32_t x, int32_t y, std::array<uint8_t, 3> color);

} // namespace vitc

#endif // COMPILER_DRIVER_PUTTEXT_H
