#include "compiler/Codegen/CPU/Rows.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

Value vitc::emitRowReduction(LeafBuilder &b, int64_t width, Value init,
                             llvm::function_ref<Value(Value, Value)> next,
                             llvm::function_ref<Value(Value, Value)> combine) {
  // Independent chains hide the latency of an operation; more do not help at ViT widths.
  constexpr int64_t kChains = 4;
  int64_t lanes = b.lanes(), step = kChains * lanes, main = width / step * step;
  SmallVector<Value> chains(kChains, init);
  if (main > 0)
    chains = b.loopCarry(b.index(0), b.index(main), step, chains, [&](Value k, ValueRange carried) {
      SmallVector<Value> values;
      for (int64_t c = 0; c < kChains; ++c)
        values.push_back(next(b.add(k, c * lanes), carried[c]));
      return values;
    });
  for (int64_t k = main, c = 0; k < width; k += lanes, ++c)
    chains[c] = b.keepLanes(next(b.index(k), chains[c]), width - k, chains[c]);
  return combine(combine(chains[0], chains[1]), combine(chains[2], chains[3]));
}

/// Finds the scale of a row, stores it, and returns what `value` is multiplied with.
static Value emitRowScale(LeafBuilder &b, int64_t width, llvm::function_ref<Value(Value)> value, Value factor,
                          Value scales, Value row) {
  Value largest = b.largestMagnitude(emitRowReduction(
      b, width, b.splat(0.0), [&](Value k, Value m) { return b.largerMagnitude(m, b.absf(value(k))); },
      [&](Value x, Value y) { return b.largerMagnitude(x, y); }));
  Value scale = b.mulf(largest, b.scalar(1.0 / 127));
  b.storeScalar(factor ? b.mulf(scale, factor) : scale, scales, {row});
  // 127 / 0 is infinite, and zeros times that NaN, which becomes a byte that the scale 0 annuls.
  return b.divf(b.scalar(127.0), largest);
}

void vitc::emitQuantizedRow(LeafBuilder &b, int64_t width, llvm::function_ref<Value(Value)> value,
                            Value factor, Value output, Value scales, bool given, Value row) {
  Value inverse = given ? b.divf(factor ? factor : b.scalar(1.0), b.loadScalar(scales, {row}))
                        : emitRowScale(b, width, value, factor, scales, row);
  inverse = b.broadcast(inverse);
  Type element = cast<MemRefType>(output.getType()).getElementType();
  b.loop(0, b.vectorsFor(width) * b.lanes(), b.lanes(), [&](Value k) {
    Value bytes = b.toBytes(b.mulf(value(k), inverse), element);
    vector::StoreOp::create(b.b, b.loc, bytes, output, ValueRange{row, k});
  });
}
