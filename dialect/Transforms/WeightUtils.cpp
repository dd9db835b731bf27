//===- WeightUtils.cpp - deriving weights ------------------------------------------------------------===//
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

WeightChain &WeightChain::then(Attribute step, StringRef suffix) {
  if (isa<ReshapeStepAttr>(step) && !steps.empty() && isa<ReshapeStepAttr>(steps.back()))
    steps.back() = step;
  else
    steps.push_back(step);
  name += "." + suffix.str();
  return *this;
}

FlatSymbolRefAttr vit::weightOf(Value value) {
  auto param = value ? value.getDefiningOp<ParamOp>() : ParamOp();
  return param ? param.getWeightAttr() : FlatSymbolRefAttr();
}

WeightBuilder::WeightBuilder(ModuleOp module) : module(module), symbols(module) {
  for (auto weight : module.getOps<WeightOp>()) {
    last = weight;
    if (weight.getChain())
      byChain.try_emplace(weight.getChainAttr(), FlatSymbolRefAttr::get(weight.getSymNameAttr()));
  }
}

WeightOp WeightBuilder::lookup(FlatSymbolRefAttr symbol) {
  return symbols.lookup<WeightOp>(symbol.getAttr());
}

WeightChain WeightBuilder::chain(FlatSymbolRefAttr symbol) {
  WeightChain chain{symbol.getValue().str(), {}};
  if (auto steps = lookup(symbol).getChain())
    llvm::append_range(chain.steps, *steps);
  else
    chain.steps.push_back(RefStepAttr::get(module.getContext(), symbol));
  return chain;
}

WeightChain WeightBuilder::chain(Value param) { return chain(weightOf(param)); }

/// The name of the checkpoint tensor that a chain starts from, else the chain's own.
static StringRef baseName(const WeightChain &chain) {
  auto ref = dyn_cast<RefStepAttr>(chain.steps.front());
  return ref ? ref.getWeight().getValue() : StringRef(chain.name);
}

WeightChain WeightBuilder::biasChain(Value bias, Value weight) {
  if (bias)
    return chain(bias);
  int64_t outputs = cast<RankedTensorType>(weight.getType()).getShape().front();
  return {biasName(baseName(chain(weight))), {ZerosStepAttr::get(module.getContext(), {outputs})}};
}

WeightChain WeightBuilder::append(ArrayRef<WeightChain> chains) {
  SmallVector<StringRef> names;
  WeightChain joined = chains.front();
  names.push_back(baseName(joined));
  for (const WeightChain &next : chains.drop_front()) {
    names.push_back(baseName(next));
    joined.steps.push_back(AppendStepAttr::get(module.getContext(), build(next)));
  }
  joined.name = joinNames(names);
  return joined;
}

RankedTensorType WeightBuilder::normalize(SmallVectorImpl<Attribute> &steps, StringRef name) {
  auto lookupShape = [&](FlatSymbolRefAttr ref) -> FailureOr<SmallVector<int64_t>> {
    return llvm::to_vector(lookup(ref).getTensorType().getShape());
  };
  // Passes only ask for chains that fit; a misfit is a bug of theirs, reported where the module is.
  auto emit = [&] { return emitError(module.getLoc()) << "weight '" << name << "': "; };
  SmallVector<int64_t> shape;
  SmallVector<Attribute> kept;
  for (Attribute step : steps) {
    auto next = cast<WeightTransformInterface>(step).inferShape(shape, lookupShape, emit);
    if (failed(next))
      llvm::report_fatal_error("a pass derived an ill-formed weight");
    if (!isa<ReshapeStepAttr>(step) || shape != *next)
      kept.push_back(step);
    shape = std::move(*next);
  }
  steps = std::move(kept);
  return RankedTensorType::get(shape, elementTypeOfChain(module.getContext(), steps));
}

FlatSymbolRefAttr WeightBuilder::build(const WeightChain &chain) {
  SmallVector<Attribute> kept = chain.steps;
  RankedTensorType type = normalize(kept, chain.name);
  if (auto ref = dyn_cast<RefStepAttr>(kept.front()); ref && kept.size() == 1)
    return ref.getWeight();
  auto steps = ArrayAttr::get(module.getContext(), kept);
  FlatSymbolRefAttr &symbol = byChain[steps];
  if (symbol)
    return symbol;

  // A bias of nothing but zeros would look like a tensor of the checkpoint by its name.
  std::string base = chain.name + (isa<ZerosStepAttr>(kept.back()) ? ".zeros" : ""), name = base;
  for (unsigned suffix = 1; symbols.lookup(name); ++suffix)
    name = base + "_" + std::to_string(suffix);
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  if (last)
    builder.setInsertionPointAfter(last);
  auto weight = WeightOp::create(builder, module.getLoc(), name, type, steps, IntegerAttr());
  symbols.insert(weight);
  last = weight;
  return symbol = FlatSymbolRefAttr::get(weight.getSymNameAttr());
}

Value WeightBuilder::param(OpBuilder &builder, Location loc, const WeightChain &chain) {
  FlatSymbolRefAttr symbol = build(chain);
  return ParamOp::create(builder, loc, lookup(symbol).getTensorType(), symbol);
}

std::string vit::biasName(StringRef weightName) {
  if (weightName.consume_back(".weight"))
    return (weightName + ".bias").str();
  if (weightName.consume_back(".w"))
    return (weightName + ".b").str();
  return (weightName + ".bias").str();
}

std::string vit::joinNames(ArrayRef<StringRef> names) {
  SmallVector<SmallVector<StringRef>> parts;
  for (StringRef name : names)
    name.split(parts.emplace_back(), '.');
  size_t count = parts.front().size(), differing = 0, where = 0;
  bool comparable = llvm::all_of(parts, [&](auto &p) { return p.size() == count; });
  for (size_t i = 0; comparable && i < count; ++i)
    if (!llvm::all_of(parts, [&](auto &p) { return p[i] == parts.front()[i]; })) {
      ++differing;
      where = i;
    }
  if (!comparable || differing != 1)
    return llvm::join(names, "_");

  auto middle = llvm::map_to_vector(parts, [&](auto &p) { return p[where]; });
  bool letters = llvm::all_of(middle, [](StringRef part) { return part.size() == 1; });
  std::string word = llvm::join(middle, letters ? "" : "_");
  parts.front()[where] = word;
  return llvm::join(parts.front(), ".");
}
