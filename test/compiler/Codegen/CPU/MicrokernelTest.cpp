#include "compiler/Codegen/CPU/Microkernel.h"
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Pipeline/Pipeline.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

// Rows are covered once, by as few tiles as there can be, whose heights differ by one at most.
TEST(BalancedTilesTest, CoverAllRows) {
  for (int64_t maxRows = 1; maxRows <= 14; ++maxRows)
    for (int64_t rows = 1; rows <= 400; ++rows) {
      BalancedTiles tiles = balanceTiles(rows, maxRows);
      EXPECT_EQ(tiles.count, (rows + maxRows - 1) / maxRows);
      EXPECT_EQ(tiles.tall * (tiles.base + 1) + (tiles.count - tiles.tall) * tiles.base, rows);
      EXPECT_GE(tiles.base, 1);
      EXPECT_LT(tiles.tall, tiles.count);
      EXPECT_LE(tiles.base + (tiles.tall > 0), maxRows) << rows << " rows in tiles of " << maxRows;
    }
}

TEST(BalancedTilesTest, KnownTokenCounts) {
  BalancedTiles vit = balanceTiles(197, 13); // 5 tiles of 13 and 11 of 12
  EXPECT_EQ(vit.count, 16);
  EXPECT_EQ(vit.base, 12);
  EXPECT_EQ(vit.tall, 5);
  BalancedTiles even = balanceTiles(26, 13);
  EXPECT_EQ(even.count, 2);
  EXPECT_EQ(even.base, 13);
  EXPECT_EQ(even.tall, 0);
}

/// Emits index code into a function and lets MLIR fold it: what a chunk's bounds come to.
class FoldedCode : public testing::Test {
protected:
  std::unique_ptr<mlir::MLIRContext> context = makeContext();

  /// The constants that `emit` returns.
  std::vector<int64_t> constants(llvm::function_ref<llvm::SmallVector<mlir::Value>(LeafBuilder &)> emit) {
    auto module = mlir::ModuleOp::create(mlir::UnknownLoc::get(context.get()));
    mlir::OwningOpRef<mlir::ModuleOp> owner(module);
    mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(module.getBody());
    auto function = mlir::func::FuncOp::create(b, module.getLoc(), "f", b.getFunctionType({}, {}));
    b.setInsertionPointToStart(function.addEntryBlock());
    auto isa = llvm::cast<vit::IsaAttr>(mlir::parseAttribute(
        "#vit.isa<\"test\", lanes = 16, tile = 13 x 2, panel = 32, fma = true>", context.get()));
    LeafBuilder leaf(b, module.getLoc(), isa);
    llvm::SmallVector<mlir::Value> values = emit(leaf);
    mlir::func::ReturnOp::create(b, module.getLoc(), values);
    function.setFunctionType(b.getFunctionType({}, mlir::ValueRange(values).getTypes()));
    mlir::PassManager pm(context.get());
    pm.addPass(mlir::createCanonicalizerPass());
    EXPECT_TRUE(mlir::succeeded(pm.run(module)));
    std::vector<int64_t> result;
    for (mlir::Value value : function.getBody().front().getTerminator()->getOperands()) {
      auto constant = value.getDefiningOp<mlir::arith::ConstantIndexOp>();
      EXPECT_TRUE(constant);
      result.push_back(constant ? constant.value() : -1);
    }
    return result;
  }
};

// Parts follow each other without a gap, and their sizes differ by one at most.
TEST_F(FoldedCode, EvenPartsCoverAll) {
  for (auto [total, parts] :
       {std::pair<int64_t, int64_t>{1, 1}, {16, 1}, {16, 16}, {16, 5}, {197, 4}, {96, 7}}) {
    int64_t next = 0;
    for (int64_t chunk = 0; chunk < parts; ++chunk) {
      auto bounds = constants([&](LeafBuilder &b) {
        auto [lo, hi] = evenPart(b, b.index(chunk), total, parts);
        return llvm::SmallVector<mlir::Value>{lo, hi};
      });
      EXPECT_EQ(bounds[0], next);
      EXPECT_GE(bounds[1] - bounds[0], total / parts);
      EXPECT_LE(bounds[1] - bounds[0], total / parts + 1);
      next = bounds[1];
    }
    EXPECT_EQ(next, total);
  }
}

/// The first rows and heights that the loops over tiles [first, end) would visit.
TEST_F(FoldedCode, TileLoopsVisitTheRowsOfTheirTiles) {
  for (int64_t rows : {1, 13, 14, 26, 27, 50, 197})
    for (int64_t parts : {int64_t(1), int64_t(2), balanceTiles(rows, 13).count}) {
      BalancedTiles tiles = balanceTiles(rows, 13);
      if (parts > tiles.count)
        continue;
      int64_t next = 0;
      for (int64_t part = 0; part < parts; ++part) {
        int64_t first = part * tiles.count / parts, end = (part + 1) * tiles.count / parts;
        std::vector<int64_t> heights; // of each loop
        auto numbers = constants([&](LeafBuilder &b) {
          llvm::SmallVector<mlir::Value> result;
          emitTileLoops(b, tiles, b.index(first), b.index(end),
                        [&](int64_t height, mlir::Value tile, mlir::Value) {
                          auto loop = llvm::cast<mlir::scf::ForOp>(tile.getParentBlock()->getParentOp());
                          heights.push_back(height);
                          result.push_back(loop.getLowerBound());
                          result.push_back(loop.getUpperBound());
                        });
          return result;
        });
        for (size_t i = 0; i < heights.size(); ++i)
          for (int64_t tile = numbers[2 * i]; tile < numbers[2 * i + 1]; ++tile) {
            bool tall = heights[i] == tiles.base + 1;
            int64_t row = tall ? tile * heights[i] : tile * tiles.base + tiles.tall;
            EXPECT_EQ(row, next) << rows << " rows, part " << part << " of " << parts;
            EXPECT_EQ(tall, tile < tiles.tall);
            next = row + heights[i];
          }
      }
      EXPECT_EQ(next, rows);
    }
}

} // namespace
