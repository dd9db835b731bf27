//===- PlanMemory.cpp - offsets in the arena and in the weight blob ---------------------------------===//
#include "compiler/Plan/Passes.h"
#include "dialect/IR/VitOps.h"
#include "dialect/Transforms/PassStatistics.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace vitc {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/Plan/Passes.h.inc"
} // namespace vitc

using namespace mlir;
using namespace vitc;

namespace {

constexpr int64_t kAlignment = 64;

int64_t align(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Bytes from a buffer's origin to behind its last row's padding.
int64_t extentBytes(MemRefType type) {
  auto [strides, offset] = type.getStridesAndOffset();
  return type.getDimSize(0) * strides[0] * type.getElementTypeBitWidth() / 8;
}

/// A buffer and the first and last op (by position) that touch it.
struct Life {
  vit::PlanBufferOp buffer;
  int64_t bytes, first, last, place, offset = -1;
  bool overlaps(const Life &other) const { return first <= other.last && other.first <= last; }
};

struct PlanMemoryPass : vitc::impl::PlanMemoryBase<PlanMemoryPass> {
  using PlanMemoryBase::PlanMemoryBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    int64_t next = 0;
    SymbolTable symbols(module);
    for (auto function : module.getOps<func::FuncOp>()) {
      updateResidualsInPlace(function);
      placeBuffers(function);
      foldViews(function);
      // Weights in order of first use: a forward reads the blob from front to back.
      function.walk([&](vit::PlanWeightsOp use) {
        auto weight = symbols.lookup<vit::WeightOp>(use.getWeight());
        if (weight.getOffset())
          return;
        weight.setOffset(next);
        auto type = weight.getTensorType();
        next += align(type.getNumElements() * type.getElementTypeBitWidth() / 8);
      });
    }
    module->setAttr("vit.weight_bytes", Builder(module).getI64IntegerAttr(next));
  }

  void updateResidualsInPlace(func::FuncOp function);
  void placeBuffers(func::FuncOp function);
  void foldViews(func::FuncOp function);
};

/// Position of the last op that reads or writes `buffer`, directly or through a view.
int64_t lastUse(Value buffer, const DenseMap<Operation *, int64_t> &position) {
  int64_t last = -1;
  for (Operation *user : buffer.getUsers())
    last = std::max(last, isa<vit::PlanViewOp>(user) ? lastUse(user->getResult(0), position)
                                                     : position.lookup(user));
  return last;
}

int64_t firstUse(Value buffer, const DenseMap<Operation *, int64_t> &position) {
  int64_t first = std::numeric_limits<int64_t>::max();
  for (Operation *user : buffer.getUsers())
    first = std::min(first, isa<vit::PlanViewOp>(user) ? firstUse(user->getResult(0), position)
                                                       : position.lookup(user));
  return first;
}

DenseMap<Operation *, int64_t> numberOps(func::FuncOp function) {
  DenseMap<Operation *, int64_t> position;
  for (auto [i, op] : llvm::enumerate(function.getBody().front()))
    position[&op] = i;
  return position;
}

void PlanMemoryPass::updateResidualsInPlace(func::FuncOp function) {
  auto position = numberOps(function);
  int64_t inPlace = 0;
  function.walk([&](vit::PlanGemmOp gemm) {
    auto residual =
        gemm.getResidual() ? gemm.getResidual().getDefiningOp<vit::PlanBufferOp>() : vit::PlanBufferOp();
    auto c = gemm.getC().getDefiningOp<vit::PlanBufferOp>();
    // Not the input, of which other blocks of columns still read.
    Value input = gemm.getA();
    while (auto view = input.getDefiningOp<vit::PlanViewOp>())
      input = view.getSource();
    if (residual && input == residual.getResult())
      return;
    if (!residual || !c || residual == c || residual.getType() != c.getType() ||
        lastUse(residual, position) != position.lookup(gemm) ||
        firstUse(c, position) != position.lookup(gemm))
      return;
    c.getResult().replaceAllUsesWith(residual.getResult());
    c.erase();
    ++inPlace;
  });
  vit::reportStatistic(*this, function, reportStatistics, "in-place", inPlace);
}

void PlanMemoryPass::placeBuffers(func::FuncOp function) {
  auto position = numberOps(function);
  SmallVector<Life> lives;
  int64_t total = 0;
  function.walk([&](vit::PlanBufferOp op) {
    int64_t bytes = align(extentBytes(cast<MemRefType>(op.getType()))), last = lastUse(op, position);
    if (last < 0) {
      op.setOffset(0); // no region touches it: it needs no memory
      return;
    }
    lives.push_back({op, bytes, firstUse(op, position), last, int64_t(lives.size())});
    total += bytes;
  });
  // By place among equals, as a stable sort would: libstdc++ allocates for that through a function C++20
  // deprecates.
  llvm::sort(lives, [](const Life &a, const Life &b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.place < b.place;
  });
  int64_t arena = 0;
  for (Life &life : lives) {
    SmallVector<const Life *> busy;
    for (const Life &other : lives)
      if (other.offset >= 0 && other.overlaps(life))
        busy.push_back(&other);
    llvm::sort(busy, [](const Life *a, const Life *b) { return a->offset < b->offset; });
    int64_t offset = 0;
    for (const Life *other : busy)
      if (offset + life.bytes > other->offset)
        offset = std::max(offset, other->offset + other->bytes);
      else
        break;
    life.offset = offset;
    life.buffer.setOffset(offset);
    arena = std::max(arena, offset + life.bytes);
  }
  vit::reportStatistic(*this, function, reportStatistics, "buffers", lives.size());
  vit::reportStatistic(*this, function, reportStatistics, "bytes-saved", total - arena);
  function->setAttr("vit.arena_bytes", Builder(function).getI64IntegerAttr(arena));
}

void PlanMemoryPass::foldViews(func::FuncOp function) {
  function.walk([&](vit::PlanViewOp view) {
    auto source = view.getSource().getDefiningOp<vit::PlanBufferOp>();
    if (!source)
      return; // rows of weights or of the input stay views
    auto type = cast<MemRefType>(source.getType());
    auto [strides, ignored] = type.getStridesAndOffset();
    OpBuilder b(view);
    int64_t stride = strides[type.getRank() - 2]; // of planes, too, a view has rows
    int64_t offset = *source.getOffset() + view.getFirst() * stride * type.getElementTypeBitWidth() / 8;
    auto folded = vit::PlanBufferOp::create(b, view.getLoc(), view.getType(), b.getI64IntegerAttr(offset));
    view.replaceAllUsesWith(folded.getResult());
    view.erase();
  });
  function.walk([&](vit::PlanBufferOp buffer) {
    if (buffer.use_empty())
      buffer.erase();
  });
}

} // namespace
