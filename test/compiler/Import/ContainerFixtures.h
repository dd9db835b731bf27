//===- ContainerFixtures.h - archives, pickles and messages, byte by byte -----------------------------===//
#ifndef TEST_COMPILER_IMPORT_CONTAINERFIXTURES_H
#define TEST_COMPILER_IMPORT_CONTAINERFIXTURES_H

#include "compiler/Import/Containers.h"
#include "test/compiler/TestFiles.h"
#include <functional>
#include <vector>

namespace vitc::test {

/// `value` in `width` bytes, little-endian.
std::string littleEndian(unsigned width, uint64_t value);
std::string floatBytes(const std::vector<float> &values);

/// One entry of an archive; what is not set follows from `data`.
struct ZipPart {
  std::string name, data;
  bool deflate = false;
  uint16_t flags = 0;
  std::optional<uint16_t> method;
  std::optional<uint32_t> crc, size, packed, offset; ///< of the directory
  std::optional<std::string> localName;
  std::string extra; ///< extra fields of the directory
  /// As torch writes it: no sizes in the local header, a descriptor behind the data, data aligned to 64.
  bool descriptor = false;
};
struct ZipOptions {
  bool zip64 = false; ///< end records of zip64
  std::string comment;
  std::optional<uint16_t> entries, volume;
  std::optional<uint32_t> directory, directorySize;
};
std::string zipFile(const std::vector<ZipPart> &parts, const ZipOptions &options = {});

/// Parts of pickles of protocol 2.
namespace pickle {
std::string text(llvm::StringRef value);
std::string integer(int64_t value); ///< in 32 bits, or as LONG1
std::string global(llvm::StringRef module, llvm::StringRef name);
std::string tuple(const std::vector<int64_t> &values);
/// A storage reference: PERSID of ("storage", torch.TYPE, key, "cpu", count).
std::string storage(llvm::StringRef type, llvm::StringRef key, int64_t count);
/// _rebuild_tensor_v2 of `storage`.
std::string tensor(const std::string &storage, int64_t first, const std::string &sizes,
                   const std::string &strides);
/// A dictionary of texts to values, already pickled.
std::string dict(const std::vector<std::pair<std::string, std::string>> &members);
/// The same as an OrderedDict.
std::string orderedDict(const std::vector<std::pair<std::string, std::string>> &members);
/// PROTO 2, `value`, STOP.
std::string file(const std::string &value);
} // namespace pickle

/// torch.save's archive of data.pkl and storages "data/0", "data/1", ...
std::string torchFile(const std::string &pickle, const std::vector<std::string> &storages,
                      const std::vector<ZipPart> &more = {});

/// A .npy file of version 1.
std::string npyFile(llvm::StringRef type, llvm::StringRef shape, llvm::StringRef data, bool fortran = false);

/// A protobuf field: a length-delimited one, or a varint.
std::string protoBytes(unsigned field, llvm::StringRef data);
std::string protoVarint(unsigned field, uint64_t value);
/// A Value of a MindSpore checkpoint.
std::string mindSporeValue(llvm::StringRef tag, llvm::StringRef type, const std::vector<uint64_t> &dims,
                           llvm::StringRef data);

using Reader = llvm::Error (*)(std::shared_ptr<const ByteSource>, WeightStore &);
/// What `reader` makes of `contents`, as a file named "m".
llvm::Expected<WeightStore> readAs(Reader reader, const std::string &contents);
void expectReadError(Reader reader, const std::string &contents,
                     std::initializer_list<llvm::StringRef> parts);
/// "NAME TYPE [2, 3] 1 2 3 4 5 6; ..." for all tensors, in row-major order; values of floats only.
std::string show(const WeightStore &store);
std::string showRead(Reader reader, const std::string &contents);

/// Reads every prefix of `contents`, which must all be refused except those of the lengths `whole`, and every
/// single flip of a byte by each mask, which may be read: then every element is. Nothing may crash.
void replayDamage(Reader reader, const std::string &contents, std::initializer_list<size_t> whole = {});

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_CONTAINERFIXTURES_H
