//===- OnnxFold.cpp - what weights and shapes alone decide ------------------------------------------===//
//
// Everything is computed in float64, so that a folded table is as exact as a stored one. Only numbers of few
// elements are rounded to float where ONNX says so: exporters compute sizes with them, and floor(16.0 - 1
// ulp) has to come out as the framework's.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/OnnxGraph.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

static constexpr size_t fewElements = 8;

static TensorSlice sliceOf(const RawTensor &raw, const View &view) {
  TensorSlice slice;
  slice.raw = &raw;
  slice.first = view.offset;
  for (const Dim &dim : view.flat())
    slice.dims.push_back({dim.extent, dim.stride});
  slice.shape = {view.elements()};
  return slice;
}

/// Calls `visit` with the position of every element, in row-major order.
template <typename Visit> static void visitElements(const View &view, Visit visit) {
  Dims dims = view.flat();
  llvm::SmallVector<int64_t, 4> index(dims.size());
  int64_t at = view.offset;
  for (int64_t left = view.elements(); left > 0; --left) {
    visit(at);
    for (size_t i = dims.size(); i-- > 0;) {
      at += dims[i].stride;
      if (++index[i] < dims[i].extent)
        break;
      at -= dims[i].extent * dims[i].stride;
      index[i] = 0;
    }
  }
}

bool Graph::spend(uint64_t bytes) {
  if (bytes > budget)
    return false;
  budget -= bytes;
  return true;
}

View Graph::constant(DataType type, llvm::ArrayRef<int64_t> shape, std::vector<double> elements) {
  if (!spend(elements.size() * sizeof(double)))
    return unknown("more constants than the memory that the file's size allows");
  if (type == DataType::Float && elements.size() <= fewElements)
    for (double &element : elements)
      element = static_cast<float>(element);
  Constant constant;
  constant.constant = true;
  constant.id = static_cast<int>(constants.size());
  constant.size = static_cast<int64_t>(elements.size());
  constant.type = type;
  constant.values = std::move(elements);
  constants.push_back(std::move(constant));
  return wholeOf(constants.back(), shape);
}

View Graph::tensor(const Tensor &tensor) {
  if (!isFloat(tensor.type))
    return constant(tensor.type, tensor.dims, tensor.decoded);
  Constant constant;
  constant.constant = true;
  constant.id = static_cast<int>(constants.size());
  constant.size = tensor.elements;
  constant.type = tensor.type;
  constant.raw = &tensor.raw;
  constants.push_back(std::move(constant));
  return wholeOf(constants.back(), tensor.dims);
}

std::optional<std::vector<double>> Graph::read(const View &view) {
  const Constant *source = constantOf(view);
  int64_t count = view.elements();
  if (!source || static_cast<uint64_t>(count) > budget / sizeof(double))
    return std::nullopt;
  std::vector<double> result;
  if (count == 0)
    return result;
  if (source->raw) {
    result.resize(count);
    viewOf(sliceOf(*source->raw, view), {count})->read(0, result);
    return result;
  }
  result.reserve(count);
  visitElements(view, [&](int64_t at) { result.push_back(source->values[at]); });
  return result;
}

std::optional<double> Graph::scalar(const View &view) {
  if (view.elements() == 0)
    return std::nullopt;
  View first = view;
  for (Dims &axis : first.axes)
    axis.clear();
  auto element = [&](int64_t at) {
    first.offset = at;
    return (*read(first))[0];
  };
  Dims dims = view.flat();
  if (!constantOf(view)->raw || llvm::all_of(dims, [](const Dim &d) { return d.stride == 0; })) {
    double value = element(view.offset);
    bool equal = true;
    if (!llvm::all_of(dims, [](const Dim &d) { return d.stride == 0; }))
      visitElements(view, [&](int64_t at) { equal &= constantOf(view)->values[at] == value; });
    return equal ? std::optional(value) : std::nullopt;
  }
  // A stored table: only one of zeros is a number in disguise (a mask that hides nothing).
  std::optional<std::vector<double>> all = read(view);
  return all && llvm::all_of(*all, [](double v) { return v == 0; }) ? std::optional(0.0) : std::nullopt;
}

View Graph::foldFunction(const View &x, const Function &function) {
  std::optional<std::vector<double>> values = read(x);
  if (!values)
    return unknown("more constants than the memory that the file's size allows");
  for (double &value : *values)
    value = function(value);
  return constant(constantOf(x)->type, x.shape(), std::move(*values));
}

View Graph::foldBinary(const FunctionOp &op, const View &a, const View &b) {
  auto shape = broadcastShape(a.shape(), b.shape());
  View left = *broadcastTo(a, *shape), right = *broadcastTo(b, *shape);
  std::optional<std::vector<double>> x = read(left), y = read(right);
  if (!x || !y)
    return unknown("more constants than the memory that the file's size allows");
  DataType type = constantOf(a)->type;
  llvm::StringRef name = op.name;
  bool wholeDivision = name == "Div" && !isFloat(type);
  for (auto [u, v] : llvm::zip(*x, *y)) {
    u = op.binary(u, v);
    if (wholeDivision)
      u = std::trunc(u);
  }
  if (name == "Equal" || name.starts_with("Greater") || name.starts_with("Less") || name == "And" ||
      name == "Or" || name == "Xor")
    type = DataType::Bool;
  return constant(type, *shape, std::move(*x));
}

View Graph::foldMatmul(const View &a, const View &b) {
  auto prefix = [](const View &x) {
    auto shape = x.shape();
    return llvm::SmallVector<int64_t, 4>(shape.begin(), shape.end() - 2);
  };
  auto batch = broadcastShape(prefix(a), prefix(b));
  if (!batch)
    return unknown("a product of matrices with batches that do not fit");
  int64_t m = a.extent(a.rank() - 2), k = a.extent(a.rank() - 1), n = b.extent(b.rank() - 1);
  llvm::SmallVector<int64_t, 4> shapeA = *batch, shapeB = *batch, shape = *batch;
  shapeA.append({m, k});
  shapeB.append({k, n});
  shape.append({m, n});
  int64_t work;
  constexpr uint64_t mostWork = uint64_t(1) << 32; // a few seconds; folding a pool's query takes D * D
  if (llvm::MulOverflow(product(shape), k, work) ||
      (multiplications += static_cast<uint64_t>(work)) > mostWork)
    return unknown("products of weights with weights that are too large to compute at import");
  std::optional<std::vector<double>> x = read(*broadcastTo(a, shapeA)), y = read(*broadcastTo(b, shapeB));
  if (!x || !y || static_cast<uint64_t>(product(shape)) > budget / sizeof(double))
    return unknown("more constants than the memory that the file's size allows");
  std::vector<double> result(product(shape));
  for (int64_t s = 0; s < product(*batch); ++s)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t p = 0; p < k; ++p) {
        double factor = (*x)[(s * m + i) * k + p];
        const double *row = &(*y)[(s * k + p) * n];
        double *out = &result[(s * m + i) * n];
        for (int64_t j = 0; j < n; ++j)
          out[j] += factor * row[j];
      }
  return constant(constantOf(a)->type, shape, std::move(result));
}

View Graph::foldReduce(Reduction reduction, const View &x, llvm::ArrayRef<size_t> axes, bool keepDims) {
  llvm::SmallVector<int64_t, 4> order, shape, kept;
  for (bool inside : {false, true})
    for (size_t i = 0; i < x.rank(); ++i)
      if (llvm::is_contained(axes, i) == inside) {
        order.push_back(static_cast<int64_t>(i));
        if (!inside)
          kept.push_back(x.extent(i));
      }
  for (size_t i = 0; i < x.rank(); ++i)
    if (!llvm::is_contained(axes, i))
      shape.push_back(x.extent(i));
    else if (keepDims)
      shape.push_back(1);
  std::optional<std::vector<double>> values = read(transpose(x, order));
  if (!values || values->empty())
    return unknown("a reduction of nothing, or of more than the memory that the file's size allows");
  int64_t rows = product(kept), columns = static_cast<int64_t>(values->size()) / rows;
  std::vector<double> result(rows);
  for (int64_t r = 0; r < rows; ++r) {
    double total = (*values)[r * columns];
    for (int64_t c = 1; c < columns; ++c) {
      double next = (*values)[r * columns + c];
      switch (reduction) {
      case Reduction::Sum:
        total += next;
        break;
      case Reduction::Product:
        total *= next;
        break;
      case Reduction::Max:
        total = std::max(total, next);
        break;
      case Reduction::Min:
        total = std::min(total, next);
        break;
      }
    }
    result[r] = total;
  }
  return constant(constantOf(x)->type, shape, std::move(result));
}

View Graph::foldConcat(llvm::ArrayRef<View> parts, llvm::ArrayRef<int64_t> shape) {
  if (static_cast<uint64_t>(product(shape)) > budget / sizeof(double))
    return unknown("more constants than the memory that the file's size allows");
  std::vector<std::vector<double>> contents;
  for (const View &part : parts) {
    std::optional<std::vector<double>> values = read(part);
    if (!values)
      return unknown("more constants than the memory that the file's size allows");
    contents.push_back(std::move(*values));
  }
  std::vector<double> result;
  result.reserve(product(shape));
  for (int64_t outer = 0, count = parts[0].extent(0); outer < count; ++outer)
    for (const auto &values : contents) {
      auto run = static_cast<int64_t>(values.size()) / count;
      result.insert(result.end(), values.begin() + outer * run, values.begin() + (outer + 1) * run);
    }
  return constant(constantOf(parts[0])->type, shape, std::move(result));
}

std::optional<View> Graph::reshape(const View &x, llvm::ArrayRef<int64_t> shape) {
  if (x.elements() != product(shape))
    return std::nullopt;
  if (std::optional<View> view = onnx::reshape(x, shape))
    return view;
  if (!onnx::isConstant(x))
    return std::nullopt;
  std::optional<std::vector<double>> values = read(x);
  if (!values)
    return std::nullopt;
  return constant(constantOf(x)->type, shape, std::move(*values));
}
