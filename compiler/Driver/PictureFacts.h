//===- PictureFacts.h - what a picture file says beside its pixels ------------------------------------===//
#ifndef COMPILER_DRIVER_PICTUREFACTS_H
#define COMPILER_DRIVER_PICTUREFACTS_H

#include "llvm/ADT/ArrayRef.h"

namespace vitc {

/// What readers of a PNG or JPEG file treat differently. The file is untrusted; one that is damaged has fewer
/// facts.
struct PictureFacts {
  bool jpeg = false;
  bool alpha = false;   ///< or a transparent colour
  bool profile = false; ///< of colours
  int bits = 8;         ///< of a channel
  int orientation = 1;  ///< as EXIF numbers it: 1 is upright
};
PictureFacts pictureFacts(llvm::ArrayRef<uint8_t> file);

/// What a viewer that obeys the orientation (2 to 8) does to the stored picture: "turned by 180 degrees".
const char *orientationText(int orientation);

} // namespace vitc

#endif // COMPILER_DRIVER_PICTUREFACTS_H
