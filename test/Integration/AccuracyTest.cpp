// Errors of whole models on every level of this machine, against the interpreter in float64: within the bound
// that the project promises, and for models whose numerics are hard within a factor of what plain float32
// comes to.
#include "compiler/Driver/Comparison.h"
#include "compiler/Driver/Driver.h"
#include "compiler/Import/Checkpoint.h"
#include "test/Integration/Harness.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr double kBound = 2e-6; ///< of plain models, relative L2 error of each output
constexpr double kFactor = 3;   ///< of outlier models, times the error of the interpreter in float32
const std::string kBundled = VITC_TEST_DATA "/../../examples/models/vit-fashion-mnist";

struct Case {
  const char *name;
  std::string model;
  size_t images;
  bool outlier = false;
};
const std::vector<Case> kCases{
    {"bundled", kBundled, 8},
    {"tiny", "preset:vit_tiny_patch16_224", 2},
    {"small", "preset:vit_small_patch16_224", 1},
    {"small_patch32", "preset:vit_small_patch32_224", 2},
#ifdef NDEBUG // a reference without optimisation takes minutes
    {"base", "preset:vit_base_patch16_224", 1},
#endif
    {"tiny_outlier", "preset:vit_tiny_patch16_224?variant=outlier", 2, true},
    {"small_outlier", "preset:vit_small_patch16_224?variant=outlier", 1, true},
};

class AccuracyTest : public testing::TestWithParam<Case> {
protected:
  /// Errors of `got`; `single`, of outlier models, is the interpreter's own in float32.
  static void compare(const Outputs &got, const std::vector<std::vector<double>> &want,
                      const std::vector<std::vector<double>> &single) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      double error = relativeError(got[i], want[i]);
      double bound = GetParam().outlier ? kFactor * relativeError(single[i], want[i]) : kBound;
      EXPECT_LE(error, bound) << "output " << i;
      EXPECT_GT(error, 0) << "float32 has rounding errors";
    }
  }
};

TEST_P(AccuracyTest, OfImages) {
  auto checkpoint = openCheckpoint(GetParam().model);
  ASSERT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());
  size_t n = GetParam().images;
  std::vector<float> images = seededImage(7, n * imageElements(checkpoint->config));
  Reference reference(*checkpoint);
  std::vector<std::vector<double>> want = reference.run(images, n), single;
  if (GetParam().outlier)
    single = reference.run(images, n, true);
  auto library = compileAndLoad(*checkpoint);
  ASSERT_TRUE(library);
  for (const Isa *isa : runnableLevels()) {
    SCOPED_TRACE(isa->name.str());
    auto model = create(*library, isa->name.data(), 2);
    ASSERT_TRUE(model);
    compare(run(*library, *model, images, n), want, single);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, AccuracyTest, testing::ValuesIn(kCases),
                         [](const auto &info) { return std::string(info.param.name); });

/// `vitc verify` judges by the same bounds.
TEST(Verify, AgreesOnTheBound) {
  for (bool outlier : {false, true}) {
    SCOPED_TRACE(outlier ? "outlier" : "plain");
    std::string text, errors;
    llvm::raw_string_ostream out(text), err(errors);
    const std::string model =
        std::string("preset:vit_tiny_patch16_224") + (outlier ? "?variant=outlier" : "");
    ASSERT_EQ(runCommand({"verify", model.c_str(), "--json"}, out, err), 0) << errors;
    auto json = llvm::json::parse(text);
    ASSERT_TRUE(static_cast<bool>(json)) << llvm::toString(json.takeError()) << text;
    int compared = 0;
    for (const llvm::json::Value &value : *json->getAsObject()->getArray("outputs")) {
      const llvm::json::Object &output = *value.getAsObject();
      double bound = outlier ? kFactor * *output.getNumber("error_f32") : kBound;
      EXPECT_DOUBLE_EQ(*output.getNumber("bound"), bound);
      EXPECT_LE(*output.getNumber("error"), bound);
      ++compared;
    }
    EXPECT_EQ(compared, 2); // logits of an image and of pixels
  }
}

} // namespace
