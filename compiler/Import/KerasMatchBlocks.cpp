//===- KerasMatchBlocks.cpp - attention and MLPs in a graph of Keras's layers ------------------------===//
#include "compiler/Import/KerasMatcher.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

bool KerasMatcher::matchNorm(const KerasOperand &at, const KerasLayer *user, const KerasLayer *&norm) {
  if (!need(at, "LayerNormalization", user, "a LayerNormalization"))
    return false;
  norm = at.layer;
  for (llvm::StringRef flag : {"center", "scale"})
    if (!kerasFlag(norm->argument(flag), true))
      return fail(norm, fmt::format("'{}' true", flag.str()));
  if (kerasFlag(norm->argument("rms_scaling"), false))
    return fail(norm, "'rms_scaling' false");
  KerasNumbers axis = kerasIntegers(norm->argument("axis"));
  if (axis.size() > 1 || (axis.size() == 1 && axis[0] != 2 && axis[0] != -1))
    return fail(norm, "the last axis");
  std::optional<JsonRef> epsilon = norm->argument("epsilon");
  if (!epsilon || !epsilon->isNumber())
    return fail(norm, "a number 'epsilon'");
  return fixNumber(norm, llvm::cantFail(epsilon->asNumber()), eps, "an epsilon of") && operand(norm, 0);
}

bool KerasMatcher::readActivation(const KerasLayer *layer, llvm::StringRef name, Activation &activation) {
  bool tanh = kerasFlag(layer->argument("approximate"), false);
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

bool KerasMatcher::matchMlp(const KerasLayer *fc2, const KerasOperand &residual, Block &block) {
  block.fc2 = fc2;
  if (kerasText(fc2->argument("activation"), "linear") != "linear")
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
  std::string own = kerasText(block.fc1->argument("activation"), "linear");
  if (separate ? own != "linear" : !readActivation(block.fc1, own, activation))
    return fail(block.fc1, "one activation");
  if (act && *act != activation)
    return fail(block.fc1, "the same activation in every block");
  act = activation;
  if (!(next = operand(block.fc1, 0)) || !matchNorm(skip(*next), block.fc1, block.norm2))
    return false;
  return same(block.norm2->operands[0], residual) || fail(block.norm2, "the tensor of the residual path");
}

bool KerasMatcher::matchScale(KerasOperand &at) {
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

bool KerasMatcher::matchScores(const KerasLayer *softmax, KerasOperand &query, KerasOperand &key) {
  if (int64_t axis = kerasInteger(softmax->argument("axis"), -1); axis != -1 && axis != 3)
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
  if (kerasFlag(product->argument("transpose_b"), false))
    return true;
  if (!need(key, "transpose", product, "keys that are transposed") ||
      kerasIntegers(key.layer->argument("perm")) != KerasNumbers{0, 1, 3, 2})
    return fail(product, "keys that are transposed");
  key = skip(key.layer->operands[0]);
  return true;
}

bool KerasMatcher::matchPart(const KerasOperand &operandAt, int64_t index, const KerasLayer *user,
                             const KerasLayer *&split) {
  KerasOperand at = skip(operandAt);
  const char *names[] = {"queries", "keys", "values"};
  std::string what = fmt::format("{}: part {} of one projection", names[index], index);
  if (!at.layer)
    return fail(user, what);
  bool slice = at.layer->op == "getitem";
  int64_t found = slice ? kerasInteger(at.layer->argument("slice_spec"), -1) : at.output;
  if ((!slice && (at.layer->op != "unstack" || kerasInteger(at.layer->argument("axis"), 0) != 0)) ||
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

bool KerasMatcher::matchAttention(const KerasLayer *out, const KerasOperand &residual, Block &block) {
  block.out = out;
  if (kerasText(out->argument("activation"), "linear") != "linear")
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
  if (kerasIntegers(at.layer->argument(permute ? "dims" : "perm")) !=
      (permute ? KerasNumbers{2, 1, 3} : KerasNumbers{0, 2, 1, 3}))
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
  if (split->op != "transpose" || kerasIntegers(split->argument("perm")) != KerasNumbers{2, 0, 3, 1, 4} ||
      !operand(split, 0))
    return fail(split, "a transpose to [2, 0, 3, 1, 4]");
  at = skip(split->operands[0]);
  if (!need(at, "reshape", split, "a reshape to [batch, tokens, 3, heads, size]") || !operand(at.layer, 0))
    return false;
  KerasNumbers shape =
      kerasIntegers(at.layer->argument(at.layer->className == "Reshape" ? "target_shape" : "shape"));
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
  if (kerasText(block.qkv->argument("activation"), "linear") != "linear")
    return fail(block.qkv, "no activation");
  if (!(next = operand(block.qkv, 0)) || !matchNorm(skip(*next), block.qkv, block.norm1))
    return false;
  return same(block.norm1->operands[0], residual) || fail(block.norm1, "the tensor of the residual path");
}
