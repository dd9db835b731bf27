//===- FoldPositionEmbedding.cpp - vit-fold-position-embedding ---------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_FOLDPOSITIONEMBEDDING
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

static int64_t rowsOf(Value tokens) { return cast<RankedTensorType>(tokens.getType()).getDimSize(0); }

/// The concatenation that `add` adds a position table to, or null. Another reader of it would need the sum
/// without positions too.
static ConcatOp concatWithPositions(AddOp add, Value &positions) {
  for (auto [tokens, table] :
       {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
    auto concat = tokens.getDefiningOp<ConcatOp>();
    if (concat && concat->hasOneUse() && weightOf(table)) {
      positions = table;
      return concat;
    }
  }
  return {};
}

/// concat(prefix, patches) + positions = concat(prefix + its rows, patches + their rows).
static void distribute(AddOp add, ConcatOp concat, Value positions, WeightBuilder &weights) {
  OpBuilder builder(add);
  MLIRContext *context = builder.getContext();
  SmallVector<Value> pieces;
  int64_t first = 0;
  for (Value piece : concat.getInputs()) {
    int64_t count = rowsOf(piece);
    WeightChain rows = weights.chain(positions);
    if (count != rowsOf(positions))
      rows.then(RowsStepAttr::get(context, first, count),
                "rows_" + std::to_string(first) + "_" + std::to_string(count));
    if (weightOf(piece)) {
      WeightChain sum = weights.chain(piece);
      sum.then(AddStepAttr::get(context, weights.build(rows)), "pos");
      pieces.push_back(weights.param(builder, add.getLoc(), sum));
    } else {
      pieces.push_back(
          AddOp::create(builder, add.getLoc(), piece, weights.param(builder, add.getLoc(), rows)));
    }
    first += count;
  }
  auto joined = ConcatOp::create(builder, concat.getLoc(), add.getType(), pieces);
  add.getResult().replaceAllUsesWith(joined);
  add.erase();
  concat.erase();
}

/// The operand of a concatenation that holds all rows of `slice`, or null; `first` becomes relative to it.
static Value holderOfRows(SliceOp slice, int64_t &first) {
  auto concat = slice.getInput().getDefiningOp<ConcatOp>();
  first = slice.getFirst();
  if (!concat)
    return {};
  for (Value piece : concat.getInputs()) {
    if (first < rowsOf(piece))
      return first + rowsOf(slice.getResult()) <= rowsOf(piece) ? piece : Value();
    first -= rowsOf(piece);
  }
  return {};
}

/// Register tokens are inserted after the class token has got its position: slice(concat) leads back to the
/// pieces.
static void forwardSlice(SliceOp slice) {
  int64_t first;
  Value piece = holderOfRows(slice, first);
  if (!piece)
    return;
  Value result = piece;
  if (piece.getType() != slice.getType()) {
    OpBuilder builder(slice);
    result = SliceOp::create(builder, slice.getLoc(), slice.getType(), piece, first);
  }
  auto concat = slice.getInput().getDefiningOp<ConcatOp>();
  slice.getResult().replaceAllUsesWith(result);
  slice.erase();
  if (concat->use_empty())
    concat.erase();
}

/// Splices operands that are concatenations themselves, then joins adjacent weights into one. Returns the
/// number of weights that went into others.
static int64_t mergePrefix(ConcatOp concat, WeightBuilder &weights) {
  SmallVector<Value> flat;
  for (Value piece : concat.getInputs()) {
    auto inner = piece.getDefiningOp<ConcatOp>();
    if (inner && inner->hasOneUse())
      llvm::append_range(flat, inner.getInputs());
    else
      flat.push_back(piece);
  }
  OpBuilder builder(concat);
  SmallVector<Value> pieces;
  int64_t merged = 0;
  for (size_t i = 0; i < flat.size();) {
    SmallVector<WeightChain> run;
    for (; i < flat.size() && weightOf(flat[i]); ++i)
      run.push_back(weights.chain(flat[i]));
    if (run.size() > 1)
      pieces.push_back(weights.param(builder, concat.getLoc(), weights.append(run)));
    else if (run.size() == 1)
      pieces.push_back(flat[i - 1]);
    if (run.size() > 1)
      merged += run.size() - 1;
    if (i < flat.size())
      pieces.push_back(flat[i++]);
  }
  if (llvm::equal(pieces, concat.getInputs()))
    return 0;
  auto old = llvm::to_vector(concat.getInputs());
  concat.getInputsMutable().assign(pieces);
  for (Value piece : old)
    if (auto inner = piece.getDefiningOp<ConcatOp>(); inner && inner->use_empty())
      inner.erase();
  return merged;
}

namespace {
struct FoldPositionEmbedding : vit::impl::FoldPositionEmbeddingBase<FoldPositionEmbedding> {
  using FoldPositionEmbeddingBase::FoldPositionEmbeddingBase;

  void runOnOperation() override {
    WeightBuilder weights(getOperation());
    int64_t folded = 0, merged = 0;
    getOperation().walk([&](AddOp add) {
      Value positions;
      if (ConcatOp concat = concatWithPositions(add, positions)) {
        distribute(add, concat, positions, weights);
        ++folded;
      }
    });
    getOperation().walk([&](SliceOp slice) { forwardSlice(slice); });
    getOperation().walk([&](ConcatOp concat) { merged += mergePrefix(concat, weights); });
    reportStatistic(*this, getOperation(), reportStatistics, "tables-folded", folded);
    reportStatistic(*this, getOperation(), reportStatistics, "weights-merged", merged);
  }
};
} // namespace
