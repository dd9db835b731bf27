//===- PeakLoop.h - what this machine's multiply-add instruction reaches ------------------------------===//
#ifndef COMPILER_DRIVER_PEAKLOOP_H
#define COMPILER_DRIVER_PEAKLOOP_H

#include "compiler/Target/Isa.h"
#include <cstdint>

namespace vitc {

/// A loop of one instruction on registers, with enough independent accumulators to hide its latency and
/// nothing else.
struct PeakLoop {
  void (*run)(int64_t iterations);
  int64_t flops; ///< of one iteration
  llvm::StringLiteral instruction;
};

/// The loop for the instruction that products of `precision` use on `isa`, or null if this build of vitc has
/// none for it. Precondition of running it: the machine has the instruction.
const PeakLoop *peakLoop(const Isa &isa, Precision precision);

/// GFLOP/s of `loop` on `threads` threads (the calling one is one of them) during `seconds`: what the threads
/// got done together, so that one which another process delays counts for what it did.
double samplePeak(const PeakLoop &loop, int64_t threads, double seconds);

} // namespace vitc

#endif // COMPILER_DRIVER_PEAKLOOP_H
