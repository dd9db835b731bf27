//===- EmitMaps.cpp - probabilities and attention maps ----------------------------------------------===//
//
// Outputs that a user asks for, not what makes a model fast: plain loops over rows, each row in one chunk.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/Rows.h"

using namespace mlir;
using namespace vitc;

/// Softmax of columns [0, width) of a row, to the base 2 or e. A NaN leaves nothing but NaN: its exponential
/// is in the sum.
static void softmaxRow(LeafBuilder &b, int64_t width, llvm::function_ref<Value(Value)> input, Value output,
                       Value row, bool base2) {
  constexpr double kLog2E = 1.4426950408889634, kLowest = -3.0e38;
  auto add = [&](Value x, Value y) { return b.addf(x, y); };
  auto larger = [&](Value x, Value y) { return b.maxf(x, y); };
  Value largest = b.maxLanes(emitRowReduction(
      b, width, b.splat(kLowest), [&](Value k, Value m) { return b.maxf(input(k), m); }, larger));
  Value center = b.broadcast(largest);
  int64_t covered = b.vectorsFor(width) * b.lanes();
  b.loop(0, covered, b.lanes(), [&](Value k) {
    Value x = b.subf(input(k), center);
    b.store(emitExp2(b, base2 ? x : b.mulf(x, b.splat(kLog2E)), Accuracy::F32), output, {row, k});
  });
  Value sum = b.sumLanes(emitRowReduction(
      b, width, b.splat(0.0), [&](Value k, Value s) { return b.addf(s, b.load(output, {row, k})); }, add));
  Value inverse = b.broadcast(b.divf(b.scalar(1.0), sum));
  b.loop(0, covered, b.lanes(),
         [&](Value k) { b.store(b.mulf(b.load(output, {row, k}), inverse), output, {row, k}); });
}

void vitc::emitSoftmax(LeafBuilder &b, vit::PlanSoftmaxOp op, ValueRange args) {
  auto type = op.getInput().getType();
  auto [lo, hi] = evenPart(b, args.back(), type.getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    softmaxRow(
        b, type.getDimSize(1), [&](Value k) { return b.load(args[0], {row, k}); }, args[1], row, false);
  });
}

void vitc::emitAttentionWeights(LeafBuilder &b, vit::PlanAttentionWeightsOp op, ValueRange args) {
  Value query = args[0], key = args[1], bias = op.getBias() ? args[2] : Value(),
        output = args[op.getBias() ? 3 : 2];
  int64_t queries = op.getQuery().getType().getDimSize(1), keys = op.getKey().getType().getDimSize(1);
  int64_t width = op.getKey().getType().getDimSize(2); // channels behind a head are zeros
  auto [lo, hi] = evenPart(b, args.back(), op.getOutput().getType().getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    Value head = b.div(row, queries), i = b.rem(row, queries);
    b.loop(0, keys, 1, [&](Value j) {
      Value sum = b.sumLanes(emitRowReduction(
          b, width, b.splat(0.0),
          [&](Value k, Value s) { return b.fma(b.load(query, {head, i, k}), b.load(key, {head, j, k}), s); },
          [&](Value x, Value y) { return b.addf(x, y); }));
      b.storeScalar(sum, output, {row, j});
    });
    softmaxRow(
        b, keys,
        [&](Value k) {
          Value score = b.load(output, {row, k});
          return bias ? b.addf(score, b.load(bias, {head, i, k})) : score;
        },
        output, row, true);
  });
}

void vitc::emitRollout(LeafBuilder &b, vit::PlanRolloutOp op, ValueRange args) {
  Value weights = args[0], before = op.getBefore() ? args[1] : Value(), output = args[op.getBefore() ? 2 : 1];
  Value scratch = args[args.size() - 2];
  int64_t tokens = op.getOutput().getType().getDimSize(1), heads = op.getHeads();
  int64_t covered = b.vectorsFor(tokens) * b.lanes();
  auto [lo, hi] = evenPart(b, args.back(), tokens, op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    b.loop(0, covered, b.lanes(), [&](Value k) {
      auto sum = b.loopCarry(b.index(0), b.index(heads), 1, {b.splat(0.0)}, [&](Value h, ValueRange carried) {
        Value map = b.load(weights, {b.add(b.mul(h, tokens), row), k});
        return SmallVector<Value>{b.addf(carried[0], map)};
      });
      b.store(b.mulf(sum[0], b.splat(0.5 / static_cast<double>(heads))), scratch, {k});
    });
    b.storeScalar(b.addf(b.loadScalar(scratch, {row}), b.scalar(0.5)), scratch, {row});
    b.loop(0, covered, b.lanes(), [&](Value column) {
      if (!before)
        return b.store(b.load(scratch, {column}), output, {row, column});
      auto sum =
          b.loopCarry(b.index(0), b.index(tokens), 1, {b.splat(0.0)}, [&](Value k, ValueRange carried) {
            Value share = b.broadcast(b.loadScalar(scratch, {k}));
            return SmallVector<Value>{b.fma(share, b.load(before, {k, column}), carried[0])};
          });
      b.store(sum[0], output, {row, column});
    });
  });
}
