//===- Console.h - where a command's results, warnings and progress go --------------------------------===//
#ifndef COMPILER_DRIVER_CONSOLE_H
#define COMPILER_DRIVER_CONSOLE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <functional>
#include <string>

namespace vitc {

class Console {
public:
  Console(llvm::raw_ostream &out, llvm::raw_ostream &err)
      : out(out), err(err), terminal(err.is_displayed()) {}
  ~Console() { clearProgress(); }

  /// Results of the command.
  llvm::raw_ostream &out;
  /// For results that have no place in `out`, which a file takes.
  llvm::raw_ostream &messages() {
    clearProgress();
    return err;
  }

  void warn(llvm::StringRef message);
  void note(llvm::StringRef message);
  /// Prints `error`, consumes it, and returns the exit code that it asks for.
  int fail(llvm::Error error);

  /// Shows one line that the next one replaces, at most ten times a second; nothing unless `err` is a
  /// terminal. Called from one thread at a time.
  void progress(llvm::StringRef stage, double fraction);
  void clearProgress();
  /// As the callback that libraries take; empty where nothing would be shown.
  std::function<void(llvm::StringRef, double)> progressCallback();

private:
  llvm::raw_ostream &err;
  bool terminal;
  bool shown = false;
  std::string lastStage;
  std::chrono::steady_clock::time_point lastTime;
};

} // namespace vitc

#endif // COMPILER_DRIVER_CONSOLE_H
