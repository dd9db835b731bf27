#include "dialect/Interp/WeightEvaluator.h"
#include "dialect/Interp/WeightSources.h"

using namespace mlir;
using namespace vit;

WeightEvaluator::WeightEvaluator(ModuleOp module, TensorLookup lookup)
    : module(module), lookup(std::move(lookup)) {
  for (WeightOp weight : module.getOps<WeightOp>())
    weights[weight.getSymName()] = weight;
}

FailureOr<SourcePtr> WeightEvaluator::get(FlatSymbolRefAttr name) {
  std::lock_guard lock(mutex);
  SourcePtr source = evaluate(name.getValue());
  if (!source)
    return failure();
  return source;
}

SourcePtr WeightEvaluator::evaluate(StringRef name) {
  if (auto it = sources.find(name); it != sources.end())
    return it->second;
  WeightOp weight = weights.lookup(name);
  if (!weight) {
    module.emitError() << "expected a weight named @" << name;
    return nullptr;
  }
  if (!active.insert(name).second) {
    weight.emitOpError() << "expected a chain without cycles";
    return nullptr;
  }
  SourcePtr source = evaluate(weight);
  active.erase(name);
  if (source)
    sources[name] = source;
  return source;
}

/// A shape as in a type: 768x3x16x16.
static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text.empty() ? "scalar" : text;
}

SourcePtr WeightEvaluator::evaluate(WeightOp weight) {
  SourcePtr source;
  if (!weight.getChain()) {
    source = lookup(weight.getSymName());
    if (!source) {
      weight.emitOpError() << "expected a tensor '" << weight.getSymName() << "' in the checkpoint, got none";
      return nullptr;
    }
  } else {
    for (Attribute step : weight.getChainAttr()) {
      source = applyWeightStep(cast<WeightTransformInterface>(step), source,
                               [&](FlatSymbolRefAttr other) { return evaluate(other.getValue()); });
      if (!source)
        return nullptr;
    }
  }
  ArrayRef<int64_t> expected = weight.getTensorType().getShape();
  if (source->shape() != expected) {
    weight.emitOpError() << "expected a tensor '" << weight.getSymName() << "' of shape "
                         << shapeText(expected) << ", got " << shapeText(source->shape());
    return nullptr;
  }
  return source;
}
