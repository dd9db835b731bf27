//===- MatrixUnit.h - products by tile registers (AMX) ----------------------------------------------===//
//
// Eight registers of 16 rows of 64 bytes. One instruction multiplies 16 rows of A by 16 lines of packed pairs
// or quads, whose lines of 16 columns are rows of a register as they lie in memory, and adds 16 x 16 sums.
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

/// A matrix in a buffer: its first byte, and bytes between its rows or lines.
struct RegisterMatrix {
  mlir::Value buffer, byte;
  int64_t stride;
};

/// A part of a product's depth: `lines` pairs or quads, a multiple of 16, of rows of A and as many lines of
/// B.
struct RegisterPart {
  int64_t lines;
  RegisterMatrix a, b;
};

/// Emits sums[i, n] = sum over all parts of a(i, k) * b(k, n) for the rows of `tile`, for which registers are
/// configured, and `vectors` vectors of columns, at most the tile's. Sums are f32 or i32.
void emitRegisterProduct(LeafBuilder &b, Tile tile, int64_t vectors, StepKind kind,
                         llvm::ArrayRef<RegisterPart> parts, const RegisterMatrix &sums);

/// A tile of a product with packed weights.
struct PanelProduct {
  StepKind kind;       ///< Pairs or Quads
  int64_t lines;       ///< of a panel
  mlir::Value a, row;  ///< rows [row, row + tile.rows)
  mlir::Value weights; ///< [panels, lines, width * neighbours]
  mlir::Value panel;   ///< which
  mlir::Value column;  ///< its first, of tile.vectors * lanes
  mlir::Value scratch; ///< f32: sums [tile.rows, width], then room for vit::registerTailFloats
};

/// Emits the product; its sums lie in scratch. Reads no byte behind a row's pairs or quads.
void emitPanelProduct(LeafBuilder &b, Tile tile, const PanelProduct &product);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_MATRIXUNIT_H
