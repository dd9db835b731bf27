//===- Hdf5.h - datasets and text attributes of an HDF5 file ----------------------------------------===//
//
// An own reader of the part of HDF5 that Keras and h5py write, because the packaged library has open crashes
// on hostile files. Source: HDF5 File Format Specification, version 3.0. Read are superblocks 0 to 3; groups
// as symbol tables, link messages or dense links; datasets of integers and IEEE floats of either byte order,
// compact, contiguous or chunked (B-tree of version 1, single chunk, implicit, fixed array) under deflate and
// shuffle; text attributes. Everything else is refused by name. docs/containers.md lists the rules.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_HDF5_H
#define COMPILER_IMPORT_HDF5_H

#include "compiler/Import/Hdf5Data.h"
#include "compiler/Import/Hdf5Objects.h"
#include "compiler/Import/WeightStore.h"
#include <map>
#include <optional>
#include <set>

namespace vitc {

class Hdf5File {
public:
  /// True if `contents` begins like a file of this format.
  static bool recognise(llvm::StringRef contents);
  /// Reads the structure; elements stay where they are. Error messages name `source->path()`.
  static llvm::Expected<Hdf5File> open(std::shared_ptr<const ByteSource> source);

  /// In the order of their names, which are paths: "layers/dense/vars/0".
  const std::vector<Hdf5Dataset> &datasets() const { return sets; }
  /// True if there is a group or dataset of that path; the root is "".
  bool has(llvm::StringRef object) const { return headers.count(object.str()); }
  /// The strings of an attribute, one for a scalar; nothing if the object lacks it or its values are no text.
  /// Precondition: has(object).
  llvm::Expected<std::optional<std::vector<std::string>>> text(llvm::StringRef object,
                                                               llvm::StringRef attribute);
  /// The tensor of a dataset, decoded if it must be. Its name is the dataset's.
  llvm::Expected<RawTensor> tensor(const Hdf5Dataset &dataset);

private:
  explicit Hdf5File(std::shared_ptr<const ByteSource> source);
  llvm::Error walk(const std::string &path, uint64_t header, unsigned depth);
  llvm::Error addDataset(const std::string &path, uint64_t header, llvm::ArrayRef<Hdf5Message> messages);
  llvm::Expected<std::vector<std::string>> values(const Hdf5Type &type, const Hdf5Space &space,
                                                  Hdf5Cursor data);
  llvm::Expected<llvm::StringRef> heapObject(uint64_t collection, uint32_t index);

  std::shared_ptr<const ByteSource> source;
  Hdf5Bytes bytes;
  Hdf5DecodeBudget budget;
  std::vector<Hdf5Dataset> sets;
  std::map<std::string, uint64_t> headers; ///< of groups and datasets
  std::set<uint64_t> visited;
  /// Objects of the global heap collections read so far: where they lie.
  std::map<uint64_t, std::map<uint32_t, llvm::StringRef>> collections;
};

/// Adds every dataset of the file as a tensor.
llvm::Error readHdf5(std::shared_ptr<const ByteSource> source, WeightStore &store);

} // namespace vitc

#endif // COMPILER_IMPORT_HDF5_H
