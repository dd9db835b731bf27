//===- PlanBuffers.cpp - fused ops on tensors to planned ops on buffers -----------------------------===//
#include "compiler/Plan/FunctionPlanner.h"
#include "compiler/Plan/Passes.h"
#include "dialect/Transforms/PassStatistics.h"
#include "llvm/ADT/TypeSwitch.h"

namespace vitc {
#define GEN_PASS_DEF_PLANBUFFERS
#include "compiler/Plan/Passes.h.inc"
} // namespace vitc

using namespace mlir;
using namespace vitc;

LogicalResult FunctionPlanner::plan(Operation *op) {
  loc = op->getLoc();
  // These take tensors of any rank; what they are planned as has rows.
  if (isa<vit::AddOp, vit::AverageOp, vit::ActivationOp>(op) && shapeOf(op->getResult(0)).size() != 2)
    return op->emitOpError("cannot be planned: expected tokens [rows, columns], got ")
           << op->getResult(0).getType();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](vit::ParamOp) { return success(); })
      .Case([&](vit::FusedLinearOp linear) { return planLinear(linear); })
      .Case([&](vit::FusedAttentionOp attention) { return planAttention(attention); })
      .Case([&](vit::ExtractPatchesOp patches) {
        Value output = destination(patches.getResult());
        buffers[patches.getResult()] = output;
        auto shape = shapeOf(patches.getResult());
        vit::PlanGatherOp::create(b, loc, buffer(patches.getInput()), output, patches.getSizeAttr(),
                                  patches.getStrideAttr(), patches.getPaddingAttr(), patches.getFactorsAttr(),
                                  patches.getShiftsAttr(), patches.getChannelsLastAttr(),
                                  b.getI64IntegerAttr(rowChunks(shape[0], shape[1])));
        return success();
      })
      .Case([&](vit::LayerNormOp norm) { return planNorm(norm); })
      .Case([&](vit::RopeOp rope) { return planRope(rope); })
      .Case([&](vit::ConcatOp concat) {
        Value whole = buffers[concat.getResult()];
        if (!whole)
          buffers[concat.getResult()] = whole = newRows(concat.getResult());
        auto type = cast<MemRefType>(whole.getType());
        int64_t first = 0;
        for (Value input : concat.getInputs()) {
          int64_t rows = shapeOf(input)[0];
          if (!places.contains(input)) {
            Value view = vit::PlanViewOp::create(b, loc, viewType(type, rows), whole, first);
            vit::PlanCopyOp::create(b, loc, denseRows(input), view, IntegerAttr(),
                                    b.getI64IntegerAttr(rowChunks(rows, type.getDimSize(1))));
          }
          first += rows;
        }
        return success();
      })
      .Case([&](vit::SliceOp slice) {
        Value rows = denseRows(slice.getInput());
        buffers[slice.getResult()] = vit::PlanViewOp::create(
            b, loc, viewType(cast<MemRefType>(rows.getType()), shapeOf(slice.getResult())[0]), rows,
            slice.getFirst());
        return success();
      })
      .Case([&](vit::MeanTokensOp mean) {
        Value output = destination(mean.getResult());
        buffers[mean.getResult()] = output;
        vit::PlanMeanOp::create(b, loc, denseRows(mean.getInput()), output);
        return success();
      })
      .Case([&](vit::MaxTokensOp max) {
        Value output = destination(max.getResult());
        buffers[max.getResult()] = output;
        vit::PlanMaxOp::create(b, loc, buffer(max.getInput()), output);
        return success();
      })
      .Case([&](vit::ConcatChannelsOp concat) { return planJoin(concat); })
      .Case([&](vit::SoftmaxOp softmax) {
        Value output = destination(softmax.getResult());
        buffers[softmax.getResult()] = output;
        vit::PlanSoftmaxOp::create(b, loc, buffer(softmax.getInput()), output,
                                   b.getI64IntegerAttr(chunksOf(softmax.getResult())));
        return success();
      })
      .Case([&](vit::FusedAttentionWeightsOp maps) {
        Value output = destination(maps.getResult());
        buffers[maps.getResult()] = output;
        Value bias;
        if (maps.getBias()) {
          auto shape = shapeOf(maps.getBias());
          int64_t columns = (shape[2] + 15) / 16 * 16;
          vit::WeightChain chain = weights.chain(maps.getBias());
          if (columns != shape[2])
            chain.then(vit::PadStepAttr::get(b.getContext(), {shape[0], shape[1], columns}), "rows");
          bias = packed(chain, MemRefType::get({shape[0], shape[1], columns}, b.getF32Type()));
        }
        vit::PlanAttentionWeightsOp::create(b, loc, buffer(maps.getQuery()), buffer(maps.getKey()), bias,
                                            output, b.getI64IntegerAttr(chunksOf(maps.getResult())));
        return success();
      })
      .Case([&](vit::RolloutOp rollout) {
        Value output = destination(rollout.getResult());
        buffers[rollout.getResult()] = output;
        vit::PlanRolloutOp::create(
            b, loc, buffer(rollout.getWeights()), rollout.getBefore() ? buffer(rollout.getBefore()) : Value(),
            output, rollout.getHeadsAttr(), b.getI64IntegerAttr(chunksOf(rollout.getResult())));
        return success();
      })
      .Case([&](vit::AddOp add) {
        planMap(add.getOperands(), add.getResult(), 1.0, {});
        return success();
      })
      .Case([&](vit::AverageOp average) {
        planMap(average.getInputs(), average.getResult(), 1.0 / average.getInputs().size(), {});
        return success();
      })
      .Case([&](vit::ActivationOp activation) {
        planMap(activation.getInput(), activation.getResult(), 1.0, activation.getKindAttr());
        return success();
      })
      .Case([&](func::ReturnOp ret) { return planReturn(ret); })
      .Default(
          [](Operation *other) { return other->emitOpError("cannot be planned: fuse it first (vit-fuse)"); });
}

LogicalResult FunctionPlanner::run() {
  buffers[source.getArgument(0)] = target.getArgument(0);
  // An operand of a concatenation that a region computes, for it alone, is computed in its place.
  source.walk([&](vit::ConcatOp concat) {
    int64_t first = 0;
    for (Value input : concat.getInputs()) {
      auto *op = input.getDefiningOp();
      if (op && input.hasOneUse() && !isa<vit::ParamOp, vit::SliceOp, vit::ConcatOp>(op))
        places[input] = {concat, first};
      first += shapeOf(input)[0];
    }
  });
  for (Operation &op : source.getBody().front())
    if (failed(plan(&op)))
      return failure();
  regions = llvm::count_if(target.getBody().front(),
                           [](Operation &op) { return isa<vit::PlannedOpInterface>(op); });
  return success();
}

namespace {

/// The type of a planned function's argument: pixels are plain bytes, all else dense f32.
MemRefType argumentType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (element.isInteger(8))
    element = IntegerType::get(type.getContext(), 8);
  if (tensor.getRank() != 2)
    return MemRefType::get(tensor.getShape(), element);
  auto layout = StridedLayoutAttr::get(type.getContext(), 0, {tensor.getDimSize(1), 1});
  return MemRefType::get(tensor.getShape(), element, layout);
}

struct PlanBuffersPass : vitc::impl::PlanBuffersBase<PlanBuffersPass> {
  using PlanBuffersBase::PlanBuffersBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto isa = module->getAttrOfType<vit::IsaAttr>("vit.isa");
    if (!isa) {
      module.emitOpError("expected attribute 'vit.isa' that describes the target");
      return signalPassFailure();
    }
    vit::WeightBuilder weights(module);
    for (auto source : llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (source.getNumArguments() != 1 || !source.getBody().hasOneBlock()) {
        source.emitOpError("expected one argument, the image, and one block");
        return signalPassFailure();
      }
      SmallVector<Type> types{argumentType(source.getArgumentTypes()[0])};
      SmallVector<Attribute> names;
      for (auto [i, type] : llvm::enumerate(source.getResultTypes())) {
        types.push_back(argumentType(type));
        names.push_back(source.getResultAttrDict(i));
      }
      OpBuilder b(source);
      auto target = func::FuncOp::create(b, source.getLoc(), source.getName(), b.getFunctionType(types, {}));
      target.addEntryBlock();
      for (auto [i, name] : llvm::enumerate(names))
        if (name)
          target.setArgAttrs(i + 1, cast<DictionaryAttr>(name));
      FunctionPlanner planner(isa, weights, source, target);
      if (failed(planner.run()))
        return signalPassFailure();
      source.erase();
      vit::reportStatistic(*this, target, reportStatistics, "regions", planner.regions);
      vit::reportStatistic(*this, target, reportStatistics, "in-place", planner.inPlace);
    }
  }
};

} // namespace
