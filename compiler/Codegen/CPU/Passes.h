//===- Passes.h - CPU code generation passes --------------------------------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_PASSES_H
#define COMPILER_CODEGEN_CPU_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace vitc {

#define GEN_PASS_DECL
#include "compiler/Codegen/CPU/Passes.h.inc"

/// Lowers what vit-emit-cpu leaves behind to the LLVM dialect. Schedules stay.
void buildLowerToLlvmPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "compiler/Codegen/CPU/Passes.h.inc"

/// Registers vit-emit-cpu and the pipeline `vit-lower-to-llvm`.
void registerCpuPasses();

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_PASSES_H
