//===- EmitAttention.cpp - one head and one block of queries ----------------------------------------===//
//
// Queries are taken 32 at a time, as the columns of what is computed of them: they are transposed into
// scratch, and the product of the keys with them is a strip of scores [key][query]. So keys are read where
// they lie, a lane is a query, and softmax needs neither masks nor sums over lanes. The strip becomes weights
// in place, and the rows of its transpose, which are read element by element anyway, are multiplied with the
// values. Memory is linear in the tokens, and softmax is exact: the maximum of all scores is known before the
// first exponential.
//
// With bf16, pairs take the place of elements: of channels in queries and keys, and of tokens in weights and
// values, which are packed as pairs of rows first.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Codegen/CPU/Attention.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/Microkernel.h"

using namespace mlir;
using namespace vitc;
using vit::kQueryTile;

namespace {

constexpr double kLog2E = 1.4426950408889634;
constexpr double kLowest = -3.0e38;

struct AttentionShape {
  AttentionShape(vit::IsaAttr isa, vit::PlanAttentionOp op)
      : queries(op.getQuery().getType().getDimSize(1)), keys(op.getKey().getType().getDimSize(1)),
        width(op.getQuery().getType().getDimSize(2)), base2(op.getBase2()), linear(op.getLinear()),
        pairs(op.getKey().getType().getElementType().isBF16()),
        tile(isa.vectorTileFor(op.getKey().getType().getElementType())) {}
  int64_t queries, keys, width;
  bool base2;
  bool linear; ///< scores are weights
  bool pairs;  ///< operands are bf16
  vit::TileSize tile;
  int64_t channels() const { return pairs ? width / 2 : width; }               ///< steps of a score
  int64_t tokens() const { return pairs ? (keys + 1) / 2 : keys; }             ///< steps of an output
  int64_t valueOffset() const { return (channels() + 2 + keys) * kQueryTile; } ///< in floats
};

// Indices in the scratch, in floats: queries [channel][query], a line each of maxima and of 1 / sums, the
// strip [key][query], and packed values [pair of tokens][channel].
Value queryAt(LeafBuilder &b, Value channel, Value query) { return b.add(b.mul(channel, kQueryTile), query); }
Value maximumAt(LeafBuilder &b, const AttentionShape &s, Value query) {
  return b.add(query, s.channels() * kQueryTile);
}
Value inverseAt(LeafBuilder &b, const AttentionShape &s, Value query) {
  return b.add(query, (s.channels() + 1) * kQueryTile);
}
Value stripAt(LeafBuilder &b, const AttentionShape &s, Value key, Value query) {
  return b.add(b.add(b.mul(key, kQueryTile), query), (s.channels() + 2) * kQueryTile);
}
Value valueAt(LeafBuilder &b, const AttentionShape &s, Value pair, Value channel) {
  return b.add(b.add(b.mul(pair, s.width), channel), s.valueOffset());
}

/// Vectors of queries from `column` on.
struct Columns {
  Value column;
  int64_t vectors;
  Value at(LeafBuilder &b, int64_t v) const { return b.add(column, v * b.lanes()); }
};

/// What is added to the scores of the queries from `query` on; no rows: nothing.
struct ScoreBias {
  Value rows, head, query;
};

/// Scores of all keys with the queries of some columns, into the strip, and their maxima.
void emitScores(LeafBuilder &b, const AttentionShape &s, Columns columns, Value key, Value plane,
                Value scratch, const ScoreBias &bias) {
  for (int64_t v = 0; v < columns.vectors; ++v)
    b.store(b.splat(kLowest), scratch, {maximumAt(b, s, columns.at(b, v))});
  BalancedTiles tiles = balanceTiles(s.keys, s.tile.rows);
  emitTileLoops(b, tiles, b.index(0), b.index(tiles.count), [&](int64_t height, Value, Value first) {
    MicrokernelOperands operands;
    auto loadA = [&](int64_t i, Step k) {
      Value row = b.add(first, i), at = b.add(k.first, k.offset);
      return s.pairs ? b.broadcastPair(key, {plane, row, b.mul(at, 2)})
                     : b.broadcast(b.loadScalar(key, {plane, row, at}));
    };
    auto loadB = [&](Step k, int64_t v) {
      return b.load(scratch, {queryAt(b, b.add(k.first, k.offset), columns.at(b, v))});
    };
    operands.a = loadA;
    operands.b = loadB;
    operands.kind = s.pairs ? StepKind::Pairs : StepKind::Elements;
    TileValues sums = emitMicrokernel(b, {height, columns.vectors}, s.channels(), operands);
    for (int64_t v = 0; v < columns.vectors; ++v) {
      // In memory: in registers it would take those of the sums.
      Value at = maximumAt(b, s, columns.at(b, v)), maximum = b.load(scratch, {at});
      for (int64_t i = 0; i < height; ++i) {
        Value score = sums[i][v], row = b.add(first, i);
        if (bias.rows)
          score = b.addf(score, b.load(bias.rows, {bias.head, row, b.add(bias.query, columns.at(b, v))}));
        maximum = b.maxf(maximum, score);
        b.store(score, scratch, {stripAt(b, s, row, columns.at(b, v))});
      }
      b.store(maximum, scratch, {at});
    }
  });
}

/// Turns the strip's scores of some columns into exponentials, and leaves 1 / sum of each query; without
/// softmax into themselves and one.
void emitExponentials(LeafBuilder &b, const AttentionShape &s, Columns columns, Value scratch) {
  constexpr int64_t kChains = 4; // exponentials side by side: one alone waits for itself
  SmallVector<Value> centers;
  for (int64_t v = 0; v < columns.vectors; ++v)
    centers.push_back(b.load(scratch, {maximumAt(b, s, columns.at(b, v))}));
  auto weight = [&](Value row, int64_t v) {
    Value score = b.load(scratch, {stripAt(b, s, row, columns.at(b, v))});
    if (s.linear)
      return score;
    Value x = b.subf(score, centers[v]);
    if (!s.base2)
      x = b.mulf(x, b.splat(kLog2E));
    return emitExp2(b, x, s.pairs ? Accuracy::Bf16 : Accuracy::F32);
  };
  // Step `t` of the output, of one key or two, added to the sums. A pair takes the place of the row with half
  // its number, whose scores have been read.
  auto step = [&](Value t, bool both, MutableArrayRef<Value> sums) {
    for (int64_t v = 0; v < columns.vectors; ++v) {
      Value first = weight(s.pairs ? b.mul(t, 2) : t, v), weights = first;
      sums[v] = b.addf(sums[v], first);
      if (s.pairs) {
        Value second = both ? weight(b.add(b.mul(t, 2), 1), v) : b.splat(0.0);
        if (both)
          sums[v] = b.addf(sums[v], second);
        weights = b.narrowPairs(first, second);
      }
      b.store(weights, scratch, {stripAt(b, s, t, columns.at(b, v))});
    }
  };
  int64_t whole = s.pairs ? s.keys / 2 : s.keys; // steps that are not half of a pair
  int64_t unroll = std::max<int64_t>(1, kChains / (columns.vectors * (s.pairs ? 2 : 1)));
  int64_t main = whole / unroll * unroll, vectors = columns.vectors;
  SmallVector<Value> sums(unroll * vectors, b.splat(0.0));
  auto part = [&](MutableArrayRef<Value> all, int64_t u) { return all.slice(u * vectors, vectors); };
  if (main > 0)
    sums = b.loopCarry(b.index(0), b.index(main), unroll, sums, [&](Value t, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t u = 0; u < unroll; ++u)
        step(b.add(t, u), true, part(next, u));
      return next;
    });
  for (int64_t t = main; t < s.tokens(); ++t)
    step(b.index(t), t < whole, part(sums, 0));
  for (int64_t v = 0; v < vectors; ++v) {
    Value sum = sums[v];
    for (int64_t u = 1; u < unroll; ++u)
      sum = b.addf(sum, sums[u * vectors + v]);
    b.store(s.linear ? b.splat(1.0) : b.divf(b.splat(1.0), sum), scratch,
            {inverseAt(b, s, columns.at(b, v))});
  }
}

/// Channels `columns` of the outputs of `height` queries from `first`.
void emitValues(LeafBuilder &b, const AttentionShape &s, int64_t height, Value first, Columns columns,
                Value value, Value plane, Value scratch, Value output, Value m, Value outputColumn) {
  MicrokernelOperands operands;
  auto loadA = [&](int64_t i, Step k) { // a weight, or two
    return b.broadcast(b.loadScalar(scratch, {stripAt(b, s, b.add(k.first, k.offset), b.add(first, i))}));
  };
  auto loadB = [&](Step k, int64_t v) {
    Value at = b.add(k.first, k.offset), c = columns.at(b, v);
    return s.pairs ? b.load(scratch, {valueAt(b, s, at, c)}) : b.load(value, {plane, at, c});
  };
  operands.a = loadA;
  operands.b = loadB;
  operands.kind = s.pairs ? StepKind::Pairs : StepKind::Elements;
  TileValues sums = emitMicrokernel(b, {height, columns.vectors}, s.tokens(), operands);
  for (int64_t i = 0; i < height; ++i) {
    Value query = b.add(first, i);
    Value inverse = b.broadcast(b.loadScalar(scratch, {inverseAt(b, s, query)}));
    for (int64_t v = 0; v < columns.vectors; ++v)
      b.store(b.mulf(sums[i][v], inverse), output, {b.add(m, query), b.add(outputColumn, columns.at(b, v))});
  }
}

/// Calls `body` for columns [0, count), as many vectors at a time as a tile is wide, and then the rest.
void forColumns(LeafBuilder &b, int64_t tileVectors, int64_t count, llvm::function_ref<void(Columns)> body) {
  int64_t width = tileVectors * b.lanes(), whole = count / width * width;
  b.loop(0, whole, width, [&](Value column) { body({column, tileVectors}); });
  if (whole < count)
    body({b.index(whole), b.vectorsFor(count - whole)});
}

/// Kernel (query, key, value, output, scratch, m, query plane, key plane, value plane, output column, and
/// where scores have one, head and bias): `count` queries from row m, at most kQueryTile.
void emitQueryTile(LeafBuilder &b, const AttentionShape &s, int64_t count, ValueRange args) {
  Value query = args[0], key = args[1], value = args[2], output = args[3], scratch = args[4], m = args[5],
        queryPlane = args[6], keyPlane = args[7], valuePlane = args[8], outputColumn = args[9];
  ScoreBias bias;
  if (args.size() > 10)
    bias = {args[11], args[10], m};
  emitTransposedRows(b, query, queryPlane, m, count, s.channels(), scratch,
                     [&](Value d, Value i) { return queryAt(b, d, i); });
  forColumns(b, s.tile.vectors, count, [&](Columns columns) {
    emitScores(b, s, columns, key, keyPlane, scratch, bias);
    emitExponentials(b, s, columns, scratch);
  });
  BalancedTiles tiles = balanceTiles(count, s.tile.rows);
  emitTileLoops(b, tiles, b.index(0), b.index(tiles.count), [&](int64_t height, Value, Value first) {
    forColumns(b, s.tile.vectors, s.width, [&](Columns columns) {
      emitValues(b, s, height, first, columns, value, valuePlane, scratch, output, m, outputColumn);
    });
  });
}

} // namespace

void vitc::emitAttention(Emitter &e, LeafBuilder &b, vit::PlanAttentionOp op, ValueRange args) {
  if (op.getMatrixUnit())
    return emitUnitAttention(e, b, op, args);
  AttentionShape s(b.isa, op);
  Value query = args[0], key = args[1], value = args[2], chunk = args.back();
  Value bias = op.getBias() ? args[3] : Value(), output = args[bias ? 4 : 3], scratch = args[bias ? 5 : 4];
  int64_t rowBlocks = op.getGrid()[0], heads = op.getGrid()[1];
  Value head = rowBlocks == 1 ? chunk : b.rem(chunk, heads);
  Value rowBlock = rowBlocks == 1 ? b.index(0) : b.div(chunk, heads);
  auto plane = [&](int64_t operand) { return b.add(head, op.getPlanes()[operand]); };

  Type indexType = b.b.getIndexType();
  if (s.pairs) {
    SmallVector<Type> types{value.getType(), scratch.getType(), indexType};
    auto pack = e.kernel(attentionKernelName("pack_values", op, 0), types, [&](LeafBuilder &k, ValueRange a) {
      emitPairedRows(k, a[0], a[2], s.tokens(), a[1], s.valueOffset());
    });
    func::CallOp::create(b.b, b.loc, pack, ValueRange{value, scratch, plane(2)});
  }

  SmallVector<Type> types{query.getType(), key.getType(), value.getType(), output.getType(),
                          scratch.getType()};
  types.append(5, indexType);
  if (bias)
    types.append({indexType, bias.getType()});
  auto call = [&](int64_t count, Value m) {
    auto kernel = e.kernel(attentionKernelName("attention", op, count), types,
                           [&](LeafBuilder &k, ValueRange a) { emitQueryTile(k, s, count, a); });
    SmallVector<Value> operands{query, key,      value,    output,   scratch,
                                m,     plane(0), plane(1), plane(2), b.mul(head, s.width)};
    if (bias)
      operands.append({head, bias});
    func::CallOp::create(b.b, b.loc, kernel, operands);
  };
  // Whole tiles, then one of the queries that are left.
  int64_t whole = s.queries / kQueryTile, rest = s.queries % kQueryTile;
  auto [first, end] = evenPart(b, rowBlock, whole + (rest > 0), rowBlocks);
  b.loop(first, b.min(end, b.index(whole)), 1,
         [&](Value tile) { call(kQueryTile, b.mul(tile, kQueryTile)); });
  if (rest)
    b.loop(b.max(first, b.index(whole)), end, 1, [&](Value tile) { call(rest, b.mul(tile, kQueryTile)); });
}
