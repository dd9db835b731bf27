//===- PositionSources.h - weights that follow from positions in a grid -----------------------------===//
//
// What models compute from positions when they start: tables of angles, biases of pairs of patches.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_POSITIONSOURCES_H
#define DIALECT_INTERP_POSITIONSOURCES_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/TensorSource.h"

namespace vit {

/// #vit.rope_periods.
std::vector<double> ropePeriods(RopePeriodsStepAttr step);
/// #vit.rope_angles [patches, 4 |periods|], row-major.
std::vector<double> ropeAngles(RopeAnglesStepAttr step, llvm::ArrayRef<double> periods);
/// #vit.rope_mixed [patches, heads * size] of frequencies [2, heads, size / 2], row-major.
std::vector<double> mixedAngles(RopeMixedStepAttr step, llvm::ArrayRef<double> frequencies);
/// #vit.relative_bias, expanded as it is read: the result is much larger than the table.
SourcePtr relativeBias(RelativeBiasStepAttr step, const TensorSource &table);

} // namespace vit

#endif // DIALECT_INTERP_POSITIONSOURCES_H
