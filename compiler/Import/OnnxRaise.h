//===- OnnxRaise.h - from operators to values -------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXRAISE_H
#define COMPILER_IMPORT_ONNXRAISE_H

#include "compiler/Import/OnnxGraph.h"

namespace vitc::onnx {

struct Raised {
  View image; ///< [1, C, H, W] or [1, H, W, C], as the file has it
  InputLayout layout = InputLayout::NCHW;
  int64_t batch = 1; ///< that the file is written for
  std::vector<std::pair<llvm::StringRef, View>> outputs;
};

/// Evaluates the graph for one image, whose size is the input's or `imageSize`, also where it is written for
/// a batch of several. Errors: no input or several that could be the image; a size that neither says.
llvm::Expected<Raised> raise(const Model &model, std::optional<Extent> imageSize, Graph &graph);

/// One node being raised. An operand that is absent is null.
struct Call {
  Graph &graph;
  const Model &model;
  const Node &node;
  llvm::SmallVector<const View *, 4> in;

  const View &x() const { return *in[0]; }
  const View *at(size_t i) const { return i < in.size() ? in[i] : nullptr; }
  View no(std::string reason) const { return graph.unknown(std::move(reason)); }
  /// An axis counted from the end if negative.
  std::optional<size_t> axis(int64_t axis, size_t rank) const;
  /// Integers of a constant operand.
  std::optional<llvm::SmallVector<int64_t, 8>> integers(const View &view) const;
  /// Extents from a constant operand: from 0 on, with a product below 2^40 (which costs a view nothing).
  std::optional<llvm::SmallVector<int64_t, 8>> extents(const View &view) const;
  /// Axes as attribute `axes` (up to some opset) or as operand `index`; all axes if `orAll` and there are
  /// none.
  std::optional<llvm::SmallVector<size_t, 4>> axes(size_t index, size_t rank, bool orAll) const;
};
/// What is wrong where an operand has to be known.
inline constexpr const char *needsConstant = "a shape, index or size that depends on the image";
using Results = llvm::SmallVector<View, 2>;
struct Operator {
  const char *name;
  size_t operands; ///< that must be there
  Results (*raise)(const Call &);
};
llvm::ArrayRef<Operator> shapeOperators();      ///< OnnxShapeOps.cpp
llvm::ArrayRef<Operator> constantOperators();   ///< OnnxConstantOps.cpp
llvm::ArrayRef<Operator> arithmeticOperators(); ///< OnnxArithmeticOps.cpp
/// For the documentation: every operator that is understood.
std::vector<std::string> operatorNames();

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXRAISE_H
