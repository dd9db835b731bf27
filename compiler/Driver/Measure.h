//===- Measure.h - times of a model beside the machine's limit ----------------------------------------===//
#ifndef COMPILER_DRIVER_MEASURE_H
#define COMPILER_DRIVER_MEASURE_H

#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/PeakLoop.h"
#include <vector>

namespace vitc {

struct Measured {
  std::vector<double> milliseconds;       ///< of each run, at least three
  std::vector<std::vector<double>> peaks; ///< GFLOP/s of each peak loop, sampled between runs
};

/// Alternates groups of runs of `images` seeded images with samples of `loops`, for about `seconds` and at
/// least three rounds, after one run that does not count. Neighbouring in time, all see the same clock and
/// the same other processes. The first loop is sampled for as long as the runs of a group took, at most
/// 0.25 s, further ones for at most 25 ms. `profile`, which `model` adds times to, is cleared after the run
/// that does not count.
llvm::Expected<Measured> measure(const LoadedLibrary &library, const RunningModel &model, int64_t images,
                                 llvm::ArrayRef<const PeakLoop *> loops, double seconds,
                                 llvm::MutableArrayRef<uint64_t> profile = {});

/// The middle value; the mean of the two middle ones of an even number. Precondition: not empty.
double median(std::vector<double> values);

} // namespace vitc

#endif // COMPILER_DRIVER_MEASURE_H
