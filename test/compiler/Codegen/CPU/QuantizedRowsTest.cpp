// Rows that an op writes as bytes with a scale each. A product with 127 times the identity makes numbers of
// them again.
#include "test/compiler/Codegen/CPU/PlannedProgram.h"
#include <cmath>
#include <map>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr int64_t kRows = 7, kWidth = 30;
constexpr double kStep = 1.0 / 64; // that is given: numbers beyond 2 are cut off

class QuantizedRowsTest : public testing::TestWithParam<const Isa *> {
protected:
  const Isa &isa = *GetParam();
  std::string x = rowsType(kRows, kWidth, 64);
  std::string y = rowsType(kRows, kWidth, 64, isa.int8 == vit::Int8Unit::Madd ? "i16" : "i8");
  std::string s = denseType({kRows});

  /// `op` reads %x, %g and %b (kWidth entries and more), and writes %y and %s, or reads the scales in %t.
  Planned plan(const std::string &op) const {
    std::string scales = llvm::StringRef(op).contains("given") ? "%t" : "%s";
    std::string g = denseType({32}), w = denseType({1, (kWidth + 3) / 4, 128}, "i8"),
                c = rowsType(kRows, kWidth, 48);
    std::string tile = std::to_string(isa.int8Tile.rows) + ", " + std::to_string(isa.int8Tile.vectors);
    Planned planned(isa,
                    "%x: " + x + ", %g: " + g + ", %b: " + g + ", %w: " + w + ", %cs: " + g + ", %ct: " + g +
                        ", %t: " + s + ", %y: " + y + ", %s: " + s + ", %c: " + c,
                    7,
                    op + "\nvit.plan.gemm ins(%y, %w : " + y + ", " + w + ") row_scales(" + scales + " : " +
                        s + ") column_scales(%cs : " + g + ") column_sums(%ct : " + g + ") outs(%c : " + c +
                        ") tile [" + tile + "] grid [1, 1, 1] flops 1");
    planned.setInput(3, [](llvm::ArrayRef<int64_t> at, double) -> double {
      return at[1] * 4 + at[2] % 4 == at[2] / 4 ? 127 : 0;
    });
    planned.setInput(4, [](llvm::ArrayRef<int64_t>, double) { return 1.0 / 127; });
    planned.setInput(5, [](llvm::ArrayRef<int64_t>, double) { return 1.0; });
    planned.setInput(6, [](llvm::ArrayRef<int64_t>, double) { return kStep; });
    return planned;
  }
  std::string quantize(bool given = false) const {
    return "vit.plan.quantize ins(%x : " + x + ") outs(%y, " + (given ? "%t" : "%s") + " : " + y + ", " + s +
           ")" + (given ? " given" : "") + " chunks 3";
  }
  std::string layerNorm(const char *affine, bool given = false) const {
    std::string g = denseType({32}), text = "vit.plan.layer_norm ins(%x : " + x + ")";
    if (llvm::StringRef(affine).contains('g'))
      text += " gamma(%g : " + g + ")";
    if (llvm::StringRef(affine).contains('b'))
      text += " beta(%b : " + g + ")";
    return text + " outs(%y : " + y + ") scales(" + (given ? "%t" : "%s") + " : " + s + ")" +
           (given ? " given" : "") + " eps 1.0e-6 chunks 3";
  }
};

TEST_P(QuantizedRowsTest, AsTheInterpreterDoes) {
  for (const std::string &op : {quantize(), layerNorm(""), layerNorm("g"), layerNorm("b"), layerNorm("gb"),
                                quantize(true), layerNorm("", true), layerNorm("gb", true)}) {
    SCOPED_TRACE(op);
    Planned planned = plan(op);
    // Halves may be rounded either way where f32 and f64 differ: one step of 127 in few of 30 columns.
    EXPECT_LE(relativeError(planned.compiled(), planned.expected()), 2e-3);
  }
}

TEST_P(QuantizedRowsTest, EveryRowHasItsOwnScale) {
  Planned planned = plan(quantize());
  planned.setInput(0, [](llvm::ArrayRef<int64_t> at, double value) {
    return value * std::pow(10.0, static_cast<double>(at[0]));
  });
  std::vector<float> got = planned.compiled();
  std::vector<double> want = planned.expected();
  for (int64_t row = 0; row < kRows; ++row) {
    auto part = [&](const auto &all) {
      return std::vector(all.begin() + row * kWidth, all.begin() + (row + 1) * kWidth);
    };
    EXPECT_LE(relativeError(part(got), part(want)), 5e-3) << row;
  }
}

// One that is no number spoils its row, wherever it stands, and no other row.
TEST_P(QuantizedRowsTest, NotANumber) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::map<std::pair<int64_t, int64_t>, double> bad{
      {{0, 0}, kNan}, {{1, 17}, kNan}, {{2, kWidth - 1}, kNan}, {{4, 3}, kInf}, {{5, kWidth - 1}, -kInf}};
  for (const std::string &op : {quantize(), layerNorm(""), layerNorm("gb")}) {
    SCOPED_TRACE(op);
    Planned planned = plan(op);
    planned.setInput(0, [&](llvm::ArrayRef<int64_t> at, double value) {
      auto found = bad.find({at[0], at[1]});
      return found == bad.end() ? value : found->second;
    });
    std::vector<float> got = planned.compiled();
    ASSERT_EQ(got.size(), static_cast<size_t>(kRows * kWidth));
    for (int64_t i = 0; i < kRows * kWidth; ++i)
      EXPECT_EQ(std::isfinite(got[i]), i / kWidth == 3 || i / kWidth == 6) << i;
  }
}

// With a scale that is given, what is beyond its reach becomes the nearest that is not, and NaN the least;
// the other numbers of the row do not notice.
TEST_P(QuantizedRowsTest, GivenScalesCutOff) {
  Planned planned = plan(quantize(true));
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::vector<double> row{0.5, 100, -100, kNan, kInf, -kInf, -kNan, 0, 1e-9, -1.984375};
  const std::vector<double> want{0.5,         127 * kStep,  -127 * kStep, -127 * kStep,
                                 127 * kStep, -127 * kStep, -127 * kStep, 0,
                                 0,           -127 * kStep};
  planned.setInput(
      0, [&](llvm::ArrayRef<int64_t> at, double) { return row[static_cast<size_t>(at[1]) % row.size()]; });
  std::vector<float> got = planned.compiled();
  ASSERT_EQ(got.size(), static_cast<size_t>(kRows * kWidth));
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], want[i % kWidth % want.size()], 1e-6) << i;
  EXPECT_LE(relativeError(got, planned.expected()), 1e-6);
}

TEST_P(QuantizedRowsTest, ZerosStay) {
  for (const std::string &op : {quantize(), layerNorm(""), layerNorm("g")}) {
    SCOPED_TRACE(op);
    Planned planned = plan(op);
    planned.setInput(0, [](llvm::ArrayRef<int64_t> at, double value) { return at[0] == 4 ? 0.0 : value; });
    std::vector<float> got = planned.compiled();
    ASSERT_EQ(got.size(), static_cast<size_t>(kRows * kWidth));
    for (int64_t k = 0; k < kWidth; ++k)
      EXPECT_EQ(got[4 * kWidth + k], 0);
  }
}

std::vector<const Isa *> levels() {
  std::vector<const Isa *> all;
  for (const Isa *isa : runnableLevels(Precision::Int8))
    if (isa->int8 == vit::Int8Unit::Dot || isa->int8 == vit::Int8Unit::Madd)
      all.push_back(isa);
  return all;
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(QuantizedRowsTest); // on Arm
INSTANTIATE_TEST_SUITE_P(Levels, QuantizedRowsTest, testing::ValuesIn(levels()), [](const auto &info) {
  std::string name = info.param->name.str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
