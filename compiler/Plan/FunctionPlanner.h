//===- FunctionPlanner.h - from tensors of one function to buffers ----------------------------------===//
//
// Where a value lies and as what is FunctionPlanner.cpp, regions of layers PlanLayers.cpp, the rest and the
// pass PlanBuffers.cpp.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_PLAN_FUNCTIONPLANNER_H
#define COMPILER_PLAN_FUNCTIONPLANNER_H

#include "compiler/Plan/Strategy.h"
#include "dialect/Transforms/WeightUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace vitc {

/// Plans one function: reads `source`, writes the body of `target`.
class FunctionPlanner {
public:
  FunctionPlanner(vit::IsaAttr isa, vit::WeightBuilder &weights, mlir::func::FuncOp source,
                  mlir::func::FuncOp target)
      : machine(isa), panel(isa.getPanel()), weights(weights), source(source), target(target),
        b(mlir::OpBuilder::atBlockEnd(&target.getBody().front())) {}

  mlir::LogicalResult run();
  int64_t regions = 0, inPlace = 0;

private:
  using Shape = llvm::ArrayRef<int64_t>;
  static Shape shapeOf(mlir::Value v) { return mlir::cast<mlir::RankedTensorType>(v.getType()).getShape(); }

  mlir::MemRefType rowType(int64_t rows, int64_t width, int64_t stride, mlir::Type element) {
    auto layout = mlir::StridedLayoutAttr::get(b.getContext(), 0, {stride, 1});
    return mlir::MemRefType::get({rows, width}, element, layout);
  }
  /// A row buffer with the usual stride.
  mlir::MemRefType activationType(int64_t rows, int64_t width, mlir::Type element) {
    int64_t stride = activationStride(width, panel, element.getIntOrFloatBitWidth() / 8);
    return rowType(rows, width, stride, element);
  }
  /// Rows of `buffer`, which has `width` columns and its own stride and element type.
  mlir::MemRefType viewType(mlir::MemRefType buffer, int64_t rows) {
    return rowType(rows, buffer.getDimSize(1), buffer.getStridesAndOffset().first[0],
                   buffer.getElementType());
  }
  /// What a product multiplies on this machine; where it has no such instruction, weights are widened.
  mlir::Type operandType(std::optional<vit::DotKind> dot) {
    if (dot == vit::DotKind::Int8 && machine.multipliesInt8())
      return b.getI8Type();
    return dot == vit::DotKind::Bf16 && machine.multipliesBf16() ? mlir::Type(b.getBF16Type())
                                                                 : b.getF32Type();
  }
  /// The same of its weights.
  mlir::Type weightType(std::optional<vit::DotKind> dot) {
    return !dot                        ? mlir::Type(b.getF32Type())
           : dot == vit::DotKind::Int8 ? mlir::Type(b.getI8Type())
                                       : b.getBF16Type();
  }
  /// How `v` is stored: narrow if every reader would round it to the same type.
  mlir::Type elementOf(mlir::Value v);
  /// Columns of `v` as stored: attention writes heads of the stored size side by side.
  int64_t storedWidth(mlir::Value v);
  /// A row buffer for `v`: its place in a concatenation, or a buffer of its own.
  mlir::Value destination(mlir::Value v);
  mlir::Value newRows(mlir::Value v) {
    return vit::PlanBufferOp::create(b, loc, activationType(shapeOf(v)[0], storedWidth(v), elementOf(v)),
                                     mlir::IntegerAttr());
  }
  /// Head planes of `v`, and planes of a tensor of `shape` as rows of a head each.
  mlir::Value newPlanes(mlir::Value v) {
    auto shape = shapeOf(v);
    return vit::PlanBufferOp::create(
        b, loc, mlir::MemRefType::get({shape[0], shape[1], storedHeadSize(shape[2])}, elementOf(v)),
        mlir::IntegerAttr());
  }
  mlir::Value rowsOfPlanes(mlir::Value planes, Shape shape) {
    auto type = mlir::cast<mlir::MemRefType>(planes.getType());
    mlir::MemRefType rows = rowType(shape[0] * shape[1], shape[2], type.getDimSize(2), type.getElementType());
    return vit::PlanViewOp::create(b, loc, rows, planes, 0);
  }
  /// As `buffer`, without padding behind heads.
  mlir::Value denseRows(mlir::Value v);
  /// The buffer that holds `v`; weights that are used as activations (tokens, positions) are padded rows of
  /// the blob.
  mlir::Value buffer(mlir::Value v);
  /// As `buffer`, in `element`: copied if `v` is stored in another type.
  mlir::Value buffer(mlir::Value v, mlir::Type element);
  /// The bytes and scales of `v`'s rows; the scales `given`, or found.
  std::pair<mlir::Value, mlir::Value> quantizedRows(mlir::Value v, mlir::Value given);
  /// Buffers for them.
  std::pair<mlir::Value, mlir::Value> newQuantizedRows(int64_t rows, int64_t width, mlir::Value given);
  /// The scale that all rows of the op's input share, an entry a row in the blob; null if each has its own.
  mlir::Value givenScales(vit::FusedLinearOp op);
  /// True if `v` need not be stored but as bytes and scales.
  bool readAsBytesOnly(mlir::Value v);
  mlir::Value packed(vit::WeightChain chain, mlir::MemRefType type);
  /// `fine`, unless the grid has as much already.
  mlir::IntegerAttr finer(int64_t fine, int64_t coarse) {
    return fine > coarse ? b.getI64IntegerAttr(fine) : mlir::IntegerAttr();
  }
  mlir::Value vectorWeight(mlir::Value param, int64_t entries);
  /// Of an op that passes over the rows of `v`.
  int64_t chunksOf(mlir::Value v) { return rowChunks(shapeOf(v)[0], shapeOf(v)[1]); }

  mlir::LogicalResult plan(mlir::Operation *op);
  mlir::LogicalResult planLinear(vit::FusedLinearOp op);
  mlir::LogicalResult planAttention(vit::FusedAttentionOp op);
  mlir::LogicalResult planNorm(vit::LayerNormOp op);
  mlir::LogicalResult planRope(vit::RopeOp op);
  mlir::LogicalResult planJoin(vit::ConcatChannelsOp op);
  mlir::LogicalResult planReturn(mlir::func::ReturnOp op);
  void planMap(mlir::ValueRange inputs, mlir::Value result, double factor,
               vit::ActivationKindAttr activation);

  vit::IsaAttr machine;
  int64_t panel;
  vit::WeightBuilder &weights;
  mlir::func::FuncOp source, target;
  mlir::OpBuilder b;
  mlir::Location loc = mlir::UnknownLoc::get(b.getContext());
  llvm::DenseMap<mlir::Value, mlir::Value> buffers, narrowed;
  llvm::DenseMap<std::pair<mlir::Value, mlir::Value>, std::pair<mlir::Value, mlir::Value>>
      quantized;                                                             ///< by value and scales given
  llvm::DenseMap<std::pair<int64_t, mlir::Attribute>, mlir::Value> scalesOf; ///< by rows and scale
  llvm::DenseMap<mlir::Value, std::pair<vit::ConcatOp, int64_t>>
      places; ///< value -> concatenation and first row
};

} // namespace vitc

#endif // COMPILER_PLAN_FUNCTIONPLANNER_H
