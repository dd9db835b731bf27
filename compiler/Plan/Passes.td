//===- Passes.td - planning passes ------------------------------------------------------------------===//

#ifndef COMPILER_PLAN_PASSES_TD
#define COMPILER_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanBuffers : Pass<"vit-plan-buffers", "mlir::ModuleOp"> {
  let summary = "fused ops on tensors to planned ops on buffers";
  let description = [{
    Turns every function into one on buffers: activations become `vit.plan.buffer` with padded rows, weights become
    `vit.plan.weights` of packed weights (a chain that ends in `pack_panels` or `pad`), and each fused op becomes one
    parallel region with its tile and grid, chosen by compiler/Plan/Strategy.h for the module's `vit.isa`. Operands of a
    concatenation are computed in their place.

    ```mlir
    %y = vit.fused_linear %x, %w bias %b : (tensor<197x768xf32>, ...) -> tensor<197x3072xf32>
    ```
    becomes
    ```mlir
    %w = vit.plan.weights @fc1.w.panels : memref<96x768x32xf32>
    %b = vit.plan.weights @fc1.b.pad : memref<3072xf32>
    %y = vit.plan.buffer : memref<197x3072xf32, strided<[3088, 1]>>
    vit.plan.gemm ins(%x, %w : ...) bias(%b : ...) outs(%y : ...) tile [13, 2] grid [1, 96, 4] flops 929562624
    ```
  }];
  let options = [Option<"reportStatistics", "statistics", "bool", /*default=*/"false",
                        "Say as a remark what the pass did (see PassStatistics.h)">];
  let dependentDialects = ["mlir::func::FuncDialect", "mlir::memref::MemRefDialect", "vit::VitDialect"];
}

def PlanMemory : Pass<"vit-plan-memory", "mlir::ModuleOp"> {
  let summary = "offsets for buffers in the arena and for weights in the blob";
  let description = [{
    Buffers whose lives do not overlap share memory: largest first, each at the lowest offset that is free for its
    whole life. A product whose residual dies with it writes in place. Views become buffers at their row's offset.
    Weights get consecutive offsets in order of first use. The function's `vit.arena_bytes` is the arena's size.

    ```mlir
    %x = vit.plan.buffer : memref<197x768xf32, strided<[784, 1]>>
    ```
    becomes
    ```mlir
    %x = vit.plan.buffer at 617792 : memref<197x768xf32, strided<[784, 1]>>
    ```
  }];
  let options = [Option<"reportStatistics", "statistics", "bool", /*default=*/"false",
                        "Say as a remark what the pass did (see PassStatistics.h)">];
  let dependentDialects = ["vit::VitDialect"];
}

#endif // COMPILER_PLAN_PASSES_TD
