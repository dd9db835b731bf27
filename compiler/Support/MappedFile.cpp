#include "compiler/Support/MappedFile.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/SmallVector.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace vitc;

ByteSource::~ByteSource() = default;

namespace {

/// A missing or unsuitable path is the input's fault; permissions and descriptors are the environment's.
ExitCode codeOfOpenError(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR:
  case ELOOP:
  case ENAMETOOLONG:
  case EISDIR:
  case ENXIO:
    return ExitCode::Input;
  default:
    return ExitCode::Environment;
  }
}

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
};

/// Opens `path` and checks that it is a regular file. O_NONBLOCK: opening a FIFO must not wait for its
/// writer.
llvm::Error openRegular(const std::string &path, Descriptor &file, struct stat &info) {
  if (path.find('\0') != std::string::npos)
    return inputError("a file name holds a NUL byte");
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd < 0) {
    int error = errno;
    return makeError(codeOfOpenError(error), "{}: cannot be opened: {}", path, std::strerror(error));
  }
  if (::fstat(file.fd, &info) != 0)
    return makeError(ExitCode::Environment, "{}: cannot be examined: {}", path, std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return inputError("{}: expected a regular file, got {}", path,
                      S_ISDIR(info.st_mode) ? "a directory" : "a special file");
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::shared_ptr<const MappedFile>> MappedFile::open(llvm::StringRef path) {
  std::string name = path.str();
  Descriptor file;
  struct stat info;
  if (llvm::Error error = openRegular(name, file, info))
    return std::move(error);
  return map(std::move(name), file.fd, static_cast<uint64_t>(info.st_size));
}

llvm::Expected<std::shared_ptr<const MappedFile>> MappedFile::openBelow(llvm::StringRef directory,
                                                                        llvm::StringRef relative) {
  std::string label = quoteForMessage(relative);
  llvm::SmallVector<llvm::StringRef, 4> parts;
  relative.split(parts, '/');
  for (llvm::StringRef part : parts)
    if (part.empty() || part == "." || part == ".." ||
        part.find_first_of(llvm::StringRef("\\\0", 2)) != llvm::StringRef::npos)
      return inputError("expected a relative path inside of the model's directory, got '{}'", label);
  Descriptor at;
  at.fd = ::open(directory.str().c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  for (size_t i = 0; at.fd >= 0 && i < parts.size(); ++i) {
    bool last = i + 1 == parts.size();
    int fd = ::openat(at.fd, parts[i].str().c_str(),
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY));
    int error = errno;
    ::close(at.fd);
    at.fd = fd;
    errno = error;
  }
  if (at.fd < 0) {
    int error = errno;
    return makeError(codeOfOpenError(error), "'{}': cannot be opened: {}", label,
                     error == ELOOP ? "links are not followed; put a copy of the file in its place"
                                    : std::strerror(error));
  }
  struct stat info;
  if (::fstat(at.fd, &info) != 0)
    return makeError(ExitCode::Environment, "'{}': cannot be examined: {}", label, std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return inputError("'{}': expected a regular file, got {}", label,
                      S_ISDIR(info.st_mode) ? "a directory" : "a special file");
  if (info.st_nlink > 1)
    return inputError(
        "'{}': expected a file of its own, got a hard link, which may lead to any file; put a copy "
        "in its place",
        label);
  return map(relative.str(), at.fd, static_cast<uint64_t>(info.st_size));
}

llvm::Expected<std::shared_ptr<const MappedFile>> MappedFile::map(std::string name, int fd, uint64_t size) {
  if (size == 0) // mmap refuses empty mappings
    return std::shared_ptr<const MappedFile>(new MappedFile(std::move(name), nullptr, 0));
  void *data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return makeError(ExitCode::Environment, "{}: cannot be mapped ({} bytes): {}", name, size,
                     std::strerror(errno));
  return std::shared_ptr<const MappedFile>(
      new MappedFile(std::move(name), static_cast<const uint8_t *>(data), size));
}

MappedFile::~MappedFile() {
  if (size)
    ::munmap(const_cast<uint8_t *>(data), size);
}

llvm::Expected<std::string> vitc::readTextFile(llvm::StringRef path, size_t limit) {
  std::string name = path.str();
  Descriptor file;
  struct stat info;
  if (llvm::Error error = openRegular(name, file, info))
    return std::move(error);
  std::string text;
  // Reads until the end rather than st_size bytes: the file may change under us, and /proc files have size 0.
  char buffer[1 << 16];
  while (true) {
    ssize_t count = ::read(file.fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return makeError(ExitCode::Environment, "{}: cannot be read: {}", name, std::strerror(errno));
    if (count == 0)
      return text;
    if (text.size() + static_cast<size_t>(count) > limit)
      return inputError("{}: expected at most {} bytes, got more", name, limit);
    text.append(buffer, static_cast<size_t>(count));
  }
}
