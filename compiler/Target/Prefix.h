//===- Prefix.h - C identifiers from untrusted names ------------------------------------------------===//
#ifndef COMPILER_TARGET_PREFIX_H
#define COMPILER_TARGET_PREFIX_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace vitc {

/// A C identifier that resembles `name`, in lower case: "ViT-B/16" becomes "vit_b_16". What no identifier can
/// hold becomes one underscore; a leading digit, a keyword of C or C++, and names in vitc's own space get
/// "model_" in front; an empty name becomes "model". At most 64 characters.
std::string prefixFrom(llvm::StringRef name);

/// Accepts what prefixFrom() could have returned, also in upper case; for names that the user chose (--name).
llvm::Error checkPrefix(llvm::StringRef prefix);

/// Whether `word` is a keyword of C or C++ (or a macro of the standard headers that acts as one).
bool isReservedWord(llvm::StringRef word);

} // namespace vitc

#endif // COMPILER_TARGET_PREFIX_H
