#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

static ModelDir &classifier(ModelDir &dir) {
  Shapes shapes = huggingFaceShapes("vit.", false, false);
  shapes.push_back({"classifier.weight", {5, 8}});
  shapes.push_back({"classifier.bias", {5}});
  dir.tensors(shapes);
  dir.config(huggingFaceConfig());
  return dir;
}

TEST(OpenCheckpoint, SaysWhatWasSeen) {
  TempDir dir;
  expectError(openCheckpoint(dir.file("none")), ExitCode::Input, {dir.file("none"), "No such file"});
  expectError(openCheckpoint(dir.path()), ExitCode::Input, {"vit.json, config.json", "an empty directory"});
  dir.write("readme.txt", "x");
  expectError(openCheckpoint(dir.path()), ExitCode::Input, {"readme.txt"});
  expectError(openCheckpoint(dir.file("readme.txt")), ExitCode::Input, {"readme.txt", "expected weights"});
  expectError(openCheckpoint(""), ExitCode::Input, {"expected a model"});
}

TEST(OpenCheckpoint, RefusesAmbiguousDirectories) {
  ModelDir dir;
  classifier(dir);
  dir.write("vit.json", minimalVitJson);
  expectError(dir.open(), ExitCode::Input, {"either vit.json or config.json, got both"});
}

TEST(OpenCheckpoint, RefusesAmbiguousConfigurations) {
  ModelDir dir;
  classifier(dir);
  dir.config(huggingFaceConfig({{"architecture", "\"vit_tiny_patch16_224\""}}));
  expectError(dir.open(), ExitCode::Input, {"got both"});
  dir.config(R"({"hello": 1, "world": 2})");
  expectError(dir.open(), ExitCode::Input, {"'architectures'", "'hello', 'world'"});
  dir.config("{}");
  expectError(dir.open(), ExitCode::Input, {"no keys"});
  dir.config("[]");
  expectError(dir.open(), ExitCode::Input, {"config.json:1:1", "an object"});
  dir.config("");
  expectError(dir.open(), ExitCode::Input, {"valid JSON"});
}

TEST(OpenCheckpoint, NamesAreIdentifiers) {
  TempDir parent;
  for (auto [folder, name] :
       {std::pair("vit-b.16", "vit_b_16"), std::pair("16x", "model_16x"), std::pair("a b", "a_b")}) {
    ASSERT_FALSE(llvm::sys::fs::create_directory(parent.file(folder)));
    ModelDir source;
    classifier(source);
    for (const char *file : {"config.json", "model.safetensors"})
      ASSERT_FALSE(
          llvm::sys::fs::copy_file(source.file(file), parent.file(std::string(folder) + "/" + file)));
    EXPECT_EQ(get(openCheckpoint(parent.file(folder)))->config.name, name);
    EXPECT_EQ(get(openCheckpoint(parent.file(folder) + "/"))->config.name, name);
  }
}

TEST(OpenCheckpoint, LabelsOption) {
  ModelDir dir;
  classifier(dir);
  ImportOptions options;
  options.labelsPath = dir.write("labels", "a\nb\nc\nd\ne\n");
  EXPECT_EQ(get(openCheckpoint(dir.path(), options))->config.labels.size(), 5u);
  dir.write("labels", "a\nb\n");
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input, {"5 lines", "got 2"});
  options.labelsPath = dir.file("none");
  expectError(openCheckpoint(dir.path(), options), ExitCode::Input, {"none", "No such file"});
  options.labelsPath = dir.file("labels");
  expectError(openCheckpoint("preset:vit_tiny_patch16_224", options), ExitCode::Input, {"1000 lines"});
}
