#include "compiler/Codegen/CPU/Microkernel.h"

using namespace mlir;
using namespace vitc;

// A fused multiply-add takes 4 cycles and two start per cycle: fewer than 8 accumulators leave the pipes
// idle, so that low tiles (the head, the last block of a cls model) sum even and odd k apart.
static constexpr int64_t kAccumulatorsInFlight = 8;

static int64_t partialSums(StepKind kind, Tile tile, int64_t depth) {
  int64_t parts = 1;
  if (kind == StepKind::WideQuads)
    return parts; // sums wait for additions of integers only, which take a cycle
  while (parts < 4 && tile.rows * tile.vectors * parts < kAccumulatorsInFlight && depth >= 8 * parts)
    parts *= 2;
  return parts;
}

static Value multiplyAdd(LeafBuilder &b, StepKind kind, Value x, Value y, Value sum) {
  switch (kind) {
  case StepKind::Elements:
    return b.fma(x, y, sum);
  case StepKind::Pairs:
    return b.dotPairs(x, y, sum);
  case StepKind::Quads:
    return b.dotQuads(x, y, sum);
  case StepKind::WideQuads:
    return b.dotHalves(x, y, sum);
  }
  llvm_unreachable("all kinds have an instruction");
}

TileValues vitc::emitMicrokernel(LeafBuilder &b, Tile tile, int64_t depth,
                                 const MicrokernelOperands &operands) {
  int64_t parts = partialSums(operands.kind, tile, depth);
  int64_t unroll = std::max(parts, operands.unroll);
  int64_t perPart = tile.rows * tile.vectors;

  auto step = [&](Step k, SmallVector<Value> &acc, int64_t part) {
    SmallVector<Value> row;
    for (int64_t j = 0; j < tile.vectors; ++j)
      row.push_back(operands.b(k, j));
    for (int64_t i = 0; i < tile.rows; ++i) {
      Value a = operands.a(i, k);
      for (int64_t j = 0; j < tile.vectors; ++j) {
        Value &sum = acc[part * perPart + i * tile.vectors + j];
        sum = multiplyAdd(b, operands.kind, a, row[j], sum);
      }
    }
  };

  int64_t main = depth / unroll * unroll;
  bool integers = operands.kind == StepKind::Quads || operands.kind == StepKind::WideQuads;
  SmallVector<Value> zeros(parts * perPart, integers ? b.zeroIntegers() : b.splat(0.0));
  auto acc = b.loopCarry(b.index(0), b.index(main), unroll, zeros, [&](Value k, ValueRange carried) {
    SmallVector<Value> current(carried);
    if (operands.each)
      operands.each(k, unroll);
    for (int64_t u = 0; u < unroll; ++u)
      step({k, u}, current, u % parts);
    return current;
  });
  for (int64_t k = main; k < depth; ++k)
    step({b.index(main), k - main}, acc, (k - main) % parts);

  TileValues result(tile.rows);
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t j = 0; j < tile.vectors; ++j) {
      Value sum = acc[i * tile.vectors + j];
      for (int64_t part = 1; part < parts; ++part)
        sum = integers ? b.addIntegers(sum, acc[part * perPart + i * tile.vectors + j])
                       : b.addf(sum, acc[part * perPart + i * tile.vectors + j]);
      result[i].push_back(sum);
    }
  return result;
}

BalancedTiles vitc::balanceTiles(int64_t rows, int64_t maxRows) {
  int64_t count = (rows + maxRows - 1) / maxRows;
  return {count, rows / count, rows % count};
}

void vitc::emitTileLoops(LeafBuilder &b, BalancedTiles tiles, Value first, Value end,
                         llvm::function_ref<void(int64_t, Value, Value)> body) {
  Value tall = b.index(tiles.tall);
  if (tiles.tall > 0)
    b.loop(first, b.min(end, tall), 1,
           [&](Value tile) { body(tiles.base + 1, tile, b.mul(tile, tiles.base + 1)); });
  if (tiles.tall < tiles.count)
    b.loop(b.max(first, tall), end, 1, [&](Value tile) {
      // Rows of the tall tiles before it are one more each.
      body(tiles.base, tile, b.add(b.mul(tile, tiles.base), tiles.tall));
    });
}
