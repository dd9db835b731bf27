//===- KerasGraphImport.cpp - a ViT in a graph of Keras's layers ------------------------------------===//
//
// The graph is followed from the output back to the input. Every step is checked, so that a model that
// computes something else is refused by the layer where it departs.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/KerasGraph.h"
#include "compiler/Import/KerasParts.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace vitc;

namespace {

using Numbers = std::vector<int64_t>;

/// A list of integers, empty for anything else; null counts as -1.
Numbers integers(const std::optional<JsonRef> &value) {
  Numbers result;
  if (!value || !value->isArray())
    return result;
  for (const JsonRef &element : llvm::cantFail(value->asArray())) {
    if (!element.isNull() && element.kind() != JsonKind::Integer)
      return {};
    result.push_back(element.isNull() ? -1 : llvm::cantFail(element.asInteger(INT64_MIN, INT64_MAX)));
  }
  return result;
}

int64_t integerOf(const std::optional<JsonRef> &value, int64_t fallback) {
  return value && value->kind() == JsonKind::Integer ? llvm::cantFail(value->asInteger(INT64_MIN, INT64_MAX))
                                                     : fallback;
}

std::string textOf(const std::optional<JsonRef> &value, llvm::StringRef fallback = "") {
  return value && value->isString() ? llvm::cantFail(value->asString()) : fallback.str();
}

/// Nested arrays of numbers, all of one length on each level.
struct Literal {
  Numbers shape;
  std::vector<double> values;
};

bool flatten(const JsonRef &value, size_t depth, Literal &literal) {
  constexpr size_t maxRank = 8;
  if (value.isNumber()) {
    literal.values.push_back(0);
    return depth == literal.shape.size() && !value.asNumber().moveInto(literal.values.back());
  }
  if (!value.isArray() || depth >= maxRank)
    return false;
  std::vector<JsonRef> elements = llvm::cantFail(value.asArray());
  auto count = static_cast<int64_t>(elements.size());
  if (depth == literal.shape.size() && literal.values.empty())
    literal.shape.push_back(count);
  if (depth >= literal.shape.size() || literal.shape[depth] != count)
    return false;
  return llvm::all_of(elements, [&](const JsonRef &element) { return flatten(element, depth + 1, literal); });
}

class Matcher {
public:
  Matcher(KerasFile &file, KerasGraph &graph, const ImportOptions &options)
      : file(file), graph(graph), options(options) {}
  llvm::Expected<Imported> run();

private:
  struct Block {
    const KerasLayer *norm1, *qkv, *out, *norm2, *fc1, *fc2;
  };
  bool fail(const KerasLayer *layer, const std::string &expected);
  bool need(const KerasOperand &operand, llvm::StringRef op, const KerasLayer *user, llvm::StringRef what);
  KerasOperand skip(KerasOperand operand) const;
  bool same(const KerasOperand &a, const KerasOperand &b) const;
  const KerasOperand *operand(const KerasLayer *layer, size_t index);

  bool match();
  bool matchHead(KerasOperand &at);
  bool matchPool(KerasOperand &at);
  bool matchNorm(const KerasOperand &at, const KerasLayer *user, const KerasLayer *&norm);
  bool matchMlp(const KerasLayer *fc2, const KerasOperand &residual, Block &block);
  bool matchAttention(const KerasLayer *out, const KerasOperand &residual, Block &block);
  bool matchScores(const KerasLayer *softmax, KerasOperand &query, KerasOperand &key);
  bool matchScale(KerasOperand &at);
  bool matchPart(const KerasOperand &at, int64_t index, const KerasLayer *user, const KerasLayer *&split);
  bool matchEmbedding(KerasOperand at);
  bool matchPatch(KerasOperand at, const KerasLayer *user);
  bool matchInput(const KerasLayer *conv);
  bool readToken(const KerasOperand &at, const KerasLayer *user, llvm::StringRef name,
                 const RawTensor *&tensor);
  bool readActivation(const KerasLayer *layer, llvm::StringRef name, Activation &activation);
  bool fixNumber(const KerasLayer *layer, double value, std::optional<double> &known, llvm::StringRef what);
  llvm::Expected<KerasVariables> variables(const KerasLayer *layer, bool bias);
  llvm::Error collect(KerasParts &parts);

  KerasFile &file;
  KerasGraph &graph;
  const ImportOptions &options;
  Imported result;
  std::string problem;
  std::vector<Block> blocks; ///< the last one first
  const KerasLayer *conv = nullptr, *finalNorm = nullptr, *preLogits = nullptr, *head = nullptr;
  const RawTensor *cls = nullptr, *pos = nullptr;
  std::optional<double> eps, scale, heads;
  std::optional<Activation> act;
};

bool Matcher::fail(const KerasLayer *layer, const std::string &expected) {
  if (problem.empty())
    problem = fmt::format("layer '{}' ({}): expected {}", quoteForMessage(layer->name),
                          quoteForMessage(layer->op), expected);
  return false;
}

/// What does nothing at inference.
KerasOperand Matcher::skip(KerasOperand at) const {
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

bool Matcher::same(const KerasOperand &a, const KerasOperand &b) const {
  KerasOperand x = skip(a), y = skip(b);
  return x.layer && x.layer == y.layer && x.output == y.output;
}

bool Matcher::need(const KerasOperand &at, llvm::StringRef op, const KerasLayer *user, llvm::StringRef what) {
  if (at.layer && at.layer->op == op)
    return true;
  return at.layer ? fail(at.layer, what.str()) : fail(user, (what + " in front of it, got numbers").str());
}

const KerasOperand *Matcher::operand(const KerasLayer *layer, size_t index) {
  if (index < layer->operands.size())
    return &layer->operands[index];
  fail(layer, fmt::format("at least {} operands, got {}", index + 1, layer->operands.size()));
  return nullptr;
}

bool Matcher::fixNumber(const KerasLayer *layer, double value, std::optional<double> &known,
                        llvm::StringRef what) {
  if (known && *known != value)
    return fail(layer, fmt::format("{} {} as elsewhere in the model, got {}", what.str(), *known, value));
  known = value;
  return true;
}

bool Matcher::readActivation(const KerasLayer *layer, llvm::StringRef name, Activation &activation) {
  std::optional<JsonRef> approximate = layer->argument("approximate");
  bool tanh = approximate && approximate->isBool() && llvm::cantFail(approximate->asBool());
  if (name == "gelu")
    activation = tanh ? Activation::GeluTanh : Activation::GeluErf;
  else if (name == "relu")
    activation = Activation::Relu;
  else if (name == "silu" || name == "swish")
    activation = Activation::Silu;
  else
    return fail(layer, "the activation 'gelu', 'relu' or 'silu'");
  return true;
}

bool Matcher::matchNorm(const KerasOperand &at, const KerasLayer *user, const KerasLayer *&norm) {
  if (!need(at, "LayerNormalization", user, "a LayerNormalization"))
    return false;
  norm = at.layer;
  for (llvm::StringRef flag : {"center", "scale"})
    if (std::optional<JsonRef> value = norm->argument(flag);
        value && value->isBool() && !llvm::cantFail(value->asBool()))
      return fail(norm, fmt::format("'{}' true", flag.str()));
  if (std::optional<JsonRef> rms = norm->argument("rms_scaling");
      rms && rms->isBool() && llvm::cantFail(rms->asBool()))
    return fail(norm, "'rms_scaling' false");
  Numbers axis = integers(norm->argument("axis"));
  if (axis.size() > 1 || (axis.size() == 1 && axis[0] != 2 && axis[0] != -1))
    return fail(norm, "the last axis");
  std::optional<JsonRef> epsilon = norm->argument("epsilon");
  if (!epsilon || !epsilon->isNumber())
    return fail(norm, "a number 'epsilon'");
  return fixNumber(norm, llvm::cantFail(epsilon->asNumber()), eps, "an epsilon of") && operand(norm, 0);
}

bool Matcher::matchHead(KerasOperand &at) {
  at = skip(at);
  if (at.layer->op == "softmax" || at.layer->op == "sigmoid") {
    result.checkpoint.notes.push_back("the head's " + at.layer->op +
                                      " is left out: the outputs are its logits");
    const KerasOperand *next = operand(at.layer, 0);
    if (!next)
      return false;
    at = skip(*next);
  }
  for (const KerasLayer **place : {&head, &preLogits}) {
    if (!at.layer || at.layer->op != "Dense")
      return true;
    std::string activation = textOf(at.layer->argument("activation"), "linear");
    bool last = place == &head;
    if (last && (activation == "softmax" || activation == "sigmoid"))
      result.checkpoint.notes.push_back("the head's " + activation +
                                        " is left out: the outputs are its logits");
    else if (activation != (last ? "linear" : "tanh"))
      return fail(at.layer,
                  last ? "the activation 'linear', 'softmax' or 'sigmoid'" : "the activation 'tanh'");
    *place = at.layer;
    const KerasOperand *next = operand(at.layer, 0);
    if (!next)
      return false;
    at = skip(*next);
  }
  return true;
}

bool Matcher::matchPool(KerasOperand &at) {
  ModelConfig &config = result.checkpoint.config;
  if (!at.layer)
    return fail(graph.output, "a pool of tokens");
  const KerasLayer *pool = at.layer;
  if (pool->op == "getitem") {
    std::optional<JsonRef> spec = pool->argument("slice_spec");
    std::vector<JsonRef> parts;
    if (spec && spec->isArray())
      parts = llvm::cantFail(spec->asArray());
    bool everything = !parts.empty() && parts[0].isObject();
    for (llvm::StringRef bound : {"start", "stop", "step"})
      everything = everything && !parts[0].findValue(bound);
    if (parts.size() != 2 || !everything || integerOf(parts[1], -1) != 0)
      return fail(pool, "the slice [:, 0], the class token");
    config.pool.kind = PoolKind::Cls;
  } else if (pool->op == "GlobalAveragePooling1D" ||
             (pool->op == "reduce_mean" && integerOf(pool->argument("axis"), -1) == 1)) {
    config.pool.kind = PoolKind::Mean;
    config.pool.includePrefix = true;
  } else {
    return fail(pool, "the slice [:, 0] or a mean over tokens");
  }
  const KerasOperand *next = operand(pool, 0);
  if (!next)
    return false;
  at = skip(*next);
  return true;
}

bool Matcher::matchMlp(const KerasLayer *fc2, const KerasOperand &residual, Block &block) {
  block.fc2 = fc2;
  if (textOf(fc2->argument("activation"), "linear") != "linear")
    return fail(fc2, "no activation behind the second layer of an MLP");
  const KerasOperand *next = operand(fc2, 0);
  if (!next)
    return false;
  KerasOperand at = skip(*next);
  Activation activation = Activation::GeluErf;
  bool separate = at.layer && at.layer->op != "Dense";
  if (separate) {
    if (!readActivation(at.layer, at.layer->op, activation) || !(next = operand(at.layer, 0)))
      return false;
    at = skip(*next);
  }
  if (!need(at, "Dense", fc2, "the first Dense of an MLP"))
    return false;
  block.fc1 = at.layer;
  std::string own = textOf(block.fc1->argument("activation"), "linear");
  if (separate ? own != "linear" : !readActivation(block.fc1, own, activation))
    return fail(block.fc1, "one activation");
  if (act && *act != activation)
    return fail(block.fc1, "the same activation in every block");
  act = activation;
  if (!(next = operand(block.fc1, 0)) || !matchNorm(skip(*next), block.fc1, block.norm2))
    return false;
  return same(block.norm2->operands[0], residual) || fail(block.norm2, "the tensor of the residual path");
}

/// A product or quotient with a number.
bool Matcher::matchScale(KerasOperand &at) {
  at = skip(at);
  if (!at.layer)
    return true;
  bool divides = at.layer->op == "truediv" || at.layer->op == "divide";
  if (!divides && at.layer->op != "mul" && at.layer->op != "multiply")
    return true;
  const KerasLayer *layer = at.layer;
  if (layer->operands.size() != 2)
    return fail(layer, "two operands");
  size_t number = layer->operands[1].literal ? 1 : 0;
  const std::optional<JsonRef> &value = layer->operands[number].literal;
  if (!value || !value->isNumber() || (divides && number == 0))
    return fail(layer, "a number to scale by");
  double factor = llvm::cantFail(value->asNumber());
  if (factor == 0 || scale)
    return fail(layer, "one scale other than 0");
  scale = divides ? 1 / factor : factor;
  at = skip(layer->operands[1 - number]);
  return true;
}

bool Matcher::matchScores(const KerasLayer *softmax, KerasOperand &query, KerasOperand &key) {
  if (int64_t axis = integerOf(softmax->argument("axis"), -1); axis != -1 && axis != 3)
    return fail(softmax, "the last axis");
  const KerasOperand *next = operand(softmax, 0);
  if (!next)
    return false;
  KerasOperand at = *next;
  if (!matchScale(at) || !need(at, "matmul", softmax, "the product of queries and keys"))
    return false;
  const KerasLayer *product = at.layer;
  if (!operand(product, 1))
    return false;
  query = product->operands[0];
  key = skip(product->operands[1]);
  if (!matchScale(query))
    return false;
  std::optional<JsonRef> transposed = product->argument("transpose_b");
  if (transposed && transposed->isBool() && llvm::cantFail(transposed->asBool()))
    return true;
  if (!need(key, "transpose", product, "keys that are transposed") ||
      integers(key.layer->argument("perm")) != Numbers{0, 1, 3, 2})
    return fail(product, "keys that are transposed");
  key = skip(key.layer->operands[0]);
  return true;
}

/// One of queries (0), keys (1) and values (2) of a tensor that holds all three.
bool Matcher::matchPart(const KerasOperand &operandAt, int64_t index, const KerasLayer *user,
                        const KerasLayer *&split) {
  KerasOperand at = skip(operandAt);
  const char *names[] = {"queries", "keys", "values"};
  std::string what = fmt::format("{}: part {} of one projection", names[index], index);
  if (!at.layer)
    return fail(user, what);
  bool slice = at.layer->op == "getitem";
  int64_t found = slice ? integerOf(at.layer->argument("slice_spec"), -1) : at.output;
  if ((!slice && (at.layer->op != "unstack" || integerOf(at.layer->argument("axis"), 0) != 0)) ||
      found != index)
    return fail(at.layer, what);
  const KerasOperand *next = operand(at.layer, 0);
  if (!next)
    return false;
  at = skip(*next);
  if (!at.layer || (split && split != at.layer))
    return fail(user, what);
  split = at.layer;
  return true;
}

bool Matcher::matchAttention(const KerasLayer *out, const KerasOperand &residual, Block &block) {
  block.out = out;
  if (textOf(out->argument("activation"), "linear") != "linear")
    return fail(out, "no activation behind attention");
  // Heads side by side, from [batch, heads, tokens, size].
  const KerasOperand *next = operand(out, 0);
  KerasOperand at = next ? skip(*next) : KerasOperand();
  if (!next || !need(at, "reshape", out, "attention's heads, reshaped to one width") || !operand(at.layer, 0))
    return false;
  const KerasLayer *joined = at.layer;
  at = skip(joined->operands[0]);
  if (!need(at, "transpose", joined, "heads transposed to [batch, tokens, heads, size]") ||
      !operand(at.layer, 0))
    return false;
  bool permute = at.layer->className == "Permute"; // counts dimensions from 1, without the batch
  if (integers(at.layer->argument(permute ? "dims" : "perm")) !=
      (permute ? Numbers{2, 1, 3} : Numbers{0, 2, 1, 3}))
    return fail(at.layer, "the order [0, 2, 1, 3]");
  const KerasLayer *heads4 = at.layer;
  at = skip(heads4->operands[0]);
  if (!need(at, "matmul", heads4, "the product of attention and values") || !operand(at.layer, 1))
    return false;
  const KerasLayer *weighted = at.layer;
  at = skip(weighted->operands[0]);
  if (!need(at, "softmax", weighted, "a softmax of scores"))
    return false;
  KerasOperand query, key;
  std::optional<double> outer = std::exchange(scale, std::nullopt);
  if (!matchScores(at.layer, query, key))
    return false;
  const KerasLayer *split = nullptr;
  if (!matchPart(query, 0, weighted, split) || !matchPart(key, 1, weighted, split) ||
      !matchPart(weighted->operands[1], 2, weighted, split))
    return false;
  // [batch, tokens, 3 * width] as [batch, tokens, 3, heads, size], its third dimension in front.
  if (split->op != "transpose" || integers(split->argument("perm")) != Numbers{2, 0, 3, 1, 4} ||
      !operand(split, 0))
    return fail(split, "a transpose to [2, 0, 3, 1, 4]");
  at = skip(split->operands[0]);
  if (!need(at, "reshape", split, "a reshape to [batch, tokens, 3, heads, size]") || !operand(at.layer, 0))
    return false;
  Numbers shape = integers(at.layer->argument(at.layer->className == "Reshape" ? "target_shape" : "shape"));
  if (at.layer->className == "Reshape")
    shape.insert(shape.begin(), -1);
  if (shape.size() != 5 || shape[2] != 3 || shape[3] < 1 || shape[4] < 1)
    return fail(at.layer, "a reshape to [batch, tokens, 3, heads, size]");
  if (!fixNumber(at.layer, static_cast<double>(shape[3]), heads, "a number of heads of"))
    return false;
  ModelConfig &config = result.checkpoint.config;
  config.headDim = shape[4];
  double factor = scale.value_or(1);
  if (outer && *outer != factor)
    return fail(weighted, "the same scale in every block");
  scale = factor;
  const KerasLayer *reshape = at.layer;
  at = skip(reshape->operands[0]);
  if (!need(at, "Dense", reshape, "a Dense that gives queries, keys and values"))
    return false;
  block.qkv = at.layer;
  if (textOf(block.qkv->argument("activation"), "linear") != "linear")
    return fail(block.qkv, "no activation");
  if (!(next = operand(block.qkv, 0)) || !matchNorm(skip(*next), block.qkv, block.norm1))
    return false;
  return same(block.norm1->operands[0], residual) || fail(block.norm1, "the tensor of the residual path");
}

bool Matcher::readToken(const KerasOperand &at, const KerasLayer *user, llvm::StringRef name,
                        const RawTensor *&tensor) {
  Literal literal;
  if (!at.literal || !flatten(*at.literal, 0, literal))
    return fail(
        user, fmt::format("{} as numbers, which a model's file holds where no layer owns them", name.str()));
  // A token for each image of the batch is one token.
  size_t rows = literal.shape.empty() ? 0 : static_cast<size_t>(literal.shape[0]);
  if (literal.shape.size() != 3 || rows == 0 || literal.values.empty())
    return fail(user, fmt::format("{} of three dimensions", name.str()));
  size_t row = literal.values.size() / rows;
  for (size_t i = row; i < literal.values.size(); ++i)
    if (literal.values[i] != literal.values[i - row])
      return fail(user, fmt::format("the same {} for every image", name.str()));
  literal.values.resize(row);
  literal.shape[0] = 1;
  RawTensor raw;
  raw.name = user->name + "/" + name.str();
  bool fits = raw.setRowMajor(*findElementType("F64"), literal.shape);
  std::vector<uint8_t> bytes(row * sizeof(double));
  std::memcpy(bytes.data(), literal.values.data(), bytes.size());
  raw.source = std::make_shared<DecodedBytes>(at.literal->file(), std::move(bytes));
  if (!fits)
    return fail(user, "fewer numbers");
  std::string key = raw.name;
  if (llvm::Error error = file.store.add(std::move(raw)))
    return fail(user, llvm::toString(std::move(error)));
  tensor = file.store.find(key);
  return true;
}

bool Matcher::matchInput(const KerasLayer *layer) {
  ModelConfig &config = result.checkpoint.config;
  const KerasOperand *next = operand(layer, 0);
  if (!next || !next->layer || next->layer != graph.input)
    return fail(layer, "the model's input");
  Numbers shape = integers(graph.input->argument("batch_input_shape"));
  if (shape.empty())
    shape = integers(graph.input->argument("batch_shape"));
  if (shape.size() != 4 || shape[1] < 1 || shape[2] < 1)
    return fail(graph.input, "an input of [batch, height, width, channels] with a fixed size");
  config.inputSize = {shape[1], shape[2]};
  if (shape[0] > 0)
    result.checkpoint.notes.push_back(
        fmt::format("the model is written for batches of {}; the library takes any", shape[0]));
  return true;
}

bool Matcher::matchPatch(KerasOperand at, const KerasLayer *user) {
  ModelConfig &config = result.checkpoint.config;
  if (!need(at, "reshape", user, "patches reshaped to [batch, patches, width]") || !operand(at.layer, 0))
    return false;
  const KerasLayer *reshape = at.layer;
  at = skip(reshape->operands[0]);
  if (!need(at, "Conv2D", reshape, "a Conv2D of patches"))
    return false;
  conv = at.layer;
  if (textOf(conv->argument("data_format"), "channels_last") != "channels_last")
    return fail(conv, "'data_format' channels_last");
  if (textOf(conv->argument("activation"), "linear") != "linear")
    return fail(conv, "no activation");
  if (Numbers dilation = integers(conv->argument("dilation_rate"));
      !dilation.empty() && dilation != Numbers{1, 1})
    return fail(conv, "'dilation_rate' 1");
  if (integerOf(conv->argument("groups"), 1) != 1)
    return fail(conv, "'groups' 1");
  std::string padding = textOf(conv->argument("padding"), "valid");
  if (padding != "valid" && padding != "same")
    return fail(conv, "'padding' valid or same");
  config.patch.pad = padding == "same" ? PatchPad::Same : PatchPad::Valid;
  Numbers strides = integers(conv->argument("strides"));
  if (strides.size() != 2 || strides[0] < 1 || strides[1] < 1)
    return fail(conv, "two strides");
  config.patch.stride = {strides[0], strides[1]};
  return matchInput(conv);
}

bool Matcher::matchEmbedding(KerasOperand at) {
  if (!need(at, "add", graph.output, "an addition of positions, or a block's residual"))
    return false;
  const KerasLayer *sum = at.layer;
  if (!operand(sum, 1))
    return false;
  size_t table = sum->operands[0].layer ? 1 : 0;
  if (!readToken(sum->operands[table], sum, "pos", pos))
    return false;
  at = skip(sum->operands[1 - table]);
  if (!need(at, "concat", sum, "the class token and the patches, concatenated"))
    return false;
  const KerasLayer *tokens = at.layer;
  if (integerOf(tokens->argument("axis"), -1) != 1 || tokens->operands.size() != 2)
    return fail(tokens, "two operands along axis 1");
  if (!readToken(tokens->operands[0], tokens, "cls", cls))
    return false;
  return matchPatch(skip(tokens->operands[1]), tokens);
}

bool Matcher::match() {
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

llvm::Expected<KerasVariables> Matcher::variables(const KerasLayer *layer, bool bias) {
  KerasVariables list = file.variables(file.numbered ? layer->container : layer->name);
  std::optional<JsonRef> flag = layer->argument("use_bias");
  if (flag && flag->isBool())
    bias = llvm::cantFail(flag->asBool());
  size_t expected = bias ? 2 : 1;
  if (list.size() != expected)
    return inputError("{}: layer '{}': expected {} variables, got {}", file.store.path(),
                      quoteForMessage(layer->name), expected, list.size());
  return list;
}

llvm::Error Matcher::collect(KerasParts &parts) {
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

llvm::Expected<Imported> Matcher::run() {
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

} // namespace

llvm::Expected<Imported> vitc::importKerasGraph(KerasFile file, const ImportOptions &options) {
  llvm::Expected<KerasGraph> graph = KerasGraph::parse(file.config->root());
  if (!graph)
    return graph.takeError();
  return Matcher(file, *graph, options).run();
}
