//===- Registration.h - the dialects and passes that vitc uses --------------------------------------===//
#ifndef COMPILER_PIPELINE_REGISTRATION_H
#define COMPILER_PIPELINE_REGISTRATION_H

#include "mlir/IR/DialectRegistry.h"

namespace vitc {

/// Adds every dialect that a vitc module may hold at any phase.
void registerDialects(mlir::DialectRegistry &registry);

/// Makes every pass and named pipeline available to vit-opt's command line.
void registerPasses();

} // namespace vitc

#endif // COMPILER_PIPELINE_REGISTRATION_H
