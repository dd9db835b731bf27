//===- StepRunner.h - a library's forward, one region at a time ---------------------------------------===//
//
// A library gives away its outputs only. For errors by layer, the driver interprets the tables itself
// (abi.h): it calls the same compiled regions in the same order as the runtime does, on one thread, and reads
// the arena between them.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_STEPRUNNER_H
#define COMPILER_DRIVER_STEPRUNNER_H

#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Support/MappedFile.h"
#include <memory>
#include <vector>

namespace vitc {

/// The packed weights of a loaded library.
class LoadedWeights {
public:
  static llvm::Expected<LoadedWeights> open(const LoadedLibrary &library);
  llvm::ArrayRef<uint8_t> blob() const { return bytes; }

private:
  std::shared_ptr<const MappedFile> file; ///< null if embedded
  llvm::ArrayRef<uint8_t> bytes;
};

class StepRunner {
public:
  /// Precondition: this machine runs `level`.
  StepRunner(const LoadedLibrary &library, const vitc_level &level, const vitc_schedule &schedule,
             llvm::ArrayRef<uint8_t> weights);

  /// Prepares a forward of one image, which must stay alive. All memory that regions write starts as NaN, so
  /// that one which reads what none has written shows.
  void start(const void *image);
  /// Runs region `step`, all chunks. Precondition: all earlier ones have run.
  void run(uint32_t step);

  const vitc_schedule &schedule() const { return plan; }
  /// The arena at byte `offset`.
  const uint8_t *arena(uint64_t offset) const { return memory.get() + offset; }
  const float *output(size_t index) const { return outputs[index].data(); }

private:
  struct Free {
    void operator()(uint8_t *pointer) const;
  };
  const vitc_schedule &plan;
  llvm::ArrayRef<uint8_t> weights;
  const void *image = nullptr;
  uint64_t arenaBytes, scratchBytes;
  std::unique_ptr<uint8_t, Free> memory; ///< arena, then scratch
  std::vector<std::vector<float>> outputs;
};

} // namespace vitc

#endif // COMPILER_DRIVER_STEPRUNNER_H
