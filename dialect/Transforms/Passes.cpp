//===- Passes.cpp - the order of the passes, and their registration ----------------------------------===//
#include "dialect/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace vit {
#define GEN_PASS_REGISTRATION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

void vit::buildFusePipeline(OpPassManager &pm, const FusePipelineOptions &options) {
  bool statistics = options.statistics;
  // Dead ops and slices of everything would look like second users to the legality rules below.
  pm.addPass(createCanonicalizerPass());

  // On model-level ops, from the input to the output.
  pm.addPass(createFoldImageNormalization({statistics}));
  pm.addPass(createFoldPositionEmbedding({statistics}));
  // Before anything is fused, so that slices pass through simple ops only; before packing, since it takes the
  // query of the last block apart from its key and value.
  pm.addNestedPass<func::FuncOp>(createDropDeadRows({statistics}));
  pm.addPass(createFoldLayerScale({statistics}));
  if (options.foldNormAffine)
    pm.addPass(createFoldNormAffine({statistics}));
  pm.addPass(createFoldAttentionScale({statistics}));

  // To fused ops.
  pm.addPass(createLowerPatchEmbed({statistics}));
  pm.addPass(createFuseAttention({statistics}));
  pm.addPass(createPackQkv({statistics}));
  pm.addNestedPass<func::FuncOp>(createFuseLinear({statistics}));

  // Slices and weights that became equal or unused.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSymbolDCEPass());
}

void vit::buildFusePipeline(OpPassManager &pm) { buildFusePipeline(pm, FusePipelineOptions()); }

void vit::registerTransforms() {
  registerTransformsPasses();
  PassPipelineRegistration<FusePipelineOptions>(
      "vit-fuse", "From model-level to fused ops: every fold and fusion, in order",
      [](OpPassManager &pm, const FusePipelineOptions &options) { buildFusePipeline(pm, options); });
}
