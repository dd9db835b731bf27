//===- main.cpp - the program vitc --------------------------------------------------------------------===//
#include "compiler/Driver/Driver.h"
#include "compiler/Support/Error.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Signals.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <new>
#include <system_error>
#include <typeinfo>

/// Ends the process as a signal would: temporary files do not stay.
[[noreturn]] static void fail(vitc::ExitCode code, const char *reason) {
  std::fprintf(stderr, "vitc: error: %s\n", reason);
  llvm::sys::RunInterruptHandlers();
  std::_Exit(static_cast<int>(code));
}

/// LLVM gives up: a bug of ours.
[[noreturn]] static void onFatalError(void *, const char *reason, bool) {
  fail(vitc::ExitCode::Internal, reason);
}

[[noreturn]] static void onBadAlloc(void *, const char *, bool) {
  fail(vitc::ExitCode::Environment, "out of memory");
}

/// The standard library threw, and nobody catches: memory or threads ran out, or it is a bug of ours.
[[noreturn]] static void onTerminate() {
  const std::type_info *type = abi::__cxa_current_exception_type();
  if (type && (*type == typeid(std::bad_alloc) || *type == typeid(std::bad_array_new_length)))
    onBadAlloc(nullptr, nullptr, false);
  if (type && *type == typeid(std::system_error))
    fail(vitc::ExitCode::Environment,
         "could not start a thread: expected more memory (ulimit -v) or processes (ulimit -u)");
  fail(vitc::ExitCode::Internal,
       "this is a bug of vitc: please report it, with the command line and the model");
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::setBugReportMsg(
      "vitc: this is a bug of vitc: please report it, with the command line and the model\n");
  llvm::install_fatal_error_handler(onFatalError);
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  std::set_terminate(onTerminate);
  // A reader that goes away (`vitc inspect … | head`) and a limit on the size of files end in a write error,
  // so that temporary files are removed.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);

  int code = vitc::runCommand(llvm::ArrayRef(argv + 1, argv + argc), llvm::outs(), llvm::errs());
  llvm::outs().flush();
  if (std::error_code error = llvm::outs().error()) {
    llvm::outs().clear_error();
    if (error != std::errc::broken_pipe)
      llvm::errs() << "vitc: error: standard output: " << error.message() << "\n";
    if (code == 0)
      code = static_cast<int>(vitc::ExitCode::Environment);
  }
  llvm::errs().clear_error(); // nobody is left to tell
  return code;
}
