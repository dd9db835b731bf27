//===- DocumentationTest.cpp - docs/vit-json.md says what the importers do --------------------------===//
#include "compiler/Import/BareWeights.h"
#include "compiler/Import/Importers.h"
#include "compiler/Import/Keras.h"
#include "compiler/Import/Presets.h"
#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

static std::string documentation() { return readFile(VITC_TEST_DATA "/../../../docs/vit-json.md"); }

TEST(Documentation, ExampleIsAModel) {
  std::string text = documentation();
  size_t begin = text.find("```json\n"), end = text.find("```", begin + 8);
  ASSERT_NE(end, std::string::npos);
  auto config = get(parseVitJson(text.substr(begin + 8, end - begin - 8), "docs/vit-json.md"));
  ASSERT_TRUE(config);
  EXPECT_EQ(llvm::toString(validate(*config)), "");

  ModelDir dir;
  Shapes shapes;
  for (const TensorSpec &spec : expectedTensors(*config))
    shapes.push_back({spec.name, {spec.shape.begin(), spec.shape.end()}});
  dir.tensors(shapes);
  dir.write("vit.json", text.substr(begin + 8, end - begin - 8));
  dir.write("labels.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  EXPECT_TRUE(get(dir.open()));
}

TEST(Documentation, ListsEveryKey) {
  std::string text = documentation();
  std::vector<llvm::ArrayRef<KeyRule>> tables = timmKeys();
  llvm::append_range(tables, huggingFaceKeys());
  llvm::append_range(tables, openClipKeys());
  tables.push_back(huggingFaceProcessorKeys());
  for (llvm::ArrayRef<KeyRule> table : tables)
    for (const KeyRule &rule : table)
      EXPECT_NE(text.find(std::string("`") + rule.key + "`"), std::string::npos) << rule.key;
}

TEST(Documentation, ListsEveryKeyOfKeras) {
  std::string text = readFile(VITC_TEST_DATA "/../../../docs/keras.md");
  for (llvm::ArrayRef<KeyRule> table : kerasKeys())
    for (const KeyRule &rule : table)
      EXPECT_NE(text.find(std::string("`") + rule.key + "`"), std::string::npos) << rule.key;
}

TEST(Documentation, ListsEveryLibraryOfBareWeights) {
  std::string text = readFile(VITC_TEST_DATA "/../../../docs/bare-weights.md");
  for (const BareLibrary *library : bareLibraries())
    EXPECT_NE(text.find(std::string("| `") + library->name + "` |"), std::string::npos) << library->name;
}

TEST(Documentation, ListsEveryClass) {
  std::string text = documentation();
  for (llvm::StringRef name : huggingFaceClasses())
    EXPECT_NE(text.find("`" + name.str() + "`"), std::string::npos) << name.str();
}

TEST(Documentation, ListsEveryField) {
  // Printing a description names every key; each must stand in the document.
  ModelConfig config = get(openPreset("deit_tiny_distilled_patch16_224"))->config;
  config.pos.resize.emplace();
  std::string text = documentation();
  auto printed = get(JsonDocument::parse(printVitJson(config), "printed"));
  ASSERT_TRUE(printed);
  std::vector<JsonRef> open = {printed->root()};
  while (!open.empty()) {
    JsonRef object = open.back();
    open.pop_back();
    for (const auto &[key, value] : object.members()) {
      // As `key`, `parent.key`, "key" in an example, or `key.child`.
      bool found = false;
      for (const std::string &form : {key.str() + "`", "\"" + key.str() + "\"", key.str() + "."})
        found |= text.find(form) != std::string::npos;
      EXPECT_TRUE(found) << key.str();
      open.push_back(value);
    }
    if (object.isArray()) {
      std::vector<JsonRef> elements = *get(object.asArray());
      open.insert(open.end(), elements.begin(), elements.end());
    }
  }
}
