//===- OnnxSimplify.cpp - several operators that are one layer --------------------------------------===//
#include "compiler/Import/OnnxGraph.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

static Dims sortedByStride(Dims dims) {
  llvm::sort(dims, [](const Dim &a, const Dim &b) {
    return std::pair(b.stride, b.extent) < std::pair(a.stride, a.extent);
  });
  return merged(dims);
}

/// layer(x) + c or layer(x) * c with a number for each output: a bias, or a norm's gain.
std::optional<View> Graph::absorb(const View &x, const View &c, bool gain) {
  const Value *layer = valueOf(x);
  bool norm = layer->kind == Kind::Norm;
  if (!(norm || (!gain && (layer->kind == Kind::Linear || layer->kind == Kind::PatchConv))))
    return std::nullopt;
  if (layer->operands[2].source || (gain && layer->operands[1].source) || x.scale != 1 ||
      !coversOnce(x, layer->size))
    return std::nullopt;
  int64_t width = norm ? layer->operands[0].extent(1) : layer->operands[1].extent(0);
  std::optional<Aligned> aligned = align({&x, &c});
  if (!aligned)
    return std::nullopt;
  llvm::SmallVector<std::pair<int64_t, Dim>, 4> outputs; // step in the layer's layout; step in c
  int64_t covered = 1;
  bool varies = false;
  for (size_t i = 0; i < aligned->extents.size(); ++i) {
    int64_t extent = aligned->extents[i], step = aligned->strides[0][i], other = aligned->strides[1][i];
    if (step >= width) {
      if (other != 0)
        return std::nullopt;
      continue;
    }
    if (step * extent > width)
      return std::nullopt;
    outputs.push_back({step, {extent, other}});
    covered *= extent;
    varies |= other != 0;
  }
  if (covered != width || (!varies && width > 1))
    return std::nullopt;
  llvm::sort(outputs, [](const auto &a, const auto &b) { return a.first > b.first; });
  View parameter;
  parameter.source = c.source;
  parameter.offset = c.offset;
  Dims dims;
  for (const auto &[step, dim] : outputs)
    dims.push_back(dim);
  parameter.axes.push_back(merged(dims));
  Value value = *layer;
  value.operands[gain ? 1 : 2] = parameter;
  View result = x;
  result.source = &unique(std::move(value));
  return result;
}

namespace {

/// What a reduction over some dimensions of x is subtracted from, or divides.
struct Reduced {
  View x; ///< [rows][reduced]
  View
      result; ///< where the elements of x, laid out [rows][reduced], stand in the common shape; no source yet
};

/// `m`, broadcast to the shape of `x`, is a view of the results of a reduction of `y` [rows][K]. Checks that
/// it reduces exactly x, and over exactly the dimensions along which m repeats.
std::optional<Reduced> matchReduction(const View &x, const View &m, const View &y) {
  if (x.source != y.source)
    return std::nullopt;
  std::optional<Aligned> aligned = align({&x, &m});
  if (!aligned)
    return std::nullopt;
  View outer, rows = y;
  outer.offset = m.offset;
  rows.axes = {y.axes[0]};
  llvm::SmallVector<size_t, 8> order;
  llvm::SmallVector<Dim, 4> kept;
  Dims reduced;
  for (bool repeats : {false, true})
    for (size_t i = 0; i < aligned->extents.size(); ++i)
      if ((aligned->strides[1][i] == 0) == repeats) {
        order.push_back(i);
        Dim dim{aligned->extents[i], aligned->strides[0][i]};
        if (repeats) {
          reduced.push_back(dim);
        } else {
          kept.push_back(dim);
          outer.axes.push_back({{aligned->extents[i], aligned->strides[1][i]}});
        }
      }
  std::optional<View> composed = compose(outer, rows);
  if (!composed || composed->offset != x.offset || sortedByStride(reduced) != sortedByStride(y.axes[1]))
    return std::nullopt;
  for (auto [dim, axis] : llvm::zip(kept, composed->axes))
    if (merged({dim}) != axis)
      return std::nullopt;

  Reduced result;
  result.x = x;
  result.x.scale = 1;
  result.x.axes = {merged(kept), merged(reduced)};
  result.result.axes.assign(x.rank(), {});
  llvm::SmallVector<int64_t, 8> steps(order.size());
  int64_t size = 1;
  for (size_t i : llvm::reverse(order)) {
    steps[i] = size;
    size *= aligned->extents[i];
  }
  for (size_t i = 0; i < steps.size(); ++i)
    result.result.axes[aligned->axis[i]].push_back({aligned->extents[i], steps[i]});
  for (Dims &axis : result.result.axes)
    axis = merged(axis);
  return result;
}

bool almost(double a, double b) { return std::abs(a - b) <= 1e-6 * std::abs(b); }

} // namespace

/// x - mean(x)
std::optional<View> Graph::centre(const View &a, const View &b) {
  for (auto [x, m] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const Value *sum = valueOf(*m, Kind::Reduce);
    if (!sum || sum->reduction != Reduction::Sum)
      continue;
    const View &y = sum->operands[0];
    if (!almost(m->scale * static_cast<double>(y.extent(1)), -x->scale))
      continue;
    std::optional<Reduced> match = matchReduction(*x, *m, y);
    if (!match)
      continue;
    Value value;
    value.kind = Kind::Centered;
    value.operands = {match->x};
    value.size = x->elements();
    match->result.source = &unique(std::move(value));
    match->result.scale = x->scale;
    return match->result;
  }
  return std::nullopt;
}

/// x / sqrt(mean(x^2) + eps), which is a LayerNorm if x is centred
std::optional<View> Graph::normalise(const View &a, const View &b) {
  for (auto [x, f] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    auto [base, function] = resolve(*f);
    const Value *sum = valueOf(base, Kind::Reduce);
    if (!sum || sum->reduction != Reduction::Sum)
      continue;
    std::optional<InverseRoot> root = inverseRoot(function);
    auto [y, inner] = resolve(sum->operands[0]);
    std::optional<double> square = squareFactor(inner);
    if (!root || !square)
      continue;
    std::optional<Reduced> match = matchReduction(*x, base, y);
    if (!match)
      continue;
    int64_t columns = match->x.extent(1);
    // Of s x, whose factor s the square has seen: a norm of s x where that leaves the plain formula.
    double factor = x->scale, unit = root->slope * *square * static_cast<double>(columns) / (factor * factor);
    if (almost(unit, 1))
      unit = 1;
    Value value;
    value.kind = Kind::Norm;
    value.norm = NormKind::Rms;
    value.eps = shortestDecimal(root->offset / unit);
    value.operands = {match->x, View(), View()};
    if (const Value *centered = valueOf(match->x, Kind::Centered);
        centered && centered->operands[0].extent(1) == columns &&
        match->x.axes[1] == merged({{columns, 1}})) {
      std::optional<View> original = compose(match->x, centered->operands[0]);
      if (!original)
        continue;
      value.norm = NormKind::Layer;
      value.operands[0] = *original;
    }
    value.operands[0].scale = factor;
    value.size = x->elements();
    match->result.source = &unique(std::move(value));
    match->result.scale = 1 / std::sqrt(unit);
    return match->result;
  }
  return std::nullopt;
}
