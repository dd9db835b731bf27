#include "compiler/Pipeline/Registration.h"
#include "compiler/Codegen/CPU/Passes.h"
#include "compiler/Plan/Passes.h"
#include "dialect/IR/VitOps.h"
#include "dialect/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void vitc::registerDialects(DialectRegistry &registry) {
  registry.insert<vit::VitDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                  LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  vector::VectorDialect>();
}

void vitc::registerPasses() {
  registerCanonicalizerPass();
  registerCSEPass();
  registerSymbolDCEPass();
  vit::registerTransforms();
  registerPlanPasses();
  registerCpuPasses();
}
