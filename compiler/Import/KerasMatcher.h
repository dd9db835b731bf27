//===- KerasMatcher.h - following a graph of Keras's layers -----------------------------------------===//
//
// The graph is followed from the output back to the input. Every step is checked, so that a model that
// computes something else is refused by the layer where it departs. Functions return false where one does,
// and remember the first.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_KERASMATCHER_H
#define COMPILER_IMPORT_KERASMATCHER_H

#include "compiler/Import/KerasGraph.h"
#include "compiler/Import/KerasParts.h"

namespace vitc {

using KerasNumbers = std::vector<int64_t>;

/// A list of integers, empty for anything else; null counts as -1.
KerasNumbers kerasIntegers(const std::optional<JsonRef> &value);
int64_t kerasInteger(const std::optional<JsonRef> &value, int64_t fallback);
std::string kerasText(const std::optional<JsonRef> &value, llvm::StringRef fallback = "");
bool kerasFlag(const std::optional<JsonRef> &value, bool fallback);

class KerasMatcher {
public:
  KerasMatcher(KerasFile &file, KerasGraph &graph, const ImportOptions &options)
      : file(file), graph(graph), options(options) {}
  llvm::Expected<Imported> run();

private:
  struct Block {
    const KerasLayer *norm1, *qkv, *out, *norm2, *fc1, *fc2;
  };
  bool fail(const KerasLayer *layer, const std::string &expected);
  bool need(const KerasOperand &operand, llvm::StringRef op, const KerasLayer *user, llvm::StringRef what);
  KerasOperand skip(KerasOperand operand) const;
  bool same(const KerasOperand &a, const KerasOperand &b) const;
  const KerasOperand *operand(const KerasLayer *layer, size_t index);

  bool match();
  bool matchHead(KerasOperand &at);
  bool matchPool(KerasOperand &at);
  bool matchNorm(const KerasOperand &at, const KerasLayer *user, const KerasLayer *&norm);
  bool matchMlp(const KerasLayer *fc2, const KerasOperand &residual, Block &block);
  bool matchAttention(const KerasLayer *out, const KerasOperand &residual, Block &block);
  bool matchScores(const KerasLayer *softmax, KerasOperand &query, KerasOperand &key);
  bool matchScale(KerasOperand &at);
  bool matchPart(const KerasOperand &at, int64_t index, const KerasLayer *user, const KerasLayer *&split);
  bool matchEmbedding(KerasOperand at);
  bool matchPatch(KerasOperand at, const KerasLayer *user);
  bool matchInput(const KerasLayer *conv);
  bool readToken(const KerasOperand &at, const KerasLayer *user, llvm::StringRef name,
                 const RawTensor *&tensor);
  bool readActivation(const KerasLayer *layer, llvm::StringRef name, Activation &activation);
  bool fixNumber(const KerasLayer *layer, double value, std::optional<double> &known, llvm::StringRef what);
  llvm::Expected<KerasVariables> variables(const KerasLayer *layer, bool bias);
  llvm::Error collect(KerasParts &parts);

  KerasFile &file;
  KerasGraph &graph;
  const ImportOptions &options;
  Imported result;
  std::string problem;
  std::vector<Block> blocks; ///< the last one first
  const KerasLayer *conv = nullptr, *finalNorm = nullptr, *preLogits = nullptr, *head = nullptr;
  const RawTensor *cls = nullptr, *pos = nullptr;
  std::optional<double> eps, scale, heads;
  std::optional<Activation> act;
};

} // namespace vitc

#endif // COMPILER_IMPORT_KERASMATCHER_H
