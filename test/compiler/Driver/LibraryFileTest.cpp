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

TEST(MeasureTest, Median) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

} // namespace
