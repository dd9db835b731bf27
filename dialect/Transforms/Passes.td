//===- Passes.td - passes from vit to vit -----------------------------------------------------------===//

#ifndef DIALECT_TRANSFORMS_PASSES_TD
#define DIALECT_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // DIALECT_TRANSFORMS_PASSES_TD
