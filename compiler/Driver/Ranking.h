//===- Ranking.h - from logits to labels --------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_RANKING_H
#define COMPILER_DRIVER_RANKING_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace vitc {

struct Ranked {
  int64_t index;
  double probability;
};

/// The `count` most probable classes of softmax(logits), or with `sigmoid` of each logit for itself, computed
/// in double; equal ones in order of their index. NaN ranks last.
std::vector<Ranked> topClasses(llvm::ArrayRef<float> logits, size_t count, bool sigmoid = false);

} // namespace vitc

#endif // COMPILER_DRIVER_RANKING_H
