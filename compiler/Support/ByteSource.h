//===- ByteSource.h - immutable bytes that somebody owns ---------------------------------------------===//
//
// Tensors refer to the bytes of a file or, where a container compresses or splits them, to memory that its
// reader has filled. Readers of tensors need not know which.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_BYTESOURCE_H
#define COMPILER_SUPPORT_BYTESOURCE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vitc {

class ByteSource {
public:
  virtual ~ByteSource();
  virtual llvm::ArrayRef<uint8_t> bytes() const = 0;
  /// Where the bytes come from, for messages: a file's path.
  virtual const std::string &path() const = 0;

  llvm::StringRef text() const {
    llvm::ArrayRef<uint8_t> all = bytes();
    return {reinterpret_cast<const char *>(all.data()), all.size()};
  }
};

/// Bytes that a reader has decoded from the file of that path.
class DecodedBytes final : public ByteSource {
public:
  DecodedBytes(std::string path, std::vector<uint8_t> contents)
      : name(std::move(path)), contents(std::move(contents)) {}
  llvm::ArrayRef<uint8_t> bytes() const override { return contents; }
  const std::string &path() const override { return name; }

private:
  std::string name;
  std::vector<uint8_t> contents;
};

/// Where some bytes lie.
struct BytesRange {
  std::shared_ptr<const ByteSource> source;
  uint64_t offset = 0, size = 0;
  llvm::ArrayRef<uint8_t> bytes() const { return source->bytes().slice(offset, size); }
};

/// A part of other bytes.
class PartOfBytes final : public ByteSource {
public:
  PartOfBytes(std::shared_ptr<const ByteSource> whole, uint64_t offset, uint64_t size)
      : whole(std::move(whole)), part(this->whole->bytes().slice(offset, size)) {}
  llvm::ArrayRef<uint8_t> bytes() const override { return part; }
  const std::string &path() const override { return whole->path(); }

private:
  std::shared_ptr<const ByteSource> whole;
  llvm::ArrayRef<uint8_t> part;
};

} // namespace vitc

#endif // COMPILER_SUPPORT_BYTESOURCE_H
