//===- LeafBuilder.h - the vector instructions that all emitters are made of ------------------------===//
//
// Native-width 1-d vectors and index arithmetic. Everything that differs between instruction sets at the
// level of an instruction is decided here, from the descriptor; emitters above only see lanes and tiles.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_LEAFBUILDER_H
#define COMPILER_CODEGEN_CPU_LEAFBUILDER_H

#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

namespace vitc {

class LeafBuilder {
public:
  LeafBuilder(mlir::OpBuilder &builder, mlir::Location loc, vit::IsaAttr isa)
      : b(builder), loc(loc), isa(isa),
        vecType(mlir::VectorType::get({static_cast<int64_t>(isa.getLanes())}, builder.getF32Type())) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  vit::IsaAttr isa;
  mlir::VectorType vecType;

  int64_t lanes() const { return isa.getLanes(); }
  int64_t vectorsFor(int64_t columns) const { return (columns + lanes() - 1) / lanes(); }

  // Index arithmetic.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::arith::AddIOp::create(b, loc, x, y); }
  mlir::Value add(mlir::Value x, int64_t y) { return y == 0 ? x : add(x, index(y)); }
  mlir::Value mul(mlir::Value x, int64_t y) { return mlir::arith::MulIOp::create(b, loc, x, index(y)); }
  mlir::Value div(mlir::Value x, int64_t y) { return mlir::arith::DivUIOp::create(b, loc, x, index(y)); }
  mlir::Value rem(mlir::Value x, int64_t y) { return mlir::arith::RemUIOp::create(b, loc, x, index(y)); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return mlir::arith::MinUIOp::create(b, loc, x, y); }
  mlir::Value max(mlir::Value x, mlir::Value y) { return mlir::arith::MaxUIOp::create(b, loc, x, y); }

  /// for (i = lo; i < hi; i += step) body(i), without carried values.
  void loop(mlir::Value lo, mlir::Value hi, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  void loop(int64_t lo, int64_t hi, int64_t step, llvm::function_ref<void(mlir::Value)> body) {
    loop(index(lo), index(hi), step, body);
  }
  /// The same with carried values; returns their final values.
  llvm::SmallVector<mlir::Value>
  loopCarry(mlir::Value lo, mlir::Value hi, int64_t step, mlir::ValueRange init,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);

  // Memory. Elements of bf16 are widened by loads and rounded by stores.
  mlir::Value load(mlir::Value memref, mlir::ValueRange at); ///< a vector
  void store(mlir::Value vector, mlir::Value memref, mlir::ValueRange at);
  mlir::Value loadScalar(mlir::Value memref, mlir::ValueRange at);
  void storeScalar(mlir::Value scalar, mlir::Value memref, mlir::ValueRange at);
  void padPair(mlir::Value memref, mlir::Value row); ///< zero behind a row of bf16 of odd length

  // Pairs of bf16, or quads of bytes: as many as there are lanes, held in the bits of a vector of f32.
  mlir::Value loadPairs(mlir::Value memref, mlir::ValueRange at); ///< from a buffer of bf16 or bytes
  mlir::Value loadPairs(mlir::Value memref, mlir::ValueRange at, int64_t count); ///< zeros behind `count`
  mlir::Value broadcastPair(mlir::Value memref, mlir::ValueRange at); ///< one pair or quad in all lanes
  /// Pairs of elements of two rows; zeros instead of a second row that is empty.
  mlir::Value pairRows(mlir::Value memref, mlir::ValueRange firstRow, mlir::ValueRange secondRow);
  mlir::Value widenPairs(mlir::Value pairs, bool second); ///< one of each pair, as f32
  mlir::Value narrow(mlir::Value x);                      ///< neighbours of f32 as pairs: half as many
  mlir::Value narrowPairs(mlir::Value first, mlir::Value second);      ///< rounded, a pair in each lane
  mlir::Value widenQuads(mlir::Value quads, int64_t index);            ///< one of each, signed, as f32
  mlir::Value dotQuads(mlir::Value x, mlir::Value y, mlir::Value sum); ///< unsigned x signed, into integers

  // Quads of bytes in 16 bits each: as many as half the lanes, in as many vectors as it takes.
  mlir::Value loadWideQuads(mlir::Value memref, mlir::ValueRange at);     ///< from a buffer of signed bytes
  mlir::Value broadcastWideQuad(mlir::Value memref, mlir::ValueRange at); ///< one, from a buffer of i16
  mlir::Value dotHalves(mlir::Value x, mlir::Value y, mlir::Value sum);   ///< each half of a quad in a lane
  mlir::Value joinHalves(mlir::Value low, mlir::Value high);              ///< sums of neighbouring lanes

  mlir::Value zeroIntegers();
  mlir::Value asIntegers(mlir::Value bits); ///< held in a vector of f32
  mlir::Value addIntegers(mlir::Value x, mlir::Value y);
  mlir::Value toFloats(mlir::Value integers);
  /// round(x) + 128 as integers of `type`, |x| at most 127; NaN becomes 1.
  mlir::Value toBytes(mlir::Value x, mlir::Type type);
  mlir::Value dotPairs(mlir::Value x, mlir::Value y,
                       mlir::Value sum); ///< sum + x[0] y[0] + x[1] y[1] by lane

  // Arithmetic; operands are vectors of vecType, or scalars of f32 where noted.
  mlir::Value splat(double value);
  mlir::Value scalar(double value);
  mlir::Value broadcast(mlir::Value scalar);
  mlir::Value addf(mlir::Value x, mlir::Value y) { return mlir::arith::AddFOp::create(b, loc, x, y); }
  mlir::Value subf(mlir::Value x, mlir::Value y) { return mlir::arith::SubFOp::create(b, loc, x, y); }
  mlir::Value mulf(mlir::Value x, mlir::Value y) { return mlir::arith::MulFOp::create(b, loc, x, y); }
  mlir::Value divf(mlir::Value x, mlir::Value y) { return mlir::arith::DivFOp::create(b, loc, x, y); }
  /// x * y + z; one rounding where the machine has it, else two.
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z);
  /// x > y ? x : y, and x < y ? x : y: y where either is NaN, as x86's maxps and minps.
  mlir::Value maxf(mlir::Value x, mlir::Value y);
  mlir::Value minf(mlir::Value x, mlir::Value y);
  mlir::Value absf(mlir::Value x);
  /// The larger of two that are not negative; NaN where either is.
  mlir::Value largerMagnitude(mlir::Value x, mlir::Value y);
  /// `x` in the first `count` lanes, `other` behind them.
  mlir::Value keepLanes(mlir::Value x, int64_t count, mlir::Value other);
  /// Reductions over the lanes to a scalar, by a fixed tree.
  mlir::Value sumLanes(mlir::Value x);
  mlir::Value maxLanes(mlir::Value x);
  mlir::Value largestMagnitude(mlir::Value x); ///< of lanes that are not negative; NaN if one is
  /// Transposes lanes() vectors of lanes() lanes.
  llvm::SmallVector<mlir::Value> transpose(llvm::ArrayRef<mlir::Value> rows);

private:
  /// vector<lanes * factor x element>
  mlir::VectorType vectorOf(mlir::Type element, int64_t factor = 1) const;
  mlir::Value bitcast(mlir::Value x, mlir::VectorType type);
  mlir::Value halvingTree(mlir::Value x, llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);
};

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_LEAFBUILDER_H
