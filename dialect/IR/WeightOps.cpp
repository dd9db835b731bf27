//===- WeightOps.cpp - verifiers of weights ---------------------------------------------------------===//
#include "dialect/IR/VitOps.h"

using namespace mlir;
using namespace vit;

Type vit::elementTypeOfChain(MLIRContext *context, ArrayRef<Attribute> steps) {
  while (!steps.empty() && isa<PackPanelsStepAttr>(steps.back()))
    steps = steps.drop_back();
  if (!steps.empty() && isa<QuantizeRowsStepAttr>(steps.back()))
    return IntegerType::get(context, 8);
  if (auto round = steps.empty() ? RoundStepAttr() : dyn_cast<RoundStepAttr>(steps.back()))
    return round.getType();
  return Float32Type::get(context);
}

LogicalResult WeightOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  ArrayRef<Attribute> steps = getChain() ? getChain()->getValue() : ArrayRef<Attribute>();
  Type element = elementTypeOfChain(getContext(), steps);
  if (!type || !isSupportedShape(type.getShape()) || type.getElementType() != element || type.getRank() < 1 ||
      type.getRank() > 4)
    return emitOpError() << "expected a tensor of "
                         << (element.isInteger(8) ? "i8"
                             : element.isBF16()   ? "bf16"
                                                  : "f32")
                         << " with 1 to 4 static, positive dimensions, got " << getType() << " (weight_c1)";
  if (auto chain = getChain())
    for (auto [i, attr] : llvm::enumerate(chain->getValue())) {
      auto step = dyn_cast<WeightTransformInterface>(attr);
      if (!step)
        return emitOpError() << "expected a weight transform, got " << attr << " (weight_c2)";
      if (step.isSource() != (i == 0))
        return emitOpError() << "expected "
                             << (i == 0 ? "a source as first step" : "no source after the first step")
                             << ", got " << attr << " (weight_c2)";
    }
  if (getChain() && getChain()->empty())
    return emitOpError() << "expected at least one step in a chain (weight_c2)";
  if (auto offset = getOffset(); offset && (static_cast<int64_t>(*offset) < 0 || *offset % 64 != 0))
    return emitOpError() << "expected an offset that is a multiple of 64 and not negative, got "
                         << static_cast<int64_t>(*offset) << " (weight_c5)";
  return success();
}

static constexpr size_t kMaxDepth = 256; // of weights that derive from weights: real ones are 5 deep

/// Walks the weights that `op` derives from, depth first; fails at a missing one or when a cycle closes.
static LogicalResult checkSources(WeightOp root, WeightOp op, SymbolTableCollection &symbols,
                                  SmallVectorImpl<WeightOp> &path, llvm::SmallPtrSetImpl<Operation *> &done) {
  if (llvm::is_contained(path, op))
    return root.emitOpError() << "expected a chain without cycles, got one through @" << op.getSymName()
                              << " (weight_c3)";
  if (path.size() == kMaxDepth)
    return root.emitOpError() << "expected a chain of at most " << kMaxDepth << " weights (weight_c3)";
  if (!op.getChain() || !done.insert(op).second)
    return success();
  path.push_back(op);
  WalkResult result = op.getChainAttr().walk<WalkOrder::PreOrder>([&](FlatSymbolRefAttr ref) {
    auto source = symbols.lookupNearestSymbolFrom<WeightOp>(root, ref);
    if (!source) {
      root.emitOpError() << "expected a weight named " << ref << " (weight_c3)";
      return WalkResult::interrupt();
    }
    return failed(checkSources(root, source, symbols, path, done)) ? WalkResult::interrupt()
                                                                   : WalkResult::advance();
  });
  path.pop_back();
  return failure(result.wasInterrupted());
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getChain())
    return success();
  SmallVector<WeightOp> path;
  llvm::SmallPtrSet<Operation *, 8> done;
  if (failed(checkSources(*this, *this, symbols, path, done)))
    return failure();

  auto lookup = [&](FlatSymbolRefAttr ref) -> FailureOr<SmallVector<int64_t>> {
    auto source = symbols.lookupNearestSymbolFrom<WeightOp>(*this, ref);
    return llvm::to_vector(source.getTensorType().getShape());
  };
  auto emit = [&]() -> InFlightDiagnostic { return emitOpError(); };
  SmallVector<int64_t> shape;
  for (Attribute attr : getChainAttr()) {
    auto next = cast<WeightTransformInterface>(attr).inferShape(shape, lookup, emit);
    if (failed(next))
      return failure();
    shape = std::move(*next);
  }
  if (ArrayRef<int64_t>(shape) != getTensorType().getShape()) {
    auto diag = emitOpError() << "expected the chain to give " << getType() << ", got [";
    llvm::interleaveComma(shape, diag);
    return diag << "] (weight_c4)";
  }
  return success();
}

LogicalResult ParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight || weight.getType() != getResult().getType()) {
    auto diag = emitOpError() << "expected a weight " << getWeightAttr() << " of type "
                              << getResult().getType() << " (param_c1)";
    if (weight)
      diag.attachNote(weight.getLoc()) << "the weight is declared here";
    return diag;
  }
  return success();
}
