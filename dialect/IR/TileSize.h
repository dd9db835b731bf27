//===- TileSize.h - the extents of an accumulator tile ----------------------------------------------===//
#ifndef DIALECT_IR_TILESIZE_H
#define DIALECT_IR_TILESIZE_H

#include "llvm/ADT/Hashing.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>

namespace vit {

/// Accumulators of a product: `rows` x `vectors` native vectors. Prints as "13 x 2".
struct TileSize {
  unsigned rows = 0, vectors = 0;
  bool operator==(const TileSize &) const = default;
};

inline llvm::hash_code hash_value(const TileSize &tile) {
  return llvm::hash_combine(tile.rows, tile.vectors);
}
inline llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const TileSize &tile) {
  return os << tile.rows << " x " << tile.vectors;
}

/// Queries that attention takes at a time: a multiple of every tile's width, so that scratch has one layout.
inline constexpr int64_t kQueryTile = 32;

} // namespace vit

#endif // DIALECT_IR_TILESIZE_H
