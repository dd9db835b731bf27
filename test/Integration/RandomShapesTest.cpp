// Random models on every level of this machine, against the interpreter.
//
//   VITC_RANDOM_CASES=1000 VITC_RANDOM_SEED=7 RandomShapesTest     more of them, others
//   VITC_RANDOM_FIRST=12 VITC_RANDOM_CASES=1 RandomShapesTest      one of them
//
// A failure prints the vit.json of the case.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include "test/Integration/RandomModel.h"
#include "llvm/ADT/StringRef.h"
#include <cstdlib>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr size_t kImages = 3;
/// Of plain models of these sizes. Where sums cancel, as with a single class, the error of the interpreter in
/// float32 is the yardstick: within this factor of it code that rounds elsewhere is as good.
constexpr double kBound = 2e-6, kFactor = 3;
/// Where either error may be small by luck: of outputs with so few elements, of outlier models, where one
/// near tie between two keys of a few decides, and of norms of a few channels.
constexpr size_t kFew = 16;
constexpr double kFactorOfLuck = 10;

uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
  uint64_t value = otherwise;
  if (const char *text = std::getenv(name))
    EXPECT_FALSE(llvm::StringRef(text).getAsInteger(10, value)) << name << "=" << text;
  return value;
}

/// Errors within the bound, or within the factor of what float32 comes to.
template <typename Single>
void expectClose(const Outputs &got, const std::vector<std::vector<double>> &want, bool lucky,
                 Single single) {
  if (relativeError(got, want) <= kBound)
    return;
  std::vector<std::vector<double>> rounded = single();
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    double factor = lucky || got[i].size() < kFew ? kFactorOfLuck : kFactor;
    EXPECT_LE(relativeError(got[i], want[i]), std::max(kBound, factor * relativeError(rounded[i], want[i])))
        << "output " << i;
  }
}

class RandomShapesTest : public testing::TestWithParam<uint64_t> {
protected:
  static uint64_t seed() { return fromEnvironment("VITC_RANDOM_SEED", 1); }
};

TEST_P(RandomShapesTest, EqualsTheInterpreter) {
  ModelConfig config = randomModel(seed(), GetParam());
  SCOPED_TRACE("VITC_RANDOM_SEED=" + std::to_string(seed()) +
               " VITC_RANDOM_FIRST=" + std::to_string(GetParam()) + ", vit.json:\n" + printVitJson(config));
  llvm::Error error = validate(config);
  ASSERT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
  // Now and then as trained models misbehave: huge channels, attention close to one-hot.
  bool outlier = GetParam() % 16 == 11;
  // A norm of a few channels is close to a step.
  bool lucky = outlier || config.width < 8;
  Checkpoint checkpoint =
      seededCheckpoint(config, {seed(), outlier ? WeightVariant::Outlier : WeightVariant::Plain});
  CompileOptions options = hostOptions();
  options.maxSide = 1 << 14; // long rows of patches are pictures, too
  options.batch = 1 + static_cast<int64_t>(GetParam() % 3);
  auto library = compileAndLoad(checkpoint, options);
  ASSERT_TRUE(library);

  std::vector<float> images = seededImage(GetParam(), kImages * imageElements(config));
  Reference reference(checkpoint);
  std::vector<std::vector<double>> want = reference.run(images, kImages), wantPixels;
  std::vector<uint8_t> pixels;
  if (config.preprocess) {
    for (size_t i = 0; i < imageElements(config); ++i)
      pixels.push_back(static_cast<uint8_t>(std::clamp(128 + 60 * images[i], 0.0f, 255.0f)));
    wantPixels = reference.runPixels(pixels);
  }
  for (const Isa *isa : runnableLevels()) {
    SCOPED_TRACE(isa->name.str());
    auto model = create(*library, isa->name.data(), 1 + static_cast<uint32_t>(GetParam() % 5));
    ASSERT_TRUE(model);
    expectClose(run(*library, *model, images, kImages), want, lucky,
                [&] { return reference.run(images, kImages, true); });
    if (config.preprocess)
      expectClose(runPictures(*library, *model, pixels, static_cast<int32_t>(config.inputSize.height),
                              static_cast<int32_t>(config.inputSize.width),
                              static_cast<int32_t>(config.channels)),
                  wantPixels, lucky, [&] { return reference.runPixels(pixels, true); });
  }
}

std::vector<uint64_t> indices() {
  uint64_t first = fromEnvironment("VITC_RANDOM_FIRST", 0), count = fromEnvironment("VITC_RANDOM_CASES", 100);
  std::vector<uint64_t> result;
  for (uint64_t i = 0; i < count; ++i)
    result.push_back(first + i);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Shapes, RandomShapesTest, testing::ValuesIn(indices()),
                         testing::PrintToStringParamName());

} // namespace
