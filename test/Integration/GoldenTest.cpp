// Checkpoints that the frameworks wrote, compiled for every level of this machine, against the frameworks'
// own outputs in float64 (goldens/README.md).
#include "compiler/Driver/Picture.h"
#include "compiler/Support/Error.h"
#include "test/Integration/Harness.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace vitc;
using namespace vitc::test;

namespace {

const std::string kGoldens = std::string(VITC_TEST_DATA) + "/goldens/";

/// Cases that the compiler refuses, and the field that it names. One that compiles fails the test until it is
/// taken off this list.
const std::map<std::string, std::string> kRefused{{"timm-vit-avgmax", "avgmax"}};

std::vector<std::string> allCases() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(kGoldens, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::fs::exists(it->path() + "/golden/golden.json"))
      names.push_back(llvm::sys::path::filename(it->path()).str());
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenTest : public testing::TestWithParam<std::string> {
protected:
  std::string path(const std::string &file) const { return kGoldens + GetParam() + "/golden/" + file; }
  bool has(const std::string &file) const { return llvm::sys::fs::exists(path(file)); }
  std::vector<std::vector<double>> expected() const {
    if (has("logits.npy"))
      return {readNpy(path("logits.npy")).data};
    return {readNpy(path("features.npy")).data, readNpy(path("pooled.npy")).data};
  }
  void readFacts() {
    auto text = llvm::MemoryBuffer::getFile(path("golden.json"));
    ASSERT_TRUE(text);
    auto json = llvm::json::parse((*text)->getBuffer());
    ASSERT_TRUE(static_cast<bool>(json)) << llvm::toString(json.takeError());
    const llvm::json::Object &facts = *json->getAsObject();
    bound = *facts.getNumber("bound");
    if (const llvm::json::Object *picture = facts.getObject("picture"))
      asPillow = *picture->getNumber("largest difference to Pillow") == 0;
  }
  double bound = 0;
  bool asPillow = true; ///< the framework resized the picture as Pillow does, and as we do
};

TEST_P(GoldenTest, EqualsTheFramework) {
  ASSERT_NO_FATAL_FAILURE(readFacts());
  auto checkpoint = openCheckpoint(kGoldens + GetParam());
  if (auto refused = kRefused.find(GetParam()); refused != kRefused.end()) {
    ASSERT_FALSE(static_cast<bool>(checkpoint)) << "is supported now: take it off the list";
    llvm::Error error = checkpoint.takeError();
    EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
    std::string message = llvm::toString(std::move(error));
    EXPECT_TRUE(llvm::StringRef(message).contains(refused->second)) << message;
    return;
  }
  ASSERT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());

  vit::Tensor input = readNpy(path("input.npy"));
  std::vector<float> images(input.data.begin(), input.data.end());
  std::vector<std::vector<double>> want = expected();
  // The interpreter first: where it is right and the code wrong, the importer is not to blame.
  EXPECT_LE(relativeError(Reference(*checkpoint).run(images, input.shape[0]), want), 1e-11);

  auto library = compileAndLoad(*checkpoint);
  ASSERT_TRUE(library);
  // Where the framework resizes by other rules, its pixels go through a model that does not resize.
  std::unique_ptr<LoadedLibrary> bareLibrary;
  if (has("picture.png")) {
    ASSERT_TRUE(checkpoint->config.preprocess);
  }
  if (!asPillow) {
    Checkpoint bare = *checkpoint;
    llvm::erase_if(bare.config.preprocess->steps,
                   [](const PreprocessStep &step) { return !std::holds_alternative<AffineStep>(step); });
    bareLibrary = compileAndLoad(bare);
    ASSERT_TRUE(bareLibrary);
  }
  for (const Isa *isa : runnableLevels()) {
    SCOPED_TRACE(isa->name.str());
    auto model = create(*library, isa->name.data());
    ASSERT_TRUE(model);
    EXPECT_EQ(model->levelName(), isa->name);
    EXPECT_LE(relativeError(run(*library, *model, images, input.shape[0]), want), bound);
    if (!has("picture.png"))
      continue;
    std::vector<double> logits = readNpy(path("picture_logits.npy")).data;
    if (asPillow) {
      auto picture = readPicture(path("picture.png"), 4096);
      ASSERT_TRUE(static_cast<bool>(picture)) << llvm::toString(picture.takeError());
      Outputs got =
          runPictures(*library, *model, picture->pixels, picture->height, picture->width, picture->channels);
      EXPECT_LE(relativeError(got, {logits}), bound);
    } else {
      vit::Tensor pixels = readNpy(path("picture_u8.npy"));
      auto bareModel = create(*bareLibrary, isa->name.data());
      ASSERT_TRUE(bareModel);
      Outputs got = runPictures(*bareLibrary, *bareModel, {pixels.data.begin(), pixels.data.end()},
                                static_cast<int32_t>(pixels.shape[0]), static_cast<int32_t>(pixels.shape[1]),
                                static_cast<int32_t>(pixels.shape[2]));
      EXPECT_LE(relativeError(got, {logits}), bound);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTest, testing::ValuesIn(allCases()), [](const auto &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(GoldenFolder, HoldsTheCases) {
  // Test cases are found by looking: a folder that is not there must not pass as none.
  EXPECT_GE(allCases().size(), 40u);
  for (const auto &[name, field] : kRefused)
    EXPECT_TRUE(llvm::is_contained(allCases(), name)) << name;
}

} // namespace
