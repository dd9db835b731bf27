// One result for one input: the same bits for any number of threads, any batch, any place in it, any pool,
// any alignment; and not a byte touched outside of what the caller gave.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "runtime/include/vitc/runtime.h"
#include "test/Integration/Harness.h"
#include "llvm/Support/MemoryBuffer.h"
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr size_t kImages = 7;
constexpr int32_t kHeight = 41, kWidth = 53; ///< of the pictures, which are resized and cropped

/// Memory between two pages that fault. `atEnd`: its last byte is the last before the page, else its first
/// the first behind the other.
class Guarded {
public:
  Guarded(size_t size, bool atEnd) : size(size) {
    auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t inner = (size + page - 1) / page * page;
    mapped = inner + 2 * page;
    base = static_cast<char *>(mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(base, MAP_FAILED);
    EXPECT_EQ(mprotect(base + page, inner, PROT_READ | PROT_WRITE), 0);
    start = base + page + (atEnd ? inner - size : 0);
  }
  ~Guarded() { munmap(base, mapped); }
  Guarded(const Guarded &) = delete;
  template <typename T = char> T *as() const { return reinterpret_cast<T *>(start); }
  void fill(const void *data) { std::memcpy(start, data, size); }
  void readOnly() { EXPECT_EQ(mprotect(base, mapped, PROT_READ), 0); }

  const size_t size;

private:
  char *base, *start;
  size_t mapped;
};

/// A pool that starts its threads for each call.
struct Pool {
  static void parallelFor(void *context, uint32_t count, void (*task)(void *, uint32_t, uint32_t),
                          void *argument) {
    auto *self = static_cast<Pool *>(context);
    ++self->calls;
    std::atomic<uint32_t> next = 0;
    std::vector<std::thread> threads;
    for (uint32_t worker = 0; worker < self->threads; ++worker)
      threads.emplace_back([&, worker] {
        for (uint32_t i; (i = next++) < count;) // from the last to the first: the order is the pool's
          task(argument, count - 1 - i, worker);
      });
    for (std::thread &thread : threads)
      thread.join();
  }
  vitc_thread_pool table() { return {this, threads, parallelFor}; }

  uint32_t threads = 3;
  std::atomic<int> calls = 0;
};

class SteadyTest : public testing::Test {
protected:
  SteadyTest() : checkpoint(seededCheckpoint(config())), images(seededImage(1, kImages * imageFloats())) {
    std::vector<float> noise = seededImage(2, kImages * pictureBytes());
    for (float value : noise)
      pictures.push_back(static_cast<uint8_t>(std::clamp(128 + 60 * value, 0.0f, 255.0f)));
  }
  /// Two heads' worth of outputs, odd sizes, more than one row block and panel group for each product.
  static ModelConfig config() {
    ModelConfig config = smallConfig();
    config.head.layers.clear(); // features and pooled
    config.head.preLogits = PreLogits{33, "tanh", true};
    return config;
  }
  /// Compiled once for all tests.
  const LoadedLibrary &library(int64_t batch) {
    static std::map<int64_t, std::unique_ptr<LoadedLibrary>> libraries;
    auto &library = libraries[batch];
    if (!library) {
      CompileOptions options = hostOptions();
      options.batch = batch;
      library = compileAndLoad(checkpoint, options);
    }
    return *library;
  }
  size_t imageFloats() const { return imageElements(checkpoint.config); }
  static constexpr size_t pictureBytes() { return size_t(kHeight) * kWidth * 3; }
  std::vector<float> image(size_t i) const {
    return {images.begin() + ptrdiff_t(i * imageFloats()),
            images.begin() + ptrdiff_t((i + 1) * imageFloats())};
  }
  std::vector<uint8_t> picture(size_t i) const {
    return {pictures.begin() + ptrdiff_t(i * pictureBytes()),
            pictures.begin() + ptrdiff_t((i + 1) * pictureBytes())};
  }
  /// Outputs of each image on its own, on one thread.
  std::vector<Outputs> alone(const char *level) {
    auto model = create(library(1), level);
    std::vector<Outputs> results;
    for (size_t i = 0; i < kImages; ++i)
      results.push_back(run(library(1), *model, image(i), 1));
    return results;
  }
  std::vector<Outputs> picturesAlone(const char *level) {
    auto model = create(library(1), level);
    std::vector<Outputs> results;
    for (size_t i = 0; i < kImages; ++i)
      results.push_back(runPictures(library(1), *model, picture(i), kHeight, kWidth, 3));
    return results;
  }

  Checkpoint checkpoint;
  std::vector<float> images;
  std::vector<uint8_t> pictures;
};

/// Whether image `place` of `got` is `want`, to the bit.
bool sameBits(const Outputs &got, size_t place, const Outputs &want) {
  for (size_t i = 0; i < want.size(); ++i) {
    size_t count = want[i].size();
    if (got.size() != want.size() || got[i].size() < (place + 1) * count ||
        std::memcmp(got[i].data() + place * count, want[i].data(), count * sizeof(float)) != 0)
      return false;
  }
  return true;
}

TEST_F(SteadyTest, AnyThreadsBatchAndPlace) {
  uint32_t chunks = 0; // there must be something to divide
  const vitc_schedule &schedule = library(1).info().levels[0].run;
  for (uint32_t i = 0; i < schedule.step_count; ++i)
    chunks = std::max(chunks, schedule.steps[i].chunks);
  EXPECT_GE(chunks, 4u);
  for (const Isa *isa : runnableLevels()) {
    std::vector<Outputs> want = alone(isa->name.data());
    for (int64_t batch : {1, 3})
      for (uint32_t threads : {1u, 2u, 3u, 8u}) {
        auto model = create(library(batch), isa->name.data(), threads);
        ASSERT_TRUE(model);
        EXPECT_EQ(model->threads(), threads);
        for (size_t n = 1; n <= kImages; ++n) {
          // Another rotation for each n: every image visits several places.
          std::vector<float> input;
          for (size_t i = 0; i < n; ++i) {
            std::vector<float> one = image((i + n) % kImages);
            input.insert(input.end(), one.begin(), one.end());
          }
          Outputs got = run(library(batch), *model, input, n);
          for (size_t i = 0; i < n; ++i)
            EXPECT_TRUE(sameBits(got, i, want[(i + n) % kImages]))
                << isa->name.str() << ", compiled for a batch of " << batch << ", " << threads
                << " threads, image " << i << " of " << n;
        }
      }
  }
}

TEST_F(SteadyTest, PicturesTheSame) {
  for (const Isa *isa : runnableLevels()) {
    std::vector<Outputs> want = picturesAlone(isa->name.data());
    for (int64_t batch : {1, 3})
      for (uint32_t threads : {1u, 3u}) {
        auto model = create(library(batch), isa->name.data(), threads);
        ASSERT_TRUE(model);
        Outputs got = runPictures(library(batch), *model, pictures, kHeight, kWidth, 3, kImages);
        for (size_t i = 0; i < kImages; ++i)
          EXPECT_TRUE(sameBits(got, i, want[i]))
              << isa->name.str() << ", batch " << batch << ", " << threads << " threads, picture " << i;
      }
  }
}

TEST_F(SteadyTest, ConcurrentRunsShareAModel) {
  std::vector<Outputs> want = alone(nullptr), wantPictures = picturesAlone(nullptr);
  for (uint32_t concurrency : {1u, 3u}) { // with one, callers wait for each other
    vitc_options options = {};
    options.threads = 2;
    options.concurrency = concurrency;
    auto model = create(library(3), options);
    ASSERT_TRUE(model);
    std::atomic<int> wrong = 0;
    std::vector<std::thread> callers;
    for (size_t caller = 0; caller < 4; ++caller)
      callers.emplace_back([&, caller] {
        for (size_t round = 0; round < 25; ++round) {
          size_t i = (caller + round) % kImages;
          wrong += !sameBits(run(library(3), *model, image(i), 1), 0, want[i]);
          wrong +=
              !sameBits(runPictures(library(3), *model, picture(i), kHeight, kWidth, 3), 0, wantPictures[i]);
        }
      });
    for (std::thread &caller : callers)
      caller.join();
    EXPECT_EQ(wrong, 0) << "concurrency " << concurrency;
  }
}

TEST_F(SteadyTest, CallersPool) {
  std::vector<Outputs> want = alone(nullptr);
  for (uint32_t threads : {1u, 3u}) {
    Pool pool;
    pool.threads = threads;
    vitc_thread_pool table = pool.table();
    vitc_options options = {};
    options.pool = &table;
    auto model = create(library(3), options);
    ASSERT_TRUE(model);
    EXPECT_EQ(model->threads(), threads);
    Outputs got = run(library(3), *model, images, kImages);
    for (size_t i = 0; i < kImages; ++i)
      EXPECT_TRUE(sameBits(got, i, want[i])) << threads << " threads, image " << i;
    EXPECT_GT(pool.calls, 0);
  }
}

TEST_F(SteadyTest, AnyAlignment) {
  for (const Isa *isa : runnableLevels()) {
    std::vector<Outputs> want = alone(isa->name.data());
    auto model = create(library(1), isa->name.data(), 2);
    ASSERT_TRUE(model);
    for (size_t shift : {4u, 60u, 1u, 3u}) { // also of bytes: a buffer out of a packed file
      std::vector<char> input(images.size() * sizeof(float) + shift);
      std::memcpy(input.data() + shift, images.data(), images.size() * sizeof(float));
      std::vector<std::vector<char>> outputs;
      std::vector<float *> pointers;
      for (const auto &output : want[0])
        outputs.emplace_back(kImages * output.size() * sizeof(float) + shift);
      for (auto &output : outputs)
        pointers.push_back(reinterpret_cast<float *>(output.data() + shift));
      llvm::Error error =
          model->run(reinterpret_cast<const float *>(input.data() + shift), kImages, pointers);
      ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
      for (size_t o = 0; o < outputs.size(); ++o)
        for (size_t i = 0; i < kImages; ++i) {
          size_t bytes = want[i][o].size() * sizeof(float);
          EXPECT_EQ(std::memcmp(outputs[o].data() + shift + i * bytes, want[i][o].data(), bytes), 0)
              << isa->name.str() << ", shifted by " << shift << " bytes, output " << o << " of image " << i;
        }
    }
  }
}

TEST_F(SteadyTest, StaysWithinTheCallersMemory) {
  for (const Isa *isa : runnableLevels()) {
    std::vector<Outputs> want = alone(isa->name.data()), wantPictures = picturesAlone(isa->name.data());
    for (bool atEnd : {false, true})
      for (int64_t batch : {1, 3}) {
        SCOPED_TRACE(isa->name.str() + (atEnd ? ", at the end" : ", at the start"));
        vitc_options options = {};
        options.level = isa->name.data();
        options.threads = 2;
        vitc_library_info tables = {VITC_ABI_VERSION, 1, &library(batch).info()};
        Guarded arena(vitc_rt_arena_bytes(&tables, options.threads), atEnd);
        std::memset(arena.as(), 0xff, arena.size); // NaN: what is read before it is written shows
        options.arena = arena.as();
        options.arena_bytes = arena.size;
        auto model = create(library(batch), options);
        ASSERT_TRUE(model);

        Guarded input(images.size() * sizeof(float), atEnd), pixels(pictures.size(), atEnd);
        input.fill(images.data());
        input.readOnly();
        pixels.fill(pictures.data());
        pixels.readOnly();
        std::vector<std::unique_ptr<Guarded>> outputs;
        std::vector<float *> pointers;
        for (const auto &output : want[0]) {
          outputs.push_back(std::make_unique<Guarded>(kImages * output.size() * sizeof(float), atEnd));
          pointers.push_back(outputs.back()->as<float>());
        }
        auto compare = [&](const std::vector<Outputs> &expected) {
          for (size_t o = 0; o < outputs.size(); ++o)
            for (size_t i = 0; i < kImages; ++i) {
              size_t bytes = expected[i][o].size() * sizeof(float);
              EXPECT_EQ(std::memcmp(outputs[o]->as() + i * bytes, expected[i][o].data(), bytes), 0)
                  << "output " << o << " of image " << i;
            }
        };
        llvm::Error error = model->run(input.as<float>(), kImages, pointers);
        ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
        compare(want);
        error = model->runPictures(pixels.as<uint8_t>(), kHeight, kWidth, 3, kImages, pointers);
        ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
        compare(wantPictures);
      }
  }
}

/// Weights of the caller's memory end where the last weight does: kernels must not read whole vectors beyond.
TEST_F(SteadyTest, StaysWithinTheWeights) {
  auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(static_cast<bool>(directory));
  CompileOptions options = hostOptions();
  options.weights = WeightPlacement::File;
  auto info = compileLibrary(checkpoint, options, (*directory)->file("file.so"));
  ASSERT_TRUE(static_cast<bool>(info)) << llvm::toString(info.takeError());
  auto file = llvm::MemoryBuffer::getFile((*directory)->file("small.vitw"), false, false);
  ASSERT_TRUE(file);
  for (const Isa *isa : runnableLevels())
    for (bool atEnd : {false, true}) {
      SCOPED_TRACE(isa->name.str());
      Guarded weights((*file)->getBufferSize(), atEnd);
      weights.fill((*file)->getBufferStart());
      weights.readOnly();
      ASSERT_EQ(reinterpret_cast<uintptr_t>(weights.as()) % 64, 0u);
      vitc_options create = {};
      create.level = isa->name.data();
      create.weights_data = weights.as();
      create.weights_size = weights.size;
      auto model = vitc::test::create(library(1), create); // instead of those that are embedded
      ASSERT_TRUE(model);
      EXPECT_TRUE(sameBits(run(library(1), *model, image(0), 1), 0, alone(isa->name.data())[0]));
    }
}

TEST_F(SteadyTest, AnyNumber) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const Isa *isa : runnableLevels()) {
    std::vector<Outputs> want = alone(isa->name.data());
    auto model = create(library(3), isa->name.data(), 2);
    ASSERT_TRUE(model);
    for (float value : {std::numeric_limits<float>::quiet_NaN(), kInf, -kInf,
                        std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
      std::vector<float> input = images; // the second image becomes strange, the others stay as they are
      std::fill_n(input.begin() + ptrdiff_t(imageFloats()), imageFloats(), value);
      input[2 * imageFloats() + 5] = value; // and one pixel of the third
      Outputs got = run(library(3), *model, input, kImages);
      ASSERT_EQ(got.size(), want[0].size());
      for (size_t i : {0, 3, 4, 5, 6})
        EXPECT_TRUE(sameBits(got, i, want[i])) << isa->name.str() << ", " << value << ": image " << i;
      // What is no number does not come out as one that looks right.
      if (!std::isfinite(value))
        for (size_t o = 0; o < got.size(); ++o)
          for (size_t e = 0; e < want[0][o].size(); ++e)
            ASSERT_TRUE(std::isnan(got[o][want[0][o].size() + e]))
                << isa->name.str() << ", " << value << ": output " << o << ", element " << e;
    }
  }
}

} // namespace
