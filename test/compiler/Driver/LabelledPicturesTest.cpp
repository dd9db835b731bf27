// Folders and lists of pictures, and the classes that they name.
#include "compiler/Driver/LabelledPictures.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

const std::vector<std::string> kLabels{"cat", "crane", "crane", "great white shark"};

class LabelledPicturesTest : public testing::Test {
protected:
  void picture(llvm::StringRef path) {
    ASSERT_FALSE(llvm::sys::fs::create_directories(llvm::sys::path::parent_path(dir.file(path))));
    dir.write(path, "");
  }
  llvm::Expected<std::vector<LabelledPicture>> list(llvm::StringRef path) {
    llvm::raw_string_ostream os(printed);
    Console console(os, os);
    return listLabelledPictures(path, kLabels, 4, console);
  }
  /// "NAME=CLASS NAME=CLASS".
  std::string listed(llvm::StringRef path) {
    auto pictures = get(list(path));
    std::string text;
    for (const LabelledPicture &p : pictures.value_or(std::vector<LabelledPicture>()))
      text +=
          (text.empty() ? "" : " ") + llvm::sys::path::filename(p.path).str() + "=" + std::to_string(p.label);
    return text;
  }
  TempDir dir;
  std::string printed;
};

TEST_F(LabelledPicturesTest, FoldersByLabelAndIndex) {
  picture("great white shark/b.png");
  picture("great white shark/a.JPG");
  picture("great white shark/notes.txt");
  picture("2/x.jpeg");
  picture("cat/y.png");
  EXPECT_EQ(listed(dir.path()), "x.jpeg=2 y.png=0 a.JPG=3 b.png=3");
  EXPECT_EQ(printed, "");
  picture("dog/z.png");
  expectError(list(dir.path()), ExitCode::Input, {"4 classes", "'dog'"});
}

TEST_F(LabelledPicturesTest, OtherFoldersInOrder) {
  for (const char *name : {"n01/a.png", "n03/c.png", "n02/b.png"})
    picture(name);
  expectError(list(dir.path()), ExitCode::Input, {"4 classes", "'n01'"}); // three of four: which is missing?
  picture("n04/d.png");
  EXPECT_EQ(listed(dir.path()), "a.png=0 b.png=1 c.png=2 d.png=3");
  EXPECT_NE(printed.find("in order of their names"), std::string::npos);
}

TEST_F(LabelledPicturesTest, AmbiguousLabelsNeedIndices) {
  picture("crane/a.png");
  expectError(list(dir.path()), ExitCode::Input, {"'crane'", "several classes", "indices"});
}

TEST_F(LabelledPicturesTest, Lists) {
  EXPECT_EQ(listed(dir.write("list", "a.png 1\n\nmy cat.png cat\r\n/deep/b.png\tgreat white shark\n")),
            "a.png=1 my cat.png=0 b.png=3");
  EXPECT_EQ(get(list(dir.file("list")))->front().path, dir.file("a.png"));
  EXPECT_EQ(get(list(dir.file("list")))->back().path, "/deep/b.png");
  expectError(list(dir.write("list", "a.png 1\nb.png 4\n")), ExitCode::Input, {"list:2", "'4'"});
  expectError(list(dir.write("list", "a.png\n")), ExitCode::Input, {"list:1"});
  expectError(list(dir.write("list", "\n")), ExitCode::Input, {"empty file"});
  expectError(list(dir.file("none")), ExitCode::Input, {"none"});
}

TEST_F(LabelledPicturesTest, NoPictures) {
  expectError(list(dir.path()), ExitCode::Input, {"found none"});
  ASSERT_FALSE(llvm::sys::fs::create_directory(dir.file("cat")));
  expectError(list(dir.path()), ExitCode::Input, {"found none"});
}

} // namespace
