//===- MappedFile.h - a read-only file in memory ----------------------------------------------------===//
//
// Weights are read through the page cache and never copied as a whole. Only regular files are accepted, so
// that a FIFO or a device named by a hostile index cannot block the compiler.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_MAPPEDFILE_H
#define COMPILER_SUPPORT_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>

namespace vitc {

class MappedFile {
public:
  /// Maps `path` for reading. Errors: ExitCode::Input if it does not exist or is no regular file,
  /// ExitCode::Environment if it may not be read or mapped.
  static llvm::Expected<std::shared_ptr<const MappedFile>> open(llvm::StringRef path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  llvm::ArrayRef<uint8_t> bytes() const { return {data, size}; }
  llvm::StringRef text() const { return {reinterpret_cast<const char *>(data), size}; }
  const std::string &path() const { return name; }

private:
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
