//===- VerifyUtils.h - shape helpers of verifiers ---------------------------------------------------===//
#ifndef DIALECT_IR_VERIFYUTILS_H
#define DIALECT_IR_VERIFYUTILS_H

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

/// Extents of an image [C, H, W] of f32 or of pixels [H, W, C] of u8.
inline ImageExtent imageExtent(mlir::Type type) {
  auto shaped = mlir::cast<mlir::ShapedType>(type);
  auto shape = shaped.getShape();
  if (shaped.getElementType().isInteger(8))
    return {shape[2], shape[0], shape[1]};
  return {shape[0], shape[1], shape[2]};
}

/// Patches along an axis; the remainder is not covered.
inline int64_t patchCount(int64_t size, int64_t patch, int64_t stride) {
  return size < patch || stride <= 0 ? 0 : (size - patch) / stride + 1;
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
