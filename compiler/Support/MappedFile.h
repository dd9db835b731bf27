//===- MappedFile.h - a read-only file in memory ----------------------------------------------------===//
//
// Weights are read through the page cache and never copied as a whole. Only regular files are accepted, so
// that a FIFO or a device named by a hostile index cannot block the compiler.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_MAPPEDFILE_H
#define COMPILER_SUPPORT_MAPPEDFILE_H

#include "compiler/Support/ByteSource.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace vitc {

class MappedFile final : public ByteSource {
public:
  /// Maps `path` for reading. Errors: ExitCode::Input if it does not exist or is no regular file,
  /// ExitCode::Environment if it may not be read or mapped.
  static llvm::Expected<std::shared_ptr<const MappedFile>> open(llvm::StringRef path);
  /// Maps a file that another, untrusted file names: `relative` must be a relative path without ".." that
  /// leads to a regular file in or below `directory`, and neither it nor a folder on the way may be a link of
  /// either kind. Messages name no path but `relative`.
  static llvm::Expected<std::shared_ptr<const MappedFile>> openBelow(llvm::StringRef directory,
                                                                     llvm::StringRef relative);
  ~MappedFile() override;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  llvm::ArrayRef<uint8_t> bytes() const override { return {data, size}; }
  const std::string &path() const override { return name; }

private:
  static llvm::Expected<std::shared_ptr<const MappedFile>> map(std::string name, int fd, uint64_t size);
  MappedFile(std::string name, const uint8_t *data, size_t size)
      : name(std::move(name)), data(data), size(size) {}
  std::string name;
  const uint8_t *data;
  size_t size;
};

/// Reads a small text file as a whole; more than `limit` bytes is an error. Same errors as MappedFile::open.
llvm::Expected<std::string> readTextFile(llvm::StringRef path, size_t limit);

} // namespace vitc

#endif // COMPILER_SUPPORT_MAPPEDFILE_H
