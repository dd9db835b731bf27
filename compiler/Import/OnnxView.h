//===- OnnxView.h - which elements of a tensor, in which order --------------------------------------===//
//
// Exporters say the same thing in many ways: queries, keys and values are cut by Split, Slice or Gather,
// before or after a Reshape and a Transpose, with the heads in a dimension of their own or merged into the
// batch. All of these only rename elements. A View is what they leave: offsets and strides into one source,
// with every axis a product of strided dimensions, so that views compose and two spellings of one selection
// are equal.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXVIEW_H
#define COMPILER_IMPORT_ONNXVIEW_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>

namespace vitc::onnx {

class Source;

/// Steps through a source: element i lies at i * stride. Stride 0 repeats an element.
struct Dim {
  int64_t extent, stride;
  bool operator==(const Dim &) const = default;
};
using Dims = llvm::SmallVector<Dim, 4>;

/// Elements of `source`, which is a linear array. An axis is a product of dimensions, outermost first; one of
/// extent 1 has none. Normal form, which every function here keeps: no dimension of extent 1, and neighbours
/// within an axis merged where they can be.
struct View {
  const Source *source = nullptr;
  int64_t offset = 0;
  llvm::SmallVector<Dims, 4> axes;
  double scale = 1; ///< factor on every element; 1 for constants

  size_t rank() const { return axes.size(); }
  int64_t extent(size_t axis) const;
  llvm::SmallVector<int64_t, 4> shape() const;
  int64_t elements() const;
  /// All dimensions in order, merged across axes.
  Dims flat() const;
  bool operator==(const View &) const = default;
};

int64_t product(llvm::ArrayRef<Dim> dims);
int64_t product(llvm::ArrayRef<int64_t> extents);
/// Normal form of one axis.
Dims merged(llvm::ArrayRef<Dim> dims);

/// The whole source, row-major. Precondition: the extents' product is the source's size.
View wholeOf(const Source &source, llvm::ArrayRef<int64_t> shape);

/// True if the view holds every element of its source exactly once, whatever the order. `size`: the source's.
bool coversOnce(const View &view, int64_t size);
/// ... and in order.
bool isWhole(const View &view, int64_t size);

// Each returns nothing if the result is no view.
std::optional<View> reshape(const View &view, llvm::ArrayRef<int64_t> shape);
View transpose(const View &view, llvm::ArrayRef<int64_t> permutation);
/// `count` indices of an axis from `start` on, `step` > 0 apart. Precondition: they lie within the axis.
std::optional<View> slice(const View &view, size_t axis, int64_t start, int64_t count, int64_t step = 1);
/// NumPy's rule. Nothing if the shapes do not fit.
std::optional<View> broadcastTo(const View &view, llvm::ArrayRef<int64_t> shape);
/// The shape that both broadcast to.
std::optional<llvm::SmallVector<int64_t, 4>> broadcastShape(llvm::ArrayRef<int64_t> a,
                                                            llvm::ArrayRef<int64_t> b);
/// `view` with the axes in groups: {2, 1} makes two axes of three.
View group(const View &view, llvm::ArrayRef<size_t> counts);

/// Dimensions that several views of one shape have in common: factor i has `extents[i]` steps,
/// `strides[v][i]` apart in view v, and belongs to axis `axis[i]`.
struct Aligned {
  llvm::SmallVector<int64_t, 8> extents;
  llvm::SmallVector<size_t, 8> axis;
  llvm::SmallVector<llvm::SmallVector<int64_t, 8>, 3> strides;
};
/// Nothing if the factors do not nest (6 against 4).
std::optional<Aligned> align(llvm::ArrayRef<const View *> views);

/// The view through which `outer`, over a source that holds the elements of `inner` in row-major order, reads
/// the source of `inner`. Nothing if it is none. Scales multiply.
std::optional<View> compose(const View &outer, const View &inner);

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXVIEW_H
