//===- OnnxResize.h - Resize of tables --------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXRESIZE_H
#define COMPILER_IMPORT_ONNXRESIZE_H

#include "compiler/Import/OnnxModel.h"
#include <string>
#include <vector>

namespace vitc::onnx {

/// How one axis is resampled, in the terms of https://onnx.ai/onnx/operators/onnx__Resize.html.
struct Resampling {
  std::string mode = "nearest", coordinates = "half_pixel", nearest = "round_prefer_floor";
  double cubicCoefficient = -0.75;
  bool excludeOutside = false, antialias = false;
};

/// Weights of one output position: `values[i]` belongs to input `first + i`, clamped to the edge.
struct Taps {
  int64_t first = 0;
  std::vector<double> values;
};

/// The taps of output `index`; `scale` is output size / input size as the operator is told.
Taps resampleAt(const Resampling &how, int64_t index, double scale, int64_t input, int64_t output);

/// Resamples one axis of a row-major tensor [outer][input][inner].
std::vector<double> resampleAxis(const Resampling &how, const std::vector<double> &values, int64_t outer,
                                 int64_t input, int64_t inner, int64_t output, double scale);

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXRESIZE_H
