//===- WeightStore.h - the tensors of a checkpoint, whatever container holds them ---------------------===//
//
// A container's reader checks its file as untrusted input and adds tensors that are known to lie within their
// bytes. Data stay where they are (a mapped file, or memory that the reader decoded) and may be unaligned.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_WEIGHTSTORE_H
#define COMPILER_IMPORT_WEIGHTSTORE_H

#include "compiler/Import/Checkpoint.h"
#include "compiler/Support/MappedFile.h"
#include "llvm/ADT/StringRef.h"
#include <map>
#include <memory>
#include <string>

namespace vitc {

/// An element type; the floats can be weights. Names are those of the safetensors format, whose list is the
/// longest.
struct ElementType {
  enum Kind { F64, F32, F16, BF16, Other };
  const char *name; ///< "F32"
  unsigned bits;
  Kind kind;
};

/// The type of that name, or null.
const ElementType *findElementType(llvm::StringRef name);

/// A tensor as it lies in its source, little-endian.
struct RawTensor {
  std::string name;
  const ElementType *type = nullptr;
  llvm::SmallVector<int64_t, 4> shape;
  llvm::SmallVector<int64_t, 4> strides; ///< in elements, never negative
  int64_t elements = 0;
  std::shared_ptr<const ByteSource> source;
  uint64_t offset = 0; ///< of the first element, in bytes
  uint64_t bytes = 0;  ///< from there to behind the last element

  /// Sets type, shape, row-major strides, elements and bytes. False if a size is negative, the bits exceed 63
  /// bits, or the bytes are not whole.
  bool setRowMajor(const ElementType &elementType, llvm::ArrayRef<int64_t> extents);
  /// The same with any strides.
  bool setStrided(const ElementType &elementType, llvm::ArrayRef<int64_t> extents,
                  llvm::ArrayRef<int64_t> elementStrides);
  /// True if the elements fill their bytes without gaps, in whatever order.
  bool isDense() const { return static_cast<uint64_t>(elements) * type->bits / 8 == bytes; }
};

/// All tensors of one checkpoint, from one file or from several shards.
class WeightStore {
public:
  /// Opens one file. What it is follows from its content: safetensors; a zip archive of PyTorch, NumPy or
  /// Keras; a NumPy array; HDF5; MindSpore's protobuf.
  static llvm::Expected<WeightStore> open(llvm::StringRef path);
  /// Opens several files, whose tensors have different names, as one checkpoint with the first one's name.
  static llvm::Expected<WeightStore> openFiles(llvm::ArrayRef<std::string> paths);
  /// Reads `model.safetensors.index.json` or `pytorch_model.bin.index.json` and the shards beside it. Shard
  /// names must be plain file names, and the index must map every tensor of every shard, and to that shard.
  static llvm::Expected<WeightStore> openIndex(llvm::StringRef path);
  /// The file of weights of a directory, or its index: model.safetensors, pytorch_model.bin, the index of one
  /// of them, or else the only file whose suffix says weights. Errors say what was seen.
  static llvm::Expected<std::string> findFile(llvm::StringRef directory);
  /// Opens that file.
  static llvm::Expected<WeightStore> openDirectory(llvm::StringRef directory);
  /// Whether openDirectory() would find something, be it good or bad.
  static bool hasWeights(llvm::StringRef directory);

  /// No tensors yet: for an importer that reads `files` itself, and adds what it finds.
  static WeightStore forFiles(llvm::StringRef path, std::vector<std::shared_ptr<const MappedFile>> files);

  const std::map<std::string, RawTensor> &tensors() const { return table; }
  const RawTensor *find(llvm::StringRef name) const;
  /// File name(s) for messages.
  const std::string &path() const { return name; }
  /// Bytes of the files.
  uint64_t totalBytes() const;
  /// Decisions of the readers that a user should be able to see ("state dict: 'model_ema'").
  const std::vector<std::string> &notes() const { return remarks; }

  /// For the readers. Errors: a second tensor of that name, a tensor beyond its source, and tensors that
  /// share bytes more often than tied weights do (which would make every pass over them quadratic).
  llvm::Error add(RawTensor tensor);
  /// Gives other names to some tensors. Errors: two tensors of one name.
  llvm::Error rename(const std::map<std::string, std::string> &names);
  void addNote(std::string note) { remarks.push_back(std::move(note)); }

  /// One pass over all bytes, on as many threads as pay off.
  struct Scan {
    std::string hash;                   ///< "xxh3-128:..." of the files (see contentHash in docs/vit-json.md)
    std::vector<std::string> nonFinite; ///< float tensors that hold NaN or infinity, sorted
  };
  Scan scan() const;

private:
  llvm::Error addFile(llvm::StringRef path);
  std::map<std::string, RawTensor> table;
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::map<const ByteSource *, uint64_t> tensorBytes; ///< per source, counted once for each tensor
  std::vector<std::string> remarks;
  std::string name;
};

/// One dimension of a slice: how many steps, and how many elements each.
struct StridedDim {
  int64_t extent, stride;
};

/// Elements of a stored tensor, in an order of the importer's choice.
struct TensorSlice {
  const RawTensor *raw = nullptr;
  int64_t first = 0;                     ///< element (of the source's type) from the tensor's first one
  llvm::SmallVector<StridedDim, 4> dims; ///< outermost first
  /// What the elements mean: as many as `dims` count, in the same order. Dimensions may be merged or split.
  llvm::SmallVector<int64_t, 4> shape;

  /// The whole tensor as it is.
  static TensorSlice all(const RawTensor &raw);
};

/// The elements of `slice` under `shape`. Preconditions: the type is a float type, and `shape` has as many
/// elements as the slice.
std::shared_ptr<const TensorView> viewOf(const TensorSlice &slice, llvm::ArrayRef<int64_t> shape);

} // namespace vitc

#endif // COMPILER_IMPORT_WEIGHTSTORE_H
