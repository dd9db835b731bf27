//===- Npy.h - NumPy's .npy files ---------------------------------------------------------------------===//
//
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3. Only what
// tensors in and out of a model need: little-endian f32 and u8 in C order. Everything else is refused by
// name.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_NPY_H
#define COMPILER_DRIVER_NPY_H

#include "compiler/Support/MappedFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace vitc {

enum class NpyType { F32, U8 };

/// The header of a .npy file.
struct NpyHeader {
  NpyType type = NpyType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  size_t dataOffset = 0; ///< bytes before the first element
};

/// Parses the header of `file` and checks it against the file's size. `path` only appears in messages.
llvm::Expected<NpyHeader> parseNpyHeader(llvm::ArrayRef<uint8_t> file, llvm::StringRef path);

/// An array in a mapped file.
class NpyFile {
public:
  static llvm::Expected<NpyFile> open(llvm::StringRef path);
  NpyType type() const { return header.type; }
  llvm::ArrayRef<int64_t> shape() const { return header.shape; }
  /// Preconditions: the type is the one asked for. Elements need not be aligned in the file, so floats are
  /// copied.
  std::vector<float> floats() const;
  llvm::ArrayRef<uint8_t> bytes() const { return file->bytes().drop_front(header.dataOffset); }

private:
  NpyFile(std::shared_ptr<const MappedFile> file, NpyHeader header)
      : file(std::move(file)), header(std::move(header)) {}
  std::shared_ptr<const MappedFile> file;
  NpyHeader header;
};

/// Writes `data` as f32 of `shape`, atomically. Precondition: as many elements as the shape says.
llvm::Error writeNpy(llvm::StringRef path, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> data);

/// "(1, 3, 224, 224)", as NumPy prints a shape.
std::string shapeTuple(llvm::ArrayRef<int64_t> shape);

} // namespace vitc

#endif // COMPILER_DRIVER_NPY_H
