//===- NpyLayout.h - the header of NumPy's .npy files ---------------------------------------------------===//
//
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3. The header
// is a Python literal, which NumPy evaluates; here a grammar of three keys reads it.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_NPYLAYOUT_H
#define COMPILER_SUPPORT_NPYLAYOUT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace vitc {

struct NpyLayout {
  std::string type; ///< NumPy's name: "<f4"
  bool fortranOrder = false;
  llvm::SmallVector<int64_t, 4> shape; ///< extents from 0, at most 32
  size_t dataOffset = 0;               ///< bytes before the first element
};

/// True if `contents` begins like such a file.
bool isNpy(llvm::StringRef contents);

/// Parses the header of `file`. That the data fit the shape is for the caller to check. `path` only appears
/// in messages.
llvm::Expected<NpyLayout> readNpyLayout(llvm::ArrayRef<uint8_t> file, llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_SUPPORT_NPYLAYOUT_H
