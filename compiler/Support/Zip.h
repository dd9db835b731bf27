//===- Zip.h - the entries of a zip archive ----------------------------------------------------------===//
//
// Format: PKWARE's APPNOTE 6.3.10. An own reader of the few records that matter, rather than libzip or
// minizip: weights must stay in the mapped file, for which those libraries do not tell where an entry's data
// lie, and the rules below must hold before anything is read. The central directory counts; local headers are
// only checked against it, because PyTorch leaves their sizes to data descriptors. docs/containers.md numbers
// the rules.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_ZIP_H
#define COMPILER_SUPPORT_ZIP_H

#include "compiler/Support/ByteSource.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace vitc {

struct ZipEntry {
  std::string name;
  bool deflated = false;
  uint64_t offset = 0; ///< of the data in the archive
  uint64_t packed = 0; ///< bytes there
  uint64_t size = 0;   ///< bytes when unpacked
  uint32_t crc = 0;
};

class ZipArchive {
public:
  /// True if `contents` begins like an archive.
  static bool recognise(llvm::StringRef contents);
  static llvm::Expected<ZipArchive> open(std::shared_ptr<const ByteSource> file);

  const std::vector<ZipEntry> &entries() const { return list; }
  const ZipEntry *find(llvm::StringRef name) const;
  /// "FILE: entry 'NAME'", for messages.
  std::string describe(const ZipEntry &entry) const;

  using Data = BytesRange;
  /// A stored entry is a part of the file; a deflated one is unpacked, and its checksum compared. All
  /// unpacked entries of an archive together may have 16 times the file's size plus 16 MiB.
  llvm::Expected<Data> read(const ZipEntry &entry);

private:
  std::shared_ptr<const ByteSource> file;
  std::vector<ZipEntry> list; ///< sorted by name
  uint64_t unpacked = 0;      ///< bytes so far
};

} // namespace vitc

#endif // COMPILER_SUPPORT_ZIP_H
