//===- TileRegisters.h - the extents of a matrix unit's registers (AMX) -----------------------------===//
#ifndef DIALECT_IR_TILEREGISTERS_H
#define DIALECT_IR_TILEREGISTERS_H

#include <cstdint>

namespace vit {

inline constexpr int64_t kTileRegisters = 8, kRegisterRows = 16, kRegisterBytes = 64;

/// Whether a tile of sums fits the registers, beside one of A for each 16 rows and one of B for each vector.
inline bool fitsTileRegisters(int64_t rows, int64_t vectors) {
  int64_t bands = (rows + kRegisterRows - 1) / kRegisterRows;
  return rows > 0 && vectors > 0 && bands * vectors + bands + vectors <= kTileRegisters;
}

/// Floats of scratch for the sums of `rows` rows of a panel.
inline int64_t registerSumFloats(int64_t rows, int64_t width) { return rows * width; }

/// Floats behind them for the last `lines` of a product if these do not fill registers.
inline int64_t registerTailFloats(int64_t rows, int64_t width, int64_t lines) {
  constexpr int64_t kFloats = kRegisterBytes / 4;
  return lines % kFloats ? (rows + width) * kFloats : 0;
}

} // namespace vit

#endif // DIALECT_IR_TILEREGISTERS_H
