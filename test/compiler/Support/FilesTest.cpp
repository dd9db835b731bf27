#include "compiler/Support/MappedFile.h"
#include "compiler/Support/OutputFile.h"
#include "test/compiler/TestFiles.h"
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace vitc;
using namespace vitc::test;

TEST(MappedFile, ReadsRegularFiles) {
  TempDir dir;
  auto file = get(MappedFile::open(dir.write("a", "hello")));
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->text(), "hello");
  auto empty = get(MappedFile::open(dir.write("b", "")));
  ASSERT_TRUE(empty);
  EXPECT_TRUE((*empty)->bytes().empty());
}

TEST(MappedFile, RefusesEverythingElse) {
  TempDir dir;
  expectError(MappedFile::open(dir.file("none")), ExitCode::Input, {dir.file("none"), "No such file"});
  expectError(MappedFile::open(dir.path()), ExitCode::Input, {"expected a regular file, got a directory"});
  expectError(MappedFile::open("/dev/null"), ExitCode::Input, {"a special file"});
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  expectError(MappedFile::open(dir.file("fifo")), ExitCode::Input, {"a special file"}); // and does not block
  ASSERT_EQ(::symlink("loop", dir.file("loop").c_str()), 0);
  expectError(MappedFile::open(dir.file("loop")), ExitCode::Input, {"symbolic links"});
  expectError(MappedFile::open(llvm::StringRef("a\0b", 3)), ExitCode::Input, {"NUL"});
}

TEST(ReadTextFile, IsBounded) {
  TempDir dir;
  std::string path = dir.write("a", std::string(1000, 'x'));
  EXPECT_EQ(get(readTextFile(path, 1000))->size(), 1000u);
  expectError(readTextFile(path, 999), ExitCode::Input, {"at most 999 bytes"});
}

TEST(OutputFile, AppearsOnCommitOnly) {
  TempDir dir;
  std::string path = dir.write("out", "old");
  {
    auto file = get(OutputFile::create(path));
    ASSERT_TRUE(file);
    file->os() << "new";
    EXPECT_EQ(readFile(path), "old");
    ASSERT_FALSE(file->commit());
  }
  EXPECT_EQ(readFile(path), "new");
  EXPECT_EQ(dir.list(), "out");
}

TEST(OutputFile, LeavesNothingWithoutCommit) {
  TempDir dir;
  std::string path = dir.write("out", "old");
  {
    auto file = get(OutputFile::create(path));
    ASSERT_TRUE(file);
    file->os() << std::string(100000, 'x');
    OutputFile moved = std::move(*file);
    moved.os() << "y";
  }
  EXPECT_EQ(readFile(path), "old");
  EXPECT_EQ(dir.list(), "out");
}

TEST(OutputFile, AnyNameThatTheFileSystemTakes) {
  TempDir dir;
  ASSERT_EQ(::mkdir(dir.file("50%%off").c_str(), 0777), 0);
  for (const std::string &name : {std::string("50%%off/a%b"), std::string(255, 'x')}) {
    ASSERT_FALSE(writeFileAtomically(dir.file(name), llvm::StringRef("new")));
    EXPECT_EQ(readFile(dir.file(name)), "new");
  }
}

TEST(OutputFile, FollowsLinks) {
  TempDir dir;
  std::string path = dir.write("real", "old");
  ASSERT_EQ(::symlink("real", dir.file("link").c_str()), 0);
  ASSERT_FALSE(writeFileAtomically(dir.file("link"), llvm::StringRef("new")));
  EXPECT_EQ(readFile(path), "new");
  EXPECT_TRUE(llvm::sys::fs::is_symlink_file(dir.file("link")));
}

TEST(OutputFile, ReportsWhatCannotBeWritten) {
  TempDir dir;
  expectError(OutputFile::create(dir.file("no/such/dir")), ExitCode::Environment, {"cannot be written"});
  expectError(OutputFile::create(dir.path()), ExitCode::Environment, {"got a directory"});
  expectError(OutputFile::create(""), ExitCode::Usage, {"file name"});
  expectError(writeFileAtomically("/dev/full", llvm::StringRef(std::string(100000, 'x'))),
              ExitCode::Environment, {"/dev/full", "No space left"});
  EXPECT_FALSE(writeFileAtomically("/dev/null", llvm::StringRef("x")));
}

TEST(OutputFile, FullDiskKeepsTheTarget) {
  TempDir dir;
  std::string path = dir.write("out", "old");
  // A file size limit stands for the full disk: write() fails in the middle.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 50000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  llvm::Error error = writeFileAtomically(path, llvm::StringRef(std::string(100000, 'x')));
  ::setrlimit(RLIMIT_FSIZE, &before);
  expectError(std::move(error), ExitCode::Environment, {path, "File too large"});
  EXPECT_EQ(readFile(path), "old");
  EXPECT_EQ(dir.list(), "out");
}

TEST(OutputFile, KeepsThePermissionsOfTheTarget) {
  TempDir dir;
  std::string path = dir.write("out", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  ASSERT_FALSE(writeFileAtomically(path, llvm::StringRef("new")));
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST(OutputFile, ExecutableForReaders) {
  TempDir dir;
  auto file = get(OutputFile::create(dir.file("lib.so")));
  ASSERT_TRUE(file);
  file->setExecutable();
  ASSERT_FALSE(file->commit());
  struct stat info;
  ASSERT_EQ(::stat(dir.file("lib.so").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0100, 0100u);
}
