//===- OnnxGraph.cpp - building values --------------------------------------------------------------===//
#include "compiler/Import/OnnxGraph.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <numeric>

using namespace vitc;
using namespace vitc::onnx;

static const View *firstUnknown(llvm::ArrayRef<const View *> views) {
  for (const View *view : views)
    if (valueOf(*view, Kind::Unknown))
      return view;
  return nullptr;
}

double onnx::shortestDecimal(double value) {
  auto single = static_cast<float>(value);
  if (std::abs(single - value) > 1e-12 * std::abs(value))
    return value;
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof text - 1, single);
  *end = 0;
  return std::strtod(text, nullptr);
}

const Value &Graph::unique(Value value) {
  std::string key = fmt::format("{} {} {} {} {} {} {}|", static_cast<int>(value.kind),
                                static_cast<int>(value.norm), value.eps, static_cast<int>(value.reduction),
                                value.stride.height, value.stride.width, value.size);
  for (const View &operand : value.operands) {
    key += fmt::format("{}:{}*{}", static_cast<const void *>(operand.source), operand.offset, operand.scale);
    for (const Dims &axis : operand.axes) {
      key += ';';
      for (const Dim &dim : axis)
        key += fmt::format("{},{} ", dim.extent, dim.stride);
    }
    key += '|';
  }
  key += value.kind == Kind::Pointwise ? value.function.key() : value.reason;
  auto [it, fresh] = known.try_emplace(std::move(key), nullptr);
  if (fresh) {
    value.id = static_cast<int>(values.size());
    value.node = node;
    values.push_back(std::move(value));
    it->second = &values.back();
  }
  return *it->second;
}

View Graph::finish(Value value, llvm::ArrayRef<int64_t> shape) {
  value.size = product(shape);
  return wholeOf(unique(std::move(value)), shape);
}

View Graph::unknown(std::string reason, bool otherInput) {
  Value value;
  value.kind = Kind::Unknown;
  value.reason = fmt::format("{}", reason);
  value.otherInput = otherInput;
  value.size = 1;
  View view;
  view.source = &unique(std::move(value));
  return view;
}

View Graph::image(llvm::ArrayRef<int64_t> shape) {
  Value value;
  value.kind = Kind::Image;
  return finish(std::move(value), shape);
}

/// A value that is computed element by element. It takes the layout of its first operand that is a whole
/// value, so that a Transpose in front of it or behind it makes no difference.
View Graph::elementwise(Value value, llvm::ArrayRef<const View *> operands, double scale) {
  std::optional<Aligned> aligned = align(operands);
  if (!aligned)
    return unknown("operands whose dimensions were regrouped in ways that do not nest");
  llvm::SmallVector<size_t, 8> order(aligned->extents.size());
  std::iota(order.begin(), order.end(), 0);
  for (size_t v = 0; v < operands.size(); ++v)
    if (valueOf(*operands[v]) && coversOnce(*operands[v], operands[v]->source->size)) {
      const auto &strides = aligned->strides[v]; // all different
      llvm::sort(order, [&](size_t a, size_t b) { return strides[a] > strides[b]; });
      break;
    }
  llvm::SmallVector<int64_t, 8> steps(order.size()); // of each factor in the result
  int64_t size = 1;
  for (size_t i : llvm::reverse(order)) {
    steps[i] = size;
    size *= aligned->extents[i];
  }
  // Factors that follow each other in all operands are one.
  llvm::SmallVector<llvm::SmallVector<Dim, 3>, 8> layout; // one Dim for each operand
  for (size_t i : order) {
    llvm::SmallVector<Dim, 3> factor;
    for (const auto &strides : aligned->strides)
      factor.push_back({aligned->extents[i], strides[i]});
    bool merges = !layout.empty();
    for (size_t v = 0; merges && v < operands.size(); ++v)
      merges = layout.back()[v].stride == factor[v].extent * factor[v].stride;
    if (!merges)
      layout.push_back(factor);
    else
      for (size_t v = 0; v < operands.size(); ++v)
        layout.back()[v] = {layout.back()[v].extent * factor[v].extent, factor[v].stride};
  }
  for (size_t v = 0; v < operands.size(); ++v) {
    View operand = *operands[v];
    operand.axes.clear();
    for (const auto &factor : layout)
      operand.axes.push_back({factor[v]});
    value.operands.push_back(std::move(operand));
  }
  value.size = size;
  View result;
  result.source = &unique(std::move(value));
  result.scale = scale;
  result.axes.assign(operands[0]->rank(), {});
  for (size_t i = 0; i < steps.size(); ++i)
    result.axes[aligned->axis[i]].push_back({aligned->extents[i], steps[i]});
  for (Dims &axis : result.axes)
    axis = merged(axis);
  return result;
}

std::pair<View, Function> Graph::resolve(const View &x) const {
  View plain = x;
  plain.scale = 1;
  Function outer = Function::scale(x.scale);
  if (const Value *value = valueOf(x, Kind::Pointwise))
    if (std::optional<View> base = compose(plain, value->operands[0]))
      return {*base, value->function.into(outer)};
  return {plain, outer};
}

View Graph::scaled(View x, double factor) {
  if (firstUnknown({&x}) || factor == 1)
    return x;
  if (!std::isfinite(factor) || factor == 0)
    return unknown("a product with 0 or with a number that is not finite");
  if (onnx::isConstant(x))
    return foldBinary(*findFunctionOp("Mul"), x, constant(constantOf(x)->type, {}, {factor}));
  if (valueOf(x, Kind::Pointwise))
    return apply(x, Function::scale(factor));
  x.scale *= factor;
  return x;
}

View Graph::unary(const FunctionOp &op, const View &x) {
  if (llvm::StringRef(op.name) == "Neg")
    return scaled(x, -1); // a factor, not a function
  return apply(x, Function::scale(1).then(op));
}

View Graph::ofOneImage(const View &x) {
  if (batch == 1 || !onnx::isConstant(x) || x.rank() == 0 || x.extent(0) != batch)
    return x;
  std::optional<View> first = slice(x, 0, 0, 1);
  std::optional<std::vector<double>> all = read(x);
  if (!first || !all)
    return x;
  size_t size = all->size() / static_cast<size_t>(batch);
  for (size_t i = size; i < all->size(); ++i)
    if ((*all)[i] != (*all)[i - size])
      return x;
  return *first;
}

View Graph::binary(const FunctionOp &op, View a, View b) {
  if (const View *unknownOperand = firstUnknown({&a, &b}))
    return *unknownOperand;
  if (a.rank() == b.rank() && onnx::isConstant(a) != onnx::isConstant(b)) {
    View &constant = onnx::isConstant(a) ? a : b;
    constant = ofOneImage(constant);
  }
  auto shape = broadcastShape(a.shape(), b.shape());
  if (!shape)
    return unknown(fmt::format("shapes that do not fit: [{}] and [{}]", fmt::join(a.shape(), ", "),
                               fmt::join(b.shape(), ", ")));
  a = *broadcastTo(a, *shape);
  b = *broadcastTo(b, *shape);
  if (onnx::isConstant(a) && onnx::isConstant(b))
    return foldBinary(op, a, b);

  llvm::StringRef name = op.name;
  if (name == "Sub")
    return binary(*findFunctionOp("Add"), a, scaled(b, -1));
  if (name == "Div")
    return binary(*findFunctionOp("Mul"), a, unary(*findFunctionOp("Reciprocal"), b));
  bool swapped = onnx::isConstant(a);
  if (swapped)
    std::swap(a, b);
  std::optional<double> number = onnx::isConstant(b) ? scalar(b) : std::nullopt;
  if (name != "Add" && name != "Mul") {
    if (!number)
      return unknown(fmt::format("{} of the image's data with something that is not one number", name.str()));
    return apply(a, Function::scale(1).withConstant(op, *number, swapped));
  }
  bool sum = name == "Add";
  Value value;
  value.kind = sum ? Kind::Add : Kind::Mul;
  if (onnx::isConstant(b)) {
    if (std::optional<View> absorbed = absorb(a, b, !sum))
      return *absorbed;
    if (number && sum)
      return *number == 0 ? a : apply(a, Function::scale(1).withConstant(op, *number, false));
    if (number)
      return scaled(a, *number);
    if (sum)
      return elementwise(std::move(value), {&a, &b}, 1);
    View plain = a;
    plain.scale = 1;
    return elementwise(std::move(value), {&plain, &b}, a.scale);
  }
  if (std::optional<View> norm = sum ? centre(a, b) : normalise(a, b))
    return *norm;
  auto [baseA, f] = resolve(a);
  auto [baseB, g] = resolve(b);
  if (baseA == baseB) {
    Function both = f.combine(op, g);
    return apply(baseA, both);
  }
  if (a.source != b.source
          ? static_cast<const Value *>(b.source)->id < static_cast<const Value *>(a.source)->id
          : b.offset < a.offset)
    std::swap(a, b);
  double scale = sum ? (a.scale == b.scale ? a.scale : 1) : a.scale * b.scale;
  if (!sum || a.scale == b.scale)
    a.scale = b.scale = 1;
  return elementwise(std::move(value), {&a, &b}, scale);
}

View Graph::matmul(const View &a, const View &b) {
  if (const View *unknownOperand = firstUnknown({&a, &b}))
    return *unknownOperand;
  if (a.rank() < 2 || b.rank() < 2 || a.extent(a.rank() - 1) != b.extent(b.rank() - 2))
    return unknown(fmt::format("matrices that do not fit: [{}] and [{}]", fmt::join(a.shape(), ", "),
                               fmt::join(b.shape(), ", ")));
  if (onnx::isConstant(a) && onnx::isConstant(b))
    return foldMatmul(a, b);
  auto batchOf = [](const View &x) {
    auto shape = x.shape();
    return llvm::SmallVector<int64_t, 4>(shape.begin(), shape.end() - 2);
  };
  auto batch = broadcastShape(batchOf(a), batchOf(b));
  if (!batch)
    return unknown("a product of matrices with batches that do not fit");
  llvm::SmallVector<int64_t, 4> shape = *batch;
  int64_t rows = a.extent(a.rank() - 2), inner = a.extent(a.rank() - 1), columns = b.extent(b.rank() - 1);
  shape.append({rows, columns});

  Value value;
  if (onnx::isConstant(b) && product(batchOf(b)) == 1) {
    value.kind = Kind::Linear;
    View x = a, weight = b;
    while (x.rank() < shape.size())
      x.axes.insert(x.axes.begin(), Dims());
    x = group(x, {x.rank() - 1, 1});
    weight.axes.erase(weight.axes.begin(), weight.axes.end() - 2);
    // A factor stays with what it scales: the mean of tokens in front of a head, whose bias is added behind.
    value.operands = {x, transpose(weight, {1, 0}), View()};
    return finish(std::move(value), shape);
  }
  if (onnx::isConstant(a) && product(*batch) == 1 && a.rank() == 2) { // W x = (x^T W^T)^T
    View flipped = matmul(transpose(group(b, {b.rank() - 1, 1}), {1, 0}), transpose(a, {1, 0}));
    return firstUnknown({&flipped}) ? flipped : *reshape(transpose(flipped, {1, 0}), shape);
  }
  auto stacked = [&](const View &x, int64_t m, int64_t n) {
    llvm::SmallVector<int64_t, 4> full = *batch;
    full.append({m, n});
    View result = group(*broadcastTo(x, full), {batch->size(), 1, 1});
    result.scale = 1;
    return result;
  };
  value.kind = Kind::MatMul;
  value.operands = {stacked(a, rows, inner), stacked(b, inner, columns)};
  return scaled(finish(std::move(value), shape), a.scale * b.scale);
}

View Graph::softmax(const View &x, size_t axis) {
  if (firstUnknown({&x}))
    return x;
  if (onnx::isConstant(x))
    return unknown("a softmax of weights");
  llvm::SmallVector<int64_t, 4> order(x.rank());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[axis], order.back()); // its own inverse
  View last = transpose(x, order);
  Value value;
  value.kind = Kind::Softmax;
  value.operands = {group(last, {x.rank() - 1, 1})};
  return transpose(finish(std::move(value), last.shape()), order);
}

View Graph::norm(NormKind kind, const View &x, size_t axis, double eps, const View &gain, const View &bias) {
  for (const View *operand : {&x, &gain, &bias})
    if (firstUnknown({operand}))
      return *operand;
  if (onnx::isConstant(x) || (gain.source && !onnx::isConstant(gain)) ||
      (bias.source && !onnx::isConstant(bias)))
    return unknown("a norm of weights, or one whose gain is computed from the image");
  auto shape = x.shape();
  llvm::ArrayRef<int64_t> columns = llvm::ArrayRef(shape).drop_front(axis);
  Value value;
  value.kind = Kind::Norm;
  value.norm = kind;
  value.eps = shortestDecimal(eps);
  value.operands = {group(x, {axis, x.rank() - axis}), View(), View()};
  for (auto [parameter, operand] :
       {std::pair(&gain, &value.operands[1]), std::pair(&bias, &value.operands[2])})
    if (parameter->source) {
      std::optional<View> wide = broadcastTo(*parameter, columns);
      if (!wide)
        return unknown("a norm whose gain or bias has another shape than what it normalises");
      *operand = group(*wide, {columns.size()});
    }
  return finish(std::move(value), shape);
}

View Graph::reduce(Reduction reduction, const View &x, llvm::ArrayRef<size_t> axes, bool keepDims) {
  if (firstUnknown({&x}))
    return x;
  if (onnx::isConstant(x))
    return foldReduce(reduction, x, axes, keepDims);
  if (reduction != Reduction::Sum && reduction != Reduction::Max)
    return unknown("a minimum or product of the image's data");
  llvm::SmallVector<int64_t, 4> order, kept, shape;
  for (size_t i = 0; i < x.rank(); ++i)
    if (!llvm::is_contained(axes, i)) {
      order.push_back(static_cast<int64_t>(i));
      kept.push_back(x.extent(i));
    }
  for (size_t i = 0; i < x.rank(); ++i) {
    if (!llvm::is_contained(axes, i))
      shape.push_back(x.extent(i));
    else if (keepDims)
      shape.push_back(1);
    if (llvm::is_contained(axes, i))
      order.push_back(static_cast<int64_t>(i));
  }
  bool pull = reduction == Reduction::Sum || x.scale > 0;
  Value value;
  value.kind = Kind::Reduce;
  value.reduction = reduction;
  value.operands = {group(transpose(x, order), {kept.size(), axes.size()})};
  if (pull)
    value.operands[0].scale = 1;
  return scaled(*reshape(finish(std::move(value), kept), shape), pull ? x.scale : 1);
}

View Graph::concat(llvm::ArrayRef<View> given, size_t axis) {
  llvm::SmallVector<View, 4> list, parts(given);
  if (axis > 0 && !llvm::all_of(given, onnx::isConstant))
    for (View &part : parts)
      part = ofOneImage(part);
  int64_t extent = 0;
  for (const View &part : parts) {
    if (firstUnknown({&part}))
      return part;
    if (part.rank() != parts[0].rank() || axis >= part.rank())
      return unknown("a Concat of tensors with other numbers of dimensions");
    extent += part.extent(axis);
    if (part.extent(axis) == 0)
      continue;
    if (!list.empty()) { // neighbours in one source are one part
      View &last = list.back();
      View joined = last;
      auto stepOf = [&](const View &v) { return v.axes[axis].empty() ? -1 : v.axes[axis].back().stride; };
      int64_t step = std::max(stepOf(last), stepOf(part));
      if (step < 0)
        step = part.offset - last.offset;
      bool single = last.axes[axis].size() <= 1 && part.axes[axis].size() <= 1;
      joined.axes[axis] = merged({{last.extent(axis) + part.extent(axis), step}});
      View expected = part;
      expected.axes[axis] = joined.axes[axis];
      expected.offset = last.offset;
      if (single && step > 0 && expected == joined && part.offset == last.offset + last.extent(axis) * step &&
          (stepOf(last) < 0 || stepOf(last) == step) && (stepOf(part) < 0 || stepOf(part) == step)) {
        last = joined;
        continue;
      }
    }
    list.push_back(part);
  }
  if (list.empty())
    return parts[0];
  if (list.size() == 1)
    return list[0];
  llvm::SmallVector<int64_t, 4> shape = list[0].shape();
  shape[axis] = extent;
  for (const View &part : list)
    for (size_t i = 0; i < shape.size(); ++i)
      if (i != axis && part.extent(i) != shape[i])
        return unknown("a Concat of tensors that do not fit");
  Value value;
  value.kind = Kind::Concat;
  for (const View &part : list)
    value.operands.push_back(group(part, {axis, 1, part.rank() - axis - 1}));
  if (llvm::all_of(list, [](const View &v) { return onnx::isConstant(v); }))
    return foldConcat(value.operands, shape);
  return finish(std::move(value), shape);
}

View Graph::patchConv(const View &image, const View &weight, Extent stride) {
  int64_t width = weight.extent(0), rows = (image.extent(1) - weight.extent(2)) / stride.height + 1,
          columns = (image.extent(2) - weight.extent(3)) / stride.width + 1;
  Value value;
  value.kind = Kind::PatchConv;
  value.stride = stride;
  value.operands = {image, weight, View()};
  return transpose(finish(std::move(value), {rows, columns, width}), {2, 0, 1});
}

View Graph::apply(const View &x, const Function &function) {
  if (firstUnknown({&x}))
    return x;
  if (onnx::isConstant(x))
    return foldFunction(x, function);
  auto [base, inner] = resolve(x);
  Value value;
  value.kind = Kind::Pointwise;
  value.function = inner.into(function);
  if (value.function.isIdentity())
    return base;
  if (value.function.tooLong())
    return unknown("an elementwise function of more than 100 operators");
  return elementwise(std::move(value), {&base}, 1);
}

std::optional<View> Graph::selectRows(const View &weight, int64_t first, llvm::ArrayRef<Dim> dims) {
  int64_t row = weight.elements() / weight.extent(0);
  View outer;
  outer.offset = first * row;
  Dims rows;
  for (const Dim &dim : dims)
    rows.push_back({dim.extent, dim.stride * row});
  outer.axes.push_back(merged(rows));
  outer.axes.push_back(merged({{row, 1}}));
  return compose(outer, weight);
}
