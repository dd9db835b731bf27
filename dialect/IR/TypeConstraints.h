//===- TypeConstraints.h - types that ops accept
//---------------------------------------------------------===//
#ifndef DIALECT_IR_TYPECONSTRAINTS_H
#define DIALECT_IR_TYPECONSTRAINTS_H

#include "mlir/IR/BuiltinTypes.h"

namespace vit {

/// Elements that a tensor, weight or buffer may have; products of extents cannot overflow, nor exhaust
/// memory.
inline constexpr int64_t kMaxElements = int64_t(1) << 31;

/// True for extents that are static and positive, and whose product is at most kMaxElements.
bool isSupportedShape(llvm::ArrayRef<int64_t> shape);

/// True for a buffer of static, positive extents and static strides, whose innermost stride is one, whose
/// origin is its first element, and whose rows and planes do not overlap.
bool isPlannableBuffer(mlir::MemRefType type);

} // namespace vit

#endif // DIALECT_IR_TYPECONSTRAINTS_H
