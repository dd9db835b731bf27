//===- Presets.h - models with seeded random weights ------------------------------------------------===//
//
// Presets exist to measure and to test without a download. Every weight is a function of (seed, tensor name,
// index), so that any range can be produced on its own, by any thread, and the same everywhere.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_PRESETS_H
#define COMPILER_IMPORT_PRESETS_H

#include "compiler/Import/Checkpoint.h"

namespace vitc {

enum class WeightVariant {
  /// Matrices N(0, 1/fan_in), gains 1 +- 0.3, biases +- 0.3, layer-scale 0.3 to 1: every parameter matters
  /// and
  /// activations keep their size.
  Plain,
  /// As trained models misbehave: a few residual channels 20 to 100 times as large as the others, norm gains
  /// from 0.1
  /// to 10, and half of the heads with attention close to one-hot.
  Outlier,
};

struct SeededWeights {
  uint64_t seed = 0;
  WeightVariant variant = WeightVariant::Plain;
};

/// Random weights for any description. Precondition: validate(config) succeeded.
Checkpoint seededCheckpoint(const ModelConfig &config, const SeededWeights &weights = {});

/// Opens "NAME" or "NAME?seed=7&variant=outlier" (without "preset:"). Errors list the names.
llvm::Expected<Checkpoint> openPreset(llvm::StringRef spec);

/// All preset names in alphabetical order.
std::vector<std::string> presetNames();

} // namespace vitc

#endif // COMPILER_IMPORT_PRESETS_H
