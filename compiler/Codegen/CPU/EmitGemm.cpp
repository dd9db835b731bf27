//===- EmitGemm.cpp - matrix product with packed weights --------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/MatrixUnit.h"
#include "compiler/Codegen/CPU/Microkernel.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace vitc;

namespace {

/// Everything that the code of a tile depends on, but for its height.
struct GemmShape {
  GemmShape(vit::IsaAttr isa, vit::PlanGemmOp op) : activation(op.getActivation()) {
    vectors = op.getMatrixUnit() ? op.getTile()[1]
                                 : isa.tileFor(op.getWeights().getType().getElementType()).vectors;
    panels = op.getWeights().getType().getDimSize(0);
    panel = op.panelWidth();
    neighbours = op.neighbours();
    Type element = op.getA().getType().getElementType();
    kind = element.isBF16()        ? StepKind::Pairs
           : element.isInteger(8)  ? StepKind::Quads
           : element.isInteger(16) ? StepKind::WideQuads
                                   : StepKind::Elements;
    lines = op.getWeights().getType().getDimSize(1);
    depth = kind == StepKind::Elements ? op.getA().getType().getDimSize(1) : lines;
    // Two steps of wide quads are no faster than one, and spill where instructions overwrite an operand.
    unroll = kind == StepKind::Elements ? std::max<int64_t>(2, neighbours) : 2;
    if (kind == StepKind::WideQuads)
      unroll = 1;
    auto c = cast<MemRefType>(op.getC().getType());
    planeWidth = c.getRank() == 3 ? c.getDimSize(2) : 0;
  }
  std::optional<vit::ActivationKind> activation;
  int64_t vectors;       ///< of a tile's width
  int64_t panels, panel; ///< panels, and columns of one
  int64_t neighbours;    ///< along K that lie side by side in a panel
  int64_t lines;         ///< of a panel: K / neighbours
  StepKind kind;
  int64_t depth;      ///< steps: elements, pairs, or quads
  int64_t unroll;     ///< steps of one turn of the loop
  int64_t planeWidth; ///< 0: C is rows
};

/// Positions of the region function's arguments.
struct GemmArgs {
  GemmArgs(vit::PlanGemmOp op, ValueRange args) {
    unsigned next = 0;
    a = args[next++];
    weights = args[next++];
    rowScales = op.getRowScales() ? args[next++] : Value();
    columnScales = op.getColumnScales() ? args[next++] : Value();
    columnSums = op.getColumnSums() ? args[next++] : Value();
    bias = op.getBias() ? args[next++] : Value();
    factor = op.getFactor() ? args[next++] : Value();
    residual = op.getResidual() ? args[next++] : Value();
    c = args[next++];
    scratch = op.getScratchBytes() ? args[next++] : Value();
  }
  Value a, weights, rowScales, columnScales, columnSums, bias, factor, residual, c, scratch;
};

} // namespace

/// Indices of C for row `m` and column `n` (an index value that never crosses a plane within a vector).
static SmallVector<Value> locate(LeafBuilder &b, const GemmShape &shape, Value m, Value n) {
  if (!shape.planeWidth)
    return {m, n};
  return {b.div(n, shape.planeWidth), m, b.rem(n, shape.planeWidth)};
}

/// Index in the scratch of row `i` of a tile, column `n` of its panel.
static Value stage(LeafBuilder &b, const GemmShape &shape, Value i, Value n) {
  return b.add(b.mul(i, shape.panel), n);
}

/// Columns of a tile, a vector each: their first within the panel and within C, and what the epilogue adds
/// and multiplies.
struct TileColumns {
  TileColumns(LeafBuilder &b, const GemmShape &shape, Value panel, Value first) {
    for (int64_t v = 0; v < shape.vectors; ++v)
      within.push_back(b.add(first, v * b.lanes()));
    for (Value column : within)
      at.push_back(b.add(b.mul(panel, shape.panel), column));
  }
  /// After the sums, so that these registers are free before.
  void load(LeafBuilder &b, const GemmArgs &g) {
    for (Value column : at) {
      if (g.bias)
        bias.push_back(b.load(g.bias, {column}));
      if (g.columnScales)
        scales.push_back(b.load(g.columnScales, {column}));
      if (g.columnSums) // what 128 in place of zero added
        zeros.push_back(b.mulf(b.load(g.columnSums, {column}), b.splat(-128.0)));
    }
  }
  SmallVector<Value> within, at, bias, scales, zeros;
};

/// The value that a sum stands for, with its bias; `v` counts the tile's vectors.
static Value finishSum(LeafBuilder &b, const GemmArgs &g, const TileColumns &columns, Value sum,
                       Value rowScale, int64_t v) {
  if (g.rowScales)
    sum = b.mulf(b.fma(b.toFloats(sum), columns.scales[v], columns.zeros[v]), rowScale);
  else if (g.columnScales)
    sum = b.mulf(sum, columns.scales[v]);
  return g.bias ? b.addf(sum, columns.bias[v]) : sum;
}

static Value rowScale(LeafBuilder &b, const GemmArgs &g, Value row) {
  return g.rowScales ? b.broadcast(b.loadScalar(g.rowScales, {row})) : Value();
}

/// Multiplies `y` with the factor of row `row`, adds the residual, and stores it in C.
static void storeResult(LeafBuilder &b, const GemmShape &shape, const GemmArgs &g, Value y, Value row,
                        Value column) {
  if (g.factor && g.residual)
    y = b.fma(y, b.load(g.factor, {row, column}), b.load(g.residual, {row, column}));
  else if (g.factor)
    y = b.mulf(y, b.load(g.factor, {row, column}));
  else if (g.residual)
    y = b.addf(y, b.load(g.residual, {row, column}));
  b.store(y, g.c, locate(b, shape, row, column));
}

/// The activation of rows [m, m + height) whose values wait in scratch, then the residual; `value(i, v)` is
/// vector v of row m + i. A loop over L1: unrolled over the accumulators, its chains of multiply-adds are too
/// long to overlap, and spill. kChains of them overlap.
static void emitWaitingRows(LeafBuilder &b, const GemmShape &shape, const GemmArgs &g, int64_t height,
                            Value m, const TileColumns &columns,
                            llvm::function_ref<Value(Value, int64_t)> value) {
  constexpr int64_t kChains = 4;
  int64_t unroll = std::max<int64_t>(1, kChains / shape.vectors);
  auto apply = [&](Value start, int64_t count) {
    SmallVector<Value> values;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t v = 0; v < shape.vectors; ++v)
        values.push_back(value(b.add(start, i), v));
    if (shape.activation)
      emitActivations(b, *shape.activation, values, accuracyOf(g.c));
    for (int64_t i = 0; i < count; ++i)
      for (int64_t v = 0; v < shape.vectors; ++v)
        storeResult(b, shape, g, values[i * shape.vectors + v], b.add(m, b.add(start, i)), columns.at[v]);
  };
  int64_t whole = height / unroll * unroll;
  b.loop(0, whole, unroll, [&](Value start) { apply(start, unroll); });
  if (whole != height)
    apply(b.index(whole), height - whole);
}

/// One tile of rows [m, m + height) and all columns of panel `j`. `next` is the line offset from which the
/// tile prefetches the panel behind its own.
static void emitTile(LeafBuilder &b, const GemmShape &shape, const GemmArgs &g, int64_t height, Value m,
                     Value j, Value next) {
  Tile tile{height, shape.vectors};
  int64_t width = tile.vectors * b.lanes();
  SmallVector<Value> rows;
  for (int64_t i = 0; i < height; ++i)
    rows.push_back(b.add(m, i));
  Value nextPanel = b.add(j, 1), zero = b.index(0);

  b.loop(0, shape.panel, width, [&](Value first) {
    TileColumns columns(b, shape, j, first);
    MicrokernelOperands operands;
    auto loadA = [&](int64_t i, Step k) {
      Value at = b.add(k.first, k.offset);
      if (shape.kind == StepKind::Elements)
        return b.broadcast(b.loadScalar(g.a, {rows[i], at}));
      at = b.mul(at, shape.neighbours);
      return shape.kind == StepKind::WideQuads ? b.broadcastWideQuad(g.a, {rows[i], at})
                                               : b.broadcastPair(g.a, {rows[i], at});
    };
    auto loadB = [&](Step k, int64_t v) {
      if (shape.kind == StepKind::WideQuads) {
        Value column = b.add(b.mul(columns.within[v / 2], shape.neighbours), v % 2 * 2 * b.lanes());
        return b.loadWideQuads(g.weights, {j, b.add(k.first, k.offset), column});
      }
      if (shape.neighbours == 1)
        return b.load(g.weights, {j, b.add(k.first, k.offset), columns.within[v]});
      auto line = [&](Value at) {
        return b.loadPairs(g.weights, {j, at, b.mul(columns.within[v], shape.neighbours)});
      };
      if (shape.kind != StepKind::Elements)
        return line(b.add(k.first, k.offset));
      // All of a pair or quad come from one load; the compiler sees that.
      Value packed = line(b.add(b.div(k.first, shape.neighbours), k.offset / shape.neighbours));
      int64_t which = k.offset % shape.neighbours;
      return shape.neighbours == 2 ? b.widenPairs(packed, which) : b.widenQuads(packed, which);
    };
    auto prefetch = [&](Value k, int64_t unroll) {
      // The next panel, one line per step: tiles take turns, so that the panel has arrived when this one is
      // done. Worth 3 % on Zen 5; nothing on Zen 4.
      // An index beyond the row is the same address, and costs one addition where row and column cost eight.
      Value element = b.mul(b.add(b.div(k, unroll), next), 16 * shape.neighbours);
      memref::PrefetchOp::create(b.b, b.loc, g.weights, ValueRange{nextPanel, zero, element},
                                 /*isWrite=*/false,
                                 /*localityHint=*/2, /*isDataCache=*/true);
    };
    operands.a = loadA;
    operands.b = loadB;
    operands.each = prefetch;
    operands.kind = shape.kind;
    operands.unroll = shape.unroll;
    // Vectors of wide quads have half as many columns.
    bool halves = shape.kind == StepKind::WideQuads;
    TileValues sums = emitMicrokernel(b, {height, (halves ? 2 : 1) * tile.vectors}, shape.depth, operands);
    if (halves)
      for (auto &row : sums)
        for (int64_t v = 0; v < tile.vectors; ++v)
          row[v] = b.joinHalves(row[2 * v], row[2 * v + 1]);

    columns.load(b, g);
    for (int64_t i = 0; i < height; ++i) {
      Value scale = rowScale(b, g, rows[i]);
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value y = finishSum(b, g, columns, sums[i][v], scale, v);
        if (shape.activation)
          b.store(y, g.scratch, {stage(b, shape, b.index(i), columns.within[v])});
        else
          storeResult(b, shape, g, y, rows[i], columns.at[v]);
      }
    }
    if (shape.activation)
      emitWaitingRows(b, shape, g, height, m, columns, [&](Value i, int64_t v) {
        return b.load(g.scratch, {stage(b, shape, i, columns.within[v])});
      });
  });
}

/// The same by the matrix unit. Its registers are set for tiles of `tile.rows` rows; of a lower one the row
/// before it is multiplied, too.
static void emitRegisterTile(LeafBuilder &b, const GemmShape &shape, const GemmArgs &g, Tile tile,
                             int64_t height, Value m, Value j) {
  int64_t before = tile.rows - height;
  b.loop(0, shape.panel, tile.vectors * b.lanes(), [&](Value first) {
    TileColumns columns(b, shape, j, first);
    emitPanelProduct(b, tile,
                     {shape.kind, shape.lines, g.a, b.add(m, -before), g.weights, j, first, g.scratch});
    columns.load(b, g);
    emitWaitingRows(b, shape, g, height, m, columns, [&](Value i, int64_t v) {
      Value sum = b.load(g.scratch, {stage(b, shape, b.add(i, before), columns.within[v])});
      if (shape.kind == StepKind::Quads)
        sum = b.asIntegers(sum);
      return finishSum(b, g, columns, sum, rowScale(b, g, b.add(m, i)), v);
    });
  });
}

/// A name that is equal for equal kernels.
static std::string kernelName(vit::PlanGemmOp op, int64_t height) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << "gemm_" << height << "_" << op.getA().getType() << op.getWeights().getType() << op.getC().getType();
  if (op.getMatrixUnit())
    os << "m" << op.getTile()[0];
  if (op.getColumnScales())
    os << "s";
  if (op.getBias())
    os << "b";
  if (op.getFactor())
    os << "f" << op.getFactor().getType();
  if (op.getResidual())
    os << "r" << op.getResidual().getType();
  if (op.getActivation())
    os << vit::stringifyActivationKind(*op.getActivation());
  std::string clean;
  for (char c : name)
    clean += llvm::isAlnum(c) ? c : '_';
  return clean;
}

void vitc::emitGemm(Emitter &e, LeafBuilder &b, vit::PlanGemmOp op, ValueRange args) {
  GemmShape shape(b.isa, op);
  ValueRange buffers = args.drop_back();
  Value chunk = args.back();
  int64_t rowBlocks = op.getGrid()[0], groups = op.getGrid()[1], parts = op.getGrid()[2];
  BalancedTiles tiles = balanceTiles(op.getA().getType().getDimSize(0), op.getTile()[0]);

  SmallVector<Type> types(buffers.getTypes());
  types.append(3, b.b.getIndexType());
  // One setting of the registers for the tiles of both heights.
  Tile registers{tiles.base + (tiles.tall > 0), shape.vectors};
  auto tileKernel = [&](int64_t height) {
    return e.kernel(kernelName(op, height), types, [&](LeafBuilder &k, ValueRange kernelArgs) {
      GemmArgs inner(op, kernelArgs);
      auto last = kernelArgs.take_back(3);
      if (op.getMatrixUnit())
        emitRegisterTile(k, shape, inner, registers, height, last[0], last[1]);
      else
        emitTile(k, shape, inner, height, last[0], last[1], last[2]);
    });
  };

  Value share = b.div(chunk, parts), part = b.rem(chunk, parts);
  Value rowBlock = b.div(share, groups), group = b.rem(share, groups);
  auto [firstPanel, endPanel] = evenPart(b, group, shape.panels, groups);
  auto [firstTile, endTile] =
      evenPart(b, b.add(b.mul(rowBlock, parts), part), tiles.count, rowBlocks * parts);

  // Lines of a panel that one tile prefetches: as many as it makes steps; 2 * panel / 16 tiles cover the
  // panel.
  int64_t steps = std::max<int64_t>(1, shape.depth / shape.unroll);
  int64_t turns = std::max<int64_t>(1, shape.lines * shape.panel / 16 / steps);
  // Rows of a tile's factor and residual come from the outer caches, and the product takes long enough to
  // hide that. (Zen 5: ViT-B's projections 89 -> 95 % of peak, those of 1370 tokens 81 -> 90 %.) Not in the
  // kernel, where their addresses would take the registers of the loop.
  auto fetchEpilogue = [&](int64_t height, Value m, Value j) {
    constexpr int64_t kLine = 16; // floats
    GemmArgs region(op, args);
    Value column = b.mul(j, shape.panel);
    for (Value rows : {region.factor, region.residual})
      for (int64_t i = 0; rows && i < height; ++i)
        for (int64_t n = 0; n < shape.panel; n += kLine)
          memref::PrefetchOp::create(b.b, b.loc, rows, ValueRange{b.add(m, i), b.add(column, n)},
                                     /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
  };
  auto call = [&](int64_t height, Value tile, Value m, Value j) {
    fetchEpilogue(height, m, j);
    SmallVector<Value> operands(buffers);
    operands.append({m, j, b.mul(b.rem(tile, turns), steps)});
    func::CallOp::create(b.b, b.loc, tileKernel(height), operands);
  };
  if (op.getMatrixUnit())
    emitConfigureRegisters(b, registers);
  b.loop(firstPanel, endPanel, 1, [&](Value j) {
    emitTileLoops(b, tiles, firstTile, endTile,
                  [&](int64_t height, Value tile, Value row) { call(height, tile, row, j); });
  });
  if (op.getMatrixUnit())
    emitReleaseRegisters(b);
}
