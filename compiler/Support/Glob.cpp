#include "compiler/Support/Glob.h"

bool vitc::matchesGlob(llvm::StringRef pattern, llvm::StringRef text) {
  // Greedy with one point of return: a later star makes all earlier choices irrelevant.
  size_t p = 0, t = 0, star = llvm::StringRef::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != llvm::StringRef::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == llvm::StringRef::npos;
}
