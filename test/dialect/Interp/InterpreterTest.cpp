//===- InterpreterTest.cpp - every op against numbers that numpy computed (Inputs/make_cases.py)
//----------===//
#include "dialect/Interp/Interpreter.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Parallel.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace vit;

namespace {

class InterpreterTest : public testing::Test {
protected:
  InterpreterTest()
      : context(registry()), handler(&context, [this](Diagnostic &d) { messages += d.str() + "\n"; }) {}

  static DialectRegistry registry() {
    DialectRegistry registry;
    registry.insert<VitDialect, func::FuncDialect, memref::MemRefDialect>();
    return registry;
  }

  LogicalResult run(StringRef text, ArrayRef<Tensor> inputs) {
    results.clear();
    messages.clear();
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << messages;
    if (!module)
      return failure();
    WeightEvaluator evaluator(*module, [&](StringRef name) {
      auto it = weights.find(name.str());
      return it == weights.end() ? nullptr : it->second;
    });
    return interpret(*module->getOps<func::FuncOp>().begin(), inputs, evaluator, options, results);
  }

  MLIRContext context;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  std::map<std::string, std::shared_ptr<const TensorSource>> weights;
  InterpOptions options;
  std::vector<Tensor> results;
  std::string messages;
};

Tensor tensorOf(const llvm::json::Object &object) {
  Tensor tensor;
  for (const llvm::json::Value &extent : *object.getArray("shape"))
    tensor.shape.push_back(*extent.getAsInteger());
  for (const llvm::json::Value &value : *object.getArray("data"))
    tensor.data.push_back(*value.getAsNumber());
  return tensor;
}

std::vector<Tensor> tensorsOf(const llvm::json::Array &array) {
  std::vector<Tensor> tensors;
  for (const llvm::json::Value &value : array)
    tensors.push_back(tensorOf(*value.getAsObject()));
  return tensors;
}

double relativeError(ArrayRef<double> expected, ArrayRef<double> actual) {
  double difference = 0, norm = 0;
  for (auto [e, a] : llvm::zip_equal(expected, actual)) {
    difference += (e - a) * (e - a);
    norm += e * e;
  }
  return std::sqrt(difference) / std::sqrt(norm);
}

TEST_F(InterpreterTest, CasesOfNumpy) {
  auto file = llvm::MemoryBuffer::getFile(VITC_TEST_DATA "/Inputs/interpreter-cases.json");
  ASSERT_TRUE(static_cast<bool>(file));
  auto parsed = llvm::json::parse((*file)->getBuffer());
  ASSERT_TRUE(static_cast<bool>(parsed)) << llvm::toString(parsed.takeError());
  ASSERT_GT(parsed->getAsArray()->size(), 40u);
  for (const llvm::json::Value &value : *parsed->getAsArray()) {
    const llvm::json::Object &object = *value.getAsObject();
    SCOPED_TRACE(object.getString("name")->str());
    weights.clear();
    for (const auto &[name, weight] : *object.getObject("weights")) {
      Tensor tensor = tensorOf(*weight.getAsObject());
      weights[name.str()] = tensorInMemory(tensor.shape, tensor.data);
    }
    std::vector<Tensor> inputs = tensorsOf(*object.getArray("inputs")),
                        expected = tensorsOf(*object.getArray("results"));
    for (bool single : {false, true}) {
      options.single = single;
      ASSERT_TRUE(succeeded(run(*object.getString("mlir"), inputs))) << messages;
      ASSERT_EQ(results.size(), expected.size());
      for (auto [result, wanted] : llvm::zip(results, expected)) {
        EXPECT_EQ(result.shape, wanted.shape);
        ASSERT_EQ(result.data.size(), wanted.data.size());
        double error = relativeError(wanted.data, result.data);
        EXPECT_LE(error, single ? 1e-6 : 1e-14) << (single ? "float32" : "float64");
      }
    }
  }
}

// Float32 means float32 throughout: 1 + 2^-30 is 1, and 0.1 is rounded.
TEST_F(InterpreterTest, SingleRounds) {
  const char *text = "func.func @f(%x: tensor<1x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {"
                     "  %0 = vit.add %x, %y : tensor<1x2xf32> return %0 : tensor<1x2xf32> }";
  std::vector<Tensor> inputs = {{{1, 2}, {1, 0.1}}, {{1, 2}, {0x1p-30, 0}}};
  ASSERT_TRUE(succeeded(run(text, inputs)));
  EXPECT_EQ(results[0].data, (std::vector<double>{1 + 0x1p-30, 0.1}));
  options.single = true;
  ASSERT_TRUE(succeeded(run(text, inputs)));
  EXPECT_EQ(results[0].data, (std::vector<double>{1, 0.1f}));
}

// A scale of the input: 127 of it is the most that an integer holds, halves go to the even neighbour, and the
// weight [2, 1] becomes [127, 64] of 2 / 127.
TEST_F(InterpreterTest, ScalesTheInputOfAProduct) {
  weights["w"] = tensorInMemory({1, 2}, {2, 1});
  auto product = [&](double x, double y) {
    const char *text = "vit.weight @w : tensor<1x2xf32>"
                       "func.func @f(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {"
                       "  %w = vit.param @w : tensor<1x2xf32>"
                       "  %0 = vit.fused_linear %x, %w dot int8 input_scale 0.5"
                       "      : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>"
                       "  return %0 : tensor<1x1xf32> }";
    EXPECT_TRUE(succeeded(run(text, {{{1, 2}, {x, y}}}))) << messages;
    return results[0].data[0];
  };
  double unit = 0.5 * 2 / 127;
  EXPECT_DOUBLE_EQ(product(3, 0), 6 * 127 * unit);
  EXPECT_DOUBLE_EQ(product(0.25, -0.75), (0 * 127 - 2 * 64) * unit);
  EXPECT_DOUBLE_EQ(product(100, -1e30), (127 * 127 - 127 * 64) * unit);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_DOUBLE_EQ(product(kInfinity, -kInfinity), (127 * 127 - 127 * 64) * unit);
  EXPECT_DOUBLE_EQ(product(std::numeric_limits<double>::quiet_NaN(), 0), -127 * 127 * unit);
}

// Without it, a row with a number that is not finite has no result that is.
TEST_F(InterpreterTest, NarrowProductsKeepWhatIsNotFinite) {
  weights["w"] = tensorInMemory({1, 2}, {2, 1});
  for (const char *dot : {"bf16", "int8"})
    for (double odd : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                       -1e300 * 1e300}) {
      std::string text = "vit.weight @w : tensor<1x2xf32>"
                         "func.func @f(%x: tensor<2x2xf32>) -> tensor<2x1xf32> {"
                         "  %w = vit.param @w : tensor<1x2xf32>"
                         "  %0 = vit.fused_linear %x, %w dot " +
                         std::string(dot) +
                         "      : (tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<2x1xf32>"
                         "  return %0 : tensor<2x1xf32> }";
      ASSERT_TRUE(succeeded(run(text, {{{2, 2}, {odd, 1, 1, 1}}}))) << messages;
      EXPECT_FALSE(std::isfinite(results[0].data[0])) << dot << ' ' << odd;
      EXPECT_NEAR(results[0].data[1], 3, 0.02) << dot; // the other row is untouched
    }
}

TEST_F(InterpreterTest, ObservesWhatComputes) {
  std::vector<std::string> seen;
  options.observe = [&](Operation *op, const Tensor &tensor) {
    seen.push_back(op->getName().getStringRef().str() + " " + std::to_string(tensor.data.front()));
  };
  weights["w"] = tensorInMemory({1, 2}, {3, 4});
  ASSERT_TRUE(succeeded(run("vit.weight @w : tensor<1x2xf32>"
                            "func.func @f(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {"
                            "  %w = vit.param @w : tensor<1x2xf32>"
                            "  %0 = vit.add %x, %w : tensor<1x2xf32>"
                            "  %1 = vit.add %0, %w : tensor<1x2xf32> return %0 : tensor<1x2xf32> }",
                            {{{1, 2}, {1, 2}}})))
      << messages;
  EXPECT_EQ(seen, (std::vector<std::string>{"vit.add 4.000000", "vit.add 7.000000"}));
  seen.clear();
  ASSERT_TRUE(
      succeeded(run("func.func @f(%x: memref<1x2xf32>, %y: memref<1x2xf32>) {"
                    "  %b = vit.plan.buffer : memref<1x2xf32>"
                    "  vit.plan.copy ins(%x : memref<1x2xf32>) outs(%b : memref<1x2xf32>) chunks 1"
                    "  vit.plan.copy ins(%b : memref<1x2xf32>) outs(%y : memref<1x2xf32>) chunks 1 return }",
                    {{{1, 2}, {5, 6}}})))
      << messages;
  EXPECT_EQ(seen, (std::vector<std::string>{"vit.plan.copy 5.000000", "vit.plan.copy 5.000000"}));
  EXPECT_EQ(results[0].data, (std::vector<double>{5, 6}));
}

// Memory that a plan reads before it is written has no value, and neither has what whole vectors may
// overwrite.
TEST_F(InterpreterTest, UndefinedMemoryIsNaN) {
  ASSERT_TRUE(
      succeeded(run("func.func @f(%x: memref<1x2xf32>, %y: memref<1x2xf32>) {"
                    "  %b = vit.plan.buffer at 64 : memref<1x2xf32>"
                    "  vit.plan.copy ins(%b : memref<1x2xf32>) outs(%y : memref<1x2xf32>) chunks 1 return }",
                    {{{1, 2}, {5, 6}}})));
  EXPECT_TRUE(std::isnan(results[0].data[0]));
  // %wide and %b share the arena's memory: the map may write columns 2 to 15 of %b.
  ASSERT_TRUE(succeeded(run(
      "func.func @f(%x: memref<1x2xf32>, %x4: memref<1x4xf32>, %y: memref<1x4xf32>) {"
      "  %b = vit.plan.buffer at 0 : memref<1x2xf32, strided<[16, 1]>>"
      "  %wide = vit.plan.buffer at 0 : memref<1x4xf32, strided<[16, 1]>>"
      "  vit.plan.copy ins(%x4 : memref<1x4xf32>) outs(%wide : memref<1x4xf32, strided<[16, 1]>>) chunks 1"
      "  vit.plan.map ins(%x : memref<1x2xf32>) outs(%b : memref<1x2xf32, strided<[16, 1]>>) factor 2.0 "
      "chunks 1"
      "  vit.plan.copy ins(%wide : memref<1x4xf32, strided<[16, 1]>>) outs(%y : memref<1x4xf32>) chunks 1 "
      "return }",
      {{{1, 2}, {5, 6}}, {{1, 4}, {1, 2, 3, 4}}})))
      << messages;
  EXPECT_EQ(results[0].data[1], 12);
  EXPECT_TRUE(std::isnan(results[0].data[2]));
  EXPECT_TRUE(std::isnan(results[0].data[3]));
}

TEST_F(InterpreterTest, SameBitsForAnyThreads) {
  const char *text =
      "func.func @f(%x: tensor<300x128xf32>, %w: tensor<200x128xf32>) -> tensor<300x200xf32> {"
      "  %0 = vit.linear %x, %w : (tensor<300x128xf32>, tensor<200x128xf32>) -> tensor<300x200xf32>"
      "  %1 = vit.attention %0, %0, %0 heads 5 scale 0.01 : (tensor<300x200xf32>, tensor<300x200xf32>,"
      "       tensor<300x200xf32>) -> tensor<300x200xf32>"
      "  return %1 : tensor<300x200xf32> }";
  std::vector<Tensor> inputs = {{{300, 128}, std::vector<double>(300 * 128)},
                                {{200, 128}, std::vector<double>(200 * 128)}};
  for (Tensor &input : inputs)
    for (size_t i = 0; i < input.data.size(); ++i)
      input.data[i] = std::sin(static_cast<double>(i));
  ASSERT_TRUE(succeeded(run(text, inputs)));
  std::vector<double> expected = results[0].data;
  llvm::parallel::strategy = llvm::hardware_concurrency(1);
  ASSERT_TRUE(succeeded(run(text, inputs)));
  llvm::parallel::strategy = llvm::hardware_concurrency();
  EXPECT_EQ(results[0].data, expected);
}

TEST_F(InterpreterTest, InputsThatDoNotFit) {
  const char *text = "func.func @f(%x: tensor<1x2xf32>) -> tensor<1x2xf32> { return %x : tensor<1x2xf32> }";
  EXPECT_TRUE(failed(run(text, {})));
  EXPECT_NE(messages.find("expected 1 inputs, got 0"), std::string::npos) << messages;
  EXPECT_TRUE(failed(run(text, {{{2, 1}, {1, 2}}})));
  EXPECT_NE(messages.find("expected input 0 of type 'tensor<1x2xf32>', got shape [2, 1]"), std::string::npos)
      << messages;
  EXPECT_TRUE(failed(run(text, {{{1, 2}, {1}}})));
}

TEST_F(InterpreterTest, WhatCannotRun) {
  EXPECT_TRUE(failed(run("func.func private @f(%x: tensor<1x2xf32>)", {{{1, 2}, {1, 2}}})));
  EXPECT_NE(messages.find("expected a body of one block"), std::string::npos) << messages;
  EXPECT_TRUE(failed(run("func.func @f(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {"
                         "  %0 = func.call @f(%x) : (tensor<1x2xf32>) -> tensor<1x2xf32>"
                         "  return %0 : tensor<1x2xf32> }",
                         {{{1, 2}, {1, 2}}})));
  EXPECT_NE(messages.find("expected an op that the interpreter knows"), std::string::npos) << messages;
  EXPECT_TRUE(failed(run("vit.weight @w : tensor<1x2xf32>"
                         "func.func @f() -> tensor<1x2xf32> {"
                         "  %w = vit.param @w : tensor<1x2xf32> return %w : tensor<1x2xf32> }",
                         {})));
  EXPECT_NE(messages.find("expected a tensor 'w' in the checkpoint, got none"), std::string::npos)
      << messages;
}

} // namespace
