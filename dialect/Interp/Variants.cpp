#include "dialect/Interp/Variants.h"
#include "dialect/IR/VerifyUtils.h"
#include "dialect/Interp/Execute.h"
#include "llvm/Support/Parallel.h"
#include <cmath>

using namespace mlir;
using namespace vit;
using namespace vit::interp;

double SquaredError::relative() const { return std::sqrt(norm > 0 ? difference / norm : difference); }

namespace {

/// The function's or one variant's state: values that it has for itself.
struct Lane {
  const Variant *variant = nullptr;
  VariantErrors errors;
  Values<double> values;
  bool done = false;
};

/// The attributes of an op while a variant computes it.
class ProductScope {
public:
  ProductScope(Operation *op, const Product &product)
      : op(op), dot(op->getAttr("dot")), scale(op->getAttr("input_scale")) {
    Builder b(op->getContext());
    set("dot", product.dot ? DotKindAttr::get(b.getContext(), *product.dot) : Attribute());
    set("input_scale", product.inputScale != 0 ? b.getF64FloatAttr(product.inputScale) : Attribute());
  }
  ~ProductScope() {
    set("dot", dot);
    set("input_scale", scale);
  }
  ProductScope(const ProductScope &) = delete;

private:
  void set(StringRef name, Attribute value) {
    if (value)
      op->setAttr(name, value);
    else
      op->removeAttr(name);
  }
  Operation *op;
  Attribute dot, scale;
};

SquaredError compare(const Array<double> &got, const Array<double> &want) {
  SquaredError error;
  for (int64_t i = 0, count = want.elements(); i < count; ++i) {
    double x = got.data()[i], y = want.data()[i];
    error.difference += (x - y) * (x - y);
    error.norm += y * y;
  }
  return error;
}

class VariantMachine {
public:
  VariantMachine(func::FuncOp function, WeightEvaluator &weights, ArrayRef<Variant> variants)
      : function(function), weights(weights), lanes(variants.size()) {
    for (auto [lane, variant] : llvm::zip(lanes, variants))
      lane.variant = &variant;
  }

  LogicalResult run(const Tensor &input, std::vector<VariantErrors> &errors);

private:
  LogicalResult execute(Operation *op);
  LogicalResult load(Value param);
  std::optional<Array<double>> evaluate(Operation *op, const Values<double> &values) {
    auto result = evaluateModelOp(op, values);
    return result ? result : evaluateFusedOp(op, values);
  }
  void execute(Operation *op, Lane &lane);
  void compareResults(func::ReturnOp op);

  func::FuncOp function;
  WeightEvaluator &weights;
  Values<double> reference;
  std::vector<Lane> lanes;
};

LogicalResult VariantMachine::load(Value value) {
  auto param = value.getDefiningOp<ParamOp>();
  if (!param)
    return function.emitOpError("expected a function on tensors");
  auto source = weights.get(param.getWeightAttr());
  if (failed(source))
    return failure();
  auto array = Array<double>::dense(shapeOf(value));
  if ((*source)->elements() != array.elements())
    return param.emitOpError("expected as many elements as the weight has");
  constexpr int64_t chunk = 1 << 16;
  int64_t count = array.elements();
  llvm::parallelFor(0, (count + chunk - 1) / chunk, [&](size_t i) {
    int64_t first = i * chunk, size = std::min(chunk, count - first);
    (*source)->read(first, MutableArrayRef(array.data() + first, size));
  });
  reference[value] = array;
  return success();
}

void VariantMachine::execute(Operation *op, Lane &lane) {
  auto product = lane.variant->products.find(op);
  bool own = product != lane.variant->products.end();
  if (!own && llvm::none_of(op->getOperands(), [&](Value v) { return lane.values.contains(v); }))
    return; // as in the reference
  Values<double> values;
  for (Value operand : op->getOperands()) {
    auto it = lane.values.find(operand);
    values[operand] = it == lane.values.end() ? reference.at(operand) : it->second;
  }
  std::optional<ProductScope> scope;
  if (own)
    scope.emplace(op, product->second);
  lane.values[op->getResult(0)] = *evaluate(op, values);
}

void VariantMachine::compareResults(func::ReturnOp op) {
  for (Lane &lane : lanes)
    for (Value value : op.getOperands()) {
      const Array<double> &want = reference.at(value);
      auto it = lane.values.find(value);
      if (!lane.done)
        lane.errors.results.push_back(compare(it == lane.values.end() ? want : it->second, want));
    }
}

LogicalResult VariantMachine::execute(Operation *op) {
  for (Value operand : op->getOperands())
    if (!reference.contains(operand) && failed(load(operand)))
      return failure();
  std::optional<Array<double>> result = evaluate(op, reference);
  if (!result)
    return op->emitOpError("expected a model-level or fused op, which the interpreter knows");
  Value value = op->getResult(0);
  reference[value] = *result;
  for (Lane &lane : lanes) {
    if (lane.done)
      continue;
    execute(op, lane);
    if (lane.variant->probe != value)
      continue;
    auto it = lane.values.find(value);
    lane.errors.probe = compare(it == lane.values.end() ? *result : it->second, *result);
    if (lane.variant->stopAtProbe) {
      lane.done = true;
      lane.values.clear();
    }
  }
  return success();
}

LogicalResult VariantMachine::run(const Tensor &input, std::vector<VariantErrors> &errors) {
  if (!function.getBody().hasOneBlock() || function.getNumArguments() != 1)
    return function.emitOpError("expected one argument and a body of one block");
  Block &block = function.getBody().front();
  auto type = dyn_cast<RankedTensorType>(block.getArgument(0).getType());
  if (!type || ArrayRef<int64_t>(input.shape) != type.getShape() ||
      static_cast<int64_t>(input.data.size()) != type.getNumElements())
    return function.emitOpError() << "expected an input of type " << block.getArgument(0).getType();
  auto image = Array<double>::dense(type.getShape());
  llvm::copy(input.data, image.data());
  reference[block.getArgument(0)] = image;

  llvm::DenseMap<Value, Operation *> lastUse;
  for (Operation &op : block)
    for (Value operand : op.getOperands())
      lastUse[operand] = &op;
  for (Operation &op : block) {
    if (isa<ParamOp>(op))
      continue;
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      for (Value operand : ret.getOperands())
        if (!reference.contains(operand) && failed(load(operand)))
          return failure();
      compareResults(ret);
      break;
    }
    if (failed(execute(&op)))
      return failure();
    for (Value operand : op.getOperands())
      if (lastUse.lookup(operand) == &op) {
        reference.erase(operand);
        for (Lane &lane : lanes)
          lane.values.erase(operand);
      }
  }
  errors.clear();
  for (Lane &lane : lanes)
    errors.push_back(std::move(lane.errors));
  return success();
}

} // namespace

LogicalResult vit::runVariants(func::FuncOp function, const Tensor &input, WeightEvaluator &weights,
                               ArrayRef<Variant> variants, std::vector<VariantErrors> &errors) {
  return VariantMachine(function, weights, variants).run(input, errors);
}
