// Products by a matrix unit against the interpreter, over shapes that leave tails everywhere. Where the
// machine has no such unit, its instructions are emulated.
#include "test/compiler/Codegen/CPU/PlannedProgram.h"
#include "test/compiler/Codegen/CPU/TileEmulation.h"
#include <cmath>
#include <cstring>

using namespace vitc;
using namespace vitc::test;

namespace {

/// One gemm of bf16 or bytes.
struct ProductCase {
  bool bytes;
  int64_t rows, depth, columns;
  std::string grid = "1, 1, 1", activation = {};
  bool bias = true, residual = false;
  int64_t planeWidth = 0; ///< C is planes of bf16
  std::string tile = "32, 2";
  int64_t gap = 0; ///< behind a row's pairs or quads, in these

  Planned plan(const Isa &isa) const {
    const char *element = bytes ? "i8" : "bf16";
    int64_t by = bytes ? 4 : 2, lines = (depth + by - 1) / by;
    int64_t panels = roundUp(columns, 32) / 32, covered = panels * 32;
    std::string a = rowsType(rows, depth, (lines + gap) * by, element),
                w = denseType({panels, lines, 32 * by}, element), b = denseType({covered}),
                m = denseType({rows}),
                c = planeWidth
                        ? denseType({roundUp(covered, planeWidth) / planeWidth, rows, planeWidth}, "bf16")
                        : rowsType(rows, columns, covered + 16),
                r = planeWidth ? rowsType(rows, columns, covered + 16) : c;
    std::string arguments = "%a: " + a + ", %w: " + w + ", %rs: " + m + ", %cs: " + b + ", %ct: " + b +
                            ", %b: " + b + ", %r: " + r + ", %c: " + c;
    std::string body =
        "vit.plan.gemm ins(%a, %w : " + a + ", " + w + ")" +
        (bytes ? " row_scales(%rs : " + m + ") column_scales(%cs : " + b + ") column_sums(%ct : " + b + ")"
               : "") +
        (bias ? " bias(%b : " + b + ")" : "") + (activation.empty() ? "" : " activation " + activation) +
        (residual ? " residual(%r : " + c + ")" : "") + " outs(%c : " + c + ") tile [" + tile +
        "] matrix_unit grid [" + grid + "] flops 1";
    Planned planned(isa, arguments, 7, body);
    planned.setInput(1, [&](llvm::ArrayRef<int64_t> at, double x) {
      bool inside = at[1] * by + at[2] % by < depth;
      return !inside ? 0 : bytes ? x - 128 : x;
    });
    if (bytes) {
      double unit = 1 / (127 * 127 * std::sqrt(static_cast<double>(depth)));
      planned.scaleInput(2, unit);
      planned.scaleInput(4, 1 / unit / 128);
    }
    return planned;
  }
};

class UnitTest : public testing::Test {
protected:
  void SetUp() override {
    isa = matrixUnitLevel();
    if (!isa)
      GTEST_SKIP() << "this machine lacks AVX-512 BF16 or VNNI";
    vitc_emulated_reset();
  }
  void TearDown() override {
    vitc_emulated_counts counts = vitc_emulated_state();
    EXPECT_STREQ(counts.fault, nullptr);
    EXPECT_EQ(counts.configurations, counts.releases);
  }
  /// Sums of f32, or of integers whose scales are applied in f32.
  void expectClose(const ProductCase &c, double bound = 1e-6) {
    SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.depth) + " x " +
                 std::to_string(c.columns));
    Planned planned = c.plan(*isa);
    EXPECT_LE(relativeError(planned.compiled(), planned.expected()), c.planeWidth ? 4e-3 : bound);
  }
  const Isa *isa = nullptr;
};

class MatrixUnitTest : public UnitTest, public testing::WithParamInterface<bool> {
protected:
  bool bytes() const { return GetParam(); }
};

TEST_P(MatrixUnitTest, AnyRows) {
  for (int64_t rows : {1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 197})
    expectClose({bytes(), rows, 96, 64});
}

// Whole registers, their tails, and both.
TEST_P(MatrixUnitTest, AnyDepth) {
  for (int64_t depth : {1, 2, 3, 5, 29, 31, 32, 33, 60, 63, 64, 65, 100, 127, 128, 192, 300})
    expectClose({bytes(), 18, depth, 40});
}

TEST_P(MatrixUnitTest, AnyColumns) {
  for (int64_t columns : {1, 15, 16, 17, 31, 32, 33, 48, 65, 100})
    expectClose({bytes(), 33, 70, columns});
}

// What lies between the rows is bytes of 255, NaN in bf16: it may not count, nor be read behind the last row.
TEST_P(MatrixUnitTest, NothingBehindARowCounts) {
  for (int64_t gap : {0, 1, 15, 16, 40})
    for (int64_t depth : {7, 70, 130}) {
      ProductCase c{bytes(), 21, depth, 32};
      c.gap = gap;
      expectClose(c);
    }
}

TEST_P(MatrixUnitTest, Epilogues) {
  for (const char *activation : {"", "gelu_erf", "gelu_tanh"})
    for (bool bias : {false, true})
      for (bool residual : {false, true}) {
        SCOPED_TRACE(std::string(activation) + (bias ? " bias" : "") + (residual ? " residual" : ""));
        expectClose({bytes(), 50, 70, 70, "1, 1, 1", activation, bias, residual}, 2e-6);
      }
}

TEST_P(MatrixUnitTest, IntoHeadPlanes) {
  for (int64_t width : {16, 48, 64})
    expectClose({bytes(), 37, 64, 6 * width, "1, 2, 1", "", true, false, width});
}

// Tiles of two heights share one setting of the registers, whichever chunk begins with the lower ones.
TEST_P(MatrixUnitTest, BitsDoNotDependOnTheGrid) {
  ProductCase c{bytes(), 197, 130, 100, "1, 1, 1", "gelu_erf", true, true};
  std::vector<float> whole = c.plan(*isa).compiled();
  for (const char *grid : {"1, 4, 1", "7, 1, 1", "2, 3, 2", "1, 2, 5"}) {
    c.grid = grid;
    std::vector<float> divided = c.plan(*isa).compiled();
    ASSERT_EQ(divided.size(), whole.size());
    EXPECT_EQ(std::memcmp(divided.data(), whole.data(), whole.size() * sizeof(float)), 0) << grid;
  }
}

// Other divisions of the eight registers.
TEST_P(MatrixUnitTest, OtherTiles) {
  for (const char *tile : {"5, 1", "16, 2", "32, 1", "48, 1", "20, 2"}) {
    SCOPED_TRACE(tile);
    ProductCase c{bytes(), 100, 100, 70};
    c.tile = tile;
    expectClose(c);
  }
}

TEST_P(MatrixUnitTest, MultipliesByTheUnit) {
  ProductCase c{bytes(), 40, 128, 64};
  std::vector<float> result = c.plan(*isa).compiled();
  if (llvm::is_contained(runnableLevels(Precision::Bf16), isa))
    GTEST_SKIP() << "the machine has the unit: nothing is emulated";
  // Two tiles of rows, two panels; two registers by two, and all lines of both.
  uint64_t steps = bytes() ? 128 / 64 : 128 / 32;
  EXPECT_EQ(vitc_emulated_state().products, 2 * 2 * 4 * steps);
  EXPECT_EQ(vitc_emulated_state().configurations, 1u);
}

struct AttentionCase {
  int64_t queries, keys, width, heads = 2, blocks = 1;
  bool base2 = true;

  Planned plan(const Isa &isa) const {
    std::string q = denseType({heads + 1, queries, width}, "bf16"),
                k = denseType({heads + 2, keys, width}, "bf16"), v = denseType({heads, keys, width}, "bf16"),
                o = rowsType(queries, heads * width, heads * width + 16);
    std::string n = std::to_string(heads);
    Planned planned(isa, "%q: " + q + ", %k: " + k + ", %v: " + v + ", %o: " + o, 3,
                    "vit.plan.attention ins(%q, %k, %v : " + q + ", " + k + ", " + v + ") outs(%o : " + o +
                        ") heads " + n + " planes [1, 2, 0]" + (base2 ? " base2" : "") +
                        " tile [32, 2] matrix_unit grid [" + std::to_string(blocks) + ", " + n + "] flops 1");
    planned.scaleInput(0, 0.25); // exact in bf16
    return planned;
  }
};

class MatrixUnitAttention : public UnitTest {
protected:
  /// Weights are rounded to bf16 on the way, here as in the interpreter; those near a tie to either side.
  void expectClose(const AttentionCase &c) {
    SCOPED_TRACE(std::to_string(c.queries) + " queries, " + std::to_string(c.keys) + " keys of " +
                 std::to_string(c.width));
    Planned planned = c.plan(*isa);
    EXPECT_LE(relativeError(planned.compiled(), planned.expected()), 4e-3);
  }
};

TEST_F(MatrixUnitAttention, AnyShape) {
  for (const AttentionCase &c : {AttentionCase{1, 1, 16},
                                 {1, 50, 64},
                                 {5, 5, 16},
                                 {16, 31, 32},
                                 {33, 32, 48},
                                 {17, 33, 64},
                                 {65, 48, 80},
                                 {50, 50, 32, 3},
                                 {7, 100, 112, 1},
                                 {40, 197, 64, 1, 1, false}})
    expectClose(c);
}

TEST_F(MatrixUnitAttention, BitsDoNotDependOnTheGrid) {
  AttentionCase c{150, 70, 48, 2};
  std::vector<float> whole = c.plan(*isa).compiled();
  for (int64_t blocks : {2, 5}) {
    c.blocks = blocks;
    std::vector<float> divided = c.plan(*isa).compiled();
    ASSERT_EQ(divided.size(), whole.size());
    EXPECT_EQ(std::memcmp(divided.data(), whole.data(), whole.size() * sizeof(float)), 0) << blocks;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, MatrixUnitTest, testing::Bool(),
                         [](const auto &info) { return info.param ? "int8" : "bf16"; });

} // namespace
