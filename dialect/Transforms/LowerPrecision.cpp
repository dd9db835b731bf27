//===- LowerPrecision.cpp - vit-lower-precision ------------------------------------------------------===//
#include "dialect/Transforms/LayerArithmetic.h"
#include "dialect/Transforms/PassStatistics.h"
#include "dialect/Transforms/Passes.h"
#include "dialect/Transforms/WeightUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace vit;

namespace vit {
#define GEN_PASS_DEF_LOWERPRECISION
#include "dialect/Transforms/Passes.h.inc"
} // namespace vit

/// Layers that integers would hurt most for the least time: the patch embedding, and heads, which nothing
/// evens out behind.
static bool isFirstOrLast(FusedLinearOp linear) {
  Value input = linear.getInput();
  if (auto norm = input.getDefiningOp<LayerNormOp>()) // of patches, in front of their embedding
    input = norm.getInput();
  return input.getDefiningOp<ExtractPatchesOp>() ||
         llvm::any_of(linear->getUsers(), llvm::IsaPred<func::ReturnOp, SoftmaxOp>);
}

namespace {
struct LowerPrecision : vit::impl::LowerPrecisionBase<LowerPrecision> {
  using LowerPrecisionBase::LowerPrecisionBase;

  /// How one op multiplies: as chosen for its layer, else as the precision says.
  LayerArithmetic arithmeticOf(Operation *op, const llvm::StringMap<LayerArithmetic> &choices) {
    if (auto choice = choices.find(layerName(op)); choice != choices.end())
      return choice->second;
    auto linear = dyn_cast<FusedLinearOp>(op);
    return {"", linear && !isFirstOrLast(linear) ? precision.getValue() : DotKind::Bf16};
  }

  LogicalResult readChoices(llvm::StringMap<LayerArithmetic> &choices) {
    for (const std::string &text : layers) {
      std::optional<LayerArithmetic> choice = parseLayerArithmetic(text);
      if (!choice)
        return getOperation().emitOpError()
               << "expected layers as NAME=f32, NAME=bf16, NAME=int8 or NAME=int8:SCALE, got '" << text
               << "'";
      choices[choice->layer] = *choice;
    }
    return success();
  }

  void runOnOperation() override {
    int64_t linears = 0, attentions = 0, bytes = 0, exact = 0;
    llvm::StringMap<LayerArithmetic> choices;
    if (failed(readChoices(choices)))
      return signalPassFailure();
    llvm::StringSet<> found;
    WalkResult result = getOperation().walk([&](Operation *op) {
      auto linear = dyn_cast<FusedLinearOp>(op);
      auto attention = dyn_cast<FusedAttentionOp>(op);
      if (!linear && !attention)
        return WalkResult::advance();
      found.insert(layerName(op));
      // What a module says stands, unless its layer is chosen.
      if (op->hasAttr("dot") && !choices.contains(layerName(op)))
        return WalkResult::advance();
      // A product of two activations has no weights to pack.
      if (linear && !weightOf(linear.getWeight())) {
        linear.emitRemark("stays in f32: its weight is computed (vit-lower-precision)");
        return WalkResult::advance();
      }
      LayerArithmetic arithmetic = arithmeticOf(op, choices);
      op->removeAttr("dot");
      op->removeAttr("input_scale");
      if (!arithmetic.dot) {
        ++exact;
      } else if (linear) {
        linear.setDot(*arithmetic.dot);
        if (arithmetic.inputScale != 0)
          linear.setInputScale(APFloat(arithmetic.inputScale));
        ++(arithmetic.dot == DotKind::Int8 ? bytes : linears);
      } else if (arithmetic.dot == DotKind::Int8) {
        attention.emitOpError("expected attention in f32 or bf16, got int8");
        return WalkResult::interrupt();
      } else {
        attention.setDot(arithmetic.dot);
        ++attentions;
      }
      return WalkResult::advance();
    });
    for (auto &choice : choices)
      if (!result.wasInterrupted() && !found.contains(choice.first())) {
        getOperation().emitOpError() << "expected a layer called '" << choice.first() << "', found none";
        return signalPassFailure();
      }
    if (result.wasInterrupted())
      return signalPassFailure();
    reportStatistic(*this, getOperation(), reportStatistics, "linears-int8", bytes);
    reportStatistic(*this, getOperation(), reportStatistics, "linears-bf16", linears);
    reportStatistic(*this, getOperation(), reportStatistics, "attentions-bf16", attentions);
    reportStatistic(*this, getOperation(), reportStatistics, "kept-f32", exact);
  }
};
} // namespace
