//===- LowerPrecision.cpp - vit-lower-precision ------------------------------------------------------===//
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_LOWERPRECISION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

namespace {
struct LowerPrecision : vit::impl::LowerPrecisionBase<LowerPrecision> {
  using LowerPrecisionBase::LowerPrecisionBase;

  void runOnOperation() override {
    auto dot = DotKindAttr::get(&getContext(), DotKind::Bf16);
    int64_t linears = 0, attentions = 0;
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<FusedLinearOp>(op)) {
        if (linear.getDot())
          return;
        // A product of two activations has no weights to pack.
        if (!weightOf(linear.getWeight())) {
          linear.emitRemark("stays in f32: its weight is computed (vit-lower-precision)");
          return;
        }
        linear.setDotAttr(dot);
        ++linears;
      } else if (auto attention = dyn_cast<FusedAttentionOp>(op); attention && !attention.getDot()) {
        attention.setDotAttr(dot);
        ++attentions;
      }
    });
    reportStatistic(*this, getOperation(), reportStatistics, "linears", linears);
    reportStatistic(*this, getOperation(), reportStatistics, "attentions", attentions);
  }
};
} // namespace
