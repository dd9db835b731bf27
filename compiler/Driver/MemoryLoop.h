//===- MemoryLoop.h - how fast this machine reads its caches and its memory ---------------------------===//
#ifndef COMPILER_DRIVER_MEMORYLOOP_H
#define COMPILER_DRIVER_MEMORYLOOP_H

#include <cstdint>

namespace vitc {

/// Bytes that the caches of this machine hold; 0 where the system does not say.
struct CacheSizes {
  uint64_t perCore; ///< L2
  uint64_t shared;  ///< L3
};
CacheSizes cacheSizes();

/// GB/s (10^9) at which `threads` threads together read, each a buffer of its own of `bytes`, from its begin
/// to its end over and over during `seconds`. The calling thread is one of them.
double sampleReading(uint64_t bytes, int64_t threads, double seconds);

/// What reading reaches in GB/s, by where the bytes lie: in the L2 caches of the threads' cores, in L3, in
/// memory.
struct Bandwidths {
  double l2 = 0, l3 = 0, memory = 0;
  uint64_t l2Bytes = 0, l3Bytes = 0; ///< up to how much lies there
  /// That of the nearest place which holds `bytes`.
  double of(uint64_t bytes) const { return bytes <= l2Bytes ? l2 : bytes <= l3Bytes ? l3 : memory; }
};

/// Measures all three on `threads` threads, in about 0.3 s. An L3 that is no larger than the threads' L2
/// caches together, or an unknown one, counts as memory.
Bandwidths measureBandwidths(int64_t threads);

} // namespace vitc

#endif // COMPILER_DRIVER_MEMORYLOOP_H
