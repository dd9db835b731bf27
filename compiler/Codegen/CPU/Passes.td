//===- Passes.td - CPU code generation passes -------------------------------------------------------===//

#ifndef COMPILER_CODEGEN_CPU_PASSES_TD
#define COMPILER_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def EmitCpu : Pass<"vit-emit-cpu", "mlir::ModuleOp"> {
  let summary = "planned ops to vector code: one function per region, and a schedule";
  let description = [{
    Replaces each planned function by region functions of scf loops over native-width vectors, with one accumulator
    per register, and a `vit.schedule` of the same name that lists their calls. The module's `vit.isa` attribute is the
    only description of the machine.

    ```mlir
    func.func @forward(%in: memref<196x64xf32, strided<[80, 1]>>, ...) {
      %y = vit.plan.buffer at 0 : memref<196x64xf32, strided<[80, 1]>>
      vit.plan.layer_norm ins(%in : ...) outs(%y : ...) eps 1.0e-6 chunks 4
    ```
    becomes
    ```mlir
    func.func @region_0(%x: memref<...>, %y: memref<...>, %chunk: index) { scf.for ... }
    vit.schedule @forward attributes {...} {
      vit.step @region_0 "layer_norm" spaces [2, 0] indices [0, 0] offsets [0, 0] chunks 4 flops 0
    }
    ```
  }];
  let options = [Option<"reportStatistics", "statistics", "bool", /*default=*/"false",
                        "Say as a remark what the pass did (see PassStatistics.h)">];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::func::FuncDialect", "mlir::LLVM::LLVMDialect",
                           "mlir::math::MathDialect", "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
                           "mlir::vector::VectorDialect"];
}

#endif // COMPILER_CODEGEN_CPU_PASSES_TD
