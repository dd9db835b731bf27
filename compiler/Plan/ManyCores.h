//===- ManyCores.h - how a plan divides over threads --------------------------------------------------===//
//
// A model of what the runtime does (runtime/src/pass.c, docs/ManyCores.md), in which all chunks of a region
// take the same time and nothing else takes any. It tells how well a plan could do on machines that are not
// at hand.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_PLAN_MANYCORES_H
#define COMPILER_PLAN_MANYCORES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

/// The share of `threads` threads that is busy on average while a pass of `images` images goes through a
/// region of `chunks` chunks an image: as many images as fill all threads go each on a thread of its own, and
/// the threads share the chunks of the others, or of all of them with `imagesInner`; 1 for one thread. It is
/// `fineChunks` instead, if there are as many, where `chunks` would leave them idle for more than a fifth of
/// the time.
double busyShare(int64_t chunks, int64_t fineChunks, bool imagesInner, int64_t images, int64_t threads);

/// Regions of one name, "blk.*.fc1".
struct DividedRegion {
  std::string name;
  int64_t count = 0;
  int64_t chunks = 0, fineChunks = 0; ///< of one region; 0: no finer division
  int64_t flops = 0;                  ///< of all
  std::vector<double> busy;           ///< for each number of threads
};

struct DividedForward {
  std::vector<DividedRegion> regions;
  /// Of the arithmetic as a whole, for each number of threads: 1 / sum (share of flops / busy).
  std::vector<double> busy;
};

/// Precondition: `function` is planned.
DividedForward divideForward(mlir::func::FuncOp function, int64_t images,
                             const std::vector<int64_t> &threads);

} // namespace vitc

#endif // COMPILER_PLAN_MANYCORES_H
