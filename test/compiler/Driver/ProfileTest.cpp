#include "compiler/Driver/Profile.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

/// Two products, one of each int8 and bf16, and a norm: 1 + 3 GFLOP.
struct ProfileTest : testing::Test {
  vitc_step steps[3] = {};
  vitc_schedule schedule{steps, 3, 0};
  Bandwidths bandwidths{200, 50, 10, 1000, 100'000};

  ProfileTest() {
    steps[0].name = "blk.0.layer_norm";
    steps[0].kind = "layer_norm";
    steps[0].activation_bytes = 500;
    steps[1].name = "blk.0.fc1.w.int8.panels";
    steps[1].kind = "gemm";
    steps[1].flops = 3'000'000'000;
    steps[1].dot = VITC_DOT_INT8;
    steps[1].flags = VITC_STEP_LINEAR;
    steps[1].activation_bytes = 50'000;
    steps[1].weight_bytes = 200'000'000;
    steps[2].name = "blk.0.attention";
    steps[2].kind = "attention";
    steps[2].flops = 1'000'000'000;
    steps[2].dot = VITC_DOT_BF16;
    steps[2].activation_bytes = 1;
  }

  Profile profile() {
    ProfileInputs inputs{};
    inputs.schedule = &schedule;
    inputs.nanoseconds = {2'000'000, 100'000'000, 40'000'000};
    inputs.runs = 2;
    inputs.images = 3;
    inputs.passes = 1;
    inputs.modelWeights = 300'000'000;
    inputs.meanMs = 75;
    inputs.peaks = {0, 500, 1000};
    inputs.bandwidths = bandwidths;
    return profileOf(inputs);
  }
};

TEST_F(ProfileTest, WorkByKind) {
  Work work = workOf(schedule, 2);
  EXPECT_DOUBLE_EQ(work.total(), 8);
  EXPECT_DOUBLE_EQ(work.gflop[VITC_DOT_INT8], 6);
  EXPECT_DOUBLE_EQ(work.gflop[VITC_DOT_BF16], 2);
  EXPECT_DOUBLE_EQ(work.linear[VITC_DOT_BF16], 0);
  // 6 GFLOP at 1000 and 2 at 500 GFLOP/s.
  EXPECT_DOUBLE_EQ(work.limitMs({0, 500, 1000}), 10);
  EXPECT_DOUBLE_EQ(work.limitMs({500, 0, 1000}), 0);
}

// Attention is no linear: the run counts as int8 until more than 5 % of its linear GFLOP are of another kind.
TEST_F(ProfileTest, CountsAsThePrecisionOfItsLinears) {
  EXPECT_EQ(workOf(schedule, 1).countsAs(), "int8");
  steps[2].flags = VITC_STEP_LINEAR;
  steps[2].flops = 157'000'000;
  EXPECT_EQ(workOf(schedule, 1).countsAs(), "int8");
  steps[2].flops = 159'000'000;
  EXPECT_EQ(workOf(schedule, 1).countsAs(), "mixed");
  EXPECT_EQ(Work().countsAs(), "mixed");
}

TEST_F(ProfileTest, RegionsAndTheirLimits) {
  Profile p = profile();
  ASSERT_EQ(p.regions.size(), 3u);
  const RegionProfile &norm = p.regions[0], &product = p.regions[1], &attention = p.regions[2];
  EXPECT_EQ(norm.kind, "layer_norm");
  EXPECT_EQ(product.name, "blk.0.fc1");
  EXPECT_EQ(product.layer, "blk.0");
  EXPECT_EQ(product.kind, "int8 gemm");
  EXPECT_EQ(attention.kind, "bf16 attention");
  EXPECT_DOUBLE_EQ(product.milliseconds, 50);
  EXPECT_DOUBLE_EQ(product.gflop, 9);
  // Activations fit L2: three times 500 B at 200 GB/s.
  EXPECT_DOUBLE_EQ(norm.limitMs, 7.5e-6);
  EXPECT_DOUBLE_EQ(norm.arithmeticMs, 0);
  // Activations from L3, weights once from memory, as the model's fit no cache; longer than its arithmetic.
  EXPECT_DOUBLE_EQ(product.arithmeticMs, 9);
  EXPECT_DOUBLE_EQ(product.memoryMs, 3e-3 + 20);
  EXPECT_DOUBLE_EQ(product.limitMs, product.memoryMs);
  EXPECT_DOUBLE_EQ(attention.limitMs, 6);
}

TEST_F(ProfileTest, TablesCoverTheWholeRun) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printProfile(profile(), os);
  EXPECT_NE(text.find("blk.*.fc1"), std::string::npos) << text;
  EXPECT_NE(text.find("int8 gemm"), std::string::npos) << text;
  // 75 ms less 1 + 50 + 20.
  size_t rest = text.find("between them");
  ASSERT_NE(rest, std::string::npos);
  EXPECT_NE(text.find("4.000", rest), std::string::npos) << text;
  EXPECT_NE(text.find("5.3 %", rest), std::string::npos) << text;
}

TEST(MemoryLoopTest, ReadsOnSeveralThreads) {
  EXPECT_GT(sampleReading(64 << 10, 1, 0.01), 0.5);
  EXPECT_GT(sampleReading(64 << 10, 3, 0.01), 0.5);
}

TEST(MemoryLoopTest, TheNearestPlaceThatHoldsTheBytesCounts) {
  Bandwidths read{200, 50, 10, 1000, 100'000};
  EXPECT_EQ(read.of(1000), 200);
  EXPECT_EQ(read.of(1001), 50);
  EXPECT_EQ(read.of(100'001), 10);
}

} // namespace
