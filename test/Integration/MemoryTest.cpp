// What a program needs that links a model: its weights, its arena, and little more.
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include "llvm/Support/FileSystem.h"
#include <cstdio>

using namespace vitc;
using namespace vitc::test;

namespace {

struct MemoryTest : testing::TestWithParam<Precision> {};

TEST_P(MemoryTest, NoMoreThanWeightsAndArenaAndTenMegabytes) {
  auto checkpoint = openPreset("vit_tiny_patch16_224");
  ASSERT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());
  for (WeightPlacement placement : {WeightPlacement::Embed, WeightPlacement::File}) {
    auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(static_cast<bool>(directory));
    CompileOptions options = hostOptions(GetParam());
    options.name = "tiny";
    options.targets = {runnableLevels(GetParam()).front()};
    options.weights = placement;
    auto info = compileLibrary(*checkpoint, options, (*directory)->file("tiny.a"));
    ASSERT_TRUE(static_cast<bool>(info)) << llvm::toString(info.takeError());
    std::string program = (*directory)->file("program");
    CommandResult built =
        command(VITC_TEST_CC " -std=c99 -O1 -Wall -Wextra -Werror -I" + (*directory)->file("") +
                " " VITC_TEST_DATA "/resident.c " + (*directory)->file("tiny.a") + " -pthread -o " + program);
    ASSERT_EQ(built.exitCode, 0) << built.output;
    CommandResult ran = command(program);
    ASSERT_EQ(ran.exitCode, 0) << ran.output;
    unsigned long peak = 0, arena = 0;
    ASSERT_EQ(std::sscanf(ran.output.c_str(), "peak %lu kB, arena %lu", &peak, &arena), 2) << ran.output;
    uint64_t needed = info->weightBytes + arena;
    EXPECT_LE(peak * 1024, needed + 10'000'000) << needed << " bytes of weights and arena";
    // A forward reads all weights.
    EXPECT_GE(peak * 1024, info->weightBytes) << ran.output;
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, MemoryTest, testing::Values(Precision::F32, Precision::Int8),
                         [](const auto &info) { return precisionName(info.param).str(); });

} // namespace
