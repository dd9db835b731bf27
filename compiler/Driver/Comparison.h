//===- Comparison.h - how far a library's numbers are from the reference's ----------------------------===//
#ifndef COMPILER_DRIVER_COMPARISON_H
#define COMPILER_DRIVER_COMPARISON_H

#include "compiler/Driver/StepRunner.h"
#include "dialect/Interp/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <string>
#include <vector>

namespace vitc {

/// |got - want| / |want| in the L2 norm, or |got| if `want` is zero. Elements whose reference is NaN have no
/// defined value and are left out; a NaN or infinity in `got` gives infinity.
class RelativeError {
public:
  void add(double got, double want);
  double value() const;

private:
  double difference = 0, norm = 0;
  bool finite = true;
};

struct RegionError {
  std::string name;
  double error;
};

/// Runs the planned function in float64 and, in step with it, the regions of `runner` on the same image, and
/// compares the buffer that each region wrote. `image` holds the input as the library reads it, and
/// `reference` the same as numbers. Errors: Input, if the library's regions are not those of the module
/// (another model or compiler).
llvm::Expected<std::vector<RegionError>> compareRegions(mlir::func::FuncOp function,
                                                        vit::WeightEvaluator &weights, StepRunner &runner,
                                                        const void *image, const vit::Tensor &reference);

/// Standard normal numbers, a function of seed and index.
std::vector<float> seededImage(uint64_t seed, size_t elements);

} // namespace vitc

#endif // COMPILER_DRIVER_COMPARISON_H
