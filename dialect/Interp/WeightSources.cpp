//===- WeightSources.cpp - one TensorSource for each step of a weight's chain --------------------===//
//
// A compilation streams every weight of a model through these, panel by panel: virtual calls and divisions
// are paid once per range, never once per element.
//
//===----------------------------------------------------------------------------------------------===//
#include "dialect/Interp/WeightSources.h"
#include "dialect/Interp/ArithmeticSources.h"
#include "dialect/Interp/GridResize.h"
#include "dialect/Interp/LayoutSources.h"
#include "dialect/Interp/PositionSources.h"
#include "dialect/Interp/Rounding.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vit;

/// One factor per group of columns, written out per column.
static std::vector<double> expandGroups(ArrayRef<double> factors, int64_t columns) {
  std::vector<double> expanded;
  expanded.reserve(columns);
  for (double factor : factors)
    expanded.insert(expanded.end(), columns / factors.size(), factor);
  return expanded;
}

SourcePtr vit::applyWeightStep(WeightTransformInterface step, SourcePtr in,
                               function_ref<SourcePtr(FlatSymbolRefAttr)> lookup) {
  return TypeSwitch<Attribute, SourcePtr>(step)
      .Case([&](RefStepAttr s) { return lookup(s.getWeight()); })
      .Case([&](ZerosStepAttr s) { return filledTensor(s.getShape(), 0); })
      .Case([&](FillStepAttr s) { return filledTensor(s.getShape(), s.getValue().getValueAsDouble()); })
      .Case([&](NumbersStepAttr s) {
        return tensorInMemory({static_cast<int64_t>(s.getValues().size())},
                              std::vector<double>(s.getValues().asArrayRef()));
      })
      .Case([&](RopePeriodsStepAttr s) { return tensorInMemory({s.getCount()}, ropePeriods(s)); })
      .Case([&](RopeAnglesStepAttr s) {
        return tensorInMemory({s.getHeight() * s.getWidth(), 4 * in->elements()},
                              ropeAngles(s, in->readAll()));
      })
      .Case([&](RopeMixedStepAttr s) {
        return tensorInMemory({s.getHeight() * s.getWidth(), in->elements()}, mixedAngles(s, in->readAll()));
      })
      .Case([&](CosStepAttr) { return mapElements(in, [](double x) { return std::cos(x); }); })
      .Case([&](SinStepAttr) { return mapElements(in, [](double x) { return std::sin(x); }); })
      .Case([&](InterleaveHalvesStepAttr s) {
        return interleaveHalves(in, s.getSize(), s.getDim() == 0 ? in->elements() / in->shape()[0] : 1);
      })
      .Case([&](RelativeBiasStepAttr s) { return relativeBias(s, *in); })
      .Case([&](TransposeStepAttr) { return transposed(in); })
      .Case([&](SincosStepAttr s) { return sincosTable(s); })
      .Case([&](AppendStepAttr s) -> SourcePtr {
        SourcePtr more = lookup(s.getWeight());
        return more ? appendRows(in, more) : nullptr;
      })
      .Case([&](RowsStepAttr s) {
        SmallVector<int64_t> shape(in->shape());
        int64_t columns = in->elements() / shape[0];
        shape[0] = s.getCount();
        return window(in, s.getFirst() * columns, shape);
      })
      .Case([&](ReshapeStepAttr s) { return window(in, 0, s.getShape()); })
      .Case([&](ResizeGridStepAttr s) { return resizedGrid(*in, s); })
      .Case([&](ScaleStepAttr s) { return scaleRows(in, {s.getFactor().getValueAsDouble()}); })
      .Case([&](DivideStepAttr s) -> SourcePtr {
        SourcePtr d = lookup(s.getWeight());
        return d ? scaleRows(in, {1 / d->readAll().front()}) : nullptr;
      })
      .Case([&](ScaleColsStepAttr s) -> SourcePtr {
        SourcePtr g = lookup(s.getWeight());
        return g ? scaleColumns(in, g->readAll()) : nullptr;
      })
      .Case([&](ScaleRowsStepAttr s) -> SourcePtr {
        SourcePtr g = lookup(s.getWeight());
        return g ? scaleRows(in, g->readAll()) : nullptr;
      })
      .Case([&](ScaleColGroupsStepAttr s) {
        return scaleColumns(in, expandGroups(s.getFactors(), in->shape()[1]));
      })
      .Case([&](AddStepAttr s) -> SourcePtr {
        SourcePtr other = lookup(s.getWeight());
        return other ? sum(in, other) : nullptr;
      })
      .Case([&](AddMatvecStepAttr s) -> SourcePtr {
        SourcePtr matrix = lookup(s.getMatrix()), vector = lookup(s.getVector());
        return matrix && vector ? addProduct(in, matrix, vector->readAll()) : nullptr;
      })
      .Case([&](AddColGroupsStepAttr s) -> SourcePtr {
        SourcePtr matrix = lookup(s.getMatrix());
        return matrix ? addProduct(in, matrix, expandGroups(s.getFactors(), matrix->shape()[1])) : nullptr;
      })
      .Case([&](PadGroupsStepAttr s) {
        SmallVector<int64_t> shape(in->shape());
        int64_t unit = s.getDim() == 0 && shape.size() == 2 ? shape[1] : 1;
        shape[s.getDim()] = shape[s.getDim()] / s.getFrom() * s.getTo();
        return padBlocks(in, s.getFrom() * unit, s.getTo() * unit, shape);
      })
      .Case(
          [&](PadStepAttr s) { return padBlocks(in, in->shape().back(), s.getShape().back(), s.getShape()); })
      .Case([&](QuantizeRowsStepAttr) { return quantizeRows(in); })
      .Case([&](RowScalesStepAttr) { return tensorInMemory({in->shape()[0]}, rowScales(*in)); })
      .Case([&](RowSumsStepAttr) { return tensorInMemory({in->shape()[0]}, rowSums(*in)); })
      .Case([&](RoundStepAttr) { return mapElements(in, interp::roundToBf16); })
      .Case([&](PackPanelsStepAttr s) { return packPanels(in, s.getWidth(), s.getBy()); });
}
