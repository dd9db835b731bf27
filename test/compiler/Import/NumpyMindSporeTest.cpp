//===- NumpyMindSporeTest.cpp - .npy, .npz and .ckpt files, and one hostile file for each rule --------===//
#include "test/compiler/Import/ContainerFixtures.h"
#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

static const std::string kSix = floatBytes({0, 1, 2, 3, 4, 5});

//===- NumPy ---===//

static std::string npz(std::string contents, bool deflate, std::string name = "params/head/kernel.npy") {
  ZipPart part;
  part.name = std::move(name);
  part.data = std::move(contents);
  part.deflate = deflate;
  return zipFile({part});
}

TEST(Npy, OrdersAndTypes) {
  EXPECT_EQ(showRead(readNpyArray, npyFile("<f4", "(2, 3)", kSix)), "m F32 [2, 3] 0 1 2 3 4 5");
  EXPECT_EQ(showRead(readNpyArray, npyFile("<f4", "(2, 3)", kSix, true)), "m F32 [2, 3] 0 2 4 1 3 5");
  EXPECT_EQ(showRead(readNpyArray, npyFile("<f4", "()", kSix.substr(4, 4))), "m F32 [] 1");
  EXPECT_EQ(showRead(readNpyArray, npyFile("<f4", "(0, 5)", "", true)), "m F32 [0, 5]");
  EXPECT_EQ(showRead(readNpyArray, npyFile("|V2", "(2,)", "\x80\x3f\x40\xc0")), "m BF16 [2] 1 -3");
  EXPECT_EQ(showRead(readNpyArray, npyFile("<f2", "(1,)", std::string("\0\x3c", 2))), "m F16 [1] 1");
  EXPECT_EQ(showRead(readNpyArray, npyFile("<i8", "(1,)", std::string(8, '\0'))), "m I64 [1]");
}

TEST(Npy, RefusesOtherArrays) {
  expectReadError(readNpyArray, npyFile("|O", "(1,)", "xxxxxxxx"), {"'|O'", "Python objects"});
  expectReadError(readNpyArray, npyFile(">f4", "(1,)", "xxxx"), {"little-endian numbers", "'>f4'"});
  expectReadError(readNpyArray, npyFile("<U4", "(1,)", "xxxx"), {"'<U4'"});
  expectReadError(readNpyArray, npyFile("<f4", "(7,)", kSix), {"expected 28 bytes", "got 24", "truncated"});
  expectReadError(readNpyArray, npyFile("<f4", "(5,)", kSix), {"expected 20 bytes", "got 24"});
  expectReadError(readNpyArray, npyFile("<f4", "(4611686018427387904, 4)", kSix), {"less than 2^63 bits"});
  expectReadError(readNpyArray, npyFile("<f4", "(4611686018427387904, 4)", kSix, true), {"less than 2^63"});
  expectReadError(readNpyArray, npyFile("<f4", "(__import__('os'),)", kSix), {"extents"});
}

TEST(Npz, StoredAndDeflated) {
  for (bool deflate : {false, true})
    EXPECT_EQ(showRead(readArchive, npz(npyFile("<f4", "(2, 3)", kSix), deflate)),
              "params/head/kernel F32 [2, 3] 0 1 2 3 4 5");
}

TEST(Npz, HoldsArraysOnly) {
  ZipPart array, other;
  array.name = "a.npy";
  array.data = npyFile("<f4", "(6,)", kSix);
  other.name = "readme.txt";
  expectReadError(readArchive, zipFile({array, other}), {"entry 'readme.txt'", "an archive of .npy arrays"});
  expectReadError(readArchive, npz(npyFile("|O", "(1,)", "x"), true),
                  {"entry 'params/head/kernel.npy'", "'|O'"});
  expectReadError(readArchive, npz("no array", false), {"NUMPY"});
}

TEST(Npz, ExpansionIsBounded) {
  std::string zeros = npyFile("<f4", "(8388608,)", std::string(size_t(32) << 20, '\0'));
  expectReadError(readArchive, npz(zeros, true), {"unpacks to at most"});
}

TEST(Npy, DamageIsSurvived) {
  replayDamage(readNpyArray, npyFile("<f4", "(2, 3)", kSix));
  for (bool deflate : {false, true})
    replayDamage(readArchive, npz(npyFile("<f4", "(2, 3)", kSix), deflate));
}

//===- MindSpore ---===//

static std::string ckpt(llvm::StringRef type = "Float32", const std::vector<uint64_t> &dims = {2, 3},
                        const std::string &data = kSix) {
  return mindSporeValue("w", type, dims, data);
}
static void expectRefused(const std::string &contents, std::initializer_list<llvm::StringRef> parts) {
  expectReadError(readMindSporeFile, contents, parts);
}
/// A Value of these fields.
static std::string value(const std::string &fields) { return protoBytes(1, fields); }

TEST(MindSpore, Values) {
  EXPECT_EQ(showRead(readMindSporeFile, ckpt() + mindSporeValue("step", "Int32", {0}, "abcd")),
            "step I32 []; w F32 [2, 3] 0 1 2 3 4 5");
  EXPECT_EQ(showRead(readMindSporeFile, ckpt("Float64", {3})).substr(0, 9), "w F64 [3]");
  EXPECT_EQ(showRead(readMindSporeFile, ckpt("Float16", {1}, std::string("\0\x3c", 2))), "w F16 [1] 1");
  EXPECT_EQ(showRead(readMindSporeFile, ckpt("BFloat16", {1}, "\x80\x3f")), "w BF16 [1] 1");
  EXPECT_EQ(showRead(readMindSporeFile, ckpt("Uint8", {1}, "x")), "w U8 [1]");
  EXPECT_EQ(showRead(readMindSporeFile, ckpt("Float32", {2, 0}, "")), "w F32 [2, 0]");
  // Packed sizes, which proto2 readers accept as well.
  EXPECT_EQ(
      showRead(readMindSporeFile,
               value(protoBytes(1, "w") + protoBytes(2, protoBytes(1, "\x02\x03") + protoBytes(2, "Float32") +
                                                            protoBytes(3, kSix)))),
      "w F32 [2, 3] 0 1 2 3 4 5");
  auto store = get(readAs(readMindSporeFile, ckpt() + mindSporeValue("note", "str", {5}, "hello")));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->notes(), std::vector<std::string>{"entry 'note' is a text"});
}

TEST(MindSpore, PartsOfOneTag) {
  std::string parts = ckpt("Float32", {2, 3}, kSix.substr(0, 10)) + ckpt("Float32", {2, 3}, kSix.substr(10));
  EXPECT_EQ(showRead(readMindSporeFile, parts), "w F32 [2, 3] 0 1 2 3 4 5");
  expectRefused(ckpt("Float32", {2, 3}, kSix.substr(0, 10)), {"expected 24 bytes for its sizes, got 10"});
  expectRefused(ckpt() + ckpt(), {"expected 24 bytes for its sizes, got 48"});
  expectRefused(ckpt() + mindSporeValue("x", "Float32", {1}, "abcd") + ckpt(), {"'w' also stands in"});
  expectRefused(ckpt() + ckpt("Float32", {6}), {"'w' also stands in"});
}

TEST(MindSpore, FieldsAreKnown) {
  expectRefused("", {"got an empty one"});
  expectRefused(protoVarint(1, 5), {"a tensor (field 1), got field 1"});
  expectRefused(protoBytes(2, "x"), {"got field 2"});
  expectRefused("\x0d"
                "abcd",
                {"a number or a length, got wire type 5"});
  expectRefused("\x0a\x05"
                "ab",
                {"a field of 5 bytes, got 2", "truncated"});
  expectRefused("\x0a", {"a number of at most 64 bits"});
  expectRefused("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", {"a number of at most 64 bits"});
  expectRefused("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", {"a field of 9223372036854775807 bytes"});
  expectRefused(value(""), {"a name and a tensor"});
  expectRefused(value(protoBytes(1, "w")), {"a name and a tensor"});
  expectRefused(value(protoBytes(1, "w") + protoBytes(2, "") + protoBytes(2, "")),
                {"once each, got field 2"});
  expectRefused(value(protoBytes(1, std::string(2000, 'w'))), {"a name of up to 1024 bytes"});
  expectRefused(value(protoBytes(1, "w") + protoBytes(3, "x")), {"'w'", "a hash table"});
  expectRefused(value(protoBytes(1, "w") + protoBytes(4, "x")), {"got field 4"});
  auto tensor = [](const std::string &fields) { return value(protoBytes(1, "w") + protoBytes(2, fields)); };
  expectRefused(tensor(protoBytes(2, "Float32")), {"'w': expected a type and a content"});
  expectRefused(tensor(protoBytes(3, "")), {"'w': expected a type and a content"});
  expectRefused(tensor(protoBytes(3, "") + protoBytes(3, "")), {"once each, got field 3"});
  expectRefused(tensor(protoBytes(4, "")), {"got field 4"});
  expectRefused(tensor(protoBytes(2, std::string(65, 'F'))), {"got field 2"});
}

TEST(MindSpore, SizesAreSane) {
  expectRefused(ckpt("Float32", {7}), {"expected 28 bytes for its sizes, got 24"});
  expectRefused(ckpt("Float31", {6}), {"'w'", "'Float31'"});
  expectRefused(ckpt("Float32", {~uint64_t(0)}), {"at most 64 sizes from 0"});
  expectRefused(ckpt("Float32", std::vector<uint64_t>(65, 1)), {"at most 64 sizes"});
  expectRefused(ckpt("Float32", {uint64_t(1) << 40, uint64_t(1) << 40}), {"less than 2^63 bits"});
}

TEST(MindSpore, IsToldByItsContent) {
  TempDir dir;
  auto store = get(WeightStore::open(dir.write("any.name", ckpt())));
  ASSERT_TRUE(store);
  EXPECT_EQ(show(*store), "w F32 [2, 3] 0 1 2 3 4 5");
  expectError(WeightStore::open(dir.write("m.ckpt", "\xd8\x5e\x3a\x7f and so on")), ExitCode::Input,
              {"encrypted MindSpore checkpoint"});
  EXPECT_FALSE(isMindSporeFile("\x08\x0a"));
  EXPECT_FALSE(isMindSporeFile("\n"));
  EXPECT_FALSE(isMindSporeFile("\n\xff"));
  EXPECT_FALSE(isMindSporeFile(std::string(20, '\xff')));
}

TEST(MindSpore, DamageIsSurvived) {
  std::string tensor = ckpt("Float32", {2, 3}, kSix.substr(0, 10)) + ckpt("Float32", {2, 3}, kSix.substr(10));
  // A file that ends between two tensors is a shorter file.
  replayDamage(readMindSporeFile, tensor + mindSporeValue("step", "Int32", {0}, "abcd"), {tensor.size()});
}
