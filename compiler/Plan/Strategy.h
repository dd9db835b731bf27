//===- Strategy.h - the choices of a plan -----------------------------------------------------------===//
//
// Pure functions of shapes and the instruction set: what is decided here is tested here, and transformations
// only carry it out. Thread counts are not known when a library is compiled, so that grids offer enough
// chunks for many threads while a chunk stays long beside the cost of claiming it.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_PLAN_STRATEGY_H
#define COMPILER_PLAN_STRATEGY_H

#include "dialect/IR/VitOps.h"
#include <cstdint>

namespace vitc {

struct Grid {
  int64_t rowBlocks, groups, parts = 1;
  bool operator==(const Grid &) const = default;
};

/// Elements between rows of an activation of `width` columns: whole panels, then a gap so that rows do not
/// share one cache set (power-of-two strides cost 6-8 % on Zen 4).
int64_t activationStride(int64_t width, int64_t panel, int64_t elementBytes);

/// Head size as stored: a multiple of 16, the widest vector, so that no vector crosses a head on any machine
/// and all levels share one blob.
int64_t storedHeadSize(int64_t headSize);

/// Row blocks, panel groups and row parts of a product [rows, depth] x [depth, panels * panel]. A thread
/// takes the parts of a block and group together, and its weights pass through the cache once, until the work
/// left is so little that finer shares end it sooner.
Grid gemmGrid(int64_t rows, int64_t depth, int64_t panels, int64_t panel, int64_t tileRows);

/// True if a pass over several images should keep a panel of weights in cache across them, rather than an
/// image's rows.
bool imagesInner(int64_t rows);

/// Row blocks and heads of an attention of `queries` tokens. `packs`: every chunk packs values, or keys too.
Grid attentionGrid(int64_t queries, int64_t heads, bool packs);

/// Finer divisions, for threads that the grids above leave without work (runtime/src/pass.c decides): parts
/// of a row block of a product, row blocks of an attention. No finer than the grid, if there is none.
int64_t fineParts(int64_t rows, int64_t depth, int64_t panel, int64_t tileRows, const Grid &grid);
int64_t fineRowBlocks(int64_t queries, const Grid &grid);

/// Chunks of an op that passes over `rows` rows of `width` floats once or a few times.
int64_t rowChunks(int64_t rows, int64_t width);

} // namespace vitc

#endif // COMPILER_PLAN_STRATEGY_H
