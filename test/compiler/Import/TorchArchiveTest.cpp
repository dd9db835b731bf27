//===- TorchArchiveTest.cpp - files of torch.save, and one hostile file for each rule -----------------===//
#include "test/compiler/Import/ContainerFixtures.h"
#include "test/compiler/Import/ImportFixtures.h"
#include <fmt/format.h>

using namespace vitc;
using namespace vitc::test;
namespace pk = vitc::test::pickle;

namespace {

const std::string kSix = floatBytes({0, 1, 2, 3, 4, 5});
/// A whole storage "0" of six floats as [2, 3].
const std::string kTensor =
    pk::tensor(pk::storage("FloatStorage", "0", 6), 0, pk::tuple({2, 3}), pk::tuple({3, 1}));

std::string file(const std::string &value) { return torchFile(pk::file(value), {kSix}); }
std::string showFile(const std::string &value) { return showRead(readArchive, file(value)); }
/// The error for a state dictionary whose "w" is `value`.
void expectRefused(const std::string &value, std::initializer_list<llvm::StringRef> parts) {
  expectReadError(readArchive, file(pk::orderedDict({{"w", value}})), parts);
}
void expectPickleRefused(const std::string &opcodes, std::initializer_list<llvm::StringRef> parts) {
  expectReadError(readArchive, torchFile(opcodes, {kSix}), parts);
}
std::string withTensor(const std::string &storage, int64_t first, std::vector<int64_t> sizes,
                       std::vector<int64_t> strides) {
  return pk::tensor(storage, first, pk::tuple(sizes), pk::tuple(strides));
}

} // namespace

TEST(TorchArchive, StateDictionaries) {
  EXPECT_EQ(showFile(pk::orderedDict({{"w", kTensor}})), "w F32 [2, 3] 0 1 2 3 4 5");
  EXPECT_EQ(showFile(pk::dict({{"w", kTensor}})), "w F32 [2, 3] 0 1 2 3 4 5");
  // A parameter, and what torch.save adds to a module's state dictionary.
  EXPECT_EQ(
      showFile(pk::orderedDict({{"w", pk::global("torch._utils", "_rebuild_parameter") + "(" + kTensor +
                                          "\x88" + pk::global("collections", "OrderedDict") + ")RtR"}}) +
               pk::dict({{"_metadata", pk::orderedDict({{"", pk::dict({{"version", "K\x01"}})}})}}) + "b"),
      "w F32 [2, 3] 0 1 2 3 4 5");
}

TEST(TorchArchive, ViewsOfStorages) {
  std::string storage = pk::storage("FloatStorage", "0", 6);
  EXPECT_EQ(showFile(pk::orderedDict({{"transposed", withTensor(storage, 0, {3, 2}, {1, 3})},
                                      {"tail", withTensor(storage, 4, {2}, {1})},
                                      {"column", withTensor(storage, 1, {2, 1}, {3, 7})},
                                      {"scalar", withTensor(storage, 5, {}, {})},
                                      {"empty", withTensor(storage, 6, {0, 9}, {9, 1})}})),
            "column F32 [2, 1] 1 4; empty F32 [0, 9]; scalar F32 [] 5; tail F32 [2] 4 5; "
            "transposed F32 [3, 2] 0 3 1 4 2 5");
}

TEST(TorchArchive, ElementTypes) {
  auto one = [](const char *type, int64_t count) {
    return showFile(pk::dict({{"w", withTensor(pk::storage(type, "0", count), 0, {1}, {1})}}));
  };
  EXPECT_EQ(one("DoubleStorage", 3).substr(0, 9), "w F64 [1]");
  EXPECT_EQ(one("HalfStorage", 12), "w F16 [1] 0");
  EXPECT_EQ(one("BFloat16Storage", 12), "w BF16 [1] 0");
  EXPECT_EQ(one("LongStorage", 3), "w I64 [1]");
  EXPECT_EQ(one("IntStorage", 6), "w I32 [1]");
  EXPECT_EQ(one("ShortStorage", 12), "w I16 [1]");
  EXPECT_EQ(one("CharStorage", 24), "w I8 [1]");
  EXPECT_EQ(one("ByteStorage", 24), "w U8 [1]");
  EXPECT_EQ(one("BoolStorage", 24), "w BOOL [1]");
}

TEST(TorchArchive, WrappersArePeeled) {
  auto notes = [](const std::string &value) {
    auto store = get(readAs(readArchive, file(value)));
    return store ? show(*store) + " | " +
                       (store->notes().empty() ? std::string("no notes") : store->notes().front())
                 : "";
  };
  std::string weights = pk::orderedDict({{"w", kTensor}});
  for (const char *name : {"model", "state_dict", "model_ema", "module", "teacher", "state_dict_ema"})
    EXPECT_EQ(notes(pk::dict({{name, weights}})), "w F32 [2, 3] 0 1 2 3 4 5 | no notes") << name;
  EXPECT_EQ(
      notes(pk::dict({{"epoch", "K\x07"}, {"model", pk::dict({{"x", kTensor}})}, {"model_ema", weights}})),
      "w F32 [2, 3] 0 1 2 3 4 5 | weights: 'model_ema' of the file's entries epoch, model, model_ema");
  EXPECT_EQ(notes(pk::dict({{"model_ema", "N"}, {"model", pk::dict({{"module", weights}})}})).substr(0, 24),
            "w F32 [2, 3] 0 1 2 3 4 5");
  // Other nests become names.
  EXPECT_EQ(showFile(pk::dict({{"visual", pk::dict({{"proj", kTensor}})}})),
            "visual.proj F32 [2, 3] 0 1 2 3 4 5");
  EXPECT_EQ(notes(pk::dict({{"w", kTensor}, {"step", "K\x07"}, {"list", "](" + kTensor + "e"}})),
            "list.0 F32 [2, 3] 0 1 2 3 4 5; w F32 [2, 3] 0 1 2 3 4 5 | entries that are no tensors: step");
}

TEST(TorchArchive, TorchScriptAsAttributes) {
  std::string module = pk::global("__torch__.clip.model", "Visual") + ")\x81" +
                       pk::dict({{"proj", kTensor},
                                 {"training", "\x88"},
                                 {"sizes", pk::global("torch.jit._pickle", "build_intlist") + "(](K\x01"
                                                                                              "K\x02"
                                                                                              "etR"}}) +
                       "b";
  std::string root =
      pk::global("__torch__.clip.model", "CLIP") + ")\x81" + pk::dict({{"visual", module}}) + "b";
  ZipPart constants, code;
  constants.name = "m/constants.pkl";
  constants.data = "\x80\x02).";
  code.name = "m/code/__torch__/clip.py";
  code.data = "import os";
  std::string archive = torchFile(pk::file(root), {kSix}, {constants, code});
  EXPECT_EQ(showRead(readArchive, archive), "visual.proj F32 [2, 3] 0 1 2 3 4 5");
  // Without the mark of TorchScript such classes are refused.
  expectReadError(readArchive, file(root), {"the global '__torch__.clip.model.CLIP'"});
  expectReadError(readArchive,
                  torchFile(pk::file(pk::global("torch.jit._pickle", "build_everything")), {}, {constants}),
                  {"build_everything"});
}

TEST(TorchArchive, GlobalsAreRefusedByName) {
  for (auto [module, name] : {std::pair<const char *, const char *>{"os", "system"},
                              {"argparse", "Namespace"},
                              {"numpy.core.multiarray", "scalar"},
                              {"builtins", "eval"},
                              {"torch", "ComplexFloatStorage"},
                              {"torch._utils", "_rebuild_parameter_with_state"},
                              {"collections", "OrderedDict.__class__"}})
    expectRefused(pk::global(module, name) + "(" + pk::text("x") + "tR",
                  {fmt::format("the global '{}.{}'", module, name), "safetensors.torch.save_file", "byte"});
  expectRefused("cos", {"expected the name of a global"});
  expectRefused("c" + std::string(2000, 'a') + "\nb\n", {"expected the name of a global"});
}

TEST(Pickle, StacksAreChecked) {
  const std::pair<const char *, const char *> cases[] = {
      {".", "one value at the end, got 0"},
      {"NN.", "one value at the end, got 2"},
      {"(N.", "one value at the end"},
      {"0.", "1 values on the stack, got 0"},
      {"N(0.", "1 values on the stack, got 0"}, // not below the mark
      {"2.", "1 values on the stack"},
      {"1.", "a mark on the stack, got none"},
      {"t.", "a mark on the stack, got none"},
      {"\x86.", "2 values on the stack"},
      {"Na.", "2 values on the stack, got 1"},
      {"NNa.", "a list to fill"},
      {"}Na.", "a list to fill"},
      {"]NNs.", "a dictionary to fill"},
      {"}(Nu.", "keys and values in pairs, got 1"},
      {"(u.", "1 values on the stack"},
      {"N)R.", "a global and a tuple of arguments to call"},
      {"ccollections\nOrderedDict\nNR.", "a global and a tuple"},
      {"N)\x81.", "a global and a tuple of arguments to create"},
      {"}}b.", "an object without state"},
      {"ccollections\nOrderedDict\n)R}b}b.", "an object without state"},
      {"Q.", "1 values on the stack"},
      {"q\x01.", "1 values on the stack"},
      {"h\x01.", "memo 1 to be set"},
      {"Nr\xff\xff\xff\xff.", "a memo below 1048576, got 4294967295"},
      {"j\xff\xff\xff\xff.", "memo 4294967295 to be set"},
      {"X\xff\xff\xff\x7fx.", "2147483647 more bytes, got 2"},
      {"T\xff\xff\xff\x7fx.", "2147483647 more bytes"},
      {"U\x09x.", "9 more bytes"},
      {"\x8a\x09x.", "9 more bytes"},
      {"J\x01", "4 more bytes, got 1"},
      {"N", "1 more bytes, got 0"},
      {"\x80\x02N.", "protocol 2 at byte 2"},
      {"i.", "an opcode of protocol 2 that torch.save writes, got 0x69"},
      {"\x93.", "got 0x93"},
      {"P.", "got 0x50"},
  };
  for (auto [opcodes, message] : cases)
    expectPickleRefused("\x80\x02" + std::string(opcodes), {"entry 'm/data.pkl'", message});
  expectPickleRefused("", {"1 more bytes, got 0"});
  expectPickleRefused("N.", {"begin with its protocol, got 0x4e"});
  expectPickleRefused("\x80\x04N.", {"protocol 2, as torch.save writes it, got protocol 4"});
  expectPickleRefused(pk::file(pk::dict({{"w", kTensor}})) + "x", {"1 bytes behind it"});
  expectPickleRefused("\x80\x02" + std::string((1 << 20) + 1, 'N') + ".", {"at most 1048576 opcodes"});
}

TEST(TorchArchive, TheRootHoldsTensors) {
  expectReadError(readArchive, file("N"),
                  {"entry 'm/data.pkl'", "a dictionary of tensors, got another value"});
  expectReadError(readArchive, file(kTensor), {"a dictionary of tensors"});
  expectReadError(readArchive, file("}"), {"got an empty one"});
  expectReadError(readArchive, file(pk::dict({{"epoch", "N"}})), {"no tensor beside epoch"});
  expectReadError(readArchive, file("}(N" + kTensor + "u"), {"keys that are strings or integers"});
  expectRefused(pk::global("collections", "OrderedDict") + "((" + pk::text("a") + "NttR",
                {"filled afterwards"});
}

TEST(TorchArchive, NestsAndSharingAreBounded) {
  // A dictionary that contains itself.
  expectReadError(readArchive, file("}q\x01" + pk::text("a") + "h\x01s"), {"at most 64 levels"});
  // Sixty levels, each holding the one below twice: 2^60 paths.
  std::string value = pk::dict({{"w", kTensor}});
  for (int i = 0; i < 60; ++i)
    value = "}q" + std::string(1, char(i)) + pk::text("a") + value + "q" + std::string(1, char(100 + i)) +
            "s" + pk::text("b") + "h" + std::string(1, char(100 + i)) + "s";
  llvm::Expected<WeightStore> store = readAs(readArchive, file(value));
  std::string message = store ? "" : llvm::toString(store.takeError());
  EXPECT_TRUE(llvm::StringRef(message).contains("share bytes at most 8") ||
              llvm::StringRef(message).contains("at most 64 levels and"))
      << message;
  // Parameters of parameters.
  std::string parameter = kTensor;
  for (int i = 0; i < 200; ++i)
    parameter = pk::global("torch._utils", "_rebuild_parameter") + "(" + parameter + "tR";
  expectReadError(readArchive, file(pk::dict({{"w", parameter}})), {"no tensor beside w"});
}

TEST(TorchArchive, TensorsLieInTheirStorages) {
  std::string storage = pk::storage("FloatStorage", "0", 6);
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  expectRefused(withTensor(storage, 0, {7}, {1}),
                {"'w'", "inside its storage of 6, got 28 bytes from element 0"});
  expectRefused(withTensor(storage, 5, {2}, {1}), {"inside its storage"});
  expectRefused(withTensor(storage, 7, {0}, {1}), {"inside its storage"});
  expectRefused(withTensor(storage, 0, {2, 3}, {4, 1}), {"inside its storage"});
  expectRefused(withTensor(storage, most, {1}, {1}), {"inside its storage"});
  expectRefused(withTensor(storage, -1, {1}, {1}), {"an offset into its storage"});
  expectRefused(withTensor(storage, 0, {-1}, {1}), {"integers from 0"});
  expectRefused(withTensor(storage, 0, {2}, {-1}), {"integers from 0"});
  expectRefused(withTensor(storage, 0, {most, most}, {1, 1}), {"less than 2^63 bits"});
  expectRefused(withTensor(storage, 0, {2}, {most}), {"less than 2^63 bits"});
  expectRefused(withTensor(storage, 0, {2, 3}, {1}), {"as many strides as sizes"});
  expectRefused(withTensor(storage, 0, {1000}, {0}), {"an expanded tensor"});
  expectRefused(withTensor(storage, 0, std::vector<int64_t>(65, 1), {1}), {"at most 64 sizes"});
  expectRefused(pk::tensor(storage, 0, "N", pk::tuple({})), {"a tuple of at most 64 sizes"});
  expectRefused(pk::tensor(storage, 0, "(Nt", pk::tuple({1})), {"integers from 0"});
  expectRefused(pk::tensor("N", 0, pk::tuple({1}), pk::tuple({1})),
                {"a storage of the file by its type, key, device and size"});
  expectRefused(pk::global("torch._utils", "_rebuild_tensor_v2") + "(tR",
                {"the arguments of _rebuild_tensor_v2"});
}

TEST(TorchArchive, StoragesAreWhatThePickleSays) {
  auto tensor = [](const std::string &storage) { return withTensor(storage, 0, {1}, {1}); };
  expectRefused(tensor(pk::storage("FloatStorage", "1", 6)), {"the entry 'm/data/1'", "missing"});
  expectRefused(tensor(pk::storage("FloatStorage", "../0", 6)), {"the entry 'm/data/../0'", "missing"});
  expectRefused(tensor(pk::storage("FloatStorage", "0", 5)), {"5 elements of F32", "got 24 bytes"});
  expectRefused(tensor(pk::storage("DoubleStorage", "0", 6)), {"6 elements of F64", "got 24 bytes"});
  expectRefused(tensor(pk::storage("FloatStorage", "0", -6)), {"a storage of the file by its type"});
  expectRefused(tensor("NQ"), {"a storage of the file by its type"});
  expectRefused(tensor("(" + pk::text("module") + pk::global("torch", "FloatStorage") + pk::text("0") +
                       pk::text("cpu") + "K\x06tQ"),
                {"a storage of the file by its type"});
  expectRefused(tensor("(" + pk::text("storage") + pk::global("collections", "OrderedDict") + pk::text("0") +
                       pk::text("cpu") + "K\x06tQ"),
                {"a storage type such as torch.FloatStorage"});
  ZipPart pickle, packed;
  pickle.name = "m/data.pkl";
  pickle.data = pk::file(pk::dict({{"w", kTensor}}));
  packed.name = "m/data/0";
  packed.data = kSix;
  packed.deflate = true;
  expectReadError(readArchive, zipFile({pickle, packed}),
                  {"the stored entries that torch.save writes", "zip -0"});
  ZipPart second = pickle;
  second.name = "n/data.pkl";
  expectReadError(readArchive, zipFile({pickle, second}), {"one data.pkl", "'m/data.pkl' and 'n/data.pkl'"});
  ZipPart order;
  order.name = "m/byteorder";
  order.data = "big";
  expectReadError(readArchive, torchFile(pickle.data, {kSix}, {order}), {"little-endian", "'big'"});
  order.data = "little";
  EXPECT_EQ(showRead(readArchive, torchFile(pickle.data, {kSix}, {order})), "w F32 [2, 3] 0 1 2 3 4 5");
}

TEST(TorchArchive, OtherFiles) {
  TempDir dir;
  expectError(WeightStore::open(dir.write("m.pkl", "\x80\x04N.")), ExitCode::Input, {"a bare pickle"});
  expectReadError(readArchive, zipFile({}), {"a zip archive of PyTorch", "no entries"});
}

TEST(TorchArchive, ShardsWithAnIndex) {
  TempDir dir;
  std::string tensor = pk::tensor(pk::storage("FloatStorage", "0", 6), 0, pk::tuple({6}), pk::tuple({1}));
  dir.write("one.bin", torchFile(pk::file(pk::orderedDict({{"a", tensor}})), {kSix}));
  dir.write("two.bin", torchFile(pk::file(pk::orderedDict({{"b", tensor}})), {kSix}));
  dir.write("pytorch_model.bin.index.json", R"({"weight_map": {"a": "one.bin", "b": "two.bin"}})");
  auto store = get(WeightStore::openDirectory(dir.path()));
  ASSERT_TRUE(store);
  EXPECT_EQ(show(*store), "a F32 [6] 0 1 2 3 4 5; b F32 [6] 0 1 2 3 4 5");
}

TEST(TorchArchive, DamageIsSurvived) {
  replayDamage(readArchive, file(pk::dict({{"model", pk::orderedDict({{"w", kTensor}, {"n", "K\x01"}})}})));
}

//===- Before PyTorch 1.6 ---===//

namespace {

const std::string kMagic = std::string("\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20j\xa8P\x19.");

/// A file of that format, with `storages` by key.
std::string oldFile(const std::string &object,
                    const std::vector<std::pair<std::string, std::string>> &storages,
                    const char *littleEndianMachine = "\x88") {
  std::string keys = "](", data;
  for (const auto &[key, contents] : storages) {
    keys += pk::text(key);
    data += littleEndian(8, contents.size() / 4) + contents;
  }
  return kMagic + pk::file(pk::integer(1001)) + pk::file(pk::dict({{"little_endian", littleEndianMachine}})) +
         pk::file(object) + pk::file(keys + "e") + data;
}
/// A storage reference of that format: a view's place behind the number of elements.
std::string oldStorage(const std::string &key, int64_t count, const std::string &view = "N") {
  return "(" + pk::text("storage") + pk::global("torch", "FloatStorage") + pk::text(key) + pk::text("cpu") +
         pk::integer(count) + view + "tQ";
}
const std::string kOldObject = pk::dict({{"w", withTensor(oldStorage("93", 6), 0, {2, 3}, {3, 1})}});

} // namespace

TEST(OldTorchFile, StateDictionaries) {
  std::string contents = oldFile(kOldObject, {{"93", kSix}});
  EXPECT_EQ(showRead(readOldTorchFile, contents), "w F32 [2, 3] 0 1 2 3 4 5");
  TempDir dir;
  auto store = get(WeightStore::open(dir.write("m.pth", contents)));
  ASSERT_TRUE(store);
  EXPECT_EQ(show(*store), "w F32 [2, 3] 0 1 2 3 4 5");
}

TEST(OldTorchFile, RefusesWhatDoesNotFit) {
  auto refuse = [](const std::string &contents, std::initializer_list<llvm::StringRef> parts) {
    expectReadError(readOldTorchFile, contents, parts);
  };
  refuse(kMagic, {"the version", "damaged"});
  refuse(oldFile(kOldObject, {{"93", kSix}}, "\x89"), {"a big-endian machine"});
  refuse(oldFile(pk::global("os", "system") + "(" + pk::text("x") + "tR", {}), {"the global 'os.system'"});
  refuse(oldFile(kOldObject, {{"93", kSix}}) + "x", {"1 bytes behind them"});
  refuse(oldFile(kOldObject, {{"94", kSix}}), {"storage '94'", "a tensor that uses it"});
  refuse(oldFile(kOldObject, {}), {"'w'", "the storage '93' with 6 elements of F32, got none"});
  refuse(oldFile(kOldObject, {{"93", kSix.substr(0, 8)}}), {"6 elements of F32, got 8 bytes"});
  refuse(oldFile(kOldObject, {{"93", kSix}, {"93", kSix}}), {"expected it once, got it twice"});
  refuse(oldFile(pk::dict({{"w", withTensor(oldStorage("93", 6, "(NNNt"), 0, {6}, {1})}}), {}),
         {"a storage of the file by its type"});
  std::string huge = oldFile(kOldObject, {{"93", kSix}});
  huge.replace(huge.size() - 32, 8, littleEndian(8, uint64_t(1) << 62));
  refuse(huge, {"expected 4611686018427387904 elements of F32", "truncated"});
  // 2^62 elements of 4 bytes wrap to none.
  refuse(
      oldFile(pk::dict({{"w", withTensor(oldStorage("93", int64_t(1) << 62), 0, {1}, {1})}}), {{"93", ""}}),
      {"with 4611686018427387904 elements"});
}

TEST(OldTorchFile, DamageIsSurvived) { replayDamage(readOldTorchFile, oldFile(kOldObject, {{"93", kSix}})); }
