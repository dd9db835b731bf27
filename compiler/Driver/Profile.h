//===- Profile.h - where a forward spends its time, and what keeps it from going faster ---------------===//
#ifndef COMPILER_DRIVER_PROFILE_H
#define COMPILER_DRIVER_PROFILE_H

#include "compiler/Driver/MemoryLoop.h"
#include "compiler/Target/Isa.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <string>
#include <vector>

namespace vitc {

/// A figure for each of VITC_DOT_F32, VITC_DOT_BF16, VITC_DOT_INT8.
using PerDot = std::array<double, 3>;
/// The precision whose products are of kind `dot`.
Precision precisionOfDot(uint32_t dot);

/// The arithmetic of one run: GFLOP executed, by what multiplies.
struct Work {
  PerDot gflop{};       ///< all
  PerDot linear{};      ///< of products with weights
  double total() const; ///< of `gflop`
  /// The kind that at least 95 % of the linear GFLOP are of, by which a run counts as one of that precision;
  /// else "mixed".
  std::string countsAs() const;
  /// Milliseconds at least, each kind at its own peak in GFLOP/s; 0 if one of them is not known.
  double limitMs(const PerDot &peaks) const;
};
Work workOf(const vitc_schedule &schedule, int64_t images);

/// One region of a forward, or several of them summed up.
struct RegionProfile {
  std::string name, layer, kind; ///< "blk.3.fc1", "blk.3", "int8 gemm"
  uint32_t dot = VITC_DOT_F32;
  int64_t calls = 0;                           ///< in one run
  double milliseconds = 0, gflop = 0;          ///< of all calls
  double activationBytes = 0, weightBytes = 0; ///< moved at least, in all calls
  double arithmeticMs = 0, memoryMs = 0;       ///< at the peak of its arithmetic; at the bandwidths
  double limitMs = 0;                          ///< at least: the larger of the two, summed over regions
  void add(const RegionProfile &other);
};

struct Profile {
  std::vector<RegionProfile> regions; ///< in order
  double milliseconds = 0;            ///< mean of the runs that `regions` were timed in
  Bandwidths bandwidths;
};

/// What a profile is made of.
struct ProfileInputs {
  const vitc_schedule *schedule;
  std::vector<uint64_t> nanoseconds; ///< of each step, over all runs
  int64_t runs, images, passes;      ///< images of a run, and passes that they take
  uint64_t modelWeights;             ///< bytes of the whole blob
  double meanMs;                     ///< of a run
  PerDot peaks;                      ///< 0: unknown
  Bandwidths bandwidths;
};

/// The time at least of a region is that of its GFLOP at the peak of the instruction that multiplies in it,
/// or that of its bytes, whichever is longer. Weights are read from the nearest place that holds all weights
/// of the model, activations of an image from the nearest one that holds those of the region.
Profile profileOf(const ProfileInputs &inputs);

/// Tables by region ("blk.*.fc1"), by kind and by layer, each with a last line for what no region covers.
void printProfile(const Profile &profile, llvm::raw_ostream &os);
/// Attributes "bandwidths", "run_ms", "between_regions_ms" and "regions" of the object that is open.
void profileJson(const Profile &profile, llvm::json::OStream &json);

} // namespace vitc

#endif // COMPILER_DRIVER_PROFILE_H
