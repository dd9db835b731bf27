#include "dialect/IR/TileRegisters.h"
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

template <> struct mlir::FieldParser<vit::TileSize> {
  static FailureOr<vit::TileSize> parse(AsmParser &parser) {
    vit::TileSize tile;
    if (parser.parseInteger(tile.rows) || parser.parseKeyword("x") || parser.parseInteger(tile.vectors))
      return failure();
    return tile;
  }
};

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

bool IsaAttr::hasTilesFor(Type element) const {
  return (element.isBF16() && getBf16() == Bf16Unit::Tiles) ||
         (element.isInteger(8) && getInt8() == Int8Unit::Tiles);
}

TileSize IsaAttr::tileFor(Type element) const {
  TileSize own = element.isBF16() ? getBf16Tile() : element.isInteger(8) ? getInt8Tile() : TileSize();
  return own == TileSize() ? getTile() : own;
}

LogicalResult IsaAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, unsigned lanes,
                              TileSize tile, unsigned panel, bool fma, Bf16Unit bf16, TileSize bf16Tile,
                              Int8Unit int8, TileSize int8Tile) {
  constexpr unsigned kMost = 64;
  if (!llvm::isPowerOf2_32(lanes) || lanes > kMost)
    return emitError() << "expected a power of two of 1 to " << kMost << " lanes, got " << lanes
                       << " (isa_c1)";
  for (auto [size, optional] : {std::pair(tile, false), {bf16Tile, true}, {int8Tile, true}}) {
    if (optional && size == TileSize())
      continue;
    for (unsigned extent : {size.rows, size.vectors})
      if (extent == 0 || extent > kMost)
        return emitError() << "expected tile sizes of 1 to " << kMost << ", got " << extent << " (isa_c1)";
    if (panel == 0 || panel % (lanes * size.vectors) != 0)
      return emitError() << "expected a panel that is a multiple of the tile's " << lanes * size.vectors
                         << " columns, got " << panel << " (isa_c2)";
  }
  for (auto [unit, size] :
       {std::pair(bf16 == Bf16Unit::Tiles, bf16Tile), {int8 == Int8Unit::Tiles, int8Tile}})
    if (unit && (lanes * 4 != kRegisterBytes || !fitsTileRegisters(size.rows, size.vectors)))
      return emitError() << "expected 16 lanes, and a tile that fits " << kTileRegisters << " registers of "
                         << kRegisterRows << " rows, got " << lanes << " lanes and " << size.rows << " x "
                         << size.vectors << " (isa_c3)";
  // The instructions there are, by what they multiply in a vector of how many lanes.
  bool dots = bf16 == Bf16Unit::Dot, byteDots = int8 == Int8Unit::Dot, madds = int8 == Int8Unit::Madd;
  if ((dots && lanes != 16) || (byteDots && lanes != 8 && lanes != 16) ||
      (madds && lanes != 4 && lanes != 8 && lanes != 16))
    return emitError() << "expected 16 lanes for dots of bf16, 8 or 16 for dots of int8, 4, 8 or 16 for "
                          "madd, got "
                       << lanes << " (isa_c4)";
  return success();
}
