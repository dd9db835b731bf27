//===- OutputFile.h - files that appear whole or not at all -----------------------------------------===//
//
// An output is written to a temporary file beside its target and renamed over it by commit(). Until then the
// target keeps what the user had; a failure, or destruction without commit(), removes the temporary file.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_OUTPUTFILE_H
#define COMPILER_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>

namespace llvm {
class raw_fd_ostream;
class raw_pwrite_stream;
} // namespace llvm

namespace vitc {

/// Single-threaded, movable. All errors are ExitCode::Environment (no such directory, permission, disk full).
class OutputFile {
public:
  /// Creates the temporary file. A target that exists must be a regular file (symbolic links are followed, so
  /// that the link stays and its target is replaced), or a character device such as /dev/null or /dev/stdout,
  /// which is written in place.
  static llvm::Expected<OutputFile> create(llvm::StringRef path);
  OutputFile(OutputFile &&);
  OutputFile &operator=(OutputFile &&);
  ~OutputFile();

  /// Stream into the temporary file; write errors are kept and reported by commit().
  llvm::raw_pwrite_stream &os();
  /// Flushes and closes the temporary file, so that other code can read or replace it by its path; commit()
  /// then only renames. On failure the temporary file is removed.
  llvm::Error close();
  /// The temporary file (for a device, the target itself).
  const std::string &temporaryPath() const { return temporary.empty() ? target : temporary; }
  /// Flushes, closes and renames. On failure the temporary file is removed and the target untouched.
  llvm::Error commit();
  /// Marks the result executable for everyone who may read it (shared libraries).
  void setExecutable() { executable = true; }
  const std::string &path() const { return target; }

private:
  OutputFile();
  void discard();
  std::string target, temporary;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
  bool open = false; ///< the stream holds a descriptor
  bool executable = false;
};

/// Writes `data` to `path` atomically.
llvm::Error writeFileAtomically(llvm::StringRef path, llvm::ArrayRef<uint8_t> data);
llvm::Error writeFileAtomically(llvm::StringRef path, llvm::StringRef data);

} // namespace vitc

#endif // COMPILER_SUPPORT_OUTPUTFILE_H
