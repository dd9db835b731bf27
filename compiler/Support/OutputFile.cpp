#include "compiler/Support/OutputFile.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <utility>

using namespace vitc;
namespace fs = llvm::sys::fs;

OutputFile::OutputFile() = default;
OutputFile::OutputFile(OutputFile &&other) { *this = std::move(other); }

OutputFile &OutputFile::operator=(OutputFile &&other) {
  if (this == &other)
    return *this;
  discard();
  target = std::move(other.target);
  temporary = std::move(other.temporary);
  stream = std::move(other.stream);
  executable = other.executable;
  open = std::exchange(other.open, false);
  other.temporary.clear();
  return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() {
  if (stream) {
    // The destructor aborts on an unreported error, so everything that can fail happens before clear_error().
    stream->flush();
    if (open)
      stream->close();
    stream->clear_error();
    stream.reset();
  }
  open = false;
  if (!temporary.empty()) {
    fs::remove(temporary);
    llvm::sys::DontRemoveFileOnSignal(temporary);
    temporary.clear();
  }
}

/// Creates a file in the directory of `target`: rename() is atomic within one file system only. The name is
/// short, for that of the target may be as long as the file system permits, and hidden, for a process that is
/// killed leaves it there. (fs::createUniqueFile() would replace every '%' of the directory's name.)
static std::error_code createBeside(llvm::StringRef target, llvm::SmallVectorImpl<char> &created,
                                    int &descriptor) {
  std::error_code error;
  for (int attempt = 0; attempt < 100; ++attempt) {
    llvm::StringRef directory = llvm::sys::path::parent_path(target);
    created.assign(directory.begin(), directory.end());
    llvm::sys::path::append(created, fmt::format(".vitc-{:08x}.tmp", llvm::sys::Process::GetRandomNumber()));
    error = fs::openFileForWrite(llvm::StringRef(created.data(), created.size()), descriptor,
                                 fs::CD_CreateNew, fs::OF_None, 0666);
    if (error != std::errc::file_exists)
      break;
  }
  return error;
}

llvm::Expected<OutputFile> OutputFile::create(llvm::StringRef path) {
  OutputFile file;
  file.target = path.str();
  if (path.empty() || path.contains('\0'))
    return makeError(ExitCode::Usage, "expected a file name for the output, got '{}'", path.str());

  fs::file_status status;
  bool exists = !fs::status(path, status);
  if (exists && status.type() == fs::file_type::directory_file)
    return makeError(ExitCode::Environment, "{}: expected a file name for the output, got a directory",
                     file.target);
  if (exists && status.type() != fs::file_type::regular_file) {
    std::error_code error;
    file.stream =
        std::make_unique<llvm::raw_fd_ostream>(path, error, fs::CD_OpenExisting, fs::FA_Write, fs::OF_None);
    if (error) {
      file.stream->clear_error();
      file.stream.reset();
      return makeError(ExitCode::Environment, "{}: cannot be written: {}", file.target, error.message());
    }
    file.open = true;
    return file;
  }
  if (exists) {
    llvm::SmallString<256> real; // through links, so that rename() replaces the file and not the link
    if (!fs::real_path(path, real))
      file.target = std::string(real);
  }
  int descriptor = -1;
  llvm::SmallString<256> created;
  if (std::error_code error = createBeside(file.target, created, descriptor))
    return makeError(ExitCode::Environment, "{}: cannot be written: {}", file.target, error.message());
  file.temporary = std::string(created);
  if (exists)
    fs::setPermissions(created, status.permissions()); // the user's choice for this file
  llvm::sys::RemoveFileOnSignal(file.temporary);
  file.stream = std::make_unique<llvm::raw_fd_ostream>(descriptor, /*shouldClose=*/true);
  file.open = true;
  return file;
}

llvm::raw_pwrite_stream &OutputFile::os() { return *stream; }

llvm::Error OutputFile::close() {
  if (!stream)
    return llvm::Error::success();
  stream->flush();
  stream->close();
  open = false;
  if (std::error_code error = stream->error()) {
    llvm::Error result =
        makeError(ExitCode::Environment, "{}: cannot be written: {}", target, error.message());
    discard();
    return result;
  }
  stream.reset();
  return llvm::Error::success();
}

llvm::Error OutputFile::commit() {
  if (llvm::Error error = close())
    return error;
  if (temporary.empty())
    return llvm::Error::success(); // a device, written in place
  if (executable) {
    auto mode = fs::getPermissions(temporary);
    if (mode)
      fs::setPermissions(temporary, *mode | static_cast<fs::perms>((*mode & 0444) >> 2));
  }
  if (std::error_code error = fs::rename(temporary, target)) {
    llvm::Error result =
        makeError(ExitCode::Environment, "{}: cannot be written: {}", target, error.message());
    discard();
    return result;
  }
  llvm::sys::DontRemoveFileOnSignal(temporary);
  temporary.clear();
  return llvm::Error::success();
}

llvm::Error vitc::writeFileAtomically(llvm::StringRef path, llvm::StringRef data) {
  llvm::Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  file->os() << data;
  return file->commit();
}

llvm::Error vitc::writeFileAtomically(llvm::StringRef path, llvm::ArrayRef<uint8_t> data) {
  return writeFileAtomically(path, llvm::StringRef(reinterpret_cast<const char *>(data.data()), data.size()));
}
