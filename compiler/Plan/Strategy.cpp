#include "compiler/Plan/Strategy.h"
#include <algorithm>

using namespace vitc;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t vitc::activationStride(int64_t width, int64_t panel, int64_t elementBytes) {
  constexpr int64_t kGapBytes = 192; // an odd number of cache lines, beside widths of an even one
  return ceilDiv(width, panel) * panel + kGapBytes / elementBytes;
}

int64_t vitc::storedHeadSize(int64_t headSize) { return ceilDiv(headSize, 16) * 16; }

// A claim costs 0.1-0.3 us; a chunk of 2 us or more hides it. Per microsecond a core of the machines we
// measured does at least 1e5 flops and streams 2e4 bytes from memory.
static constexpr double kChunkMicroseconds = 2, kFlopsPerMicrosecond = 1e5, kBytesPerMicrosecond = 2e4;

// Parts of a chunk of 20 us or more are 8 us or more with AVX-512: threads wait for each other no longer than
// that at the end of a product. Two threads on Zen 5 waited 2 % of ViT-B for whole panels of 40 to 160 us.
static constexpr double kPartMicroseconds = 20;

// Rows of A that stay in L2 while all panels pass over them: 204 x 768 floats are 0.6 MB, and ViT's 197
// tokens are one block.
static constexpr int64_t kRowBlock = 204;

// Where threads would have nothing to do at all, parts may be as short as a chunk of few rows: 2 us with
// AVX-512.
static constexpr double kFineMicroseconds = 5;

/// Of a panel times a row block, at the slowest machine's speed.
static double panelMicroseconds(int64_t rows, int64_t rowBlocks, int64_t depth, int64_t panel) {
  double flops = 2.0 * static_cast<double>(ceilDiv(rows, rowBlocks) * depth * panel);
  double bytes = 4.0 * static_cast<double>(depth * panel);
  return std::max(flops / kFlopsPerMicrosecond, bytes / kBytesPerMicrosecond);
}

Grid vitc::gemmGrid(int64_t rows, int64_t depth, int64_t panels, int64_t panel, int64_t tileRows) {
  int64_t rowBlocks = std::min(ceilDiv(rows, kRowBlock), ceilDiv(rows, tileRows));
  double microseconds = panelMicroseconds(rows, rowBlocks, depth, panel);
  int64_t perChunk = std::max<int64_t>(1, static_cast<int64_t>(kChunkMicroseconds / microseconds));
  int64_t tiles = ceilDiv(rows, tileRows) / rowBlocks;
  int64_t parts = std::min(tiles, static_cast<int64_t>(microseconds / kPartMicroseconds));
  return {rowBlocks, ceilDiv(panels, std::min(perChunk, panels)), std::max<int64_t>(1, parts)};
}

int64_t vitc::fineParts(int64_t rows, int64_t depth, int64_t panel, int64_t tileRows, const Grid &grid) {
  double microseconds = panelMicroseconds(rows, grid.rowBlocks, depth, panel);
  int64_t parts = std::min(ceilDiv(rows, tileRows) / grid.rowBlocks,
                           static_cast<int64_t>(microseconds / kFineMicroseconds));
  return std::max(parts, grid.parts);
}

// ViT-B in batches of 8 on Zen 5: with 197 rows, images inside panels cost 5 % (rows come from L3 instead of
// L2); with 50 rows (patch 32) they gain 2 %, and the single rows of a cls model's last block read their
// weights once.
bool vitc::imagesInner(int64_t rows) { return rows <= 64; }

Grid vitc::attentionGrid(int64_t queries, int64_t heads, bool packs) {
  if (!packs) // a tile of queries is 6 us with AVX-512 and ViT's 197 tokens
    return {ceilDiv(queries, vit::kQueryTile), heads};
  // Every chunk packs its head's values again, which is worth 4-8 rows of work: blocks are 64 rows or more
  // unless there are few heads to share out. Long sequences divide further, for many threads.
  int64_t blocks = std::max(ceilDiv(6, heads), queries / 192);
  blocks = std::min(blocks, std::max<int64_t>(1, queries / 48));
  return {std::clamp<int64_t>(blocks, 1, ceilDiv(queries, vit::kQueryTile)), heads};
}

int64_t vitc::fineRowBlocks(int64_t queries, const Grid &grid) {
  return std::max(queries / 48, grid.rowBlocks);
}

int64_t vitc::rowChunks(int64_t rows, int64_t width) {
  // About 2 us at 3000 floats per microsecond.
  int64_t perChunk = std::max<int64_t>(1, 6144 / std::max<int64_t>(width, 1));
  return std::max<int64_t>(1, ceilDiv(rows, perChunk));
}
