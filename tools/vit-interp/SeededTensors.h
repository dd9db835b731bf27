//===- SeededTensors.h - weights and inputs drawn by name
//------------------------------------------------===//
#ifndef TOOLS_VIT_INTERP_SEEDEDTENSORS_H
#define TOOLS_VIT_INTERP_SEEDEDTENSORS_H

#include "dialect/Interp/TensorSource.h"
#include "llvm/ADT/StringRef.h"

namespace vit {

/// A checkpoint tensor of `shape` that depends on seed, name and shape only, in float32 values. Tensors of
/// two and more dimensions are N(0, 1 / fan-in), where the fan-in is the product of all dimensions but the
/// first. Vectors are within 0.3 of one when the name says that they multiply (it ends in `w`, `weight`,
/// `gamma`, `g` or `lsN`), else within 0.3 of zero and at least 0.01 from it: a pass that drops or mixes them
/// up shows.
std::shared_ptr<const TensorSource> seededWeight(llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                                                 uint64_t seed);

/// Input number `index`: N(0, 1), or whole numbers 0 to 255 for pixels.
std::vector<double> seededInput(size_t index, int64_t elements, bool pixels, uint64_t seed);

} // namespace vit

#endif // TOOLS_VIT_INTERP_SEEDEDTENSORS_H
