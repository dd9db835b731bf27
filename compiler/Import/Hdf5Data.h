//===- Hdf5Data.h - the elements of an HDF5 dataset -------------------------------------------------===//
//
// Contiguous little-endian data are used where they lie. Chunks are put together, filters undone and
// big-endian elements swapped in memory, whose size is bounded by the file's.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_HDF5DATA_H
#define COMPILER_IMPORT_HDF5DATA_H

#include "compiler/Import/Hdf5Messages.h"
#include <optional>
#include <vector>

namespace vitc {

/// What the messages of a dataset say.
struct Hdf5Dataset {
  std::string name; ///< path from the root: "layers/dense/vars/0"
  uint64_t header = 0;
  Hdf5Type type;
  Hdf5Space space;
  Hdf5Layout layout;
  llvm::SmallVector<Hdf5Filter, 2> filters; ///< in the order of writing
  uint64_t bytes() const { return space.elements * type.size; }
};

/// How many bytes may still be decoded. Weights hardly compress, so that a file that expands much is hostile.
struct Hdf5DecodeBudget {
  explicit Hdf5DecodeBudget(uint64_t fileBytes) : left(16 * fileBytes + (1u << 20)) {}
  uint64_t left;
};

/// Where the elements lie in the file if they can be used there: row-major, little-endian, unfiltered. The
/// range is checked. Nothing if they must be decoded.
llvm::Expected<std::optional<uint64_t>> findHdf5Elements(const Hdf5Bytes &bytes, const Hdf5Dataset &dataset);

/// All elements, row-major and little-endian.
llvm::Expected<std::vector<uint8_t>> decodeHdf5Elements(Hdf5Bytes &bytes, const Hdf5Dataset &dataset,
                                                        Hdf5DecodeBudget &budget);

} // namespace vitc

#endif // COMPILER_IMPORT_HDF5DATA_H
