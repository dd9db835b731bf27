//===- WeightEvaluatorTest.cpp - each step of a weight's chain, by its formula, over any range
//------------===//
#include "dialect/Interp/WeightEvaluator.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <gtest/gtest.h>
#include <numbers>
#include <random>
#include <thread>

using namespace mlir;
using namespace vit;

namespace {

using Values = std::vector<double>;

// Checkpoint tensors hold value(i) = base + i + i^2 / 16, so that no two elements of a test agree by
// accident.
double value(double base, int64_t i) { return base + i + i * i / 16.0; }

class WeightEvaluatorTest : public testing::Test {
protected:
  WeightEvaluatorTest() : context(registry()) {}

  void tensor(StringRef name, ArrayRef<int64_t> shape, double base) {
    Values data(llvm::product_of(shape));
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = value(base, i);
    checkpoint[name.str()] = tensorInMemory(shape, data);
  }

  std::shared_ptr<const TensorSource> weight(StringRef text) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) { messages += d.str() + "\n"; });
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << messages;
    if (!module)
      return nullptr;
    evaluator = std::make_unique<WeightEvaluator>(*module, [&](StringRef name) {
      auto it = checkpoint.find(name.str());
      return it == checkpoint.end() ? nullptr : it->second;
    });
    auto source = evaluator->get(FlatSymbolRefAttr::get(&context, "w"));
    return failed(source) ? nullptr : *source;
  }

  /// Checks the whole tensor, and that every range of it reads the same elements and writes nothing else.
  void expectValues(StringRef text, ArrayRef<int64_t> shape, const Values &expected) {
    auto source = weight(text);
    ASSERT_TRUE(source) << messages;
    EXPECT_EQ(source->shape(), shape);
    ASSERT_EQ(source->elements(), static_cast<int64_t>(expected.size()));
    EXPECT_EQ(source->readAll(), expected);
    for (size_t first = 0; first < expected.size(); ++first)
      for (size_t count = 0; first + count <= expected.size(); ++count) {
        Values range(count + 2, -77);
        source->read(first, MutableArrayRef(range).slice(1, count));
        Values want(expected.begin() + first, expected.begin() + first + count);
        want.insert(want.begin(), -77);
        want.push_back(-77);
        ASSERT_EQ(range, want) << first << " + " << count;
      }
  }

  static DialectRegistry registry() {
    DialectRegistry registry;
    registry.insert<VitDialect>();
    return registry;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::map<std::string, std::shared_ptr<const TensorSource>> checkpoint;
  std::unique_ptr<WeightEvaluator> evaluator;
  std::string messages;
};

const char *const m23 = "vit.weight @m : tensor<2x3xf32>\n";

TEST_F(WeightEvaluatorTest, CheckpointTensor) {
  tensor("w", {2, 3}, 1);
  expectValues("vit.weight @w : tensor<2x3xf32>", {2, 3}, {1, 2.0625, 3.25, 4.5625, 6, 7.5625});
}

TEST_F(WeightEvaluatorTest, Zeros) {
  expectValues("vit.weight @w : tensor<2x2xf32> = [#vit.zeros<[2, 2]>]", {2, 2}, {0, 0, 0, 0});
}

TEST_F(WeightEvaluatorTest, Fill) {
  expectValues("vit.weight @w : tensor<3xf32> = [#vit.fill<[3], 2.5 : f64>]", {3}, {2.5, 2.5, 2.5});
}

// A grid of one row and two columns, behind a row of zeros: sines and cosines of the column, then of the row.
TEST_F(WeightEvaluatorTest, Sincos) {
  double slow = std::pow(10000.0, -0.5), last = 1e-4;
  expectValues("vit.weight @w : tensor<3x8xf32> = [#vit.sincos<mae, [1, 2], width = 8, prefix = 1>]", {3, 8},
               {0,
                0,
                0,
                0,
                0,
                0,
                0,
                0, //
                0,
                0,
                1,
                1,
                0,
                0,
                1,
                1, //
                std::sin(1.0),
                std::sin(slow),
                std::cos(1.0),
                std::cos(slow),
                0,
                0,
                1,
                1});
  expectValues("vit.weight @w : tensor<2x8xf32> = [#vit.sincos<simple, [2, 1], width = 8, prefix = 0>]",
               {2, 8},
               {0, 0, 1, 1, 0, 0, 1, 1, //
                0, 0, 1, 1, std::sin(1.0), std::sin(last), std::cos(1.0), std::cos(last)});
}

// Rows around the grid stay, and so does the grid where its size does.
TEST_F(WeightEvaluatorTest, ResizeGrid) {
  tensor("m", {6, 1}, 0);
  auto at = [](int64_t i) { return value(0, i); };
  expectValues(
      "vit.weight @m : tensor<6x1xf32>\n"
      "vit.weight @w : tensor<4x1xf32> = [#vit.ref<@m>, #vit.resize_grid<[2, 2] to [1, 2], prefix = 1, "
      "linear, size, antialias = false>]",
      {4, 1}, {at(0), (at(1) + at(3)) / 2, (at(2) + at(4)) / 2, at(5)});
  for (const char *kernel : {"nearest", "linear", "cubic50", "cubic75"})
    expectValues(
        "vit.weight @m : tensor<6x1xf32>\n"
        "vit.weight @w : tensor<6x1xf32> = [#vit.ref<@m>, #vit.resize_grid<[3, 1] to [3, 1], prefix = 2, " +
            std::string(kernel) + ", size, antialias = false>]",
        {6, 1}, {at(0), at(1), at(2), at(3), at(4), at(5)});
}

// Points at 0, +-1 and +-2.5 (q is 1.5, as large as it may be), samples from -3 to 3; the outermost point
// repeats, and what stands behind the grid stays.
TEST_F(WeightEvaluatorTest, ResizeGridGeometrically) {
  tensor("m", {6, 1}, 0);
  auto at = [](int64_t i) { return value(0, i); };
  auto resized = [&](const std::string &grids, int64_t rows) {
    auto source = weight("vit.weight @m : tensor<6x1xf32>\nvit.weight @w : tensor<" + std::to_string(rows) +
                         "x1xf32> = [#vit.ref<@m>, #vit.resize_grid<" + grids +
                         ", prefix = 0, linear, geometric, antialias = false>]");
    return source ? source->readAll() : Values();
  };
  auto expectNear = [&](const Values &got, const Values &want) {
    ASSERT_EQ(got.size(), want.size()) << messages;
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(got[i], want[i], 1e-5) << i;
  };
  expectNear(resized("[5, 1] to [7, 1]", 8), {at(0), at(1) + (at(0) - at(1)) / 1.5, at(1), at(2), at(3),
                                              at(3) + (at(4) - at(3)) / 1.5, at(4), at(5)});
  // A grid that shrinks: its outermost points lie outside.
  expectNear(resized("[5, 1] to [3, 1]", 4), {at(1), at(2), at(3), at(5)});
}

TEST_F(WeightEvaluatorTest, Append) {
  tensor("m", {1, 2}, 1);
  tensor("n", {2, 2}, 10);
  expectValues("vit.weight @m : tensor<1x2xf32>\nvit.weight @n : tensor<2x2xf32>\n"
               "vit.weight @w : tensor<5x2xf32> = [#vit.ref<@n>, #vit.append<@m>, #vit.append<@n>]",
               {5, 2}, {10, 11.0625, 12.25, 13.5625, 1, 2.0625, 10, 11.0625, 12.25, 13.5625});
}

TEST_F(WeightEvaluatorTest, Rows) {
  tensor("m", {4, 2}, 0);
  expectValues("vit.weight @m : tensor<4x2xf32>\n"
               "vit.weight @w : tensor<2x2xf32> = [#vit.ref<@m>, #vit.rows<1, 2>]",
               {2, 2}, {value(0, 2), value(0, 3), value(0, 4), value(0, 5)});
}

TEST_F(WeightEvaluatorTest, RowsOfAVector) {
  tensor("m", {5}, 0);
  expectValues("vit.weight @m : tensor<5xf32>\n"
               "vit.weight @w : tensor<2xf32> = [#vit.ref<@m>, #vit.rows<3, 2>]",
               {2}, {value(0, 3), value(0, 4)});
}

TEST_F(WeightEvaluatorTest, Reshape) {
  tensor("m", {2, 3}, 1);
  expectValues(std::string(m23) +
                   "vit.weight @w : tensor<1x2x3xf32> = [#vit.ref<@m>, #vit.reshape<[1, 2, 3]>]",
               {1, 2, 3}, {1, 2.0625, 3.25, 4.5625, 6, 7.5625});
}

TEST_F(WeightEvaluatorTest, Scale) {
  tensor("m", {2, 3}, 1);
  expectValues(std::string(m23) + "vit.weight @w : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale<-0.5 : f64>]",
               {2, 3}, {-0.5, -1.03125, -1.625, -2.28125, -3, -3.78125});
}

TEST_F(WeightEvaluatorTest, ScaleCols) {
  tensor("m", {2, 3}, 1);
  tensor("g", {3}, 2); // 2, 3.0625, 4.25
  expectValues(std::string(m23) + "vit.weight @g : tensor<3xf32>\n"
                                  "vit.weight @w : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale_cols<@g>]",
               {2, 3}, {1 * 2, 2.0625 * 3.0625, 3.25 * 4.25, 4.5625 * 2, 6 * 3.0625, 7.5625 * 4.25});
}

TEST_F(WeightEvaluatorTest, ScaleRows) {
  tensor("m", {2, 3}, 1);
  tensor("g", {2}, 2);
  expectValues(std::string(m23) + "vit.weight @g : tensor<2xf32>\n"
                                  "vit.weight @w : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale_rows<@g>]",
               {2, 3}, {1 * 2, 2.0625 * 2, 3.25 * 2, 4.5625 * 3.0625, 6 * 3.0625, 7.5625 * 3.0625});
}

TEST_F(WeightEvaluatorTest, ScaleRowsOfAVector) {
  tensor("m", {2}, 1);
  tensor("g", {2}, 2);
  expectValues("vit.weight @m : tensor<2xf32>\nvit.weight @g : tensor<2xf32>\n"
               "vit.weight @w : tensor<2xf32> = [#vit.ref<@m>, #vit.scale_rows<@g>]",
               {2}, {2, 2.0625 * 3.0625});
}

TEST_F(WeightEvaluatorTest, ScaleColGroups) {
  tensor("m", {2, 4}, 0);
  expectValues("vit.weight @m : tensor<2x4xf32>\n"
               "vit.weight @w : tensor<2x4xf32> = [#vit.ref<@m>, #vit.scale_col_groups<[2.0, 3.0]>]",
               {2, 4},
               {value(0, 0) * 2, value(0, 1) * 2, value(0, 2) * 3, value(0, 3) * 3, value(0, 4) * 2,
                value(0, 5) * 2, value(0, 6) * 3, value(0, 7) * 3});
}

TEST_F(WeightEvaluatorTest, Add) {
  tensor("m", {2, 3}, 1);
  tensor("n", {2, 3}, 100);
  Values expected;
  for (int64_t i = 0; i < 6; ++i)
    expected.push_back(value(1, i) + value(100, i));
  expectValues(std::string(m23) + "vit.weight @n : tensor<2x3xf32>\n"
                                  "vit.weight @w : tensor<2x3xf32> = [#vit.ref<@m>, #vit.add<@n>]",
               {2, 3}, expected);
}

// Longer than the block that holds the other weight.
TEST_F(WeightEvaluatorTest, AddLong) {
  tensor("m", {2500}, 1);
  tensor("n", {2500}, 100);
  auto source = weight("vit.weight @m : tensor<2500xf32>\nvit.weight @n : tensor<2500xf32>\n"
                       "vit.weight @w : tensor<2500xf32> = [#vit.ref<@m>, #vit.add<@n>]");
  ASSERT_TRUE(source);
  Values part(2400);
  source->read(50, part);
  for (size_t i = 0; i < part.size(); ++i)
    ASSERT_EQ(part[i], value(1, 50 + i) + value(100, 50 + i)) << i;
}

TEST_F(WeightEvaluatorTest, AddMatvec) {
  tensor("b", {2}, 50);
  tensor("m", {2, 3}, 1);
  tensor("v", {3}, 2); // 2, 3.0625, 4.25
  expectValues(
      std::string(m23) + "vit.weight @b : tensor<2xf32>\nvit.weight @v : tensor<3xf32>\n"
                         "vit.weight @w : tensor<2xf32> = [#vit.ref<@b>, #vit.add_matvec<@m, @v>]",
      {2}, {50 + 1 * 2 + 2.0625 * 3.0625 + 3.25 * 4.25, 51.0625 + 4.5625 * 2 + 6 * 3.0625 + 7.5625 * 4.25});
}

// Longer than a block of rows and than the partial sums of a dot product, and with a remainder of both.
TEST_F(WeightEvaluatorTest, AddMatvecLong) {
  constexpr int64_t rows = 37, columns = 3001;
  tensor("m", {rows, columns}, -3);
  tensor("v", {columns}, 0.25);
  auto source = weight("vit.weight @m : tensor<37x3001xf32>\nvit.weight @v : tensor<3001xf32>\n"
                       "vit.weight @w : tensor<37xf32> = [#vit.zeros<[37]>, #vit.add_matvec<@m, @v>]");
  ASSERT_TRUE(source);
  Values got = source->readAll();
  for (int64_t n = 0; n < rows; ++n) {
    double expected = 0;
    for (int64_t k = 0; k < columns; ++k)
      expected += value(-3, n * columns + k) * value(0.25, k);
    EXPECT_NEAR(got[n], expected, 1e-13 * expected);
  }
}

TEST_F(WeightEvaluatorTest, AddColGroups) {
  tensor("b", {2}, 50);
  tensor("m", {2, 4}, 1);
  expectValues("vit.weight @b : tensor<2xf32>\nvit.weight @m : tensor<2x4xf32>\n"
               "vit.weight @w : tensor<2xf32> = [#vit.ref<@b>, #vit.add_col_groups<@m, [2.0, -3.0]>]",
               {2},
               {50 + 2 * (value(1, 0) + value(1, 1)) - 3 * (value(1, 2) + value(1, 3)),
                51.0625 + 2 * (value(1, 4) + value(1, 5)) - 3 * (value(1, 6) + value(1, 7))});
}

TEST_F(WeightEvaluatorTest, PadGroupsOfRows) {
  tensor("m", {4, 2}, 1);
  auto v = [](int64_t i) { return value(1, i); };
  expectValues("vit.weight @m : tensor<4x2xf32>\n"
               "vit.weight @w : tensor<6x2xf32> = [#vit.ref<@m>, #vit.pad_groups<dim = 0, 2 to 3>]",
               {6, 2}, {v(0), v(1), v(2), v(3), 0, 0, v(4), v(5), v(6), v(7), 0, 0});
}

TEST_F(WeightEvaluatorTest, PadGroupsOfColumns) {
  tensor("m", {2, 4}, 1);
  auto v = [](int64_t i) { return value(1, i); };
  expectValues("vit.weight @m : tensor<2x4xf32>\n"
               "vit.weight @w : tensor<2x10xf32> = [#vit.ref<@m>, #vit.pad_groups<dim = 1, 2 to 5>]",
               {2, 10}, {v(0), v(1), 0, 0, 0, v(2), v(3), 0, 0, 0, v(4), v(5), 0, 0, 0, v(6), v(7), 0, 0, 0});
}

TEST_F(WeightEvaluatorTest, PadGroupsOfAVector) {
  tensor("m", {4}, 1);
  auto v = [](int64_t i) { return value(1, i); };
  expectValues("vit.weight @m : tensor<4xf32>\n"
               "vit.weight @w : tensor<6xf32> = [#vit.ref<@m>, #vit.pad_groups<dim = 0, 2 to 3>]",
               {6}, {v(0), v(1), 0, v(2), v(3), 0});
}

TEST_F(WeightEvaluatorTest, PadMatrix) {
  tensor("m", {2, 3}, 1);
  expectValues(std::string(m23) + "vit.weight @w : tensor<4x5xf32> = [#vit.ref<@m>, #vit.pad<[4, 5]>]",
               {4, 5}, {1, 2.0625, 3.25, 0, 0, 4.5625, 6, 7.5625, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_F(WeightEvaluatorTest, PadVector) {
  tensor("m", {2}, 1);
  expectValues("vit.weight @m : tensor<2xf32>\nvit.weight @w : tensor<5xf32> = [#vit.ref<@m>, #vit.pad<[5]>]",
               {5}, {1, 2.0625, 0, 0, 0});
}

TEST_F(WeightEvaluatorTest, PackPanels) {
  tensor("m", {5, 3}, 1);
  auto v = [](int64_t n, int64_t k) { return value(1, n * 3 + k); };
  expectValues("vit.weight @m : tensor<5x3xf32>\n"
               "vit.weight @w : tensor<3x3x2xf32> = [#vit.ref<@m>, #vit.pack_panels<2>]",
               {3, 3, 2},
               {v(0, 0), v(1, 0), v(0, 1), v(1, 1), v(0, 2), v(1, 2), v(2, 0), v(3, 0), v(2, 1), v(3, 1),
                v(2, 2), v(3, 2), v(4, 0), 0, v(4, 1), 0, v(4, 2), 0});
}

TEST_F(WeightEvaluatorTest, PackPairs) {
  tensor("m", {3, 3}, 1);
  auto v = [](int64_t n, int64_t k) { return value(1, n * 3 + k); };
  expectValues(
      "vit.weight @m : tensor<3x3xf32>\n"
      "vit.weight @w : tensor<2x2x4xf32> = [#vit.ref<@m>, #vit.pack_panels<2 by 2>]",
      {2, 2, 4},
      {v(0, 0), v(0, 1), v(1, 0), v(1, 1), v(0, 2), 0, v(1, 2), 0, v(2, 0), v(2, 1), 0, 0, v(2, 2), 0, 0, 0});
}

// Eight significant bits, to nearest, ties to even; the range is that of f32.
TEST_F(WeightEvaluatorTest, RoundToBf16) {
  checkpoint["m"] = tensorInMemory({10}, Values{1.00390625, 1.01171875, 1.00390626, -3.14159265, 3.3e38,
                                                3.4e38, 0, 1e-39, -1e-41, 65536.5});
  expectValues("vit.weight @m : tensor<10xf32>\n"
               "vit.weight @w : tensor<10xbf16> = [#vit.ref<@m>, #vit.round<bf16>]",
               {10}, {1, 1.015625, 1.0078125, -3.140625, 0x1.F0p127, HUGE_VAL, 0, 0x1.6p-130, 0, 65536});
}

TEST_F(WeightEvaluatorTest, QuantizeRows) {
  checkpoint["m"] = tensorInMemory({3, 3}, Values{12.7, -1.3, 6.36, 0, 0, 0, -254, 3, 129});
  std::string text = "vit.weight @m : tensor<3x3xf32>\n";
  expectValues(text + "vit.weight @w : tensor<3x3xi8> = [#vit.ref<@m>, #vit.quantize_rows]", {3, 3},
               {127, -13, 64, 0, 0, 0, -127, 2, 64});
  expectValues(text + "vit.weight @w : tensor<3xf32> = [#vit.ref<@m>, #vit.row_scales]", {3},
               {12.7 / 127, 0, 2});
  expectValues(text + "vit.weight @w : tensor<3xf32> = [#vit.ref<@m>, #vit.row_sums]", {3},
               {(127 - 13 + 64) * (12.7 / 127), 0, -122});
}

// The chain of a packed QKV matrix, deeper than a slice of a panel, read by two threads in uneven ranges.
// Of 2 heads of 4: 0 and 2, then 1 and 3, become neighbours.
TEST_F(WeightEvaluatorTest, InterleaveHalvesOfRows) {
  tensor("a", {8, 3}, 1);
  Values expected;
  for (int64_t row : {0, 2, 1, 3, 4, 6, 5, 7})
    for (int64_t c = 0; c < 3; ++c)
      expected.push_back(value(1, row * 3 + c));
  expectValues("vit.weight @a : tensor<8x3xf32> vit.weight @w : tensor<8x3xf32> = [#vit.ref<@a>, "
               "#vit.interleave_halves<dim = 0, 4>]",
               {8, 3}, expected);
}

TEST_F(WeightEvaluatorTest, InterleaveHalvesOfColumns) {
  tensor("a", {2, 4}, 1);
  Values expected;
  for (int64_t i : {0, 2, 1, 3, 4, 6, 5, 7})
    expected.push_back(value(1, i));
  expectValues("vit.weight @a : tensor<2x4xf32> vit.weight @w : tensor<2x4xf32> = [#vit.ref<@a>, "
               "#vit.interleave_halves<dim = 1, 4>]",
               {2, 4}, expected);
}

TEST_F(WeightEvaluatorTest, TransposePlanes) {
  tensor("a", {2, 2, 3}, 1);
  Values expected;
  for (int64_t i : {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11})
    expected.push_back(value(1, i));
  expectValues(
      "vit.weight @a : tensor<2x2x3xf32> vit.weight @w : tensor<2x3x2xf32> = [#vit.ref<@a>, #vit.transpose]",
      {2, 3, 2}, expected);
}

// A grid of 1 x 2: patches at distance (0, 0), (0, 1) and (0, -1) have rows 1, 2 and 0; cls has rows 3 to 5.
TEST_F(WeightEvaluatorTest, RelativeBias) {
  tensor("a", {6, 2}, 1);
  Values expected;
  for (int64_t head : {0, 1})
    for (int64_t row : {5, 3, 3, 4, 1, 0, 4, 2, 1})
      expected.push_back(value(1, row * 2 + head));
  expectValues("vit.weight @a : tensor<6x2xf32> vit.weight @w : tensor<2x3x3xf32> = [#vit.ref<@a>, "
               "#vit.relative_bias<1 x 2>]",
               {2, 3, 3}, expected);
}

TEST_F(WeightEvaluatorTest, RopePeriods) {
  expectValues("vit.weight @w : tensor<2xf32> = [#vit.rope_periods<2, 100.0 : f64>]", {2}, {1, 10});
}

// EVA-02: indices in units of a reference grid, y before x, each angle twice.
TEST_F(WeightEvaluatorTest, RopeAnglesOfIndices) {
  expectValues("vit.weight @w : tensor<2x8xf32> = [#vit.rope_periods<2, 100.0 : f64>, "
               "#vit.rope_angles<1 x 2, centered = false, xy = false, ref = 3 x 4, offset = 1.0 : f64>]",
               {2, 8}, {3, 3, .3, .3, 2, 2, .2, .2, 3, 3, .3, .3, 4, 4, .4, .4});
}

// The same with x first.
TEST_F(WeightEvaluatorTest, RopeAnglesOfColumnsFirst) {
  expectValues("vit.weight @w : tensor<2x8xf32> = [#vit.rope_periods<2, 100.0 : f64>, "
               "#vit.rope_angles<1 x 2, centered = false, xy = true, ref = 3 x 4, offset = 1.0 : f64>]",
               {2, 8}, {2, 2, .2, .2, 3, 3, .3, .3, 4, 4, .4, .4, 3, 3, .3, .3});
}

// Indices as they are.
TEST_F(WeightEvaluatorTest, RopeAnglesWithoutReference) {
  expectValues("vit.weight @w : tensor<2x4xf32> = [#vit.numbers<[2.0]>, "
               "#vit.rope_angles<1 x 2, centered = false, xy = false, ref = 0 x 0, offset = 0.0 : f64>]",
               {2, 4}, {0, 0, 0, 0, 0, 0, .5, .5});
}

TEST_F(WeightEvaluatorTest, Numbers) {
  expectValues("vit.weight @w : tensor<2xf32> = [#vit.numbers<[1.5, -2.0]>]", {2}, {1.5, -2});
}

// DINOv3: centres of patches from -1 to 1, times 2 pi; the whole list twice.
TEST_F(WeightEvaluatorTest, RopeAnglesOfCenters) {
  double pi = std::numbers::pi;
  expectValues("vit.weight @w : tensor<2x8xf32> = [#vit.rope_periods<2, 100.0 : f64>, "
               "#vit.rope_angles<1 x 2, centered = true, xy = false, ref = 16 x 16, offset = 0.0 : f64>]",
               {2, 8}, {0, 0, -pi, -pi / 10, 0, 0, -pi, -pi / 10, 0, 0, pi, pi / 10, 0, 0, pi, pi / 10});
}

TEST_F(WeightEvaluatorTest, RopeMixed) {
  checkpoint["a"] = tensorInMemory({2, 1, 2}, Values{1, 2, 10, 20});
  expectValues("vit.weight @a : tensor<2x1x2xf32> vit.weight @w : tensor<4x4xf32> = [#vit.ref<@a>, "
               "#vit.rope_mixed<2 x 2>]",
               {4, 4}, {0, 0, 0, 0, 1, 1, 2, 2, 10, 10, 20, 20, 11, 11, 22, 22});
}

TEST_F(WeightEvaluatorTest, CosineAndSine) {
  checkpoint["a"] = tensorInMemory({2}, Values{0, 1});
  expectValues("vit.weight @a : tensor<2xf32> vit.weight @w : tensor<2xf32> = [#vit.ref<@a>, #vit.cos]", {2},
               {1, std::cos(1)});
  expectValues("vit.weight @a : tensor<2xf32> vit.weight @w : tensor<2xf32> = [#vit.ref<@a>, #vit.sin]", {2},
               {0, std::sin(1)});
}

TEST_F(WeightEvaluatorTest, PadPlanes) {
  tensor("a", {2, 2, 2}, 1);
  expectValues("vit.weight @a : tensor<2x2x2xf32> vit.weight @w : tensor<2x2x3xf32> = [#vit.ref<@a>, "
               "#vit.pad<[2, 2, 3]>]",
               {2, 2, 3},
               {value(1, 0), value(1, 1), 0, value(1, 2), value(1, 3), 0, value(1, 4), value(1, 5), 0,
                value(1, 6), value(1, 7), 0});
}

TEST_F(WeightEvaluatorTest, WholeChainFromTwoThreads) {
  constexpr int64_t width = 600, heads = 2, head = 5, padded = 8, panel = 4;
  for (const char *name : {"q", "k", "v"})
    tensor(name, {heads * head, width}, name[0]);
  tensor("g", {width}, 3);
  auto source =
      weight("vit.weight @q : tensor<10x600xf32>\nvit.weight @k : tensor<10x600xf32>\n"
             "vit.weight @v : tensor<10x600xf32>\nvit.weight @g : tensor<600xf32>\n"
             "vit.weight @w : tensor<12x600x4xf32> = [#vit.ref<@q>, #vit.append<@k>, #vit.append<@v>, "
             "#vit.scale_cols<@g>, #vit.pad_groups<dim = 0, 5 to 8>, #vit.pack_panels<4>]");
  ASSERT_TRUE(source);
  Values expected(3 * heads * padded * width);
  for (int64_t n = 0; n < 3 * heads * padded; ++n)
    for (int64_t k = 0; k < width; ++k) {
      int64_t row = n / padded * head + n % padded; // row among the 30 of q, k and v
      double w = value("qkv"[row / (heads * head) % 3], row % (heads * head) * width + k) * value(3, k);
      expected[(n / panel * width + k) * panel + n % panel] = n % padded < head ? w : 0;
    }
  auto reader = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i < 300; ++i) {
      size_t first = random() % expected.size(),
             count = random() % std::min<size_t>(5000, expected.size() - first);
      Values got(count);
      source->read(first, got);
      EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin() + first)) << first << " + " << count;
    }
  };
  std::thread other(reader, 1);
  reader(2);
  other.join();
}

TEST_F(WeightEvaluatorTest, MissingTensor) {
  EXPECT_FALSE(weight("vit.weight @w : tensor<2x3xf32>"));
  EXPECT_NE(messages.find("expected a tensor 'w' in the checkpoint, got none"), std::string::npos)
      << messages;
}

TEST_F(WeightEvaluatorTest, MissingTensorInsideAChain) {
  tensor("m", {2, 3}, 1);
  EXPECT_FALSE(weight(std::string(m23) +
                      "vit.weight @g : tensor<3xf32>\n"
                      "vit.weight @w : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale_cols<@g>]"));
  EXPECT_NE(messages.find("expected a tensor 'g' in the checkpoint, got none"), std::string::npos)
      << messages;
}

TEST_F(WeightEvaluatorTest, TensorOfAnotherShape) {
  tensor("w", {3, 2}, 1);
  EXPECT_FALSE(weight("vit.weight @w : tensor<2x3xf32>"));
  EXPECT_NE(messages.find("expected a tensor 'w' of shape 2x3, got 3x2"), std::string::npos) << messages;
}

TEST_F(WeightEvaluatorTest, UnknownWeight) {
  EXPECT_FALSE(weight("vit.weight @other : tensor<2x3xf32>"));
  EXPECT_NE(messages.find("expected a weight named @w"), std::string::npos) << messages;
}

} // namespace
