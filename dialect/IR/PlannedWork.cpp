//===- PlannedWork.cpp - what planned ops multiply with and move ------------------------------------===//
#include "dialect/IR/VitOps.h"

using namespace mlir;
using namespace vit;

llvm::StringRef vit::regionKind(PlannedOpInterface op) {
  StringRef name = op->getName().stripDialect();
  name.consume_front("plan.");
  return name;
}

/// The weight that a product reads, else "".
static StringRef weightName(Operation &op) {
  if (auto gemm = dyn_cast<PlanGemmOp>(op))
    if (auto weights = gemm.getWeights().getDefiningOp<PlanWeightsOp>())
      return weights.getWeight();
  return "";
}

std::string vit::regionName(PlannedOpInterface op, bool weights) {
  auto layerOf = [](StringRef weight) { return weight.split(".w.").first; };
  if (StringRef weight = weightName(*op); !weight.empty())
    return (weights ? weight : layerOf(weight)).str();
  StringRef product;
  for (Operation *other = op; other && product.empty(); other = other->getNextNode())
    product = weightName(*other);
  for (Operation *other = op; other && product.empty(); other = other->getPrevNode())
    product = weightName(*other);
  auto [scope, layer] = layerOf(product).rsplit('.');
  return layer.empty() ? regionKind(op).str() : (scope + "." + regionKind(op)).str();
}

static int64_t denseBytes(MemRefType type) {
  return type.getNumElements() * static_cast<int64_t>(type.getElementTypeBitWidth()) / 8;
}

/// True if `buffer` is part of the weight blob.
static bool isWeights(Value buffer) {
  while (auto view = buffer.getDefiningOp<PlanViewOp>())
    buffer = view.getSource();
  return buffer.getDefiningOp<PlanWeightsOp>() != nullptr;
}

SmallVector<Value> vit::writtenBuffers(Operation *op) {
  SmallVector<MemoryEffects::EffectInstance> effects;
  cast<MemoryEffectOpInterface>(op).getEffects(effects);
  SmallVector<Value> written;
  for (const MemoryEffects::EffectInstance &effect : effects)
    if (isa<MemoryEffects::Write>(effect.getEffect()))
      written.push_back(effect.getValue());
  return written;
}

MovedBytes vit::movedBytes(Operation *op) {
  MovedBytes moved;
  for (Value operand : op->getOperands())
    (isWeights(operand) ? moved.weights : moved.activations) +=
        denseBytes(cast<MemRefType>(operand.getType()));
  return moved;
}

/// Instructions multiply what both operands are stored as: narrow weights beside f32 rows are widened.
static std::optional<DotKind> dotOf(Value rows) {
  Type element = cast<MemRefType>(rows.getType()).getElementType();
  return element.isInteger() ? std::optional(DotKind::Int8)
         : element.isBF16()  ? std::optional(DotKind::Bf16)
                             : std::nullopt;
}

std::optional<DotKind> PlanGemmOp::getDotKind() { return dotOf(getA()); }

std::optional<DotKind> PlanAttentionOp::getDotKind() { return dotOf(getKey()); }

/// The operands may be planes of one buffer.
MovedBytes PlanAttentionOp::getMovedBytes() {
  MovedBytes moved{denseBytes(getOutput().getType()), 0};
  for (MemRefType planes : {getQuery().getType(), getKey().getType(), getValue().getType()})
    moved.activations += denseBytes(planes) / planes.getDimSize(0) * static_cast<int64_t>(getHeads());
  return moved;
}

/// A copy of `op` whose grid is `grid`.
template <typename Op> static Operation *withGrid(Op op, ArrayRef<int64_t> grid) {
  auto copy = cast<Op>(op->clone());
  copy.setGrid(grid);
  copy.removeFineAttr();
  return copy;
}

Operation *PlanGemmOp::cloneFine() {
  if (!getFine())
    return nullptr;
  return withGrid(*this, {getGrid()[0], getGrid()[1], static_cast<int64_t>(*getFine())});
}

Operation *PlanAttentionOp::cloneFine() {
  if (!getFine())
    return nullptr;
  return withGrid(*this, {static_cast<int64_t>(*getFine()), getGrid()[1]});
}
