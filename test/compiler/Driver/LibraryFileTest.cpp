// Libraries as untrusted files: what inspect reads without running anything.
#include "compiler/Driver/LibraryFile.h"
#include "compiler/Driver/Driver.h"
#include "compiler/Driver/Measure.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Import/Presets.h"
#include "runtime/include/vitc/abi.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

/// The bundled model for one level, compiled once for all tests.
class LibraryFileTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    dir = new TempDir;
    for (const char *suffix : {".so", ".a", ".o"}) {
      std::string path = dir->file(std::string("m") + suffix), err;
      llvm::raw_string_ostream errors(err);
      EXPECT_EQ(runCommand({"compile", VITC_SOURCE_DIR "/examples/models/vit-fashion-mnist", "--target",
                            "x86-64", "--name", "tiny", "-o", path.c_str()},
                           llvm::nulls(), errors),
                0)
          << err;
    }
  }
  static void TearDownTestSuite() { delete dir; }
  static TempDir *dir;
};
TempDir *LibraryFileTest::dir;

TEST_F(LibraryFileTest, OtherFilesAreNoLibraries) {
  EXPECT_FALSE(isLibrary("/dev/zero"));                                      // has no end
  EXPECT_FALSE(isLibrary(dir->write("zeros.mlir", std::string(100, '\0')))); // like an object of Windows
}

TEST_F(LibraryFileTest, ReadsAllKinds) {
  std::pair<const char *, LibraryKind> kinds[] = {
      {"m.so", LibraryKind::Shared}, {"m.a", LibraryKind::Archive}, {"m.o", LibraryKind::Object}};
  for (auto [name, kind] : kinds) {
    auto file = get(openLibraryFile(dir->file(name)));
    ASSERT_TRUE(file);
    EXPECT_EQ(file->kind, kind);
    EXPECT_EQ(file->sizes.front().name, "tiny");
    EXPECT_EQ(file->sizes.front().parameters, 678730);
    EXPECT_EQ(file->sizes.front().outputs.front().name, "logits");
    EXPECT_EQ(file->sizes.front().outputs.front().shape, (llvm::SmallVector<int64_t, 4>{10}));
    ASSERT_TRUE(file->sizes.front().model);
    EXPECT_EQ(file->sizes.front().model->labels.size(), 10u);
    EXPECT_EQ(file->sizes.front().levels.front().name, "x86-64");
    EXPECT_LT(file->sizes.front().executedFlops, file->sizes.front().modelFlops);
  }
}

TEST_F(LibraryFileTest, DamageIsAnError) {
  std::string whole = readFile(dir->file("m.so"));
  // Every byte of the ELF header, and a sample of the rest.
  for (size_t i = 0; i < whole.size(); i += i < 64 ? 1 : 32771) {
    std::string damaged = whole;
    damaged[i] ^= 0xff;
    llvm::consumeError(openLibraryFile(dir->write("damaged.so", damaged)).takeError());
  }
  for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 61)
    EXPECT_TRUE(
        llvm::errorToBool(openLibraryFile(dir->write("cut.so", whole.substr(0, length))).takeError()) ||
        length > whole.size() / 2)
        << length;
  std::string archive = readFile(dir->file("m.a"));
  for (size_t length = 8; length < archive.size(); length += 1 + archive.size() / 61)
    llvm::consumeError(openLibraryFile(dir->write("cut.a", archive.substr(0, length))).takeError());
}

TEST_F(LibraryFileTest, AnotherVersionIsRefused) {
  std::string whole = readFile(dir->file("m.so"));
  std::string abi = std::to_string(VITC_ABI_VERSION);
  ASSERT_EQ(abi.size(), 1u);
  size_t at = whole.find("\"abi\":" + abi);
  ASSERT_NE(at, std::string::npos);
  whole[at + 6] = '0';
  expectError(openLibraryFile(dir->write("other.so", whole)), ExitCode::Input,
              {"ABI " + abi, "got 0", "compile"});
}

// The commands build modules and allocate by the description.
TEST_F(LibraryFileTest, DescriptionsThatMakeNoSenseAreErrors) {
  auto changed = [](llvm::StringRef from, llvm::StringRef to) {
    std::string whole = readFile(dir->file("m.so"));
    EXPECT_EQ(from.size(), to.size());
    size_t model = whole.find("\"model\":"), changes = 0;
    for (size_t at = model; (at = whole.find(from, at)) != std::string::npos; ++changes)
      whole.replace(at, from.size(), to);
    EXPECT_GT(changes, 0u) << from.str();
    return openLibraryFile(dir->write("changed.so", whole));
  };
  expectError(changed("\"stride\": [4, 4]", "\"stride\": [0, 0]"), ExitCode::Input,
              {"tiny_metadata: model: ", "stride"});
  expectError(changed("\"heads\": 3", "\"heads\": 0"), ExitCode::Input, {"heads"});
  expectError(changed("\"mean\": [0.286]", "\"mean\": [     ]"), ExitCode::Input, {"means"});
  auto smaller = changed("\"size\": [28, 28]", "\"size\": [ 8,  8]");
  ASSERT_TRUE(static_cast<bool>(smaller));
  expectError(LoadedLibrary::load(std::move(*smaller)), ExitCode::Input,
              {"expected an input of 1 x 8 x 8 as its description says, got 1 x 28 x 28"});
}

/// The library of two sizes whose metadata has `from` replaced by `to`, spaces behind it.
class LibraryOfSizes : public LibraryFileTest {
protected:
  static void SetUpTestSuite() {
    dir = new TempDir;
    std::string path = dir->file("sizes.so"), err;
    llvm::raw_string_ostream errors(err);
    EXPECT_EQ(runCommand({"compile", VITC_SOURCE_DIR "/examples/models/vit-fashion-mnist", "--target",
                          "x86-64", "--image-size", "28,36x44", "--name", "tiny", "-o", path.c_str()},
                         llvm::nulls(), errors),
              0)
        << err;
  }
  llvm::Expected<LibraryFile> changed(llvm::StringRef from, std::string to) {
    std::string whole = readFile(dir->file("sizes.so"));
    size_t sizes = whole.find("\"sizes\":"), at = whole.find(from, sizes);
    EXPECT_NE(sizes, std::string::npos);
    EXPECT_NE(at, std::string::npos) << from.str();
    size_t length = from == "[" ? whole.find('\0', sizes) - 1 - at : from.size();
    EXPECT_LE(to.size(), length);
    to.resize(length, ' ');
    return openLibraryFile(dir->write("changed.so", whole.replace(at, length, to)));
  }
};

TEST_F(LibraryOfSizes, EachHasItsOwnDescription) {
  auto file = get(openLibraryFile(dir->file("sizes.so")));
  ASSERT_TRUE(file);
  ASSERT_EQ(file->sizes.size(), 2u);
  for (const LibraryFacts &facts : file->sizes) {
    ASSERT_TRUE(facts.model);
    EXPECT_EQ(facts.model->inputSize, facts.inputSize);
    EXPECT_EQ(facts.model->tokens(), facts.tokens);
    EXPECT_EQ(facts.model->preprocess->resize()->size, facts.inputSize);
    EXPECT_EQ(facts.model->labels.size(), 10u);
    EXPECT_EQ(facts.weightBytes, file->sizes.front().weightBytes);
  }
  EXPECT_EQ(file->sizes[1].inputSize, (Extent{36, 44}));
  EXPECT_EQ(file->sizes[1].tokens, 100);
  EXPECT_GT(file->sizes[1].executedFlops, file->sizes[0].executedFlops);
}

TEST_F(LibraryOfSizes, LiesAreErrors) {
  expectError(changed("[", "[]"), ExitCode::Input, {"expected one to 16 input sizes, got 0"});
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += i ? ",{}" : "{}";
  expectError(changed("[", "[" + many + "]"), ExitCode::Input, {"expected one to 16 input sizes, got 17"});
  expectError(changed("[", "[{}]"), ExitCode::Input, {"sizes[0]", "height"});
  expectError(changed("\"height\":36,\"width\":44", "\"height\":28,\"width\":28"), ExitCode::Input,
              {"sizes[1]", "one twice"});
  expectError(changed("\"size\":[36,44]", "\"size\":[-1,44]"), ExitCode::Input, {"size"});
  // What the tables of the code do not confirm.
  auto load = [](llvm::Expected<LibraryFile> file) -> llvm::Expected<std::unique_ptr<LoadedLibrary>> {
    if (!file)
      return file.takeError();
    return LoadedLibrary::load(std::move(*file));
  };
  expectError(load(changed("\"height\":36", "\"height\":37")), ExitCode::Input,
              {"expected an input of 37x44 as its metadata say, got 36x44"});
  expectError(load(changed("\"shape\":[1,36,44]", "\"shape\":[1,36,99]")), ExitCode::Input,
              {"expected 14256 bytes of 'image' as its metadata say, got 6336"});
  expectError(load(changed("\"shape\":[10]", "\"shape\":[99]")), ExitCode::Input, {"bytes of 'logits'"});
  llvm::Expected<LibraryFile> one = openLibraryFile(dir->file("sizes.so"));
  ASSERT_TRUE(static_cast<bool>(one));
  one->sizes.pop_back();
  expectError(load(std::move(one)), ExitCode::Input, {"expected 1 input sizes as its metadata say, got 2"});
}

TEST(MeasureTest, Median) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

} // namespace
