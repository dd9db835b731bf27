#include "compiler/Driver/PeakLoop.h"
#include <chrono>
#include <cmath>
#include <gtest/gtest.h>

using namespace vitc;

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A chain of additions that each wait for the one before: one a cycle.
void additions(int64_t iterations) {
  int64_t sum = 0;
#if defined(__x86_64__)
  asm volatile("1:\n.rept 16\nadd $1, %1\n.endr\ndec %0\njnz 1b\n" : "+r"(iterations), "+r"(sum) : : "cc");
#else
  asm volatile("1:\n.rept 16\nadd %1, %1, #1\n.endr\nsubs %0, %0, #1\nb.ne 1b\n"
               : "+r"(iterations), "+r"(sum)
               :
               : "cc");
#endif
}

// The loops reach at least 98 % of lanes x pipes x clock. Clock and loop alternate and the best of many short
// samples counts, since other processes may hold the CPU or change its clock.
TEST(PeakLoopTest, ReachesThePipes) {
  auto host = parseTargets({"host"});
  ASSERT_TRUE(static_cast<bool>(host));
  const Isa *best = host->front();
  for (const Isa &isa : allIsas()) {
    if (isa.arch != best->arch || isa.lanes > best->lanes)
      continue;
    const PeakLoop *loop = peakLoop(isa, Precision::F32);
    ASSERT_NE(loop, nullptr) << isa.name.str();
    double clock = 0, rate = 0;
    for (int i = 0; i < 100; ++i) {
      constexpr int64_t kIterations = 20000, kLoops = 10000;
      double start = seconds();
      additions(kIterations);
      double middle = seconds();
      loop->run(kLoops);
      double end = seconds();
      clock = std::max(clock, kIterations * 16 / (middle - start));
      rate = std::max(rate, static_cast<double>(kLoops) * static_cast<double>(loop->flops) / (end - middle));
    }
    // A multiplication and an addition count as one multiply-add, and may need two pipes.
    double pipes = rate / clock / (2.0 * isa.lanes);
    EXPECT_GE(pipes, 0.98 * std::max(0.5, std::round(pipes * 2) / 2)) << isa.name.str();
    EXPECT_LT(pipes, 4.1) << isa.name.str();
    RecordProperty(isa.name.str(), std::to_string(pipes));
  }
}

TEST(PeakLoopTest, SamplesOnSeveralThreads) {
  auto host = parseTargets({"host"});
  ASSERT_TRUE(static_cast<bool>(host));
  const PeakLoop *loop = peakLoop(*host->front(), Precision::F32);
  ASSERT_NE(loop, nullptr);
  double start = seconds();
  EXPECT_GT(samplePeak(*loop, 1, 0.02), 0.5);
  EXPECT_GT(samplePeak(*loop, 3, 0.02), 0.5);
  EXPECT_LT(seconds() - start, 5);
}

// What narrow products multiply with, on the best level of this machine and on those below.
TEST(PeakLoopTest, HasALoopForEachPrecision) {
  for (Precision precision : kPrecisions) {
    auto host = parseTargets({"host"}, precision);
    ASSERT_TRUE(static_cast<bool>(host));
    const Isa *best = host->front();
    for (const Isa &isa : allIsas()) {
      bool older = isa.arch == best->arch && (isa.needs & best->needs) == isa.needs;
      if (!older)
        continue;
      const PeakLoop *loop = peakLoop(isa, precision);
      ASSERT_NE(loop, nullptr) << isa.name.str();
      EXPECT_GT(samplePeak(*loop, 1, 0.01), 0.5) << isa.name.str() << " " << loop->instruction.str();
    }
  }
}

} // namespace
