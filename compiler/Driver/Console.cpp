#include "compiler/Driver/Console.h"
#include "compiler/Driver/Text.h"
#include "compiler/Support/Error.h"
#include <algorithm>

using namespace vitc;

/// One line for a terminal: messages quote names that others chose.
static void printLine(llvm::raw_ostream &os, llvm::StringRef kind, llvm::StringRef message) {
  llvm::SmallVector<llvm::StringRef> lines;
  message.split(lines, '\n');
  os << "vitc: " << kind << ": ";
  for (size_t i = 0; i < lines.size(); ++i)
    os << (i ? "\n  " : "") << escapeControls(lines[i]);
  os << "\n";
}

void Console::warn(llvm::StringRef message) {
  clearProgress();
  printLine(err, "warning", message);
}

void Console::note(llvm::StringRef message) {
  clearProgress();
  printLine(err, "note", message);
}

int Console::fail(llvm::Error error) {
  clearProgress();
  out.flush(); // what was done comes before what went wrong
  ExitCode code = exitCodeOf(error);
  // Several errors are several messages: one for each picture that could not be read.
  llvm::handleAllErrors(std::move(error),
                        [&](const llvm::ErrorInfoBase &info) { printLine(err, "error", info.message()); });
  if (code == ExitCode::Internal)
    printLine(err, "note", "this is a bug of vitc: please report it, with the command line and the model");
  return static_cast<int>(code);
}

void Console::progress(llvm::StringRef stage, double fraction) {
  if (!terminal)
    return;
  auto now = std::chrono::steady_clock::now();
  if (stage == lastStage && now - lastTime < std::chrono::milliseconds(100))
    return;
  lastStage = stage.str();
  lastTime = now;
  int percent = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100);
  err << "\r\x1b[K" << stage;
  if (percent > 0)
    err << " " << percent << " %";
  err.flush();
  shown = true;
}

void Console::clearProgress() {
  if (shown)
    err << "\r\x1b[K";
  shown = false;
  lastStage.clear();
}

std::function<void(llvm::StringRef, double)> Console::progressCallback() {
  if (!terminal)
    return {};
  return [this](llvm::StringRef stage, double fraction) { progress(stage, fraction); };
}
