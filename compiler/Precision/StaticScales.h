//===- StaticScales.h - one scale for all rows of a layer's input, from pictures ----------------------===//
#ifndef COMPILER_PRECISION_STATICSCALES_H
#define COMPILER_PRECISION_STATICSCALES_H

#include "compiler/Precision/ChooseArithmetic.h"
#include <array>

namespace vitc {

/// How often magnitudes occur, in bins of a sixteenth of an octave.
class MagnitudeCounts {
public:
  /// Counts |x|. Zeros, and what is below 2^-40, cost no bytes; numbers that are not finite are not counted.
  void add(double x);
  /// The scale (the magnitude that becomes 127, over 127) with the least mean squared error of quantized
  /// numbers: what is beyond it is cut off, what is below it loses half a step at most. 1 without numbers.
  double bestScale() const;
  /// The smallest that cuts nothing off; 1 without numbers.
  double largestScale() const;

private:
  static constexpr int kPerOctave = 16, kLowest = -40 * kPerOctave, kBins = 80 * kPerOctave;
  /// The largest magnitude of a bin.
  static double upperEdge(int bin);
  std::array<uint64_t, kBins> counts{};
};

/// Runs `function`, fused ops, on all inputs in float64 and in f32 products, and returns int8 with a scale of
/// its input for each layer that `dot` says is int8. Scales lie on a grid of a sixteenth of an octave, so
/// that the last bits of a machine do not show in them.
llvm::Expected<std::vector<vit::LayerArithmetic>> findStaticScales(mlir::func::FuncOp function,
                                                                   llvm::ArrayRef<vit::Tensor> inputs,
                                                                   vit::WeightEvaluator &weights,
                                                                   const PrecisionProgress &progress);

/// Gives the layers of `function` the scales.
void setStaticScales(mlir::func::FuncOp function, llvm::ArrayRef<vit::LayerArithmetic> scales);

} // namespace vitc

#endif // COMPILER_PRECISION_STATICSCALES_H
