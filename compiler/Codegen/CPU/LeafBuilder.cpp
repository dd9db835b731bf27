#include "compiler/Codegen/CPU/LeafBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

Value LeafBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

void LeafBuilder::loop(Value lo, Value hi, int64_t step, llvm::function_ref<void(Value)> body) {
  auto op = scf::ForOp::create(b, loc, lo, hi, index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

SmallVector<Value> LeafBuilder::loopCarry(Value lo, Value hi, int64_t step, ValueRange init,
                                          llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(b, loc, lo, hi, index(step), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  scf::YieldOp::create(b, loc, body(op.getInductionVar(), op.getRegionIterArgs()));
  return op.getResults();
}

Value LeafBuilder::load(Value memref, ValueRange at) {
  return vector::LoadOp::create(b, loc, vecType, memref, at);
}

void LeafBuilder::store(Value vector, Value memref, ValueRange at) {
  vector::StoreOp::create(b, loc, vector, memref, at);
}

Value LeafBuilder::loadScalar(Value memref, ValueRange at) {
  return memref::LoadOp::create(b, loc, memref, at);
}

void LeafBuilder::storeScalar(Value scalar, Value memref, ValueRange at) {
  memref::StoreOp::create(b, loc, scalar, memref, at);
}

Value LeafBuilder::splat(double value) {
  auto attr = DenseElementsAttr::get(vecType, b.getF32FloatAttr(static_cast<float>(value)).getValue());
  return arith::ConstantOp::create(b, loc, attr);
}

Value LeafBuilder::scalar(double value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(value)));
}

Value LeafBuilder::broadcast(Value scalar) { return vector::BroadcastOp::create(b, loc, vecType, scalar); }

Value LeafBuilder::fma(Value x, Value y, Value z) {
  // Not vector.fma: that becomes llvm.fmuladd, which the backend may round twice.
  if (isa.getFma())
    return math::FmaOp::create(b, loc, x, y, z);
  return addf(mulf(x, y), z);
}

Value LeafBuilder::maxf(Value x, Value y) {
  Value greater = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, loc, greater, x, y);
}

Value LeafBuilder::minf(Value x, Value y) {
  Value less = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, y);
  return arith::SelectOp::create(b, loc, less, x, y);
}

Value LeafBuilder::absf(Value x) { return math::AbsFOp::create(b, loc, x); }

Value LeafBuilder::keepLanes(Value x, int64_t count, Value other) {
  if (count >= lanes())
    return x;
  SmallVector<bool> keep(lanes());
  std::fill(keep.begin(), keep.begin() + count, true);
  auto maskType = VectorType::get({lanes()}, b.getI1Type());
  Value mask = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(maskType, ArrayRef<bool>(keep)));
  return arith::SelectOp::create(b, loc, mask, x, other);
}

/// Folds the upper half onto the lower until one lane is left: the same tree for every machine with these
/// lanes.
Value LeafBuilder::halvingTree(Value x, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t width = lanes() / 2; width >= 1; width /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < width; ++i) {
      low.push_back(i);
      high.push_back(i + width);
    }
    Value lower = vector::ShuffleOp::create(b, loc, x, x, low);
    Value upper = vector::ShuffleOp::create(b, loc, x, x, high);
    x = combine(lower, upper);
  }
  return vector::ExtractOp::create(b, loc, x, ArrayRef<int64_t>{0});
}

Value LeafBuilder::sumLanes(Value x) {
  return halvingTree(x, [&](Value lower, Value upper) { return addf(lower, upper); });
}

Value LeafBuilder::maxLanes(Value x) {
  return halvingTree(x, [&](Value lower, Value upper) { return maxf(lower, upper); });
}

/// log2(lanes) perfect shuffles: each stage interleaves row i with row i + n/2.
SmallVector<Value> LeafBuilder::transpose(ArrayRef<Value> rows) {
  int64_t n = lanes();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n / 2; ++i) {
    low.append({i, n + i});
    high.append({n / 2 + i, n + n / 2 + i});
  }
  SmallVector<Value> current(rows);
  for (int64_t stage = n; stage > 1; stage /= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i) {
      next.push_back(vector::ShuffleOp::create(b, loc, current[i], current[i + n / 2], low));
      next.push_back(vector::ShuffleOp::create(b, loc, current[i], current[i + n / 2], high));
    }
    current = std::move(next);
  }
  return current;
}
