//===- VitOps.h - the vit dialect in C++ ------------------------------------------------------------===//
#ifndef DIALECT_IR_VITOPS_H
#define DIALECT_IR_VITOPS_H

#include "dialect/IR/TileSize.h"
#include "dialect/IR/TypeConstraints.h"
#include "dialect/IR/VitEnums.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/IR/VitDialect.h.inc"

namespace vit {

/// Bytes that a planned op moves at least, of its operands without padding.
struct MovedBytes {
  int64_t activations = 0; ///< of one image, read and written
  int64_t weights = 0;     ///< read
};
/// The sum over all operands of `op`, buffers that it updates in place counted as the operands they are.
MovedBytes movedBytes(mlir::Operation *op);
/// The operands that `op` writes, by its memory effects.
llvm::SmallVector<mlir::Value> writtenBuffers(mlir::Operation *op);

} // namespace vit

#include "dialect/IR/VitAttrInterfaces.h.inc"
#include "dialect/IR/VitOpInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/IR/VitAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialect/IR/VitOps.h.inc"

namespace vit {

/// The op of a planned region: "layer_norm" of plan.layer_norm.
llvm::StringRef regionKind(PlannedOpInterface op);

/// What to call a planned region. Of a product: its layer, "blk.3.fc1", or with `weights` the weight that it
/// reads, "blk.3.fc1.w.panels". Others have the name of their op in the scope of the next product, which most
/// of them prepare, or behind the last one in its: "blk.3.layer_norm"; just their op where there is none.
std::string regionName(PlannedOpInterface op, bool weights = false);

/// The element type of a weight with the chain `steps`: what it was rounded to last, else f32.
mlir::Type elementTypeOfChain(mlir::MLIRContext *context, llvm::ArrayRef<mlir::Attribute> steps);

} // namespace vit

#endif // DIALECT_IR_VITOPS_H
