//===- Microkernel.h - the accumulator tile at the heart of every matrix product --------------------===//
#ifndef COMPILER_CODEGEN_CPU_MICROKERNEL_H
#define COMPILER_CODEGEN_CPU_MICROKERNEL_H

#include "compiler/Codegen/CPU/LeafBuilder.h"

namespace vitc {

/// An accumulator tile of `rows` x `vectors` native vectors.
struct Tile {
  int64_t rows, vectors;
};

/// acc[i][j] = sum over k of a(i, k) * b(k, j), in order of k; every accumulator is a value of its own, so
/// that it gets a register of its own.
using TileValues = llvm::SmallVector<llvm::SmallVector<mlir::Value>>;

/// A step along the depth: `first + offset`, `first` a multiple of MicrokernelOperands::unroll.
struct Step {
  mlir::Value first;
  int64_t offset;
};

/// What one step multiplies: elements of f32, pairs of bf16, or quads of unsigned and signed bytes, whose
/// sums are integers; wide quads have 16 bits a byte, and vectors of them half as many columns as there are
/// lanes.
enum class StepKind { Elements, Pairs, Quads, WideQuads };

struct MicrokernelOperands {
  llvm::function_ref<mlir::Value(int64_t row, Step k)> a;       ///< in all lanes
  llvm::function_ref<mlir::Value(Step k, int64_t column)> b;    ///< vector; column counts vectors
  llvm::function_ref<void(mlir::Value k, int64_t unroll)> each; ///< once per unrolled step, may be empty
  StepKind kind = StepKind::Elements;
  int64_t unroll = 2; ///< steps of one turn of the loop, at least
};

/// Emits the loop over the steps [0, depth) and returns the sums.
TileValues emitMicrokernel(LeafBuilder &b, Tile tile, int64_t depth, const MicrokernelOperands &operands);

/// Heights that cover `rows` rows: `tall` tiles of `base + 1` rows, then the rest of `base` rows.
struct BalancedTiles {
  int64_t count, base, tall;
};
BalancedTiles balanceTiles(int64_t rows, int64_t maxRows);

/// Emits loops over tiles [first, end): those of the greater height, then the others.
void emitTileLoops(LeafBuilder &b, BalancedTiles tiles, mlir::Value first, mlir::Value end,
                   llvm::function_ref<void(int64_t height, mlir::Value tile, mlir::Value row)> body);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_MICROKERNEL_H
