//===- OnnxShapeOps.cpp - operators that only rename elements ---------------------------------------===//
#include "compiler/Import/OnnxRaise.h"
#include "compiler/Import/OnnxResize.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <numeric>

using namespace vitc;
using namespace vitc::onnx;

namespace {

constexpr const char *needsConstant = "a shape, index or size that depends on the image";

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

Results constant(const Call &c) {
  for (const Attribute &a : c.node.attributes) {
    if (a.name == "value" && a.tensor)
      return {c.graph.tensor(*a.tensor)};
    if (a.name == "value_float")
      return {c.graph.constant(DataType::Float, {}, {a.f})};
    if (a.name == "value_int")
      return {c.graph.constant(DataType::Int64, {}, {static_cast<double>(a.i)})};
    if (a.name == "value_floats")
      return {c.graph.constant(DataType::Float, {static_cast<int64_t>(a.floats.size())},
                               {a.floats.begin(), a.floats.end()})};
    if (a.name == "value_ints")
      return {c.graph.constant(DataType::Int64, {static_cast<int64_t>(a.ints.size())},
                               {a.ints.begin(), a.ints.end()})};
  }
  return {c.no("a Constant that is no dense number or tensor")};
}

/// Extents from an operand, from 0 on and with a product below 2^40 (which views cost nothing for).
std::optional<llvm::SmallVector<int64_t, 8>> extents(const Call &c, const View &view) {
  auto shape = c.integers(view);
  double total = 1;
  if (!shape || shape->size() > 8)
    return std::nullopt;
  for (int64_t extent : *shape)
    if (extent < 0 || (total *= static_cast<double>(std::max<int64_t>(extent, 1))) > 0x1p40)
      return std::nullopt;
  return shape;
}

Results constantOfShape(const Call &c) {
  auto shape = extents(c, c.x());
  if (!shape)
    return {c.no(needsConstant)};
  const Attribute *value = c.node.find("value");
  View one = value && value->tensor && value->tensor->elements == 1
                 ? c.graph.tensor(*value->tensor)
                 : c.graph.constant(DataType::Float, {1}, {0});
  one.axes.assign(1, {});
  std::optional<View> wide = broadcastTo(one, *shape);
  return {wide ? *wide : one};
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
  if (open >= 0)
    (*wanted)[open] = c.x().elements() / known;
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

Results scatter(const Call &c) {
  const View &x = c.x(), &updates = *c.in[2];
  auto indices = c.integers(*c.in[1]);
  if (!isConstant(x) || !isConstant(updates) || !indices || c.in[1]->rank() == 0 ||
      c.node.string("reduction", "none") != "none")
    return {c.no(needsConstant)};
  auto shape = x.shape();
  int64_t depth = c.in[1]->extent(c.in[1]->rank() - 1);
  auto values = c.graph.read(x), news = c.graph.read(updates);
  if (depth < 1 || depth > static_cast<int64_t>(shape.size()) || !values || !news)
    return {c.no("a ScatterND that does not fit")};
  int64_t run = product(llvm::ArrayRef(shape).drop_front(depth)),
          places = static_cast<int64_t>(indices->size()) / depth;
  if (static_cast<int64_t>(news->size()) != places * run)
    return {c.no("a ScatterND that does not fit")};
  for (int64_t p = 0; p < places; ++p) {
    int64_t at = 0;
    for (int64_t i = 0; i < depth; ++i) {
      int64_t index = (*indices)[p * depth + i];
      index = index < 0 ? index + shape[i] : index;
      if (index < 0 || index >= shape[i])
        return {c.no("a ScatterND to an index outside of the shape")};
      at = at * shape[i] + index;
    }
    std::copy_n(news->begin() + p * run, run, values->begin() + at * run);
  }
  return {c.graph.constant(constantOf(x)->type, shape, std::move(*values))};
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
  auto wanted = extents(c, *c.in[1]);
  if (!wanted)
    return {c.no(needsConstant)};
  auto full = broadcastShape(c.x().shape(), *wanted);
  std::optional<View> view = full ? broadcastTo(c.x(), *full) : std::nullopt;
  return {view ? *view : c.no("an Expand to a shape that does not fit")};
}

Results tile(const Call &c) {
  auto repeats = extents(c, *c.in[1]);
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

Results range(const Call &c) {
  std::optional<double> numbers[3];
  for (int i = 0; i < 3; ++i) {
    if (isConstant(*c.in[i]))
      numbers[i] = c.graph.scalar(*c.in[i]);
    if (!numbers[i])
      return {c.no(needsConstant)};
  }
  double count = std::ceil((*numbers[1] - *numbers[0]) / *numbers[2]);
  if (!(count >= 0 && count <= 1 << 20))
    return {c.no("a Range of more than 2^20 numbers")};
  std::vector<double> values;
  for (int i = 0; i < count; ++i)
    values.push_back(*numbers[0] + i * *numbers[2]);
  return {c.graph.constant(constantOf(c.x())->type, {static_cast<int64_t>(count)}, std::move(values))};
}

Results where(const Call &c) {
  const View &condition = c.x(), &yes = *c.in[1], &no = *c.in[2];
  if (!isConstant(condition)) {
    // softmax(x) is never NaN: PyTorch's exporter replaces NaN where every key is masked.
    auto [base, function] = c.graph.resolve(condition);
    if (valueOf(base, Kind::Softmax) && function(0.25) == 0 && function(1) == 0 &&
        no.shape() == condition.shape())
      return {no};
    return {c.no("a Where whose condition depends on the image")};
  }
  if (std::optional<double> all = c.graph.scalar(condition)) {
    const View &chosen = *all != 0 ? yes : no;
    auto full = broadcastShape(condition.shape(), yes.shape());
    full = full ? broadcastShape(*full, no.shape()) : full;
    std::optional<View> view = full ? broadcastTo(chosen, *full) : std::nullopt;
    return {view ? *view : c.no("a Where of shapes that do not fit")};
  }
  auto full = broadcastShape(condition.shape(), yes.shape());
  full = full ? broadcastShape(*full, no.shape()) : full;
  if (!full || !isConstant(yes) || !isConstant(no))
    return {c.no("a Where that selects from the image's data")};
  auto pick = c.graph.read(*broadcastTo(condition, *full)), a = c.graph.read(*broadcastTo(yes, *full)),
       b = c.graph.read(*broadcastTo(no, *full));
  if (!pick || !a || !b)
    return {c.no("more constants than the memory that the file's size allows")};
  for (size_t i = 0; i < a->size(); ++i)
    (*a)[i] = (*pick)[i] != 0 ? (*a)[i] : (*b)[i];
  return {c.graph.constant(constantOf(yes)->type, *full, std::move(*a))};
}

Results pad(const Call &c) {
  std::optional<llvm::SmallVector<int64_t, 8>> pads;
  if (c.at(1))
    pads = c.integers(*c.in[1]);
  if (!pads)
    return {c.no(needsConstant)};
  return {llvm::all_of(*pads, [](int64_t n) { return n == 0; }) ? c.x() : c.no("padding")};
}

Results resize(const Call &c) {
  View x = c.x();
  if (!isConstant(x))
    return {c.no("a Resize of the image's data; the position table is what may be resized")};
  Resampling how;
  how.mode = c.node.string("mode", "nearest").str();
  how.coordinates = c.node.string("coordinate_transformation_mode", "half_pixel").str();
  how.nearest = c.node.string("nearest_mode", "round_prefer_floor").str();
  how.cubicCoefficient = c.node.number("cubic_coeff_a", -0.75);
  how.excludeOutside = c.node.integer("exclude_outside", 0);
  how.antialias = c.node.integer("antialias", 0);
  if (how.coordinates == "tf_crop_and_resize" || how.coordinates == "tf_half_pixel_for_nn" ||
      c.node.string("keep_aspect_ratio_policy", "stretch") != "stretch")
    return {c.no("a Resize by rules that no framework uses for positions")};
  auto given = [&](size_t i) { return c.at(i) && c.in[i]->elements() > 0; };
  std::optional<std::vector<double>> scales;
  std::optional<llvm::SmallVector<int64_t, 8>> sizes;
  if (given(3))
    sizes = c.integers(*c.in[3]);
  else if (given(2) && isConstant(*c.in[2]))
    scales = c.graph.read(*c.in[2]);
  llvm::SmallVector<size_t, 4> axes;
  if (auto list = c.axes(~size_t(0), x.rank(), true))
    axes = *list;
  if ((!sizes || sizes->size() != axes.size()) && (!scales || scales->size() != axes.size()))
    return {c.no(needsConstant)};
  std::optional<std::vector<double>> values = c.graph.read(x);
  auto shape = x.shape();
  for (size_t i = 0; values && i < axes.size(); ++i) {
    int64_t input = shape[axes[i]];
    if (input < 1)
      return {c.no("a Resize of nothing")};
    double scale = sizes ? static_cast<double>((*sizes)[i]) / static_cast<double>(input) : (*scales)[i];
    double wide = sizes ? static_cast<double>((*sizes)[i])
                        : std::floor(static_cast<float>(static_cast<double>(input) * scale));
    if (!(wide >= 1 && wide <= 4096 && scale > 1e-4 && scale < 1e4 &&
          wide / static_cast<double>(input) * static_cast<double>(values->size()) < 0x1p27))
      return {c.no("a Resize to sizes outside of 1 to 4096")};
    auto output = static_cast<int64_t>(wide);
    if (output == input && std::abs(scale - 1) < 1e-9)
      continue;
    *values = resampleAxis(how, *values, product(llvm::ArrayRef(shape).take_front(axes[i])), input,
                           product(llvm::ArrayRef(shape).drop_front(axes[i] + 1)), output, scale);
    shape[axes[i]] = output;
  }
  if (!values)
    return {c.no("more constants than the memory that the file's size allows")};
  return {shape == x.shape() ? x : c.graph.constant(constantOf(x)->type, shape, std::move(*values))};
}

constexpr Operator table[] = {
    {"Identity", 1, identity},   {"Dropout", 1, identity},  {"Cast", 1, cast},
    {"CastLike", 2, cast},       {"Constant", 0, constant}, {"ConstantOfShape", 1, constantOfShape},
    {"Shape", 1, shape},         {"Size", 1, size},         {"Reshape", 2, reshape},
    {"Flatten", 1, flatten},     {"Squeeze", 1, squeeze},   {"Unsqueeze", 1, unsqueeze},
    {"Transpose", 1, transpose}, {"Slice", 3, slice},       {"Split", 1, split},
    {"Gather", 2, gather},       {"ScatterND", 3, scatter}, {"Concat", 1, concat},
    {"Expand", 2, expand},       {"Tile", 2, tile},         {"Range", 3, range},
    {"Where", 3, where},         {"Pad", 2, pad},           {"Resize", 1, resize},
};

} // namespace

llvm::ArrayRef<Operator> onnx::shapeOperators() { return table; }
