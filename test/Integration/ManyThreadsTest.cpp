// 64 threads, many more than this machine has CPUs: the same bits as one thread, in every precision, in
// batches, and in a pool of the caller's that hands chunks out in an order of its own.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include <atomic>
#include <cstring>
#include <thread>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr uint32_t kThreads = 64;
constexpr size_t kImages = 8;

/// A pool of 64 threads that live as long as a call, and take the last chunk first.
void parallelFor(void *calls, uint32_t count, void (*task)(void *, uint32_t, uint32_t), void *argument) {
  ++*static_cast<std::atomic<int> *>(calls);
  std::atomic<uint32_t> next = 0;
  std::vector<std::thread> threads;
  for (uint32_t worker = 0; worker < kThreads; ++worker)
    threads.emplace_back([&, worker] {
      for (uint32_t i; (i = next++) < count;)
        task(argument, count - 1 - i, worker);
    });
  for (std::thread &thread : threads)
    thread.join();
}

struct ManyThreadsTest : testing::TestWithParam<Precision> {
  Checkpoint checkpoint = seededCheckpoint(config());
  std::vector<float> images = seededImage(3, kImages *imageElements(checkpoint.config));

  /// 145 tokens: enough to divide attention and the second half of the MLP further.
  static ModelConfig config() {
    ModelConfig config = smallConfig();
    config.inputSize = {60, 60};
    config.pos.grid = config.grid();
    config.block.mlp.hidden = 256;
    config.preprocess.reset();
    return config;
  }
  std::unique_ptr<LoadedLibrary> compile(int64_t batch) {
    CompileOptions options = hostOptions(GetParam());
    options.batch = batch;
    options.targets = {runnableLevels(GetParam()).front()}; // threads are the runtime's business
    return compileAndLoad(checkpoint, options);
  }
  std::vector<float> first(size_t n) const {
    return {images.begin(), images.begin() + static_cast<ptrdiff_t>(images.size() / kImages * n)};
  }
};

bool sameBits(const Outputs &a, const Outputs &b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (a.size() != b.size() || a[i].size() != b[i].size() ||
        std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0)
      return false;
  return !a.empty();
}

TEST_P(ManyThreadsTest, TheSameBitsAsOne) {
  for (int64_t batch : {1, 3, 8}) {
    auto library = compile(batch);
    ASSERT_TRUE(library);
    auto one = create(*library, nullptr, 1), many = create(*library, nullptr, kThreads);
    ASSERT_TRUE(one && many);
    EXPECT_EQ(many->threads(), kThreads);
    // Divided further than for few threads; attention in f32 is as fine as can be for any.
    const vitc_schedule &steps = library->info().levels[0].run;
    for (llvm::StringRef kind : {"gemm", "attention"})
      EXPECT_EQ(std::any_of(steps.steps, steps.steps + steps.step_count,
                            [&](const vitc_step &step) { return step.run_fine && step.kind == kind; }),
                kind == "gemm" || GetParam() != Precision::F32)
          << kind.str();
    for (size_t n : {size_t(1), size_t(3), kImages}) {
      Outputs want = run(*library, *one, first(n), n);
      for (int round = 0; round < 3; ++round)
        EXPECT_TRUE(sameBits(run(*library, *many, first(n), n), want))
            << "batch " << batch << ", " << n << " images, round " << round;
    }
  }
}

TEST_P(ManyThreadsTest, InAPoolOfTheCallers) {
  auto library = compile(3);
  ASSERT_TRUE(library);
  auto one = create(*library, nullptr, 1);
  std::atomic<int> calls = 0;
  vitc_thread_pool pool = {&calls, kThreads, parallelFor};
  vitc_options options = {};
  options.pool = &pool;
  auto many = create(*library, options);
  ASSERT_TRUE(one && many);
  EXPECT_EQ(many->threads(), kThreads);
  for (size_t n : {size_t(1), size_t(4)})
    EXPECT_TRUE(sameBits(run(*library, *many, first(n), n), run(*library, *one, first(n), n))) << n;
  EXPECT_GT(calls, 0);
}

INSTANTIATE_TEST_SUITE_P(Precisions, ManyThreadsTest, testing::ValuesIn(kPrecisions),
                         [](const auto &info) { return precisionName(info.param).str(); });

} // namespace
