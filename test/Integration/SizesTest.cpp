// One library for several input sizes: each gives the bits of a library of its own, all at once, from weights
// that are there once.
#include "compiler/Driver/Comparison.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Import/Overrides.h"
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include <thread>

using namespace vitc;
using namespace vitc::test;

namespace {

/// Checkpoints of one model at several sizes, the library that holds all, and one for each.
struct Library {
  std::vector<Checkpoint> checkpoints;
  std::unique_ptr<LoadedLibrary> all;
  std::vector<std::unique_ptr<LoadedLibrary>> alone;

  void compile(const CompileOptions &options) {
    std::vector<Model> models(checkpoints.begin(), checkpoints.end());
    auto library = vitc::compileAndLoad(models, options);
    ASSERT_TRUE(static_cast<bool>(library)) << llvm::toString(library.takeError());
    all = std::move(*library);
    ASSERT_EQ(all->sizes().size(), checkpoints.size());
    for (const Checkpoint &checkpoint : checkpoints) {
      alone.push_back(test::compileAndLoad(checkpoint, options));
      ASSERT_TRUE(alone.back());
    }
  }

  /// The outputs of three images, and of a picture if the model takes any.
  static std::pair<Outputs, Outputs> outputsOf(const LoadedLibrary &library, const RunningModel &model,
                                               const ModelConfig &config) {
    std::pair<Outputs, Outputs> result;
    result.first = run(library, model, seededImage(5, 3 * imageElements(config)), 3);
    std::vector<uint8_t> pixels(size_t(41) * 53 * config.channels);
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(i * i / 7);
    if (config.preprocess)
      result.second = runPictures(library, model, pixels, 41, 53, static_cast<int32_t>(config.channels));
    return result;
  }
};

/// The bundled generator's model at 30x30, 43x52 and 20x15: 37, 81 and 13 tokens.
Library smallLibrary(Precision precision) {
  ModelConfig config = smallConfig();
  config.pos.resize = PosResize();
  config.outputs = {{OutputValue::Logits}, {OutputValue::Features}};
  Library library;
  for (Extent size : {Extent{30, 30}, Extent{43, 52}, Extent{20, 15}}) {
    // Views of their own: what is equal is found by its contents.
    library.checkpoints.push_back(seededCheckpoint(config));
    ImportOptions options;
    options.imageSize = size;
    llvm::Error error = overrideConfig(library.checkpoints.back().config, options);
    EXPECT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
    shareTensors(library.checkpoints.front(), library.checkpoints.back());
  }
  CompileOptions options = hostOptions(precision);
  options.targets = {options.targets.front(), options.targets.back()};
  options.batch = 2;
  library.compile(options);
  return library;
}

void expectSharedWeights(const Library &library) {
  auto bytes = [](const std::unique_ptr<LoadedLibrary> &each) {
    return static_cast<int64_t>(each->info().weight_bytes);
  };
  int64_t tables = 0; // of the other sizes: positions, with the class token, and their padding
  for (size_t i = 1; i < library.checkpoints.size(); ++i)
    tables += 4 * (64 * library.checkpoints[i].config.tokens() + 3 * 64);
  EXPECT_GT(bytes(library.all), bytes(library.alone[0]));
  EXPECT_LE(bytes(library.all), bytes(library.alone[0]) + tables);
  const vitc_model_info *first = &library.all->info();
  for (size_t i = 1; i < library.checkpoints.size(); ++i)
    EXPECT_EQ(first[i].weights, first->weights);
}

class SizesTest : public testing::TestWithParam<Precision> {};

TEST_P(SizesTest, AllRunAtOnceWithTheBitsOfTheirOwnLibraries) {
  Library library = smallLibrary(GetParam());
  expectSharedWeights(library);
  for (const LibraryFacts::Level &level : library.all->facts().levels) {
    SCOPED_TRACE(level.name);
    std::vector<RunningModel> models;
    std::vector<std::pair<Outputs, Outputs>> want, got(2 * library.checkpoints.size());
    for (auto [i, checkpoint] : llvm::enumerate(library.checkpoints)) {
      auto own = create(*library.alone[i], level.name.c_str());
      ASSERT_TRUE(own);
      want.push_back(Library::outputsOf(*library.alone[i], *own, checkpoint.config));
      EXPECT_EQ(want.back().first[1].size(), 3 * 60u * checkpoint.config.tokens());
      library.all->select(i);
      auto model = create(*library.all, level.name.c_str(), 2);
      ASSERT_TRUE(model);
      models.push_back(std::move(*model));
    }
    // Two callers for each size; a loaded library says what size it is at for all of its models, so that only
    // the models count here.
    std::vector<std::thread> threads;
    for (size_t t = 0; t < got.size(); ++t)
      threads.emplace_back([&, t] {
        size_t i = t / 2;
        for (int round = 0; round < 3; ++round)
          got[t] = Library::outputsOf(*library.alone[i], models[i], library.checkpoints[i].config);
      });
    for (std::thread &thread : threads)
      thread.join();
    for (size_t t = 0; t < got.size(); ++t) {
      EXPECT_EQ(got[t].first, want[t / 2].first) << t;
      EXPECT_EQ(got[t].second, want[t / 2].second) << t;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, SizesTest, testing::Values(Precision::F32, Precision::Int8),
                         [](const auto &info) { return precisionName(info.param).str(); });

// Models of other libraries: tables of angles, positions of other kinds, patches that do not divide the size.
class SizesOfGoldens : public testing::TestWithParam<const char *> {};

TEST_P(SizesOfGoldens, HaveTheBitsOfTheirOwnLibraries) {
  Library library;
  for (Extent size : {Extent{20, 20}, Extent{31, 25}, Extent{15, 40}}) {
    ImportOptions options;
    options.imageSize = size;
    auto checkpoint = openCheckpoint(std::string(VITC_TEST_DATA "/goldens/") + GetParam(), options);
    ASSERT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());
    library.checkpoints.push_back(std::move(*checkpoint));
    shareTensors(library.checkpoints.front(), library.checkpoints.back());
  }
  CompileOptions options = hostOptions();
  options.targets.resize(1);
  library.compile(options);
  int64_t alone = 0;
  for (auto [i, checkpoint] : llvm::enumerate(library.checkpoints)) {
    SCOPED_TRACE(i);
    library.all->select(i);
    auto model = create(*library.all), own = create(*library.alone[i]);
    ASSERT_TRUE(model && own);
    auto got = Library::outputsOf(*library.all, *model, checkpoint.config);
    auto want = Library::outputsOf(*library.alone[i], *own, checkpoint.config);
    EXPECT_EQ(got.first, want.first);
    EXPECT_EQ(got.second, want.second);
    alone += static_cast<int64_t>(library.alone[i]->info().weight_bytes);
  }
  EXPECT_LT(static_cast<int64_t>(library.all->info().weight_bytes), alone * 2 / 3);
}

INSTANTIATE_TEST_SUITE_P(Models, SizesOfGoldens,
                         testing::Values("timm-dinov3", "timm-eva02-small", "timm-rope-mixed", "timm-beit",
                                         "hf4-siglip"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Sizes share what reads the same, whoever opened it, and nothing else of the same name.
TEST(SizesOfALibrary, ShareEqualTensorsOnly) {
  ModelConfig config = smallConfig();
  config.pos.resize = PosResize();
  Checkpoint first = seededCheckpoint(config), again = seededCheckpoint(config),
             other = seededCheckpoint(config, {4});
  shareTensors(first, again);
  EXPECT_EQ(again.tensors, first.tensors);
  other.tensors["head.main.b"] = again.tensors["head.main.b"];
  auto before = other.tensors;
  shareTensors(first, other);
  EXPECT_EQ(other.tensors, before);

  ImportOptions options;
  options.imageSize = Extent{45, 30};
  llvm::cantFail(overrideConfig(other.config, options));
  Library library;
  library.checkpoints = {first, other};
  CompileOptions compile = hostOptions();
  compile.targets.resize(1);
  library.compile(compile);
  for (size_t i = 0; i < 2; ++i) {
    library.all->select(i);
    auto model = create(*library.all), own = create(*library.alone[i]);
    ASSERT_TRUE(model && own);
    const ModelConfig &at = library.checkpoints[i].config;
    EXPECT_EQ(Library::outputsOf(*library.all, *model, at), Library::outputsOf(*library.alone[i], *own, at));
  }
  EXPECT_GT(library.all->info().weight_bytes, 2 * library.alone[0]->info().weight_bytes * 9 / 10);
}

// What one interface cannot say.
TEST(SizesOfALibrary, MustDifferAndAgree) {
  Library library;
  Checkpoint checkpoint = seededCheckpoint(smallConfig());
  auto refusal = [&](Checkpoint other) {
    auto info = compileLibrary({checkpoint, std::move(other)}, hostOptions(), "/nonexistent/small.so");
    EXPECT_FALSE(static_cast<bool>(info));
    return info ? "" : llvm::toString(info.takeError());
  };
  EXPECT_NE(refusal(checkpoint).find("expected input sizes that differ, got 30x30 twice"), std::string::npos);
  ImportOptions options;
  options.imageSize = Extent{60, 60};
  Checkpoint other = checkpoint;
  other.config.pos.resize = PosResize();
  llvm::cantFail(overrideConfig(other.config, options));
  other.config.outputs = {{OutputValue::Features}};
  EXPECT_NE(
      refusal(other).find("the same outputs at all input sizes, got logits at 30x30 and features at 60x60"),
      std::string::npos);
}

} // namespace
