//===- SafetensorsTest.cpp - one hostile file for each rule of the format ---------------------------===//
#include "compiler/Import/WeightStore.h"
#include "test/compiler/Import/ImportFixtures.h"
#include <cmath>
#include <fmt/format.h>
#include <limits>

using namespace vitc;
using namespace vitc::test;

static void expectRefused(llvm::StringRef contents, std::initializer_list<llvm::StringRef> parts) {
  TempDir dir;
  expectError(WeightStore::open(dir.write("m.safetensors", contents)), ExitCode::Input, parts);
}
/// One tensor "a" with these members.
static std::string oneTensor(llvm::StringRef members, size_t bytes) {
  return safetensors("{\"a\":{" + members.str() + "}}", std::string(bytes, '\0'));
}

TEST(Safetensors, FileTooShort) {
  expectRefused("", {"at least 8 bytes, got 0"});
  expectRefused("1234567", {"at least 8 bytes, got 7"});
}

TEST(Safetensors, HeaderTooLong) {
  expectRefused(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10), {"at most 100000000 bytes, got 100000001"});
  expectRefused("\x7f\x45LF is something else", {"is this a safetensors file?"});
}

TEST(Safetensors, HeaderBeyondTheFile) {
  expectRefused(std::string("\x03\0\0\0\0\0\0\0{}", 10), {"expected a header of 3 bytes", "truncated"});
}

TEST(Safetensors, HeaderStartsWithABrace) {
  expectRefused(safetensors("", ""), {"to start with '{'"});
  expectRefused(safetensors(" {}", ""), {"to start with '{'"});
  expectRefused(safetensors("[]", ""), {"to start with '{'"});
}

TEST(Safetensors, HeaderIsJson) {
  expectRefused(safetensors("{\"a\":", ""), {"(header):1:", "valid JSON"});
  expectRefused(safetensors("{\"\xff\":1}", ""), {"UTF-8"});
  expectRefused(safetensors("{}x", ""), {"valid JSON"});
  TempDir dir;
  EXPECT_TRUE(
      get(WeightStore::open(dir.write("m", safetensors("{}      ", ""))))); // trailing spaces are legal
}

TEST(Safetensors, DuplicateKeys) {
  std::string entry = R"("a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  expectRefused(safetensors("{" + entry + "," + entry + "}", ""), {"a second 'a'"});
}

TEST(Safetensors, MetadataMapsStringsToStrings) {
  expectRefused(safetensors(R"({"__metadata__":{"format":1}})", ""), {"__metadata__.format", "a string"});
  expectRefused(safetensors(R"({"__metadata__":[]})", ""), {"__metadata__", "an object"});
  TempDir dir;
  EXPECT_TRUE(get(WeightStore::open(dir.write("m", safetensors(R"({"__metadata__":{"format":"pt"}})", "")))));
}

TEST(Safetensors, EntriesHoldThreeKeys) {
  expectRefused(safetensors(R"({"a":3})", ""), {"a: expected an object"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1])", 4), {"'data_offsets'", "missing"});
  expectRefused(oneTensor(R"("dtype":"F32","data_offsets":[0,4])", 4), {"'shape'", "missing"});
  expectRefused(oneTensor(R"("shape":[1],"data_offsets":[0,4])", 4), {"'dtype'", "missing"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)", 4),
                {"a.x", "expected only"});
}

TEST(Safetensors, DtypeIsKnown) {
  expectRefused(oneTensor(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])", 4), {"a.dtype", "'F31'"});
  expectRefused(oneTensor(R"("dtype":7,"shape":[1],"data_offsets":[0,4])", 4),
                {"a.dtype", "a string, got 7"});
}

TEST(Safetensors, ShapeIsSane) {
  expectRefused(oneTensor(R"("dtype":"F32","shape":1,"data_offsets":[0,4])", 4), {"a.shape", "an array"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4), {"a.shape[0]", "got -1"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])", 4),
                {"a.shape[0]", "an integer"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])", 4),
                {"a.shape", "below 2^63"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1000000000000000000],"data_offsets":[0,4])", 4),
                {"bits"});
}

TEST(Safetensors, OffsetsArePlausible) {
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[4])", 4), {"array of 2"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])", 4),
                {"begin <= end, got 4 > 0"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])", 4), {"got -4"});
}

TEST(Safetensors, BytesMatchTheShape) {
  expectRefused(oneTensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4),
                {"expected 8 bytes", "got 4"});
  expectRefused(oneTensor(R"("dtype":"F4","shape":[1],"data_offsets":[0,1])", 1),
                {"whole bytes, got 4 bits"});
}

TEST(Safetensors, NoHolesNoOverlaps) {
  auto two = [](int begin, int end) {
    return safetensors(fmt::format(R"({{"a":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}},)"
                                   R"("b":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}}})",
                                   begin, end),
                       std::string(12, '\0'));
  };
  expectRefused(two(8, 12), {"tensor 'b'", "begin at 4", "a hole"});
  expectRefused(two(2, 6), {"tensor 'b'", "begin at 4", "an overlap"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", 8), {"begin at 0", "a hole"});
}

TEST(Safetensors, DataFillTheFile) {
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", 3),
                {"expected 4 bytes", "truncated"});
  expectRefused(oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", 5), {"no tensor owns"});
}

TEST(Safetensors, HeaderBombsAreBounded) {
  std::string many = "{\"a\":[";
  for (int i = 0; i < 1100000; ++i)
    many += "0,";
  expectRefused(safetensors(many + "0]}", ""), {"at most 1048576 values"});
  expectRefused(safetensors("{\"a\":" + std::string(100000, '['), ""), {"nested"});
}

TEST(Safetensors, ScalarsAndEmptyTensorsAreLegal) {
  TensorFile file;
  file.add("empty", {0, 3});
  file.add("scalar", {});
  TempDir dir;
  auto store = get(WeightStore::open(dir.write("m", file.text())));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->find("scalar")->elements, 1);
  EXPECT_EQ(store->find("empty")->elements, 0);
}

TEST(Safetensors, WidensEveryFloatTypeExactlyAndUnaligned) {
  TensorFile file;
  file.addRaw("pad", "U8", {1}, "x"); // everything behind it is unaligned
  file.addRaw("bf16", "BF16", {3}, llvm::StringRef("\x80\x3f\x40\xc0\x01\x00", 6));
  file.addRaw("f16", "F16", {6}, llvm::StringRef("\x00\x3c\x00\xc1\x01\x00\xff\x03\x00\x7c\x00\x80", 12));
  file.add("f32", {2, 2}, {1.5f, -2.25f, 1e-40f, 3e38f});
  double f64[2] = {0.1, -1e300};
  file.addRaw("f64", "F64", {2}, llvm::StringRef(reinterpret_cast<char *>(f64), 16));
  TempDir dir;
  auto store = get(WeightStore::open(dir.write("m", file.text())));
  ASSERT_TRUE(store);
  auto all = [&](llvm::StringRef name) {
    const RawTensor &raw = *store->find(name);
    std::vector<double> out(static_cast<size_t>(raw.elements));
    viewOf(TensorSlice::all(raw), raw.shape)->read(0, out);
    return out;
  };
  EXPECT_EQ(all("bf16"), (std::vector<double>{1, -3, std::ldexp(1.0, -133)}));
  EXPECT_EQ(all("f16"), (std::vector<double>{1, -2.5, 0x1p-24, 1023 * 0x1p-24,
                                             std::numeric_limits<double>::infinity(), 0}));
  EXPECT_TRUE(std::signbit(all("f16")[5]));
  EXPECT_EQ(all("f32"), (std::vector<double>{1.5, -2.25, 1e-40f, 3e38f}));
  EXPECT_EQ(all("f64"), (std::vector<double>{0.1, -1e300}));
}

TEST(WeightScan, NamesNonFiniteTensors) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  TensorFile file;
  file.addRaw("pad", "I8", {3}, "abc");
  file.add("fine", {3}, {1, std::numeric_limits<float>::max(), -0.f});
  file.add("nan", {3}, {1, 2, nan});
  file.add("inf", {1}, {-inf});
  file.addRaw("half", "F16", {2}, llvm::StringRef("\x00\x00\x00\x7e", 4));
  file.addRaw("brain", "BF16", {1}, llvm::StringRef("\x80\xff", 2));
  file.addRaw("ints", "I32", {1}, llvm::StringRef("\xff\xff\xff\xff", 4));
  TempDir dir;
  auto store = get(WeightStore::open(dir.write("m", file.text())));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->scan().nonFinite, (std::vector<std::string>{"brain", "half", "inf", "nan"}));
}

TEST(WeightScan, FindsEveryPositionInLargeFiles) {
  // 18 MB: several threads, pieces of 1 MiB, elements that straddle them (the data are unaligned).
  constexpr int64_t count = 4'500'000;
  std::vector<float> zeros(count);
  for (int64_t at :
       {int64_t(0), int64_t(262131), int64_t(262132), int64_t(262133), int64_t(1 << 20), count - 1}) {
    zeros[at] = std::numeric_limits<float>::infinity();
    TensorFile file;
    file.addRaw("pad", "U8", {1}, "x");
    file.add("t", {count}, zeros);
    zeros[at] = 0;
    TempDir dir;
    auto store = get(WeightStore::open(dir.write("m", file.text())));
    ASSERT_TRUE(store);
    EXPECT_EQ(store->scan().nonFinite, std::vector<std::string>{"t"}) << at;
  }
}

TEST(WeightScan, HashDependsOnEveryByteOnly) {
  TempDir dir;
  TensorFile one, other;
  one.add("t", {2}, {1, 2});
  other.add("t", {2}, {1, 3});
  auto hash = [&](llvm::StringRef name, const std::string &text) {
    return get(WeightStore::open(dir.write(name, text)))->scan().hash;
  };
  std::string first = hash("a", one.text());
  EXPECT_EQ(first, hash("b", one.text()));
  EXPECT_NE(first, hash("c", other.text()));
  EXPECT_EQ(first.size(), std::string("xxh3-128:").size() + 32);
}

//===- Directories and shards ---===//

static std::string shard(llvm::StringRef tensor) {
  TensorFile file;
  file.add(tensor, {2});
  return file.text();
}
static void expectIndexRefused(llvm::StringRef map, std::initializer_list<llvm::StringRef> parts) {
  TempDir dir;
  dir.write("one.safetensors", shard("a"));
  dir.write("two.safetensors", shard("b"));
  dir.write("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": " + map.str() + "}");
  expectError(WeightStore::openDirectory(dir.path()), ExitCode::Input, parts);
}

TEST(Shards, AreReadTogether) {
  TempDir dir;
  dir.write("one.safetensors", shard("a"));
  dir.write("two.safetensors", shard("b"));
  dir.write("model.safetensors.index.json",
            R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  auto store = get(WeightStore::openDirectory(dir.path()));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->tensors().size(), 2u);
}

TEST(Shards, NamesStayInside) {
  for (const char *name :
       {"../one.safetensors", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\\\b", "a\\u0000b"})
    expectIndexRefused(fmt::format(R"({{"a": "{}"}})", name), {"weight_map.a", "plain file name"});
  expectIndexRefused(R"({"a": 3})", {"a string"});
}

TEST(Shards, IndexAndShardsAgree) {
  expectIndexRefused(R"({"a": "none.safetensors"})", {"none.safetensors", "No such file"});
  expectIndexRefused(R"({"a": "two.safetensors", "b": "two.safetensors"})", {"'a'", "does not hold it"});
  expectIndexRefused(R"({"a": "two.safetensors", "b": "one.safetensors"})", {"'a'", "got it in"});
  expectIndexRefused(R"({"a": "one.safetensors", "c": "two.safetensors"})", {"'c'"});
  expectIndexRefused("[]", {"weight_map", "an object"});
  TempDir dir;
  dir.write("one.safetensors", shard("a"));
  dir.write("two.safetensors", shard("a"));
  dir.write("model.safetensors.index.json",
            R"({"weight_map": {"a": "one.safetensors", "x": "two.safetensors"}})");
  expectError(WeightStore::openDirectory(dir.path()), ExitCode::Input, {"'a' also stands in"});
}
