//===- Array.h - strided storage of interpreted values
//---------------------------------------------------===//
#ifndef DIALECT_INTERP_ARRAY_H
#define DIALECT_INTERP_ARRAY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

namespace vit::interp {

/// Rows of equal length in memory, `stride` elements apart.
template <typename S> struct Rows {
  S *data;
  int64_t rows, cols, stride;
  S *row(int64_t r) const { return data + r * stride; }
  Rows block(int64_t firstRow, int64_t rowCount, int64_t firstCol, int64_t colCount) const {
    assert(firstRow + rowCount <= rows && firstCol + colCount <= cols && "block out of range");
    return {data + firstRow * stride + firstCol, rowCount, colCount, stride};
  }
};

/// A tensor's value (dense) or a buffer (any strides, innermost one); copies share the storage.
template <typename S> struct Array {
  llvm::SmallVector<int64_t, 4> shape, strides;
  std::shared_ptr<std::vector<S>> storage;
  int64_t offset = 0;

  static Array dense(llvm::ArrayRef<int64_t> shape) {
    Array a;
    a.shape.assign(shape.begin(), shape.end());
    a.strides.assign(shape.size(), 1);
    int64_t count = 1;
    for (size_t i = shape.size(); i-- > 0; count *= shape[i])
      a.strides[i] = count;
    a.storage = std::make_shared<std::vector<S>>(count);
    return a;
  }

  S *data() const { return storage->data() + offset; }
  int64_t dim(size_t i) const { return shape[i]; }
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t d : shape)
      count *= d;
    return count;
  }

  /// The array as rows. Precondition: rank 2.
  Rows<S> rows() const {
    assert(shape.size() == 2 && "expected rank 2");
    return {data(), shape[0], shape[1], strides[0]};
  }
  /// Plane `p` as rows. Precondition: rank 3.
  Rows<S> plane(int64_t p) const {
    assert(shape.size() == 3 && p < shape[0] && "expected a plane");
    return {data() + p * strides[0], shape[1], shape[2], strides[1]};
  }
  /// All elements as [rows, cols]. Precondition: dense.
  Rows<S> as(int64_t rows, int64_t cols) const {
    assert(rows * cols == elements() && "expected as many elements");
    return {data(), rows, cols, cols};
  }
};

} // namespace vit::interp

#endif // DIALECT_INTERP_ARRAY_H
