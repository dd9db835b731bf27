//===- EmitElementwise.cpp - copies, sums, means, patches -------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/Rows.h"
#include "dialect/IR/VerifyUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

void vitc::emitCopy(LeafBuilder &b, vit::PlanCopyOp op, ValueRange args) {
  Value input = args[0], output = args[1];
  int64_t groups = op.getGroups().value_or(1), from = op.getInput().getType().getDimSize(1) / groups;
  int64_t width = op.getOutput().getType().getDimSize(1) / groups, whole = width / b.lanes() * b.lanes();
  auto [lo, hi] = evenPart(b, args.back(), op.getInput().getType().getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    b.loop(0, groups, 1, [&](Value group) {
      auto in = [&](Value k) { return SmallVector<Value>{row, b.add(b.mul(group, from), k)}; };
      auto out = [&](Value k) { return SmallVector<Value>{row, b.add(b.mul(group, width), k)}; };
      b.loop(0, whole, b.lanes(), [&](Value k) { b.store(b.load(input, in(k)), output, out(k)); });
      // Outputs end with their last element: no vector may reach behind it.
      b.loop(whole, width, 1, [&](Value k) { b.storeScalar(b.loadScalar(input, in(k)), output, out(k)); });
    });
    b.padPair(output, row);
  });
}

void vitc::emitQuantize(LeafBuilder &b, vit::PlanQuantizeOp op, ValueRange args) {
  Value input = args[0], output = args[1], scales = args[2];
  auto type = op.getInput().getType();
  auto [lo, hi] = evenPart(b, args.back(), type.getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    emitQuantizedRow(
        b, type.getDimSize(1), [&](Value k) { return b.load(input, {row, k}); }, Value(), output, scales,
        op.getGiven(), row);
  });
}

void vitc::emitMap(LeafBuilder &b, vit::PlanMapOp op, ValueRange args) {
  size_t inputs = op.getInputs().size();
  Value output = args[inputs];
  auto type = op.getOutput().getType();
  auto [lo, hi] = evenPart(b, args.back(), type.getDimSize(0), op.getChunks());
  double factor = op.getFactor().convertToDouble();
  b.loop(lo, hi, 1, [&](Value row) {
    b.loop(0, b.vectorsFor(type.getDimSize(1)) * b.lanes(), b.lanes(), [&](Value k) {
      Value y = b.load(args[0], {row, k});
      for (size_t i = 1; i < inputs; ++i)
        y = b.addf(y, b.load(args[i], {row, k}));
      if (factor != 1.0)
        y = b.mulf(y, b.splat(factor));
      if (auto activation = op.getActivation())
        y = emitActivation(b, *activation, y, accuracyOf(output));
      b.store(y, output, {row, k});
    });
  });
}

void vitc::emitMean(LeafBuilder &b, vit::PlanMeanOp op, ValueRange args) {
  Value input = args[0], output = args[1];
  auto type = op.getInput().getType();
  int64_t rows = type.getDimSize(0);
  b.loop(0, b.vectorsFor(type.getDimSize(1)) * b.lanes(), b.lanes(), [&](Value k) {
    auto sum = b.loopCarry(b.index(0), b.index(rows), 1, {b.splat(0.0)}, [&](Value row, ValueRange carried) {
      return SmallVector<Value>{b.addf(carried[0], b.load(input, {row, k}))};
    });
    b.store(b.mulf(sum[0], b.splat(1.0 / static_cast<double>(rows))), output, {b.index(0), k});
  });
}

void vitc::emitGather(LeafBuilder &b, vit::PlanGatherOp op, ValueRange args) {
  Value input = args[0], output = args[1];
  vit::ImageExtent image = vit::imageExtent(op.getInput().getType());
  bool pixels = cast<MemRefType>(op.getInput().getType()).getElementType().isInteger(8);
  auto size = op.getSize(), stride = op.getStride();
  int64_t across = vit::patchCount(image.width, size[1], stride[1]);
  int64_t patches = op.getOutput().getType().getDimSize(0);
  bool vectors = !pixels && size[1] % b.lanes() == 0;

  auto [lo, hi] = evenPart(b, args.back(), patches, op.getChunks());
  b.loop(lo, hi, 1, [&](Value patch) {
    Value top = b.mul(b.div(patch, across), stride[0]), left = b.mul(b.rem(patch, across), stride[1]);
    b.loop(0, image.channels, 1, [&](Value c) {
      b.loop(0, size[0], 1, [&](Value i) {
        Value column = b.mul(b.add(b.mul(c, size[0]), i), size[1]);
        Value y = b.add(top, i);
        b.loop(0, size[1], vectors ? b.lanes() : 1, [&](Value j) {
          Value x = b.add(left, j), to = b.add(column, j);
          if (vectors)
            return b.store(b.load(input, {c, y, x}), output, {patch, to});
          if (!pixels)
            return b.storeScalar(b.loadScalar(input, {c, y, x}), output, {patch, to});
          Value byte = arith::ExtUIOp::create(b.b, b.loc, b.b.getI32Type(), b.loadScalar(input, {y, x, c}));
          b.storeScalar(arith::SIToFPOp::create(b.b, b.loc, b.b.getF32Type(), byte), output, {patch, to});
        });
      });
    });
    b.padPair(output, patch);
  });
}
