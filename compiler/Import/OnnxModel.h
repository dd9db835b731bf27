//===- OnnxModel.h - an ONNX file as its bytes say --------------------------------------------------===//
//
// The part of https://github.com/onnx/onnx `onnx.proto` that a Vision Transformer can use, read from
// untrusted bytes: names are views of the mapped file, tensors stay where they are, and every count is
// bounded. What the graph computes is for OnnxRaise.h.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXMODEL_H
#define COMPILER_IMPORT_ONNXMODEL_H

#include "compiler/Import/WeightStore.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <deque>
#include <optional>
#include <vector>

namespace vitc::onnx {

/// TensorProto.DataType; the values are the format's.
enum class DataType : int32_t {
  Undefined = 0,
  Float = 1,
  Uint8 = 2,
  Int8 = 3,
  Uint16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  Uint32 = 12,
  Uint64 = 13,
  Bfloat16 = 16,
};
/// "float", "int64", ... or "type 21".
std::string nameOf(DataType type);
bool isFloat(DataType type);

/// A tensor of the file: floats stay where they are, integers are decoded as well.
struct Tensor {
  llvm::StringRef name;
  DataType type = DataType::Undefined;
  llvm::SmallVector<int64_t, 4> dims;
  int64_t elements = 0;
  RawTensor raw;
  std::vector<double> decoded; ///< elements of an integer type
  /// External data: resolveExternalData() sets where `raw` lies.
  bool external = false;
  llvm::StringRef location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

struct Attribute {
  enum Kind { Float = 1, Int = 2, String = 3, Tensor = 4, Graph = 5, Floats = 6, Ints = 7, Strings = 8 };
  llvm::StringRef name;
  int32_t kind = 0; ///< as the file says, or as follows from what is there
  float f = 0;
  int64_t i = 0;
  llvm::StringRef s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  const onnx::Tensor *tensor = nullptr;
};

struct Node {
  llvm::SmallVector<llvm::StringRef, 4> inputs, outputs; ///< "" for an absent one
  llvm::StringRef name, opType, domain;
  std::vector<Attribute> attributes;
  int index = 0; ///< position in the file, from 0

  const Attribute *find(llvm::StringRef name) const;
  int64_t integer(llvm::StringRef name, int64_t fallback) const;
  double number(llvm::StringRef name, double fallback) const;
  llvm::StringRef string(llvm::StringRef name, llvm::StringRef fallback) const;
  std::optional<llvm::ArrayRef<int64_t>> integers(llvm::StringRef name) const;
};

/// A graph input or output. A dimension is a number, or -1 with the name of its parameter.
struct ValueInfo {
  llvm::StringRef name;
  DataType type = DataType::Undefined;
  bool hasShape = false;
  llvm::SmallVector<int64_t, 4> dims;
  llvm::SmallVector<llvm::StringRef, 4> parameters;
};

struct Model {
  std::shared_ptr<const MappedFile> file;
  std::vector<std::shared_ptr<const MappedFile>> externalFiles;
  llvm::StringRef producer, producerVersion;
  int64_t irVersion = 0;
  int64_t opset = 0;          ///< of the standard operators
  std::vector<Node> nodes;    ///< as in the file
  std::vector<int> order;     ///< of nodes, each behind those that it reads
  std::deque<Tensor> tensors; ///< all, of initialisers and of attributes
  std::vector<const Tensor *> initializers;
  std::vector<ValueInfo> inputs, outputs; ///< inputs without those that are initialisers
  /// "node 'NAME' (OPTYPE, 3rd of 50)": how messages name a node.
  std::string describe(int node) const;
};

constexpr int64_t oldestOpset = 11, newestOpset = 26;

/// Reads and checks FILE. Errors: what is not ONNX, is truncated or lies about a length; more than the bounds
/// allow; opsets outside [oldestOpset, newestOpset]; operators of other domains; functions, subgraphs, sparse
/// tensors; names that are defined twice or nowhere; cycles; external data that leave the file's directory.
llvm::Expected<Model> readModel(llvm::StringRef path);

/// True if the bytes begin like an ONNX model: what a file without the suffix is.
bool looksLikeOnnx(llvm::StringRef contents);

// The steps of readModel, each in a file of its own.
llvm::Error parseModel(Model &model);
llvm::Error sortNodes(Model &model);
llvm::Error resolveExternalData(Model &model);
/// Parses a TensorProto; `where` is for messages.
llvm::Error parseTensor(llvm::StringRef bytes, const Model &model, const std::string &where, Tensor &tensor);
/// Fills `decoded` of an integer tensor. Precondition: its bytes are in place.
void decodeIntegers(Tensor &tensor);

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXMODEL_H
