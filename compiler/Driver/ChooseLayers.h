//===- ChooseLayers.h - compile --calibrate and --max-error -------------------------------------------===//
#ifndef COMPILER_DRIVER_CHOOSELAYERS_H
#define COMPILER_DRIVER_CHOOSELAYERS_H

#include "compiler/Driver/OpenModel.h"

namespace vitc {

/// Checks what the command line alone says of --calibrate and --max-error; `phase` is the one to print, if
/// any. Errors: Usage.
llvm::Error checkLayerOptions(const Arguments &arguments, Precision precision, std::optional<Phase> phase);

/// Fills in `options.layers` as --calibrate and --max-error ask, and returns the table that says what was
/// chosen and why; empty without them. Errors: Input, where the bound cannot be met, or the pictures or the
/// model cannot be used.
llvm::Expected<std::string> chooseLayers(const Model &model, const Arguments &arguments,
                                         CompileOptions &options, Console &console);

} // namespace vitc

#endif // COMPILER_DRIVER_CHOOSELAYERS_H
