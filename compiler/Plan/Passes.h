//===- Passes.h - planning passes -------------------------------------------------------------------===//
#ifndef COMPILER_PLAN_PASSES_H
#define COMPILER_PLAN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace vitc {

#define GEN_PASS_DECL
#include "compiler/Plan/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compiler/Plan/Passes.h.inc"

} // namespace vitc

#endif // COMPILER_PLAN_PASSES_H
