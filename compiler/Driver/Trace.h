//===- Trace.h - what another framework computed, step by step ----------------------------------------===//
//
// An .npz that a user makes in the framework of the model (docs/doctor.md). It is untrusted.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_TRACE_H
#define COMPILER_DRIVER_TRACE_H

#include "compiler/Import/WeightStore.h"
#include "compiler/Pipeline/ModelSteps.h"
#include "dialect/Interp/Interpreter.h"
#include <map>

namespace vitc {

struct TracedStep {
  vit::Tensor value;      ///< in the shape that ModelSteps.h gives the step, but perhaps of other extents
  unsigned precision = 0; ///< bits of the fraction of the numbers: 52, 23, 10, 7; 0 for integers
};

/// The steps of a reference computation, at least one.
class Trace {
public:
  /// Reads PATH.npz. Errors: Input, for a key that is no step of the model (named with the nearest that is),
  /// arrays of other dimensions or element types, more than one picture, and numbers that are not finite.
  static llvm::Expected<Trace> open(llvm::StringRef path, const ModelConfig &config);
  /// The same for arrays that are open.
  static llvm::Expected<Trace> read(const WeightStore &store, const ModelConfig &config);

  /// In the model's order.
  const std::map<ModelStep, TracedStep> &steps() const { return table; }
  const TracedStep *find(const ModelStep &step) const;

  std::map<ModelStep, TracedStep> table;
};

} // namespace vitc

#endif // COMPILER_DRIVER_TRACE_H
