//===- Interpreter.cpp - functions: values, their lives, weights, buffers
//--------------------------------===//
#include "dialect/Interp/Interpreter.h"
#include "dialect/IR/VerifyUtils.h"
#include "dialect/Interp/Execute.h"
#include "dialect/Interp/Rounding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Parallel.h"
#include <limits>

using namespace mlir;
using namespace vit;
using namespace vit::interp;

namespace {

template <typename S> class Machine {
public:
  Machine(func::FuncOp function, WeightEvaluator &weights, const InterpOptions &options)
      : function(function), weights(weights), options(options) {}

  LogicalResult run(ArrayRef<Tensor> inputs, std::vector<Tensor> &results) {
    if (!function.getBody().hasOneBlock())
      return function.emitOpError() << "expected a body of one block to interpret";
    block = &function.getBody().front();
    if (failed(bindArguments(inputs)))
      return failure();
    findLastUses();
    for (Operation &op : *block) {
      if (failed(bindOperands(&op)) || failed(execute(&op, inputs.size(), results)))
        return failure();
      for (Value dead : lastUses.lookup(&op))
        values.erase(dead);
    }
    return success();
  }

private:
  LogicalResult bindArguments(ArrayRef<Tensor> inputs);
  LogicalResult bindOperands(Operation *op);
  LogicalResult execute(Operation *op, size_t inputs, std::vector<Tensor> &results);
  FailureOr<Array<S>> weight(FlatSymbolRefAttr name, ShapedType type);
  Array<S> buffer(MemRefType type, std::shared_ptr<std::vector<S>> storage = nullptr, int64_t offset = 0);
  void findLastUses();

  static Tensor toTensor(const Array<S> &array);

  func::FuncOp function;
  WeightEvaluator &weights;
  const InterpOptions &options;
  Block *block = nullptr;
  Values<S> values;
  llvm::DenseMap<Operation *, SmallVector<Value, 2>> lastUses;
  /// Shared by buffers whose offset is planned: by bytes of an element, so that rows of a buffer are found at
  /// their offset. Buffers of different types do not overlap here.
  llvm::DenseMap<int64_t, std::shared_ptr<std::vector<S>>> arenas;
};

/// Elements from a buffer's origin to its end. Extents and strides of memrefs are static (verified).
int64_t extentOf(MemRefType type) {
  return type.getRank() == 0 ? 1 : type.getDimSize(0) * type.getStridesAndOffset().first[0];
}

int64_t bytesOf(MemRefType type) { return extentOf(type) * type.getElementTypeBitWidth() / 8; }

/// Rounds the elements of a buffer to its type.
template <typename S> void roundTo(MemRefType type, const Array<S> &array) {
  if (!type.getElementType().isBF16()) // integers are whole already
    return;
  if (array.shape.size() == 3)
    for (int64_t p = 0; p < array.dim(0); ++p)
      roundToBf16(array.plane(p));
  else
    roundToBf16(array.rows());
}

/// A buffer's view of `storage`, or of fresh memory.
template <typename S>
Array<S> Machine<S>::buffer(MemRefType type, std::shared_ptr<std::vector<S>> storage, int64_t offset) {
  Array<S> array;
  array.shape.assign(type.getShape().begin(), type.getShape().end());
  llvm::append_range(array.strides, type.getStridesAndOffset().first);
  array.offset = offset;
  if (storage)
    array.storage = std::move(storage);
  else
    array.storage = std::make_shared<std::vector<S>>(extentOf(type), std::numeric_limits<S>::quiet_NaN());
  return array;
}

template <typename S> LogicalResult Machine<S>::bindArguments(ArrayRef<Tensor> inputs) {
  bool planned = llvm::any_of(block->getArgumentTypes(), llvm::IsaPred<MemRefType>);
  if (planned ? inputs.size() > block->getNumArguments() : inputs.size() != block->getNumArguments())
    return function.emitOpError() << "expected " << block->getNumArguments() << " inputs, got "
                                  << inputs.size();
  int64_t arenaBytes = 0;
  for (BlockArgument argument : block->getArguments()) {
    auto type = dyn_cast<ShapedType>(argument.getType());
    if (!type || !type.hasStaticShape())
      return function.emitOpError() << "expected arguments of static shape, got " << argument.getType();
    auto memref = dyn_cast<MemRefType>(argument.getType());
    Array<S> array = memref ? buffer(memref) : Array<S>::dense(type.getShape());
    values[argument] = array;
    if (argument.getArgNumber() >= inputs.size())
      continue;
    const Tensor &input = inputs[argument.getArgNumber()];
    if (ArrayRef<int64_t>(input.shape) != type.getShape() ||
        static_cast<int64_t>(input.data.size()) != array.elements()) {
      InFlightDiagnostic diag = function.emitOpError()
                                << "expected input " << argument.getArgNumber() << " of type "
                                << argument.getType() << ", got shape [";
      llvm::interleaveComma(input.shape, diag);
      return diag << "] and " << input.data.size() << " elements";
    }
    int64_t columns = input.shape.empty() ? 1 : input.shape.back();
    int64_t stride = array.shape.size() < 2 ? columns : array.strides[array.shape.size() - 2];
    for (size_t i = 0; i < input.data.size(); ++i)
      array.data()[i / columns * stride + i % columns] = static_cast<S>(input.data[i]);
  }
  for (auto op : block->getOps<PlanBufferOp>())
    if (auto offset = op.getOffset())
      arenaBytes = std::max<int64_t>(arenaBytes, *offset + bytesOf(cast<MemRefType>(op.getType())));
  for (int64_t width : {1, 2, 4})
    arenas[width] = std::make_shared<std::vector<S>>(arenaBytes / width, std::numeric_limits<S>::quiet_NaN());
  return success();
}

/// A value dies with its last use, weights included; buffers live on while a view of them does.
template <typename S> void Machine<S>::findLastUses() {
  llvm::DenseSet<Value> seen;
  for (Operation &op : llvm::reverse(*block)) {
    for (Value operand : op.getOperands())
      if (seen.insert(operand).second)
        lastUses[&op].push_back(operand);
    for (Value result : op.getResults())
      if (!seen.contains(result))
        lastUses[&op].push_back(result);
  }
  // The outputs of a planned function are read when it returns.
  for (BlockArgument argument : block->getArguments())
    for (auto &[op, dead] : lastUses)
      if (op != block->getTerminator())
        llvm::erase(dead, argument);
}

/// Weights are evaluated by their first reader, however early their op stands, so that few are alive at a
/// time.
template <typename S> LogicalResult Machine<S>::bindOperands(Operation *op) {
  for (Value operand : op->getOperands()) {
    if (values.contains(operand))
      continue;
    FlatSymbolRefAttr name;
    if (auto param = operand.getDefiningOp<ParamOp>())
      name = param.getWeightAttr();
    else
      name = cast<PlanWeightsOp>(operand.getDefiningOp()).getWeightAttr();
    auto array = weight(name, cast<ShapedType>(operand.getType()));
    if (failed(array))
      return failure();
    values[operand] = *array;
  }
  return success();
}

template <typename S> FailureOr<Array<S>> Machine<S>::weight(FlatSymbolRefAttr name, ShapedType type) {
  auto source = weights.get(name);
  if (failed(source))
    return failure();
  Array<S> array;
  if (auto memref = dyn_cast<MemRefType>(type))
    array = buffer(memref);
  else
    array = Array<S>::dense(type.getShape());
  int64_t count = (*source)->elements();
  if (static_cast<int64_t>(array.storage->size()) != count)
    return function.emitOpError() << "expected weight " << name << " of " << array.storage->size()
                                  << " elements, got " << count;
  constexpr int64_t chunk = 1 << 16;
  llvm::parallelFor(0, (count + chunk - 1) / chunk, [&](size_t i) {
    int64_t first = i * chunk, size = std::min(chunk, count - first);
    if constexpr (std::is_same_v<S, double>) {
      (*source)->read(first, MutableArrayRef(array.data() + first, size));
    } else {
      std::vector<double> wide(size);
      (*source)->read(first, wide);
      std::copy(wide.begin(), wide.end(), array.data() + first);
    }
  });
  return array;
}

template <typename S> Tensor Machine<S>::toTensor(const Array<S> &array) {
  Tensor tensor{array.shape, std::vector<double>(array.elements())};
  SmallVector<int64_t, 4> index(array.shape.size(), 0);
  for (double &value : tensor.data) {
    int64_t position = 0;
    for (auto [i, stride] : llvm::zip(index, array.strides))
      position += i * stride;
    value = array.data()[position];
    for (size_t d = index.size(); d-- > 0 && ++index[d] == array.shape[d];)
      index[d] = 0;
  }
  return tensor;
}

template <typename S>
LogicalResult Machine<S>::execute(Operation *op, size_t inputs, std::vector<Tensor> &results) {
  if (isa<ParamOp, PlanWeightsOp>(op))
    return success();
  if (auto ret = dyn_cast<func::ReturnOp>(op)) {
    results.clear();
    for (Value value : ret.getOperands())
      results.push_back(toTensor(values.at(value)));
    for (BlockArgument argument : block->getArguments().drop_front(inputs))
      results.push_back(toTensor(values.at(argument)));
    return success();
  }
  if (auto plan = dyn_cast<PlanBufferOp>(op)) {
    auto type = cast<MemRefType>(plan.getType());
    auto offset = plan.getOffset();
    int64_t width = type.getElementTypeBitWidth() / 8;
    values[plan] = offset ? buffer(type, arenas.at(width), *offset / width) : buffer(type);
    return success();
  }
  if (auto view = dyn_cast<PlanViewOp>(op)) {
    Array<S> array = values.at(view.getSource());
    if (array.shape.size() == 3) { // planes, as rows
      array.shape.erase(array.shape.begin());
      array.strides.erase(array.strides.begin());
    }
    array.offset += array.strides[0] * static_cast<int64_t>(view.getFirst());
    array.shape.assign(shapeOf(view.getResult()).begin(), shapeOf(view.getResult()).end());
    values[view] = array;
    return success();
  }
  std::optional<Array<S>> result = evaluateModelOp(op, values);
  if (!result)
    result = evaluateFusedOp(op, values);
  if (result)
    values[op->getResult(0)] = *result;
  else if ((result = executePlannedOp(op, values)))
    for (Value output : cast<PlannedOpInterface>(op).getOutputBuffers())
      roundTo(cast<MemRefType>(output.getType()), values.at(output));
  if (!result)
    return op->emitOpError() << "expected an op that the interpreter knows";
  if (options.observe)
    options.observe(op, toTensor(*result));
  return success();
}

} // namespace

LogicalResult vit::interpret(func::FuncOp function, ArrayRef<Tensor> inputs, WeightEvaluator &weights,
                             const InterpOptions &options, std::vector<Tensor> &results) {
  if (options.single)
    return Machine<float>(function, weights, options).run(inputs, results);
  return Machine<double>(function, weights, options).run(inputs, results);
}
