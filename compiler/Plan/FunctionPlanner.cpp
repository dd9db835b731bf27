#include "compiler/Plan/FunctionPlanner.h"
#include "dialect/Transforms/LayerArithmetic.h"

using namespace mlir;
using namespace vitc;

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
  if (!copy && type.getRank() == 3) {
    // All of the planes, with what is behind heads, as rows of both.
    copy = vit::PlanBufferOp::create(b, loc, MemRefType::get(type.getShape(), element), IntegerAttr());
    Value from = rowsOfPlanes(found, type.getShape()), to = rowsOfPlanes(copy, type.getShape());
    int64_t rows = type.getDimSize(0) * type.getDimSize(1);
    vit::PlanCopyOp::create(b, loc, from, to, IntegerAttr(),
                            b.getI64IntegerAttr(rowChunks(rows, type.getDimSize(2))));
  } else if (!copy) {
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
