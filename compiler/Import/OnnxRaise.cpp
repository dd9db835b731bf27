#include "compiler/Import/OnnxRaise.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

std::optional<size_t> Call::axis(int64_t axis, size_t rank) const {
  auto count = static_cast<int64_t>(rank);
  if (axis < -count || axis >= count)
    return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + count : axis);
}

std::optional<llvm::SmallVector<int64_t, 8>> Call::integers(const View &view) const {
  constexpr int64_t most = 1 << 20;
  if (!onnx::isConstant(view) || view.elements() > most)
    return std::nullopt;
  std::optional<std::vector<double>> values = graph.read(view);
  if (!values)
    return std::nullopt;
  llvm::SmallVector<int64_t, 8> result;
  for (double value : *values) {
    if (std::isnan(value))
      return std::nullopt;
    constexpr double bound = 9e18; // "to the end" is INT64_MAX, and sums of such stay in range below it
    result.push_back(static_cast<int64_t>(std::clamp(value, -bound, bound)));
  }
  return result;
}

std::optional<llvm::SmallVector<int64_t, 8>> Call::extents(const View &view) const {
  auto shape = integers(view);
  double total = 1;
  if (!shape || shape->size() > 8)
    return std::nullopt;
  for (int64_t extent : *shape)
    if (extent < 0 || (total *= static_cast<double>(std::max<int64_t>(extent, 1))) > 0x1p40)
      return std::nullopt;
  return shape;
}

std::optional<llvm::SmallVector<size_t, 4>> Call::axes(size_t index, size_t rank, bool orAll) const {
  llvm::SmallVector<int64_t, 8> list;
  if (const View *operand = at(index)) {
    auto values = integers(*operand);
    if (!values)
      return std::nullopt;
    list = *values;
  } else if (std::optional<llvm::ArrayRef<int64_t>> attribute = node.integers("axes")) {
    list.assign(attribute->begin(), attribute->end());
  }
  llvm::SmallVector<size_t, 4> result;
  if (list.empty() && orAll)
    for (size_t i = 0; i < rank; ++i)
      result.push_back(i);
  for (int64_t value : list) {
    std::optional<size_t> one = axis(value, rank);
    if (!one || llvm::is_contained(result, *one))
      return std::nullopt;
    result.push_back(*one);
  }
  return result;
}

namespace {

/// What to write instead of an operator that is not supported.
std::string nearestTo(llvm::StringRef op) {
  struct Advice {
    llvm::StringRef ops, nearest;
  };
  static constexpr Advice advice[] = {
      {" HardSwish HardSigmoid Mish Elu Selu Celu LeakyRelu PRelu ThresholdedRelu Softsign ",
       "an MLP with GELU (erf, tanh or quick), ReLU or SiLU"},
      {" BatchNormalization InstanceNormalization GroupNormalization LpNormalization "
       "MeanVarianceNormalization ",
       "LayerNormalization or RMSNormalization over the channels"},
      {" MaxPool AveragePool GlobalMaxPool LpPool GlobalLpPool ConvTranspose ",
       "one Conv of stride = kernel as patch embedding, pooling of tokens by ReduceMean or ReduceMax"},
      {" QuantizeLinear DequantizeLinear DynamicQuantizeLinear MatMulInteger ConvInteger QLinearMatMul "
       "QLinearConv ",
       "the float model; `vitc compile --precision int8` quantizes it"},
      {" LSTM GRU RNN Loop If Scan ", "a graph without control flow"},
      {" ArgMax TopK NonMaxSuppression RoiAlign ", "a model that ends with its logits or features"},
      {" RandomNormal RandomUniform RandomNormalLike RandomUniformLike Multinomial Bernoulli ",
       "a model exported in evaluation mode"},
  };
  for (const Advice &entry : advice)
    if (entry.ops.contains(" " + op.str() + " "))
      return entry.nearest.str();
  return "the operators that docs/onnx.md lists";
}

const Operator *findOperator(llvm::StringRef name) {
  for (llvm::ArrayRef<Operator> table : {shapeOperators(), constantOperators(), arithmeticOperators()})
    for (const Operator &op : table)
      if (name == op.name)
        return &op;
  return nullptr;
}

Results raiseNode(const Call &call) {
  const Node &node = call.node;
  for (const View *operand : call.in)
    if (operand && valueOf(*operand, Kind::Unknown))
      return {*operand};
  size_t given = 0;
  while (given < call.in.size() && call.in[given])
    ++given;
  if (const Operator *op = findOperator(node.opType)) {
    if (given < op->operands)
      return {call.no(fmt::format("{} operands where {} are needed", given, op->operands))};
    return op->raise(call);
  }
  if (const FunctionOp *op = findFunctionOp(node.opType); op && node.opType != "GeluTanh") {
    if (given != (op->unary ? 1 : 2))
      return {call.no(fmt::format("{} operands of {}", given, op->name))};
    return {op->unary ? call.graph.unary(*op, call.x()) : call.graph.binary(*op, call.x(), *call.in[1])};
  }
  return {call.no(fmt::format("operator '{}'; the nearest that is supported: {}",
                              quoteForMessage(node.opType.take_front(80)), nearestTo(node.opType)))};
}

std::string describeInput(const ValueInfo &input) {
  std::vector<std::string> dims;
  for (auto [dim, parameter] : llvm::zip(input.dims, input.parameters))
    dims.push_back(dim > 0 ? std::to_string(dim) : quoteForMessage(parameter));
  return fmt::format("'{}' ({}{})", quoteForMessage(input.name), onnx::nameOf(input.type),
                     input.hasShape ? " [" + llvm::join(dims, ", ") + "]" : ", without a shape");
}

/// Channels that the first convolution expects; 3 without one.
int64_t channelsOf(const Model &model) {
  llvm::DenseMap<llvm::StringRef, const Tensor *> weights;
  for (const Tensor *tensor : model.initializers)
    weights[tensor->name] = tensor;
  for (const Node &node : model.nodes)
    if (node.opType == "Conv" && node.inputs.size() > 1)
      if (const Tensor *weight = weights.lookup(node.inputs[1]); weight && weight->dims.size() == 4)
        return weight->dims[1];
  return 3;
}

llvm::Expected<const ValueInfo *> findImage(const Model &model) {
  llvm::SmallVector<const ValueInfo *> images;
  std::vector<std::string> all;
  for (const ValueInfo &input : model.inputs) {
    if (isFloat(input.type) && (!input.hasShape || input.dims.size() == 4))
      images.push_back(&input);
    if (all.size() < 12)
      all.push_back(describeInput(input));
  }
  if (images.size() == 1 && images[0]->hasShape)
    return images[0];
  return inputError("{}: expected one input that is an image: float [1, channels, height, width]; got {}",
                    model.file->path(), all.empty() ? "no inputs" : llvm::join(all, ", "));
}

} // namespace

std::vector<std::string> onnx::operatorNames() {
  std::vector<std::string> names;
  for (llvm::ArrayRef<Operator> table : {shapeOperators(), constantOperators(), arithmeticOperators()})
    for (const Operator &op : table)
      names.emplace_back(op.name);
  for (const FunctionOp &op : functionOps())
    if (llvm::StringRef(op.name) != "GeluTanh")
      names.emplace_back(op.name);
  llvm::sort(names);
  names.erase(llvm::unique(names), names.end());
  return names;
}

llvm::Expected<Raised> onnx::raise(const Model &model, std::optional<Extent> imageSize, Graph &graph) {
  llvm::Expected<const ValueInfo *> found = findImage(model);
  if (!found)
    return found.takeError();
  const ValueInfo &image = **found;
  Raised raised;
  llvm::SmallVector<int64_t, 4> shape(image.dims.begin(), image.dims.end());
  constexpr int64_t maxBatch = 1 << 16;
  if (shape[0] > maxBatch)
    return inputError("{}: input {}: expected a batch of at most {}, got {}", model.file->path(),
                      describeInput(image), maxBatch, shape[0]);
  raised.batch = graph.batch = std::max<int64_t>(shape[0], 1);
  shape[0] = 1;
  auto isColour = [](int64_t extent) { return extent == 1 || extent == 3 || extent == 4; };
  raised.layout = isColour(shape[3]) && !isColour(shape[1]) && shape[1] != channelsOf(model)
                      ? InputLayout::NHWC
                      : InputLayout::NCHW;
  bool last = raised.layout == InputLayout::NHWC;
  int64_t &channels = shape[last ? 3 : 1], &height = shape[last ? 1 : 2], &width = shape[last ? 2 : 3];
  if (channels < 1)
    channels = channelsOf(model);
  if (height < 1 || width < 1) {
    if (!imageSize)
      return inputError("{}: input {}: expected a fixed height and width, got dynamic ones; say which with "
                        "--image-size HxW, or export with fixed sizes",
                        model.file->path(), describeInput(image));
    if ((height > 0 && height != imageSize->height) || (width > 0 && width != imageSize->width))
      return inputError(
          "{}: input {}: expected --image-size to agree with the sizes that are fixed, got {}x{}",
          model.file->path(), describeInput(image), imageSize->height, imageSize->width);
    height = imageSize->height;
    width = imageSize->width;
  }
  if (channels > 1024 || height > 1 << 14 || width > 1 << 14 || height < 1 || width < 1)
    return inputError("{}: input {}: expected at most 16384x16384 pixels of 1024 channels",
                      model.file->path(), describeInput(image));

  llvm::DenseMap<llvm::StringRef, View> values;
  values[""] = View();
  raised.image = graph.image(shape);
  for (const ValueInfo &input : model.inputs)
    values[input.name] = &input == &image
                             ? raised.image
                             : graph.unknown("input " + describeInput(input) + ", which is no image", true);
  for (const Tensor *tensor : model.initializers)
    values[tensor->name] = graph.tensor(*tensor);
  for (int index : model.order) {
    const Node &node = model.nodes[index];
    graph.node = index;
    Call call{graph, model, node, {}};
    for (llvm::StringRef input : node.inputs) // by address: the map does not grow before the call
      call.in.push_back(input.empty() ? nullptr : &values.find(input)->second);
    Results results = raiseNode(call);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty())
        continue;
      bool poisoned = !results.empty() && valueOf(results[0], Kind::Unknown);
      values[node.outputs[i]] = i < results.size() ? results[i]
                                : poisoned         ? results[0]
                                                   : graph.unknown("an output that inference does not have");
    }
  }
  for (const ValueInfo &output : model.outputs)
    raised.outputs.emplace_back(output.name, values.find(output.name)->second);
  return raised;
}
