//===- VitEnums.h - the enumerations of the vit dialect, without its operations ---------------------===//
#ifndef DIALECT_IR_VITENUMS_H
#define DIALECT_IR_VITENUMS_H

#include "mlir/IR/OpImplementation.h"

#include "dialect/IR/VitEnums.h.inc"

#endif // DIALECT_IR_VITENUMS_H
