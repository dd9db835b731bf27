//===- ImportFixtures.h - tiny checkpoints written by the tests -------------------------------------===//
#ifndef TEST_COMPILER_IMPORT_IMPORTFIXTURES_H
#define TEST_COMPILER_IMPORT_IMPORTFIXTURES_H

#include "compiler/Import/Checkpoint.h"
#include "test/compiler/TestFiles.h"
#include <map>

namespace vitc::test {

/// An 8-byte length, a header and data: what a safetensors file consists of.
inline std::string safetensors(llvm::StringRef header, llvm::StringRef data) {
  std::string result;
  for (int shift = 0; shift < 64; shift += 8)
    result += static_cast<char>(static_cast<uint64_t>(header.size()) >> shift & 0xff);
  return result + header.str() + data.str();
}

/// Builds a well-formed file from names and shapes. Values count up: tensor t holds 1000 t, 1000 t + 1, ...
/// in the order of addition.
class TensorFile {
public:
  void add(llvm::StringRef name, std::vector<int64_t> shape);
  void add(llvm::StringRef name, std::vector<int64_t> shape, const std::vector<float> &values);
  /// Raw bytes of any dtype.
  void addRaw(llvm::StringRef name, llvm::StringRef dtype, std::vector<int64_t> shape, llvm::StringRef bytes);
  std::string text() const { return safetensors("{" + header + "}", data); }

private:
  std::string header, data;
  int count = 0;
};

/// Sizes of the models below: width 8, depth 2, 2 heads, MLP 12, 3 channels, patch 4 on 8x8, 5 classes.
struct TinyModel {
  static constexpr int64_t width = 8, hidden = 12, classes = 5;
};

using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;
/// Hugging Face names of both generations; `prefix` is "vit.", "deit." or "".
Shapes huggingFaceShapes(llvm::StringRef prefix, bool newNames, bool distilled);
/// timm names of a plain model with head.
Shapes timmShapes();

/// A JSON object of members ("KEY": value); `change` replaces or adds some, and a value of "-" removes the
/// key.
std::string jsonObject(std::map<std::string, std::string> members,
                       const std::map<std::string, std::string> &change = {});

/// A directory with config.json and model.safetensors.
class ModelDir : public TempDir {
public:
  void tensors(const Shapes &shapes, llvm::StringRef file = "model.safetensors");
  void config(llvm::StringRef json) { write("config.json", json); }
  llvm::Expected<Checkpoint> open() const { return openCheckpoint(path()); }
};

/// config.json of ViTForImageClassification for the tiny model; `change` replaces or adds members ("KEY":
/// value), and a value of "-" removes the key.
std::string huggingFaceConfig(std::map<std::string, std::string> change = {});
std::string timmConfig(std::map<std::string, std::string> change = {},
                       std::map<std::string, std::string> arguments = {});

/// A small valid vit.json: 8x12 pixels, patch 4, width 16, one block, two heads, MLP 20, three classes.
extern const char *const minimalVitJson;
/// minimalVitJson with the first occurrence of `from` replaced.
std::string changedVitJson(llvm::StringRef from, llvm::StringRef to);
ModelConfig minimalConfig();

/// All elements of a tensor of the checkpoint.
std::vector<double> values(const Checkpoint &checkpoint, llvm::StringRef name);
/// The shape as "[2, 3]".
std::string shapeOf(const Checkpoint &checkpoint, llvm::StringRef name);

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_IMPORTFIXTURES_H
