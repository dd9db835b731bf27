//===- PlannedOps.cpp - verifiers and interfaces of planned ops -------------------------------------===//
#include "dialect/IR/TileRegisters.h"
#include "dialect/IR/VerifyUtils.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <cmath>

using namespace mlir;
using namespace vit;

/// Elements between rows of a buffer whose innermost stride is one; -1 if it has no such layout.
static int64_t rowStride(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type.hasStaticShape() || failed(type.getStridesAndOffset(strides, offset)) || strides.empty() ||
      strides.back() != 1 || llvm::any_of(strides, ShapedType::isDynamic))
    return -1;
  return strides.size() == 1 ? type.getDimSize(0) : strides[strides.size() - 2];
}

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Accumulator tiles have a few rows and vectors; the bound keeps later products small.
static bool isTile(ArrayRef<int64_t> tile) {
  return tile.size() == 2 && llvm::all_of(tile, [](int64_t t) { return t >= 1 && t <= 64; });
}

/// Fails unless the rows of `buffer` divide into `chunks`.
static LogicalResult verifyChunks(Operation *op, Value buffer, int64_t chunks, StringRef constraint) {
  int64_t rows = shapeOf(buffer)[0];
  if (chunks > 0 && chunks <= rows)
    return success();
  return op->emitOpError() << "expected 1 to " << rows << " chunks, got " << chunks << " (" << constraint
                           << ")";
}

using Effects = SmallVectorImpl<MemoryEffects::EffectInstance>;
/// Effects of a region that writes `output` and, unless they are `given`, `scales`; it reads all else.
static void addEffects(Effects &effects, Operation *op, OpOperand &output, OpOperand *scales, bool given) {
  for (OpOperand &operand : op->getOpOperands())
    if (&operand == &output || (&operand == scales && !given))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
}

//===----------------------------------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanBufferOp::verify() {
  if (!isPlannableBuffer(cast<MemRefType>(getResult().getType())))
    return emitOpError() << "expected static extents and strides of which the innermost is one, got "
                         << getResult().getType() << " (plan_buffer_c1)";
  if (auto offset = getOffset(); offset && (*offset > 4 * kMaxElements || *offset % 64 != 0))
    return emitOpError() << "expected an offset that is a multiple of 64, from 0 to 2^33, got "
                         << static_cast<int64_t>(*offset) << " (plan_buffer_c2)";
  return success();
}

LogicalResult PlanWeightsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  auto type = cast<MemRefType>(getResult().getType());
  int64_t stride = rowStride(getResult());
  int64_t extent = stride < 0            ? -1
                   : type.getRank() == 2 ? type.getDimSize(0) * stride
                                         : type.getNumElements();
  if (!weight || weight.getTensorType().getNumElements() != extent)
    return emitOpError() << "expected a weight " << getWeightAttr() << " of " << extent
                         << " elements (plan_weights_c1)";
  return success();
}

LogicalResult PlanViewOp::verify() {
  auto in = shapeOf(getSource()), out = shapeOf(getResult());
  int64_t first = getFirst();
  bool planes = in.size() == 3;
  auto type = cast<MemRefType>(getSource().getType());
  bool contiguous =
      !planes || type.getStridesAndOffset().first[0] == in[1] * type.getStridesAndOffset().first[1];
  int64_t rows = planes ? in[0] * in[1] : in[0];
  if ((planes ? out[1] > in[2] : out[1] != in[1]) || !contiguous ||
      rowStride(getSource()) != rowStride(getResult()) || first < 0 || first > rows - out[0] ||
      type.getElementType() != getResult().getType().getElementType())
    return emitOpError() << "expected rows inside " << getSource().getType()
                         << " with its width and stride, got " << getResult().getType() << " (plan_view_c1)";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanGatherOp::verify() {
  if (failed(verifyPatches(*this, getOutput(), "plan_gather_c1", "plan_gather_c1", "plan_gather_c3")))
    return failure();
  return verifyChunks(*this, getOutput(), getChunks(), "plan_gather_c2");
}

//===----------------------------------------------------------------------------------------------===//
// Gemm
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanGemmOp::verify() {
  auto a = shapeOf(getA()), w = shapeOf(getWeights()), c = shapeOf(getC());
  int64_t pair = neighbours();
  if (w[1] != ceilDiv(a[1], pair) || w[2] % pair != 0)
    return emitOpError() << "expected weights of K = " << ceilDiv(a[1], pair) << " and whole "
                         << (pair == 1   ? "columns"
                             : pair == 2 ? "pairs"
                                         : "quads")
                         << ", got " << getWeights().getType() << " (plan_gemm_c1)";
  Type rowElement = getA().getType().getElementType(), element = getWeights().getType().getElementType();
  bool bytes = element.isInteger(8), byteRows = rowElement.isInteger(8) || rowElement.isInteger(16);
  Type wanted = byteRows ? IntegerType::get(getContext(), 8) : rowElement;
  if (!rowElement.isF32() && wanted != element)
    return emitOpError() << "expected " << wanted << " weights for " << rowElement << " rows, got "
                         << getWeights().getType() << " (plan_gemm_c1)";
  if (wanted == element && rowStride(getA()) < pair * w[1])
    return emitOpError() << "expected room for whole " << (pair == 4 ? "quads" : "pairs") << " in A, got "
                         << getA().getType() << " (plan_gemm_c1)";
  int64_t width = w[2] / pair, covered = w[0] * width;
  bool split = c.size() == 3;
  if (c.size() != 2 && !split)
    return emitOpError() << "expected rows or head planes, got " << getC().getType() << " (plan_gemm_c2)";
  int64_t rows = split ? c[1] : c[0], columns = split ? c[0] * c[2] : c[1];
  if (rows != a[0] || (!split && (columns > covered || columns <= covered - width)))
    return emitOpError() << "expected C of " << a[0] << " rows and " << covered - width + 1 << " to "
                         << covered << " columns, got " << getC().getType() << " (plan_gemm_c2)";
  if (split ? columns < covered : rowStride(getC()) < covered)
    return emitOpError() << "expected C to have room for " << covered << " columns, got " << getC().getType()
                         << " (plan_gemm_c3)";
  if (getBias() && !isVector(getBias(), covered))
    return emitOpError() << "expected a bias of " << covered << " entries, got " << getBias().getType()
                         << " (plan_gemm_c4)";
  for (Value other : {getFactor(), getResidual()})
    if (other && (split || shapeOf(other) != c || rowStride(other) < covered))
      return emitOpError() << "expected a factor and a residual of C's shape with room for " << covered
                           << " columns, got " << other.getType() << " (plan_gemm_c5)";
  auto fits = [](Value vector, bool wanted, int64_t entries) {
    return vector ? wanted && isVector(vector, entries) : !wanted;
  };
  if (!fits(getColumnScales(), bytes, covered) || !fits(getColumnSums(), byteRows, covered) ||
      !fits(getRowScales(), byteRows, a[0]))
    return emitOpError() << "expected scales of " << covered
                         << " columns for i8 weights, sums of as many and scales of " << a[0]
                         << " rows for i8 or i16 rows, and none for others (plan_gemm_c7)";
  auto tile = getTile(), grid = getGrid();
  if (!isTile(tile) || grid.size() != 3 || llvm::any_of(grid, [](int64_t n) { return n <= 0; }) ||
      grid[0] > ceilDiv(a[0], tile[0]) / grid[2] || grid[1] > w[0])
    return emitOpError()
           << "expected a positive tile, and a grid [row blocks, groups, parts] of at most one part a tile "
              "and one group a panel (plan_gemm_c6)";
  if (auto fine = getFine(); fine && (static_cast<int64_t>(*fine) <= grid[2] ||
                                      static_cast<int64_t>(*fine) > ceilDiv(a[0], tile[0]) / grid[0]))
    return emitOpError() << "expected more fine parts than " << grid[2] << ", at most one a tile, got "
                         << static_cast<int64_t>(*fine) << " (plan_gemm_c9)";
  if (getMatrixUnit() && (rowElement.isF32() || rowElement != element))
    return emitOpError() << "expected rows and weights of bf16 or i8 for a matrix unit, got " << rowElement
                         << " and " << element << " (plan_gemm_c8)";
  if (getMatrixUnit() &&
      (!fitsTileRegisters(tile[0], tile[1]) || width % (tile[1] * kRegisterBytes / 4) != 0))
    return emitOpError() << "expected a tile that fits " << kTileRegisters << " registers of "
                         << kRegisterRows << " rows and divides a panel of " << width << " columns, got "
                         << tile[0] << " x " << tile[1] << " (plan_gemm_c8)";
  return success();
}
/// Rows that wait for the epilogue, or for its activation.
int64_t PlanGemmOp::getScratchBytes() {
  int64_t rows = getTile()[0], width = panelWidth(), lines = getWeights().getType().getDimSize(1);
  if (getMatrixUnit())
    return 4 * (registerSumFloats(rows, width) + registerTailFloats(rows, width, lines));
  return getActivation() ? 4 * rows * width : 0;
}
int64_t PlanGemmOp::neighbours() { return 32 / getWeights().getType().getElementTypeBitWidth(); }
int64_t PlanGemmOp::panelWidth() { return getWeights().getType().getDimSize(2) / neighbours(); }
int64_t PlanGemmOp::getChunks() { return getGrid()[0] * getGrid()[1] * getGrid()[2]; }
int64_t PlanGemmOp::getParts() { return getGrid()[2]; }

//===----------------------------------------------------------------------------------------------===//
// LayerNorm
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanLayerNormOp::verify() {
  auto in = shapeOf(getInput());
  if (in != shapeOf(getOutput()))
    return emitOpError() << "expected output of shape " << getInput().getType() << ", got "
                         << getOutput().getType() << " (plan_layer_norm_c1)";
  for (Value affine : {getGamma(), getBeta()})
    if (affine && (shapeOf(affine)[0] < (in[1] + 15) / 16 * 16))
      return emitOpError() << "expected gamma and beta of at least " << (in[1] + 15) / 16 * 16
                           << " entries, got " << affine.getType() << " (plan_layer_norm_c2)";
  double eps = getEps().convertToDouble();
  if (!(eps > 0) || !std::isfinite(eps))
    return emitOpError() << "expected a positive, finite eps, got " << eps << " (plan_layer_norm_c3)";
  bool integers = getOutput().getType().getElementType().isInteger();
  if (integers != !!getScales() || (integers && shapeOf(getScales())[0] != in[0]))
    return emitOpError() << "expected " << in[0] << " scales for rows of integers and none for others, got "
                         << (getScales() ? Type(getScales().getType()) : Type(NoneType::get(getContext())))
                         << " for " << getOutput().getType() << " (plan_layer_norm_c4)";
  if (getGiven() && !integers)
    return emitOpError() << "expected scales that are given (plan_layer_norm_c4)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_layer_norm_c3");
}
void PlanLayerNormOp::getEffects(Effects &effects) {
  auto scales = getScalesMutable();
  addEffects(effects, *this, getOutputMutable(), scales.empty() ? nullptr : &*scales.begin(), getGiven());
}

//===----------------------------------------------------------------------------------------------===//
// Rotary positions
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanRopeOp::verify() {
  auto out = shapeOf(getOutput()), cos = shapeOf(getCos()), sin = shapeOf(getSin());
  int64_t first = getFirst(), chunks = getChunks();
  if (out.drop_front() != shapeOf(getInput()).drop_front() || out[0] > shapeOf(getInput())[0] ||
      out[2] % 2 != 0)
    return emitOpError() << "expected output of planes as in " << getInput().getType()
                         << ", of an even width, got " << getOutput().getType() << " (plan_rope_c1)";
  if (cos != sin || (cos[1] != out[2] && cos[1] != out[0] * out[2]) || first < 0 || first > out[1] - cos[0])
    return emitOpError() << "expected tables of " << out[2] << " or " << out[0] * out[2]
                         << " columns whose rows from " << first << " on lie inside a plane, got "
                         << getCos().getType() << " and " << getSin().getType() << " (plan_rope_c2)";
  if (chunks <= 0 || chunks % out[0] != 0 || chunks / out[0] > out[1])
    return emitOpError() << "expected a multiple of " << out[0] << " chunks, at most one for each row, got "
                         << chunks << " (plan_rope_c3)";
  return success();
}

//===----------------------------------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanAttentionOp::verify() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey()), v = shapeOf(getValue()), out = shapeOf(getOutput());
  int64_t heads = getHeads();
  auto planes = getPlanes();
  auto element = [](Value buffer) { return cast<MemRefType>(buffer.getType()).getElementType(); };
  if (planes.size() != 3 || heads <= 0 || q[2] % 16 != 0 || k[2] != q[2] || v[2] != q[2])
    return emitOpError() << "expected three planes of one width that is a multiple of 16 (plan_attention_c1)";
  if (element(getKey()) != element(getQuery()) || element(getValue()) != element(getQuery()))
    return emitOpError() << "expected planes of one element type (plan_attention_c1)";
  ArrayRef<int64_t> operands[] = {q, k, v};
  for (auto [first, shape] : llvm::zip(planes, operands))
    if (first < 0 || first > shape[0] - heads)
      return emitOpError() << "expected planes from " << first << " within " << shape[0]
                           << " (plan_attention_c1)";
  if (k[1] != v[1])
    return emitOpError() << "expected key and value of one row count, got " << k[1] << " and " << v[1]
                         << " (plan_attention_c2)";
  if (out[0] != q[1] || out[1] != heads * q[2])
    return emitOpError() << "expected output [" << q[1] << ", " << heads * q[2] << "], got "
                         << getOutput().getType() << " (plan_attention_c3)";
  auto tile = getTile(), grid = getGrid();
  if (!isTile(tile) || grid.size() != 2 || grid[0] <= 0 || grid[1] != heads ||
      grid[0] > ceilDiv(q[1], queryTile()))
    return emitOpError() << "expected grid [row blocks, " << heads << "] with at most one row block for "
                         << queryTile() << " queries (plan_attention_c4)";
  if (auto fine = getFine(); fine && (static_cast<int64_t>(*fine) <= grid[0] ||
                                      static_cast<int64_t>(*fine) > ceilDiv(q[1], queryTile())))
    return emitOpError() << "expected more fine row blocks than " << grid[0] << ", at most one for "
                         << queryTile() << " queries, got " << static_cast<int64_t>(*fine)
                         << " (plan_attention_c5)";
  int64_t padded = ceilDiv(q[1], kQueryTile) * kQueryTile;
  if (getBias() && shapeOf(getBias()) != ArrayRef<int64_t>{heads, k[1], padded})
    return emitOpError() << "expected a bias [" << heads << ", " << k[1] << ", " << padded << "], got "
                         << getBias().getType() << " (plan_attention_c7)";
  if (getMatrixUnit() && (!element(getQuery()).isBF16() || tile[1] != 2 || !fitsTileRegisters(tile[0], 2) ||
                          getBias() || getLinear()))
    return emitOpError()
           << "expected planes of bf16, softmax without bias and a tile of two vectors that fits "
           << kTileRegisters << " registers of " << kRegisterRows << " rows for a matrix unit, got "
           << getQuery().getType() << " and " << tile[0] << " x " << tile[1] << " (plan_attention_c6)";
  return success();
}
int64_t PlanAttentionOp::getChunks() { return getGrid()[0] * getGrid()[1]; }
/// A tile of queries, two numbers of each, and their scores; with bf16 the values, too. See
/// EmitAttention.cpp.
int64_t PlanAttentionOp::getScratchBytes() {
  int64_t keys = shapeOf(getKey())[1], width = shapeOf(getKey())[2];
  if (getMatrixUnit()) { // keys, values, a strip; sums of two vectors, and queries whose channels do not fill
                         // registers
    int64_t rows = getTile()[0], padded = ceilDiv(keys, 32) * 32, channels = ceilDiv(width / 2, 16) * 16;
    int64_t queries = channels == width / 2 ? 0 : rows * channels;
    return 4 * (padded * channels + padded / 2 * width + rows * (padded + 16) + rows * 32 + queries);
  }
  bool pairs = getKey().getType().getElementType().isBF16();
  int64_t floats = ((pairs ? width / 2 : width) + 2 + keys) * kQueryTile;
  return 4 * (pairs ? floats + ceilDiv(keys, 2) * width : floats);
}

//===----------------------------------------------------------------------------------------------===//
// Copy, map, join, mean, max
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanQuantizeOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getOutput()) || !isVector(getScales(), shapeOf(getInput())[0]))
    return emitOpError() << "expected an output of the input's shape and a scale a row, got "
                         << getOutput().getType() << " and " << getScales().getType()
                         << " (plan_quantize_c1)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_quantize_c2");
}
void PlanQuantizeOp::getEffects(Effects &effects) {
  addEffects(effects, *this, getOutputMutable(), &getScalesMutable(), getGiven());
}

LogicalResult PlanCopyOp::verify() {
  auto in = shapeOf(getInput()), out = shapeOf(getOutput());
  int64_t groups = getGroups().value_or(0);
  if (!getGroups() && in != out)
    return emitOpError() << "expected output of shape " << getInput().getType() << ", got "
                         << getOutput().getType() << " (plan_copy_c1)";
  if (getGroups() && (groups <= 0 || in[0] != out[0] || in[1] % groups || out[1] % groups || in[1] < out[1]))
    return emitOpError() << "expected groups that divide both columns, of which the input has no fewer, got "
                         << groups << " for " << getInput().getType() << " and " << getOutput().getType()
                         << " (plan_copy_c1)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_copy_c2");
}

LogicalResult PlanMapOp::verify() {
  for (Value input : getInputs())
    if (shapeOf(input) != shapeOf(getOutput()))
      return emitOpError() << "expected inputs of shape " << getOutput().getType() << ", got "
                           << input.getType() << " (plan_map_c1)";
  if (getInputs().empty())
    return emitOpError() << "expected at least one input (plan_map_c1)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_map_c2");
}

LogicalResult PlanJoinOp::verify() {
  auto out = shapeOf(getOutput());
  int64_t width = 0;
  for (Value input : getInputs()) {
    width += shapeOf(input)[1];
    if (shapeOf(input)[0] != out[0])
      return emitOpError() << "expected inputs of " << out[0] << " rows, got " << input.getType()
                           << " (plan_join_c1)";
  }
  if (getInputs().empty() || width != out[1])
    return emitOpError() << "expected inputs of " << out[1] << " columns together, got " << width
                         << " (plan_join_c1)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_join_c2");
}

/// `constraint` of ops that make one row of many.
static LogicalResult verifyPool(Operation *op, Value input, Value output, StringRef constraint) {
  auto in = shapeOf(input), out = shapeOf(output);
  if (out[0] != 1 || out[1] != in[1])
    return op->emitOpError() << "expected output [1, " << in[1] << "], got " << output.getType() << " ("
                             << constraint << ")";
  return success();
}

LogicalResult PlanMeanOp::verify() { return verifyPool(*this, getInput(), getOutput(), "plan_mean_c1"); }
int64_t PlanMeanOp::getChunks() { return 1; }

LogicalResult PlanMaxOp::verify() { return verifyPool(*this, getInput(), getOutput(), "plan_max_c1"); }
int64_t PlanMaxOp::getChunks() { return 1; }

//===----------------------------------------------------------------------------------------------===//
// Probabilities and attention maps
//===----------------------------------------------------------------------------------------------===//

LogicalResult PlanSoftmaxOp::verify() {
  if (shapeOf(getInput()) != shapeOf(getOutput()))
    return emitOpError() << "expected output of shape " << getInput().getType() << ", got "
                         << getOutput().getType() << " (plan_softmax_c1)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_softmax_c2");
}

LogicalResult PlanAttentionWeightsOp::verify() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey()), out = shapeOf(getOutput());
  if (k[0] != q[0] || k[2] != q[2])
    return emitOpError() << "expected query and key of one number of planes and one width, got "
                         << getQuery().getType() << " and " << getKey().getType()
                         << " (plan_attention_weights_c1)";
  if (out[0] != q[0] * q[1] || out[1] != k[1])
    return emitOpError() << "expected output [" << q[0] * q[1] << ", " << k[1] << "], got "
                         << getOutput().getType() << " (plan_attention_weights_c2)";
  int64_t columns = ceilDiv(k[1], 16) * 16;
  if (getBias() && shapeOf(getBias()) != ArrayRef<int64_t>{q[0], q[1], columns})
    return emitOpError() << "expected a bias [" << q[0] << ", " << q[1] << ", " << columns << "], got "
                         << getBias().getType() << " (plan_attention_weights_c4)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_attention_weights_c3");
}
int64_t PlanAttentionWeightsOp::getFlops() {
  auto q = shapeOf(getQuery()), k = shapeOf(getKey());
  return 2 * q[0] * q[1] * k[1] * k[2];
}

LogicalResult PlanRolloutOp::verify() {
  auto weights = shapeOf(getWeights()), out = shapeOf(getOutput());
  int64_t heads = getHeads(), tokens = weights[1];
  if (heads <= 0 || heads > weights[0] || weights[0] != heads * tokens)
    return emitOpError() << "expected weights of " << heads << " heads, [heads * tokens, tokens], got "
                         << getWeights().getType() << " (plan_rollout_c1)";
  if (out[0] != tokens || out[1] != tokens || (getBefore() && shapeOf(getBefore()) != out) ||
      getBefore() == getOutput())
    return emitOpError() << "expected 'before' and another output of [" << tokens << ", " << tokens
                         << "], got " << getOutput().getType() << " (plan_rollout_c2)";
  return verifyChunks(*this, getOutput(), getChunks(), "plan_rollout_c3");
}
int64_t PlanRolloutOp::getScratchBytes() { return 4 * ((shapeOf(getOutput())[1] + 15) / 16 * 16); }

//===----------------------------------------------------------------------------------------------===//
// Schedule
//===----------------------------------------------------------------------------------------------===//

LogicalResult StepOp::verifySymbolUses(SymbolTableCollection &symbols) {
  size_t n = getSpaces().size();
  if (n != getIndices().size() || n != getOffsets().size() || n > 12)
    return emitOpError() << "expected three arrays of one length up to 12 (step_c1)";
  if (!symbols.lookupNearestSymbolFrom(*this, getCalleeAttr()))
    return emitOpError() << "expected a function named " << getCalleeAttr() << " (step_c1)";
  if (getParts() < 1 || getChunks() % getParts())
    return emitOpError() << "expected parts that divide the " << getChunks() << " chunks, got " << getParts()
                         << " (step_c2)";
  if (auto fine = getFineCalleeAttr()) {
    int64_t chunks = getFineChunks(), parts = getFineParts();
    if (!symbols.lookupNearestSymbolFrom(*this, fine) || chunks <= static_cast<int64_t>(getChunks()) ||
        parts <= 0 || chunks % parts != 0)
      return emitOpError() << "expected a function " << fine << " of more than " << getChunks()
                           << " chunks in whole lines of parts, got " << chunks << " in parts of " << parts
                           << " (step_c3)";
  }
  return success();
}
