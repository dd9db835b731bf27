//===- KerasGraph.h - the layers of a functional Keras model ----------------------------------------===//
//
// A functional model is saved as a list of layers with the tensors that each takes. TensorFlow's functions
// stand there as layers of the class TFOpLambda, with their arguments, and tensors that no layer made as
// literal numbers. Here each layer becomes an operation with operands, whichever way it is written.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_KERASGRAPH_H
#define COMPILER_IMPORT_KERASGRAPH_H

#include "compiler/Support/Json.h"
#include "llvm/ADT/StringRef.h"
#include <map>

namespace vitc {

struct KerasLayer;

/// A tensor that a layer takes: another layer's output, or a literal.
struct KerasOperand {
  const KerasLayer *layer = nullptr;
  int64_t output = 0; ///< which of its outputs
  std::optional<JsonRef> literal;
};

struct KerasLayer {
  std::string name, className;
  std::string container; ///< how a container of layers numbers it: "dense_1"
  /// What it computes: "Dense" and other classes of Keras's, or for a function of TensorFlow its name without
  /// the module ("matmul", "truediv", "getitem").
  std::string op;
  JsonRef object, config;
  std::vector<KerasOperand> operands;
  std::optional<JsonRef> arguments; ///< of a function

  /// Argument `key` of a function or, of a layer, member `key` of its configuration.
  std::optional<JsonRef> argument(llvm::StringRef key) const;
};

class KerasGraph {
public:
  /// Reads the configuration of a Functional or Sequential model. Errors name the layer: layers that are used
  /// twice, that name unknown layers, or that form a cycle; more than one input or output.
  static llvm::Expected<KerasGraph> parse(const JsonRef &root);

  const KerasLayer *input = nullptr, *output = nullptr;
  const std::vector<std::unique_ptr<KerasLayer>> &layers() const { return list; }
  const KerasLayer *find(llvm::StringRef name) const;

private:
  std::vector<std::unique_ptr<KerasLayer>> list;
  std::map<std::string, const KerasLayer *> byName;
  friend class KerasGraphParser;
};

} // namespace vitc

#endif // COMPILER_IMPORT_KERASGRAPH_H
