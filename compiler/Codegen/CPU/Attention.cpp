#include "compiler/Codegen/CPU/Attention.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace vitc;

int64_t vitc::channelSteps(MemRefType planes) {
  return planes.getDimSize(2) * planes.getElementTypeBitWidth() / 32;
}

void vitc::emitTransposedRows(LeafBuilder &b, Value planes, Value plane, Value first, int64_t count,
                              int64_t lines, Value scratch, llvm::function_ref<Value(Value, Value)> at) {
  auto type = cast<MemRefType>(planes.getType());
  bool pairs = type.getElementType().isBF16();
  int64_t lanes = b.lanes(), steps = channelSteps(type), wholeRows = count / lanes * lanes;
  auto block = [&](Value column, int64_t present) { // `present` rows, at most lanes
    auto transposed = [&](Value d, int64_t channels, int64_t stored) {
      SmallVector<Value> rows(lanes, b.splat(0.0));
      for (int64_t i = 0; i < present; ++i) {
        Value row = b.add(first, b.add(column, i));
        rows[i] = pairs ? b.loadPairs(planes, {plane, row, b.mul(d, 2)}, channels)
                        : b.load(planes, {plane, row, d});
      }
      rows = b.transpose(rows);
      for (int64_t i = 0; i < stored; ++i)
        b.store(rows[i], scratch, {at(b.add(d, i), column)});
    };
    int64_t whole = steps / lanes * lanes;
    b.loop(0, whole, lanes, [&](Value d) { transposed(d, lanes, lanes); });
    if (whole < steps) // planes are as wide as vectors of f32, which hold two vectors of pairs
      transposed(b.index(whole), steps - whole, lines - whole);
  };
  b.loop(0, wholeRows, lanes, [&](Value column) { block(column, lanes); });
  if (wholeRows < count)
    block(b.index(wholeRows), count - wholeRows);
}

void vitc::emitPairedRows(LeafBuilder &b, Value planes, Value plane, int64_t lines, Value scratch,
                          int64_t offset) {
  auto type = cast<MemRefType>(planes.getType());
  int64_t rows = type.getDimSize(1), width = type.getDimSize(2);
  auto line = [&](Value pair, llvm::function_ref<Value(Value c)> value) {
    b.loop(0, width, b.lanes(),
           [&](Value c) { b.store(value(c), scratch, {b.add(b.add(b.mul(pair, width), c), offset)}); });
  };
  b.loop(0, rows / 2, 1, [&](Value pair) {
    line(pair, [&](Value c) {
      Value row = b.mul(pair, 2);
      return b.pairRows(planes, {plane, row, c}, {plane, b.add(row, 1), c});
    });
  });
  if (rows % 2)
    line(b.index(rows / 2), [&](Value c) { return b.pairRows(planes, {plane, b.index(rows - 1), c}, {}); });
  b.loop((rows + 1) / 2, lines, 1, [&](Value pair) { line(pair, [&](Value) { return b.splat(0.0); }); });
}

std::string vitc::attentionKernelName(StringRef what, vit::PlanAttentionOp op, int64_t count) {
  std::string text, clean;
  llvm::raw_string_ostream(text) << what << '_' << count << '_' << op.getQuery().getType()
                                 << op.getKey().getType() << op.getValue().getType()
                                 << op.getOutput().getType() << op.getTile()[0]
                                 << (op.getMatrixUnit() ? "m" : "") << (op.getBase2() ? "base2" : "")
                                 << (op.getLinear() ? "linear" : "") << (op.getBias() ? "bias" : "");
  for (char c : text)
    clean += llvm::isAlnum(c) ? c : '_';
  return clean;
}
