//===- EmitRope.cpp - rotary positions of head planes -----------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

/// Neighbouring lanes exchanged, the first of each pair with the other sign: (a, b) to (-b, a).
static Value quarterTurn(LeafBuilder &b, Value x) {
  SmallVector<int64_t> swap;
  SmallVector<float> signs;
  for (int64_t i = 0; i < b.lanes(); ++i) {
    swap.push_back(i ^ 1);
    signs.push_back(i % 2 ? 1 : -1);
  }
  Value sign =
      arith::ConstantOp::create(b.b, b.loc, DenseElementsAttr::get(b.vecType, ArrayRef<float>(signs)));
  return b.mulf(vector::ShuffleOp::create(b.b, b.loc, x, x, swap), sign);
}

void vitc::emitRope(LeafBuilder &b, vit::PlanRopeOp op, ValueRange args) {
  Value input = args[0], cos = args[1], sin = args[2], output = args[3], chunk = args.back();
  auto type = op.getOutput().getType();
  int64_t planes = type.getDimSize(0), rows = type.getDimSize(1), width = type.getDimSize(2);
  int64_t first = op.getFirst(), rotated = op.getCos().getType().getDimSize(0);
  int64_t parts = static_cast<int64_t>(op.getChunks()) / planes;
  bool perPlane = op.getCos().getType().getDimSize(1) != width;

  Value plane = b.div(chunk, parts);
  auto [lo, hi] = evenPart(b, b.rem(chunk, parts), rows, parts);
  auto forRows = [&](int64_t begin, int64_t end, llvm::function_ref<Value(Value, Value, Value)> value) {
    b.loop(b.max(lo, b.index(begin)), b.min(hi, b.index(end)), 1, [&](Value row) {
      b.loop(0, width, b.lanes(), [&](Value k) {
        b.store(value(b.load(input, {plane, row, k}), row, k), output, {plane, row, k});
      });
    });
  };
  auto pass = [](Value x, Value, Value) { return x; };
  auto rotate = [&](Value x, Value row, Value k) {
    SmallVector<Value> at{b.add(row, -first), perPlane ? b.add(b.mul(plane, width), k) : k};
    return b.fma(quarterTurn(b, x), b.load(sin, at), b.mulf(x, b.load(cos, at)));
  };
  if (first > 0)
    forRows(0, first, pass);
  forRows(first, first + rotated, rotate);
  if (first + rotated < rows)
    forRows(first + rotated, rows, pass);
}
