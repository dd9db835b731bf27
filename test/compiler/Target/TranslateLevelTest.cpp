#include "compiler/Target/TranslateLevel.h"
#include "compiler/Support/Error.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "runtime/include/vitc/abi.h"
#include "test/compiler/Target/TinyModel.h"

using namespace vitc;
using namespace vitc::test;

namespace {

struct TranslateLevelTest : testing::Test {
  llvm::LLVMContext llvmContext;

  llvm::Expected<LevelCode> translate(llvm::StringRef text, llvm::StringRef target) {
    mlir::DialectRegistry registry;
    registry.insert<mlir::LLVM::LLVMDialect, vit::VitDialect>();
    mlir::MLIRContext context(registry);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return translateLevel(*module, *findIsa(target), "p", llvmContext);
  }
  std::string refusal(llvm::StringRef text) {
    llvm::Expected<LevelCode> level = translate(text, "x86-64");
    EXPECT_FALSE(static_cast<bool>(level));
    if (level)
      return "";
    llvm::Error error = level.takeError();
    EXPECT_EQ(exitCodeOf(error), ExitCode::Internal);
    return llvm::toString(std::move(error));
  }
};

TEST_F(TranslateLevelTest, ReadsSchedules) {
  llvm::Expected<LevelCode> level = translate(tinyModule(true), "x86-64-v4");
  ASSERT_TRUE(static_cast<bool>(level)) << llvm::toString(level.takeError());
  ASSERT_EQ(level->run.steps.size(), 3u);
  const StepTable &step = level->run.steps[1];
  EXPECT_EQ(step.name, "add");
  EXPECT_EQ(step.entry, "p.x86_64_v4.add.entry");
  EXPECT_EQ(step.chunks, 4u);
  EXPECT_EQ(step.flops, 4u);
  ASSERT_EQ(step.operands.size(), 3u);
  EXPECT_EQ(step.operands[1].space, 1u);
  EXPECT_EQ(step.operands[1].offset, 64u);
  EXPECT_EQ(step.dot, static_cast<uint32_t>(VITC_DOT_F32));
  EXPECT_EQ(step.kind, "");
  const StepTable &product = level->run.steps[0];
  EXPECT_EQ(product.kind, "gemm");
  EXPECT_EQ(product.dot, static_cast<uint32_t>(VITC_DOT_INT8));
  EXPECT_EQ(product.flags, static_cast<uint32_t>(VITC_STEP_LINEAR));
  EXPECT_EQ(product.activationBytes, 32u);
  EXPECT_EQ(product.weightBytes, 16u);
  EXPECT_EQ(level->run.inputBytes, 16u);
  ASSERT_TRUE(level->runU8.has_value());
  EXPECT_EQ(level->runU8->steps.size(), 4u);
  EXPECT_EQ(level->arenaBytes(), 128u);
  EXPECT_EQ(level->scratchBytes(), 64u);
  // One entry serves both schedules.
  EXPECT_EQ(level->run.steps[0].entry, level->runU8->steps[1].entry);
}

TEST_F(TranslateLevelTest, MarksFunctionsForTheLevel) {
  llvm::Expected<LevelCode> level = translate(tinyModule(true), "x86-64-v4");
  ASSERT_TRUE(static_cast<bool>(level));
  for (llvm::Function &function : *level->code) {
    if (function.isDeclaration())
      continue;
    EXPECT_TRUE(function.getName().starts_with("p.x86_64_v4."));
    EXPECT_EQ(function.getFnAttribute("target-cpu").getValueAsString(), "x86-64-v4");
    EXPECT_EQ(function.getFnAttribute("prefer-vector-width").getValueAsString(), "512");
    EXPECT_TRUE(function.doesNotThrow());
    bool entry = function.getName().ends_with(".entry");
    EXPECT_EQ(function.hasLocalLinkage(), !entry);
    if (entry)
      EXPECT_TRUE(function.hasHiddenVisibility());
  }
}

TEST_F(TranslateLevelTest, RefusesWhatIsNoLevel) {
  EXPECT_NE(refusal("").find("vit.schedule @run"), std::string::npos);
  const char *schedule = R"(
    vit.schedule @run attributes {arena_bytes = 64 : i64, scratch_bytes = 0 : i64, input_bytes = 16 : i64} {
      vit.step @f "f" spaces [2] indices [0] offsets [0] chunks 1 parts 1 flops 0
    })";
  auto with = [&](const char *function) { return refusal(std::string(function) + schedule); };
  EXPECT_NE(with("llvm.func @f(!llvm.ptr, i64)").find("region 'f'"), std::string::npos);
  EXPECT_NE(with("llvm.func @f(%a: !llvm.ptr) { llvm.return }").find("an i64"), std::string::npos);
  EXPECT_NE(
      with("llvm.func @f(%a: !llvm.ptr, %b: !llvm.ptr, %i: i64) { llvm.return }").find("expected 2 operands"),
      std::string::npos);
  EXPECT_NE(with("llvm.func @f(%a: !llvm.ptr, %i: i64) {\n"
                 "  %j = builtin.unrealized_conversion_cast %i : i64 to index\n"
                 "  llvm.return\n"
                 "}")
                .find("translation to LLVM IR failed"),
            std::string::npos);
}

} // namespace
