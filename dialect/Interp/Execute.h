//===- Execute.h - one op on arrays
//----------------------------------------------------------------------===//
#ifndef DIALECT_INTERP_EXECUTE_H
#define DIALECT_INTERP_EXECUTE_H

#include "dialect/IR/VerifyUtils.h"
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

/// A plane of an optional operand; nothing without it.
template <typename S>
std::optional<Rows<S>> planeOf(const Values<S> &values, mlir::Value value, int64_t plane) {
  return value ? std::optional(values.at(value).plane(plane)) : std::nullopt;
}

/// Rows and channels of an image's or pixels' array, by its type (tensor or memref). Pixels have their
/// channels last, images if `channelsLast` says so.
template <typename S>
ImageView<S> imageView(const Array<S> &array, mlir::Type type, bool channelsLast = false) {
  channelsLast |= mlir::cast<mlir::ShapedType>(type).getElementType().isInteger(8);
  size_t c = channelsLast ? 2 : 0, h = channelsLast ? 0 : 1, w = channelsLast ? 1 : 2;
  return {array.data(),     array.dim(c),     array.dim(h),    array.dim(w),
          array.strides[c], array.strides[h], array.strides[w]};
}

/// The grid of vit.extract_patches or vit.plan.gather on images `width` pixels wide.
template <typename Op> PatchGrid patchGridOf(Op op, int64_t width) {
  auto size = op.getSize(), stride = op.getStride(), padding = op.getPadding();
  PatchGrid grid{size[0], size[1], stride[0], stride[1], padding[0], padding[1]};
  grid.columns = patchCount(width + padding[1] + padding[3], size[1], stride[1]);
  grid.factors = op.getFactors().value_or(llvm::ArrayRef<double>());
  grid.shifts = op.getShifts().value_or(llvm::ArrayRef<double>());
  return grid;
}

/// The result of a model-level or fused op on tensors; nothing if `op` is none.
template <typename S> std::optional<Array<S>> evaluateModelOp(mlir::Operation *op, const Values<S> &values);
template <typename S> std::optional<Array<S>> evaluateFusedOp(mlir::Operation *op, const Values<S> &values);

/// Runs a planned region on its buffers and returns the one it wrote; nothing if `op` is none.
template <typename S> std::optional<Array<S>> executePlannedOp(mlir::Operation *op, const Values<S> &values);

} // namespace vit::interp

#endif // DIALECT_INTERP_EXECUTE_H
