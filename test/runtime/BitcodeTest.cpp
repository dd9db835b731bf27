// The bitcode that vitc carries: it parses, is for the right machine, and needs nothing but a few functions
// of libc.
#include "runtime/RuntimeBitcode.h"
#include "vitc/api.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <set>
#include <string>

namespace {
class Bitcode : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    llvm::StringRef bytes = vitc::runtimeBitcode(GetParam());
    ASSERT_FALSE(bytes.empty());
    llvm::Expected<std::unique_ptr<llvm::Module>> parsed =
        llvm::parseBitcodeFile(llvm::MemoryBufferRef(bytes, GetParam()), context);
    if (!parsed)
      FAIL() << llvm::toString(parsed.takeError());
    module = std::move(*parsed);
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
};
} // namespace

TEST_P(Bitcode, TargetsItsArchitecture) {
  EXPECT_EQ(module->getTargetTriple().str(), std::string(GetParam()) + "-unknown-linux-gnu");
}

TEST_P(Bitcode, DefinesTheEntryPoints) {
  for (const char *name : {"vitc_rt_create", "vitc_rt_run", "vitc_rt_run_u8", "vitc_rt_destroy",
                           "vitc_rt_last_message", "vitc_rt_status_name", "vitc_rt_level",
                           "vitc_rt_level_info", "vitc_rt_threads", "vitc_rt_arena_bytes"}) {
    const llvm::Function *function = module->getFunction(name);
    ASSERT_NE(function, nullptr) << name;
    EXPECT_FALSE(function->isDeclaration()) << name;
  }
}

TEST_P(Bitcode, NeedsFewFunctionsOfLibc) {
  const std::set<std::string> allowed = {
      "__errno_location", "calloc", "clock_gettime",  "close",        "free", "getpid", "madvise",
      "malloc",           "memcpy", "memmove",        "memset",       "mmap", "munmap", "open",
      "posix_memalign",   "pread",  "pthread_create", "pthread_join", "read", "strlen", "syscall"};
  for (const llvm::Function &function : *module) {
    if (function.isDeclaration() && !function.isIntrinsic())
      EXPECT_TRUE(allowed.count(function.getName().str())) << function.getName().str();
  }
  for (const llvm::GlobalVariable &global : module->globals())
    EXPECT_FALSE(global.isDeclaration()) << global.getName().str();
}

// All names begin with vitc_ or are local, and nothing of a sanitizer or a stack protector is in it.
TEST_P(Bitcode, NamesAreItsOwn) {
  for (const llvm::Function &function : *module) {
    if (!function.isDeclaration() && !function.hasLocalLinkage())
      EXPECT_TRUE(function.getName().starts_with("vitc_")) << function.getName().str();
    for (auto attribute : {llvm::Attribute::SanitizeAddress, llvm::Attribute::StackProtectStrong,
                           llvm::Attribute::StackProtect})
      EXPECT_FALSE(function.hasFnAttribute(attribute)) << function.getName().str();
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Bitcode, testing::Values("x86_64", "aarch64"));

TEST(Embedded, UnknownArchitectureIsEmpty) { EXPECT_TRUE(vitc::runtimeBitcode("riscv64").empty()); }

TEST(Embedded, ApiHeader) {
  llvm::StringRef text = vitc::apiHeaderText();
  EXPECT_TRUE(text.contains("typedef struct vitc_options {"));
  EXPECT_TRUE(text.ends_with("#endif /* VITC_API_H */\n"));
}
