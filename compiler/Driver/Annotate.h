//===- Annotate.h - a picture with text on it ---------------------------------------------------------===//
#ifndef COMPILER_DRIVER_ANNOTATE_H
#define COMPILER_DRIVER_ANNOTATE_H

#include "compiler/Driver/Picture.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace vitc {

/// The picture, enlarged by a whole factor until its shorter side has 224 pixels (as long as the longer one
/// stays below 2048), so that what is drawn over it can be seen. The result is RGB. Precondition: the picture
/// has pixels.
Picture enlarged(const Picture &picture);

/// enlarged(picture) with `lines` drawn over it in green from the upper left, 20 pixels apart, as
/// cv2.putText(..., (0, 20), cv2.FONT_HERSHEY_COMPLEX, 0.5, (0, 255, 0)) does (PutText.h). What does not fit
/// is cut.
Picture annotate(const Picture &picture, llvm::ArrayRef<std::string> lines);

} // namespace vitc

#endif // COMPILER_DRIVER_ANNOTATE_H
