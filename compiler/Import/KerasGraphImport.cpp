//===- KerasGraphImport.cpp - a ViT in a graph of Keras's layers ------------------------------------===//
#include "compiler/Import/KerasMatcher.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;

KerasNumbers vitc::kerasIntegers(const std::optional<JsonRef> &value) {
  KerasNumbers result;
  if (!value || !value->isArray())
    return result;
  for (const JsonRef &element : llvm::cantFail(value->asArray())) {
    if (!element.isNull() && element.kind() != JsonKind::Integer)
      return {};
    result.push_back(element.isNull() ? -1 : llvm::cantFail(element.asInteger(INT64_MIN, INT64_MAX)));
  }
  return result;
}

int64_t vitc::kerasInteger(const std::optional<JsonRef> &value, int64_t fallback) {
  return value && value->kind() == JsonKind::Integer ? llvm::cantFail(value->asInteger(INT64_MIN, INT64_MAX))
                                                     : fallback;
}

std::string vitc::kerasText(const std::optional<JsonRef> &value, llvm::StringRef fallback) {
  return value && value->isString() ? llvm::cantFail(value->asString()) : fallback.str();
}

bool vitc::kerasFlag(const std::optional<JsonRef> &value, bool fallback) {
  return value && value->isBool() ? llvm::cantFail(value->asBool()) : fallback;
}

bool KerasMatcher::fail(const KerasLayer *layer, const std::string &expected) {
  if (problem.empty())
    problem = fmt::format("layer '{}' ({}): expected {}", quoteForMessage(layer->name),
                          quoteForMessage(layer->op), expected);
  return false;
}

KerasOperand KerasMatcher::skip(KerasOperand at) const {
  constexpr llvm::StringLiteral nothing[] = {"Dropout",  "SpatialDropout1D", "GaussianNoise", "Identity",
                                             "identity", "linear",           "stop_gradient"};
  // Layers cannot follow each other for ever unless they form a cycle.
  for (size_t i = 0; i < graph.layers().size() && at.layer; ++i) {
    if (!llvm::is_contained(nothing, llvm::StringRef(at.layer->op)) || at.layer->operands.size() != 1)
      break;
    at = at.layer->operands[0];
  }
  return at;
}

bool KerasMatcher::same(const KerasOperand &a, const KerasOperand &b) const {
  KerasOperand x = skip(a), y = skip(b);
  return x.layer && x.layer == y.layer && x.output == y.output;
}

bool KerasMatcher::need(const KerasOperand &at, llvm::StringRef op, const KerasLayer *user,
                        llvm::StringRef what) {
  if (at.layer && at.layer->op == op)
    return true;
  return at.layer ? fail(at.layer, what.str()) : fail(user, (what + " in front of it, got numbers").str());
}

const KerasOperand *KerasMatcher::operand(const KerasLayer *layer, size_t index) {
  if (index < layer->operands.size())
    return &layer->operands[index];
  fail(layer, fmt::format("at least {} operands, got {}", index + 1, layer->operands.size()));
  return nullptr;
}

bool KerasMatcher::fixNumber(const KerasLayer *layer, double value, std::optional<double> &known,
                             llvm::StringRef what) {
  if (known && *known != value)
    return fail(layer, fmt::format("{} {} as elsewhere in the model, got {}", what.str(), *known, value));
  known = value;
  return true;
}

bool KerasMatcher::match() {
  KerasOperand at{graph.output, 0, std::nullopt};
  if (!matchHead(at) || !matchPool(at) || !matchNorm(at, graph.output, finalNorm))
    return false;
  at = skip(finalNorm->operands[0]);
  // Residuals, the last one first: an MLP, then attention, and so on.
  auto branch = [&](const KerasLayer *sum) -> std::optional<size_t> {
    for (size_t i = 0; sum->operands.size() == 2 && i < 2; ++i)
      if (KerasOperand side = skip(sum->operands[i]); side.layer && side.layer->op == "Dense")
        return i;
    return std::nullopt;
  };
  for (size_t i = 0; at.layer && at.layer->op == "add" && i <= graph.layers().size(); ++i) {
    const KerasLayer *sum = at.layer;
    std::optional<size_t> side = branch(sum);
    if (!side)
      break;
    bool mlp = i % 2 == 0;
    if (mlp)
      blocks.emplace_back();
    const KerasLayer *last = skip(sum->operands[*side]).layer;
    const KerasOperand &residual = sum->operands[1 - *side];
    if (mlp ? !matchMlp(last, residual, blocks.back()) : !matchAttention(last, residual, blocks.back()))
      return false;
    at = skip(residual);
    if (!at.layer)
      return fail(sum, "the residual path as an operand");
    if (mlp && (at.layer->op != "add" || !branch(at.layer)))
      return fail(at.layer, "attention and its residual");
  }
  return matchEmbedding(at);
}

llvm::Expected<KerasVariables> KerasMatcher::variables(const KerasLayer *layer, bool bias) {
  KerasVariables list = file.variables(file.numbered ? layer->container : layer->name);
  size_t expected = kerasFlag(layer->argument("use_bias"), bias) ? 2 : 1;
  if (list.size() != expected)
    return inputError("{}: layer '{}': expected {} variables, got {}", file.store.path(),
                      quoteForMessage(layer->name), expected, list.size());
  return list;
}

llvm::Error KerasMatcher::collect(KerasParts &parts) {
  parts.cls = cls;
  parts.pos = pos;
  parts.blocks.resize(blocks.size());
  std::vector<std::pair<const KerasLayer *, KerasVariables *>> places = {{conv, &parts.patch},
                                                                         {finalNorm, &parts.finalNorm},
                                                                         {preLogits, &parts.preLogits},
                                                                         {head, &parts.head}};
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Block &from = blocks[blocks.size() - 1 - i];
    KerasParts::Block &to = parts.blocks[i];
    places.insert(places.end(), {{from.norm1, &to.norm1},
                                 {from.qkv, &to.qkv},
                                 {from.out, &to.out},
                                 {from.norm2, &to.norm2},
                                 {from.fc1, &to.fc1},
                                 {from.fc2, &to.fc2}});
  }
  for (auto [layer, into] : places) {
    if (!layer)
      continue;
    llvm::Expected<KerasVariables> list = variables(layer, true);
    if (!list)
      return list.takeError();
    *into = std::move(*list);
  }
  return llvm::Error::success();
}

llvm::Expected<Imported> KerasMatcher::run() {
  startKerasConfig(result, "Keras");
  if (!match())
    return inputError("{}: {}; the model is no Vision Transformer that vitc knows",
                      file.config->root().file(), problem);
  KerasParts parts;
  if (llvm::Error error = collect(parts))
    return std::move(error);
  result.store = std::move(file.store);
  ModelConfig &config = result.checkpoint.config;
  Extent stride = config.patch.stride;
  config.heads = static_cast<int64_t>(heads.value_or(1));
  config.normEps = eps.value_or(1e-3);
  config.block.mlp.act = act.value_or(Activation::GeluErf);
  if (std::abs(scale.value_or(1) * std::sqrt(static_cast<double>(std::max<int64_t>(config.headDim, 1))) - 1) >
      1e-6) {
    config.block.attn.scaleRule = ScaleRule::Number;
    config.block.attn.scale = *scale;
  }
  if (llvm::Error error = assembleKeras(result, parts, options))
    return std::move(error);
  config.patch.stride = stride;
  return std::move(result);
}

llvm::Expected<Imported> vitc::importKerasGraph(KerasFile file, const ImportOptions &options) {
  llvm::Expected<KerasGraph> graph = KerasGraph::parse(file.config->root());
  if (!graph)
    return graph.takeError();
  return KerasMatcher(file, *graph, options).run();
}
