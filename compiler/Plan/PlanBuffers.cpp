//===- PlanBuffers.cpp - fused ops on tensors to planned ops on buffers -----------------------------===//
#include "compiler/Plan/Passes.h"
#include "compiler/Plan/Strategy.h"
#include "dialect/Transforms/LayerArithmetic.h"
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/WeightUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

namespace vitc {
#define GEN_PASS_DEF_PLANBUFFERS
#include "compiler/Plan/Passes.h.inc"
} // namespace vitc

using namespace mlir;
using namespace vitc;

namespace {

/// Plans one function: reads `source`, writes the body of `target`.
class FunctionPlanner {
public:
  FunctionPlanner(vit::IsaAttr isa, vit::WeightBuilder &weights, func::FuncOp source, func::FuncOp target)
      : machine(isa), panel(isa.getPanel()), weights(weights), source(source), target(target),
        b(OpBuilder::atBlockEnd(&target.getBody().front())) {}

  LogicalResult run();
  int64_t regions = 0, inPlace = 0;

private:
  using Shape = ArrayRef<int64_t>;
  static Shape shapeOf(Value v) { return cast<RankedTensorType>(v.getType()).getShape(); }

  MemRefType rowType(int64_t rows, int64_t width, int64_t stride, Type element) {
    auto layout = StridedLayoutAttr::get(b.getContext(), 0, {stride, 1});
    return MemRefType::get({rows, width}, element, layout);
  }
  /// A row buffer with the usual stride.
  MemRefType activationType(int64_t rows, int64_t width, Type element) {
    int64_t stride = activationStride(width, panel, element.getIntOrFloatBitWidth() / 8);
    return rowType(rows, width, stride, element);
  }
  /// Rows of `buffer`, which has `width` columns and its own stride and element type.
  MemRefType viewType(MemRefType buffer, int64_t rows) {
    return rowType(rows, buffer.getDimSize(1), buffer.getStridesAndOffset().first[0],
                   buffer.getElementType());
  }
  /// What a product multiplies on this machine; where it has no such instruction, weights are widened.
  Type operandType(std::optional<vit::DotKind> dot) {
    if (dot == vit::DotKind::Int8 && machine.multipliesInt8())
      return b.getI8Type();
    return dot == vit::DotKind::Bf16 && machine.multipliesBf16() ? Type(b.getBF16Type()) : b.getF32Type();
  }
  /// The same of its weights.
  Type weightType(std::optional<vit::DotKind> dot) {
    return !dot ? Type(b.getF32Type()) : dot == vit::DotKind::Int8 ? Type(b.getI8Type()) : b.getBF16Type();
  }
  /// How `v` is stored: narrow if every reader would round it to the same type.
  Type elementOf(Value v);
  /// Columns of `v` as stored: attention writes heads of the stored size side by side.
  int64_t storedWidth(Value v);
  /// A row buffer for `v`: its place in a concatenation, or a buffer of its own.
  Value destination(Value v);
  Value newRows(Value v) {
    return vit::PlanBufferOp::create(b, loc, activationType(shapeOf(v)[0], storedWidth(v), elementOf(v)),
                                     IntegerAttr());
  }
  /// Head planes of `v`, and planes of a tensor of `shape` as rows of a head each.
  Value newPlanes(Value v) {
    auto shape = shapeOf(v);
    return vit::PlanBufferOp::create(
        b, loc, MemRefType::get({shape[0], shape[1], storedHeadSize(shape[2])}, elementOf(v)), IntegerAttr());
  }
  Value rowsOfPlanes(Value planes, Shape shape) {
    auto type = cast<MemRefType>(planes.getType());
    MemRefType rows = rowType(shape[0] * shape[1], shape[2], type.getDimSize(2), type.getElementType());
    return vit::PlanViewOp::create(b, loc, rows, planes, 0);
  }
  /// As `buffer`, without padding behind heads.
  Value denseRows(Value v);
  /// The buffer that holds `v`; weights that are used as activations (tokens, positions) are padded rows of
  /// the blob.
  Value buffer(Value v);
  /// As `buffer`, in `element`: copied if `v` is stored in another type.
  Value buffer(Value v, Type element);
  /// The bytes and scales of `v`'s rows; the scales `given`, or found.
  std::pair<Value, Value> quantizedRows(Value v, Value given);
  /// Buffers for them.
  std::pair<Value, Value> newQuantizedRows(int64_t rows, int64_t width, Value given);
  /// The scale that all rows of the op's input share, an entry a row in the blob; null if each has its own.
  Value givenScales(vit::FusedLinearOp op);
  /// True if `v` need not be stored but as bytes and scales.
  bool readAsBytesOnly(Value v);
  Value packed(vit::WeightChain chain, MemRefType type);
  /// `fine`, unless the grid has as much already.
  IntegerAttr finer(int64_t fine, int64_t coarse) {
    return fine > coarse ? b.getI64IntegerAttr(fine) : IntegerAttr();
  }
  Value vectorWeight(Value param, int64_t entries);
  /// Of an op that passes over the rows of `v`.
  int64_t chunksOf(Value v) { return rowChunks(shapeOf(v)[0], shapeOf(v)[1]); }

  LogicalResult plan(Operation *op);
  LogicalResult planLinear(vit::FusedLinearOp op);
  LogicalResult planAttention(vit::FusedAttentionOp op);
  LogicalResult planNorm(vit::LayerNormOp op);
  LogicalResult planRope(vit::RopeOp op);
  LogicalResult planJoin(vit::ConcatChannelsOp op);
  LogicalResult planReturn(func::ReturnOp op);
  void planMap(ValueRange inputs, Value result, double factor, vit::ActivationKindAttr activation);

  vit::IsaAttr machine;
  int64_t panel;
  vit::WeightBuilder &weights;
  func::FuncOp source, target;
  OpBuilder b;
  Location loc = UnknownLoc::get(b.getContext());
  DenseMap<Value, Value> buffers, narrowed;
  DenseMap<std::pair<Value, Value>, std::pair<Value, Value>> quantized; ///< by value and scales given
  DenseMap<std::pair<int64_t, Attribute>, Value> scalesOf;              ///< by rows and scale
  DenseMap<Value, std::pair<vit::ConcatOp, int64_t>> places; ///< value -> concatenation and first row
};

int64_t FunctionPlanner::storedWidth(Value v) {
  if (auto attention = v.getDefiningOp<vit::FusedAttentionOp>())
    return attention.getHeads() * storedHeadSize(shapeOf(attention.getQuery())[2]);
  return shapeOf(v)[1];
}

Value FunctionPlanner::destination(Value v) {
  auto place = places.find(v);
  if (place == places.end())
    return newRows(v);
  auto [concat, first] = place->second;
  Value &whole = buffers[concat.getResult()];
  if (!whole)
    whole = newRows(concat.getResult());
  ++inPlace;
  return vit::PlanViewOp::create(b, loc, viewType(cast<MemRefType>(whole.getType()), shapeOf(v)[0]), whole,
                                 first);
}

Type FunctionPlanner::elementOf(Value v) {
  // These leave zeros where a pair ends behind a row (LeafBuilder::padPair).
  if (!isa_and_present<vit::LayerNormOp, vit::RopeOp, vit::FusedLinearOp, vit::FusedAttentionOp,
                       vit::ExtractPatchesOp>(v.getDefiningOp()))
    return b.getF32Type();
  Type element;
  for (OpOperand &use : v.getUses()) {
    Type wanted = b.getF32Type();
    if (auto linear = dyn_cast<vit::FusedLinearOp>(use.getOwner());
        linear && use.getOperandNumber() == linear.getInputMutable().getOperandNumber())
      wanted = operandType(linear.getDot());
    else if (auto attention = dyn_cast<vit::FusedAttentionOp>(use.getOwner()))
      wanted = operandType(attention.getDot());
    if (wanted.isInteger(8)) // bytes are made from what is stored
      wanted = machine.multipliesBf16() ? Type(b.getBF16Type()) : b.getF32Type();
    if (element && element != wanted)
      return b.getF32Type();
    element = wanted;
  }
  return element ? element : b.getF32Type();
}

std::pair<Value, Value> FunctionPlanner::quantizedRows(Value v, Value given) {
  auto &[bytes, scales] = quantized[{v, given}];
  if (bytes)
    return {bytes, scales};
  Value rows = buffer(v);
  auto type = cast<MemRefType>(rows.getType());
  int64_t count = type.getDimSize(0), width = type.getDimSize(1);
  std::tie(bytes, scales) = newQuantizedRows(count, width, given);
  vit::PlanQuantizeOp::create(b, loc, rows, bytes, scales, static_cast<bool>(given), rowChunks(count, width));
  return {bytes, scales};
}

std::pair<Value, Value> FunctionPlanner::newQuantizedRows(int64_t rows, int64_t width, Value given) {
  Type element = machine.getInt8() == vit::Int8Unit::Madd ? b.getI16Type() : b.getI8Type();
  Value bytes = vit::PlanBufferOp::create(b, loc, activationType(rows, width, element), IntegerAttr());
  if (given)
    return {bytes, given};
  Value scales = vit::PlanBufferOp::create(b, loc, MemRefType::get({rows}, b.getF32Type()), IntegerAttr());
  return {bytes, scales};
}

Value FunctionPlanner::givenScales(vit::FusedLinearOp op) {
  FloatAttr scale = op.getInputScaleAttr();
  if (!scale)
    return {};
  int64_t rows = shapeOf(op.getInput())[0];
  Value &known = scalesOf[{rows, scale}];
  if (!known) {
    vit::WeightChain chain{vit::layerName(op) + ".input_scale",
                           {vit::FillStepAttr::get(b.getContext(), {rows}, scale)}};
    known = packed(chain, MemRefType::get({rows}, b.getF32Type()));
  }
  return known;
}

bool FunctionPlanner::readAsBytesOnly(Value v) {
  llvm::SmallDenseSet<Attribute, 1> scales;
  return !v.use_empty() && llvm::all_of(v.getUses(), [&](OpOperand &use) {
    auto linear = dyn_cast<vit::FusedLinearOp>(use.getOwner());
    if (!linear || use.getOperandNumber() != linear.getInputMutable().getOperandNumber() ||
        !operandType(linear.getDot()).isInteger(8))
      return false;
    scales.insert(linear.getInputScaleAttr());
    return scales.size() == 1;
  });
}

Value FunctionPlanner::packed(vit::WeightChain chain, MemRefType type) {
  return vit::PlanWeightsOp::create(b, loc, type, weights.build(chain));
}

Value FunctionPlanner::buffer(Value v) {
  Value &known = buffers[v];
  if (known || !v.getDefiningOp<vit::ParamOp>())
    return known;
  int64_t rows = shapeOf(v)[0], width = shapeOf(v)[1], stride = (width + panel - 1) / panel * panel;
  vit::WeightChain chain = weights.chain(v);
  if (stride != width)
    chain.then(vit::PadStepAttr::get(b.getContext(), {rows, stride}), "rows");
  return known = packed(chain, rowType(rows, width, stride, b.getF32Type()));
}

Value FunctionPlanner::buffer(Value v, Type element) {
  Value found = buffer(v);
  auto type = cast<MemRefType>(found.getType());
  if (type.getElementType() == element)
    return found;
  Value &copy = narrowed[v];
  if (!copy) {
    int64_t rows = type.getDimSize(0), width = type.getDimSize(1);
    copy = vit::PlanBufferOp::create(b, loc, activationType(rows, width, element), IntegerAttr());
    vit::PlanCopyOp::create(b, loc, found, copy, IntegerAttr(), b.getI64IntegerAttr(rowChunks(rows, width)));
  }
  return copy;
}

Value FunctionPlanner::denseRows(Value v) {
  Value rows = buffer(v);
  auto type = cast<MemRefType>(rows.getType());
  auto attention = v.getDefiningOp<vit::FusedAttentionOp>();
  if (!attention || type.getDimSize(1) == shapeOf(v)[1])
    return rows;
  Value &copy = narrowed[v];
  if (!copy) {
    int64_t count = type.getDimSize(0), width = shapeOf(v)[1];
    copy = vit::PlanBufferOp::create(b, loc, activationType(count, width, b.getF32Type()), IntegerAttr());
    vit::PlanCopyOp::create(b, loc, rows, copy, attention.getHeadsAttr(),
                            b.getI64IntegerAttr(rowChunks(count, width)));
  }
  return copy;
}

Value FunctionPlanner::vectorWeight(Value param, int64_t entries) {
  if (!param)
    return {};
  vit::WeightChain chain = weights.chain(param);
  if (shapeOf(param)[0] != entries)
    chain.then(vit::PadStepAttr::get(b.getContext(), {entries}), "pad");
  return packed(chain, MemRefType::get({entries}, b.getF32Type()));
}

LogicalResult FunctionPlanner::planLinear(vit::FusedLinearOp op) {
  MLIRContext *context = b.getContext();
  int64_t rows = shapeOf(op.getInput())[0], outputs = shapeOf(op.getWeight())[0],
          inputs = shapeOf(op.getWeight())[1];
  int64_t heads = op.getHeads().value_or(0), headSize = heads ? outputs / heads : 0;
  int64_t storedHead = heads ? storedHeadSize(headSize) : 0, stored = heads ? heads * storedHead : outputs;
  int64_t depth = storedWidth(op.getInput()), panels = (stored + panel - 1) / panel;

  if (!vit::isWeightOrAbsent(op.getBias()) || !vit::weightOf(op.getWeight()))
    return op.emitOpError("expected weight and bias to be parameters");
  vit::WeightChain weight = weights.chain(op.getWeight());
  if (depth != inputs) { // what attention wrote
    auto attention = op.getInput().getDefiningOp<vit::FusedAttentionOp>();
    int64_t from = inputs / static_cast<int64_t>(attention.getHeads());
    weight.then(vit::PadGroupsStepAttr::get(context, 1, from, storedHeadSize(from)), "in");
  }
  if (headSize != storedHead)
    weight.then(vit::PadGroupsStepAttr::get(context, 0, headSize, storedHead), "heads");
  Type element = weightType(op.getDot());
  int64_t neighbours = 32 / element.getIntOrFloatBitWidth();
  auto columns = [&](Attribute step, StringRef name) {
    vit::WeightChain chain = weight;
    chain.then(step, name);
    if (panels * panel != stored)
      chain.then(vit::PadStepAttr::get(context, {panels * panel}), "pad");
    return packed(chain, MemRefType::get({panels * panel}, b.getF32Type()));
  };
  Value a, rowScales, columnScales, columnSums;
  if (element.isInteger(8)) {
    columnScales = columns(vit::RowScalesStepAttr::get(context), "scales");
    // In every plan, used or not, so that all levels want the same blob.
    Value sums = columns(vit::RowSumsStepAttr::get(context), "sums"), given = givenScales(op);
    if (operandType(op.getDot()).isInteger(8)) {
      columnSums = sums;
      std::tie(a, rowScales) = quantizedRows(op.getInput(), given);
    }
    weight.then(vit::QuantizeRowsStepAttr::get(context), "int8");
  } else if (element.isBF16()) {
    weight.then(vit::RoundStepAttr::get(context, element), "bf16");
  }
  weight.then(vit::PackPanelsStepAttr::get(context, panel, neighbours), "panels");
  Value w = packed(
      weight, MemRefType::get({panels, (depth + neighbours - 1) / neighbours, panel * neighbours}, element));

  Value bias;
  if (op.getBias()) {
    vit::WeightChain chain = weights.chain(op.getBias());
    if (headSize != storedHead)
      chain.then(vit::PadGroupsStepAttr::get(context, 0, headSize, storedHead), "heads");
    if (panels * panel != stored)
      chain.then(vit::PadStepAttr::get(context, {panels * panel}), "pad");
    bias = packed(chain, MemRefType::get({panels * panel}, b.getF32Type()));
  }

  if (!a)
    a = buffer(op.getInput(), operandType(op.getDot()));
  Value factor = op.getFactor() ? denseRows(op.getFactor()) : Value();
  Value residual = op.getResidual() ? denseRows(op.getResidual()) : Value();
  Value c;
  if (heads) {
    int64_t planes = (panels * panel + storedHead - 1) / storedHead;
    c = vit::PlanBufferOp::create(
        b, loc, MemRefType::get({planes, rows, storedHead}, elementOf(op.getResult())), IntegerAttr());
  } else {
    c = destination(op.getResult());
  }
  buffers[op.getResult()] = c;
  vit::TileSize tile = machine.tileFor(element);
  Grid grid = gemmGrid(rows, depth, panels, panel, tile.rows);
  vit::PlanGemmOp::create(b, loc, a, w, rowScales, columnScales, columnSums, bias, factor, residual, c,
                          op.getActivationAttr(), b.getDenseI64ArrayAttr({tile.rows, tile.vectors}),
                          machine.hasTilesFor(element) ? b.getUnitAttr() : UnitAttr(),
                          b.getDenseI64ArrayAttr({grid.rowBlocks, grid.groups, grid.parts}),
                          finer(fineParts(rows, depth, panel, tile.rows, grid), grid.parts),
                          imagesInner(rows) ? b.getUnitAttr() : UnitAttr(),
                          b.getI64IntegerAttr(2 * rows * inputs * outputs));
  return success();
}

LogicalResult FunctionPlanner::planAttention(vit::FusedAttentionOp op) {
  auto q = shapeOf(op.getQuery()), k = shapeOf(op.getKey());
  int64_t heads = op.getHeads();
  Value output = destination(op.getResult());
  buffers[op.getResult()] = output;
  Type element = operandType(op.getDot());
  bool matrixUnit = machine.hasTilesFor(element) && machine.tileFor(element).vectors == 2 && !op.getBias() &&
                    !op.getLinear();
  vit::TileSize tile = matrixUnit ? machine.tileFor(element) : machine.vectorTileFor(element);
  Grid grid = attentionGrid(q[1], heads, element.isBF16());
  Value bias;
  if (op.getBias()) {
    if (!vit::weightOf(op.getBias()))
      return op.emitOpError("expected the bias to be a parameter");
    MLIRContext *context = b.getContext();
    int64_t padded = (q[1] + vit::kQueryTile - 1) / vit::kQueryTile * vit::kQueryTile;
    vit::WeightChain chain = weights.chain(op.getBias());
    chain.then(vit::TransposeStepAttr::get(context), "keys");
    if (padded != q[1])
      chain.then(vit::PadStepAttr::get(context, {heads, k[1], padded}), "pad");
    bias = packed(chain, MemRefType::get({heads, k[1], padded}, b.getF32Type()));
  }
  vit::PlanAttentionOp::create(
      b, loc, buffer(op.getQuery()), buffer(op.getKey()), buffer(op.getValue()), bias, output,
      op.getHeadsAttr(), op.getPlanesAttr(), op.getBase2Attr(), op.getLinearAttr(),
      b.getDenseI64ArrayAttr({tile.rows, tile.vectors}), matrixUnit ? b.getUnitAttr() : UnitAttr(),
      b.getDenseI64ArrayAttr({grid.rowBlocks, grid.groups}), finer(fineRowBlocks(q[1], grid), grid.rowBlocks),
      b.getI64IntegerAttr(4 * q[1] * k[1] * q[2] * heads));
  return success();
}

LogicalResult FunctionPlanner::planNorm(vit::LayerNormOp norm) {
  if (!vit::isWeightOrAbsent(norm.getGamma()) || !vit::isWeightOrAbsent(norm.getBeta()))
    return norm.emitOpError("expected gamma and beta to be parameters");
  auto shape = shapeOf(norm.getResult());
  int64_t width = norm.groupSize(), entries = (width + 15) / 16 * 16;
  if (norm.getHeads().value_or(1) != 1)
    return norm.emitOpError("cannot be planned: expected a norm of heads on head planes");
  Value gamma = vectorWeight(norm.getGamma(), entries), beta = vectorWeight(norm.getBeta(), entries);
  auto create = [&](Value input, Value output, Value scales, Value given) {
    int64_t rows = cast<MemRefType>(output.getType()).getDimSize(0);
    vit::PlanLayerNormOp::create(b, loc, input, gamma, beta, output, scales,
                                 scales && given ? b.getUnitAttr() : UnitAttr(), norm.getRmsAttr(),
                                 norm.getEpsAttr(), b.getI64IntegerAttr(rowChunks(rows, width)));
    return success();
  };
  if (shape.size() == 3) {
    Value planes = buffers[norm.getResult()] = newPlanes(norm.getResult());
    return create(rowsOfPlanes(buffer(norm.getInput()), shape), rowsOfPlanes(planes, shape), {}, {});
  }
  Value input = denseRows(norm.getInput()), output, scales, given;
  // In every plan, used or not, so that all levels want the same blob.
  for (Operation *reader : llvm::reverse(llvm::to_vector(norm->getUsers())))
    if (auto linear = dyn_cast<vit::FusedLinearOp>(reader))
      given = givenScales(linear);
  if (readAsBytesOnly(norm.getResult())) {
    std::tie(output, scales) = newQuantizedRows(shape[0], shape[1], given);
    quantized[{norm.getResult(), given}] = {output, scales};
  } else {
    output = destination(norm.getResult());
    buffers[norm.getResult()] = output;
  }
  return create(input, output, scales, given);
}

LogicalResult FunctionPlanner::planRope(vit::RopeOp rope) {
  auto shape = shapeOf(rope.getResult());
  if (shape.size() != 3 || rope.getHalves())
    return rope.emitOpError("cannot be planned: expected a rotation of neighbours on head planes");
  if (!vit::weightOf(rope.getCos()) || !vit::weightOf(rope.getSin()))
    return rope.emitOpError("expected tables to be parameters");
  int64_t heads = shape[0], size = shape[2], stored = storedHeadSize(size);
  auto table = [&](Value param) {
    int64_t rows = shapeOf(param)[0], columns = shapeOf(param)[1] / size * stored;
    vit::WeightChain chain = weights.chain(param);
    if (size != stored)
      chain.then(vit::PadGroupsStepAttr::get(b.getContext(), 1, size, stored), "heads");
    return packed(chain, rowType(rows, columns, columns, b.getF32Type()));
  };
  Value cos = table(rope.getCos()), sin = table(rope.getSin());
  Value input = buffer(rope.getInput()), output = buffers[rope.getResult()] = newPlanes(rope.getResult());
  int64_t parts = std::min(rowChunks(shape[1], stored), shape[1]);
  vit::PlanRopeOp::create(b, loc, input, cos, sin, output, rope.getFirstAttr(),
                          b.getI64IntegerAttr(heads * parts));
  return success();
}

void FunctionPlanner::planMap(ValueRange inputs, Value result, double factor,
                              vit::ActivationKindAttr activation) {
  SmallVector<Value> operands;
  for (Value input : inputs)
    operands.push_back(denseRows(input));
  Value output = destination(result);
  buffers[result] = output;
  vit::PlanMapOp::create(b, loc, operands, output, b.getF64FloatAttr(factor), activation,
                         b.getI64IntegerAttr(rowChunks(shapeOf(result)[0], shapeOf(result)[1])));
}

LogicalResult FunctionPlanner::planJoin(vit::ConcatChannelsOp op) {
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(buffer(input));
  Value output = destination(op.getResult());
  buffers[op.getResult()] = output;
  vit::PlanJoinOp::create(b, loc, inputs, output,
                          rowChunks(shapeOf(op.getResult())[0], shapeOf(op.getResult())[1]));
  return success();
}

LogicalResult FunctionPlanner::planReturn(func::ReturnOp op) {
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    Value output = target.getArgument(i + 1);
    vit::PlanCopyOp::create(b, loc, denseRows(value), output, IntegerAttr(),
                            b.getI64IntegerAttr(rowChunks(shapeOf(value)[0], shapeOf(value)[1])));
  }
  func::ReturnOp::create(b, loc);
  return success();
}

LogicalResult FunctionPlanner::plan(Operation *op) {
  loc = op->getLoc();
  // These take tensors of any rank; what they are planned as has rows.
  if (isa<vit::AddOp, vit::AverageOp, vit::ActivationOp>(op) && shapeOf(op->getResult(0)).size() != 2)
    return op->emitOpError("cannot be planned: expected tokens [rows, columns], got ")
           << op->getResult(0).getType();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](vit::ParamOp) { return success(); })
      .Case([&](vit::FusedLinearOp linear) { return planLinear(linear); })
      .Case([&](vit::FusedAttentionOp attention) { return planAttention(attention); })
      .Case([&](vit::ExtractPatchesOp patches) {
        Value output = destination(patches.getResult());
        buffers[patches.getResult()] = output;
        auto shape = shapeOf(patches.getResult());
        vit::PlanGatherOp::create(b, loc, buffer(patches.getInput()), output, patches.getSizeAttr(),
                                  patches.getStrideAttr(), patches.getPaddingAttr(), patches.getFactorsAttr(),
                                  patches.getShiftsAttr(), patches.getChannelsLastAttr(),
                                  b.getI64IntegerAttr(rowChunks(shape[0], shape[1])));
        return success();
      })
      .Case([&](vit::LayerNormOp norm) { return planNorm(norm); })
      .Case([&](vit::RopeOp rope) { return planRope(rope); })
      .Case([&](vit::ConcatOp concat) {
        Value whole = buffers[concat.getResult()];
        if (!whole)
          buffers[concat.getResult()] = whole = newRows(concat.getResult());
        auto type = cast<MemRefType>(whole.getType());
        int64_t first = 0;
        for (Value input : concat.getInputs()) {
          int64_t rows = shapeOf(input)[0];
          if (!places.contains(input)) {
            Value view = vit::PlanViewOp::create(b, loc, viewType(type, rows), whole, first);
            vit::PlanCopyOp::create(b, loc, denseRows(input), view, IntegerAttr(),
                                    b.getI64IntegerAttr(rowChunks(rows, type.getDimSize(1))));
          }
          first += rows;
        }
        return success();
      })
      .Case([&](vit::SliceOp slice) {
        Value rows = denseRows(slice.getInput());
        buffers[slice.getResult()] = vit::PlanViewOp::create(
            b, loc, viewType(cast<MemRefType>(rows.getType()), shapeOf(slice.getResult())[0]), rows,
            slice.getFirst());
        return success();
      })
      .Case([&](vit::MeanTokensOp mean) {
        Value output = destination(mean.getResult());
        buffers[mean.getResult()] = output;
        vit::PlanMeanOp::create(b, loc, denseRows(mean.getInput()), output);
        return success();
      })
      .Case([&](vit::MaxTokensOp max) {
        Value output = destination(max.getResult());
        buffers[max.getResult()] = output;
        vit::PlanMaxOp::create(b, loc, buffer(max.getInput()), output);
        return success();
      })
      .Case([&](vit::ConcatChannelsOp concat) { return planJoin(concat); })
      .Case([&](vit::SoftmaxOp softmax) {
        Value output = destination(softmax.getResult());
        buffers[softmax.getResult()] = output;
        vit::PlanSoftmaxOp::create(b, loc, buffer(softmax.getInput()), output,
                                   b.getI64IntegerAttr(chunksOf(softmax.getResult())));
        return success();
      })
      .Case([&](vit::FusedAttentionWeightsOp maps) {
        Value output = destination(maps.getResult());
        buffers[maps.getResult()] = output;
        Value bias;
        if (maps.getBias()) {
          auto shape = shapeOf(maps.getBias());
          int64_t columns = (shape[2] + 15) / 16 * 16;
          vit::WeightChain chain = weights.chain(maps.getBias());
          if (columns != shape[2])
            chain.then(vit::PadStepAttr::get(b.getContext(), {shape[0], shape[1], columns}), "rows");
          bias = packed(chain, MemRefType::get({shape[0], shape[1], columns}, b.getF32Type()));
        }
        vit::PlanAttentionWeightsOp::create(b, loc, buffer(maps.getQuery()), buffer(maps.getKey()), bias,
                                            output, b.getI64IntegerAttr(chunksOf(maps.getResult())));
        return success();
      })
      .Case([&](vit::RolloutOp rollout) {
        Value output = destination(rollout.getResult());
        buffers[rollout.getResult()] = output;
        vit::PlanRolloutOp::create(
            b, loc, buffer(rollout.getWeights()), rollout.getBefore() ? buffer(rollout.getBefore()) : Value(),
            output, rollout.getHeadsAttr(), b.getI64IntegerAttr(chunksOf(rollout.getResult())));
        return success();
      })
      .Case([&](vit::AddOp add) {
        planMap(add.getOperands(), add.getResult(), 1.0, {});
        return success();
      })
      .Case([&](vit::AverageOp average) {
        planMap(average.getInputs(), average.getResult(), 1.0 / average.getInputs().size(), {});
        return success();
      })
      .Case([&](vit::ActivationOp activation) {
        planMap(activation.getInput(), activation.getResult(), 1.0, activation.getKindAttr());
        return success();
      })
      .Case([&](func::ReturnOp ret) { return planReturn(ret); })
      .Default(
          [](Operation *other) { return other->emitOpError("cannot be planned: fuse it first (vit-fuse)"); });
}

LogicalResult FunctionPlanner::run() {
  buffers[source.getArgument(0)] = target.getArgument(0);
  // An operand of a concatenation that a region computes, for it alone, is computed in its place.
  source.walk([&](vit::ConcatOp concat) {
    int64_t first = 0;
    for (Value input : concat.getInputs()) {
      auto *op = input.getDefiningOp();
      if (op && input.hasOneUse() && !isa<vit::ParamOp, vit::SliceOp, vit::ConcatOp>(op))
        places[input] = {concat, first};
      first += shapeOf(input)[0];
    }
  });
  for (Operation &op : source.getBody().front())
    if (failed(plan(&op)))
      return failure();
  regions = llvm::count_if(target.getBody().front(),
                           [](Operation &op) { return isa<vit::PlannedOpInterface>(op); });
  return success();
}

/// The type of a planned function's argument: pixels are plain bytes, all else dense f32.
MemRefType argumentType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (element.isInteger(8))
    element = IntegerType::get(type.getContext(), 8);
  if (tensor.getRank() != 2)
    return MemRefType::get(tensor.getShape(), element);
  auto layout = StridedLayoutAttr::get(type.getContext(), 0, {tensor.getDimSize(1), 1});
  return MemRefType::get(tensor.getShape(), element, layout);
}

struct PlanBuffersPass : vitc::impl::PlanBuffersBase<PlanBuffersPass> {
  using PlanBuffersBase::PlanBuffersBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto isa = module->getAttrOfType<vit::IsaAttr>("vit.isa");
    if (!isa) {
      module.emitOpError("expected attribute 'vit.isa' that describes the target");
      return signalPassFailure();
    }
    vit::WeightBuilder weights(module);
    for (auto source : llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (source.getNumArguments() != 1 || !source.getBody().hasOneBlock()) {
        source.emitOpError("expected one argument, the image, and one block");
        return signalPassFailure();
      }
      SmallVector<Type> types{argumentType(source.getArgumentTypes()[0])};
      SmallVector<Attribute> names;
      for (auto [i, type] : llvm::enumerate(source.getResultTypes())) {
        types.push_back(argumentType(type));
        names.push_back(source.getResultAttrDict(i));
      }
      OpBuilder b(source);
      auto target = func::FuncOp::create(b, source.getLoc(), source.getName(), b.getFunctionType(types, {}));
      target.addEntryBlock();
      for (auto [i, name] : llvm::enumerate(names))
        if (name)
          target.setArgAttrs(i + 1, cast<DictionaryAttr>(name));
      FunctionPlanner planner(isa, weights, source, target);
      if (failed(planner.run()))
        return signalPassFailure();
      source.erase();
      vit::reportStatistic(*this, target, reportStatistics, "regions", planner.regions);
      vit::reportStatistic(*this, target, reportStatistics, "in-place", planner.inPlace);
    }
  }
};

} // namespace
