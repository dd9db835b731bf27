#include "compiler/Pipeline/ModelSteps.h"
#include "compiler/Pipeline/ForwardBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace vitc;

static constexpr const char *kNames[] = {"decode", "resize", "crop",   "normalise", "embedding",
                                         "block",  "norm",   "pooled", "logits"};

std::string vitc::stepText(const ModelStep &step) {
  std::string name = kNames[step.kind];
  return step.kind == ModelStep::Block ? name + "." + std::to_string(step.block) : name;
}

std::optional<ModelStep> vitc::parseStep(StringRef text) {
  ModelStep step;
  // Numbers are spelled in one way, so that no two texts name one step.
  if (text.consume_front("block.")) {
    if (text.size() > 9 || text.getAsInteger(10, step.block) || step.block < 0 ||
        std::to_string(step.block) != text)
      return std::nullopt;
    step.kind = ModelStep::Block;
    return step;
  }
  const auto *name = llvm::find(kNames, text);
  if (name == std::end(kNames) || text == kNames[ModelStep::Block])
    return std::nullopt;
  step.kind = static_cast<ModelStep::Kind>(name - kNames);
  return step;
}

std::vector<std::string> vitc::stepNames(int64_t depth) {
  std::vector<std::string> names;
  for (int kind = ModelStep::Decode; kind <= ModelStep::Logits; ++kind)
    for (int64_t block = 0; block < (kind == ModelStep::Block ? depth : 1); ++block)
      names.push_back(stepText({static_cast<ModelStep::Kind>(kind), block}));
  return names;
}

std::vector<ModelStep> vitc::modelSteps(const ModelConfig &config) {
  std::vector<ModelStep> steps;
  if (config.preprocess)
    steps = {{ModelStep::Decode}, {ModelStep::Resize}, {ModelStep::Crop}};
  steps.push_back({ModelStep::Normalise});
  steps.push_back({ModelStep::Embedding});
  for (int64_t block = 0; block < config.depth; ++block)
    steps.push_back({ModelStep::Block, block});
  if (config.finalNorm == FinalNorm::AllTokens)
    steps.push_back({ModelStep::Norm});
  if (config.pool.kind != PoolKind::None)
    steps.push_back({ModelStep::Pooled});
  if (config.classes())
    steps.push_back({ModelStep::Logits});
  return steps;
}

static bool headReadsTokens(const ModelConfig &config) {
  return !config.zeroShot && !config.head.layers.empty() && config.head.layers.front().from == kHeadOfTokens;
}

SmallVector<int64_t, 4> vitc::stepShape(const ModelConfig &config, const ModelStep &step) {
  switch (step.kind) {
  case ModelStep::Normalise:
    return {config.channels, config.inputSize.height, config.inputSize.width};
  case ModelStep::Pooled:
    return {1, config.embeddingWidth()};
  case ModelStep::Logits:
    return {headReadsTokens(config) ? config.tokens() : 1, config.classes()};
  default:
    return {config.tokens(), config.width};
  }
}

bool vitc::followsFrom(const ModelConfig &config, const ModelStep &to, const ModelStep &from) {
  if (!(from < to))
    return false;
  bool pooled = config.zeroShot.has_value();
  if (to.kind == ModelStep::Logits && !pooled) {
    for (const HeadLayer &layer : config.head.layers) {
      pooled |= layer.from == "pooled";
      if (layer.from != "pooled" && from.kind == ModelStep::Pooled)
        return false;
    }
  } else {
    pooled = to.kind == ModelStep::Pooled;
  }
  if (!pooled || config.pool.kind != PoolKind::MultiLayer || from.kind == ModelStep::Pooled)
    return true;
  return llvm::all_of(config.pool.layers, [&](int64_t layer) {
    return from <= ModelStep{ModelStep::Block, layer} ||
           (layer == config.depth - 1 && from.kind == ModelStep::Norm);
  });
}

SmallVector<Value> ForwardBuilder::between(Value start, const ModelStep &from, ArrayRef<ModelStep> to) {
  std::vector<std::pair<ModelStep, Value>> known;
  Value x = start;
  if (from.kind == ModelStep::Normalise) {
    x = embed(x);
    known.push_back({{ModelStep::Embedding}, x});
  }
  int64_t first = from.kind < ModelStep::Block ? 0 : from.kind == ModelStep::Block ? from.block + 1 : c.depth;
  hidden.resize(c.depth);
  if (from.kind == ModelStep::Block)
    hidden[from.block] = x;
  ModelStep last = *llvm::max_element(to);
  for (int64_t i = first; i < c.depth && ModelStep{ModelStep::Block, i} <= last; ++i) {
    hidden[i] = x = block(x, i);
    known.push_back({{ModelStep::Block, i}, x});
  }
  if (last.kind >= ModelStep::Norm && from.kind < ModelStep::Norm) {
    if (c.finalNorm == FinalNorm::AllTokens)
      x = norm(x, "final.norm");
    known.push_back({{ModelStep::Norm}, x});
  }
  if (from.kind == ModelStep::Pooled)
    pooledToken = x;
  SmallVector<Value> results;
  for (const ModelStep &step : to) {
    auto found = llvm::find_if(known, [&](const auto &entry) { return entry.first == step; });
    results.push_back(found != known.end()             ? found->second
                      : step.kind == ModelStep::Pooled ? headInput(x, "pooled")
                                                       : logits(x));
  }
  return results;
}

OwningOpRef<ModuleOp> vitc::buildSteps(MLIRContext &context, const ModelConfig &config, const ModelStep &from,
                                       ArrayRef<ModelStep> to) {
  OwningOpRef<ModuleOp> module = declareWeights(context, config);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  Location loc = module->getLoc();
  Type input = RankedTensorType::get(stepShape(config, from), b.getF32Type());
  auto function = func::FuncOp::create(b, loc, "steps", b.getFunctionType({input}, {}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  SmallVector<Value> values =
      ForwardBuilder(*module, b, loc, config).between(entry->getArgument(0), from, to);
  func::ReturnOp::create(b, loc, values);
  function.setFunctionType(b.getFunctionType({input}, llvm::to_vector(ValueRange(values).getTypes())));
  return module;
}
