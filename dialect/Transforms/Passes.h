//===- Passes.h - passes from vit to vit -------------------------------------------------------------===//
//
// From model-level to fused ops. Passes.td describes each pass with an example.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef DIALECT_TRANSFORMS_PASSES_H
#define DIALECT_TRANSFORMS_PASSES_H

#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace vit {

#define GEN_PASS_DECL
#include "dialect/Transforms/Passes.h.inc"

struct FusePipelineOptions : mlir::PassPipelineOptions<FusePipelineOptions> {
  Option<bool> statistics{*this, "statistics", llvm::cl::desc("Let each pass say as a remark what it did"),
                          llvm::cl::init(false)};
  Option<bool> foldNormAffine{*this, "fold-norm-affine", llvm::cl::desc("Run vit-fold-norm-affine"),
                              llvm::cl::init(true)};
};

/// Appends the passes that turn a module of model-level ops into fused ops, in the order that lets each find
/// its pattern. What cannot be fused stays as it is, in model-level ops.
void buildFusePipeline(mlir::OpPassManager &pm, const FusePipelineOptions &options);
void buildFusePipeline(mlir::OpPassManager &pm);

/// Makes the passes and the pipeline `vit-fuse` known to command lines.
void registerTransforms();

} // namespace vit

#endif // DIALECT_TRANSFORMS_PASSES_H
