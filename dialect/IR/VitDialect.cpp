#include "dialect/IR/VitOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vit;

// Arrays of f64 in the formats of ops and steps. The builtin printer of array attributes rounds to six
// digits, and printed IR must compile to the same bits.
static ParseResult parseDoubles(AsmParser &parser, DenseF64ArrayAttr &attr) {
  SmallVector<double> values;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parser.parseFloat(values.emplace_back()); }))
    return failure();
  attr = parser.getBuilder().getDenseF64ArrayAttr(values);
  return success();
}
static void printDoubles(AsmPrinter &printer, DenseF64ArrayAttr attr) {
  printer << '[';
  llvm::interleaveComma(attr.asArrayRef(), printer,
                        [&](double value) { printer.printFloat(llvm::APFloat(value)); });
  printer << ']';
}
static void printDoubles(AsmPrinter &printer, Operation *, DenseF64ArrayAttr attr) {
  printDoubles(printer, attr);
}

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
                              unsigned tileRows, unsigned tileVectors, unsigned panel, bool fma,
                              Bf16Unit bf16, Int8Unit int8) {
  for (unsigned size : {lanes, tileRows, tileVectors})
    if (size == 0 || size > 64)
      return emitError() << "expected lanes and tile sizes of 1 to 64, got " << size << " (isa_c1)";
  if (panel == 0 || panel % (lanes * tileVectors) != 0)
    return emitError() << "expected a panel that is a multiple of the tile's " << lanes * tileVectors
                       << " columns, got " << panel << " (isa_c2)";
  return success();
}
