//===- OnnxHostileTest.cpp - one hostile file for each rule of the format ---------------------------===//
#include "compiler/Import/OnnxWire.h"
#include "test/compiler/Import/OnnxFixtures.h"
#include <fmt/format.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace vitc;
using namespace vitc::test;

namespace {

void expectRefused(llvm::StringRef contents, std::initializer_list<llvm::StringRef> parts) {
  expectError(openOnnx(contents), ExitCode::Input, parts);
}
void expectRefused(const OnnxParts &m, std::initializer_list<llvm::StringRef> parts) {
  expectRefused(m.text(), parts);
}

/// tinyOnnx() with another tensor in place of the initialiser `name`.
OnnxParts withTensor(llvm::StringRef name, const std::string &tensor) {
  OnnxParts m = tinyOnnx();
  for (std::string &existing : m.initializers)
    if (llvm::StringRef(existing).contains(bytesField(8, name)))
      existing = tensor;
  return m;
}

/// "cls" as external data.
std::string externalTensor(llvm::StringRef location,
                           std::vector<std::pair<std::string, std::string>> more = {}) {
  auto entry = [](llvm::StringRef key, llvm::StringRef value) {
    return bytesField(13, bytesField(1, key) + bytesField(2, value));
  };
  std::string tensor = varintField(1, 1) + varintField(1, 1) + varintField(1, 8) + varintField(2, 1) +
                       bytesField(8, "cls") + entry("location", location);
  for (const auto &[key, value] : more)
    tensor += entry(key, value);
  return tensor + varintField(14, 1);
}

/// A directory with the model, whose class token lies in `location`.
class ExternalDir : public TempDir {
public:
  llvm::Expected<Checkpoint> open(llvm::StringRef location,
                                  std::vector<std::pair<std::string, std::string>> more = {}) const {
    return openCheckpoint(
        write("model.onnx", withTensor("cls", externalTensor(location, std::move(more))).text()));
  }
};

/// A node in front of tinyOnnx()'s that makes "s_heads" anew.
OnnxParts withShapeFrom(llvm::StringRef op, std::vector<std::string> in,
                        std::vector<std::string> attributes = {}) {
  OnnxParts m = tinyOnnx();
  m.node(op, std::move(in), {"hostile"}, std::move(attributes));
  for (std::string &node : m.nodes)
    if (llvm::StringRef(node).contains("to_q_split"))
      node = OnnxParts().node("Reshape", {"q", "hostile"}, {"q_split"}).nodes[0];
  return m;
}

} // namespace

TEST(OnnxHostile, Wire) {
  const std::string broken[] = {
      std::string("\x0b", 1),                    // a group
      std::string("\0\0", 2),                    // field 0
      "\x08" + std::string(10, '\xff') + "\x01", // a varint of 11 bytes
      std::string("\x0a\x05") + "ab",            // a length beyond the end
      std::string("\x0d\x01\x02"),               // half of a float
      std::string("\x09\x01\x02\x03\x04\x05"),   // half of a double
      varintField(1, 1) + "\x80",                // a tag without end
  };
  for (const std::string &bytes : broken) {
    onnx::Fields fields(bytes);
    while (fields.next()) {
    }
    EXPECT_TRUE(fields.bad());
  }
  const std::string whole = varintField(3, 150);
  onnx::Fields fields(whole);
  EXPECT_TRUE(fields.next());
  EXPECT_EQ(fields.number, 3u);
  EXPECT_EQ(fields.value, 150u);
  EXPECT_FALSE(fields.next());
  EXPECT_FALSE(fields.bad());
}

TEST(OnnxHostile, NoModel) {
  expectRefused("", {"a file without a graph"});
  expectRefused("\x08", {"expected protobuf fields"});
  expectRefused("hello", {"tiny.onnx"});
  expectRefused(varintField(1, 9), {"a file without a graph"});
  expectRefused(tinyOnnx().text() + bytesField(7, ""), {"expected one graph, got another"});
}

TEST(OnnxHostile, EveryPrefixIsRefused) {
  std::string text = tinyOnnx().text();
  TempDir dir;
  for (size_t length = 0; length < text.size(); length += 1 + length / 64) {
    auto model = openCheckpoint(dir.write("m.onnx", text.substr(0, length)));
    EXPECT_FALSE(static_cast<bool>(model)) << length;
    llvm::consumeError(model.takeError());
  }
}

TEST(OnnxHostile, NoFlippedByteDoesHarm) {
  // Most bytes are numbers of weights; what matters is that structure may be anything.
  const std::string text = tinyOnnx().text();
  TempDir dir;
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string changed = text;
    for (int n = 0; n < 3; ++n)
      changed[random() % changed.size()] = static_cast<char>(random());
    auto model = openCheckpoint(dir.write("m.onnx", changed));
    if (!model)
      llvm::consumeError(model.takeError());
  }
}

TEST(OnnxHostile, Opsets) {
  OnnxParts m = tinyOnnx();
  m.opset = 10;
  expectRefused(m, {"opset from 11 to", "got 10"});
  m.opset = 1000;
  expectRefused(m, {"got 1000"});
  m = tinyOnnx();
  m.modelExtra = bytesField(8, bytesField(1, "com.example") + varintField(2, 1)); // listed, not used
  EXPECT_TRUE(get(openOnnx(m.text())));
}

TEST(OnnxHostile, DomainsFunctionsSubgraphsSparseTensors) {
  OnnxParts m = tinyOnnx();
  m.node("FusedThing", {"fc1"}, {"unused"}, {}, "com.example");
  expectRefused(m, {"node 'to_unused' (FusedThing", "standard ONNX domain", "'com.example'"});
  m = tinyOnnx();
  m.modelExtra = bytesField(25, bytesField(1, "f"));
  expectRefused(m, {"without functions"});
  m = tinyOnnx();
  m.node("If", {"fc1"}, {"unused"}, {bytesField(1, "then_branch") + bytesField(6, "") + varintField(20, 5)});
  expectRefused(m, {"node 'to_unused' (If", "no subgraphs", "'then_branch'"});
  m = tinyOnnx();
  m.graphExtra = bytesField(15, "");
  expectRefused(m, {"a sparse one"});
  m = tinyOnnx();
  m.node("Constant", {}, {"unused"}, {bytesField(1, "sparse_value") + bytesField(22, "")});
  expectRefused(m, {"dense tensors"});
}

TEST(OnnxHostile, NamesAndCycles) {
  OnnxParts m = tinyOnnx();
  m.floats("cls", {8});
  expectRefused(m, {"every initialiser once, got a second 'cls'"});
  m = tinyOnnx();
  m.node("Tanh", {"fc1"}, {"fc2"});
  expectRefused(m, {"a new name as output, got 'fc2'"});
  m = tinyOnnx();
  m.node("Tanh", {"nowhere"}, {"unused"});
  expectRefused(m, {"node 'to_unused' (Tanh", "'nowhere'", "nothing defines"});
  m = tinyOnnx();
  m.outputs = {valueInfo("nowhere", {1, 5})};
  expectRefused(m, {"output 'nowhere'"});
  m = tinyOnnx();
  m.node("Add", {"fc1", "late"}, {"early"}).node("Tanh", {"early"}, {"late"});
  expectRefused(m, {"node 'to_early' (Add", "without cycles"});
  m = tinyOnnx();
  m.node("Tanh", {"self"}, {"self"});
  expectRefused(m, {"node 'to_self'", "without cycles"});
  m = tinyOnnx();
  std::erase_if(m.initializers, [](const std::string &t) { return llvm::StringRef(t).contains("fc1.w"); });
  expectRefused(m, {"'fc1.w'", "nothing defines"});
}

TEST(OnnxHostile, Tensors) {
  auto cls = [](const std::string &fields) { return withTensor("cls", fields + bytesField(8, "cls")); };
  std::string nine;
  for (int i = 0; i < 9; ++i)
    nine += varintField(1, 1);
  expectRefused(cls(nine + varintField(2, 1)), {"at most 8 dimensions"});
  expectRefused(cls(varintField(1, ~uint64_t(0)) + varintField(2, 1)), {"extents from 0 on"});
  expectRefused(
      cls(varintField(1, uint64_t(1) << 40) + varintField(1, uint64_t(1) << 40) + varintField(2, 1)),
      {"below 2^63"});
  expectRefused(cls(varintField(1, 8) + varintField(2, 1) + bytesField(9, "1234567")),
                {"expected 32 bytes", "got 7"});
  expectRefused(cls(varintField(1, 8) + varintField(2, 1)), {"expected 32 bytes", "got 0"});
  expectRefused(cls(varintField(1, 8) + varintField(2, 8)), {"number type, got string"});
  expectRefused(cls(varintField(1, 8) + varintField(2, 21)), {"got type 21"});
  expectRefused(cls(varintField(1, 8) + varintField(2, 1) + bytesField(3, "")), {"in one piece"});
  expectRefused(cls(varintField(1, uint64_t(1) << 30) + varintField(2, 7)), {"integers"});
}

TEST(OnnxHostile, FloatsInAllSpellings) {
  // As float_data, packed and one by one, and as half floats in int32_data.
  std::string packed, single, halves;
  for (int i = 0; i < 8; ++i) {
    float value = static_cast<float>(i);
    packed += llvm::StringRef(reinterpret_cast<const char *>(&value), 4).str();
    single += floatField(4, value);
    halves += varintField(5, i == 0 ? 0 : 0x3c00);
  }
  std::string head = varintField(1, 1) + varintField(1, 1) + varintField(1, 8) + bytesField(8, "cls");
  for (const std::string &tensor :
       {head + varintField(2, 1) + bytesField(4, packed), head + varintField(2, 1) + single}) {
    auto model = get(openOnnx(withTensor("cls", tensor).text()));
    ASSERT_TRUE(model);
    EXPECT_EQ(values(*model, "embed.cls")[7], 7);
  }
  auto model = get(openOnnx(withTensor("cls", head + varintField(2, 10) + halves).text()));
  ASSERT_TRUE(model);
  EXPECT_EQ(values(*model, "embed.cls")[7], 1);
}

TEST(OnnxHostile, ExternalData) {
  ExternalDir dir;
  std::string data(64, '\0');
  dir.write("weights.bin", data);
  EXPECT_TRUE(get(dir.open("weights.bin")));
  EXPECT_TRUE(get(dir.open("weights.bin", {{"offset", "32"}, {"length", "32"}})));
  expectError(dir.open("weights.bin", {{"offset", "33"}}), ExitCode::Input,
              {"'cls'", "32 bytes from byte 33", "64 bytes"});
  expectError(dir.open("weights.bin", {{"offset", "18446744073709551615"}}), ExitCode::Input,
              {"number of bytes"});
  expectError(dir.open("weights.bin", {{"offset", "-1"}}), ExitCode::Input,
              {"number of bytes as offset, got '-1'"});
  expectError(dir.open("weights.bin", {{"length", "31"}}), ExitCode::Input,
              {"a length of 32 bytes", "got 31"});
  expectError(dir.open("absent.bin"), ExitCode::Input, {"'absent.bin'", "cannot be opened"});
}

TEST(OnnxHostile, ExternalDataStayInTheDirectory) {
  ExternalDir dir;
  TempDir outside;
  std::string secret = outside.write("secret", std::string(64, '\0'));
  std::string sibling = llvm::sys::path::filename(outside.path()).str();
  for (const std::string &location :
       {secret, "../" + sibling + "/secret", std::string("sub/../../") + sibling + "/secret",
        std::string("./x"), std::string(""), std::string("a//b"), std::string("..")})
    expectError(dir.open(location), ExitCode::Input, {"a relative path inside of the model's directory"});
  ASSERT_EQ(::symlink(secret.c_str(), dir.file("link").c_str()), 0);
  expectError(dir.open("link"), ExitCode::Input, {"links are not followed"});
  ASSERT_EQ(::symlink(outside.path().c_str(), dir.file("folder").c_str()), 0);
  expectError(dir.open("folder/secret"), ExitCode::Input, {"'folder/secret': cannot be opened"});
  ASSERT_EQ(::link(secret.c_str(), dir.file("hard").c_str()), 0);
  expectError(dir.open("hard"), ExitCode::Input, {"hard link"});
  ASSERT_EQ(::mkdir(dir.file("sub").c_str(), 0755), 0);
  expectError(dir.open("sub"), ExitCode::Input, {"regular file, got a directory"});
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  expectError(dir.open("fifo"), ExitCode::Input, {"regular file, got a special file"});
  ASSERT_FALSE(llvm::sys::fs::copy_file(secret, dir.file("sub/weights")));
  EXPECT_TRUE(get(dir.open("sub/weights")));
  EXPECT_TRUE(llvm::sys::fs::remove(dir.file("folder")) ==
              std::error_code()); // so that clearing stays inside
}

TEST(OnnxHostile, ShapesThatWouldBeLarge) {
  OnnxParts m = withShapeFrom("Range", {"r0", "r1", "r2"});
  m.initializers.insert(
      m.initializers.end(),
      {intTensor("r0", {}, {0}), intTensor("r1", {}, {int64_t(1) << 40}), intTensor("r2", {}, {1})});
  expectRefused(m, {"a Range of more than 2^20 numbers"});
  m = withShapeFrom("ConstantOfShape", {"huge"});
  m.ints("huge", {int64_t(1) << 50});
  expectRefused(m, {"node 'to_hostile' (ConstantOfShape"});
  m = withShapeFrom("ConstantOfShape", {"huge"}); // fine as a view; no copy is made of it
  m.ints("huge", {int64_t(1) << 39});
  expectRefused(m, {"node 'to_q_split'", "depends on the image"});
  m = withShapeFrom("Shape", {"wide"});
  m.ints("huge", {int64_t(1) << 39}).node("Expand", {"cls", "huge"}, {"wide"});
  expectRefused(m, {"tiny.onnx"});
  m = tinyOnnx(); // doubles at every step
  m.floats("seed", {1 << 10});
  std::string last = "seed";
  for (int i = 0; i < 40; ++i) {
    m.node("Concat", {last, last}, {fmt::format("d{}", i)}, {intAttribute("axis", 0)});
    last = fmt::format("d{}", i);
  }
  m.initializers.push_back(intTensor("all", {1}, {0}));
  m.node("ReduceSum", {last, "all"}, {"total"}, {intAttribute("keepdims", 0)});
  m.node("Add", {"cls", "total"}, {"other_cls"});
  for (std::string &node : m.nodes)
    if (llvm::StringRef(node).contains("to_joined"))
      node =
          OnnxParts().node("Concat", {"other_cls", "rows"}, {"joined"}, {intAttribute("axis", 1)}).nodes[0];
  expectRefused(m, {"memory that the file's size allows"});
}

TEST(OnnxHostile, OperandsOutOfRange) {
  auto refuse = [](llvm::StringRef op, std::vector<std::string> in, std::vector<std::string> attributes) {
    OnnxParts m = withShapeFrom(op, std::move(in), std::move(attributes));
    m.ints("numbers", {1, -5, 3}).ints("big", {100}).ints("none", {});
    expectRefused(m, {"node 'to_hostile'"});
  };
  refuse("Gather", {"s_heads", "big"}, {});
  refuse("Gather", {"s_heads", "numbers"}, {intAttribute("axis", 7)});
  refuse("Reshape", {"s_heads", "numbers"}, {});
  refuse("Reshape", {"s_heads", "big"}, {});
  refuse("Transpose", {"s_heads"}, {intsAttribute("perm", {1})});
  refuse("Transpose", {"cls"}, {intsAttribute("perm", {0, 0, 1})});
  refuse("Concat", {"s_heads"}, {intAttribute("axis", -9)});
  refuse("Split", {"s_heads", "big"}, {});
  refuse("Squeeze", {"s_heads", "numbers"}, {});
  refuse("Unsqueeze", {"s_heads", "numbers"}, {});
  refuse("Slice", {"s_heads", "big", "numbers"}, {});
  refuse("Expand", {"s_heads", "numbers"}, {});
  refuse("Tile", {"s_heads", "numbers"}, {});
  refuse("ReduceSum", {"s_heads", "big"}, {});
  refuse("MatMul", {"s_heads"}, {});
  refuse("Resize", {"cls", "", "numbers"}, {});
  refuse("Einsum", {"cls", "cls"}, {stringAttribute("equation", "aab,b->")});
  refuse("Softmax", {"cls"}, {intAttribute("axis", 12)});
  refuse("LayerNormalization", {"x0", "cls"}, {intAttribute("axis", 12)});
}

TEST(OnnxHostile, ManyFieldsAreBounded) {
  OnnxParts m = tinyOnnx();
  std::string attributes;
  OnnxParts node;
  node.node("Tanh", {"fc1"}, {"unused"}, std::vector<std::string>(65, intAttribute("a", 1)));
  m.nodes.push_back(node.nodes[0]);
  expectRefused(m, {"at most 64 attributes"});
  m = tinyOnnx();
  m.node("Sum", std::vector<std::string>(1025, "fc1"), {"unused"});
  expectRefused(m, {"at most 1024 operands"});
  m = tinyOnnx();
  for (int i = 0; i < 1 << 16; ++i)
    m.graphExtra += bytesField(1, "");
  expectRefused(m, {"at most 65536 nodes"});
}
