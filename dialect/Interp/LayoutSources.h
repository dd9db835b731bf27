//===- LayoutSources.h - weights whose elements are moved ----------------------------------------===//
//
// Views of other tensors: no element changes its value.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_LAYOUTSOURCES_H
#define DIALECT_INTERP_LAYOUTSOURCES_H

#include "dialect/Interp/TensorSource.h"

namespace vit {

/// The elements of `input` from `first` on under another shape.
SourcePtr window(SourcePtr input, int64_t first, llvm::ArrayRef<int64_t> shape);
/// The rows of `a`, then those of `b`: [Na + Nb, ...].
SourcePtr appendRows(SourcePtr a, SourcePtr b);
/// In each group of `size` indices those of both halves in turns; an index is `unit` neighbouring elements.
SourcePtr interleaveHalves(SourcePtr input, int64_t size, int64_t unit);
/// The last two dimensions exchanged.
SourcePtr transposed(SourcePtr input);
/// The input, flattened, in blocks of `from` elements that are zero-padded to `to`; zeros after its end.
SourcePtr padBlocks(SourcePtr input, int64_t from, int64_t to, llvm::ArrayRef<int64_t> shape);
/// [N, K] to [panels, lines, width * by]: a line is `width` columns at `by` neighbouring k, zeros where the
/// matrix ends.
SourcePtr packPanels(SourcePtr input, int64_t width, int64_t by);

} // namespace vit

#endif // DIALECT_INTERP_LAYOUTSOURCES_H
