//===- VerifyUtils.h - shape helpers of verifiers ---------------------------------------------------===//
#ifndef DIALECT_IR_VERIFYUTILS_H
#define DIALECT_IR_VERIFYUTILS_H

#include "dialect/IR/TypeConstraints.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace vit {

inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return mlir::cast<mlir::ShapedType>(value.getType()).getShape();
}

inline bool isVector(mlir::Value value, int64_t entries) {
  auto shape = shapeOf(value);
  return shape.size() == 1 && shape[0] == entries;
}

struct ImageExtent {
  int64_t channels, height, width;
};

/// Extents of an image [C, H, W] of f32 (`channelsLast`: [H, W, C]) or of pixels [H, W, C] of u8.
inline ImageExtent imageExtent(mlir::Type type, bool channelsLast = false) {
  auto shaped = mlir::cast<mlir::ShapedType>(type);
  auto shape = shaped.getShape();
  if (shaped.getElementType().isInteger(8) || channelsLast)
    return {shape[2], shape[0], shape[1]};
  return {shape[0], shape[1], shape[2]};
}

/// Patches along an axis; the remainder is not covered.
inline int64_t patchCount(int64_t size, int64_t patch, int64_t stride) {
  return size < patch || stride <= 0 ? 0 : (size - patch) / stride + 1;
}

/// What vit.extract_patches and vit.plan.gather, which is the same on buffers, have in common: the
/// constraints of their grid, their result and their factors, by name.
template <typename Op>
mlir::LogicalResult verifyPatches(Op op, mlir::Value result, llvm::StringRef grid, llvm::StringRef shape,
                                  llvm::StringRef affine) {
  auto in = imageExtent(op.getInput().getType(), op.getChannelsLast());
  auto out = shapeOf(result);
  auto size = op.getSize(), stride = op.getStride(), padding = op.getPadding();
  auto positive = [](int64_t v) { return v > 0; };
  if (size.size() != 2 || stride.size() != 2 || !llvm::all_of(size, positive) ||
      !llvm::all_of(stride, positive))
    return op.emitOpError() << "expected size and stride of two positive entries (" << grid << ")";
  if (padding.size() != 4)
    return op.emitOpError() << "expected four paddings, got " << padding.size() << " (" << grid << ")";
  for (auto [i, pad] : llvm::enumerate(padding))
    if (int64_t most = std::min(size[i % 2], kMaxElements) - 1; pad < 0 || pad > most)
      return op.emitOpError() << "expected paddings of 0 to " << most << ", got " << pad << " (" << grid
                              << ")";
  int64_t patches = patchCount(in.height + padding[0] + padding[2], size[0], stride[0]) *
                    patchCount(in.width + padding[1] + padding[3], size[1], stride[1]);
  if (patches == 0)
    return op.emitOpError() << "expected a patch inside the image, got " << size[0] << " x " << size[1]
                            << " (" << shape << ")";
  if (out[0] != patches || out[1] != in.channels * size[0] * size[1])
    return op.emitOpError() << "expected result [" << patches << ", " << in.channels * size[0] * size[1]
                            << "], got " << result.getType() << " (" << shape << ")";
  auto factors = op.getFactors(), shifts = op.getShifts();
  auto entries = [](const auto &list) { return list ? static_cast<int64_t>(list->size()) : 0; };
  if (entries(factors) != entries(shifts) || (factors && entries(factors) != in.channels))
    return op.emitOpError() << "expected " << in.channels << " factors and shifts or none, got "
                            << entries(factors) << " and " << entries(shifts) << " (" << affine << ")";
  return mlir::success();
}

/// Shared checks of linear ops: constraints NAME_c1 (weight), NAME_c2 (bias) and, for 2-d results, NAME_c3.
inline mlir::LogicalResult verifyLinear(mlir::Operation *op, mlir::Value input, mlir::Value weight,
                                        mlir::Value bias, mlir::Value result, llvm::StringRef name) {
  auto in = shapeOf(input), w = shapeOf(weight), out = shapeOf(result);
  if (w[1] != in[1])
    return op->emitOpError() << "expected a weight of " << in[1] << " columns, got " << w[1] << " (" << name
                             << "_c1)";
  if (bias && !isVector(bias, w[0]))
    return op->emitOpError() << "expected a bias of " << w[0] << " entries, got " << bias.getType() << " ("
                             << name << "_c2)";
  if (out.size() == 2 && (out[0] != in[0] || out[1] != w[0]))
    return op->emitOpError() << "expected result [" << in[0] << ", " << w[0] << "], got " << result.getType()
                             << " (" << name << "_c3)";
  return mlir::success();
}

} // namespace vit

#endif // DIALECT_IR_VERIFYUTILS_H
