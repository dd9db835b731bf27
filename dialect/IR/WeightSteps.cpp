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

bool ScaleStepAttr::isSource() const { return false; }
FailureOr<Shape> ScaleStepAttr::inferShape(ArrayRef<int64_t> in, Lookup, Emit emit) const {
  return require(getFactor().getValue().isFinite(), in, emit, getMnemonic(), "a finite factor");
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
  bool ok = in.size() == getShape().size() && in.size() <= 2;
  for (size_t i = 0; ok && i < in.size(); ++i)
    ok = getShape()[i] >= in[i];
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
