#include "compiler/Codegen/CPU/LeafBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

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

static bool holdsBf16(Value memref) { return cast<MemRefType>(memref.getType()).getElementType().isBF16(); }

VectorType LeafBuilder::vectorOf(Type element, int64_t factor) const {
  return VectorType::get({lanes() * factor}, element);
}

Value LeafBuilder::bitcast(Value x, VectorType type) { return vector::BitCastOp::create(b, loc, type, x); }

Value LeafBuilder::load(Value memref, ValueRange at) {
  if (!holdsBf16(memref))
    return vector::LoadOp::create(b, loc, vecType, memref, at);
  Value narrow = vector::LoadOp::create(b, loc, vectorOf(b.getBF16Type()), memref, at);
  return arith::ExtFOp::create(b, loc, vecType, narrow);
}

/// Rounds 16 lanes to bf16. Subnormal results become zero.
static Value roundToBf16(LeafBuilder &b, Value x) {
  assert(b.isa.multipliesBf16() && b.lanes() == 16 && "bf16 buffers are planned where the machine has bf16");
  auto type = VectorType::get({b.lanes()}, b.b.getBF16Type());
  auto name = b.b.getStringAttr("llvm.x86.avx512bf16.cvtneps2bf16.512");
  return LLVM::CallIntrinsicOp::create(b.b, b.loc, type, name, ValueRange{x}).getResult(0);
}

void LeafBuilder::store(Value vector, Value memref, ValueRange at) {
  vector::StoreOp::create(b, loc, holdsBf16(memref) ? roundToBf16(*this, vector) : vector, memref, at);
}

Value LeafBuilder::narrow(Value x) {
  return bitcast(roundToBf16(*this, x), VectorType::get({lanes() / 2}, b.getF32Type()));
}

Value LeafBuilder::narrowPairs(Value first, Value second) {
  return bitcast(vector::InterleaveOp::create(b, loc, roundToBf16(*this, first), roundToBf16(*this, second)),
                 vecType);
}

Value LeafBuilder::loadPairs(Value memref, ValueRange at) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto wide = vectorOf(element, 32 / element.getIntOrFloatBitWidth());
  return bitcast(vector::LoadOp::create(b, loc, wide, memref, at), vecType);
}

Value LeafBuilder::loadPairs(Value memref, ValueRange at, int64_t count) {
  if (count >= lanes())
    return loadPairs(memref, at);
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  int64_t neighbours = 32 / element.getIntOrFloatBitWidth();
  auto part = VectorType::get({neighbours * count}, element);
  Value loaded = vector::LoadOp::create(b, loc, part, memref, at);
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(part));
  SmallVector<int64_t> lanesOf(neighbours * lanes(), neighbours * count);
  std::iota(lanesOf.begin(), lanesOf.begin() + neighbours * count, 0);
  return bitcast(vector::ShuffleOp::create(b, loc, loaded, zeros, lanesOf), vecType);
}

Value LeafBuilder::broadcastPair(Value memref, ValueRange at) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto pair = VectorType::get({32 / element.getIntOrFloatBitWidth()}, element);
  auto whole = VectorType::get({1}, b.getF32Type());
  Value bits = vector::BitCastOp::create(b, loc, whole, vector::LoadOp::create(b, loc, pair, memref, at));
  return broadcast(vector::ExtractOp::create(b, loc, bits, ArrayRef<int64_t>{0}));
}

Value LeafBuilder::pairRows(Value memref, ValueRange firstRow, ValueRange secondRow) {
  auto row = vectorOf(b.getBF16Type());
  Value first = vector::LoadOp::create(b, loc, row, memref, firstRow);
  Value second = secondRow.empty() ? Value(arith::ConstantOp::create(b, loc, b.getZeroAttr(row)))
                                   : Value(vector::LoadOp::create(b, loc, row, memref, secondRow));
  return bitcast(vector::InterleaveOp::create(b, loc, first, second), vecType);
}

static Value splatInteger(LeafBuilder &b, int32_t value) {
  auto type = VectorType::get({b.lanes()}, b.b.getI32Type());
  return arith::ConstantOp::create(b.b, b.loc, DenseElementsAttr::get(type, APInt(32, value, true)));
}

Value LeafBuilder::zeroIntegers() { return splatInteger(*this, 0); }
Value LeafBuilder::asIntegers(Value bits) { return bitcast(bits, vectorOf(b.getI32Type())); }
Value LeafBuilder::addIntegers(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
Value LeafBuilder::toFloats(Value integers) { return arith::SIToFPOp::create(b, loc, vecType, integers); }

Value LeafBuilder::widenQuads(Value quads, int64_t index) {
  Value bits = bitcast(quads, vectorOf(b.getI32Type()));
  if (index < 3)
    bits = arith::ShLIOp::create(b, loc, bits, splatInteger(*this, static_cast<int32_t>(24 - 8 * index)));
  return toFloats(arith::ShRSIOp::create(b, loc, bits, splatInteger(*this, 24)));
}

Value LeafBuilder::dotQuads(Value x, Value y, Value sum) {
  assert((isa.getInt8() == vit::Int8Unit::Dot || isa.getInt8() == vit::Int8Unit::Tiles) && lanes() >= 8 &&
         "the machines with products of bytes that we emit for");
  // In AVX-VNNI, too, where the backend encodes it as VEX.
  auto name = b.getStringAttr("llvm.x86.avx512.vpdpbusd." + Twine(32 * lanes()));
  auto quads = vectorOf(b.getI8Type(), 4);
  return LLVM::CallIntrinsicOp::create(b, loc, vectorOf(b.getI32Type()), name,
                                       ValueRange{sum, bitcast(x, quads), bitcast(y, quads)})
      .getResult(0);
}

Value LeafBuilder::loadWideQuads(Value memref, ValueRange at) {
  Value bytes = vector::LoadOp::create(b, loc, vectorOf(b.getI8Type(), 2), memref, at);
  return arith::ExtSIOp::create(b, loc, vectorOf(b.getI16Type(), 2), bytes);
}

Value LeafBuilder::broadcastWideQuad(Value memref, ValueRange at) {
  Value quad = vector::LoadOp::create(b, loc, VectorType::get({4}, b.getI16Type()), memref, at);
  Value bits = vector::BitCastOp::create(b, loc, VectorType::get({1}, b.getF64Type()), quad);
  Value all = vector::BroadcastOp::create(b, loc, VectorType::get({lanes() / 2}, b.getF64Type()),
                                          vector::ExtractOp::create(b, loc, bits, ArrayRef<int64_t>{0}));
  return bitcast(all, vectorOf(b.getI16Type(), 2));
}

/// The instruction that adds products of neighbouring 16-bit integers.
static StringRef multiplyAddOf(int64_t lanes) {
  switch (lanes) {
  case 4:
    return "llvm.x86.sse2.pmadd.wd";
  case 8:
    return "llvm.x86.avx2.pmadd.wd";
  default:
    assert(lanes == 16 && "the machines with such an instruction that we emit for");
    return "llvm.x86.avx512.pmaddw.d.512";
  }
}

Value LeafBuilder::dotHalves(Value x, Value y, Value sum) {
  auto name = b.getStringAttr(multiplyAddOf(lanes()));
  auto products =
      LLVM::CallIntrinsicOp::create(b, loc, vectorOf(b.getI32Type()), name, ValueRange{x, y}).getResult(0);
  return addIntegers(sum, products);
}

Value LeafBuilder::joinHalves(Value low, Value high) {
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < 2 * lanes(); i += 2) {
    even.push_back(i);
    odd.push_back(i + 1);
  }
  return addIntegers(vector::ShuffleOp::create(b, loc, low, high, even),
                     vector::ShuffleOp::create(b, loc, low, high, odd));
}

Value LeafBuilder::toBytes(Value x, Type type) {
  // Adding 1.5 * 2^23 leaves the rounded number in the low mantissa bits. No conversion that is undefined for
  // NaN.
  x = minf(maxf(x, splat(-127.0)), splat(127.0));
  Value bits = bitcast(addf(x, splat(12582912.0 + 128.0)), vectorOf(b.getI32Type()));
  return arith::TruncIOp::create(b, loc, vectorOf(type), bits);
}

Value LeafBuilder::widenPairs(Value pairs, bool second) {
  auto integers = vectorOf(b.getI32Type());
  auto constant = [&](int32_t value) {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(integers, APInt(32, value, true)));
  };
  Value bits = bitcast(pairs, integers);
  bits = second ? Value(arith::AndIOp::create(b, loc, bits, constant(static_cast<int32_t>(0xffff0000))))
                : Value(arith::ShLIOp::create(b, loc, bits, constant(16)));
  return bitcast(bits, vecType);
}

Value LeafBuilder::dotPairs(Value x, Value y, Value sum) {
  assert(isa.multipliesBf16() && lanes() == 16 && "the one machine with bf16 that we emit for");
  auto pairs = vectorOf(b.getBF16Type(), 2);
  return LLVM::CallIntrinsicOp::create(b, loc, vecType, b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
                                       ValueRange{sum, bitcast(x, pairs), bitcast(y, pairs)})
      .getResult(0);
}

Value LeafBuilder::loadScalar(Value memref, ValueRange at) {
  Value element = memref::LoadOp::create(b, loc, memref, at);
  return holdsBf16(memref) ? Value(arith::ExtFOp::create(b, loc, b.getF32Type(), element)) : element;
}

void LeafBuilder::storeScalar(Value scalar, Value memref, ValueRange at) {
  if (holdsBf16(memref))
    scalar = arith::TruncFOp::create(b, loc, b.getBF16Type(), scalar);
  memref::StoreOp::create(b, loc, scalar, memref, at);
}

void LeafBuilder::padPair(Value memref, Value row) {
  auto type = cast<MemRefType>(memref.getType());
  if (holdsBf16(memref) && type.getDimSize(1) % 2)
    storeScalar(scalar(0.0), memref, {row, index(type.getDimSize(1))});
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

Value LeafBuilder::largerMagnitude(Value x, Value y) {
  // As integers, numbers without a sign are in the same order, and NaN is above infinity.
  auto integers = VectorType::get(cast<VectorType>(x.getType()).getShape(), b.getI32Type());
  auto bits = [&](Value v) { return bitcast(v, integers); };
  return bitcast(arith::MaxSIOp::create(b, loc, bits(x), bits(y)), cast<VectorType>(x.getType()));
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

Value LeafBuilder::largestMagnitude(Value x) {
  return halvingTree(x, [&](Value lower, Value upper) { return largerMagnitude(lower, upper); });
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
