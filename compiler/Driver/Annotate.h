//===- Annotate.h - a picture with text under it ------------------------------------------------------===//
#ifndef COMPILER_DRIVER_ANNOTATE_H
#define COMPILER_DRIVER_ANNOTATE_H

#include "compiler/Driver/Picture.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace vitc {

/// The picture, enlarged by a whole factor until its shorter side has 224 pixels (as long as the longer one
/// stays below 2048), with `lines` in a strip under it; the first is bright, the others dim. Lines that are
/// too long end in "...", and characters that the font lacks become '?'. The result is RGB. Precondition: the
/// picture has pixels.
Picture annotate(const Picture &picture, llvm::ArrayRef<std::string> lines);

} // namespace vitc

#endif // COMPILER_DRIVER_ANNOTATE_H
