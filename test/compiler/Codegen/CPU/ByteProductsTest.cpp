// Products of bytes on every level that this machine runs: their sums are integers, and so the same to the
// bit on all of them. Matrix units have a test of their own.
#include "test/compiler/Codegen/CPU/PlannedProgram.h"

using namespace vitc;
using namespace vitc::test;

namespace {

/// The element type of quantized rows: of the same numbers, as the level multiplies them.
const char *rowElement(const Isa &isa) { return isa.int8 == vit::Int8Unit::Madd ? "i16" : "i8"; }

struct ByteProduct {
  int64_t rows, depth, columns;
  std::string grid = "1, 1, 1";
  /// Bytes of the largest magnitudes there are, so that a sum of 16 bits would overflow.
  bool extreme = false;

  /// `scales`: of rows and columns; else ones, so that the result is the sum itself.
  Planned plan(const Isa &isa, bool scales = false) const {
    int64_t lines = (depth + 3) / 4, panels = roundUp(columns, 32) / 32, covered = panels * 32;
    std::string a = rowsType(rows, depth, lines * 4, rowElement(isa)),
                w = denseType({panels, lines, 128}, "i8"), n = denseType({covered}), m = denseType({rows}),
                c = rowsType(rows, columns, covered + 16);
    std::string arguments =
        "%a: " + a + ", %w: " + w + ", %rs: " + m + ", %cs: " + n + ", %ct: " + n + ", %c: " + c;
    std::string tile = std::to_string(isa.int8Tile.rows) + ", " + std::to_string(isa.int8Tile.vectors);
    Planned planned(isa, arguments, 5,
                    "vit.plan.gemm ins(%a, %w : " + a + ", " + w + ") row_scales(%rs : " + m +
                        ") column_scales(%cs : " + n + ") column_sums(%ct : " + n + ") outs(%c : " + c +
                        ") tile [" + tile + "] grid [" + grid + "] flops 1");
    uint32_t state = 1;
    auto next = [&] { return (state = state * 1664525 + 1013904223) >> 24; };
    planned.setInput(0, [&](llvm::ArrayRef<int64_t>, double) -> double {
      return extreme ? 255 : std::max<uint32_t>(1, next());
    });
    planned.setInput(1, [&](llvm::ArrayRef<int64_t> at, double) -> double {
      if (at[1] * 4 + at[2] % 4 >= depth)
        return 0;
      return extreme ? (at[2] / 4 % 2 ? -127 : 127) : static_cast<int>(next() % 255) - 127;
    });
    if (!scales) {
      for (size_t one : {2, 3})
        planned.setInput(one, [](llvm::ArrayRef<int64_t>, double) { return 1.0; });
      planned.setInput(4, [](llvm::ArrayRef<int64_t>, double) { return 0.0; });
    }
    return planned;
  }
};

class ByteProductsTest : public testing::TestWithParam<const Isa *> {
protected:
  const Isa &isa = *GetParam();

  void expectSums(const ByteProduct &c) {
    SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.depth) + " x " +
                 std::to_string(c.columns) + " in " + c.grid);
    Planned planned = c.plan(isa);
    std::vector<double> want = planned.expected();
    std::vector<float> got = planned.compiled();
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(got[i], want[i]) << "element " << i;
  }
};

TEST_P(ByteProductsTest, SumsAreExact) {
  int64_t tall = isa.int8Tile.rows;
  for (int64_t rows : {int64_t(1), int64_t(2), tall, tall + 1, 2 * tall + 1})
    expectSums({rows, 96, 64});
  for (int64_t depth : {1, 2, 3, 4, 5, 31, 100, 192})
    expectSums({7, depth, 40});
  for (int64_t columns : {1, 31, 32, 33, 97})
    expectSums({5, 36, columns});
}

// 512 products of 255 and 127 are the largest sum that f32 holds exactly.
TEST_P(ByteProductsTest, NothingSaturates) { expectSums({9, 512, 64, "1, 1, 1", true}); }

TEST_P(ByteProductsTest, AnyGrid) {
  for (const char *grid : {"1, 4, 1", "3, 1, 1", "2, 3, 2"})
    expectSums({53, 60, 100, grid});
}

TEST_P(ByteProductsTest, ScalesAndSums) {
  Planned planned = ByteProduct{21, 77, 70}.plan(isa, true);
  EXPECT_LE(relativeError(planned.compiled(), planned.expected()), 2e-6);
}

// Rows as bytes, or as what the level multiplies instead: the same numbers, and nothing that is undefined for
// NaN, infinities or zeros.
TEST_P(ByteProductsTest, RowsOfAnyNumbers) {
  for (int64_t width : {1, 15, 16, 40}) {
    SCOPED_TRACE(width);
    std::string x = rowsType(6, width, 64), y = rowsType(6, width, 64, rowElement(isa)), s = denseType({6});
    // A product with the identity shows the integers.
    int64_t lines = (width + 3) / 4;
    std::string w = denseType({1, lines, 128}, "i8"), n = denseType({32});
    std::string product = rowsType(6, 32, 48);
    std::string tile = std::to_string(isa.int8Tile.rows) + ", " + std::to_string(isa.int8Tile.vectors);
    int64_t shown = std::min<int64_t>(width, 32);
    Planned planned(isa,
                    "%x: " + x + ", %w: " + w + ", %rs: " + s + ", %cs: " + n + ", %ct: " + n + ", %y: " + y +
                        ", %s: " + s + ", %c: " + product,
                    5,
                    "vit.plan.quantize ins(%x : " + x + ") outs(%y, %s : " + y + ", " + s +
                        ") chunks 4\nvit.plan.gemm ins(%y, %w : " + y + ", " + w + ") row_scales(%rs : " + s +
                        ") column_scales(%cs : " + n + ") column_sums(%ct : " + n + ") outs(%c : " + product +
                        ") tile [" + tile + "] grid [1, 1, 1] flops 1");
    planned.setInput(0, [](llvm::ArrayRef<int64_t> at, double v) {
      return at[0] == 4 ? 0.0 : at[0] == 5 && at[1] == 0 ? std::numeric_limits<double>::infinity() : v;
    });
    planned.setInput(1, [&](llvm::ArrayRef<int64_t> at, double) -> double {
      int64_t k = at[1] * 4 + at[2] % 4, column = at[2] / 4;
      return k == column && k < width;
    });
    for (size_t one : {2, 3})
      planned.setInput(one, [](llvm::ArrayRef<int64_t>, double) { return 1.0; });
    planned.setInput(4, [](llvm::ArrayRef<int64_t>, double) { return 0.0; });
    std::vector<double> want = planned.expected();
    std::vector<float> got = planned.compiled();
    ASSERT_EQ(got.size(), want.size());
    for (int64_t row = 0; row < 4; ++row)
      for (int64_t k = 0; k < shown; ++k)
        EXPECT_LE(std::abs(got[row * 32 + k] - want[row * 32 + k]), 1) << row << ", " << k; // near a tie
    for (int64_t row = 4; row < 6; ++row)
      for (int64_t k = 0; k < shown; ++k) {
        EXPECT_GE(got[row * 32 + k], 1);
        EXPECT_LE(got[row * 32 + k], 255);
      }
  }
}

// What stands in for AVX-VNNI on machines without it computes the same.
TEST(ByteProducts, EmulatedDot) {
  const Isa &isa = *findIsa("alderlake");
  if (!runsHere(*findIsa("x86-64-v3")))
    GTEST_SKIP() << "hardware: this machine has no AVX2";
  for (bool extreme : {false, true}) {
    Planned planned = ByteProduct{17, 300, 70, "1, 1, 1", extreme}.plan(isa);
    EXPECT_EQ(relativeError(planned.compiled(/*emulate=*/true), planned.expected()), 0);
  }
}

/// Levels that multiply bytes by vector instructions; AVX-VNNI is emulated where there is only AVX2.
std::vector<const Isa *> byteLevels() {
  std::vector<const Isa *> levels;
  for (const Isa &isa : allIsas())
    if ((isa.int8 == vit::Int8Unit::Dot || isa.int8 == vit::Int8Unit::Madd) &&
        (runsHere(isa) || (isa.name == "alderlake" && runsHere(*findIsa("x86-64-v3")))))
      levels.push_back(&isa);
  return levels;
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ByteProductsTest); // on Arm
INSTANTIATE_TEST_SUITE_P(Levels, ByteProductsTest, testing::ValuesIn(byteLevels()), [](const auto &info) {
  std::string name = info.param->name.str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
