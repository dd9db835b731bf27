#include "dialect/IR/VitOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vit;

#include "dialect/IR/VitAttrInterfaces.cpp.inc"
#include "dialect/IR/VitDialect.cpp.inc"
#include "dialect/IR/VitEnums.cpp.inc"
#include "dialect/IR/VitOpInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/IR/VitAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialect/IR/VitOps.cpp.inc"

void VitDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/IR/VitAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/IR/VitOps.cpp.inc"
      >();
}

LogicalResult IsaAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, unsigned lanes,
                              unsigned tileRows, unsigned tileVectors, unsigned panel, bool fma) {
  if (lanes == 0 || tileRows == 0 || tileVectors == 0)
    return emitError() << "expected positive lanes and tile sizes";
  if (panel == 0 || panel % (lanes * tileVectors) != 0)
    return emitError() << "expected a panel that is a multiple of the tile's " << lanes * tileVectors
                       << " columns, got " << panel;
  return success();
}
