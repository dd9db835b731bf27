//===- Measure.h - times of a model beside the machine's limit ----------------------------------------===//
#ifndef COMPILER_DRIVER_MEASURE_H
#define COMPILER_DRIVER_MEASURE_H

#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/PeakLoop.h"
#include <vector>

namespace vitc {

struct Measured {
  std::vector<double> milliseconds; ///< of each run, at least three
  std::vector<double> peaks;        ///< GFLOP/s of the peak loop, sampled between runs
};

/// Alternates groups of runs of `images` seeded images with samples of `peak` of the same length, for about
/// `seconds` and at least three rounds, after one run that does not count. Neighbouring in time, both see the
/// same clock and the same other processes. Without `peak` (null) only the runs are timed.
llvm::Expected<Measured> measure(const LoadedLibrary &library, const RunningModel &model, int64_t images,
                                 const PeakLoop *peak, double seconds);

/// The middle value; the mean of the two middle ones of an even number. Precondition: not empty.
double median(std::vector<double> values);

} // namespace vitc

#endif // COMPILER_DRIVER_MEASURE_H
