// Random models in the precisions below f32, on every level of this machine.
//
// The yardstick is the float64 interpreter with operands rounded as the precision says: what the precision
// itself costs. Compiled code may lose no more than a little beyond that, for other roundings flip where
// values lie near a tie. On levels without the instructions it loses less, since it widens weights and rounds
// nothing else.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include "test/Integration/RandomModel.h"
#include <cstring>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr size_t kImages = 3;
/// Of the yardstick; for outputs of so few elements that either error may be small by luck, the other.
constexpr double kFactor = 2, kFactorOfFew = 10;
constexpr size_t kFew = 16;
/// Of sums in f32, where operands lose nothing when they are rounded: a norm of two channels makes 1 and -1
/// of them.
constexpr double kExact = 2e-6;

class PrecisionTest : public testing::TestWithParam<std::tuple<Precision, uint64_t>> {};

using Values = std::vector<std::vector<double>>;

/// What the precision costs each output.
std::vector<double> costs(const Values &rounded, const Values &want) {
  std::vector<double> errors;
  for (size_t i = 0; i < want.size(); ++i)
    errors.push_back(relativeError(rounded[i], want[i]));
  return errors;
}

void expectClose(const Outputs &got, const Values &want, const std::vector<double> &cost) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    double factor = got[i].size() < kFew ? kFactorOfFew : kFactor;
    EXPECT_LE(relativeError(got[i], want[i]), std::max(factor * cost[i], kExact)) << "output " << i;
  }
}

TEST_P(PrecisionTest, LosesNoMoreThanItsRounding) {
  auto [precision, index] = GetParam();
  ModelConfig config = randomModel(/*seed=*/1, index);
  SCOPED_TRACE(printVitJson(config));
  Checkpoint checkpoint = seededCheckpoint(config, {1});
  CompileOptions options = hostOptions(precision);
  options.maxSide = 1 << 14;
  options.batch = 1 + static_cast<int64_t>(index % 3);
  auto library = compileAndLoad(checkpoint, options);
  ASSERT_TRUE(library);

  std::vector<float> images = seededImage(index, kImages * imageElements(config));
  Reference exact(checkpoint), rounded(checkpoint, precision);
  Values want = exact.run(images, kImages), wantOfPicture;
  std::vector<double> cost = costs(rounded.run(images, kImages), want), costOfPicture = cost;
  std::vector<uint8_t> pixels;
  if (config.preprocess) {
    for (size_t i = 0; i < imageElements(config); ++i)
      pixels.push_back(static_cast<uint8_t>(std::clamp(128 + 60 * images[i], 0.0f, 255.0f)));
    wantOfPicture = exact.runPixels(pixels);
    // A single picture may lose little by luck, where a few values decide how others are rounded.
    for (auto [known, own] : llvm::zip(costOfPicture, costs(rounded.runPixels(pixels), wantOfPicture)))
      known = std::max(known, own);
  }
  for (const Isa *isa : options.targets) {
    SCOPED_TRACE(isa->name.str());
    auto model = create(*library, isa->name.data(), 1 + static_cast<uint32_t>(index % 5));
    ASSERT_TRUE(model);
    expectClose(run(*library, *model, images, kImages), want, cost);
    if (config.preprocess)
      expectClose(runPictures(*library, *model, pixels, static_cast<int32_t>(config.inputSize.height),
                              static_cast<int32_t>(config.inputSize.width),
                              static_cast<int32_t>(config.channels)),
                  wantOfPicture, costOfPicture);
  }
}

// The same bits for any number of threads and any place in a batch.
TEST(Precision, SameBitsForAnyThreadsAndBatch) {
  Checkpoint checkpoint = seededCheckpoint(smallConfig(), {3});
  for (Precision precision : kPrecisions) {
    if (precision == Precision::F32)
      continue; // SteadyTest
    CompileOptions options = hostOptions(precision);
    options.batch = 4;
    auto library = compileAndLoad(checkpoint, options);
    ASSERT_TRUE(library);
    std::vector<float> images = seededImage(9, 7 * imageElements(checkpoint.config));
    for (const Isa *isa : options.targets) {
      auto alone = create(*library, isa->name.data(), 1), shared = create(*library, isa->name.data(), 3);
      ASSERT_TRUE(alone && shared);
      Outputs all = run(*library, *shared, images, 7);
      for (size_t i = 0; i < 7; ++i) {
        auto first = images.begin() + static_cast<ptrdiff_t>(i * imageElements(checkpoint.config));
        std::vector<float> image(first, first + static_cast<ptrdiff_t>(imageElements(checkpoint.config)));
        Outputs one = run(*library, *alone, image, 1);
        for (size_t o = 0; o < one.size(); ++o)
          EXPECT_TRUE(std::equal(one[o].begin(), one[o].end(),
                                 all[o].begin() + static_cast<ptrdiff_t>(i * one[o].size())))
              << precisionName(precision).str() << ' ' << isa->name.str() << " image " << i;
      }
    }
  }
}

/// int8 with one scale for all tokens in each block but the last, whose layers have other names.
std::vector<vit::LayerArithmetic> staticLayers(const ModelConfig &config) {
  std::vector<vit::LayerArithmetic> layers;
  for (int64_t block = 0; block + 1 < config.depth; ++block)
    for (const char *layer : {"qkv", "o", "fc1", "fc2"})
      layers.push_back({"blk." + std::to_string(block) + "." + layer, vit::DotKind::Int8, 0.03});
  return layers;
}

// A pixel that is no number: no output of its image is one, in any precision, and no other image notices. A
// scale that tokens share stops it where it is applied (docs/Rationale.md); what is computed then is still
// the same for any number of threads.
TEST(Precision, NumbersThatAreNotFinite) {
  ModelConfig config = smallConfig();
  Checkpoint checkpoint = seededCheckpoint(config, {3});
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  auto part = [](const Outputs &outputs, size_t image) {
    auto begin = outputs[0].begin() + static_cast<ptrdiff_t>(image * outputs[0].size() / 2);
    return std::vector<float>(begin, begin + static_cast<ptrdiff_t>(outputs[0].size() / 2));
  };
  // Bits, since a NaN equals nothing.
  auto same = [](const std::vector<float> &a, const std::vector<float> &b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  };
  for (bool shared : {false, true})
    for (Precision precision : {Precision::Bf16, Precision::Int8}) {
      if (shared && precision == Precision::Bf16)
        continue;
      CompileOptions options = hostOptions(precision);
      if (shared)
        options.layers = staticLayers(config);
      auto library = compileAndLoad(checkpoint, options);
      ASSERT_TRUE(library);
      std::vector<float> clean = seededImage(9, 2 * imageElements(config));
      for (const Isa *isa : options.targets)
        for (float odd : {kNan, kInf, -kInf}) {
          SCOPED_TRACE(precisionName(precision).str() + ' ' + isa->name.str() + ' ' + std::to_string(odd) +
                       (shared ? " static" : ""));
          std::vector<float> images = clean;
          images[imageElements(config) / 2] = odd;
          auto one = create(*library, isa->name.data(), 1), three = create(*library, isa->name.data(), 3);
          ASSERT_TRUE(one && three);
          Outputs got = run(*library, *one, images, 2), again = run(*library, *three, images, 2);
          EXPECT_TRUE(same(got[0], again[0]));
          EXPECT_TRUE(same(part(got, 1), part(run(*library, *one, clean, 2), 1)));
          if (!shared)
            EXPECT_TRUE(llvm::none_of(part(got, 0), [](float x) { return std::isfinite(x); }));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, PrecisionTest,
                         testing::Combine(testing::Values(Precision::Bf16, Precision::Int8),
                                          testing::Range<uint64_t>(0, 14)),
                         [](const auto &info) {
                           return precisionName(std::get<0>(info.param)).str() + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

} // namespace
