//===- Glob.h - patterns with stars -----------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_GLOB_H
#define COMPILER_SUPPORT_GLOB_H

#include "llvm/ADT/StringRef.h"

namespace vitc {

/// True if `pattern`, in which '*' stands for any text and nothing else is special, matches all of `text`.
/// Linear in the product of the lengths.
bool matchesGlob(llvm::StringRef pattern, llvm::StringRef text);

} // namespace vitc

#endif // COMPILER_SUPPORT_GLOB_H
