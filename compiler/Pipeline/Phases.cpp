//===- Phases.cpp - the passes behind each named phase ----------------------------------------------===//
#include "compiler/Codegen/CPU/Passes.h"
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Pipeline/Registration.h"
#include "compiler/Plan/Passes.h"
#include "compiler/Support/Error.h"
#include "dialect/Transforms/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace vitc;

static constexpr PhaseInfo kPhases[] = {
    {Phase::Import, "import", "the canonical description of the model, vit.json"},
    {Phase::Vit, "vit", "model-level ops, as the checkpoint states them"},
    {Phase::Fused, "fused", "folded and fused ops: what is computed in one go"},
    {Phase::Planned, "planned", "parallel regions on buffers, packed weights, arena offsets"},
    {Phase::Vector, "vector", "one function per region, as loops over vectors"},
    {Phase::Llvm, "llvm", "the LLVM dialect"},
};

llvm::ArrayRef<PhaseInfo> vitc::allPhases() { return kPhases; }

std::unique_ptr<MLIRContext> vitc::makeContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

/// The phase that a module is at, by what its functions work on.
static Phase phaseOf(ModuleOp module) {
  if (!module.getOps<vit::ScheduleOp>().empty())
    return Phase::Vector;
  for (auto function : module.getOps<func::FuncOp>())
    if (llvm::any_of(function.getArgumentTypes(), llvm::IsaPred<MemRefType>))
      return Phase::Planned;
  return Phase::Vit;
}

llvm::Error vitc::lowerTo(ModuleOp module, Phase phase, const Isa &isa, const CompileOptions &options) {
  PassManager pm(module.getContext());
  pm.enableVerifier(options.verifyEachPass);
  Phase current = phaseOf(module);
  if (phase >= Phase::Fused && current < Phase::Fused) {
    // Every precision takes every fold: docs/Rationale.md has the measurement.
    vit::buildFusePipeline(pm);
    if (options.precision != Precision::F32) {
      vit::LowerPrecisionOptions lower;
      lower.precision = options.precision == Precision::Int8 ? vit::DotKind::Int8 : vit::DotKind::Bf16;
      for (const vit::LayerArithmetic &layer : options.layers)
        lower.layers.push_back(vit::printLayerArithmetic(layer));
      pm.addPass(vit::createLowerPrecision(lower));
    }
  }
  if (phase >= Phase::Planned && current < Phase::Planned) {
    module->setAttr("vit.isa", vit::IsaAttr::get(module.getContext(), isa.name, isa.lanes, isa.tile, kPanel,
                                                 isa.fma, isa.bf16, isa.bf16Tile, isa.int8, isa.int8Tile));
    pm.addPass(createPlanBuffers());
    pm.addPass(createSymbolDCEPass());
    pm.addPass(createPlanMemory());
  }
  if (phase >= Phase::Vector && current < Phase::Vector)
    pm.addPass(createEmitCpu());
  if (phase >= Phase::Llvm)
    buildLowerToLlvmPipeline(pm);

  std::string messages;
  ScopedDiagnosticHandler capture(module.getContext(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return success(); // remarks of refused fusions are for vit-opt
    messages += (messages.empty() ? "" : "\n") + diagnostic.str();
    return success();
  });
  if (failed(pm.run(module)) || (options.verifyEachPass && failed(verify(module))))
    return makeError(ExitCode::Internal, "lowering to phase '{}' failed: {}",
                     kPhases[static_cast<int>(phase)].name.str(), messages);
  return llvm::Error::success();
}
