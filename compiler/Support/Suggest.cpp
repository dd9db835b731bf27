#include "compiler/Support/Suggest.h"
#include <algorithm>

using namespace vitc;

llvm::StringRef vitc::nearestWord(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates) {
  if (word.size() > 200) // edit_distance is quadratic, and the word may be hostile
    return {};
  unsigned best = std::clamp<unsigned>(static_cast<unsigned>((word.size() + 2) / 3), 1, 4) + 1;
  llvm::StringRef result;
  for (llvm::StringRef candidate : candidates) {
    unsigned distance = word.edit_distance(candidate, /*AllowReplacements=*/true, best);
    if (distance < best) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

std::string vitc::didYouMean(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> candidates) {
  llvm::StringRef nearest = nearestWord(word, candidates);
  return nearest.empty() ? std::string() : "; did you mean '" + nearest.str() + "'?";
}
