//===- EmitUnitAttention.cpp - attention by a matrix unit -------------------------------------------===//
//
// Keys are packed into panels [panel][pairs of channels][32] once per chunk, and values as pairs of tokens:
// lines of the unit's registers. Queries and weights are its rows. Each tile of query rows computes its
// scores against all keys into a strip of scratch [query][key], turns the strip into weights in place, and
// multiplies it with the values. Lines are filled up with zeros to whole registers, on both sides.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Codegen/CPU/Attention.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/MatrixUnit.h"
#include "compiler/Codegen/CPU/Microkernel.h"

using namespace mlir;
using namespace vitc;

namespace {

constexpr int64_t kKeyPanel = 32; // columns of a packed key panel; the scratch layout of plan.attention
constexpr double kLog2E = 1.4426950408889634;
constexpr double kMasked = -3.0e38;

struct AttentionShape {
  explicit AttentionShape(vit::PlanAttentionOp op)
      : queries(op.getQuery().getType().getDimSize(1)), keys(op.getKey().getType().getDimSize(1)),
        width(op.getQuery().getType().getDimSize(2)), panels((keys + kKeyPanel - 1) / kKeyPanel),
        strip(panels * kKeyPanel + 16), stripRows(op.getTile()[0]), base2(op.getBase2()) {}
  int64_t queries, keys, width, panels;
  int64_t strip; ///< floats between rows of the score strip
  int64_t stripRows;
  bool base2;
  int64_t channels() const { return width / 2; }                 ///< pairs
  int64_t channelLines() const { return linesOf(channels()); }   ///< of a packed key panel
  int64_t tokenLines() const { return linesOf((keys + 1) / 2); } ///< of packed values
  // In floats from the start of the scratch:
  int64_t valueOffset() const { return panels * kKeyPanel * channelLines(); }
  int64_t stripOffset() const { return valueOffset() + tokenLines() * width; }
  int64_t outputOffset() const { return stripOffset() + stripRows * strip; }
  int64_t queryOffset() const { return outputOffset() + stripRows * kKeyPanel; }

private:
  static int64_t linesOf(int64_t steps) { return (steps + 15) / 16 * 16; }
};

/// Index of key panel `p`, channel `d`, column `c` in the scratch.
Value keyAt(LeafBuilder &b, const AttentionShape &s, Value p, Value d, Value c) {
  return b.add(b.mul(b.add(b.mul(p, s.channelLines()), d), kKeyPanel), c);
}
/// Index of pair `t` of packed values, column `c` in the scratch.
Value valueAt(LeafBuilder &b, const AttentionShape &s, Value t, Value c) {
  return b.add(b.add(b.mul(t, s.width), c), s.valueOffset());
}
/// Index of row `i`, column `c` of the score strip in the scratch.
Value stripAt(LeafBuilder &b, const AttentionShape &s, Value i, Value c) {
  return b.add(b.add(b.mul(i, s.strip), c), s.stripOffset());
}

/// Turns row `i` of the strip into exponentials; leaves 1 / sum behind the row's columns.
void emitSoftmaxRow(LeafBuilder &b, const AttentionShape &s, Value scratch, Value i) {
  constexpr int64_t kSums = 4;
  int64_t lanes = b.lanes(), vectors = b.vectorsFor(s.keys), step = kSums * lanes;
  int64_t main = vectors / kSums * step;
  auto at = [&](Value k) { return stripAt(b, s, i, k); };

  // A reduction over all vectors of the row, four at a time.
  auto reduce = [&](Value init, llvm::function_ref<Value(Value k, Value carried)> body) {
    SmallVector<Value> carried(kSums, init);
    if (main > 0)
      carried = b.loopCarry(b.index(0), b.index(main), step, carried, [&](Value k, ValueRange values) {
        SmallVector<Value> next;
        for (int64_t u = 0; u < kSums; ++u)
          next.push_back(body(b.add(k, u * lanes), values[u]));
        return next;
      });
    for (int64_t k = main, u = 0; k < vectors * lanes; k += lanes, ++u)
      carried[u] = body(b.index(k), carried[u]);
    return carried;
  };

  auto maxima =
      reduce(b.splat(kMasked), [&](Value k, Value m) { return b.maxf(m, b.load(scratch, {at(k)})); });
  Value max = b.maxLanes(b.maxf(b.maxf(maxima[0], maxima[1]), b.maxf(maxima[2], maxima[3])));
  Value center = b.broadcast(max);
  auto sums = reduce(b.splat(0.0), [&](Value k, Value sum) {
    Value x = b.subf(b.load(scratch, {at(k)}), center);
    if (!s.base2)
      x = b.mulf(x, b.splat(kLog2E));
    Value weight = emitExp2(b, x, Accuracy::Bf16);
    // In order, so that nothing is overwritten before it is read.
    b.store(b.narrow(weight), scratch, {stripAt(b, s, i, b.div(k, 2))});
    return b.addf(sum, weight);
  });
  Value sum = b.sumLanes(b.addf(b.addf(sums[0], sums[1]), b.addf(sums[2], sums[3])));
  b.storeScalar(b.divf(b.scalar(1.0), sum), scratch, {at(b.index(s.panels * kKeyPanel))});
}

/// Kernel (query, output, scratch, m, query plane, output column): a tile of query rows. Registers are set
/// for tiles of `tile.rows` rows; of a lower one the row before it is multiplied, too.
void emitRegisterTile(LeafBuilder &b, const AttentionShape &s, Tile tile, int64_t height, ValueRange args) {
  Value query = args[0], output = args[1], scratch = args[2], m = args[3], queryPlane = args[4],
        outputColumn = args[5];
  int64_t before = tile.rows - height, lanes = b.lanes(), lines = s.channelLines();
  Value first = b.add(m, -before);
  auto floats = [&](Value index, int64_t stride) {
    return RegisterMatrix{scratch, b.mul(index, 4), 4 * stride};
  };

  RegisterMatrix rows{query, b.mul(b.add(b.mul(queryPlane, s.queries), first), 2 * s.width), 2 * s.width};
  if (lines != s.channels()) { // behind a row's channels lies the next row
    rows = floats(b.index(s.queryOffset()), lines);
    b.loop(0, tile.rows, 1, [&](Value i) {
      for (int64_t d = 0; d < lines; d += lanes) {
        Value at = b.add(b.mul(i, lines), s.queryOffset() + d);
        b.store(b.loadPairs(query, {queryPlane, b.add(first, i), b.index(2 * d)}, s.channels() - d), scratch,
                {at});
      }
    });
  }
  Value zero = b.index(0);
  b.loop(0, s.panels, 1, [&](Value panel) {
    emitRegisterProduct(b, tile, tile.vectors, StepKind::Pairs,
                        {{lines, rows, floats(keyAt(b, s, panel, zero, zero), kKeyPanel)}},
                        floats(stripAt(b, s, zero, b.mul(panel, kKeyPanel)), s.strip));
  });

  int64_t vectors = b.vectorsFor(s.keys), lastKeys = s.keys - (vectors - 1) * lanes;
  b.loop(before, tile.rows, 1, [&](Value i) {
    Value last = stripAt(b, s, i, b.index((vectors - 1) * lanes));
    if (lastKeys < lanes)
      b.store(b.keepLanes(b.load(scratch, {last}), lastKeys, b.splat(kMasked)), scratch, {last});
    emitSoftmaxRow(b, s, scratch, i);
    // Weights of two bytes end half way; zeros up to the last line of packed values, whose bytes were scores.
    for (int64_t pair = vectors * lanes / 2; pair < s.tokenLines(); pair += lanes / 2)
      b.store(b.narrow(b.splat(0.0)), scratch, {stripAt(b, s, i, b.index(pair))});
  });

  auto values = [&](Value column, int64_t width) { // in vectors
    emitRegisterProduct(b, tile, width, StepKind::Pairs,
                        {{s.tokenLines(), floats(stripAt(b, s, zero, zero), s.strip),
                          floats(valueAt(b, s, zero, column), s.width)}},
                        floats(b.index(s.outputOffset()), kKeyPanel));
    b.loop(before, tile.rows, 1, [&](Value i) {
      Value inverse = b.broadcast(b.loadScalar(scratch, {stripAt(b, s, i, b.index(s.panels * kKeyPanel))}));
      for (int64_t v = 0; v < width; ++v) {
        Value sum = b.load(scratch, {b.add(b.mul(i, kKeyPanel), s.outputOffset() + v * lanes)});
        b.store(b.mulf(sum, inverse), output,
                {b.add(first, i), b.add(b.add(outputColumn, column), v * lanes)});
      }
    });
  };
  int64_t columns = tile.vectors * lanes, whole = s.width / columns * columns;
  b.loop(0, whole, columns, [&](Value column) { values(column, tile.vectors); });
  if (whole < s.width)
    values(b.index(whole), (s.width - whole) / lanes);
}

} // namespace

void vitc::emitUnitAttention(Emitter &e, LeafBuilder &b, vit::PlanAttentionOp op, ValueRange args) {
  AttentionShape s(op);
  Value query = args[0], key = args[1], value = args[2], output = args[3], scratch = args[4], chunk = args[5];
  int64_t rowBlocks = op.getGrid()[0], heads = op.getGrid()[1];
  Value head = rowBlocks == 1 ? chunk : b.rem(chunk, heads);
  Value rowBlock = rowBlocks == 1 ? b.index(0) : b.div(chunk, heads);

  Type indexType = b.b.getIndexType();
  auto pack = [&](StringRef name, Value planes, int64_t operand,
                  llvm::function_ref<void(LeafBuilder &, ValueRange)> body) {
    SmallVector<Type> types{planes.getType(), scratch.getType(), indexType};
    func::CallOp::create(b.b, b.loc, e.kernel(attentionKernelName(name, op, 0), types, body),
                         ValueRange{planes, scratch, b.add(head, op.getPlanes()[operand])});
  };
  pack("pack_keys", key, 1, [&](LeafBuilder &k, ValueRange a) {
    emitTransposedRows(k, a[0], a[2], k.index(0), s.keys, s.channelLines(), a[1], [&](Value d, Value i) {
      return keyAt(k, s, k.div(i, kKeyPanel), d, k.rem(i, kKeyPanel));
    });
  });
  pack("pack_values", value, 2, [&](LeafBuilder &k, ValueRange a) {
    emitPairedRows(k, a[0], a[2], s.tokenLines(), a[1], s.valueOffset());
  });

  SmallVector<Type> types{query.getType(), output.getType(), scratch.getType()};
  types.append(3, indexType);
  BalancedTiles tiles = balanceTiles(s.queries, op.getTile()[0]);
  // One setting of the registers for the tiles of both heights.
  Tile registers{tiles.base + (tiles.tall > 0), op.getTile()[1]};
  auto call = [&](int64_t height, Value m) {
    auto kernel =
        e.kernel(attentionKernelName("attention", op, height), types,
                 [&](LeafBuilder &k, ValueRange a) { emitRegisterTile(k, s, registers, height, a); });
    func::CallOp::create(
        b.b, b.loc, kernel,
        ValueRange{query, output, scratch, m, b.add(head, op.getPlanes()[0]), b.mul(head, s.width)});
  };
  auto [firstTile, endTile] = evenPart(b, rowBlock, tiles.count, rowBlocks);
  emitConfigureRegisters(b, registers);
  emitTileLoops(b, tiles, firstTile, endTile, [&](int64_t height, Value, Value row) { call(height, row); });
  emitReleaseRegisters(b);
}
