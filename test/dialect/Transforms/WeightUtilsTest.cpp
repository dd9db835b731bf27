//===- WeightUtilsTest.cpp - names, sharing and places of derived weights -----------------------------===//
#include "dialect/Transforms/WeightUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace vit;

namespace {

struct WeightUtils : testing::Test {
  MLIRContext context{[] {
    DialectRegistry registry;
    registry.insert<VitDialect, func::FuncDialect>();
    return registry;
  }()};
  OwningOpRef<ModuleOp> module;

  /// Parses weights and, in a function, one param of each.
  llvm::SmallVector<Value> parse(StringRef source) {
    module = parseSourceString<ModuleOp>(source, &context);
    llvm::SmallVector<Value> params;
    module->walk([&](ParamOp param) { params.push_back(param); });
    return params;
  }

  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (auto weight : module->getOps<WeightOp>())
      names.push_back(weight.getSymName().str());
    return names;
  }

  ScaleStepAttr scale(double factor) {
    return ScaleStepAttr::get(&context, FloatAttr::get(Float64Type::get(&context), factor));
  }
  ReshapeStepAttr reshape(llvm::ArrayRef<int64_t> shape) { return ReshapeStepAttr::get(&context, shape); }
};

constexpr StringLiteral kTwo = R"(
  vit.weight @blk.0.k.w : tensor<2x4xf32>
  vit.weight @blk.0.v.w : tensor<2x4xf32>
  func.func @f() {
    %k = vit.param @blk.0.k.w : tensor<2x4xf32>
    %v = vit.param @blk.0.v.w : tensor<2x4xf32>
    return
  }
)";

TEST(JoinNames, LettersBecomeAWord) {
  EXPECT_EQ(joinNames({"blk.0.q.w", "blk.0.k.w", "blk.0.v.w"}), "blk.0.qkv.w");
}
TEST(JoinNames, LongerPartsAreSeparated) {
  EXPECT_EQ(joinNames({"embed.cls", "embed.dist"}), "embed.cls_dist");
}
TEST(JoinNames, UnrelatedNamesAreJoinedWhole) {
  EXPECT_EQ(joinNames({"a.b", "c.d"}), "a.b_c.d");
  EXPECT_EQ(joinNames({"a.b", "a.b.c"}), "a.b_a.b.c");
  EXPECT_EQ(joinNames({"a.b", "a.b"}), "a.b_a.b");
}
TEST(BiasName, FollowsTheWeight) {
  EXPECT_EQ(biasName("blk.0.q.w"), "blk.0.q.b");
  EXPECT_EQ(biasName("encoder.dense.weight"), "encoder.dense.bias");
  EXPECT_EQ(biasName("kernel"), "kernel.bias");
}

TEST_F(WeightUtils, EqualChainsAreOneWeight) {
  auto params = parse(kTwo);
  WeightBuilder weights(*module);
  auto first = weights.build(weights.chain(params[0]).then(scale(2), "a"));
  auto second = weights.build(weights.chain(params[0]).then(scale(2), "b"));
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.getValue(), "blk.0.k.w.a");

  // Also when another builder, of a later pass, asks for it.
  WeightBuilder later(*module);
  EXPECT_EQ(later.build(later.chain(params[0]).then(scale(2), "c")), first);
  EXPECT_EQ(names().size(), 3u);
}

TEST_F(WeightUtils, EqualNamesOfDifferentChainsDoNotCollide) {
  auto params = parse(kTwo);
  WeightBuilder weights(*module);
  weights.build(weights.chain(params[0]).then(scale(2), "s"));
  weights.build(weights.chain(params[0]).then(scale(3), "s"));
  weights.build(weights.chain(params[0]).then(scale(4), "s"));
  EXPECT_EQ(names(), (std::vector<std::string>{"blk.0.k.w", "blk.0.v.w", "blk.0.k.w.s", "blk.0.k.w.s_1",
                                               "blk.0.k.w.s_2"}));
  EXPECT_TRUE(succeeded(verify(*module)));
}

TEST_F(WeightUtils, ChainsAreFlat) {
  auto params = parse(kTwo);
  WeightBuilder weights(*module);
  OpBuilder builder(params[0].getDefiningOp());
  Value once = weights.param(builder, params[0].getLoc(), weights.chain(params[0]).then(scale(2), "a"));
  auto twice = weights.lookup(weights.build(weights.chain(once).then(scale(3), "b")));
  EXPECT_EQ(twice.getSymName(), "blk.0.k.w.a.b");
  EXPECT_EQ(twice.getChainAttr().size(), 3u);
  EXPECT_TRUE(isa<RefStepAttr>(twice.getChainAttr()[0]));
}

TEST_F(WeightUtils, ReshapesThatDoNothingVanish) {
  auto params = parse(kTwo);
  WeightBuilder weights(*module);
  auto chain = weights.chain(params[0]).then(reshape({8, 1}), "a").then(reshape({2, 4}), "b");
  EXPECT_EQ(weights.build(chain), weightOf(params[0]));
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(WeightUtils, AppendedRows) {
  auto params = parse(kTwo);
  WeightBuilder weights(*module);
  auto joined =
      weights.lookup(weights.build(weights.append({weights.chain(params[0]), weights.chain(params[1])})));
  EXPECT_EQ(joined.getSymName(), "blk.0.kv.w");
  EXPECT_EQ(joined.getTensorType().getShape(), (llvm::ArrayRef<int64_t>{4, 4}));
}

TEST_F(WeightUtils, AbsentBiasIsZeros) {
  auto params = parse(kTwo);
  WeightBuilder weights(*module);
  auto zeros = weights.lookup(weights.build(weights.biasChain(Value(), params[0])));
  EXPECT_EQ(zeros.getSymName(), "blk.0.k.b.zeros");
  EXPECT_EQ(zeros.getTensorType().getShape(), llvm::ArrayRef<int64_t>{2});
}

TEST_F(WeightUtils, OnlyParamsAreWeights) {
  parse(R"(func.func @f(%x: tensor<2x4xf32>) { return })");
  Value argument = module->lookupSymbol<func::FuncOp>("f").getArgument(0);
  EXPECT_FALSE(weightOf(argument));
  EXPECT_FALSE(isWeightOrAbsent(argument));
  EXPECT_TRUE(isWeightOrAbsent(Value()));
}

} // namespace
