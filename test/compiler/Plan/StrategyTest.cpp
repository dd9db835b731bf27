// The choices of a plan: what each guarantees for any shape, and what it is for the shapes that were
// measured.
#include "compiler/Plan/Strategy.h"
#include "compiler/Plan/ManyCores.h"
#include "compiler/Target/Isa.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Room for whole panels; rows are whole cache lines, an odd number of them apart, so that they do not meet in
// one set.
TEST(StrategyTest, ActivationStride) {
  EXPECT_EQ(activationStride(768, 32, 4), 816);
  EXPECT_EQ(activationStride(10, 32, 4), 80);
  EXPECT_EQ(activationStride(768, 32, 2), 864);
  for (int64_t bytes : {2, 4})
    for (int64_t width = 1; width < 5000; ++width) {
      int64_t stride = activationStride(width, 32, bytes);
      ASSERT_GE(stride, ceilDiv(width, 32) * 32);
      ASSERT_EQ(stride * bytes % 64, 0);
      if (bytes == 4)
        ASSERT_EQ(stride * bytes / 64 % 2, 1);
    }
}

TEST(StrategyTest, StoredHeadsAreWholeVectors) {
  EXPECT_EQ(storedHeadSize(64), 64);
  EXPECT_EQ(storedHeadSize(80), 80);
  EXPECT_EQ(storedHeadSize(72), 80);
  EXPECT_EQ(storedHeadSize(1), 16);
  for (int64_t size = 1; size <= 128; ++size) {
    int64_t stored = storedHeadSize(size);
    EXPECT_GE(stored, size);
    EXPECT_LT(stored, size + 16);
    for (const Isa &isa : allIsas())
      EXPECT_EQ(stored % isa.lanes, 0u) << isa.name.str();
  }
}

/// What vit.plan.gemm's verifier asks of a grid, for all shapes.
TEST(StrategyTest, GemmGridsAreLegal) {
  for (const Isa &isa : allIsas())
    for (int64_t rows : {1, 2, 13, 14, 49, 50, 64, 65, 196, 197, 204, 205, 208, 577, 1370, 5000})
      for (int64_t depth : {1, 20, 192, 768, 3072, 4096, 65536})
        for (int64_t panels : {1, 2, 6, 24, 32, 72, 96, 2048}) {
          SCOPED_TRACE(isa.name.str() + " " + std::to_string(rows) + " x " + std::to_string(depth) + " x " +
                       std::to_string(panels));
          Grid grid = gemmGrid(rows, depth, panels, kPanel, isa.tile.rows);
          int64_t tiles = ceilDiv(rows, isa.tile.rows);
          ASSERT_GE(grid.rowBlocks, 1);
          ASSERT_GE(grid.parts, 1);
          ASSERT_GE(grid.groups, 1);
          ASSERT_LE(grid.rowBlocks * grid.parts, tiles);
          ASSERT_LE(grid.groups, panels);
          // Rows that panels pass over stay in L2.
          ASSERT_LE(ceilDiv(rows, grid.rowBlocks), 204);
        }
}

// Few rows: a chunk is several panels, so that claiming it does not take longer than computing it.
TEST(StrategyTest, SmallProductsHaveFewChunks) {
  // 197 x 768 by a panel is 97 us, by one of 192 columns 24: a panel a chunk.
  EXPECT_EQ(gemmGrid(197, 768, 96, 32, 13).groups, 96);
  EXPECT_EQ(gemmGrid(197, 192, 18, 32, 13).groups, 18);
  // One row of 768: the panel's 98 KB take 4.9 us. One row of 20 by 2560 bytes: 15 panels in 2 us.
  EXPECT_EQ(gemmGrid(1, 768, 32, 32, 13).groups, 32);
  EXPECT_EQ(gemmGrid(1, 20, 32, 32, 13).groups, 3);
  EXPECT_EQ(gemmGrid(1, 1, 2048, 32, 13).groups, ceilDiv(2048, 312));
}

// Long chunks are offered in parts of at least 20 us at the slowest machine's speed, at most one a tile.
TEST(StrategyTest, LongChunksHaveParts) {
  EXPECT_EQ(gemmGrid(197, 768, 96, 32, 13), (Grid{1, 96, 4}));
  EXPECT_EQ(gemmGrid(197, 3072, 24, 32, 13).parts, 16); // 19 times 20 us, but 16 tiles
  EXPECT_EQ(gemmGrid(197, 192, 18, 32, 13).parts, 1);
  EXPECT_EQ(gemmGrid(1, 65536, 10, 32, 13).parts, 1);
}

TEST(StrategyTest, RowBlocks) {
  EXPECT_EQ(gemmGrid(204, 768, 24, 32, 13).rowBlocks, 1);
  EXPECT_EQ(gemmGrid(205, 768, 24, 32, 13).rowBlocks, 2);
  EXPECT_EQ(gemmGrid(1370, 1024, 32, 32, 13).rowBlocks, 7);
}

TEST(StrategyTest, AttentionGridsAreLegal) {
  for (int64_t queries : {1, 5, 17, 50, 197, 577, 1370, 5000})
    for (int64_t heads : {1, 2, 3, 6, 12, 16, 64}) {
      EXPECT_EQ(attentionGrid(queries, heads, false), (Grid{ceilDiv(queries, vit::kQueryTile), heads}));
      Grid grid = attentionGrid(queries, heads, true);
      EXPECT_EQ(grid.groups, heads);
      EXPECT_GE(grid.rowBlocks, 1);
      EXPECT_LE(grid.rowBlocks, ceilDiv(queries, vit::kQueryTile));
      // Every block may pack the values again: never for less than 48 rows.
      if (grid.rowBlocks > 1)
        EXPECT_GE(queries / grid.rowBlocks, 48);
    }
}

TEST(StrategyTest, AttentionOfKnownModels) {
  EXPECT_EQ(attentionGrid(197, 12, true).rowBlocks, 1); // ViT-B: heads are enough
  EXPECT_EQ(attentionGrid(197, 3, true).rowBlocks, 2);  // ViT-Ti: six chunks
  EXPECT_EQ(attentionGrid(1, 12, true).rowBlocks, 1);   // the last block of a cls model
  EXPECT_EQ(attentionGrid(1370, 16, true).rowBlocks, 7);
}

TEST(StrategyTest, ImagesShareWeightsOfFewRows) {
  EXPECT_TRUE(imagesInner(1));
  EXPECT_TRUE(imagesInner(50));
  EXPECT_FALSE(imagesInner(197));
}

// Chunks of rows: at most one a row, about 6144 floats, at least one.
TEST(StrategyTest, RowChunks) {
  EXPECT_EQ(rowChunks(1, 1), 1);
  EXPECT_EQ(rowChunks(1, 1 << 16), 1);
  EXPECT_EQ(rowChunks(197, 768), 25);
  EXPECT_EQ(rowChunks(197, 10000), 197);
  EXPECT_EQ(rowChunks(10, 20), 1);
  for (int64_t rows : {1, 2, 3, 50, 197, 1370})
    for (int64_t width : {1, 20, 192, 768, 1024, 7000, 65536}) {
      int64_t chunks = rowChunks(rows, width);
      EXPECT_GE(chunks, 1);
      EXPECT_LE(chunks, rows);
      if (chunks > 1)
        EXPECT_GE(rows * width, 6144 / 2);
    }
}

// docs/ManyCores.md: threads are busy at least this much in every product and attention, in one image and in
// eight.
TEST(StrategyTest, ManyThreadsShareEveryProduct) {
  struct Case {
    int64_t width, threads;
    double least, leastAttention;
  };
  for (Case c : {Case{192, 16, 0.75, 0.75}, Case{384, 16, 0.8, 0.75}, Case{768, 16, 0.8, 0.8},
                 Case{1024, 16, 0.8, 0.8}, Case{768, 64, 0.75, 0.75}, Case{1024, 64, 0.8, 0.8}})
    for (int64_t images : {1, 8}) {
      auto busy = [&](int64_t inputs, int64_t outputs) {
        Grid grid = gemmGrid(197, inputs, outputs / 32, 32, 13);
        int64_t panels = grid.rowBlocks * grid.groups, fine = fineParts(197, inputs, 32, 13, grid);
        return busyShare(panels * grid.parts, panels * fine, imagesInner(197), images, c.threads);
      };
      SCOPED_TRACE(c.width);
      EXPECT_GE(busy(c.width, 3 * c.width), c.least) << "QKV";
      EXPECT_GE(busy(c.width, c.width), c.least) << "projection";
      EXPECT_GE(busy(c.width, 4 * c.width), c.least) << "MLP";
      EXPECT_GE(busy(4 * c.width, c.width), c.least) << "MLP";
      int64_t heads = c.width / 64;
      Grid grid = attentionGrid(197, heads, true);
      EXPECT_GE(busyShare(grid.rowBlocks * heads, fineRowBlocks(197, grid) * heads, false, images, c.threads),
                c.leastAttention);
    }
}

TEST(StrategyTest, FineDivisions) {
  // ViT-B: a panel of QKV is 97 us, 19 times 5; but there are 16 tiles. Blocks of attention keep 48 rows.
  EXPECT_EQ(fineParts(197, 768, 32, 13, {1, 72, 4}), 16);
  EXPECT_EQ(fineParts(197, 192, 32, 13, {1, 18, 1}), 4);
  EXPECT_EQ(fineParts(1370, 1024, 32, 13, {7, 32, 6}), 15);
  EXPECT_EQ(fineRowBlocks(197, {1, 12}), 4);
  // None where the grid is as fine, or rows are few.
  EXPECT_EQ(fineParts(197, 3072, 32, 13, {1, 24, 16}), 16);
  EXPECT_EQ(fineParts(50, 96, 32, 13, {1, 9, 1}), 1);
  EXPECT_EQ(fineParts(1, 768, 32, 13, {1, 24, 1}), 1);
  EXPECT_EQ(fineRowBlocks(1, {1, 12}), 1);
  EXPECT_EQ(fineRowBlocks(1370, {28, 16}), 28);
}

TEST(ManyCoresTest, BusyShare) {
  EXPECT_EQ(busyShare(7, 0, false, 1, 1), 1);
  EXPECT_EQ(busyShare(7, 0, true, 3, 1), 1);
  // 10 chunks on 4 threads: three turns for what takes two and a half.
  EXPECT_DOUBLE_EQ(busyShare(10, 0, false, 1, 4), 10.0 / 12);
  // Eight images on as many threads, each on its own; three on two: one goes alone, two threads share the
  // third.
  EXPECT_EQ(busyShare(3, 0, false, 8, 8), 1);
  EXPECT_DOUBLE_EQ(busyShare(3, 0, false, 3, 2), 9.0 / 10);
  // Images inner: 21 chunks of three images on two threads.
  EXPECT_DOUBLE_EQ(busyShare(7, 0, true, 3, 2), 21.0 / 22);
  // Nine chunks on eight threads take two turns; 36 finer ones five, of a quarter each. Ten on four are busy
  // enough.
  EXPECT_DOUBLE_EQ(busyShare(9, 36, false, 1, 8), 36.0 / 40);
  EXPECT_DOUBLE_EQ(busyShare(10, 40, false, 1, 4), 10.0 / 12);
  EXPECT_EQ(busyShare(10, 40, false, 4, 4), 1);
}

} // namespace
