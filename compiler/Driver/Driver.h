//===- Driver.h - the program vitc as a function ------------------------------------------------------===//
#ifndef COMPILER_DRIVER_DRIVER_H
#define COMPILER_DRIVER_DRIVER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"

namespace vitc {

/// Runs `vitc ARGS…` (without the program's name) and returns its exit code (compiler/Support/Error.h).
/// Results go to `out`; messages, warnings and, on a terminal, progress go to `err`. Keeps no state between
/// calls.
int runCommand(llvm::ArrayRef<const char *> args, llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace vitc

#endif // COMPILER_DRIVER_DRIVER_H
