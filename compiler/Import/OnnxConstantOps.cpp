//===- OnnxConstantOps.cpp - operators whose operands are mostly known -------------------------------===//
#include "compiler/Import/OnnxRaise.h"
#include "compiler/Import/OnnxResize.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

namespace {

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

Results constantOfShape(const Call &c) {
  auto shape = c.extents(c.x());
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
    {"Constant", 0, constant}, {"ConstantOfShape", 1, constantOfShape},
    {"ScatterND", 3, scatter}, {"Range", 3, range},
    {"Where", 3, where},       {"Resize", 1, resize},
};

} // namespace

llvm::ArrayRef<Operator> onnx::constantOperators() { return table; }
