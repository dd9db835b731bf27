//===- TinyModel.h - a hand-made model of a few lines, for tests of the target layer ----------------===//
#ifndef TEST_COMPILER_TARGET_TINYMODEL_H
#define TEST_COMPILER_TARGET_TINYMODEL_H

#include "compiler/Target/EmitLibrary.h"
#include <gtest/gtest.h>

namespace vitc::test {

/// y[i] = x[i] * w[i] + b[i] for the four pixels of a 1 x 2 x 2 image; from u8 pixels, x = pixel. The second
/// output is the sum of the first. w = {1, 2, 3, 4} and b = {1/2, ...}, both times `scale`. With `several`,
/// there is a second size of 1 x 1 x 4.
struct TinyModel {
  std::string name = "tiny";
  std::vector<std::string> targets{"portable"};
  WeightPlacement weights = WeightPlacement::Auto;
  double scale = 1;
  bool pictures = true, several = false;
  std::vector<std::string> labels{"cat", "dog", "a \"quoted\" */ ?\?/ \n label", "caf\xc3\xa9"};
  uint64_t padding = 0; ///< elements of a third weight that nothing reads

  LibraryInfo info() const;
  ModelConfig config(Extent size = {2, 2}) const;
  std::vector<BlobTensor> tensors() const;
  CompileOptions options() const;
  /// Writes the library.
  llvm::Error emit(const std::string &output, LibraryInfo *result = nullptr) const;
};

/// The four levels' common code.
std::string tinyModule(bool pictures);

/// A folder that is removed with all that it holds.
class TempFolder {
public:
  TempFolder();
  ~TempFolder();
  std::string operator/(llvm::StringRef name) const;
  const std::string &path() const { return folder; }
  /// Names of all files, sorted.
  std::vector<std::string> files() const;

private:
  std::string folder;
};

std::string readFile(const std::string &path);
void writeFile(const std::string &path, llvm::StringRef text);

/// Runs a shell command; returns its output, both streams, and expects exit code 0.
std::string shell(const std::string &command);

/// Paths of the C and C++ compilers, and of LLVM's tools.
extern const char *const kCc, *const kCxx, *const kLlvmBin;

} // namespace vitc::test

#endif // TEST_COMPILER_TARGET_TINYMODEL_H
