#include "compiler/Import/VitDirectory.h"
#include "compiler/Import/Presets.h"
#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

TEST(VitDirectory, RoundTripsEveryTensor) {
  Checkpoint original = *get(openPreset("vit_tiny_patch16_224?seed=5"));
  TempDir dir;
  ASSERT_FALSE(writeVitDirectory(original, dir.file("m")));
  Checkpoint read = *get(openCheckpoint(dir.file("m")));
  EXPECT_EQ(read.config, original.config);
  ASSERT_EQ(read.tensors.size(), original.tensors.size());
  for (const auto &[name, tensor] : original.tensors) {
    EXPECT_EQ(shapeOf(read, name), shapeOf(original, name));
    EXPECT_EQ(values(read, name), values(original, name)) << name;
  }
  // The same bytes again.
  ASSERT_FALSE(writeVitDirectory(read, dir.file("n")));
  EXPECT_EQ(readFile(dir.file("m/model.safetensors")), readFile(dir.file("n/model.safetensors")));
  EXPECT_EQ(readFile(dir.file("m/vit.json")), readFile(dir.file("n/vit.json")));
}

TEST(VitDirectory, WritesLabelsAndWideNumbers) {
  ModelDir source;
  source.write("vit.json", changedVitJson("\"pool\"", "\"labels\": [\"a\", \"b c\", \"\"], \"pool\""));
  TensorFile file;
  for (const TensorSpec &spec : expectedTensors(minimalConfig()))
    if (spec.name != "head.main.b")
      file.add(spec.name, {spec.shape.begin(), spec.shape.end()});
  const double wide[] = {0.1, 1e300, -2};
  file.addRaw("head.main.b", "F64", {3}, llvm::StringRef(reinterpret_cast<const char *>(wide), sizeof wide));
  source.write("model.safetensors", file.text());
  Checkpoint original = *get(source.open());
  TempDir dir;
  ASSERT_FALSE(writeVitDirectory(original, dir.file("m/")));
  EXPECT_EQ(readFile(dir.file("m/labels.txt")), "a\nb c\n\n");
  Checkpoint read = *get(openCheckpoint(dir.file("m")));
  EXPECT_EQ(read.config, original.config);
  EXPECT_EQ(values(read, "head.main.b"), std::vector<double>(std::begin(wide), std::end(wide)));
  // Labels that no line can hold stay in the description.
  original.config.labels[1] = "b\nc";
  ASSERT_FALSE(writeVitDirectory(original, dir.file("n")));
  EXPECT_EQ(readFile(dir.file("n/labels.txt")), "<unreadable>");
  EXPECT_EQ(get(openCheckpoint(dir.file("n")))->config.labels, original.config.labels);
}

TEST(VitDirectory, AppearsWholeOrNotAtAll) {
  Checkpoint original = *get(openPreset("vit_tiny_patch16_224"));
  TempDir dir;
  dir.write("file", "mine");
  expectError(writeVitDirectory(original, dir.path()), ExitCode::Environment, {"one with files"});
  expectError(writeVitDirectory(original, dir.file("file")), ExitCode::Environment, {"something else"});
  expectError(writeVitDirectory(original, dir.file("file/below")), ExitCode::Environment,
              {"cannot be created"});
  EXPECT_EQ(dir.list(), "file"); // nothing is left of the attempts
  ASSERT_FALSE(llvm::sys::fs::create_directory(dir.file("empty")));
  ASSERT_FALSE(writeVitDirectory(original, dir.file("empty")));
  EXPECT_EQ(dir.list(), "empty file");
}

TEST(VitDirectory, NothingIsDroppedOrMissing) {
  ModelConfig config = minimalConfig();
  ModelDir dir;
  dir.write("vit.json", minimalVitJson);
  Shapes shapes;
  for (const TensorSpec &spec : expectedTensors(config))
    shapes.push_back({spec.name, {spec.shape.begin(), spec.shape.end()}});
  dir.tensors(shapes);
  EXPECT_TRUE(get(dir.open()));

  Shapes more = shapes;
  more.push_back({"extra", {3}});
  dir.tensors(more);
  expectError(dir.open(), ExitCode::Input, {"left-over", "'extra'"});
  dir.write("vit.json", changedVitJson("\"pool\"", "\"ignored\": [\"ext*\"], \"pool\""));
  auto ignoring = get(dir.open());
  ASSERT_TRUE(ignoring);
  EXPECT_NE(ignoring->notes[0].find("extra"), std::string::npos);

  Shapes fewer(shapes.begin(), shapes.end() - 1);
  dir.tensors(fewer);
  expectError(dir.open(), ExitCode::Input, {"'head.main.b'", "[3]", "missing"});

  shapes[0].second = {16, 3, 4, 5};
  dir.tensors(shapes);
  expectError(dir.open(), ExitCode::Input, {"'embed.patch.w'", "[16, 3, 4, 4]", "[16, 3, 4, 5]"});
}

// A home-made model whose tensors have names of its own.
TEST(VitDirectory, RenamesTensorsByItsOwnRules) {
  ModelDir dir;
  dir.write("vit.json", changedVitJson("\"pool\"", R"("tensors": {
    "layer.{j}.qkv.{p}": "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}", "top.{p}": "head.main.{p}"}, "pool")"));
  Shapes shapes;
  for (const TensorSpec &spec : expectedTensors(minimalConfig())) {
    llvm::StringRef name = spec.name;
    if (name.starts_with("blk.0.q.") || name.starts_with("blk.0.k.") || name.starts_with("blk.0.v.") ||
        name.starts_with("head."))
      continue;
    shapes.push_back({spec.name, {spec.shape.begin(), spec.shape.end()}});
  }
  shapes.insert(shapes.end(), {{"layer.1.qkv.weight", {48, 16}}, {"layer.1.qkv.bias", {48}}});
  shapes.insert(shapes.end(), {{"top.weight", {3, 16}}, {"top.bias", {3}}});
  dir.tensors(shapes);
  auto checkpoint = get(dir.open());
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(shapeOf(*checkpoint, "blk.0.k.w"), "[16, 16]");
  // k is the second third of the rows.
  EXPECT_EQ(values(*checkpoint, "blk.0.k.w")[0], values(*checkpoint, "blk.0.q.w")[0] + 256);
  EXPECT_TRUE(checkpoint->config.tensorNames.empty()); // what is written from it has canonical names

  shapes.back().first = "head.main.b"; // both are fine, but not twice
  dir.tensors(shapes);
  EXPECT_TRUE(get(dir.open()));
  shapes.push_back({"top.bias", {3}});
  dir.tensors(shapes);
  expectError(dir.open(), ExitCode::Input, {"one tensor for 'head.main.b'", "'top.bias'"});
}

TEST(VitDirectory, SaysWhereTheFieldsOfATensorAre) {
  ModelDir dir;
  dir.write("vit.json", minimalVitJson);
  Shapes shapes;
  for (const TensorSpec &spec : expectedTensors(minimalConfig()))
    shapes.push_back({spec.name, {spec.shape.begin(), spec.shape.end()}});
  auto set = [&](llvm::StringRef name, std::vector<int64_t> shape) {
    Shapes changed = shapes;
    llvm::find_if(changed, [&](auto &s) { return s.first == name; })->second = std::move(shape);
    dir.tensors(changed);
  };
  set("blk.0.fc1.w", {20, 6});
  expectError(dir.open(), ExitCode::Input, {"got [20, 6]; see block.mlp.hidden (", "vit.json:", "width ("});
  set("blk.0.k.w", {0, 16});
  expectError(dir.open(), ExitCode::Input, {"got [0, 16], without elements: the code that made it slices"});
  // And what the description itself gets wrong.
  dir.write("vit.json", changedVitJson("\"width\": 16", "\"width\": 0"));
  expectError(dir.open(), ExitCode::Input, {"vit.json:", ": width: expected a number from 1"});
}

TEST(VitDirectory, ReadsLabelFiles) {
  ModelConfig config = minimalConfig();
  ModelDir dir;
  Shapes shapes;
  for (const TensorSpec &spec : expectedTensors(config))
    shapes.push_back({spec.name, {spec.shape.begin(), spec.shape.end()}});
  dir.tensors(shapes);
  dir.write("vit.json", changedVitJson("\"pool\"", "\"labels\": \"labels.txt\", \"pool\""));
  dir.write("labels.txt", "a\r\nb c\n\xc3\xa9");
  EXPECT_EQ(get(dir.open())->config.labels, (std::vector<std::string>{"a", "b c", "\xc3\xa9"}));
  dir.write("labels.txt", "a\nb\n");
  expectError(dir.open(), ExitCode::Input, {"labels", "(3), got 2"});
  dir.write("labels.txt", "a\nb\n\xff\n");
  expectError(dir.open(), ExitCode::Input, {"UTF-8"});
  dir.write("vit.json", changedVitJson("\"pool\"", "\"labels\": \"../labels.txt\", \"pool\""));
  expectError(dir.open(), ExitCode::Input, {"plain file name"});
}
