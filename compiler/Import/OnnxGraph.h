//===- OnnxGraph.h - what an ONNX graph computes ----------------------------------------------------===//
//
// The raised form of a graph: few kinds of values, each with its operands as views. Constructors simplify, so
// that the spellings of exporters and optimisers meet in one form:
//   - whatever depends on weights and shapes alone is folded;
//   - Reshape, Transpose, Slice, Split, Gather of a range, Expand ... are views;
//   - a factor is part of a view, so that it does not matter where attention is scaled;
//   - x + bias becomes part of a linear layer, gain and bias part of a norm;
//   - elementwise functions of one value are one value, known by what they compute (OnnxFunction.h);
//   - mean, centring, square, mean, root and quotient become a norm.
// Values are unique: building one twice gives the first. Names, node order and operand order leave no trace.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXGRAPH_H
#define COMPILER_IMPORT_ONNXGRAPH_H

#include "compiler/Import/OnnxFunction.h"
#include "compiler/Import/OnnxModel.h"
#include "compiler/Import/OnnxView.h"
#include <deque>
#include <map>
#include <string>

namespace vitc::onnx {

class Source {
public:
  bool constant = false;
  int64_t size = 0; ///< elements
  int id = 0;       ///< in the order of creation; constants and values count apart
};

/// Numbers known at import: a tensor of the file, or what was folded.
class Constant : public Source {
public:
  DataType type = DataType::Float;
  const RawTensor *raw = nullptr; ///< of a float type, or ...
  std::vector<double> values;
};

enum class Kind {
  Image,     ///< the input, [channels, height, width] or [height, width, channels]
  PatchConv, ///< operands: image [C][H][W], weight [D][C][h][w], bias [D] or none; layout [patches][D]
  Linear,    ///< x [rows][K], weight [N][K], bias [N] or none; layout [rows][N]
  MatMul,    ///< a [batch][M][K], b [batch][K][N]; layout [batch][M][N]
  Softmax,   ///< x [rows][K], over K
  Norm,      ///< x [rows][K], gain [K] or none, bias [K] or none
  Centered,  ///< x [rows][K] minus its mean over K
  Reduce,    ///< x [rows][K] over K; layout [rows]
  Pointwise, ///< function of x
  Add,       ///< a + b, the second may be a constant
  Mul,       ///< a * b, the second may be a constant
  Concat,    ///< parts [outer][n][inner]; layout [outer][sum of n][inner]
  Unknown,   ///< what could not be raised, and why
};
enum class Reduction { Sum, Max, Min, Product }; ///< the last two only of constants

class Value : public Source {
public:
  Kind kind = Kind::Unknown;
  int node = -1;                       ///< that it was raised from, for messages
  llvm::SmallVector<View, 3> operands; ///< source null: absent
  NormKind norm = NormKind::Layer;
  double eps = 0;
  Reduction reduction = Reduction::Sum;
  Extent stride;
  Function function;
  std::string reason;      ///< Unknown
  bool otherInput = false; ///< Unknown: computed from another input than the image
};

inline const Value *valueOf(const View &view) {
  return view.source && !view.source->constant ? static_cast<const Value *>(view.source) : nullptr;
}
inline const Constant *constantOf(const View &view) {
  return view.source && view.source->constant ? static_cast<const Constant *>(view.source) : nullptr;
}
inline bool isConstant(const View &view) { return constantOf(view) != nullptr; }
/// The value, if it is of that kind.
inline const Value *valueOf(const View &view, Kind kind) {
  const Value *value = valueOf(view);
  return value && value->kind == kind ? value : nullptr;
}

/// Owns constants and values, and builds them. Every function takes views of any layout; results are views in
/// the order of axes that ONNX would give. Where something cannot be raised, the result is Kind::Unknown.
class Graph {
public:
  /// `budget`: bytes that folded constants may take together.
  explicit Graph(uint64_t budget) : budget(budget) {}
  Graph(const Graph &) = delete;

  int node = -1; ///< what is being raised
  /// Images that the file computes at once. Values are those of one of them.
  int64_t batch = 1;

  View tensor(const Tensor &tensor);
  View constant(DataType type, llvm::ArrayRef<int64_t> shape, std::vector<double> values);
  View unknown(std::string reason, bool otherInput = false);
  View image(llvm::ArrayRef<int64_t> shape);

  /// Elements in row-major order. Nothing if that exceeds the budget.
  std::optional<std::vector<double>> read(const View &constant);
  /// The single number that all elements are.
  std::optional<double> scalar(const View &constant);

  View unary(const FunctionOp &op, const View &x);
  /// `op` is one of functionOps with two arguments.
  View binary(const FunctionOp &op, View a, View b);
  View matmul(const View &a, const View &b);
  View softmax(const View &x, size_t axis);
  /// Over the axes from `axis` on; gain and bias may be absent.
  View norm(NormKind kind, const View &x, size_t axis, double eps, const View &gain, const View &bias);
  View reduce(Reduction reduction, const View &x, llvm::ArrayRef<size_t> axes, bool keepDims);
  View concat(llvm::ArrayRef<View> parts, size_t axis);
  /// `image` is [C][H][W], `weight` [D][C][h][w]; the result is [D][rows][columns].
  View patchConv(const View &image, const View &weight, Extent stride);
  View scaled(View x, double factor);
  View apply(const View &x, const Function &function);
  /// A view that the algebra of views cannot express is copied if it is constant.
  std::optional<View> reshape(const View &x, llvm::ArrayRef<int64_t> shape);

  /// The view of what the elementwise functions between were applied to, and their composition.
  std::pair<View, Function> resolve(const View &x) const;
  /// A weight [N][...] cut to what `outputs` selects of a value with layout [rows][N]: `outputs` lists offset
  /// and dimensions in elements of the value.
  static std::optional<View> selectRows(const View &weight, int64_t first, llvm::ArrayRef<Dim> dims);

private:
  View finish(Value value, llvm::ArrayRef<int64_t> shape);
  const Value &unique(Value value);
  View elementwise(Value value, llvm::ArrayRef<const View *> operands, double scale);
  // OnnxFold.cpp; operands are constants of one shape.
  View foldBinary(const FunctionOp &op, const View &a, const View &b);
  View foldMatmul(const View &a, const View &b);
  View foldReduce(Reduction reduction, const View &x, llvm::ArrayRef<size_t> axes, bool keepDims);
  View foldConcat(llvm::ArrayRef<View> parts, llvm::ArrayRef<int64_t> shape);
  View foldFunction(const View &x, const Function &function);
  // OnnxSimplify.cpp. Nothing: the pattern is another.
  std::optional<View> absorb(const View &x, const View &c, bool gain);
  /// Of a constant that repeats the same numbers for each image of the batch, those of one.
  View ofOneImage(const View &x);
  std::optional<View> centre(const View &a, const View &b);
  std::optional<View> normalise(const View &a, const View &b);
  bool spend(uint64_t bytes);

  uint64_t budget;
  uint64_t multiplications = 0;
  std::deque<Constant> constants;
  std::deque<Value> values;
  std::map<std::string, const Value *> known;
};

/// The decimal number of fewest digits that is `value` in float: exporters keep 1e-6 as a float.
double shortestDecimal(double value);

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXGRAPH_H
