#include "compiler/Codegen/CPU/Emitter.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace vitc;

/// Text that is equal for ops whose code is equal: name, types and attributes, but not which buffers.
static std::string regionKey(Operation *op) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << op->getName() << op->getAttrDictionary();
  for (Type type : op->getOperandTypes())
    os << ',' << type;
  // A residual that is the output itself is another function argument all the same: no difference in code.
  return key;
}

func::FuncOp Emitter::kernel(StringRef name, TypeRange arguments,
                             llvm::function_ref<void(LeafBuilder &, ValueRange)> body) {
  func::FuncOp &entry = kernels[name];
  if (entry)
    return entry;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  entry = func::FuncOp::create(builder, loc, name, builder.getFunctionType(arguments, {}));
  entry.setPrivate();
  // A call costs nothing beside a tile, and one copy per tile keeps the code small and the register
  // allocation clean.
  entry->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  Block *block = entry.addEntryBlock();
  builder.setInsertionPointToStart(block);
  LeafBuilder leaf(builder, loc, isa);
  func::FuncOp result = entry; // `entry` dangles once `body` adds kernels
  body(leaf, block->getArguments());
  func::ReturnOp::create(builder, loc);
  return result;
}

/// Whether the machine multiplies what `op` does, and rounds to what it stores. Only plans written by hand do
/// not fit their machine.
static LogicalResult checkInstructions(vit::PlannedOpInterface op, vit::IsaAttr isa) {
  auto elementOf = [](Value buffer) { return cast<MemRefType>(buffer.getType()).getElementType(); };
  bool product = ::mlir::isa<vit::PlanGemmOp, vit::PlanAttentionOp>(*op);
  Type element = product ? elementOf(op->getOperand(0)) : Type();
  bool madd = isa.getInt8() == vit::Int8Unit::Madd;
  if (product &&
      ((element.isBF16() && !isa.multipliesBf16()) ||
       (element.isInteger(8) && (madd || !isa.multipliesInt8())) || (element.isInteger(16) && !madd)))
    return op->emitOpError() << "needs products of " << element << ", which '" << isa.getName()
                             << "' does not have";
  if (op->hasAttr("matrix_unit") && !isa.hasTilesFor(element))
    return op->emitOpError() << "needs a matrix unit for " << element << ", which '" << isa.getName()
                             << "' does not have";
  for (Value output : op.getOutputBuffers())
    if (elementOf(output).isBF16() && !isa.multipliesBf16())
      return op->emitOpError() << "needs rounding to bf16, which '" << isa.getName() << "' does not have";
  return success();
}

FailureOr<func::FuncOp> Emitter::regionFor(vit::PlannedOpInterface op) {
  std::string key = regionKey(op);
  auto found = regions.find(key);
  if (found != regions.end())
    return found->second;

  if (failed(checkInstructions(op, isa)))
    return failure();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  SmallVector<Type> types(op->getOperandTypes());
  if (int64_t scratch = op.getScratchBytes())
    types.push_back(MemRefType::get({scratch / 4}, builder.getF32Type()));
  types.push_back(builder.getIndexType());
  std::string name = "region_" + std::to_string(regions.size());
  auto function = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  LeafBuilder b(builder, loc, isa);
  ValueRange args = block->getArguments();
  bool known =
      llvm::TypeSwitch<Operation *, bool>(op)
          .Case([&](vit::PlanGemmOp gemm) { return emitGemm(*this, b, gemm, args), true; })
          .Case(
              [&](vit::PlanAttentionOp attention) { return emitAttention(*this, b, attention, args), true; })
          .Case([&](vit::PlanLayerNormOp norm) { return emitLayerNorm(b, norm, args), true; })
          .Case([&](vit::PlanRopeOp rope) { return emitRope(b, rope, args), true; })
          .Case([&](vit::PlanGatherOp gather) { return emitGather(b, gather, args), true; })
          .Case([&](vit::PlanCopyOp copy) { return emitCopy(b, copy, args), true; })
          .Case([&](vit::PlanQuantizeOp quantize) { return emitQuantize(b, quantize, args), true; })
          .Case([&](vit::PlanMapOp map) { return emitMap(b, map, args), true; })
          .Case([&](vit::PlanJoinOp join) { return emitJoin(b, join, args), true; })
          .Case([&](vit::PlanMeanOp mean) { return emitMean(b, mean, args), true; })
          .Case([&](vit::PlanMaxOp max) { return emitMax(b, max, args), true; })
          .Case([&](vit::PlanSoftmaxOp softmax) { return emitSoftmax(b, softmax, args), true; })
          .Case([&](vit::PlanAttentionWeightsOp maps) { return emitAttentionWeights(b, maps, args), true; })
          .Case([&](vit::PlanRolloutOp rollout) { return emitRollout(b, rollout, args), true; })
          .Default([](Operation *) { return false; });
  if (!known)
    return op->emitOpError("has no CPU emitter");
  func::ReturnOp::create(builder, loc);
  regions[key] = function;
  return function;
}

std::pair<Value, Value> vitc::evenPart(LeafBuilder &b, Value chunk, int64_t total, int64_t parts) {
  if (parts == 1)
    return {b.index(0), b.index(total)};
  if (parts == total)
    return {chunk, b.add(chunk, 1)};
  return {b.div(b.mul(chunk, total), parts), b.div(b.mul(b.add(chunk, 1), total), parts)};
}
