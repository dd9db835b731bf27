//===- KerasMatchEnds.cpp - the embedding and the head in a graph of Keras's layers ------------------===//
#include "compiler/Import/KerasMatcher.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>

using namespace vitc;

namespace {

/// Nested arrays of numbers, all of one length on each level.
struct Literal {
  KerasNumbers shape;
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

} // namespace

bool KerasMatcher::matchHead(KerasOperand &at) {
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
    std::string activation = kerasText(at.layer->argument("activation"), "linear");
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

bool KerasMatcher::matchPool(KerasOperand &at) {
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
    if (parts.size() != 2 || !everything || kerasInteger(parts[1], -1) != 0)
      return fail(pool, "the slice [:, 0], the class token");
    config.pool.kind = PoolKind::Cls;
  } else if (pool->op == "GlobalAveragePooling1D" ||
             (pool->op == "reduce_mean" && kerasInteger(pool->argument("axis"), -1) == 1)) {
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

bool KerasMatcher::readToken(const KerasOperand &at, const KerasLayer *user, llvm::StringRef name,
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

bool KerasMatcher::matchInput(const KerasLayer *layer) {
  ModelConfig &config = result.checkpoint.config;
  const KerasOperand *next = operand(layer, 0);
  if (!next || !next->layer || next->layer != graph.input)
    return fail(layer, "the model's input");
  KerasNumbers shape = kerasIntegers(graph.input->argument("batch_input_shape"));
  if (shape.empty())
    shape = kerasIntegers(graph.input->argument("batch_shape"));
  if (shape.size() != 4 || shape[1] < 1 || shape[2] < 1)
    return fail(graph.input, "an input of [batch, height, width, channels] with a fixed size");
  config.inputSize = {shape[1], shape[2]};
  if (shape[0] > 0)
    result.checkpoint.notes.push_back(
        fmt::format("the model is written for batches of {}; the library takes any", shape[0]));
  return true;
}

bool KerasMatcher::matchPatch(KerasOperand at, const KerasLayer *user) {
  ModelConfig &config = result.checkpoint.config;
  if (!need(at, "reshape", user, "patches reshaped to [batch, patches, width]") || !operand(at.layer, 0))
    return false;
  const KerasLayer *reshape = at.layer;
  at = skip(reshape->operands[0]);
  if (!need(at, "Conv2D", reshape, "a Conv2D of patches"))
    return false;
  conv = at.layer;
  if (kerasText(conv->argument("data_format"), "channels_last") != "channels_last")
    return fail(conv, "'data_format' channels_last");
  if (kerasText(conv->argument("activation"), "linear") != "linear")
    return fail(conv, "no activation");
  if (KerasNumbers dilation = kerasIntegers(conv->argument("dilation_rate"));
      !dilation.empty() && dilation != KerasNumbers{1, 1})
    return fail(conv, "'dilation_rate' 1");
  if (kerasInteger(conv->argument("groups"), 1) != 1)
    return fail(conv, "'groups' 1");
  std::string padding = kerasText(conv->argument("padding"), "valid");
  if (padding != "valid" && padding != "same")
    return fail(conv, "'padding' valid or same");
  config.patch.pad = padding == "same" ? PatchPad::Same : PatchPad::Valid;
  KerasNumbers strides = kerasIntegers(conv->argument("strides"));
  if (strides.size() != 2 || strides[0] < 1 || strides[1] < 1)
    return fail(conv, "two strides");
  config.patch.stride = {strides[0], strides[1]};
  return matchInput(conv);
}

bool KerasMatcher::matchEmbedding(KerasOperand at) {
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
  if (kerasInteger(tokens->argument("axis"), -1) != 1 || tokens->operands.size() != 2)
    return fail(tokens, "two operands along axis 1");
  if (!readToken(tokens->operands[0], tokens, "cls", cls))
    return false;
  return matchPatch(skip(tokens->operands[1]), tokens);
}
