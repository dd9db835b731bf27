#include "compiler/Import/OnnxView.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cassert>
#include <numeric>

using namespace vitc;
using namespace vitc::onnx;

int64_t onnx::product(llvm::ArrayRef<Dim> dims) {
  int64_t result = 1;
  for (const Dim &dim : dims)
    result *= dim.extent;
  return result;
}

int64_t onnx::product(llvm::ArrayRef<int64_t> extents) {
  return std::accumulate(extents.begin(), extents.end(), int64_t(1), std::multiplies<>());
}

Dims onnx::merged(llvm::ArrayRef<Dim> dims) {
  Dims result;
  for (const Dim &dim : dims) {
    if (dim.extent == 1)
      continue;
    if (!result.empty() && result.back().stride == dim.extent * dim.stride)
      result.back() = {result.back().extent * dim.extent, dim.stride};
    else
      result.push_back(dim);
  }
  return result;
}

int64_t View::extent(size_t axis) const { return product(axes[axis]); }

llvm::SmallVector<int64_t, 4> View::shape() const {
  llvm::SmallVector<int64_t, 4> result;
  for (const Dims &axis : axes)
    result.push_back(product(axis));
  return result;
}

int64_t View::elements() const { return product(shape()); }

Dims View::flat() const {
  Dims all;
  for (const Dims &axis : axes)
    all.append(axis.begin(), axis.end());
  return merged(all);
}

View onnx::wholeOf(const Source &source, llvm::ArrayRef<int64_t> shape) {
  View view;
  view.source = &source;
  int64_t stride = 1;
  for (int64_t extent : llvm::reverse(shape)) {
    view.axes.push_back(merged({{extent, stride}}));
    stride *= extent;
  }
  std::reverse(view.axes.begin(), view.axes.end());
  return view;
}

bool onnx::coversOnce(const View &view, int64_t size) {
  Dims dims = view.flat();
  llvm::sort(dims, [](const Dim &a, const Dim &b) { return a.stride > b.stride; });
  Dims sorted = merged(dims);
  return view.offset == 0 && view.elements() == size &&
         (sorted.empty() || (sorted.size() == 1 && sorted[0] == Dim{size, 1}));
}

bool onnx::isWhole(const View &view, int64_t size) {
  Dims dims = view.flat();
  return view.offset == 0 && view.elements() == size &&
         (dims.empty() || (dims.size() == 1 && dims[0] == Dim{size, 1}));
}

namespace {

/// Takes factors off the inner end of a list of dimensions.
class Cutter {
public:
  explicit Cutter(llvm::ArrayRef<Dim> dims) : dims(dims.begin(), dims.end()) {}
  /// Steps left in the innermost dimension; 1 when none is left.
  int64_t innermost() {
    while (!dims.empty() && dims.back().extent == 1)
      dims.pop_back();
    return dims.empty() ? 1 : dims.back().extent;
  }
  /// Takes `extent` steps of the innermost dimension, which must be a multiple of it; returns their stride.
  int64_t take(int64_t extent) {
    if (dims.empty())
      return 0;
    Dim &dim = dims.back();
    int64_t stride = dim.stride;
    dim = {dim.extent / extent, dim.stride * extent};
    return stride;
  }

private:
  Dims dims;
};

} // namespace

std::optional<View> onnx::reshape(const View &view, llvm::ArrayRef<int64_t> shape) {
  View result = view;
  result.axes.assign(shape.size(), {});
  if (llvm::is_contained(shape, 0)) {
    for (size_t i = 0; i < shape.size(); ++i)
      result.axes[i] = merged({{shape[i], 1}});
    return result;
  }
  Cutter cutter(view.flat());
  for (size_t axis = shape.size(); axis-- > 0;) {
    Dims dims; // innermost first
    for (int64_t left = shape[axis]; left > 1;) {
      int64_t available = cutter.innermost();
      int64_t factor = std::min(available, left);
      if (factor <= 1 || available % factor || left % factor)
        return std::nullopt;
      dims.push_back({factor, cutter.take(factor)});
      left /= factor;
    }
    std::reverse(dims.begin(), dims.end());
    result.axes[axis] = merged(dims);
  }
  return result;
}

View onnx::transpose(const View &view, llvm::ArrayRef<int64_t> permutation) {
  View result = view;
  for (size_t i = 0; i < permutation.size(); ++i)
    result.axes[i] = view.axes[permutation[i]];
  return result;
}

std::optional<View> onnx::slice(const View &view, size_t axis, int64_t start, int64_t count, int64_t step) {
  View result = view;
  Dims &dims = result.axes[axis];
  if (count == 0) {
    dims = {{0, 1}};
    return result;
  }
  // From the outermost dimension inwards, as long as the range stays within one of its steps.
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t inner = product(llvm::ArrayRef(dims).drop_front(i + 1)), last = start + (count - 1) * step;
    if (i + 1 == dims.size() || (step == 1 && start % inner == 0 && count % inner == 0)) {
      result.offset += start / inner * dims[i].stride;
      dims[i] = {count / inner, dims[i].stride * step};
      break;
    }
    if (start / inner != last / inner)
      return std::nullopt;
    result.offset += start / inner * dims[i].stride;
    start %= inner;
    dims[i].extent = 1;
  }
  dims = merged(dims);
  return result;
}

std::optional<View> onnx::broadcastTo(const View &view, llvm::ArrayRef<int64_t> shape) {
  if (view.rank() > shape.size())
    return std::nullopt;
  View result = view;
  result.axes.assign(shape.size(), {});
  size_t added = shape.size() - view.rank();
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t have = i < added ? 1 : view.extent(i - added);
    if (have == shape[i])
      result.axes[i] = i < added ? Dims() : view.axes[i - added];
    else if (have == 1)
      result.axes[i] = merged({{shape[i], 0}});
    else
      return std::nullopt;
  }
  return result;
}

std::optional<llvm::SmallVector<int64_t, 4>> onnx::broadcastShape(llvm::ArrayRef<int64_t> a,
                                                                  llvm::ArrayRef<int64_t> b) {
  llvm::SmallVector<int64_t, 4> result(std::max(a.size(), b.size()), 1);
  for (llvm::ArrayRef<int64_t> shape : {a, b}) {
    size_t added = result.size() - shape.size();
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t &extent = result[added + i];
      if (extent != 1 && shape[i] != 1 && extent != shape[i])
        return std::nullopt;
      extent = extent == 1 ? shape[i] : extent;
    }
  }
  return result;
}

View onnx::group(const View &view, llvm::ArrayRef<size_t> counts) {
  View result = view;
  result.axes.clear();
  size_t at = 0;
  for (size_t count : counts) {
    Dims dims;
    for (size_t i = 0; i < count; ++i)
      dims.append(view.axes[at + i].begin(), view.axes[at + i].end());
    result.axes.push_back(merged(dims));
    at += count;
  }
  assert(at == view.rank() && "every axis belongs to a group");
  return result;
}

std::optional<Aligned> onnx::align(llvm::ArrayRef<const View *> views) {
  Aligned result; // innermost first until the end
  result.strides.resize(views.size());
  for (size_t axis = views[0]->rank(); axis-- > 0;) {
    llvm::SmallVector<Cutter, 3> cutters;
    for (const View *view : views)
      cutters.emplace_back(view->axes[axis]);
    for (int64_t left = views[0]->extent(axis); left > 1;) {
      int64_t factor = left;
      for (Cutter &cutter : cutters)
        factor = std::min(factor, cutter.innermost());
      for (Cutter &cutter : cutters)
        if (factor <= 1 || cutter.innermost() % factor)
          return std::nullopt;
      for (auto [cutter, strides] : llvm::zip(cutters, result.strides))
        strides.push_back(cutter.take(factor));
      result.extents.push_back(factor);
      result.axis.push_back(axis);
      left /= factor;
    }
  }
  std::reverse(result.extents.begin(), result.extents.end());
  std::reverse(result.axis.begin(), result.axis.end());
  for (auto &strides : result.strides)
    std::reverse(strides.begin(), strides.end());
  return result;
}

std::optional<View> onnx::compose(const View &outer, const View &inner) {
  // `inner` in row-major order: `steps[k]` elements lie between neighbours of dimension k.
  Dims dims = inner.flat();
  llvm::SmallVector<int64_t, 4> steps(dims.size());
  for (int64_t k = static_cast<int64_t>(dims.size()) - 1, step = 1; k >= 0; step *= dims[k--].extent)
    steps[k] = step;

  View result = inner;
  result.scale = outer.scale * inner.scale;
  result.axes.assign(outer.rank(), {});
  llvm::SmallVector<int64_t, 4> first(dims.size()); // index of the first element
  int64_t rest = outer.offset;
  for (size_t k = 0; k < dims.size(); ++k) {
    first[k] = rest / steps[k];
    rest %= steps[k];
    result.offset += first[k] * dims[k].stride;
  }
  llvm::SmallVector<int64_t, 4> last = first; // ... and of the last one
  for (size_t axis = 0; axis < outer.rank(); ++axis) {
    Dims mapped; // innermost first
    for (const Dim &dim : llvm::reverse(outer.axes[axis])) {
      int64_t extent = dim.extent, stride = dim.stride;
      if (stride == 0 || dims.empty()) {
        mapped.push_back({extent, 0});
        continue;
      }
      // The dimension of `inner` that the stride steps along, then outwards for what goes beyond its end.
      size_t k = dims.size() - 1;
      while (k > 0 && steps[k - 1] <= stride)
        --k;
      while (true) {
        if (stride % steps[k])
          return std::nullopt;
        int64_t jump = stride / steps[k], inside = extent;
        if (extent > (dims[k].extent - first[k] + jump - 1) / jump) {
          // Only whole rows, from the beginning of one.
          inside = dims[k].extent / jump;
          if (k == 0 || dims[k].extent % jump || first[k] >= jump || extent % inside)
            return std::nullopt;
        }
        mapped.push_back({inside, jump * dims[k].stride});
        last[k] += (inside - 1) * jump;
        extent /= inside;
        if (extent == 1)
          break;
        stride = steps[--k];
      }
    }
    std::reverse(mapped.begin(), mapped.end());
    result.axes[axis] = merged(mapped);
  }
  // Along no dimension of `inner` may the steps of several dimensions of `outer` together run over the end.
  for (size_t k = 0; k < dims.size(); ++k)
    if (last[k] >= dims[k].extent)
      return std::nullopt;
  return result;
}
