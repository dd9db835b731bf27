//===- EmitElementwise.cpp - copies, sums, means, patches -------------------------------------------===//
#include "compiler/Codegen/CPU/Emitter.h"
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "compiler/Codegen/CPU/Rows.h"
#include "dialect/IR/VerifyUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

/// `width` columns of `input` from `from` on to those of `output` from `to` on, and no others.
static void copyColumns(LeafBuilder &b, Value input, Value output, Value row, Value from, Value to,
                        int64_t width) {
  int64_t whole = width / b.lanes() * b.lanes();
  auto in = [&](Value k) { return SmallVector<Value>{row, b.add(from, k)}; };
  auto out = [&](Value k) { return SmallVector<Value>{row, b.add(to, k)}; };
  b.loop(0, whole, b.lanes(), [&](Value k) { b.store(b.load(input, in(k)), output, out(k)); });
  // Outputs end with their last element: no vector may reach behind it.
  b.loop(whole, width, 1, [&](Value k) { b.storeScalar(b.loadScalar(input, in(k)), output, out(k)); });
}

void vitc::emitCopy(LeafBuilder &b, vit::PlanCopyOp op, ValueRange args) {
  Value input = args[0], output = args[1];
  int64_t groups = op.getGroups().value_or(1), from = op.getInput().getType().getDimSize(1) / groups;
  int64_t width = op.getOutput().getType().getDimSize(1) / groups;
  auto [lo, hi] = evenPart(b, args.back(), op.getInput().getType().getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    b.loop(0, groups, 1, [&](Value group) {
      copyColumns(b, input, output, row, b.mul(group, from), b.mul(group, width), width);
    });
    b.padPair(output, row);
  });
}

void vitc::emitJoin(LeafBuilder &b, vit::PlanJoinOp op, ValueRange args) {
  Value output = args[op.getInputs().size()];
  auto [lo, hi] = evenPart(b, args.back(), op.getOutput().getType().getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value row) {
    int64_t first = 0;
    for (Value input : args.take_front(op.getInputs().size())) {
      int64_t width = cast<MemRefType>(input.getType()).getDimSize(1);
      copyColumns(b, input, output, row, b.index(0), b.index(first), width);
      first += width;
    }
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

void vitc::emitMax(LeafBuilder &b, vit::PlanMaxOp op, ValueRange args) {
  Value input = args[0], output = args[1];
  auto type = op.getInput().getType();
  b.loop(0, b.vectorsFor(type.getDimSize(1)) * b.lanes(), b.lanes(), [&](Value k) {
    Value first = b.load(input, {b.index(0), k});
    auto largest =
        b.loopCarry(b.index(1), b.index(type.getDimSize(0)), 1, {first}, [&](Value row, ValueRange carried) {
          // The larger, or what is read if that is NaN; a NaN that was read before stays.
          Value larger = b.maxf(carried[0], b.load(input, {row, k}));
          Value isNan = arith::CmpFOp::create(b.b, b.loc, arith::CmpFPredicate::UNO, carried[0], carried[0]);
          Value next = arith::SelectOp::create(b.b, b.loc, isNan, carried[0], larger);
          return SmallVector<Value>{next};
        });
    b.store(largest[0], output, {b.index(0), k});
  });
}

namespace {

/// Reads the elements of an image's patches one by one: widened, normalised, zero outside of the image.
class PatchReader {
public:
  PatchReader(LeafBuilder &b, vit::PlanGatherOp op, Value input)
      : b(b), op(op), input(input), image(vit::imageExtent(op.getInput().getType(), op.getChannelsLast())) {
    pixels = cast<MemRefType>(input.getType()).getElementType().isInteger(8);
    auto padding = op.getPadding();
    padded = llvm::any_of(padding, [](int64_t p) { return p != 0; });
    across = vit::patchCount(image.width + padding[1] + padding[3], op.getSize()[1], op.getStride()[1]);
  }

  int64_t channels() const { return image.channels; }
  int64_t patchesAcross() const { return across; }
  bool normalises() { return op.getFactors().has_value(); }
  /// Whether rows of a patch are rows of the image as they are, which vectors can copy.
  bool copies() { return !pixels && !padded && !normalises() && !op.getChannelsLast(); }

  /// The element of channel `c`, number `number`, at row and column of the padded image.
  Value element(Value c, int64_t number, Value row, Value column) {
    Value y = b.add(row, -op.getPadding()[0]), x = b.add(column, -op.getPadding()[1]);
    Value inside;
    if (padded) { // what is above or left of the image wraps around to numbers behind it
      auto within = [&](Value i, int64_t size) -> Value {
        return arith::CmpIOp::create(b.b, b.loc, arith::CmpIPredicate::ult, i, b.index(size));
      };
      inside = arith::AndIOp::create(b.b, b.loc, within(y, image.height), within(x, image.width));
      y = b.min(y, b.index(image.height - 1));
      x = b.min(x, b.index(image.width - 1));
    }
    SmallVector<Value> at{c, y, x};
    if (pixels || op.getChannelsLast())
      at = {y, x, c};
    Value value = b.loadScalar(input, at);
    if (pixels) {
      Value byte = arith::ExtUIOp::create(b.b, b.loc, b.b.getI32Type(), value);
      value = arith::SIToFPOp::create(b.b, b.loc, b.b.getF32Type(), byte);
    }
    if (normalises())
      value =
          b.addf(b.mulf(value, b.scalar((*op.getFactors())[number])), b.scalar((*op.getShifts())[number]));
    return padded ? arith::SelectOp::create(b.b, b.loc, inside, value, b.scalar(0.0)).getResult() : value;
  }

private:
  LeafBuilder &b;
  vit::PlanGatherOp op;
  Value input;
  vit::ImageExtent image;
  int64_t across;
  bool pixels, padded;
};

} // namespace

void vitc::emitGather(LeafBuilder &b, vit::PlanGatherOp op, ValueRange args) {
  Value input = args[0], output = args[1];
  PatchReader reader(b, op, input);
  auto size = op.getSize(), stride = op.getStride();
  bool vectors = reader.copies() && size[1] % b.lanes() == 0;
  auto [lo, hi] = evenPart(b, args.back(), op.getOutput().getType().getDimSize(0), op.getChunks());
  b.loop(lo, hi, 1, [&](Value patch) {
    Value top = b.mul(b.div(patch, reader.patchesAcross()), stride[0]);
    Value left = b.mul(b.rem(patch, reader.patchesAcross()), stride[1]);
    auto channel = [&](Value c, int64_t number) {
      b.loop(0, size[0], 1, [&](Value i) {
        Value column = b.mul(b.add(b.mul(c, size[0]), i), size[1]);
        Value y = b.add(top, i);
        b.loop(0, size[1], vectors ? b.lanes() : 1, [&](Value j) {
          Value x = b.add(left, j), to = b.add(column, j);
          if (vectors)
            b.store(b.load(input, {c, y, x}), output, {patch, to});
          else
            b.storeScalar(reader.element(c, number, y, x), output, {patch, to});
        });
      });
    };
    if (reader.normalises()) // each channel has its constants
      for (int64_t c = 0; c < reader.channels(); ++c)
        channel(b.index(c), c);
    else
      b.loop(0, reader.channels(), 1, [&](Value c) { channel(c, 0); });
    b.padPair(output, patch);
  });
}
