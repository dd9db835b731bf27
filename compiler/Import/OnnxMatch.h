//===- OnnxMatch.h - from values to a description ---------------------------------------------------===//
//
// Walks from the outputs back to the image: head, pooling, final norm, block by block, embedding. Since
// values are in one form (OnnxGraph.h), each step is one shape of the graph. Where nothing fits, the attempt
// that came farthest is reported, with its node.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXMATCH_H
#define COMPILER_IMPORT_ONNXMATCH_H

#include "compiler/Import/OnnxRaise.h"
#include <map>

namespace vitc::onnx {

/// Tensors by canonical name, as views of constants whose elements are in canonical order.
using Weights = std::map<std::string, View>;

struct Matched {
  ModelConfig config;
  Weights weights;
  std::vector<std::string> notes, warnings;
};

/// Errors name the file, the node where matching stopped, what was expected there, and what is supported.
llvm::Expected<Matched> match(const Model &model, const Raised &raised, Graph &graph);

/// What an attempt expected and did not find.
struct Mismatch {
  int progress = -1; ///< steps of the attempt that did fit
  int node = -1;
  std::string expected, nearest;
};

/// One matrix product with weights, cut to the outputs that are read.
struct Projection {
  const Value *input = nullptr; ///< [rows][width], as a whole
  View weight, bias;            ///< [outputs][width]; [outputs] or absent
};

/// Tables of rotary positions, [heads or 1][patches][size].
struct RopeTables {
  bool half = false; ///< pairs lie half a head apart, else side by side
  int64_t prefix = 0;
  View cos, sin;
};

/// A sublayer's own part: without norm and residual.
struct AttentionPart {
  AttentionConfig config;
  int64_t heads = 0, headDim = 0;
  const Value *input = nullptr; ///< of keys and values, and of the queries unless these are constant
  View constantQuery;           ///< [heads][1][size]: of a pool, projected and with its bias
  double scale = 1;
  RopeTables rope;
  View bias; ///< [heads][tokens][tokens], added to the logits, or absent
};
struct MlpPart {
  MlpConfig config;
  const Value *input = nullptr;
};

/// The state of all matchers.
class Matching {
public:
  Matching(Graph &graph, Extent imageSize) : graph(graph), imageSize(imageSize) {}

  Graph &graph;
  Extent imageSize;
  ModelConfig config;
  std::vector<std::string> notes, warnings;
  Mismatch best;
  int progress = 0;
  bool haveNorm = false; ///< config.norm and config.normEps are known
  /// Whether a norm at the end may be the final one; else it belongs to the last block.
  bool finalNorm = true;
  /// Rows of tokens that pooling and heads read: to be compared with the embedding's.
  int64_t pooledFirst = 0, pooledCount = 0;
  /// Tokens behind blocks whose first ones are pooled beside each other, in the order of the pool.
  std::vector<const Value *> pooledLayers;
  llvm::SmallVector<int64_t, 2> headRows;

  /// Records a failure; returns false.
  bool fail(const View &at, std::string expected, std::string nearest);
  bool fail(const Value *at, std::string expected, std::string nearest);

  /// The value of which `view` is all, in order and unscaled; null if it is another view.
  const Value *whole(const View &view) const;
  /// `norm` must be a Norm like those before; its parameters become NAME.w and NAME.b.
  bool takeNorm(const Value *norm, const std::string &name, Weights &weights);
  /// A linear layer's parameters. `heads`: the view is [heads][rows][size], else [rows...][outputs...].
  bool project(const View &view, bool heads, Projection &result);
  void putLinear(const std::string &name, const Projection &projection, Weights &weights);
  View vector(double value, int64_t count);

  // OnnxMatchBlock.cpp
  bool matchAttention(const Value *branch, const std::string &prefix, AttentionPart &part, Weights &weights);
  bool matchMlp(const Value *branch, const std::string &prefix, MlpPart &part, Weights &weights);
  /// All blocks from `last` back; returns the value of the tokens in front of the first one.
  const Value *matchBlocks(const Value *last, Weights &weights);

  // OnnxMatchBias.cpp
  std::vector<View> biases; ///< of the blocks, from the last one on; absent or [heads][tokens][tokens]
  /// Turns them into tables of relative positions. Precondition: the embedding is known.
  bool describeBiases(Weights &weights);

  // OnnxMatchRope.cpp
  std::vector<RopeTables> rotations; ///< of the blocks, from the last one on; absent or present in all
  /// Peels the rotation off queries or keys [heads][tokens][size], if there is one.
  bool peelRotation(View &x, RopeTables &tables);
  bool sameTables(const RopeTables &a, const RopeTables &b);
  /// Finds the description that gives the tables. Precondition: the embedding is known.
  bool describeRope(Weights &weights);
  /// Angles of each head's own, or of each block's own.
  bool describeMixed(Weights &weights);

  // OnnxMatchHead.cpp
  /// What `output` is computed from, down to the tokens behind the last block, which it returns.
  const Value *matchOutput(const View &output, llvm::StringRef name, Weights &weights);
  bool checkRows();

  // OnnxMatchEmbedding.cpp
  bool matchEmbedding(const Value *tokens, Weights &weights);
};

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXMATCH_H
