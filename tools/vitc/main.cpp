//===- main.cpp - the program vitc --------------------------------------------------------------------===//
#include "compiler/Driver/Driver.h"
#include "compiler/Support/Error.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/InitLLVM.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>

/// LLVM gives up: a bug of ours, unless memory ran out.
[[noreturn]] static void onFatalError(void *exitCode, const char *reason, bool) {
  std::fprintf(stderr, "vitc: error: %s\n", reason);
  std::_Exit(static_cast<int>(*static_cast<const vitc::ExitCode *>(exitCode)));
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::setBugReportMsg(
      "vitc: this is a bug of vitc: please report it, with the command line and the model\n");
  static vitc::ExitCode internal = vitc::ExitCode::Internal, environment = vitc::ExitCode::Environment;
  llvm::install_fatal_error_handler(onFatalError, &internal);
  llvm::install_bad_alloc_error_handler(onFatalError, &environment);
  // A reader that goes away (`vitc inspect … | head`) ends in a write error, so that temporary files are
  // removed.
  std::signal(SIGPIPE, SIG_IGN);

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
