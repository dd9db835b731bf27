//===- Execute.h - one op on arrays
//----------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_EXECUTE_H
#define DIALECT_INTERP_EXECUTE_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/Array.h"
#include "dialect/Interp/Kernels.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace vit::interp {

/// The arrays of the values that are alive.
template <typename S> using Values = llvm::DenseMap<mlir::Value, Array<S>>;

/// Entries of an optional operand; null without it.
template <typename S> const S *entries(const Values<S> &values, mlir::Value value) {
  return value ? values.at(value).data() : nullptr;
}

/// Rows and channels of an image's or pixels' array, by its type (tensor or memref).
template <typename S> ImageView<S> imageView(const Array<S> &array, mlir::Type type) {
  bool pixels = mlir::cast<mlir::ShapedType>(type).getElementType().isInteger(8);
  size_t c = pixels ? 2 : 0, h = pixels ? 0 : 1, w = pixels ? 1 : 2;
  return {array.data(),     array.dim(c),     array.dim(h),    array.dim(w),
          array.strides[c], array.strides[h], array.strides[w]};
}

/// The result of a model-level or fused op on tensors; nothing if `op` is none.
template <typename S> std::optional<Array<S>> evaluateModelOp(mlir::Operation *op, const Values<S> &values);
template <typename S> std::optional<Array<S>> evaluateFusedOp(mlir::Operation *op, const Values<S> &values);

/// Runs a planned region on its buffers and returns the one it wrote; nothing if `op` is none.
template <typename S> std::optional<Array<S>> executePlannedOp(mlir::Operation *op, const Values<S> &values);

} // namespace vit::interp

#endif // DIALECT_INTERP_EXECUTE_H
