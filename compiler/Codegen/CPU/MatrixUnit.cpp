#include "compiler/Codegen/CPU/MatrixUnit.h"
#include "dialect/IR/TileRegisters.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <array>

using namespace mlir;
using namespace vitc;
using vit::kRegisterBytes, vit::kRegisterRows, vit::kTileRegisters;

static constexpr int64_t kLineBytes = 4;                                // a pair or quad
static constexpr int64_t kRegisterLines = kRegisterBytes / kLineBytes;  // of A's depth
static constexpr int64_t kRegisterFloats = kRegisterBytes / kLineBytes; // in a row

namespace {

/// Which register holds what: sums first, then a register of A for each 16 rows, then one of B for each
/// vector of columns.
struct Registers {
  explicit Registers(Tile tile) : tile(tile), bands((tile.rows + kRegisterRows - 1) / kRegisterRows) {
    assert(vit::fitsTileRegisters(tile.rows, tile.vectors));
  }
  Tile tile;
  int64_t bands; ///< of at most 16 rows
  int64_t sum(int64_t band, int64_t vector) const { return band * tile.vectors + vector; }
  int64_t a(int64_t band) const { return bands * tile.vectors + band; }
  int64_t b(int64_t vector) const { return bands * tile.vectors + bands + vector; }
  int64_t rowsOf(int64_t band) const { return std::min(kRegisterRows, tile.rows - band * kRegisterRows); }
};

} // namespace

static void intrinsic(LeafBuilder &b, StringRef name, ValueRange operands) {
  LLVM::CallIntrinsicOp::create(b.b, b.loc, b.b.getStringAttr(("llvm.x86." + name).str()), operands);
}

static Value registerNumber(LeafBuilder &b, int64_t number) {
  return arith::ConstantIntOp::create(b.b, b.loc, number, 8);
}

static Value bytes(LeafBuilder &b, Value count) {
  return arith::IndexCastOp::create(b.b, b.loc, b.b.getI64Type(), count);
}

static Value addressOf(LeafBuilder &b, Value memref) {
  Value index = memref::ExtractAlignedPointerAsIndexOp::create(b.b, b.loc, memref);
  auto pointer = LLVM::LLVMPointerType::get(b.b.getContext());
  return LLVM::IntToPtrOp::create(b.b, b.loc, pointer, bytes(b, index));
}

/// A RegisterMatrix whose address is known.
namespace {
struct Rows {
  Rows(LeafBuilder &b, const RegisterMatrix &matrix)
      : base(addressOf(b, matrix.buffer)), offset(matrix.byte), stride(matrix.stride) {}
  Rows(Value base, Value offset, int64_t stride) : base(base), offset(offset), stride(stride) {}
  /// What begins at another row and byte.
  Rows at(LeafBuilder &b, int64_t row, int64_t byte) const {
    return {base, b.add(offset, row * stride + byte), stride};
  }
  Rows at(LeafBuilder &b, Value byte) const { return {base, b.add(offset, byte), stride}; }
  Value base, offset;
  int64_t stride;
};
} // namespace

static void moveRegister(LeafBuilder &b, StringRef name, int64_t number, const Rows &rows) {
  Value pointer = LLVM::GEPOp::create(b.b, b.loc, rows.base.getType(), b.b.getI8Type(), rows.base,
                                      ValueRange{bytes(b, rows.offset)});
  intrinsic(b, name, {registerNumber(b, number), pointer, bytes(b, b.index(rows.stride))});
}

/// The bytes that ldtilecfg reads: palette 1, then the row bytes and rows of each register.
static std::array<int8_t, 64> configuration(const Registers &registers) {
  std::array<int8_t, 64> config{1};
  auto set = [&](int64_t number, int64_t rows) {
    config[16 + 2 * number] = kRegisterBytes;
    config[48 + number] = static_cast<int8_t>(rows);
  };
  for (int64_t band = 0; band < registers.bands; ++band) {
    set(registers.a(band), registers.rowsOf(band));
    for (int64_t v = 0; v < registers.tile.vectors; ++v)
      set(registers.sum(band, v), registers.rowsOf(band));
  }
  for (int64_t v = 0; v < registers.tile.vectors; ++v)
    set(registers.b(v), kRegisterLines);
  return config;
}

void vitc::emitConfigureRegisters(LeafBuilder &b, Tile tile) {
  auto module = b.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  std::string name = "tile_config_" + std::to_string(tile.rows) + "x" + std::to_string(tile.vectors);
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    std::array<int8_t, 64> config = configuration(Registers(tile));
    auto tensor = RankedTensorType::get({static_cast<int64_t>(config.size())}, b.b.getI8Type());
    OpBuilder::InsertionGuard guard(b.b);
    b.b.setInsertionPointToEnd(module.getBody());
    global = LLVM::GlobalOp::create(b.b, b.loc, LLVM::LLVMArrayType::get(b.b.getI8Type(), config.size()),
                                    /*isConstant=*/true, LLVM::Linkage::Internal, name,
                                    DenseElementsAttr::get(tensor, ArrayRef<int8_t>(config)),
                                    /*alignment=*/config.size());
  }
  intrinsic(b, "ldtilecfg", {LLVM::AddressOfOp::create(b.b, b.loc, global)});
}

void vitc::emitReleaseRegisters(LeafBuilder &b) { intrinsic(b, "tilerelease", {}); }

/// One step: 16 lines of A and B, multiplied and added. Each register of A and B is loaded shortly before its
/// first use, so that loads and products overlap.
static void emitStep(LeafBuilder &b, const Registers &registers, int64_t vectors, StepKind kind,
                     const Rows &a, const Rows &w) {
  StringRef product = kind == StepKind::Pairs ? "tdpbf16ps" : "tdpbusd";
  for (int64_t band = 0; band < registers.bands; ++band) {
    moveRegister(b, "tileloadd64", registers.a(band), a.at(b, band * kRegisterRows, 0));
    for (int64_t v = 0; v < vectors; ++v) {
      if (band == 0)
        moveRegister(b, "tileloadd64", registers.b(v), w.at(b, 0, v * kRegisterBytes));
      intrinsic(b, product,
                {registerNumber(b, registers.sum(band, v)), registerNumber(b, registers.a(band)),
                 registerNumber(b, registers.b(v))});
    }
  }
}

void vitc::emitRegisterProduct(LeafBuilder &b, Tile tile, int64_t vectors, StepKind kind,
                               ArrayRef<RegisterPart> parts, const RegisterMatrix &sums) {
  Registers registers(tile);
  assert(vectors <= tile.vectors);
  for (int64_t band = 0; band < registers.bands; ++band)
    for (int64_t v = 0; v < vectors; ++v)
      intrinsic(b, "tilezero", {registerNumber(b, registers.sum(band, v))});
  for (const RegisterPart &part : parts) {
    assert(part.lines % kRegisterLines == 0);
    Rows left(b, part.a), right(b, part.b);
    b.loop(0, part.lines, kRegisterLines, [&](Value line) {
      emitStep(b, registers, vectors, kind, left.at(b, b.mul(line, kLineBytes)),
               right.at(b, b.mul(line, right.stride)));
    });
  }
  Rows result(b, sums);
  for (int64_t band = 0; band < registers.bands; ++band)
    for (int64_t v = 0; v < vectors; ++v)
      moveRegister(b, "tilestored64", registers.sum(band, v),
                   result.at(b, band * kRegisterRows, v * kRegisterBytes));
}

/// The last `count` lines, fewer than a register has: copied, and filled up with zeros on both sides. What
/// lies behind them in memory may be anything, and zero times it no number.
static RegisterPart emitTail(LeafBuilder &b, Tile tile, const PanelProduct &p, int64_t first, int64_t count) {
  auto weights = cast<MemRefType>(p.weights.getType());
  int64_t neighbours = kLineBytes * 8 / weights.getElementTypeBitWidth();
  int64_t width = weights.getDimSize(2) / neighbours;
  int64_t tailA = vit::registerSumFloats(tile.rows, width), tailB = tailA + tile.rows * kRegisterFloats;
  b.loop(0, tile.rows, 1, [&](Value i) {
    Value line = b.loadPairs(p.a, {b.add(p.row, i), b.index(first * neighbours)}, count);
    b.store(line, p.scratch, {b.add(b.mul(i, kRegisterFloats), tailA)});
  });
  for (int64_t line = 0; line < kRegisterLines; ++line)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value column = b.mul(b.add(p.column, v * b.lanes()), neighbours);
      Value values =
          line < count ? b.loadPairs(p.weights, {p.panel, b.index(first + line), column}) : b.splat(0.0);
      b.store(values, p.scratch, {b.index(tailB + (line * tile.vectors + v) * b.lanes())});
    }
  return {kRegisterLines,
          {p.scratch, b.index(tailA * kLineBytes), kRegisterBytes},
          {p.scratch, b.index(tailB * kLineBytes), tile.vectors * kRegisterBytes}};
}

void vitc::emitPanelProduct(LeafBuilder &b, Tile tile, const PanelProduct &p) {
  auto a = cast<MemRefType>(p.a.getType()), weights = cast<MemRefType>(p.weights.getType());
  int64_t elementBytes = a.getElementTypeBitWidth() / 8;
  int64_t stride = a.getStridesAndOffset().first[0] * elementBytes;
  int64_t lineBytes = weights.getDimSize(2) * elementBytes; // of all columns
  Value column = b.mul(p.column, kLineBytes);

  int64_t whole = p.lines / kRegisterLines * kRegisterLines;
  SmallVector<RegisterPart> parts;
  if (whole > 0)
    parts.push_back({whole,
                     {p.a, b.mul(p.row, stride), stride},
                     {p.weights, b.add(b.mul(p.panel, p.lines * lineBytes), column), lineBytes}});
  if (whole < p.lines)
    parts.push_back(emitTail(b, tile, p, whole, p.lines - whole));
  emitRegisterProduct(b, tile, tile.vectors, p.kind, parts, {p.scratch, column, lineBytes});
}
