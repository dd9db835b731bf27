//===- Suggest.h - "did you mean" -------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_SUGGEST_H
#define COMPILER_SUPPORT_SUGGEST_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace vitc {

/// The candidate nearest to `word` by edit distance, or "" if none is within a third of its length (at least
/// 1, at most 4 edits). Ties go to the first candidate.
llvm::StringRef nearestWord(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates);

/// "; did you mean 'X'?" for the nearest candidate, or "".
std::string didYouMean(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace vitc

#endif // COMPILER_SUPPORT_SUGGEST_H
