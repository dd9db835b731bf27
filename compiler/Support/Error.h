//===- Error.h - errors that carry an exit code -----------------------------------------------------===//
//
// Every failure of the compiler library is an llvm::Error of class UserError (or an LLVM error that the
// driver maps to ExitCode::Environment). The message says what was expected, what was found, where, and what
// to do.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_ERROR_H
#define COMPILER_SUPPORT_ERROR_H

#include "llvm/Support/Error.h"
#include <fmt/format.h>
#include <string>

namespace vitc {

/// Process exit codes of vitc.
enum class ExitCode {
  Done = 0,
  Input = 1,       ///< the input file or model is at fault
  Usage = 2,       ///< the command line is at fault
  Internal = 3,    ///< a bug of ours
  Environment = 4, ///< disk, memory, permission, driver
  OutOfBound = 5,  ///< a verification exceeded its bound
};

class UserError : public llvm::ErrorInfo<UserError> {
public:
  static char ID;
  UserError(ExitCode code, std::string message) : code(code), message(std::move(message)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;
  ExitCode getExitCode() const { return code; }
  const std::string &getMessage() const { return message; }

private:
  ExitCode code;
  std::string message;
};

/// Builds a UserError from a fmt format string: `return makeError(ExitCode::Input, "{}: expected ...",
/// path);`
template <typename... Args>
llvm::Error makeError(ExitCode code, fmt::format_string<Args...> format, Args &&...args) {
  return llvm::make_error<UserError>(code, fmt::format(format, std::forward<Args>(args)...));
}

/// The common case: the input is at fault.
template <typename... Args> llvm::Error inputError(fmt::format_string<Args...> format, Args &&...args) {
  return llvm::make_error<UserError>(ExitCode::Input, fmt::format(format, std::forward<Args>(args)...));
}

/// The exit code that `error` asks for; consumes nothing. LLVM's own errors count as Environment.
ExitCode exitCodeOf(const llvm::Error &error);

} // namespace vitc

#endif // COMPILER_SUPPORT_ERROR_H
