// Checkpoints that the frameworks wrote, compiled for every level of this machine, against the frameworks'
// own outputs in float64 (goldens/README.md).
#include "compiler/Driver/Picture.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Glob.h"
#include "test/Integration/Harness.h"
#include "test/compiler/GoldenOptions.h"
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

/// Cases that the compiler refuses (* matches any text), and the field that it names. One that compiles fails
/// the test until it is taken off this list; the first pattern that fits counts.
constexpr std::pair<const char *, const char *> kRefused[] = {
    {"timm-vit-parallel-things", "two attentions"},
    {"timm-vit-differential", "differential attention"},
    {"open_clip-attentional", "attentional_pool"},
};

const char *refusedField(const std::string &name) {
  for (auto [pattern, field] : kRefused)
    if (matchesGlob(pattern, name))
      return field;
  return nullptr;
}

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
  /// What the framework returned; `prefix` is "" or "picture_".
  std::vector<std::vector<double>> expected(const std::string &prefix) const {
    std::vector<std::vector<double>> outputs;
    for (const char *name : {"logits.npy", "features.npy", "pooled.npy"})
      if (has(prefix + name))
        outputs.push_back(readNpy(path(prefix + name)).data);
    return outputs;
  }
  void readFacts() {
    auto text = llvm::MemoryBuffer::getFile(path("golden.json"));
    ASSERT_TRUE(text);
    auto json = llvm::json::parse((*text)->getBuffer());
    ASSERT_TRUE(static_cast<bool>(json)) << llvm::toString(json.takeError());
    const llvm::json::Object &facts = *json->getAsObject();
    bound = *facts.getNumber("bound");
    exact = facts.getNumber("bound of float64").value_or(exact);
    for (const char *key : {"model", "file"})
      if (auto file = facts.getString(key))
        modelFile = "/" + file->str();
    options = goldenOptions(facts, kGoldens + GetParam());
  }
  double bound = 0;
  double exact = 1e-11;  ///< for the interpreter; more where a file holds what its framework rounded
  ImportOptions options; ///< what a user would have to say: "options" of golden.json
  std::string modelFile; ///< "/model.onnx" where the model is one file of the folder
};

TEST_P(GoldenTest, EqualsTheFramework) {
  ASSERT_NO_FATAL_FAILURE(readFacts());
  auto checkpoint = openCheckpoint(kGoldens + GetParam() + modelFile, options);
  if (const char *field = refusedField(GetParam())) {
    ASSERT_FALSE(static_cast<bool>(checkpoint)) << "is supported now: take it off the list";
    llvm::Error error = checkpoint.takeError();
    EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
    std::string message = llvm::toString(std::move(error));
    EXPECT_TRUE(llvm::StringRef(message).contains(field)) << message;
    return;
  }
  ASSERT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());

  vit::Tensor input = readNpy(path("input.npy"));
  std::vector<float> images(input.data.begin(), input.data.end());
  std::vector<std::vector<double>> want = expected("");
  // The interpreter first: where it is right and the code wrong, the importer is not to blame.
  EXPECT_LE(relativeError(Reference(*checkpoint).run(images, input.shape[0]), want), exact);

  auto library = compileAndLoad(*checkpoint);
  ASSERT_TRUE(library);
  if (has("picture.png")) {
    ASSERT_TRUE(checkpoint->config.preprocess);
  }
  for (const Isa *isa : runnableLevels()) {
    SCOPED_TRACE(isa->name.str());
    auto model = create(*library, isa->name.data());
    ASSERT_TRUE(model);
    EXPECT_EQ(model->levelName(), isa->name);
    EXPECT_LE(relativeError(run(*library, *model, images, input.shape[0]), want), bound);
    if (!has("picture.png"))
      continue;
    std::vector<std::vector<double>> seen = expected("picture_");
    auto picture = readPicture(path("picture.png"), 4096);
    ASSERT_TRUE(static_cast<bool>(picture)) << llvm::toString(picture.takeError());
    Outputs got =
        runPictures(*library, *model, picture->pixels, picture->height, picture->width, picture->channels);
    EXPECT_LE(relativeError(got, seen), bound);
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTest, testing::ValuesIn(allCases()), [](const auto &info) {
  std::string name = info.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
  return name;
});

TEST(GoldenFolder, HoldsTheCases) {
  // Test cases are found by looking: a folder that is not there must not pass as none.
  EXPECT_GE(allCases().size(), 110u);
  for (auto [pattern, field] : kRefused)
    EXPECT_TRUE(llvm::any_of(allCases(), [&](const std::string &name) { return matchesGlob(pattern, name); }))
        << pattern;
}

} // namespace
