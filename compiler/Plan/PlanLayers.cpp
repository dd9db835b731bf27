//===- PlanLayers.cpp - regions of layers -----------------------------------------------------------===//
#include "compiler/Plan/FunctionPlanner.h"

using namespace mlir;
using namespace vitc;

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
      b, loc, buffer(op.getQuery(), element), buffer(op.getKey(), element), buffer(op.getValue(), element),
      bias, output, op.getHeadsAttr(), op.getPlanesAttr(), op.getBase2Attr(), op.getLinearAttr(),
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
  SmallVector<Operation *> readers(norm->getUsers());
  for (Operation *reader : llvm::reverse(readers))
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
