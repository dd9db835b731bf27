//===- EmitLayerNorm.cpp - layer normalisation of rows ----------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace vitc;

// Independent sums hide the latency of additions; more do not help at ViT widths.
static constexpr int64_t kSums = 4;

/// Sums term(v, x) over the vectors x of a row, lanes behind `width` as zero; `vectors` of them, kSums at a
/// time.
static Value sumRow(LeafBuilder &b, Value buffer, Value row, int64_t width,
                    llvm::function_ref<Value(Value x, Value sum, bool whole)> accumulate) {
  int64_t lanes = b.lanes(), wholeVectors = width / lanes, step = kSums * lanes;
  int64_t main = wholeVectors / kSums * step;
  SmallVector<Value> sums(kSums, b.splat(0.0));
  if (main > 0)
    sums = b.loopCarry(b.index(0), b.index(main), step, sums, [&](Value k, ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t s = 0; s < kSums; ++s)
        next.push_back(accumulate(b.load(buffer, {row, b.add(k, s * lanes)}), carried[s], true));
      return next;
    });
  for (int64_t k = main, s = 0; k < width; k += lanes, s = (s + 1) % kSums) {
    Value x = b.load(buffer, {row, b.index(k)});
    Value next = accumulate(x, sums[s], k + lanes <= width);
    sums[s] = k + lanes <= width ? next : b.keepLanes(next, width - k, sums[s]);
  }
  return b.sumLanes(b.addf(b.addf(sums[0], sums[1]), b.addf(sums[2], sums[3])));
}

void vitc::emitLayerNorm(LeafBuilder &b, vit::PlanLayerNormOp op, ValueRange args) {
  unsigned next = 0;
  Value input = args[next++];
  Value gamma = op.getGamma() ? args[next++] : Value();
  Value beta = op.getBeta() ? args[next++] : Value();
  Value output = args[next++];
  Value chunk = args.back();
  auto type = op.getInput().getType();
  int64_t rows = type.getDimSize(0), width = type.getDimSize(1);

  auto [lo, hi] = evenPart(b, chunk, rows, op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    // Two passes over the row in L1: E[x^2] - E[x]^2 cancels when the mean is large, as in outlier channels.
    Value inverseWidth = b.scalar(1.0 / static_cast<double>(width));
    Value mean = b.mulf(
        sumRow(b, input, row, width, [&](Value x, Value sum, bool) { return b.addf(sum, x); }), inverseWidth);
    Value center = b.broadcast(mean);
    Value squares = sumRow(b, input, row, width, [&](Value x, Value sum, bool) {
      Value d = b.subf(x, center);
      return b.fma(d, d, sum);
    });
    Value variance = b.addf(b.mulf(squares, inverseWidth), b.scalar(op.getEps().convertToDouble()));
    Value scale = b.broadcast(b.divf(b.scalar(1.0), math::SqrtOp::create(b.b, b.loc, variance)));
    auto normalise = [&](Value k) {
      Value y = b.mulf(b.subf(b.load(input, {row, k}), center), scale);
      if (gamma && beta)
        y = b.fma(y, b.load(gamma, {k}), b.load(beta, {k}));
      else if (gamma)
        y = b.mulf(y, b.load(gamma, {k}));
      else if (beta)
        y = b.addf(y, b.load(beta, {k}));
      b.store(y, output, {row, k});
    };
    // Whole vectors: the padding behind a row takes what is written behind its width.
    b.loop(0, b.vectorsFor(width) * b.lanes(), b.lanes(), normalise);
    b.padPair(output, row);
  });
}
