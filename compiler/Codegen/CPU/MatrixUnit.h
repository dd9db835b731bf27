//===- MatrixUnit.h - products by tile registers (AMX) ----------------------------------------------===//
//
// Eight registers of 16 rows of 64 bytes. One instruction multiplies 16 rows of A by 16 lines of a packed
// panel, whose lines of 16 columns are rows of a register as they lie in memory, and adds 16 x 16 sums.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_MATRIXUNIT_H
#define COMPILER_CODEGEN_CPU_MATRIXUNIT_H

#include "compiler/Codegen/CPU/Microkernel.h"

namespace vitc {

/// Sets the extents of the registers for products of `tile`, until emitReleaseRegisters. Precondition:
/// vit::fitsTileRegisters.
void emitConfigureRegisters(LeafBuilder &b, Tile tile);
/// Leaves the registers as they were before the program used any: the system saves no more of them.
void emitReleaseRegisters(LeafBuilder &b);

/// sums[i, column + n] = sum over lines and neighbours of a(row + i, k) * weights(panel, k, column + n).
struct RegisterProduct {
  StepKind kind;       ///< Pairs or Quads
  int64_t lines;       ///< of a panel: pairs or quads along the depth
  mlir::Value a, row;  ///< rows [row, row + tile.rows)
  mlir::Value weights; ///< [panels, lines, width * neighbours]
  mlir::Value panel;   ///< which
  mlir::Value column;  ///< first, of tile.vectors * lanes
  mlir::Value scratch; ///< f32: sums [tile.rows, width], then room for registerTailFloats
};

/// Emits the product. Its sums, f32 or i32, lie in scratch. Reads no byte behind a row's pairs or quads.
void emitRegisterProduct(LeafBuilder &b, Tile tile, const RegisterProduct &product);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_MATRIXUNIT_H
