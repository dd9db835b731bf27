//===- EmitCpu.cpp - from a planned function to regions and a schedule ------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/Passes.h"
#include "dialect/Transforms/PassStatistics.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/include/vitc/abi.h"

namespace vitc {
#define GEN_PASS_DEF_EMITCPU
#include "compiler/Codegen/CPU/Passes.h.inc"
} // namespace vitc

using namespace mlir;
using namespace vitc;

namespace {

/// Address of an operand as the runtime's tables state it.
struct Address {
  int64_t space, index, offset;
};

FailureOr<Address> addressOf(Value buffer, SymbolTable &symbols) {
  if (auto argument = dyn_cast<BlockArgument>(buffer)) {
    if (argument.getArgNumber() == 0)
      return Address{VITC_SPACE_INPUT, 0, 0};
    return Address{VITC_SPACE_OUTPUT, argument.getArgNumber() - 1, 0};
  }
  Operation *op = buffer.getDefiningOp();
  if (auto arena = dyn_cast<vit::PlanBufferOp>(op)) {
    if (auto offset = arena.getOffset())
      return Address{VITC_SPACE_ARENA, 0, static_cast<int64_t>(*offset)};
    return op->emitOpError("expected an offset: run vit-plan-memory first");
  }
  if (auto weights = dyn_cast<vit::PlanWeightsOp>(op)) {
    auto weight = symbols.lookup<vit::WeightOp>(weights.getWeight());
    if (weight && weight.getOffset())
      return Address{VITC_SPACE_WEIGHTS, 0, static_cast<int64_t>(*weight.getOffset())};
    return op->emitOpError("expected weight '")
           << weights.getWeight() << "' to have an offset: run vit-plan-memory first";
  }
  // Rows of weights, as where the head reads a token of the prefix. Rows of the arena are buffers by now.
  if (auto view = dyn_cast<vit::PlanViewOp>(op)) {
    auto source = addressOf(view.getSource(), symbols);
    if (failed(source))
      return failure();
    auto type = cast<MemRefType>(view.getSource().getType());
    SmallVector<int64_t> strides;
    int64_t origin = 0;
    if (failed(type.getStridesAndOffset(strides, origin)))
      return failure();
    int64_t first = static_cast<int64_t>(view.getFirst()), stride = strides[type.getRank() - 2];
    int64_t elementBytes = type.getElementTypeBitWidth() / 8;
    return Address{source->space, source->index, source->offset + first * stride * elementBytes};
  }
  return op->emitOpError("is no planned buffer");
}

/// The name of the op's region; numbered where no product gives it a scope.
std::string stepName(vit::PlannedOpInterface op, int64_t number) {
  std::string name = vit::regionName(op, /*weights=*/true);
  return name == vit::regionKind(op) ? name + "." + std::to_string(number) : name;
}

struct EmitCpuPass : vitc::impl::EmitCpuBase<EmitCpuPass> {
  using EmitCpuBase::EmitCpuBase;

  LogicalResult emitFunction(Emitter &emitter, func::FuncOp function, SymbolTable &symbols);
  void runOnOperation() override;
};

LogicalResult EmitCpuPass::emitFunction(Emitter &emitter, func::FuncOp function, SymbolTable &symbols) {
  OpBuilder b(function);
  auto arena = function->getAttrOfType<IntegerAttr>("vit.arena_bytes");
  if (!arena)
    return function.emitOpError("expected attribute 'vit.arena_bytes': run vit-plan-memory first");
  auto input = cast<MemRefType>(function.getArgumentTypes().front());
  int64_t inputBytes = input.getNumElements() * input.getElementTypeBitWidth() / 8;
  int64_t scratch = 0;
  function.walk([&](vit::PlannedOpInterface op) { scratch = std::max(scratch, op.getScratchBytes()); });
  scratch = (scratch + 63) / 64 * 64;

  std::string name = function.getName().str();
  auto schedule =
      vit::ScheduleOp::create(b, function.getLoc(), name + ".schedule", arena.getInt(), scratch, inputBytes);
  OpBuilder steps = OpBuilder::atBlockEnd(&schedule.getBody().emplaceBlock());
  int64_t number = 0;
  for (Operation &inner : function.getBody().front()) {
    auto op = dyn_cast<vit::PlannedOpInterface>(inner);
    if (!op) {
      if (!isa<vit::PlanBufferOp, vit::PlanWeightsOp, vit::PlanViewOp, func::ReturnOp>(inner))
        return inner.emitOpError("is not a planned op");
      continue;
    }
    SmallVector<int64_t> spaces, indices, offsets;
    auto push = [&](Address address) {
      spaces.push_back(address.space);
      indices.push_back(address.index);
      offsets.push_back(address.offset);
    };
    for (Value operand : inner.getOperands()) {
      auto address = addressOf(operand, symbols);
      if (failed(address))
        return failure();
      push(*address);
    }
    if (op.getScratchBytes())
      push({VITC_SPACE_SCRATCH, 0, 0});
    auto region = emitter.regionFor(op);
    if (failed(region))
      return failure();
    vit::MovedBytes moved = op.getMovedBytes();
    std::optional<vit::DotKind> kind = op.getDotKind();
    vit::DotKindAttr dot = kind ? vit::DotKindAttr::get(b.getContext(), *kind) : vit::DotKindAttr();
    FlatSymbolRefAttr fineCallee;
    int64_t fineChunks = 0, fineParts = 1;
    if (Operation *clone = op.cloneFine()) {
      auto fine = cast<vit::PlannedOpInterface>(clone);
      auto fineRegion = emitter.regionFor(fine);
      fineChunks = fine.getChunks();
      fineParts = fine.getParts();
      clone->destroy();
      if (failed(fineRegion))
        return failure();
      fineCallee = FlatSymbolRefAttr::get(fineRegion->getNameAttr());
    }
    vit::StepOp::create(steps, inner.getLoc(), FlatSymbolRefAttr::get(region->getNameAttr()),
                        steps.getStringAttr(stepName(op, number++)), steps.getDenseI64ArrayAttr(spaces),
                        steps.getDenseI64ArrayAttr(indices), steps.getDenseI64ArrayAttr(offsets),
                        steps.getI64IntegerAttr(op.getChunks()), steps.getI64IntegerAttr(op.getParts()),
                        op.getImagesInner() ? steps.getUnitAttr() : UnitAttr(),
                        steps.getI64IntegerAttr(op.getFlops()), steps.getStringAttr(vit::regionKind(op)), dot,
                        isa<vit::PlanGemmOp>(inner) ? steps.getUnitAttr() : UnitAttr(),
                        steps.getI64IntegerAttr(moved.activations), steps.getI64IntegerAttr(moved.weights),
                        fineCallee, steps.getI64IntegerAttr(fineChunks), steps.getI64IntegerAttr(fineParts));
  }
  function.erase();
  schedule.setSymName(name);
  return success();
}

void EmitCpuPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto isa = module->getAttrOfType<vit::IsaAttr>("vit.isa");
  if (!isa) {
    module.emitOpError("expected attribute 'vit.isa' that describes the target");
    return signalPassFailure();
  }
  SymbolTable symbols(module);
  Emitter emitter(module, isa);
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
    if (failed(emitFunction(emitter, function, symbols)))
      return signalPassFailure();
  vit::reportStatistic(*this, module, reportStatistics, "regions", emitter.regionCount());
  vit::reportStatistic(*this, module, reportStatistics, "kernels", emitter.kernelCount());
}

} // namespace
