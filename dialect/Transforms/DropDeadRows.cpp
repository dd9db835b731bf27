//===- DropDeadRows.cpp - vit-drop-dead-rows ---------------------------------------------------------===//
#include "dialect/IR/VitOps.h"
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_DROPDEADROWS
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

namespace {
/// Rows [first, first + count).
struct Rows {
  int64_t first, count;
};
} // namespace

static int64_t rowsOf(Value tokens) { return cast<RankedTensorType>(tokens.getType()).getDimSize(0); }

static RankedTensorType withRows(Value tokens, int64_t count) {
  auto type = cast<RankedTensorType>(tokens.getType());
  return RankedTensorType::get({count, type.getDimSize(1)}, type.getElementType());
}

/// The rows of `op`'s result that are read, if every reader is a slice and they leave rows out: the range
/// that covers them. Any other reader, such as the function's return, needs all rows.
static std::optional<Rows> liveRows(Operation *op) {
  if (op->getNumResults() != 1 || op->use_empty())
    return std::nullopt;
  int64_t begin = std::numeric_limits<int64_t>::max(), end = 0;
  for (Operation *user : op->getUsers()) {
    auto slice = dyn_cast<SliceOp>(user);
    if (!slice)
      return std::nullopt;
    int64_t first = slice.getFirst();
    begin = std::min(begin, first);
    end = std::max(end, first + rowsOf(slice.getResult()));
  }
  if (end - begin == rowsOf(op->getResult(0)))
    return std::nullopt;
  return Rows{begin, end - begin};
}

/// The operands whose row i alone, of theirs, decides row i of the result; empty for ops that rows cannot be
/// dropped from. Attention's keys and values are read whole by every query row.
static SmallVector<unsigned> rowOperands(Operation *op) {
  return TypeSwitch<Operation *, SmallVector<unsigned>>(op)
      .Case<LinearOp, LayerNormOp, LayerScaleOp, ActivationOp, SoftmaxOp>(
          [](auto) { return SmallVector<unsigned>({0u}); })
      // A bias has rows of queries in every head, which are not sliced.
      .Case([](AttentionOp attention) {
        return attention.getBias() ? SmallVector<unsigned>() : SmallVector<unsigned>({0u});
      })
      .Case<AddOp, MultiplyOp, AverageOp, ConcatChannelsOp>(
          [](Operation *op) { return llvm::to_vector(llvm::seq(op->getNumOperands())); })
      .Default([](Operation *) { return SmallVector<unsigned>(); });
}

static Value sliceOf(OpBuilder &builder, Location loc, Value tokens, Rows rows) {
  if (rows.first == 0 && rows.count == rowsOf(tokens))
    return tokens;
  return SliceOp::create(builder, loc, withRows(tokens, rows.count), tokens, rows.first);
}

/// A rotation of its live rows only, or null: prefix and suffix are not rotated, and between them all rows
/// stay.
static Value narrowedRope(RopeOp rope, Rows rows) {
  int64_t first = rope.getFirst();
  OpBuilder builder(rope);
  Value input = rope.getInput();
  if (rows.first + rows.count <= first)
    return sliceOf(builder, rope.getLoc(), input, rows);
  if (rows.first > first || rows.first + rows.count < first + rowsOf(rope.getCos()))
    return {};
  return RopeOp::create(builder, rope.getLoc(), withRows(input, rows.count),
                        sliceOf(builder, rope.getLoc(), input, rows), rope.getCos(), rope.getSin(),
                        rope.getHalves(), rope.getHeads(), first - rows.first);
}

/// `op` on its live rows only, or null if rows cannot be dropped from it.
static Value narrowed(Operation *op, Rows rows) {
  OpBuilder builder(op);
  if (auto slice = dyn_cast<SliceOp>(op))
    return sliceOf(builder, op->getLoc(), slice.getInput(),
                   {static_cast<int64_t>(slice.getFirst()) + rows.first, rows.count});
  if (auto concat = dyn_cast<ConcatOp>(op)) {
    SmallVector<Value> pieces;
    int64_t start = 0;
    for (Value piece : concat.getInputs()) {
      int64_t count = rowsOf(piece);
      int64_t begin = std::max(rows.first, start), end = std::min(rows.first + rows.count, start + count);
      if (begin < end)
        pieces.push_back(sliceOf(builder, op->getLoc(), piece, {begin - start, end - begin}));
      start += count;
    }
    return pieces.size() == 1 ? pieces.front()
                              : ConcatOp::create(builder, op->getLoc(), withRows(concat, rows.count), pieces);
  }
  if (auto rope = dyn_cast<RopeOp>(op))
    return narrowedRope(rope, rows);
  auto operands = rowOperands(op);
  if (operands.empty())
    return {};
  Operation *clone = builder.clone(*op);
  for (unsigned i : operands) {
    OpBuilder before(clone);
    clone->setOperand(i, sliceOf(before, op->getLoc(), op->getOperand(i), rows));
  }
  clone->getResult(0).setType(withRows(op->getResult(0), rows.count));
  return clone->getResult(0);
}

namespace {
struct DropDeadRows : vit::impl::DropDeadRowsBase<DropDeadRows> {
  using DropDeadRowsBase::DropDeadRowsBase;

  void runOnOperation() override {
    int64_t dropped = 0;
    for (Block &block : getOperation().getBody())
      // Last op first: when an op's turn comes, the slices of its users have already moved up to it.
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (auto rows = liveRows(&op))
          dropped += drop(&op, *rows);
    reportStatistic(*this, getOperation(), reportStatistics, "rows-dropped", dropped);
  }

  /// Returns the rows that are not computed any more.
  static int64_t drop(Operation *op, Rows rows) {
    Value narrow = narrowed(op, rows);
    if (!narrow)
      return 0;
    bool computes = !isa<SliceOp, ConcatOp>(op);
    int64_t dropped = computes ? rowsOf(op->getResult(0)) - rows.count : 0;
    for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
      auto slice = cast<SliceOp>(user);
      OpBuilder builder(slice);
      int64_t first = slice.getFirst();
      slice.getResult().replaceAllUsesWith(
          sliceOf(builder, slice.getLoc(), narrow, {first - rows.first, rowsOf(slice.getResult())}));
      slice.erase();
    }
    op->erase();
    return dropped;
  }
};
} // namespace
