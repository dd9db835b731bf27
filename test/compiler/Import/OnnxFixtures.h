//===- OnnxFixtures.h - ONNX files written by the tests ---------------------------------------------===//
#ifndef TEST_COMPILER_IMPORT_ONNXFIXTURES_H
#define TEST_COMPILER_IMPORT_ONNXFIXTURES_H

#include "compiler/Import/Importers.h"
#include "test/compiler/Import/ImportFixtures.h"

namespace vitc::test {

/// Protobuf fields.
std::string varintField(unsigned number, uint64_t value);
std::string bytesField(unsigned number, llvm::StringRef contents);
std::string floatField(unsigned number, float value);

/// TensorProto with raw data: floats that count up from `first`, or int64.
std::string floatTensor(llvm::StringRef name, std::vector<int64_t> dims, float first = 0);
std::string intTensor(llvm::StringRef name, std::vector<int64_t> dims, std::vector<int64_t> values);
/// ValueInfoProto; a dimension below 0 has the name "dyn".
std::string valueInfo(llvm::StringRef name, std::vector<int64_t> dims, int type = 1);
std::string intAttribute(llvm::StringRef name, int64_t value);
std::string intsAttribute(llvm::StringRef name, std::vector<int64_t> values);
std::string floatAttribute(llvm::StringRef name, float value);
std::string stringAttribute(llvm::StringRef name, llvm::StringRef value);

/// A model in parts, so that tests can replace each.
struct OnnxParts {
  std::vector<std::string> nodes, initializers, inputs, outputs; ///< encoded messages
  std::string graphExtra, modelExtra;                            ///< more fields
  int64_t opset = 20;

  OnnxParts &node(llvm::StringRef op, std::vector<std::string> in, std::vector<std::string> out,
                  std::vector<std::string> attributes = {}, llvm::StringRef domain = "");
  OnnxParts &floats(llvm::StringRef name, std::vector<int64_t> dims);
  OnnxParts &ints(llvm::StringRef name, std::vector<int64_t> values);
  std::string text() const;

private:
  float next = 0;
};

/// A Vision Transformer of one block: image 1x3x8x8, patch 4, width 8, two heads, MLP 12, class token, five
/// logits, in the operators of opset 20. Initialisers carry canonical names; values carry their role. With
/// more blocks, names of block i > 0 begin with "bi_".
OnnxParts tinyOnnx(int blocks = 1);

/// Opens the model from a file of a directory of its own.
llvm::Expected<Checkpoint> openOnnx(llvm::StringRef contents, const ImportOptions &options = {});

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_ONNXFIXTURES_H
