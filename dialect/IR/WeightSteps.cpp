//===- WeightSteps.cpp - shapes of the steps of a weight's chain ------------------------------------===//
#include "dialect/IR/VitOps.h"

using namespace mlir;
using namespace vit;

using Shape = SmallVector<int64_t>;
using Lookup = llvm::function_ref<FailureOr<Shape>(FlatSymbolRefAttr)>;
using Emit = llvm::function_ref<InFlightDiagnostic()>;

static int64_t product(ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

/// Fails with "expected WHAT" unless `ok`, and for results beyond any limit.
static FailureOr<Shape> require(bool ok, ArrayRef<int64_t> result, Emit emit, StringRef step,
                                StringRef what) {
  if (ok && !result.empty() && isSupportedShape(result))
    return Shape(result);
  emit() << "expected " << (ok ? "a result of positive extents and at most 2^31 elements" : what)
         << " in step '" << step << "' (weight_c4)";
  return failure();
}

bool RefStepAttr::isSource() const { return true; }
FailureOr<Shape> RefStepAttr::inferShape(ArrayRef<int64_t>, Lookup lookup, Emit) const {
  return lookup(getWeight());
}

bool ZerosStepAttr::isSource() const { return true; }
FailureOr<Shape> ZerosStepAttr::inferShape(ArrayRef<int64_t>, Lookup, Emit emit) const {
  return require(true, getShape(), emit, getMnemonic(), "");
}

bool FillStepAttr::isSource() const { return true; }
FailureOr<Shape> FillStepAttr::inferShape(ArrayRef<int64_t>, Lookup, Emit emit) const {
  return require(true, getShape(), emit, getMnemonic(), "");
}

static LogicalResult verifyGrid(function_ref<InFlightDiagnostic()> emitError, int64_t height, int64_t width) {
  constexpr int64_t kMaxExtent = 1 << 14;
  if (height > 0 && width > 0 && height <= kMaxExtent && width <= kMaxExtent)
    return success();
  return emitError() << "expected a grid of 1 to " << kMaxExtent << " patches along each axis, got " << height
                     << " x " << width;
}

bool NumbersStepAttr::isSource() const { return true; }
FailureOr<Shape> NumbersStepAttr::inferShape(ArrayRef<int64_t>, Lookup, Emit emit) const {
  return require(true, {static_cast<int64_t>(getValues().size())}, emit, getMnemonic(), "");
}

LogicalResult RopePeriodsStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t count,
                                          FloatAttr base) {
  if (count > 0 && base.getValue().isFinite() && base.getValueAsDouble() > 0)
    return success();
  return emitError() << "expected a positive count and a positive, finite base";
}
bool RopePeriodsStepAttr::isSource() const { return true; }
FailureOr<Shape> RopePeriodsStepAttr::inferShape(ArrayRef<int64_t>, Lookup, Emit emit) const {
  return require(true, {getCount()}, emit, getMnemonic(), "");
}

LogicalResult RopeAnglesStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t height,
                                         int64_t width, bool, bool, int64_t refHeight, int64_t refWidth,
                                         FloatAttr offset) {
  bool unscaled = refHeight == 0 && refWidth == 0;
  if ((!unscaled && (refHeight <= 0 || refWidth <= 0)) || !offset.getValue().isFinite())
    return emitError() << "expected a positive reference grid and a finite offset";
  return verifyGrid(emitError, height, width);
}
bool RopeAnglesStepAttr::isSource() const { return false; }
FailureOr<Shape> RopeAnglesStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  return require(in.size() == 1, {getHeight() * getWidth(), in.size() == 1 ? 4 * in[0] : 1}, emit,
                 getMnemonic(), "a vector of periods");
}

LogicalResult RopeMixedStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t height,
                                        int64_t width) {
  return verifyGrid(emitError, height, width);
}
bool RopeMixedStepAttr::isSource() const { return false; }
FailureOr<Shape> RopeMixedStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  bool ok = in.size() == 3 && in[0] == 2;
  return require(ok, {getHeight() * getWidth(), ok ? 2 * in[1] * in[2] : 1}, emit, getMnemonic(),
                 "frequencies [2, heads, size / 2]");
}

bool CosStepAttr::isSource() const { return false; }
FailureOr<Shape> CosStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit) const { return Shape(in); }

bool SinStepAttr::isSource() const { return false; }
FailureOr<Shape> SinStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit) const { return Shape(in); }

LogicalResult InterleaveHalvesStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, unsigned dim,
                                               int64_t size) {
  if (dim <= 1 && size > 0 && size % 2 == 0)
    return success();
  return emitError() << "expected dimension 0 or 1 and groups of an even size";
}
bool InterleaveHalvesStepAttr::isSource() const { return false; }
FailureOr<Shape> InterleaveHalvesStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  bool ok = in.size() <= 2 && getDim() < in.size() && in[getDim()] % getSize() == 0;
  return require(ok, in, emit, getMnemonic(), "a dimension that divides into groups");
}

LogicalResult RelativeBiasStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t height,
                                           int64_t width) {
  return verifyGrid(emitError, height, width);
}
bool RelativeBiasStepAttr::isSource() const { return false; }
FailureOr<Shape> RelativeBiasStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  int64_t rows = (2 * getHeight() - 1) * (2 * getWidth() - 1) + 3, tokens = 1 + getHeight() * getWidth();
  bool ok = in.size() == 2 && in[0] == rows;
  return require(ok, {ok ? in[1] : 1, tokens, tokens}, emit, getMnemonic(),
                 "a table of " + std::to_string(rows) + " rows");
}

bool TransposeStepAttr::isSource() const { return false; }
FailureOr<Shape> TransposeStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  Shape out(in);
  if (in.size() >= 2)
    std::swap(out[in.size() - 1], out[in.size() - 2]);
  return require(in.size() >= 2, out, emit, getMnemonic(), "two dimensions or more");
}

/// The extents of a grid, which may be written by hand.
static bool isGrid(ArrayRef<int64_t> grid) {
  return grid.size() == 2 && grid[0] > 0 && grid[1] > 0 && grid[0] <= kMaxElements / grid[1];
}

LogicalResult SincosStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, SincosKind kind,
                                     ArrayRef<int64_t> grid, int64_t width, int64_t prefix) {
  int64_t least = kind == SincosKind::Simple ? 8 : 4;
  if (!isGrid(grid) || prefix < 0 || prefix > kMaxElements)
    return emitError() << "expected a grid of two positive extents and a prefix that is not negative";
  if (width < least || width % 4 != 0 || width > kMaxElements)
    return emitError() << "expected a width that is a multiple of 4, at least " << least << ", got " << width;
  return success();
}
bool SincosStepAttr::isSource() const { return true; }
FailureOr<Shape> SincosStepAttr::inferShape(ArrayRef<int64_t>, Lookup, Emit emit) const {
  return require(true, {getPrefix() + getGrid()[0] * getGrid()[1], getWidth()}, emit, getMnemonic(), "");
}

bool AppendStepAttr::isSource() const { return false; }
FailureOr<Shape> AppendStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  Shape other = *lookup(getWeight());
  Shape out(in);
  bool ok = other.size() == in.size() && ArrayRef(other).drop_front() == in.drop_front();
  if (ok)
    out[0] += other[0];
  return require(ok, out, emit, getMnemonic(), "weights that differ in rows only");
}

bool RowsStepAttr::isSource() const { return false; }
FailureOr<Shape> RowsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  Shape out(in);
  out[0] = getCount();
  bool ok = getFirst() >= 0 && getCount() > 0 && getFirst() <= in[0] - getCount();
  return require(ok, out, emit, getMnemonic(), "rows inside the weight");
}

bool ReshapeStepAttr::isSource() const { return false; }
FailureOr<Shape> ReshapeStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  bool ok = !isSupportedShape(getShape()) || product(in) == product(getShape());
  return require(ok, getShape(), emit, getMnemonic(), "as many elements as before");
}

LogicalResult ResizeGridStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> from,
                                         ArrayRef<int64_t> to, int64_t prefix, GridKernel kernel,
                                         GridScale scale, bool antialias) {
  if (!isGrid(from) || !isGrid(to) || prefix < 0 || prefix > kMaxElements)
    return emitError() << "expected grids of two positive extents and a prefix that is not negative";
  bool geometric = scale == GridScale::Geometric;
  if (antialias && (kernel == GridKernel::Nearest || scale == GridScale::Corners || geometric))
    return emitError() << "expected antialias = false for 'nearest', 'corners' and 'geometric'";
  auto even = [](int64_t extent) { return extent % 2 == 0; };
  if (geometric && (kernel != GridKernel::Linear || llvm::any_of(from, even) || llvm::any_of(to, even)))
    return emitError() << "expected 'linear' and odd extents for 'geometric'";
  return success();
}
bool ResizeGridStepAttr::isSource() const { return false; }
FailureOr<Shape> ResizeGridStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  int64_t points = getFrom()[0] * getFrom()[1];
  bool ok = in.size() == 2 && in[0] - getPrefix() >= points;
  Shape out(in);
  if (ok)
    out[0] += getTo()[0] * getTo()[1] - points;
  return require(ok, out, emit, getMnemonic(), "a matrix with a row for each point of the grid");
}

bool ScaleStepAttr::isSource() const { return false; }
FailureOr<Shape> ScaleStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  return require(getFactor().getValue().isFinite(), in, emit, getMnemonic(), "a finite factor");
}

bool DivideStepAttr::isSource() const { return false; }
FailureOr<Shape> DivideStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  return require(product(*lookup(getWeight())) == 1, in, emit, getMnemonic(), "a divisor of one element");
}

bool ScaleColsStepAttr::isSource() const { return false; }
FailureOr<Shape> ScaleColsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  bool ok = in.size() == 2 && *lookup(getWeight()) == Shape{in[1]};
  return require(ok, in, emit, getMnemonic(), "a matrix and one factor per column");
}

bool ScaleRowsStepAttr::isSource() const { return false; }
FailureOr<Shape> ScaleRowsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  bool ok = in.size() <= 2 && *lookup(getWeight()) == Shape{in[0]};
  return require(ok, in, emit, getMnemonic(), "a matrix or vector and one factor per row");
}

bool ScaleColGroupsStepAttr::isSource() const { return false; }
FailureOr<Shape> ScaleColGroupsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  bool ok = in.size() == 2 && !getFactors().empty() && in[1] % getFactors().size() == 0;
  return require(ok, in, emit, getMnemonic(), "a matrix whose columns divide into the factors");
}

bool AddStepAttr::isSource() const { return false; }
FailureOr<Shape> AddStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  return require(*lookup(getWeight()) == Shape(in), in, emit, getMnemonic(), "a weight of the same shape");
}

bool AddMatvecStepAttr::isSource() const { return false; }
FailureOr<Shape> AddMatvecStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  Shape matrix = *lookup(getMatrix()), vector = *lookup(getVector());
  bool ok = in.size() == 1 && matrix.size() == 2 && matrix[0] == in[0] && vector == Shape{matrix[1]};
  return require(ok, in, emit, getMnemonic(), "a vector [n], a matrix [n, k] and a vector [k]");
}

bool AddColGroupsStepAttr::isSource() const { return false; }
FailureOr<Shape> AddColGroupsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup lookup, Emit emit) const {
  Shape matrix = *lookup(getMatrix());
  bool ok = in.size() == 1 && matrix.size() == 2 && matrix[0] == in[0] && !getFactors().empty() &&
            matrix[1] % getFactors().size() == 0;
  return require(ok, in, emit, getMnemonic(),
                 "a vector [n] and a matrix [n, k] whose columns divide into the factors");
}

LogicalResult PadGroupsStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, unsigned dim,
                                        int64_t from, int64_t to) {
  if (dim > 1 || from <= 0 || to < from || to > kMaxElements)
    return emitError() << "expected dimension 0 or 1 and a group that does not shrink";
  return success();
}
bool PadGroupsStepAttr::isSource() const { return false; }
FailureOr<Shape> PadGroupsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  Shape out(in);
  bool ok = in.size() <= 2 && getDim() < in.size() && in[getDim()] % getFrom() == 0;
  if (ok)
    out[getDim()] = in[getDim()] / getFrom() * getTo();
  return require(ok, out, emit, getMnemonic(), "a dimension that divides into groups");
}

bool PadStepAttr::isSource() const { return false; }
FailureOr<Shape> PadStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  bool ok = in.size() == getShape().size() && in.size() <= 3;
  for (size_t i = 0; ok && i < in.size(); ++i)
    ok = getShape()[i] >= in[i] && (i == 0 || i + 1 == in.size() || getShape()[i] == in[i]);
  return require(ok, getShape(), emit, getMnemonic(), "a shape of the same rank that does not shrink");
}

LogicalResult RoundStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type type) {
  if (!type.isBF16())
    return emitError() << "expected bf16, got " << type;
  return success();
}
bool RoundStepAttr::isSource() const { return false; }
FailureOr<Shape> RoundStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit) const { return Shape(in); }

bool QuantizeRowsStepAttr::isSource() const { return false; }
FailureOr<Shape> QuantizeRowsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  return require(in.size() == 2, in, emit, getMnemonic(), "a matrix");
}

bool RowScalesStepAttr::isSource() const { return false; }
FailureOr<Shape> RowScalesStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  return require(in.size() == 2, in.take_front(), emit, getMnemonic(), "a matrix");
}

bool RowSumsStepAttr::isSource() const { return false; }
FailureOr<Shape> RowSumsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  return require(in.size() == 2, in.take_front(), emit, getMnemonic(), "a matrix");
}

LogicalResult PackPanelsStepAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t width,
                                         int64_t by) {
  if (width <= 0 || width > 4096)
    return emitError() << "expected a panel width of 1 to 4096, got " << width;
  if (by != 1 && by != 2 && by != 4)
    return emitError() << "expected 1, 2 or 4 neighbours along K, got " << by;
  return success();
}
bool PackPanelsStepAttr::isSource() const { return false; }
FailureOr<Shape> PackPanelsStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  bool ok = in.size() == 2;
  Shape out;
  if (ok)
    out = {(in[0] + getWidth() - 1) / getWidth(), (in[1] + getBy() - 1) / getBy(), getWidth() * getBy()};
  return require(ok, out, emit, getMnemonic(), "a matrix");
}
