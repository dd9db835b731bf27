//===- TraceTest.cpp - traces of other frameworks, and one hostile file for each rule -----------------===//
#include "compiler/Driver/Trace.h"
#include "test/compiler/Import/ContainerFixtures.h"

using namespace vitc;
using namespace vitc::test;
using enum ModelStep::Kind;

namespace {

/// Two blocks of 8 numbers, 4 patches and a class token, pictures of 8 x 8.
ModelConfig tiny() {
  ModelConfig config;
  config.inputSize = {8, 8};
  config.width = 8, config.depth = 2, config.heads = 2, config.headDim = 4;
  config.patch.size = config.patch.stride = {4, 4};
  config.prefix = {{"cls", 1}};
  config.pos.grid = {2, 2};
  config.block.mlp.hidden = 16;
  config.head.layers = {HeadLayer{"main", "pooled", 3, true}};
  config.preprocess =
      Preprocess{true, {ResizeStep{ResizeMode::Squash, {8, 8}}, AffineStep{1 / 255., {0, 0, 0}, {1, 1, 1}}}};
  return config;
}

std::string numbers(size_t count) {
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(i));
  return floatBytes(values);
}

ZipPart part(const std::string &key, const std::string &array) {
  ZipPart result;
  result.name = key + ".npy";
  result.data = array;
  return result;
}

class TraceTest : public testing::Test {
protected:
  llvm::Expected<Trace> open(const std::vector<ZipPart> &parts, const ModelConfig &config = tiny()) {
    return Trace::open(directory.write("trace.npz", zipFile(parts)), config);
  }
  void expectRefused(const std::string &key, const std::string &array,
                     std::initializer_list<llvm::StringRef> texts, const ModelConfig &config = tiny()) {
    llvm::Expected<Trace> trace = open({part(key, array)}, config);
    ASSERT_FALSE(static_cast<bool>(trace)) << key;
    llvm::Error error = trace.takeError();
    EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
    std::string message = llvm::toString(std::move(error));
    for (llvm::StringRef text : texts)
      EXPECT_TRUE(llvm::StringRef(message).contains(text)) << message << " lacks " << text.str();
  }
  TempDir directory;
};

TEST_F(TraceTest, ReadsShapesAndTypes) {
  auto trace = open({part("block.1", npyFile("<f4", "(1, 5, 8)", numbers(40))),
                     part("decode", npyFile("|u1", "(2, 3, 3)", std::string("abcdefghijklmnopqr"))),
                     part("logits", npyFile("<f2", "(3,)", std::string(6, '\0'))),
                     part("normalise", npyFile("<f4", "(1, 8, 8, 3)", numbers(192)))});
  ASSERT_TRUE(static_cast<bool>(trace)) << llvm::toString(trace.takeError());
  EXPECT_EQ(trace->steps().size(), 4u);
  const TracedStep &block = *trace->find({Block, 1});
  EXPECT_EQ(block.value.shape, (llvm::SmallVector<int64_t, 4>{5, 8}));
  EXPECT_EQ(block.value.data[9], 9);
  EXPECT_EQ(block.precision, 23u);
  EXPECT_EQ(trace->find({Decode})->value.data[4], 'e');
  EXPECT_EQ(trace->find({Logits})->precision, 10u);
  EXPECT_EQ(trace->find({Logits})->value.shape, (llvm::SmallVector<int64_t, 4>{1, 3}));
  // Channels last become first: pixel 1's second channel.
  EXPECT_EQ(trace->find({Normalise})->value.shape, (llvm::SmallVector<int64_t, 4>{3, 8, 8}));
  EXPECT_EQ(trace->find({Normalise})->value.data[64 + 1], 4);
  EXPECT_EQ(trace->find({Block, 0}), nullptr);
}

TEST_F(TraceTest, ReadsFortranOrder) {
  auto trace = open({part("decode", npyFile("|u1", "(2, 3, 1)", "adbecf", true)),
                     part("block.0", npyFile("<f4", "(5, 8)", numbers(40), true))});
  ASSERT_TRUE(static_cast<bool>(trace)) << llvm::toString(trace.takeError());
  EXPECT_EQ(trace->find({Decode})->value.data, (std::vector<double>{'a', 'b', 'c', 'd', 'e', 'f'}));
  EXPECT_EQ(trace->find({Block, 0})->value.data[1], 5);
}

TEST_F(TraceTest, RefusesKeysThatAreNoSteps) {
  std::string array = npyFile("<f4", "(5, 8)", numbers(40));
  expectRefused("normalize", array, {"got 'normalize'", "did you mean 'normalise'?"});
  expectRefused("blocks.1", array, {"got 'blocks.1'", "did you mean 'block.1'?"});
  expectRefused("block.01", array, {"got 'block.01'", "did you mean 'block.0'?"});
  expectRefused("block.99999999999999999999", array, {"expected the steps of a model"});
  expectRefused("block.2", array, {"expected blocks 0 to 1", "'block.2'"});
  expectRefused("a\x1b[2Jb", array, {"expected the steps"});
  ModelConfig config = tiny();
  config.finalNorm = FinalNorm::AfterPool;
  expectRefused("norm", array, {"'norm'", "has not got a norm of all its tokens", "leave the key out"},
                config);
  config.head.layers.clear();
  expectRefused("logits", array, {"has not got a head"}, config);
  config.pool.kind = PoolKind::None;
  expectRefused("pooled", array, {"has not got pooling"}, config);
  config.preprocess.reset();
  expectRefused("crop", array, {"has not got a preprocessing"}, config);
}

TEST_F(TraceTest, RefusesOtherArrays) {
  expectRefused("block.0", npyFile("<i8", "(1,)", std::string(8, '\0')),
                {"'block.0'", "expected float32", "I64"});
  expectRefused("block.0", npyFile("<f4", "(2, 5, 8)", numbers(80)), {"one picture", "(2, 5, 8)"});
  expectRefused("block.0", npyFile("<f4", "(40,)", numbers(40)), {"[1, tokens, width]", "(40,)"});
  expectRefused("block.0", npyFile("<f4", "(0, 8)", ""), {"(0, 8)"});
  expectRefused("logits", npyFile("<f4", "(3, 3)", numbers(9)), {"[1, numbers]", "(3, 3)"});
  expectRefused("decode", npyFile("|u1", "(1, 1, 1, 1, 5)", "abcde"), {"pixels of 4 channels"});
  expectRefused("decode", npyFile("|u1", "(33554433, 1)", std::string((1 << 25) + 1, 'x')),
                {"33554432 pixels"});
  expectRefused("normalise", npyFile("<f4", "(5,)", numbers(5)), {"[1, channels, height, width]"});
  expectRefused("block.0", npyFile("<f4", "(5, 8)", floatBytes({1, 2})), {"truncated"});
  std::string infinite = numbers(40);
  infinite.replace(12, 4, std::string("\0\0\x80\x7f", 4));
  expectRefused("block.0", npyFile("<f4", "(5, 8)", infinite), {"'block.0'", "finite", "element 3"});
  llvm::Expected<Trace> none = open({});
  ASSERT_FALSE(static_cast<bool>(none));
  llvm::consumeError(none.takeError());
}

/// A tensor whose strides are zero is larger than its file.
TEST_F(TraceTest, RefusesTensorsLargerThanTheirFile) {
  std::string path = directory.write(
      "trace.pt",
      torchFile(pickle::file(pickle::dict(
                    {{"block.0", pickle::tensor(pickle::storage("FloatStorage", "0", 1), 0,
                                                pickle::tuple({1 << 20, 1 << 20}), pickle::tuple({0, 0}))}})),
                {std::string(4, '\0')}));
  llvm::Expected<Trace> trace = Trace::open(path, tiny());
  ASSERT_FALSE(static_cast<bool>(trace));
  std::string message = llvm::toString(trace.takeError());
  EXPECT_TRUE(llvm::StringRef(message).contains("an expanded tensor")) << message;
}

TEST_F(TraceTest, SurvivesDamage) {
  std::string whole = zipFile({part("block.0", npyFile("<f4", "(5, 8)", numbers(40)))});
  for (size_t i = 0; i < whole.size(); ++i)
    for (int mask : {0x81}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      llvm::Expected<Trace> trace = Trace::open(directory.write("damaged.npz", damaged), tiny());
      if (!trace)
        llvm::consumeError(trace.takeError());
    }
}

} // namespace
