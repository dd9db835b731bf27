//===- EmitLayerNorm.cpp - layer normalisation of rows ----------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/Rows.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace vitc;

/// Sum of a row's columns, `next(k, sum)` adding those of the vector at k.
static Value sumRow(LeafBuilder &b, int64_t width, llvm::function_ref<Value(Value k, Value sum)> next) {
  return b.sumLanes(
      emitRowReduction(b, width, b.splat(0.0), next, [&](Value x, Value y) { return b.addf(x, y); }));
}

/// Lanes of the widest vector of any machine.
static constexpr int64_t kWidest = 16;

void vitc::emitLayerNorm(LeafBuilder &b, vit::PlanLayerNormOp op, ValueRange args) {
  unsigned next = 0;
  Value input = args[next++];
  Value gamma = op.getGamma() ? args[next++] : Value();
  Value beta = op.getBeta() ? args[next++] : Value();
  Value output = args[next++];
  Value scales = op.getScales() ? args[next++] : Value();
  Value chunk = args.back();
  auto type = op.getInput().getType();
  int64_t rows = type.getDimSize(0), width = type.getDimSize(1);

  auto [lo, hi] = evenPart(b, chunk, rows, op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    // Two passes over the row in L1: E[x^2] - E[x]^2 cancels when the mean is large, as in outlier channels.
    Value inverseWidth = b.scalar(1.0 / static_cast<double>(width));
    auto at = [&](Value k) { return b.load(input, {row, k}); };
    Value center;
    if (!op.getRms())
      center = b.broadcast(
          b.mulf(sumRow(b, width, [&](Value k, Value sum) { return b.addf(sum, at(k)); }), inverseWidth));
    auto deviation = [&](Value k) { return center ? b.subf(at(k), center) : at(k); };
    Value squares = sumRow(b, width, [&](Value k, Value sum) {
      Value d = deviation(k);
      return b.fma(d, d, sum);
    });
    Value variance = b.addf(b.mulf(squares, inverseWidth), b.scalar(op.getEps().convertToDouble()));
    Value scale = b.divf(b.scalar(1.0), math::SqrtOp::create(b.b, b.loc, variance));
    Value scaleOfAll = b.broadcast(scale);
    auto normalised = [&](Value k) {
      Value y = b.mulf(deviation(k), scaleOfAll);
      if (gamma && beta)
        return b.fma(y, b.load(gamma, {k}), b.load(beta, {k}));
      if (gamma)
        return b.mulf(y, b.load(gamma, {k}));
      return beta ? b.addf(y, b.load(beta, {k})) : y;
    };
    if (scales && !gamma && !beta)
      return emitQuantizedRow(b, width, deviation, scale, output, scales, op.getGiven(), row);
    if (scales)
      return emitQuantizedRow(b, width, normalised, Value(), output, scales, op.getGiven(), row);
    int64_t whole = width / b.lanes() * b.lanes(), room = (width + kWidest - 1) / kWidest * kWidest;
    b.loop(0, whole, b.lanes(), [&](Value k) { b.store(normalised(k), output, {row, k}); });
    // Zeros behind the width: attention multiplies all channels of a plane.
    for (int64_t k = whole; k < room; k += b.lanes()) {
      Value zero = b.splat(0.0);
      b.store(k < width ? b.keepLanes(normalised(b.index(k)), width - k, zero) : zero, output,
              {row, b.index(k)});
    }
  });
}
