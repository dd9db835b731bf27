//===- Rows.h - what several emitters do with a row -------------------------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_ROWS_H
#define COMPILER_CODEGEN_CPU_ROWS_H

#include "compiler/Codegen/CPU/LeafBuilder.h"

namespace vitc {

/// Reduces a row of `width` columns to one vector. `next(k, carried)` takes the vector at column k into a
/// running value that begins as `init`; several run side by side, and `combine` joins them. Lanes behind the
/// width do not count.
mlir::Value emitRowReduction(LeafBuilder &b, int64_t width, mlir::Value init,
                             llvm::function_ref<mlir::Value(mlir::Value k, mlir::Value carried)> next,
                             llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

/// Quantizes a row of `width` columns, `value(k)` being the vector at column k, to row `row` of `output` and
/// of `scales` as vit.plan.quantize does. What is quantized is `factor * value` if there is a factor, a
/// scalar. Scales that are `given` are read.
void emitQuantizedRow(LeafBuilder &b, int64_t width, llvm::function_ref<mlir::Value(mlir::Value k)> value,
                      mlir::Value factor, mlir::Value output, mlir::Value scales, bool given,
                      mlir::Value row);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_ROWS_H
