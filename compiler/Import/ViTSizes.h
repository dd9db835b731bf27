//===- ViTSizes.h - the sizes that architecture names stand for -------------------------------------===//
#ifndef COMPILER_IMPORT_VITSIZES_H
#define COMPILER_IMPORT_VITSIZES_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace vitc {

/// One row of the size tables of timm (timm/models/vision_transformer.py, eva.py).
struct ViTSize {
  const char *name;
  int64_t width, depth, heads, hidden;
};

/// The row called `name` ("tiny", "small", ..., "eva02_large"), or nullptr.
const ViTSize *findViTSize(llvm::StringRef name);

} // namespace vitc

#endif // COMPILER_IMPORT_VITSIZES_H
