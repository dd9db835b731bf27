//===- Attention.h - what the two ways to compute attention share -----------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_ATTENTION_H
#define COMPILER_CODEGEN_CPU_ATTENTION_H

#include "compiler/Codegen/CPU/Emitter.h"

namespace vitc {

/// A region of a plan.attention with a matrix unit.
void emitUnitAttention(Emitter &e, LeafBuilder &b, vit::PlanAttentionOp op, mlir::ValueRange args);

/// Steps of a product over the channels of a plane: elements, or pairs of bf16.
int64_t channelSteps(mlir::MemRefType planes);

/// Transposes `count` rows of a plane from `first` on: line d of scratch gets element, or pair, d of every
/// row, with zeros behind the last row up to a whole vector; `lines` of them, zeros behind the channels.
/// `at(d, i)` is the index of line d, column i, for i that are multiples of the lanes.
void emitTransposedRows(LeafBuilder &b, mlir::Value planes, mlir::Value plane, mlir::Value first,
                        int64_t count, int64_t lines, mlir::Value scratch,
                        llvm::function_ref<mlir::Value(mlir::Value d, mlir::Value i)> at);

/// Packs the rows of a plane of bf16 as pairs of rows, line by line from `offset` of scratch on: `lines` of
/// them, zeros behind the last row.
void emitPairedRows(LeafBuilder &b, mlir::Value planes, mlir::Value plane, int64_t lines, mlir::Value scratch,
                    int64_t offset);

/// A name that is equal for equal kernels of `count` query rows.
std::string attentionKernelName(llvm::StringRef what, vit::PlanAttentionOp op, int64_t count);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_ATTENTION_H
