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

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr size_t kImages = 3;
/// Of the yardstick; for outputs of so few elements that either error may be small by luck, the other.
constexpr double kFactor = 1.5, kFactorOfFew = 10;
constexpr size_t kFew = 16;

class PrecisionTest : public testing::TestWithParam<std::tuple<Precision, uint64_t>> {};

void expectClose(const Outputs &got, const std::vector<std::vector<double>> &want,
                 const std::vector<std::vector<double>> &rounded) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    double factor = got[i].size() < kFew ? kFactorOfFew : kFactor;
    EXPECT_LE(relativeError(got[i], want[i]), factor * relativeError(rounded[i], want[i])) << "output " << i;
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
  auto want = exact.run(images, kImages), roundedWant = rounded.run(images, kImages);
  std::vector<uint8_t> pixels;
  if (config.preprocess)
    for (size_t i = 0; i < imageElements(config); ++i)
      pixels.push_back(static_cast<uint8_t>(std::clamp(128 + 60 * images[i], 0.0f, 255.0f)));
  for (const Isa *isa : options.targets) {
    SCOPED_TRACE(isa->name.str());
    auto model = create(*library, isa->name.data(), 1 + static_cast<uint32_t>(index % 5));
    ASSERT_TRUE(model);
    expectClose(run(*library, *model, images, kImages), want, roundedWant);
    if (config.preprocess)
      expectClose(runPictures(*library, *model, pixels, static_cast<int32_t>(config.inputSize.height),
                              static_cast<int32_t>(config.inputSize.width),
                              static_cast<int32_t>(config.channels)),
                  exact.runPixels(pixels), rounded.runPixels(pixels));
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

INSTANTIATE_TEST_SUITE_P(Shapes, PrecisionTest,
                         testing::Combine(testing::Values(Precision::Bf16, Precision::Int8),
                                          testing::Range<uint64_t>(0, 14)),
                         [](const auto &info) {
                           return precisionName(std::get<0>(info.param)).str() + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

} // namespace
