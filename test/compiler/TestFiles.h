//===- TestFiles.h - temporary directories and error checks for unit tests --------------------------===//
#ifndef TEST_COMPILER_TESTFILES_H
#define TEST_COMPILER_TESTFILES_H

#include "compiler/Support/Error.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <string>

namespace vitc::test {

/// A directory that lives as long as the object.
class TempDir {
public:
  TempDir() {
    llvm::SmallString<128> created;
    if (llvm::sys::fs::createUniqueDirectory("vitc-test", created))
      ADD_FAILURE() << "no temporary directory";
    directory = std::string(created);
  }
  ~TempDir() { llvm::sys::fs::remove_directories(directory); }
  TempDir(const TempDir &) = delete;

  const std::string &path() const { return directory; }
  std::string file(llvm::StringRef name) const {
    llvm::SmallString<128> result(directory);
    llvm::sys::path::append(result, name);
    return std::string(result);
  }
  /// Writes a file and returns its path.
  std::string write(llvm::StringRef name, llvm::StringRef text) const {
    std::error_code error;
    llvm::raw_fd_ostream os(file(name), error);
    EXPECT_FALSE(error) << error.message();
    os << text;
    return file(name);
  }
  /// Names in the directory, sorted, joined by spaces.
  std::string list() const {
    std::vector<std::string> names;
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(directory, error), end; it != end && !error;
         it.increment(error))
      names.push_back(llvm::sys::path::filename(it->path()).str());
    std::sort(names.begin(), names.end());
    std::string result;
    for (const std::string &name : names)
      result += (result.empty() ? "" : " ") + name;
    return result;
  }

private:
  std::string directory;
};

inline std::string readFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : std::string("<unreadable>");
}

/// Consumes an error and checks its exit code and that the message holds all `parts`.
inline void expectError(llvm::Error error, ExitCode code, std::initializer_list<llvm::StringRef> parts) {
  ASSERT_TRUE(static_cast<bool>(error)) << "expected an error with '" << parts.begin()->str() << "'";
  EXPECT_EQ(static_cast<int>(exitCodeOf(error)), static_cast<int>(code));
  std::string message = llvm::toString(std::move(error));
  for (llvm::StringRef part : parts)
    EXPECT_NE(message.find(part.str()), std::string::npos) << "no '" << part.str() << "' in: " << message;
}
template <typename T>
void expectError(llvm::Expected<T> value, ExitCode code, std::initializer_list<llvm::StringRef> parts) {
  expectError(value.takeError(), code, parts);
}

/// The value, or a test failure with the error's message.
template <typename T> std::optional<T> get(llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  ADD_FAILURE() << llvm::toString(value.takeError());
  return std::nullopt;
}

} // namespace vitc::test

#endif // TEST_COMPILER_TESTFILES_H
