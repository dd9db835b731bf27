//===- OnnxShapeOps.cpp - operators that only rename elements ---------------------------------------===//
#include "compiler/Import/OnnxRaise.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <numeric>

using namespace vitc;
using namespace vitc::onnx;

namespace {

Results identity(const Call &c) { return {c.x()}; }

Results cast(const Call &c) {
  const View &x = c.x();
  auto type = static_cast<DataType>(c.node.integer("to", 1));
  if (c.node.opType == "CastLike")
    type = c.at(1) && isConstant(*c.at(1)) ? constantOf(*c.at(1))->type : DataType::Float;
  const Constant *constant = constantOf(x);
  if (!constant)
    return {isFloat(type) ? x : c.no("the image's data as integers")};
  if (constant->raw && isFloat(type))
    return {x}; // weights keep what they store
  std::optional<std::vector<double>> values = c.graph.read(x);
  if (!values)
    return {c.no("more constants than the memory that the file's size allows")};
  if (type == DataType::Bool)
    for (double &value : *values)
      value = value != 0;
  else if (!isFloat(type))
    for (double &value : *values)
      value = std::trunc(value);
  return {c.graph.constant(type, x.shape(), std::move(*values))};
}

Results shape(const Call &c) {
  auto all = c.x().shape();
  auto rank = static_cast<int64_t>(all.size());
  auto bound = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t start = bound(c.node.integer("start", 0)), end = bound(c.node.integer("end", rank));
  std::vector<double> values;
  for (int64_t i = start; i < end; ++i)
    values.push_back(static_cast<double>(all[i]));
  auto count = static_cast<int64_t>(values.size());
  return {c.graph.constant(DataType::Int64, {count}, std::move(values))};
}

Results size(const Call &c) {
  return {c.graph.constant(DataType::Int64, {}, {static_cast<double>(c.x().elements())})};
}

Results reshapeTo(const Call &c, llvm::ArrayRef<int64_t> shape) {
  std::optional<View> view = c.graph.reshape(c.x(), shape);
  return {view ? *view
               : c.no(fmt::format("a Reshape from [{}] to [{}] that mixes dimensions",
                                  fmt::join(c.x().shape(), ", "), fmt::join(shape, ", ")))};
}

Results reshape(const Call &c) {
  auto wanted = c.integers(*c.in[1]);
  if (!wanted || wanted->size() > 8)
    return {c.no(needsConstant)};
  auto have = c.x().shape();
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < wanted->size(); ++i) {
    int64_t &extent = (*wanted)[i];
    if (extent == 0 && !c.node.integer("allowzero", 0) && i < have.size())
      extent = have[i];
    if (extent == -1 && open < 0)
      open = static_cast<int64_t>(i);
    else if (extent < 0 || extent > 1 << 30 || (known *= std::max<int64_t>(extent, 1)) > int64_t(1) << 40)
      return {c.no("a Reshape to extents that are none")};
  }
  // A batch written into the file stands in front, alone or with the heads.
  int64_t batch = c.graph.batch, &front = wanted->empty() ? known : wanted->front();
  if (batch > 1 && !isConstant(c.x()) && open != 0 && front % batch == 0 &&
      (open > 0 || known != c.x().elements())) {
    front /= batch;
    known = wanted->empty() ? known : known / batch;
  }
  if (open >= 0)
    (*wanted)[open] = c.x().elements() / std::max<int64_t>(known, 1);
  return reshapeTo(c, *wanted);
}

Results flatten(const Call &c) {
  auto shape = c.x().shape();
  int64_t axis = c.node.integer("axis", 1), rank = static_cast<int64_t>(shape.size());
  axis = axis < 0 ? axis + rank : axis;
  if (axis < 0 || axis > rank)
    return {c.no("an axis outside of the shape")};
  return reshapeTo(
      c, {product(llvm::ArrayRef(shape).take_front(axis)), product(llvm::ArrayRef(shape).drop_front(axis))});
}

Results squeeze(const Call &c) {
  View view = c.x();
  auto axes = c.axes(1, view.rank(), false);
  if (!axes)
    return {c.no("axes outside of the shape")};
  bool all = axes->empty();
  for (size_t i = view.rank(); i-- > 0;)
    if (all ? view.extent(i) == 1 : llvm::is_contained(*axes, i)) {
      if (view.extent(i) != 1)
        return {c.no("a Squeeze of more than one element")};
      view.axes.erase(view.axes.begin() + static_cast<int64_t>(i));
    }
  return {view};
}

Results unsqueeze(const Call &c) {
  View view = c.x();
  size_t added =
      c.at(1) ? c.in[1]->elements() : c.node.integers("axes").value_or(llvm::ArrayRef<int64_t>()).size();
  auto axes = c.axes(1, view.rank() + added, false);
  if (!axes || added > 8)
    return {c.no("axes outside of the shape")};
  llvm::sort(*axes);
  for (size_t axis : *axes)
    view.axes.insert(view.axes.begin() + static_cast<int64_t>(axis), Dims());
  return {view};
}

Results transpose(const Call &c) {
  llvm::SmallVector<int64_t, 4> order(c.x().rank());
  std::iota(order.rbegin(), order.rend(), 0);
  if (auto given = c.node.integers("perm"))
    order.assign(given->begin(), given->end());
  llvm::SmallVector<int64_t, 4> sorted = order;
  llvm::sort(sorted);
  for (size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] != static_cast<int64_t>(i) || sorted.size() != c.x().rank())
      return {c.no("a Transpose by numbers that are no permutation")};
  return {onnx::transpose(c.x(), order)};
}

/// A slice, copied where a constant needs it.
std::optional<View> cut(const Call &c, const View &x, size_t axis, int64_t start, int64_t count,
                        int64_t step) {
  if (std::optional<View> view = onnx::slice(x, axis, start, count, step))
    return view;
  std::optional<std::vector<double>> values;
  if (isConstant(x))
    values = c.graph.read(x);
  if (!values)
    return std::nullopt;
  return onnx::slice(c.graph.constant(constantOf(x)->type, x.shape(), std::move(*values)), axis, start, count,
                     step);
}

Results slice(const Call &c) {
  View view = c.x();
  auto starts = c.integers(*c.in[1]), ends = c.integers(*c.in[2]);
  auto axes = c.at(3) ? c.integers(*c.in[3]) : std::nullopt,
       steps = c.at(4) ? c.integers(*c.in[4]) : std::nullopt;
  if (!starts || !ends || (c.at(3) && !axes) || (c.at(4) && !steps))
    return {c.no(needsConstant)};
  if (ends->size() != starts->size() || (axes && axes->size() != starts->size()) ||
      (steps && steps->size() != starts->size()))
    return {c.no("a Slice with lists of different lengths")};
  for (size_t i = 0; i < starts->size(); ++i) {
    auto axis = c.axis(axes ? (*axes)[i] : static_cast<int64_t>(i), view.rank());
    int64_t step = steps ? (*steps)[i] : 1;
    if (!axis || step == 0)
      return {c.no("a Slice along an axis outside of the shape")};
    int64_t extent = view.extent(*axis), start = (*starts)[i], end = (*ends)[i];
    start = start < 0 ? start + extent : start;
    end = end < 0 ? end + extent : end;
    if (step < 0)
      return {c.no("a Slice that runs backwards")};
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, start, extent);
    step = std::min(step, std::max<int64_t>(extent, 1));
    std::optional<View> part = cut(c, view, *axis, start, (end - start + step - 1) / step, step);
    if (!part)
      return {c.no("a Slice across dimensions that were merged")};
    view = *part;
  }
  return {view};
}

Results split(const Call &c) {
  auto axis = c.axis(c.node.integer("axis", 0), c.x().rank());
  if (!axis)
    return {c.no("an axis outside of the shape")};
  int64_t extent = c.x().extent(*axis), parts = static_cast<int64_t>(c.node.outputs.size());
  llvm::SmallVector<int64_t, 8> sizes;
  if (c.at(1)) {
    auto given = c.integers(*c.in[1]);
    if (!given)
      return {c.no(needsConstant)};
    sizes = *given;
  } else if (auto given = c.node.integers("split")) {
    sizes.assign(given->begin(), given->end());
  } else {
    int64_t each = (extent + parts - 1) / parts;
    for (int64_t i = 0; i < parts; ++i)
      sizes.push_back(std::clamp<int64_t>(extent - i * each, 0, each));
  }
  Results results;
  int64_t start = 0;
  for (int64_t count : sizes) {
    if (count < 0 || count > extent - start)
      return {c.no("a Split into parts that are larger than the whole")};
    std::optional<View> part = cut(c, c.x(), *axis, start, count, 1);
    if (!part)
      return {c.no("a Split across dimensions that were merged")};
    results.push_back(*part);
    start += count;
  }
  return results;
}

Results gather(const Call &c) {
  const View &x = c.x(), &indices = *c.in[1];
  auto axis = c.axis(c.node.integer("axis", 0), x.rank());
  if (!axis)
    return {c.no("an axis outside of the shape")};
  auto list = c.integers(indices);
  if (!list)
    return {c.no(needsConstant)};
  int64_t extent = x.extent(*axis);
  for (int64_t &index : *list) {
    index = index < 0 ? index + extent : index;
    if (index < 0 || index >= extent)
      return {c.no("a Gather of an index outside of the shape")};
  }
  auto shape = x.shape();
  llvm::SmallVector<int64_t, 4> wanted(shape.begin(), shape.begin() + static_cast<int64_t>(*axis));
  wanted.append(indices.shape());
  wanted.append(shape.begin() + static_cast<int64_t>(*axis) + 1, shape.end());
  int64_t step = list->size() > 1 ? (*list)[1] - (*list)[0] : 1;
  bool regular = step > 0 && !list->empty();
  for (size_t i = 1; i < list->size(); ++i)
    regular &= (*list)[i] - (*list)[i - 1] == step;
  std::optional<View> part;
  if (regular)
    part = cut(c, x, *axis, (*list)[0], static_cast<int64_t>(list->size()), step);
  if (!part && isConstant(x)) {
    View rows = x;
    llvm::SmallVector<int64_t, 4> order(x.rank());
    std::iota(order.begin(), order.end(), 0);
    std::rotate(order.begin(), order.begin() + static_cast<int64_t>(*axis),
                order.begin() + static_cast<int64_t>(*axis) + 1);
    auto values = c.graph.read(onnx::transpose(rows, order)); // the gathered axis comes first
    if (!values)
      return {c.no("more constants than the memory that the file's size allows")};
    int64_t run = extent ? static_cast<int64_t>(values->size()) / extent : 0;
    std::vector<double> result;
    if (static_cast<double>(run) * static_cast<double>(list->size()) > 0x1p28)
      return {c.no("more constants than the memory that the file's size allows")};
    for (int64_t index : *list)
      result.insert(result.end(), values->begin() + index * run, values->begin() + (index + 1) * run);
    llvm::SmallVector<int64_t, 4> gathered = {static_cast<int64_t>(list->size())};
    for (size_t i = 0; i < shape.size(); ++i)
      if (i != *axis)
        gathered.push_back(shape[i]);
    std::rotate(order.begin(), order.begin() + 1, order.begin() + static_cast<int64_t>(*axis) + 1);
    llvm::SmallVector<int64_t, 4> back(x.rank());
    for (size_t i = 0; i < back.size(); ++i)
      back[i] = i < *axis ? static_cast<int64_t>(i) + 1 : i == *axis ? 0 : static_cast<int64_t>(i);
    part = onnx::transpose(c.graph.constant(constantOf(x)->type, gathered, std::move(result)), back);
    if (valueOf(*part))
      return {*part};
  }
  if (!part)
    return {c.no("a Gather of indices in no regular order")};
  std::optional<View> result = c.graph.reshape(*part, wanted);
  return {result ? *result : c.no("a Gather into a shape that mixes dimensions")};
}

Results concat(const Call &c) {
  llvm::SmallVector<View, 4> parts;
  for (const View *part : c.in) {
    if (!part)
      return {c.no("a Concat with an operand left out")};
    parts.push_back(*part);
  }
  auto axis = c.axis(c.node.integer("axis", 0), parts[0].rank());
  return {axis ? c.graph.concat(parts, *axis) : c.no("an axis outside of the shape")};
}

Results expand(const Call &c) {
  auto wanted = c.extents(*c.in[1]);
  if (!wanted)
    return {c.no(needsConstant)};
  auto full = broadcastShape(c.x().shape(), *wanted);
  std::optional<View> view = full ? broadcastTo(c.x(), *full) : std::nullopt;
  return {view ? *view : c.no("an Expand to a shape that does not fit")};
}

Results tile(const Call &c) {
  auto repeats = c.extents(*c.in[1]);
  View view = c.x();
  if (!repeats || repeats->size() != view.rank())
    return {c.no(needsConstant)};
  for (auto [axis, count] : llvm::zip(view.axes, *repeats)) {
    Dims dims = {{count, 0}};
    dims.append(axis.begin(), axis.end());
    axis = merged(dims);
  }
  return {view};
}

Results pad(const Call &c) {
  std::optional<llvm::SmallVector<int64_t, 8>> pads;
  if (c.at(1))
    pads = c.integers(*c.in[1]);
  if (!pads)
    return {c.no(needsConstant)};
  return {llvm::all_of(*pads, [](int64_t n) { return n == 0; }) ? c.x() : c.no("padding")};
}

constexpr Operator table[] = {
    {"Identity", 1, identity},   {"Dropout", 1, identity},    {"Cast", 1, cast},
    {"CastLike", 2, cast},       {"Shape", 1, shape},         {"Size", 1, size},
    {"Reshape", 2, reshape},     {"Flatten", 1, flatten},     {"Squeeze", 1, squeeze},
    {"Unsqueeze", 1, unsqueeze}, {"Transpose", 1, transpose}, {"Slice", 3, slice},
    {"Split", 1, split},         {"Gather", 2, gather},       {"Concat", 1, concat},
    {"Expand", 2, expand},       {"Tile", 2, tile},           {"Pad", 2, pad},
};

} // namespace

llvm::ArrayRef<Operator> onnx::shapeOperators() { return table; }
