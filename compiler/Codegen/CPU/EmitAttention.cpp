//===- EmitAttention.cpp - one head and one block of query rows -------------------------------------===//
//
// Keys are packed into panels [panel][plane width][32] once per chunk. Then each tile of query rows computes
// its scores against all keys into a strip of scratch, turns the strip into weights in place, and multiplies
// it with the values. Memory is linear in the tokens, and softmax is exact: no running maximum is needed.
//
// With bf16, pairs take the place of elements: panels hold pairs of channels, values are packed as pairs of
// tokens behind them, and the weights are written as bf16 over the scores that they come from.
//
// A matrix unit multiplies the same: packed keys and values are lines of its registers, queries and weights
// rows. Lines are filled up with zeros to whole registers, on both sides.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/MatrixUnit.h"
#include "compiler/Codegen/CPU/Microkernel.h"
#include "llvm/Support/raw_ostream.h"

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
        strip(panels * kKeyPanel + 16), base2(op.getBase2()),
        pairs(op.getKey().getType().getElementType().isBF16()), matrixUnit(op.getMatrixUnit()) {
    stripRows = op.getTile()[0];
  }
  int64_t queries, keys, width, panels;
  int64_t strip; ///< floats between rows of the score strip
  int64_t stripRows;
  bool base2;
  bool pairs; ///< operands are bf16
  bool matrixUnit;
  int64_t channels() const { return pairs ? width / 2 : width; }   ///< steps of a score
  int64_t tokens() const { return pairs ? (keys + 1) / 2 : keys; } ///< steps of an output
  int64_t channelLines() const { return linesOf(channels()); }     ///< of a packed key panel
  int64_t tokenLines() const { return linesOf(tokens()); }         ///< of packed values
  // In floats from the start of the scratch:
  int64_t valueOffset() const { return panels * kKeyPanel * channelLines(); }
  int64_t stripOffset() const { return valueOffset() + (pairs ? tokenLines() * width : 0); }
  int64_t outputOffset() const { return stripOffset() + stripRows * strip; }
  int64_t queryOffset() const { return outputOffset() + stripRows * kKeyPanel; }

private:
  int64_t linesOf(int64_t steps) const { return matrixUnit ? (steps + 15) / 16 * 16 : steps; }
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

/// Kernel (key, scratch, plane): packs all keys of a plane; columns behind the last key are zero.
void emitPackKeys(LeafBuilder &b, const AttentionShape &s, Value key, Value scratch, Value plane) {
  int64_t lanes = b.lanes();
  auto block = [&](Value first, int64_t count) { // `count` keys from `first`, at most lanes
    Value panel = b.div(first, kKeyPanel), column = b.rem(first, kKeyPanel);
    auto transposed = [&](Value d, int64_t channels) { // `channels` from `d`, at most lanes
      SmallVector<Value> rows(lanes);
      for (int64_t i = 0; i < lanes; ++i)
        if (i >= count)
          rows[i] = b.splat(0.0);
        else if (s.pairs)
          rows[i] = b.loadPairs(key, {plane, b.add(first, i), b.mul(d, 2)}, channels);
        else
          rows[i] = b.load(key, {plane, b.add(first, i), d});
      rows = b.transpose(rows);
      for (int64_t i = 0; i < (s.matrixUnit ? lanes : channels); ++i) // zeros behind the channels
        b.store(rows[i], scratch, {keyAt(b, s, panel, b.add(d, i), column)});
    };
    int64_t whole = s.channels() / lanes * lanes;
    b.loop(0, whole, lanes, [&](Value d) { transposed(d, lanes); });
    if (whole < s.channels()) // planes are as wide as vectors of f32, which hold two vectors of pairs
      transposed(b.index(whole), s.channels() - whole);
  };
  int64_t whole = s.keys / lanes * lanes;
  b.loop(0, whole, lanes, [&](Value first) { block(first, lanes); });
  if (whole < s.keys)
    block(b.index(whole), s.keys - whole);
}

/// Kernel (value, scratch, plane): packs the values of a plane as pairs of tokens; an odd last token is
/// paired with zeros.
void emitPackValues(LeafBuilder &b, const AttentionShape &s, Value value, Value scratch, Value plane) {
  auto pack = [&](Value pair, bool both) {
    b.loop(0, s.width, b.lanes(), [&](Value c) {
      Value token = b.mul(pair, 2);
      SmallVector<Value> first{plane, token, c}, second;
      if (both)
        second = {plane, b.add(token, 1), c};
      b.store(b.pairRows(value, first, second), scratch, {valueAt(b, s, pair, c)});
    });
  };
  b.loop(0, s.keys / 2, 1, [&](Value pair) { pack(pair, true); });
  if (s.keys % 2)
    pack(b.index(s.keys / 2), false);
  b.loop(s.tokens(), s.tokenLines(), 1, [&](Value line) {
    b.loop(0, s.width, b.lanes(), [&](Value c) { b.store(b.splat(0.0), scratch, {valueAt(b, s, line, c)}); });
  });
}

/// Scores of a tile against the keys [first, first + columns) of one panel.
void emitScores(LeafBuilder &b, const AttentionShape &s, ArrayRef<Value> rows, Value query, Value plane,
                Value scratch, Value panel, Value column, int64_t vectors, int64_t valid) {
  MicrokernelOperands operands;
  auto loadA = [&](int64_t i, Step k) {
    Value at = b.add(k.first, k.offset);
    return s.pairs ? b.broadcastPair(query, {plane, rows[i], b.mul(at, 2)})
                   : b.broadcast(b.loadScalar(query, {plane, rows[i], at}));
  };
  auto loadB = [&](Step k, int64_t v) {
    Value at = b.add(k.first, k.offset);
    return b.load(scratch, {keyAt(b, s, panel, at, b.add(column, v * b.lanes()))});
  };
  operands.a = loadA;
  operands.b = loadB;
  operands.kind = s.pairs ? StepKind::Pairs : StepKind::Elements;
  Tile tile{static_cast<int64_t>(rows.size()), vectors};
  TileValues sums = emitMicrokernel(b, tile, s.channels(), operands);
  Value at = b.add(b.mul(panel, kKeyPanel), column);
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t v = 0; v < vectors; ++v) {
      Value score = b.keepLanes(sums[i][v], valid - v * b.lanes(), b.splat(kMasked));
      b.store(score, scratch, {stripAt(b, s, b.index(i), b.add(at, v * b.lanes()))});
    }
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
    Value weight = emitExp2(b, x, s.pairs ? Accuracy::Bf16 : Accuracy::F32);
    if (s.pairs) // in order, so that nothing is overwritten before it is read
      b.store(b.narrow(weight), scratch, {stripAt(b, s, i, b.div(k, 2))});
    else
      b.store(weight, scratch, {at(k)});
    return b.addf(sum, weight);
  });
  Value sum = b.sumLanes(b.addf(b.addf(sums[0], sums[1]), b.addf(sums[2], sums[3])));
  b.storeScalar(b.divf(b.scalar(1.0), sum), scratch, {at(b.index(s.panels * kKeyPanel))});
}

/// Columns [column, column + vectors * lanes) of the tile's output.
void emitValues(LeafBuilder &b, const AttentionShape &s, ArrayRef<Value> rows, Value value, Value plane,
                Value scratch, Value output, Value column, Value outputColumn, int64_t vectors) {
  MicrokernelOperands operands;
  auto loadA = [&](int64_t i, Step k) { // a weight, or two
    return b.broadcast(b.loadScalar(scratch, {stripAt(b, s, b.index(i), b.add(k.first, k.offset))}));
  };
  auto loadB = [&](Step k, int64_t v) {
    Value at = b.add(k.first, k.offset), c = b.add(column, v * b.lanes());
    return s.pairs ? b.load(scratch, {valueAt(b, s, at, c)}) : b.load(value, {plane, at, c});
  };
  operands.a = loadA;
  operands.b = loadB;
  operands.kind = s.pairs ? StepKind::Pairs : StepKind::Elements;
  Tile tile{static_cast<int64_t>(rows.size()), vectors};
  TileValues sums = emitMicrokernel(b, tile, s.tokens(), operands);
  for (int64_t i = 0; i < tile.rows; ++i) {
    Value inverse =
        b.broadcast(b.loadScalar(scratch, {stripAt(b, s, b.index(i), b.index(s.panels * kKeyPanel))}));
    for (int64_t v = 0; v < vectors; ++v)
      b.store(b.mulf(sums[i][v], inverse), output, {rows[i], b.add(outputColumn, v * b.lanes())});
  }
}

/// Kernel (query, value, output, scratch, m, query plane, value plane, output column): a tile of query rows.
void emitTile(LeafBuilder &b, const AttentionShape &s, int64_t height, ValueRange args) {
  Value query = args[0], value = args[1], output = args[2], scratch = args[3], m = args[4],
        queryPlane = args[5], valuePlane = args[6], outputColumn = args[7];
  SmallVector<Value> rows;
  for (int64_t i = 0; i < height; ++i)
    rows.push_back(b.add(m, i));

  Type element = cast<MemRefType>(query.getType()).getElementType();
  int64_t vectors = b.isa.vectorTileFor(element).vectors, columns = vectors * b.lanes();
  // Whole tiles of keys, then one that is as wide as the keys that are left.
  int64_t whole = s.keys / columns * columns;
  b.loop(0, whole, columns, [&](Value first) {
    emitScores(b, s, rows, query, queryPlane, scratch, b.div(first, kKeyPanel), b.rem(first, kKeyPanel),
               vectors, columns);
  });
  if (whole < s.keys)
    emitScores(b, s, rows, query, queryPlane, scratch, b.index(whole / kKeyPanel), b.index(whole % kKeyPanel),
               b.vectorsFor(s.keys - whole), s.keys - whole);

  b.loop(0, height, 1, [&](Value i) { emitSoftmaxRow(b, s, scratch, i); });

  int64_t wholeValues = s.width / columns * columns;
  b.loop(0, wholeValues, columns, [&](Value column) {
    emitValues(b, s, rows, value, valuePlane, scratch, output, column, b.add(outputColumn, column), vectors);
  });
  if (wholeValues < s.width)
    emitValues(b, s, rows, value, valuePlane, scratch, output, b.index(wholeValues),
               b.add(outputColumn, wholeValues), (s.width - wholeValues) / b.lanes());
}

/// A tile of query rows as emitTile computes it, by the matrix unit. Its registers are set for tiles of
/// `tile.rows` rows; of a lower one the row before it is multiplied, too.
void emitRegisterTile(LeafBuilder &b, const AttentionShape &s, Tile tile, int64_t height, ValueRange args) {
  Value query = args[0], output = args[2], scratch = args[3], m = args[4], queryPlane = args[5],
        outputColumn = args[7];
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

std::string kernelName(StringRef what, vit::PlanAttentionOp op, int64_t height) {
  std::string text, clean;
  llvm::raw_string_ostream(text) << what << '_' << height << '_' << op.getQuery().getType()
                                 << op.getKey().getType() << op.getValue().getType()
                                 << op.getOutput().getType() << op.getTile()[0]
                                 << (op.getMatrixUnit() ? "m" : "") << (op.getBase2() ? "base2" : "");
  for (char c : text)
    clean += llvm::isAlnum(c) ? c : '_';
  return clean;
}

} // namespace

void vitc::emitAttention(Emitter &e, LeafBuilder &b, vit::PlanAttentionOp op, ValueRange args) {
  AttentionShape s(op);
  Value query = args[0], key = args[1], value = args[2], output = args[3], scratch = args[4], chunk = args[5];
  int64_t rowBlocks = op.getGrid()[0], heads = op.getGrid()[1];
  Value head = rowBlocks == 1 ? chunk : b.rem(chunk, heads);
  Value rowBlock = rowBlocks == 1 ? b.index(0) : b.div(chunk, heads);

  Type indexType = b.b.getIndexType();
  SmallVector<Type> packTypes{key.getType(), scratch.getType(), indexType};
  auto pack = e.kernel(kernelName("pack_keys", op, 0), packTypes,
                       [&](LeafBuilder &k, ValueRange a) { emitPackKeys(k, s, a[0], a[1], a[2]); });
  func::CallOp::create(b.b, b.loc, pack, ValueRange{key, scratch, b.add(head, op.getPlanes()[1])});
  if (s.pairs) {
    SmallVector<Type> valueTypes{value.getType(), scratch.getType(), indexType};
    auto packValues = e.kernel(kernelName("pack_values", op, 0), valueTypes,
                               [&](LeafBuilder &k, ValueRange a) { emitPackValues(k, s, a[0], a[1], a[2]); });
    func::CallOp::create(b.b, b.loc, packValues, ValueRange{value, scratch, b.add(head, op.getPlanes()[2])});
  }

  SmallVector<Type> tileTypes{query.getType(), value.getType(), output.getType(), scratch.getType(),
                              indexType,       indexType,       indexType,        indexType};
  BalancedTiles tiles = balanceTiles(s.queries, op.getTile()[0]);
  // One setting of the registers for the tiles of both heights.
  Tile registers{tiles.base + (tiles.tall > 0), op.getTile()[1]};
  auto call = [&](int64_t height, Value m) {
    auto kernel = e.kernel(kernelName("attention", op, height), tileTypes, [&](LeafBuilder &k, ValueRange a) {
      if (s.matrixUnit)
        emitRegisterTile(k, s, registers, height, a);
      else
        emitTile(k, s, height, a);
    });
    func::CallOp::create(b.b, b.loc, kernel,
                         ValueRange{query, value, output, scratch, m, b.add(head, op.getPlanes()[0]),
                                    b.add(head, op.getPlanes()[2]), b.mul(head, s.width)});
  };
  auto [firstTile, endTile] = evenPart(b, rowBlock, tiles.count, rowBlocks);
  if (s.matrixUnit)
    emitConfigureRegisters(b, registers);
  emitTileLoops(b, tiles, firstTile, endTile, [&](int64_t height, Value, Value row) { call(height, row); });
  if (s.matrixUnit)
    emitReleaseRegisters(b);
}
