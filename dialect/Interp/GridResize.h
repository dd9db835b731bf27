//===- GridResize.h - position tables: generated, and for other grids -------------------------------===//
#ifndef DIALECT_INTERP_GRIDRESIZE_H
#define DIALECT_INTERP_GRIDRESIZE_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/WeightSources.h"

namespace vit {

/// The points that make one sample, and their weights.
using GridTaps = llvm::SmallVector<std::pair<int64_t, double>, 4>;

/// How an axis of `in` points is sampled at `out` places, as #vit.resize_grid says.
std::vector<GridTaps> gridTaps(int64_t in, int64_t out, GridKernel kernel, GridScale scale, bool antialias);

/// #vit.resize_grid of a table [rows, width].
SourcePtr resizedGrid(const TensorSource &table, ResizeGridStepAttr step);

/// #vit.sincos.
SourcePtr sincosTable(SincosStepAttr step);

} // namespace vit

#endif // DIALECT_INTERP_GRIDRESIZE_H
