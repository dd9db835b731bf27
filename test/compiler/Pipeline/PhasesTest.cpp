// Named phases: what a module holds at each, and that the way there does not matter.
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/Pipeline/PipelineFixtures.h"
#include <set>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr Phase kLowered[] = {Phase::Fused, Phase::Planned, Phase::Vector, Phase::Llvm};

TEST(PhasesTest, HaveNamesInOrder) {
  std::vector<std::string> names;
  for (const PhaseInfo &info : allPhases()) {
    EXPECT_EQ(static_cast<size_t>(info.phase), names.size());
    EXPECT_FALSE(info.summary.empty());
    names.push_back(info.name.str());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"import", "vit", "fused", "planned", "vector", "llvm"}));
}

/// Two blocks: with one, the fusions find a slice of a constant row that they made themselves when they run
/// again.
ModelConfig twoBlocks() {
  ModelConfig config = tinyConfig();
  config.depth = 2;
  return config;
}

std::set<std::string> opNames(mlir::ModuleOp module) {
  std::set<std::string> names;
  module.walk([&](mlir::Operation *op) { names.insert(op->getName().getStringRef().str()); });
  return names;
}

TEST(PhasesTest, LeaveNothingOfThePhaseBefore) {
  auto context = makeContext();
  auto module = build(*context, tinyConfig());
  lower(*module, Phase::Fused);
  for (const std::string &name : opNames(*module))
    for (const char *gone : {"vit.patch_embed", "vit.linear", "vit.attention", "vit.layer_scale"})
      EXPECT_NE(name, gone);
  lower(*module, Phase::Planned);
  EXPECT_TRUE((*module)->hasAttr("vit.isa"));
  EXPECT_TRUE((*module)->hasAttr("vit.weight_bytes"));
  module->walk([](mlir::Operation *op) {
    for (mlir::Type type : op->getResultTypes())
      EXPECT_FALSE(llvm::isa<mlir::TensorType>(type)) << op->getName().getStringRef().str();
  });
  lower(*module, Phase::Vector);
  for (const std::string &name : opNames(*module))
    EXPECT_FALSE(llvm::StringRef(name).starts_with("vit.plan.")) << name;
  lower(*module, Phase::Llvm);
  for (mlir::Operation &op : *module->getBody()) {
    bool expected = llvm::isa<vit::WeightOp, vit::ScheduleOp, mlir::LLVM::LLVMFuncOp>(op);
    EXPECT_TRUE(expected) << op.getName().getStringRef().str();
    if (auto function = llvm::dyn_cast<mlir::LLVM::LLVMFuncOp>(op))
      function.walk([](mlir::Operation *inner) {
        EXPECT_TRUE(llvm::isa<mlir::LLVM::LLVMDialect>(inner->getDialect()))
            << inner->getName().getStringRef().str();
      });
  }
}

// One phase at a time, at once, or printed and parsed in between: the same module.
TEST(PhasesTest, TheWayDoesNotMatter) {
  auto context = makeContext();
  ModelConfig config = twoBlocks();
  auto steps = build(*context, config);
  for (Phase phase : kLowered) {
    auto atOnce = build(*context, config);
    lower(*atOnce, phase);
    if (phase <= Phase::Planned) { // what vitc accepts as a model
      steps = mlir::parseSourceString<mlir::ModuleOp>(printed(*steps), context.get());
      ASSERT_TRUE(steps);
    }
    lower(*steps, phase);
    EXPECT_EQ(printed(*steps), printed(*atOnce)) << allPhases()[static_cast<size_t>(phase)].name.str();
  }
}

TEST(PhasesTest, APhaseAgainChangesNothing) {
  auto context = makeContext();
  for (Phase phase : {Phase::Fused, Phase::Planned, Phase::Vector}) {
    auto module = build(*context, twoBlocks());
    lower(*module, phase);
    std::string once = printed(*module);
    lower(*module, phase);
    EXPECT_EQ(printed(*module), once) << allPhases()[static_cast<size_t>(phase)].name.str();
  }
}

// Nothing depends on addresses or on what was compiled before.
TEST(PhasesTest, SameInputSameModule) {
  ModelConfig config = tinyConfig();
  config.depth = 3;
  auto lowered = [&](mlir::MLIRContext &context) {
    auto module = build(context, config);
    lower(*module, Phase::Llvm);
    return printed(*module);
  };
  auto context = makeContext();
  std::string once = lowered(*context);
  for (const char *name : {"zebra", "aardvark"})
    mlir::StringAttr::get(context.get(), name);
  EXPECT_EQ(lowered(*context), once);
  EXPECT_EQ(lowered(*makeContext()), once);
}

TEST(PhasesTest, MessagesOfPassesAreTheError) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "func.func @forward(%x: tensor<1x4x4xf32>, %y: tensor<2x3xf32>) -> tensor<2x3xf32> { return %y : "
      "tensor<2x3xf32> }",
      context.get());
  ASSERT_TRUE(module);
  llvm::Error error = lowerTo(*module, Phase::Planned, *findIsa("x86-64"), {});
  ASSERT_TRUE(static_cast<bool>(error));
  std::string text = llvm::toString(std::move(error));
  EXPECT_NE(text.find("lowering to phase 'planned' failed: "), std::string::npos) << text;
  EXPECT_NE(text.find("expected one argument, the image"), std::string::npos) << text;
}

} // namespace
