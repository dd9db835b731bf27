//===- Hdf5Fixtures.h - small HDF5 files, structure by structure ------------------------------------===//
//
// Enough of both generations of the format to write one sound file of each kind, from which the tests make
// hostile ones: by other message bodies, or by patching a structure that its signature finds.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef TEST_COMPILER_IMPORT_HDF5FIXTURES_H
#define TEST_COMPILER_IMPORT_HDF5FIXTURES_H

#include "compiler/Import/Hdf5.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vitc::test {

/// `value` as `bytes` little-endian bytes.
std::string le(unsigned bytes, uint64_t value);
/// Values as f32 little-endian.
std::string floats(const std::vector<float> &values);

struct Hdf5MessageText {
  unsigned type;
  std::string body;
  unsigned flags = 0;
};
using Hdf5MessageTexts = std::vector<Hdf5MessageText>;

std::string spaceBody(const std::vector<uint64_t> &extents);
std::string floatBody(unsigned bytes, bool bigEndian = false);
std::string integerBody(unsigned bytes, bool isSigned);
std::string contiguousBody(uint64_t address, uint64_t bytes);
std::string compactBody(llvm::StringRef data);
/// Version 3: indexed by a B-tree.
std::string chunkedBody(uint64_t tree, const std::vector<uint32_t> &chunk, uint32_t elementBytes);
/// Filter numbers with one value each.
std::string filtersBody(const std::vector<std::pair<unsigned, uint32_t>> &filters);
/// Version 1: an attribute whose three parts are padded.
std::string attributeBody(llvm::StringRef name, llvm::StringRef type, llvm::StringRef space,
                          llvm::StringRef data);
std::string linkBody(llvm::StringRef name, uint64_t address);

/// A file that grows; each function appends a structure and returns its address.
class Hdf5Image {
public:
  explicit Hdf5Image(bool isNew = false) : isNew(isNew), bytes(isNew ? 48 : 96, '\0') {}
  uint64_t add(llvm::StringRef data);
  uint64_t addHeader(const Hdf5MessageTexts &messages);
  /// A group with these links and further messages.
  uint64_t addGroup(const std::vector<std::pair<std::string, uint64_t>> &links, Hdf5MessageTexts more = {});
  /// A node of a B-tree of chunks: key (size, mask, offsets of the chunk and 0) and child.
  struct ChunkEntry {
    uint32_t bytes, mask;
    std::vector<uint64_t> offsets;
    uint64_t address;
  };
  uint64_t addChunkTree(const std::vector<ChunkEntry> &entries, unsigned level = 0);
  /// Writes the superblock and returns the file.
  std::string finish(uint64_t root);

private:
  bool isNew;
  std::string bytes;
};

/// A file whose root holds a 2x3 dataset "a" of the values 1 to 6.
std::string plainFile(bool isNew = false);
/// A file whose root holds a dataset "a" with these messages; `image` holds what they refer to.
std::string oneDataset(Hdf5Image image, const Hdf5MessageTexts &messages);
/// Messages of a 2x3 f32 dataset in compact storage; `type` replaces or adds a message.
Hdf5MessageTexts datasetMessages();
Hdf5MessageTexts changed(Hdf5MessageTexts messages, unsigned type, std::string body, unsigned flags = 0);

/// The file with bytes at `offset` behind the first (or `nth`) occurrence of `signature` replaced.
std::string patched(std::string file, llvm::StringRef signature, size_t offset, llvm::StringRef replacement,
                    size_t nth = 0);
/// The same for a structure of `size` bytes that ends with a checksum, which is made right again.
std::string resummed(std::string file, llvm::StringRef signature, size_t size, size_t offset,
                     llvm::StringRef replacement, size_t nth = 0);

/// The file as a source of bytes with the path "m.h5".
std::shared_ptr<const ByteSource> memory(llvm::StringRef file);
llvm::Expected<WeightStore> loadHdf5(llvm::StringRef file);
/// "F32 [2, 3] 1 2 3 4 5 6": a tensor of the file.
std::string showHdf5(llvm::StringRef file, llvm::StringRef name = "a");
/// A zlib stream.
std::string deflated(const std::string &data);
/// A 2x3 f32 dataset "a" in storage that `layout` describes, or with one message replaced or added.
std::string withLayout(Hdf5Image image, const std::string &layout, const std::string &filters = "");
std::string withMessage(unsigned type, const std::string &body, unsigned flags = 0);

// Text attributes: their types, a reference into a global heap, a heap whose object 1 is `text` (16 bytes at
// most), and the strings of attribute "names" of a root that has nothing else.
std::string fixedText(unsigned padding, unsigned bytes);
std::string variableText();
std::string textReference(uint32_t length, uint64_t collection, uint32_t index);
uint64_t addCollection(Hdf5Image &image, llvm::StringRef text);
llvm::Expected<std::optional<std::vector<std::string>>>
textAttribute(Hdf5Image image, const std::string &type, const std::string &space, const std::string &data);

/// A file that h5py wrote (hdf5/README.md).
std::string h5pyFile(llvm::StringRef name);

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_HDF5FIXTURES_H
