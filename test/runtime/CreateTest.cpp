// Creation: options, levels, arenas, and what is left behind when it fails.
#include "runtime/src/arena.h"
#include "test/runtime/FakeModel.h"
#include "test/runtime/GuardedBuffer.h"
#include "gtest/gtest.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {
class Create : public testing::Test {
protected:
  void SetUp() override {
    options.struct_size = sizeof options;
    options.threads = 2;
  }
  void TearDown() override { vitc_rt_destroy(model); }

  vitc_status create() {
    vitc_rt_destroy(model);
    model = reinterpret_cast<vitc_model *>(1);
    vitc_status status = vitc_rt_create(&fake.library, &model, &options);
    EXPECT_EQ(model == nullptr, status != VITC_OK);
    return status;
  }
  std::string message() const { return vitc_rt_last_message(); }

  /// One picture and seven images, so that every part of the arena is used.
  void expectRuns() {
    std::vector<float> images = fakeImages(7), sums(7 * 4), copies(7 * 16);
    std::vector<uint8_t> pixels(100 * 100, 9);
    void *outputs[] = {sums.data(), copies.data()};
    EXPECT_EQ(vitc_rt_run(model, images.data(), 7, outputs), VITC_OK) << message();
    EXPECT_EQ(sums, fake.expectedSums(images));
    EXPECT_EQ(vitc_rt_run_u8(model, pixels.data(), 100, 100, 1, 100, 1, outputs), VITC_OK) << message();
    EXPECT_EQ(sums[3], 36.0f);
  }

  FakeModel fake;
  vitc_options options = {};
  vitc_model *model = nullptr;
};

size_t threadsOfProcess() {
  size_t count = 0;
  for (const auto &entry : std::filesystem::directory_iterator("/proc/self/task")) {
    (void)entry;
    ++count;
  }
  return count;
}
} // namespace

TEST_F(Create, NullPointers) {
  EXPECT_EQ(vitc_rt_create(&fake.library, nullptr, nullptr), VITC_INVALID_ARGUMENT);
  vitc_model *out;
  EXPECT_EQ(vitc_rt_create(nullptr, &out, nullptr), VITC_INVALID_ARGUMENT);
}

TEST_F(Create, OptionsOfOtherVersions) {
  options.struct_size = 0;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected options.struct_size to be sizeof(vitc_options)");
  options.struct_size = 1 << 20;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  // An older caller knows fewer options: the rest are defaults, whatever lies in memory there.
  options.struct_size = offsetof(vitc_options, concurrency);
  options.level = "garbage";
  EXPECT_EQ(create(), VITC_OK) << message();
  EXPECT_EQ(vitc_rt_threads(model), 2u);
  // A newer one knows more; that is fine as long as it does not use them.
  struct Newer {
    vitc_options known = {};
    uint64_t unknown = 0;
  } newer;
  newer.known.struct_size = sizeof newer;
  vitc_rt_destroy(model);
  EXPECT_EQ(vitc_rt_create(&fake.library, &model, &newer.known), VITC_OK);
  vitc_rt_destroy(model);
  newer.unknown = 1;
  EXPECT_EQ(vitc_rt_create(&fake.library, &model, &newer.known), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "an option is set that this version of the library does not know");
}

extern "C" size_t apiHeaderOptionsSize(void); // ApiHeader.c

TEST_F(Create, HeaderMeansTheSameInC) { EXPECT_EQ(apiHeaderOptionsSize(), sizeof(vitc_options)); }

TEST_F(Create, Ranges) {
  options.threads = 1025;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected threads from 0 to 1024, got 1025");
  options.threads = 2;
  options.concurrency = 1025;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  options.concurrency = 0;
  vitc_thread_pool pool = {};
  options.pool = &pool;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "the caller's thread pool has no parallel_for");
  pool.parallel_for = [](void *, uint32_t, void (*)(void *, uint32_t, uint32_t), void *) {};
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected threads of the caller's pool from 1 to 1024, got 0");
}

TEST_F(Create, Levels) {
  vitc_level impossible = fake.levels[0];
  impossible.name = "impossible";
  impossible.needs = 1u << 31;
  fake.levels.insert(fake.levels.begin(), impossible);
  fake.info.levels = fake.levels.data();
  fake.info.level_count = 2;
  EXPECT_EQ(create(), VITC_OK) << message();
  EXPECT_STREQ(vitc_rt_level(model), "base");
  options.level = "base";
  EXPECT_EQ(create(), VITC_OK) << message();
  options.level = "impossible";
  EXPECT_EQ(create(), VITC_UNSUPPORTED_CPU);
  options.level = "best";
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "the library has no level 'best'; it has impossible, base");
  options.level = nullptr;
  fake.info.level_count = 1;
  EXPECT_EQ(create(), VITC_UNSUPPORTED_CPU);
  EXPECT_EQ(message(), "this CPU runs none of the library's levels: impossible");
}

/// The model at 4x4, and the same with rows of 8 pixels, more memory and outputs of its own.
class Sizes : public Create {
protected:
  Sizes() {
    wide.input_height = 2;
    wide.input_width = 8;
    wide.preprocess = &widePreprocess;
    widePreprocess.resize_height = 2;
    widePreprocess.resize_width = 8;
    wideLevel.arena_bytes += 640;
    wide.levels = &wideLevel;
    models = {fake.info, wide};
    fake.library.models = models.data();
    fake.library.model_count = 2;
  }
  vitc_status at(uint32_t height, uint32_t width) {
    options.height = height;
    options.width = width;
    return create();
  }
  vitc_preprocess widePreprocess = fake.preprocess;
  vitc_level wideLevel = fake.levels[0];
  vitc_model_info wide = fake.info;
  std::vector<vitc_model_info> models;
};

TEST_F(Sizes, AreChosenByTheOptions) {
  for (auto [height, width] : {std::pair(0u, 0u), std::pair(4u, 4u), std::pair(2u, 8u)}) {
    ASSERT_EQ(at(height, width), VITC_OK) << message();
    expectRuns();
    EXPECT_EQ(vitc_rt_level_info(model), height == 2 ? &wideLevel : &fake.levels[0]);
  }
}

TEST_F(Sizes, AreRefusedByName) {
  for (auto [height, width] : {std::pair(8u, 2u), std::pair(4u, 0u), std::pair(0u, 8u), std::pair(~0u, 4u)}) {
    EXPECT_EQ(at(height, width), VITC_INVALID_ARGUMENT);
    EXPECT_EQ(message(), "the library has no code for an input of " + std::to_string(height) + "x" +
                             std::to_string(width) + "; it has 4x4, 2x8");
  }
  // An older caller does not know of them and gets the default.
  options.struct_size = offsetof(vitc_options, height);
  EXPECT_EQ(create(), VITC_OK) << message();
  options.struct_size = sizeof options;
  for (uint32_t count : {0u, VITC_MAX_SIZES + 1u}) {
    fake.library.model_count = count;
    EXPECT_EQ(at(0, 0), VITC_INVALID_ARGUMENT);
    EXPECT_EQ(message(), "expected input sizes from 1 to 16, got " + std::to_string(count));
  }
}

TEST_F(Sizes, RunAtOnceInMemoryOfTheirOwn) {
  vitc_library_info narrow = {VITC_ABI_VERSION, 1, models.data()};
  uint64_t small = vitc_rt_arena_bytes(&narrow, 3), any = vitc_rt_arena_bytes(&fake.library, 3);
  EXPECT_GE(any, small + 640 * fake.info.batch);
  GuardedBuffer arena(any);
  options.threads = 3;
  options.arena = arena.data();
  options.arena_bytes = arena.size();
  ASSERT_EQ(at(2, 8), VITC_OK) << message();
  expectRuns();
  options.arena_bytes = small; // enough for the other
  EXPECT_EQ(at(2, 8), VITC_ARENA_TOO_SMALL);
  ASSERT_EQ(at(4, 4), VITC_OK) << message();
  vitc_model *other = nullptr;
  options = {sizeof options};
  options.height = 2;
  options.width = 8;
  ASSERT_EQ(vitc_rt_create(&fake.library, &other, &options), VITC_OK) << message();
  expectRuns();
  std::swap(model, other);
  expectRuns();
  vitc_rt_destroy(other);
}

// Each size has a part that is the largest.
TEST_F(Sizes, ArenaBytesSufficeForAny) {
  models[0].levels = &fake.levels[0];
  fake.levels[0].scratch_bytes = 6400;
  for (uint32_t threads : {1u, 2u, 100u}) {
    uint64_t bytes = vitc_rt_arena_bytes(&fake.library, threads);
    for (const vitc_model_info &info : models)
      EXPECT_GE(bytes, vitc_layout_of(&info, threads).bytes);
  }
  uint64_t one = vitc_rt_arena_bytes(&fake.library, 1), two = vitc_rt_arena_bytes(&fake.library, 2);
  EXPECT_EQ(two - one, 6400u);
  EXPECT_EQ(vitc_rt_arena_bytes(&fake.library, 100), one + 99 * (two - one));
  wideLevel.arena_bytes = UINT64_MAX;
  EXPECT_EQ(vitc_rt_arena_bytes(&fake.library, 1), UINT64_MAX);
}

TEST_F(Create, TablesOfAnotherVersion) {
  std::string version = std::to_string(VITC_ABI_VERSION);
  fake.library.abi = 0;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected table version from " + version + " to " + version + ", got 0");
  fake.library.abi = VITC_ABI_VERSION;
  fake.levels[0].run_u8.input_bytes = 15;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected input bytes of run_u8 from 16 to 16, got 15");
  fake.levels[0].run_u8.input_bytes = 16;
  fake.info.batch = 0;
  EXPECT_EQ(create(), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "expected images per pass from 1 to 65535, got 0");
}

TEST_F(Create, ArenaOfTheStatedSizeEndsAtAGuardPage) {
  for (uint32_t threads : {1u, 2u, 3u, 8u})
    for (uint32_t concurrency : {1u, 3u}) {
      options.threads = threads;
      options.concurrency = concurrency;
      uint64_t bytes = vitc_rt_arena_bytes(&fake.library, threads);
      EXPECT_EQ(bytes % 64, 0u);
      GuardedBuffer arena(bytes * concurrency);
      options.arena = arena.data();
      options.arena_bytes = arena.size();
      ASSERT_EQ(create(), VITC_OK) << message();
      expectRuns();
      --options.arena_bytes;
      EXPECT_EQ(create(), VITC_ARENA_TOO_SMALL);
      EXPECT_EQ(message(), "expected an arena of at least " + std::to_string(bytes * concurrency) +
                               " bytes for " + std::to_string(threads) + " threads and " +
                               std::to_string(concurrency) + " concurrent runs, got " +
                               std::to_string(bytes * concurrency - 1));
      options.arena_bytes = arena.size();
      options.arena = arena.data() + 8;
      EXPECT_EQ(create(), VITC_INVALID_ARGUMENT) << "misaligned";
    }
}

TEST_F(Create, ArenaBytesAreAffineInThreads) {
  uint64_t one = vitc_rt_arena_bytes(&fake.library, 1), two = vitc_rt_arena_bytes(&fake.library, 2);
  EXPECT_EQ(two - one, 64u) << "the scratch of one thread";
  EXPECT_EQ(vitc_rt_arena_bytes(&fake.library, 100), one + 99 * (two - one));
  // The largest level counts, whichever one this CPU has.
  vitc_level large = fake.levels[0];
  large.needs = 1u << 31;
  large.arena_bytes += 640;
  fake.levels.push_back(large);
  fake.info.levels = fake.levels.data();
  fake.info.level_count = 2;
  EXPECT_EQ(vitc_rt_arena_bytes(&fake.library, 1), one + 640 * fake.info.batch);
  // Sums that do not fit are said to be endless, not small.
  fake.levels[1].arena_bytes = UINT64_MAX / 2;
  EXPECT_EQ(vitc_rt_arena_bytes(&fake.library, 1), UINT64_MAX);
  EXPECT_EQ(create(), VITC_OUT_OF_MEMORY);
}

TEST_F(Create, LayoutPartsDoNotOverlap) {
  vitc_layout layout = vitc_layout_of(&fake.info, 4);
  EXPECT_EQ(layout.activations, 0u);
  EXPECT_GE(layout.pixels, fake.info.batch * 128u);
  EXPECT_GE(layout.pictures, layout.pixels + fake.info.batch * 16u);
  EXPECT_GE(layout.scratch, layout.pictures + 100 * 4);
  EXPECT_EQ(layout.bytes, layout.scratch + 4 * 64u);
}

// A failure leaves no thread behind, and success none after destroy.
TEST_F(Create, ThreadsEnd) {
  size_t before = threadsOfProcess();
  options.threads = 5;
  options.arena = &options;
  options.arena_bytes = 1;
  EXPECT_NE(create(), VITC_OK);
  EXPECT_EQ(threadsOfProcess(), before);
  options.arena = nullptr;
  EXPECT_EQ(create(), VITC_OK);
  EXPECT_EQ(threadsOfProcess(), before + 4);
  vitc_rt_destroy(model);
  model = nullptr;
  EXPECT_EQ(threadsOfProcess(), before);
}

// Sanitizers reserve terabytes of addresses, which a limit on them would take away.
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NO_ADDRESS_LIMIT
#endif
#endif
#if !defined(NO_ADDRESS_LIMIT) && !defined(__SANITIZE_ADDRESS__)
TEST_F(Create, ThreadsThatTheSystemRefuses) {
  pid_t child = fork();
  if (!child) {
    // Room for the stacks of a few threads.
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlim_t bytes = pages * 4096 + (40u << 20);
    rlimit limit = {bytes, bytes};
    if (setrlimit(RLIMIT_AS, &limit))
      _exit(2);
    options.threads = 64;
    if (vitc_rt_create(&fake.library, &model, &options) != VITC_THREADS_UNAVAILABLE || model)
      _exit(3);
    _exit(threadsOfProcess() == 1 ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
}
#endif
