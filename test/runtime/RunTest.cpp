// Runs of a model made by hand: operands, batches, order of chunks, threads, concurrency, pictures, profiles.
#include "test/runtime/FakeModel.h"
#include "test/runtime/GuardedBuffer.h"
#include "gtest/gtest.h"
#include <atomic>
#include <cstring>
#include <mutex>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {
/// A created model that is destroyed with the scope.
class Created {
public:
  explicit Created(const FakeModel &fake, vitc_options options = {}) {
    options.struct_size = sizeof options;
    status = vitc_rt_create(&fake.library, &model, &options);
    EXPECT_EQ(status, VITC_OK) << vitc_rt_last_message();
  }
  ~Created() { vitc_rt_destroy(model); }
  operator vitc_model *() const { return model; }

  vitc_status status;

private:
  vitc_model *model = nullptr;
};

vitc_options withThreads(uint32_t threads, uint32_t concurrency = 1) {
  vitc_options options = {};
  options.threads = threads;
  options.concurrency = concurrency;
  return options;
}

/// Runs n images between guard pages and checks every output.
void expectRight(const FakeModel &fake, vitc_model *model, size_t n) {
  std::vector<float> images = fakeImages(n);
  GuardedBuffer input(images.size() * 4), sums(n * 16), copies(n * 64);
  memcpy(input.data(), images.data(), input.size());
  void *outputs[] = {sums.data(), copies.data()};
  ASSERT_EQ(vitc_rt_run(model, reinterpret_cast<float *>(input.data()), n, outputs), VITC_OK)
      << vitc_rt_last_message();
  EXPECT_EQ(memcmp(sums.data(), fake.expectedSums(images).data(), sums.size()), 0) << n << " images";
  EXPECT_EQ(memcmp(copies.data(), fake.expectedCopy(images).data(), copies.size()), 0) << n << " images";
}
} // namespace

TEST(Run, AnyBatchOnAnyNumberOfThreads) {
  FakeModel fake;
  for (uint32_t batch : {1u, 3u, 8u})
    for (uint32_t threads : {1u, 2u, 3u, 8u, 64u}) {
      fake.info.batch = batch;
      Created model(fake, withThreads(threads));
      EXPECT_EQ(vitc_rt_threads(model), threads);
      for (size_t n : {1, 2, 3, 4, 7, 8, 9, 20})
        expectRight(fake, model, n);
    }
}

TEST(Run, DefaultsAndNothingToDo) {
  FakeModel fake;
  vitc_model *model = nullptr;
  ASSERT_EQ(vitc_rt_create(&fake.library, &model, nullptr), VITC_OK);
  EXPECT_GE(vitc_rt_threads(model), 1u);
  EXPECT_STREQ(vitc_rt_level(model), "base");
  EXPECT_EQ(vitc_rt_level_info(model), &fake.levels[0]);
  EXPECT_EQ(vitc_rt_run(model, nullptr, 0, nullptr), VITC_OK);
  vitc_rt_destroy(model);
  vitc_rt_destroy(nullptr);
}

// The chunks of one image follow each other, or, if the step asks for it, one chunk of all images.
TEST(Run, OrderOfChunks) {
  static std::vector<std::pair<int64_t, const void *>> seen;
  seen.clear();
  FakeModel fake;
  vitc_operand operand = {VITC_SPACE_INPUT, 0, 4};
  vitc_step step = {[](void *const *operands, int64_t chunk) { seen.emplace_back(chunk, operands[0]); },
                    &operand,
                    1,
                    2,
                    "record",
                    0,
                    0,
                    1};
  fake.levels[0].run.steps = &step;
  fake.levels[0].run.step_count = 1;
  Created model(fake, withThreads(1));
  std::vector<float> images = fakeImages(4), sums(16), copies(64);
  void *outputs[] = {sums.data(), copies.data()};
  ASSERT_EQ(vitc_rt_run(model, images.data(), 4, outputs), VITC_OK);
  auto image = [&](int i) { return static_cast<const void *>(images.data() + 16 * i + 1); };
  std::vector<std::pair<int64_t, const void *>> byImage = {{0, image(0)}, {1, image(0)}, {0, image(1)},
                                                           {1, image(1)}, {0, image(2)}, {1, image(2)},
                                                           {0, image(3)}, {1, image(3)}};
  EXPECT_EQ(seen, byImage);

  seen.clear();
  step.flags = VITC_STEP_IMAGES_INNER;
  ASSERT_EQ(vitc_rt_run(model, images.data(), 4, outputs), VITC_OK);
  std::vector<std::pair<int64_t, const void *>> byChunk = {{0, image(0)}, {0, image(1)}, {0, image(2)},
                                                           {1, image(0)}, {1, image(1)}, {1, image(2)},
                                                           {0, image(3)}, {1, image(3)}};
  EXPECT_EQ(seen, byChunk);
}

// A finer division of the same work is used where the other would leave threads idle for more than a fifth of
// the time.
TEST(Run, FineChunksForManyThreads) {
  static std::atomic<int> coarse, fine;
  FakeModel fake;
  vitc_operand operand = {VITC_SPACE_INPUT, 0, 0};
  vitc_step step = {};
  step.run = [](void *const *, int64_t chunk) { coarse += 1 << (8 * chunk); };
  step.run_fine = [](void *const *, int64_t chunk) { fine += 1 << (4 * chunk); };
  step.operands = &operand;
  step.operand_count = 1;
  step.chunks = 3;
  step.parts = 1;
  step.fine_chunks = 6;
  step.fine_parts = 2;
  step.name = "record";
  fake.levels[0].run.steps = &step;
  fake.levels[0].run.step_count = 1;
  auto run = [&](uint32_t threads, size_t images) {
    coarse = fine = 0;
    Created model(fake, withThreads(threads));
    std::vector<float> input = fakeImages(images), sums(4 * images), copies(16 * images);
    void *outputs[] = {sums.data(), copies.data()};
    EXPECT_EQ(vitc_rt_run(model, input.data(), images, outputs), VITC_OK);
  };
  constexpr int kCoarse = 0x010101, kFine = 0x111111;
  run(1, 1);
  EXPECT_EQ(coarse, kCoarse);
  run(3, 1);
  EXPECT_EQ(coarse, kCoarse);
  // Two turns of two threads for three chunks: a quarter of the time is lost.
  run(2, 1);
  EXPECT_EQ(fine, kFine);
  EXPECT_EQ(coarse, 0);
  run(8, 1);
  EXPECT_EQ(fine, kFine);
  // Each image on a thread of its own, all of its chunks.
  run(2, 2);
  EXPECT_EQ(coarse, 2 * kCoarse);
  EXPECT_EQ(fine, 0);

  step.fine_chunks = 3;
  vitc_model *model = nullptr;
  vitc_options options = withThreads(1);
  options.struct_size = sizeof options;
  EXPECT_NE(vitc_rt_create(&fake.library, &model, &options), VITC_OK);
  EXPECT_NE(std::string(vitc_rt_last_message()).find("fine chunks"), std::string::npos)
      << vitc_rt_last_message();
}

// Steps that do not hold images together are done for one image after the other, those that do for all.
TEST(Run, ImagesGoThroughStretchesOfSteps) {
  static std::vector<std::pair<char, const void *>> seen;
  seen.clear();
  FakeModel fake;
  vitc_operand operand = {VITC_SPACE_INPUT, 0, 0};
  vitc_step steps[] = {
      {[](void *const *operands, int64_t) { seen.emplace_back('a', operands[0]); }, &operand, 1, 1, "a", 0, 0,
       1},
      {[](void *const *operands, int64_t) { seen.emplace_back('b', operands[0]); }, &operand, 1, 1, "b", 0, 0,
       1},
      {[](void *const *operands, int64_t) { seen.emplace_back('c', operands[0]); }, &operand, 1, 1, "c", 0,
       VITC_STEP_IMAGES_INNER, 1},
      {[](void *const *operands, int64_t) { seen.emplace_back('d', operands[0]); }, &operand, 1, 1, "d", 0, 0,
       1},
  };
  fake.levels[0].run.steps = steps;
  fake.levels[0].run.step_count = 4;
  Created model(fake, withThreads(1));
  std::vector<float> images = fakeImages(2), sums(8), copies(32);
  void *outputs[] = {sums.data(), copies.data()};
  ASSERT_EQ(vitc_rt_run(model, images.data(), 2, outputs), VITC_OK);
  const void *first = images.data(), *second = images.data() + 16;
  std::vector<std::pair<char, const void *>> expected = {{'a', first},  {'b', first}, {'a', second},
                                                         {'b', second}, {'c', first}, {'c', second},
                                                         {'d', first},  {'d', second}};
  EXPECT_EQ(seen, expected);
}

TEST(Run, ConcurrentRunsShareAModel) {
  FakeModel fake;
  for (uint32_t concurrency : {1u, 2u, 5u}) {
    Created model(fake, withThreads(3, concurrency));
    std::vector<std::thread> callers;
    for (int i = 0; i < 6; ++i)
      callers.emplace_back([&, i] {
        for (int k = 0; k < 50; ++k)
          expectRight(fake, model, size_t(1 + (i + k) % 7));
      });
    for (std::thread &caller : callers)
      caller.join();
  }
}

TEST(Run, ChildOfForkRunsOnItsOwnThread) {
  FakeModel fake;
  Created model(fake, withThreads(3));
  expectRight(fake, model, 5);
  // Another thread is in the middle of a run while we fork: its memory must be free in the child.
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop)
      expectRight(fake, model, 9);
  });
  for (int i = 0; i < 20; ++i) {
    pid_t child = fork();
    if (!child) {
      alarm(20);
      std::vector<float> images = fakeImages(2), sums(8), copies(32);
      void *outputs[] = {sums.data(), copies.data()};
      vitc_status status = vitc_rt_run(model, images.data(), 2, outputs);
      _exit(status == VITC_OK && sums == fake.expectedSums(images) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  stop = true;
  busy.join();
  expectRight(fake, model, 5);
}

TEST(Run, CallersPool) {
  FakeModel fake;
  // Starts threads for each call: slow, but a pool all the same.
  vitc_thread_pool pool = {nullptr, 3,
                           [](void *, uint32_t count, void (*task)(void *, uint32_t, uint32_t), void *arg) {
                             std::atomic<uint32_t> next{0};
                             std::vector<std::thread> threads;
                             for (uint32_t worker = 0; worker < 3; ++worker)
                               threads.emplace_back([&, worker] {
                                 for (uint32_t i; (i = next++) < count;)
                                   task(arg, i, worker);
                               });
                             for (std::thread &thread : threads)
                               thread.join();
                           }};
  vitc_options options = {};
  options.pool = &pool;
  Created model(fake, options);
  EXPECT_EQ(vitc_rt_threads(model), 3u);
  for (size_t n : {1, 3, 8})
    expectRight(fake, model, n);
}

// Pools that break their contract are told so, and cannot make the library leave its memory.
TEST(Run, BrokenPools) {
  FakeModel fake;
  using ParallelFor = void (*)(void *, uint32_t, void (*)(void *, uint32_t, uint32_t), void *);
  std::pair<ParallelFor, const char *> pools[] = {
      {[](void *, uint32_t, void (*)(void *, uint32_t, uint32_t), void *) {},
       "the caller's thread pool ran 0 of 4 tasks"},
      {[](void *, uint32_t count, void (*task)(void *, uint32_t, uint32_t), void *arg) {
         for (uint32_t i = 0; i + 1 < count; ++i)
           task(arg, i, 0);
       },
       "the caller's thread pool ran 3 of 4 tasks"},
      {[](void *, uint32_t count, void (*task)(void *, uint32_t, uint32_t), void *arg) {
         for (uint32_t i = 0; i < count; ++i)
           task(arg, i, i ? 0 : 2);
       },
       "the caller's thread pool ran 3 of 4 tasks, and one with an index or worker out of range"},
      {[](void *, uint32_t count, void (*task)(void *, uint32_t, uint32_t), void *arg) {
         for (uint32_t i = 0; i <= count; ++i)
           task(arg, i, 0);
       },
       "the caller's thread pool ran 4 of 4 tasks, and one with an index or worker out of range"}};
  for (auto [parallelFor, message] : pools) {
    vitc_thread_pool pool = {nullptr, 2, parallelFor};
    vitc_options options = {};
    options.pool = &pool;
    Created model(fake, options);
    std::vector<float> images = fakeImages(1), sums(4), copies(16);
    void *outputs[] = {sums.data(), copies.data()};
    EXPECT_EQ(vitc_rt_run(model, images.data(), 1, outputs), VITC_INVALID_ARGUMENT);
    EXPECT_STREQ(vitc_rt_last_message(), message);
  }
}

TEST(Run, Pictures) {
  FakeModel fake;
  for (uint32_t threads : {1u, 3u}) {
    Created model(fake, withThreads(threads));
    // 5 pictures of 4 x 4 need no resize: outputs are the pixels, row sums of them. Rows are 6 bytes apart.
    constexpr int n = 5, stride = 6;
    GuardedBuffer pixels(n * 4 * stride, 0), sums(n * 16), copies(n * 64);
    std::vector<float> expected;
    for (int row = 0; row < n * 4; ++row)
      for (int x = 0; x < 4; ++x)
        expected.push_back(pixels.data()[row * stride + x] = uint8_t(row * 11 + x));
    void *outputs[] = {sums.data(), copies.data()};
    ASSERT_EQ(vitc_rt_run_u8(model, pixels.data(), 4, 4, 1, stride, n, outputs), VITC_OK)
        << vitc_rt_last_message();
    EXPECT_EQ(memcmp(copies.data(), expected.data(), copies.size()), 0);
    // A large flat picture stays flat.
    GuardedBuffer flat(99 * 100 * 3, 77);
    ASSERT_EQ(vitc_rt_run_u8(model, flat.data(), 99, 100, 3, 300, 1, outputs), VITC_OK)
        << vitc_rt_last_message();
    for (int i = 0; i < 16; ++i)
      EXPECT_EQ(reinterpret_cast<float *>(copies.data())[i], 77.0f);
  }
}

TEST(Run, BadArguments) {
  FakeModel fake;
  Created model(fake, withThreads(1));
  std::vector<float> images = fakeImages(1), sums(4), copies(16);
  void *outputs[] = {sums.data(), copies.data()}, *holes[] = {sums.data(), nullptr};
  uint8_t pixel[16] = {};
  EXPECT_EQ(vitc_rt_run(nullptr, images.data(), 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run(model, nullptr, 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run(model, images.data(), 1, nullptr), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run(model, images.data(), 1, holes), VITC_INVALID_ARGUMENT);
  EXPECT_STREQ(vitc_rt_last_message(), "expected a buffer for output 1, got a null pointer");
  EXPECT_EQ(vitc_rt_run(model, images.data(), SIZE_MAX / 8, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run_u8(nullptr, pixel, 4, 4, 1, 4, 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run_u8(model, nullptr, 4, 4, 1, 4, 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run_u8(model, pixel, 4, 4, 1, 4, SIZE_MAX / 32, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run_u8(model, pixel, 0, 4, 1, 4, 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run_u8(model, pixel, 1, 101, 1, 101, 1, outputs), VITC_PICTURE_TOO_LARGE);
  EXPECT_EQ(vitc_rt_run_u8(model, pixel, 4, 4, 1, 3, 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(vitc_rt_run_u8(model, pixel, 4, 4, 1, 4, 1, outputs), VITC_OK)
      << "no context was lost on the way";

  FakeModel plain;
  plain.info.preprocess = nullptr;
  Created tensorsOnly(plain, withThreads(1));
  EXPECT_EQ(vitc_rt_run_u8(tensorsOnly, pixel, 4, 4, 1, 4, 1, outputs), VITC_INVALID_ARGUMENT);
  EXPECT_STREQ(vitc_rt_last_message(), "the model was compiled without preprocessing: it takes no pictures");
}

TEST(Run, ProfileAddsUpPerStep) {
  FakeModel fake;
  uint64_t nanoseconds[3] = {0, 0, 12345};
  vitc_options options = withThreads(2);
  options.profile_ns = nanoseconds;
  options.profile_steps = 2;
  Created model(fake, options);
  expectRight(fake, model, 4);
  uint64_t once = nanoseconds[0] + nanoseconds[1];
  EXPECT_GT(once, 0u);
  expectRight(fake, model, 4);
  EXPECT_GT(nanoseconds[0] + nanoseconds[1], once);
  EXPECT_EQ(nanoseconds[2], 12345u) << "beyond profile_steps";
}

// Each thread keeps its own last message.
TEST(Run, MessagesArePerThread) {
  FakeModel fake;
  Created model(fake, withThreads(1));
  EXPECT_EQ(vitc_rt_run(model, nullptr, 1, nullptr), VITC_INVALID_ARGUMENT);
  std::string mine = vitc_rt_last_message();
  std::thread([&] {
    EXPECT_STREQ(vitc_rt_last_message(), "");
    uint8_t pixel = 0;
    void *outputs[] = {&pixel, &pixel};
    EXPECT_EQ(vitc_rt_run_u8(model, &pixel, 1, 101, 1, 101, 1, outputs), VITC_PICTURE_TOO_LARGE);
    EXPECT_STRNE(vitc_rt_last_message(), mine.c_str());
  }).join();
  EXPECT_EQ(vitc_rt_last_message(), mine);
  EXPECT_STREQ(vitc_rt_status_name(VITC_PICTURE_TOO_LARGE), "picture too large");
  EXPECT_STREQ(vitc_rt_status_name(static_cast<vitc_status>(99)), "unknown status");
}
