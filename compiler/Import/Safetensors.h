//===- Safetensors.h - tensors of safetensors files -------------------------------------------------===//
//
// Reads the format of https://github.com/huggingface/safetensors as untrusted input: a header that lies about
// anything is refused before a byte of data is read (docs/vit-json.md lists the rules). Data stay in the
// mapped file and may be unaligned.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_SAFETENSORS_H
#define COMPILER_IMPORT_SAFETENSORS_H

#include "compiler/Import/Checkpoint.h"
#include "compiler/Support/MappedFile.h"
#include "llvm/ADT/StringRef.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vitc {

/// An element type of the format; `Float` types can be weights.
struct ElementType {
  enum Kind { F64, F32, F16, BF16, Other };
  const char *name; ///< as in the file: "F32"
  unsigned bits;
  Kind kind;
};

/// A tensor as it lies in a file.
struct RawTensor {
  std::string name;
  const ElementType *type = nullptr;
  llvm::SmallVector<int64_t, 4> shape;
  int64_t elements = 0;
  std::shared_ptr<const MappedFile> file;
  uint64_t offset = 0; ///< of the first byte in the file
  uint64_t bytes = 0;
};

/// All tensors of one checkpoint, from one file or from several shards.
class WeightStore {
public:
  /// Reads the header of one safetensors file.
  static llvm::Expected<WeightStore> openFile(llvm::StringRef path);
  /// Reads `model.safetensors.index.json` and the shards beside it. Shard names must be plain file names, and
  /// the index must map every tensor of every shard, and to that shard.
  static llvm::Expected<WeightStore> openIndex(llvm::StringRef path);
  /// model.safetensors, or else model.safetensors.index.json, or else the only *.safetensors of a directory.
  /// Errors say what was seen, with advice on how to convert PyTorch files.
  static llvm::Expected<WeightStore> openDirectory(llvm::StringRef directory);

  const std::map<std::string, RawTensor> &tensors() const { return table; }
  const RawTensor *find(llvm::StringRef name) const;
  /// File name(s) for messages.
  const std::string &path() const { return name; }
  uint64_t totalBytes() const;

  /// One pass over all bytes, on as many threads as pay off.
  struct Scan {
    std::string hash;                   ///< "xxh3-128:..." of the files (see contentHash in docs/vit-json.md)
    std::vector<std::string> nonFinite; ///< float tensors that hold NaN or infinity, sorted
  };
  Scan scan() const;

private:
  llvm::Error add(std::shared_ptr<const MappedFile> file);
  std::map<std::string, RawTensor> table;
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::string name;
};

/// `elements(shape)` elements of `tensor` from element `first` on, under a shape of the caller's choice.
/// Preconditions: the type is a float type, and the range lies within the tensor.
std::shared_ptr<const TensorView> viewOf(const RawTensor &tensor, int64_t first,
                                         llvm::ArrayRef<int64_t> shape);

/// Writes tensors as one safetensors file, all as F32 (exact for what came from F32, F16 or BF16), sorted by
/// name, header padded to 8 bytes; atomically, streaming.
llvm::Error writeSafetensors(llvm::StringRef path,
                             const std::map<std::string, std::shared_ptr<const TensorView>> &tensors);

} // namespace vitc

#endif // COMPILER_IMPORT_SAFETENSORS_H
