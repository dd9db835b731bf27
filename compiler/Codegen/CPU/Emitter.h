//===- Emitter.h - planned ops as functions on buffers ----------------------------------------------===//
//
// Each planned op becomes a call of a region function, `@region_N(operands..., chunk: index)`. Ops that are
// equal but for the buffers they work on share one region function, and equal tiles share one kernel: all
// layers of a model run the same code. Emitters read planned IR and the descriptor only.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_EMITTER_H
#define COMPILER_CODEGEN_CPU_EMITTER_H

#include "compiler/Codegen/CPU/LeafBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace vitc {

class Emitter {
public:
  Emitter(mlir::ModuleOp module, vit::IsaAttr isa) : module(module), isa(isa) {}

  /// The region function of `op`, emitted on first use. Its arguments are the op's operands in order, then
  /// scratch (memref<Nxf32>, if the op needs any), then the chunk.
  mlir::FailureOr<mlir::func::FuncOp> regionFor(vit::PlannedOpInterface op);

  /// The internal function called `name`, its body emitted by `body` on first use.
  mlir::func::FuncOp kernel(llvm::StringRef name, mlir::TypeRange arguments,
                            llvm::function_ref<void(LeafBuilder &, mlir::ValueRange)> body);

  int64_t regionCount() const { return regions.size(); }
  int64_t kernelCount() const { return kernels.size(); }

private:
  mlir::ModuleOp module;
  vit::IsaAttr isa;
  llvm::StringMap<mlir::func::FuncOp> regions, kernels;
};

// One per kind of op, in a file of its own. `args` are the arguments of the region function.
void emitGemm(Emitter &e, LeafBuilder &b, vit::PlanGemmOp op, mlir::ValueRange args);
void emitAttention(Emitter &e, LeafBuilder &b, vit::PlanAttentionOp op, mlir::ValueRange args);
void emitLayerNorm(LeafBuilder &b, vit::PlanLayerNormOp op, mlir::ValueRange args);
void emitRope(LeafBuilder &b, vit::PlanRopeOp op, mlir::ValueRange args);
void emitGather(LeafBuilder &b, vit::PlanGatherOp op, mlir::ValueRange args);
void emitCopy(LeafBuilder &b, vit::PlanCopyOp op, mlir::ValueRange args);
void emitQuantize(LeafBuilder &b, vit::PlanQuantizeOp op, mlir::ValueRange args);
void emitMap(LeafBuilder &b, vit::PlanMapOp op, mlir::ValueRange args);
void emitJoin(LeafBuilder &b, vit::PlanJoinOp op, mlir::ValueRange args);
void emitMean(LeafBuilder &b, vit::PlanMeanOp op, mlir::ValueRange args);
void emitMax(LeafBuilder &b, vit::PlanMaxOp op, mlir::ValueRange args);
void emitSoftmax(LeafBuilder &b, vit::PlanSoftmaxOp op, mlir::ValueRange args);
void emitAttentionWeights(LeafBuilder &b, vit::PlanAttentionWeightsOp op, mlir::ValueRange args);
void emitRollout(LeafBuilder &b, vit::PlanRolloutOp op, mlir::ValueRange args);

/// Bounds [lo, hi) of part `chunk` when `total` items are divided into `parts` as evenly as possible.
std::pair<mlir::Value, mlir::Value> evenPart(LeafBuilder &b, mlir::Value chunk, int64_t total, int64_t parts);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_EMITTER_H
