#include "compiler/Precision/StaticScales.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace vitc;

namespace {

/// Mean squared error of `values` in steps of `scale`, at most 127 of them.
double lossOf(const std::vector<double> &values, double scale) {
  double sum = 0;
  for (double x : values) {
    double y = std::nearbyint(std::clamp(x / scale, -127.0, 127.0)) * scale;
    sum += (x - y) * (x - y);
  }
  return sum;
}

MagnitudeCounts countsOf(const std::vector<double> &values) {
  MagnitudeCounts counts;
  for (double x : values)
    counts.add(x);
  return counts;
}

TEST(MagnitudeCounts, CoverTheLargest) {
  MagnitudeCounts counts = countsOf({0.001, -3.7, 1.2, 0});
  EXPECT_GE(counts.largestScale(), 3.7 / 127);
  EXPECT_LE(counts.largestScale(), 1.05 * 3.7 / 127);
}

TEST(MagnitudeCounts, NothingToCount) {
  EXPECT_EQ(MagnitudeCounts().bestScale(), 1);
  EXPECT_EQ(MagnitudeCounts().largestScale(), 1);
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(countsOf({0, infinity, -infinity, std::nan("")}).bestScale(), 1);
  EXPECT_GT(countsOf({1e-30, 1e30}).bestScale(), 0); // beyond the bins
}

// A bell curve is not cut off, few far outliers are, and either way no scale is much better.
TEST(MagnitudeCounts, BestScaleHasTheLeastError) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (double outlier : {0.0, 8.0, 60.0}) {
    SCOPED_TRACE(outlier);
    std::vector<double> values;
    for (int i = 0; i < 20000; ++i)
      values.push_back(normal(random));
    values.push_back(outlier);
    double best = countsOf(values).bestScale(), least = HUGE_VAL;
    for (double scale = 0.005; scale < 1; scale *= 1.02)
      least = std::min(least, lossOf(values, scale));
    EXPECT_LE(lossOf(values, best), 1.1 * least);
  }
  std::vector<double> spread(100000, 0.5);
  spread.push_back(60);
  EXPECT_LT(countsOf(spread).bestScale(), 0.8 * countsOf(spread).largestScale());
}

// Each int8 layer gets the scale of what it reads; others none.
TEST(StaticScales, OfEachInt8Layer) {
  MLIRContext context;
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  auto module = parseSourceString<ModuleOp>(R"(
    vit.weight @blk.0.fc1.w : tensor<2x2xf32>
    vit.weight @blk.0.fc2.w : tensor<2x2xf32>
    vit.weight @head.w : tensor<2x2xf32>
    func.func @forward(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
      %0 = vit.param @blk.0.fc1.w : tensor<2x2xf32>
      %1 = vit.fused_linear %x, %0 dot int8 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      %2 = vit.param @blk.0.fc2.w : tensor<2x2xf32>
      %3 = vit.fused_linear %1, %2 dot int8 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      %4 = vit.param @head.w : tensor<2x2xf32>
      %5 = vit.fused_linear %3, %4 dot bf16 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      return %5 : tensor<1x2xf32>
    })",
                                            &context);
  auto function = module->lookupSymbol<func::FuncOp>("forward");
  vit::WeightEvaluator weights(*module, [](StringRef) { return vit::tensorInMemory({2, 2}, {4, 0, 0, 4}); });
  std::vector<vit::Tensor> inputs{{{1, 2}, {0.5, 1}}, {{1, 2}, {-1, 0.25}}};
  auto scales = findStaticScales(function, inputs, weights, {});
  ASSERT_TRUE(static_cast<bool>(scales));
  ASSERT_EQ(scales->size(), 2u);
  EXPECT_EQ((*scales)[0].layer, "blk.0.fc1");
  EXPECT_NEAR((*scales)[0].inputScale, 1.0 / 127, 0.05 / 127); // the grid has steps of 4 %
  EXPECT_EQ((*scales)[1].layer, "blk.0.fc2");
  EXPECT_NEAR((*scales)[1].inputScale, 4.0 / 127, 0.2 / 127);

  setStaticScales(function, *scales);
  std::vector<double> set;
  function.walk([&](vit::FusedLinearOp op) {
    set.push_back(op.getInputScale() ? op.getInputScale()->convertToDouble() : 0);
  });
  EXPECT_EQ(set, (std::vector<double>{(*scales)[0].inputScale, (*scales)[1].inputScale, 0}));
}

} // namespace
