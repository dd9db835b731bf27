#include "compiler/Support/MappedFile.h"
#include "compiler/Support/Error.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace vitc;

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
  size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) // mmap refuses empty mappings
    return std::shared_ptr<const MappedFile>(new MappedFile(std::move(name), nullptr, 0));
  void *data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
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
