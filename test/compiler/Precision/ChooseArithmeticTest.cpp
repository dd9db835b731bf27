// Choices of an arithmetic for each layer, on a chain of layers of which one is far more sensitive than the
// others.
#include "compiler/Precision/ChooseArithmetic.h"
#include "compiler/Precision/Sensitivity.h"
#include "compiler/Support/Error.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace vitc;

namespace {

constexpr int64_t kWidth = 32, kTokens = 6;

/// Four layers with residuals; @blk.2.fc.w multiplies channels of which one is a hundred times as large as
/// the others (@spread), so that a row's bytes have little left for these.
constexpr const char *kModel = R"(
  vit.weight @blk.0.fc.w : tensor<32x32xf32>
  vit.weight @blk.1.fc.w : tensor<32x32xf32>
  vit.weight @spread : tensor<32xf32>
  vit.weight @blk.2.fc.w : tensor<32x32xf32>
  vit.weight @blk.3.fc.w : tensor<32x32xf32>
  func.func @forward(%x: tensor<6x32xf32>) -> tensor<6x32xf32> {
    %0 = vit.param @blk.0.fc.w : tensor<32x32xf32>
    %1 = vit.fused_linear %x, %0 residual %x dot int8
        : (tensor<6x32xf32>, tensor<32x32xf32>, tensor<6x32xf32>) -> tensor<6x32xf32>
    %2 = vit.param @blk.1.fc.w : tensor<32x32xf32>
    %3 = vit.fused_linear %1, %2 residual %1 dot int8
        : (tensor<6x32xf32>, tensor<32x32xf32>, tensor<6x32xf32>) -> tensor<6x32xf32>
    %4 = vit.param @spread : tensor<32xf32>
    %5 = vit.layer_norm %3 gamma %4 eps 1.000000e-06 : (tensor<6x32xf32>, tensor<32xf32>) -> tensor<6x32xf32>
    %6 = vit.param @blk.2.fc.w : tensor<32x32xf32>
    %7 = vit.fused_linear %5, %6 residual %3 dot int8
        : (tensor<6x32xf32>, tensor<32x32xf32>, tensor<6x32xf32>) -> tensor<6x32xf32>
    %8 = vit.param @blk.3.fc.w : tensor<32x32xf32>
    %9 = vit.fused_linear %7, %8 residual %7 dot bf16
        : (tensor<6x32xf32>, tensor<32x32xf32>, tensor<6x32xf32>) -> tensor<6x32xf32>
    return %9 : tensor<6x32xf32>
  })";

std::vector<double> noise(uint32_t seed, int64_t count, double scale) {
  std::mt19937 random(seed);
  std::vector<double> values(static_cast<size_t>(count));
  for (double &value : values)
    value = static_cast<float>((static_cast<double>(random()) / 4294967296.0 - 0.5) * scale);
  return values;
}

class ChooseArithmeticTest : public testing::Test {
protected:
  ChooseArithmeticTest() {
    context.loadDialect<vit::VitDialect, func::FuncDialect>();
    module = parseSourceString<ModuleOp>(kModel, &context);
    function = module->lookupSymbol<func::FuncOp>("forward");
    for (uint32_t seed = 0; seed < 3; ++seed)
      inputs.push_back({{kTokens, kWidth}, noise(seed, kTokens * kWidth, 2)});
  }

  static std::shared_ptr<const vit::TensorSource> weight(StringRef name) {
    if (name == "spread") {
      std::vector<double> gamma(kWidth, 1);
      gamma[5] = 100;
      return vit::tensorInMemory({kWidth}, gamma);
    }
    std::vector<double> matrix = noise(static_cast<uint32_t>(name[4]), kWidth * kWidth, 0.3);
    if (name.contains(".2.")) // the large channel does not reach the outputs as such
      for (int64_t row = 0; row < kWidth; ++row)
        matrix[static_cast<size_t>(row * kWidth + 5)] /= 100;
    return vit::tensorInMemory({kWidth, kWidth}, matrix);
  }

  llvm::Expected<ArithmeticChoice> choose(double bound) {
    vit::WeightEvaluator weights(*module, weight);
    return chooseArithmetic(function, inputs, weights, bound, {});
  }

  /// The relative error of the function with `deviations` over all inputs, against float64.
  double errorOf(ArrayRef<vit::LayerArithmetic> deviations) {
    OwningOpRef<ModuleOp> copy = module->clone();
    auto narrow = copy->lookupSymbol<func::FuncOp>("forward");
    narrow.walk([&](vit::FusedLinearOp op) {
      for (const vit::LayerArithmetic &layer : deviations)
        if (vit::layerName(op) == layer.layer)
          op.setDot(layer.dot);
    });
    OwningOpRef<ModuleOp> plain = module->clone();
    auto exact = plain->lookupSymbol<func::FuncOp>("forward");
    exact.walk([&](vit::FusedLinearOp op) { op.setDot(std::nullopt); });
    vit::SquaredError error;
    for (const vit::Tensor &input : inputs) {
      std::vector<vit::Tensor> got, want;
      vit::WeightEvaluator narrowWeights(*copy, weight), exactWeights(*plain, weight);
      EXPECT_TRUE(succeeded(vit::interpret(narrow, {input}, narrowWeights, {}, got)));
      EXPECT_TRUE(succeeded(vit::interpret(exact, {input}, exactWeights, {}, want)));
      for (auto [x, y] : llvm::zip(got[0].data, want[0].data)) {
        error.difference += (x - y) * (x - y);
        error.norm += y * y;
      }
    }
    return error.relative();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  std::vector<vit::Tensor> inputs;
};

TEST_F(ChooseArithmeticTest, ChangesNothingWithinTheBound) {
  llvm::Expected<ArithmeticChoice> choice = choose(0.5);
  ASSERT_TRUE(static_cast<bool>(choice));
  EXPECT_TRUE(choice->deviations().empty());
  EXPECT_EQ(choice->layers.size(), 4u);
  EXPECT_EQ(choice->inputs, 3u);
  EXPECT_NEAR(choice->error, errorOf({}), 1e-3 * choice->error);
  EXPECT_NEAR(choice->layers[1].gflop, 2e-9 * kTokens * kWidth * kWidth, 1e-15);
}

TEST_F(ChooseArithmeticTest, WidensTheMostSensitiveLayerFirst) {
  double all = errorOf({});
  llvm::Expected<ArithmeticChoice> choice = choose(0.8 * all);
  ASSERT_TRUE(static_cast<bool>(choice));
  auto deviations = choice->deviations();
  ASSERT_EQ(deviations.size(), 1u);
  EXPECT_EQ(vit::printLayerArithmetic(deviations[0]), "blk.2.fc=bf16");
  EXPECT_GT(choice->layers[2].narrowestError, 3 * choice->layers[1].narrowestError);
  EXPECT_LT(choice->layers[2].error, 0.2 * choice->layers[2].narrowestError);
  EXPECT_NEAR(choice->error, errorOf(deviations), 1e-3 * choice->error);
}

TEST_F(ChooseArithmeticTest, MeetsTheBoundAndNoMoreThanNeeded) {
  double all = errorOf({});
  size_t before = 0;
  for (double part : {0.5, 0.1, 0.01, 0.001, 0.0001}) {
    llvm::Expected<ArithmeticChoice> choice = choose(part * all);
    ASSERT_TRUE(static_cast<bool>(choice)) << part;
    EXPECT_LE(choice->error, part * all);
    EXPECT_LE(errorOf(choice->deviations()), part * all);
    EXPECT_GE(choice->deviations().size(), before);
    before = choice->deviations().size();
  }
  EXPECT_EQ(before, 4u); // bf16 too is more than a ten-thousandth
}

// What a layer is said to cost by itself is near what it costs by itself.
TEST_F(ChooseArithmeticTest, PredictsWhatALayerCosts) {
  llvm::Expected<ArithmeticChoice> choice = choose(0.5);
  ASSERT_TRUE(static_cast<bool>(choice));
  for (const ChosenLayer &layer : choice->layers) {
    std::vector<vit::LayerArithmetic> others;
    for (const ChosenLayer &other : choice->layers)
      if (&other != &layer)
        others.push_back({other.chosen.layer, std::nullopt});
    double alone = errorOf(others);
    EXPECT_LT(layer.error, 1.5 * alone) << layer.chosen.layer;
    EXPECT_GT(layer.error, alone / 1.5) << layer.chosen.layer;
  }
}

TEST_F(ChooseArithmeticTest, RefusesABoundBelowF32) {
  llvm::Expected<ArithmeticChoice> choice = choose(1e-9);
  ASSERT_FALSE(static_cast<bool>(choice));
  llvm::Error error = choice.takeError();
  EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
  EXPECT_NE(llvm::toString(std::move(error)).find("with f32 in all layers"), std::string::npos);
}

TEST_F(ChooseArithmeticTest, LeavesTheFunctionAsItWas) {
  auto text = [&] {
    std::string result;
    llvm::raw_string_ostream os(result);
    module->print(os);
    return result;
  };
  std::string before = text();
  llvm::Expected<ArithmeticChoice> first = choose(1e-4), second = choose(1e-4);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(text(), before);
  EXPECT_EQ(first->error, second->error);
  EXPECT_TRUE(first->deviations() == second->deviations());
}

// An output that no narrow layer reaches, and a function whose values never come down to one.
TEST_F(ChooseArithmeticTest, MeasuresSeveralOutputs) {
  module = parseSourceString<ModuleOp>(R"(
    vit.weight @blk.0.fc.w : tensor<32x32xf32>
    func.func @forward(%x: tensor<6x32xf32>) -> (tensor<6x32xf32>, tensor<6x32xf32>) {
      %0 = vit.param @blk.0.fc.w : tensor<32x32xf32>
      %1 = vit.fused_linear %x, %0 dot int8 : (tensor<6x32xf32>, tensor<32x32xf32>) -> tensor<6x32xf32>
      return %x, %1 : tensor<6x32xf32>, tensor<6x32xf32>
    })",
                                       &context);
  function = module->lookupSymbol<func::FuncOp>("forward");
  llvm::Expected<ArithmeticChoice> choice = choose(1e-3);
  ASSERT_TRUE(static_cast<bool>(choice));
  ASSERT_EQ(choice->layers.size(), 1u);
  EXPECT_GT(choice->layers[0].narrowestError, 1e-3);
  EXPECT_FALSE(choice->layers[0].chosen.dot.has_value()); // bf16 costs about 2e-3
}

} // namespace
