// vit-plan-memory on random programs, judged by a checker that knows nothing of how it places.
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Plan/Passes.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <gtest/gtest.h>
#include <random>
#include <sstream>

using namespace vitc;

namespace {

std::string rowsType(int64_t rows, int64_t stride) {
  return "memref<" + std::to_string(rows) + "x16xf32, strided<[" + std::to_string(stride) + ", 1]>>";
}

/// A program of copies between buffers of all sizes: each is written once, some are read long after.
std::string randomProgram(std::mt19937 &random, int buffers) {
  std::ostringstream text;
  auto pick = [&](int n) { return static_cast<int>(random() % n); };
  text << "func.func @forward(%in: memref<64x16xf32>, %out: memref<64x16xf32>) {\n";
  std::vector<int> rows, strides;
  auto chunk = [&](const std::string &from, const std::string &to, const std::string &fromType,
                   const std::string &toType) {
    text << "vit.plan.copy ins(" << from << " : " << fromType << ") outs(" << to << " : " << toType
         << ") chunks 1\n";
  };
  // Declared in front, so that a buffer's place in the list says nothing of its life.
  for (int i = 0; i < buffers; ++i) {
    rows.push_back(1 + pick(40));
    strides.push_back(16 * (1 + pick(8))); // rows of an arena are whole cache lines
    text << "%b" << i << " = vit.plan.buffer : " << rowsType(rows[i], strides[i]) << "\n";
  }
  auto name = [](int i) { return "%b" + std::to_string(i); };
  for (int i = 0; i < buffers; ++i) {
    // One row through a view, as shapes differ.
    std::string id = std::to_string(i);
    text << "%w" << id << " = vit.plan.view " << name(i) << " from " << pick(rows[i]) << " : "
         << rowsType(rows[i], strides[i]) << " -> " << rowsType(1, strides[i]) << "\n";
    if (i == 0) {
      text << "%w" << id
           << "a = vit.plan.view %in from 0 : memref<64x16xf32> -> memref<1x16xf32, strided<[16, 1]>>\n";
    }
    int source = i == 0 ? -1 : pick(i);
    if (source >= 0) {
      text << "%r" << id << " = vit.plan.view " << name(source) << " from " << pick(rows[source]) << " : "
           << rowsType(rows[source], strides[source]) << " -> " << rowsType(1, strides[source]) << "\n";
      chunk("%r" + id, "%w" + id, rowsType(1, strides[source]), rowsType(1, strides[i]));
    } else {
      chunk("%w0a", "%w" + id, rowsType(1, 16), rowsType(1, strides[i]));
    }
  }
  text << "return\n}\n";
  return text.str();
}

struct Placed {
  int64_t first, last, begin, end;
};

/// First and last op that touch each buffer, found by walking uses forward, and where it was put.
std::vector<Placed> lives(mlir::func::FuncOp before, mlir::func::FuncOp after) {
  std::vector<Placed> result;
  std::map<mlir::Operation *, size_t> index; // buffers and views of `before`
  int64_t position = 0;
  before.walk([&](mlir::Operation *op) {
    if (llvm::isa<vit::PlanBufferOp>(op)) {
      index[op] = result.size();
      result.push_back({-1, -1, 0, 0});
    } else if (auto view = llvm::dyn_cast<vit::PlanViewOp>(op)) {
      if (mlir::Operation *source = view.getSource().getDefiningOp())
        index[op] = index.at(source);
    } else if (llvm::isa<vit::PlannedOpInterface>(op)) {
      for (mlir::Value operand : op->getOperands()) {
        auto it = index.find(operand.getDefiningOp());
        if (it == index.end())
          continue;
        Placed &life = result[it->second];
        life.first = life.first < 0 ? position : life.first;
        life.last = position;
      }
      ++position;
    }
  });
  // Rows that regions touch, by offset; each belongs to the buffer that the same operand was of.
  llvm::SmallVector<mlir::Operation *> opsBefore, opsAfter;
  before.walk([&](vit::PlannedOpInterface op) { opsBefore.push_back(op); });
  after.walk([&](vit::PlannedOpInterface op) { opsAfter.push_back(op); });
  EXPECT_EQ(opsBefore.size(), opsAfter.size());
  for (auto [old, now] : llvm::zip(opsBefore, opsAfter))
    for (auto [oldOperand, newOperand] : llvm::zip(old->getOperands(), now->getOperands())) {
      auto it = index.find(oldOperand.getDefiningOp());
      if (it == index.end())
        continue;
      auto placed = newOperand.getDefiningOp<vit::PlanBufferOp>();
      EXPECT_TRUE(placed && placed.getOffset());
      // The view's row leads back to the buffer's origin.
      int64_t row = 0, stride = 0;
      auto source = llvm::cast<vit::PlanBufferOp>(
          oldOperand.getDefiningOp<vit::PlanViewOp>().getSource().getDefiningOp());
      row = oldOperand.getDefiningOp<vit::PlanViewOp>().getFirst();
      auto type = llvm::cast<mlir::MemRefType>(source.getType());
      stride = type.getStridesAndOffset().first[0];
      int64_t begin = static_cast<int64_t>(*placed.getOffset()) - row * stride * 4;
      Placed &life = result[it->second];
      life.begin = begin;
      life.end = begin + type.getDimSize(0) * stride * 4;
    }
  return result;
}

TEST(PlanMemoryTest, LiveBuffersNeverOverlap) {
  auto context = makeContext();
  std::mt19937 random(1);
  for (int program = 0; program < 200; ++program) {
    SCOPED_TRACE(program);
    auto before =
        mlir::parseSourceString<mlir::ModuleOp>(randomProgram(random, 1 + program % 40), context.get());
    ASSERT_TRUE(before);
    mlir::OwningOpRef<mlir::ModuleOp> after = before->clone();
    mlir::PassManager pm(context.get());
    pm.addPass(createPlanMemory());
    ASSERT_TRUE(mlir::succeeded(pm.run(*after)));
    auto function = after->lookupSymbol<mlir::func::FuncOp>("forward");
    int64_t arena = function->getAttrOfType<mlir::IntegerAttr>("vit.arena_bytes").getInt(), total = 0,
            peak = 0;
    auto placed = lives(before->lookupSymbol<mlir::func::FuncOp>("forward"), function);
    for (size_t i = 0; i < placed.size(); ++i) {
      const Placed &a = placed[i];
      EXPECT_EQ(a.begin % 64, 0);
      EXPECT_GE(a.begin, 0);
      EXPECT_LE(a.end, arena);
      total += (a.end - a.begin + 63) / 64 * 64;
      int64_t live = 0; // at the first use of a
      for (const Placed &b : placed)
        if (b.first <= a.first && a.first <= b.last)
          live += b.end - b.begin;
      peak = std::max(peak, live);
      for (size_t j = i + 1; j < placed.size(); ++j) {
        const Placed &b = placed[j];
        bool together = a.first <= b.last && b.first <= a.last, apart = a.end <= b.begin || b.end <= a.begin;
        EXPECT_TRUE(!together || apart) << "buffers " << i << " and " << j;
      }
    }
    EXPECT_LE(arena, total);
    EXPECT_GE(arena, peak);
    EXPECT_EQ(arena % 64, 0);
  }
}

} // namespace
