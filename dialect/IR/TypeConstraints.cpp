#include "dialect/IR/TypeConstraints.h"

using namespace mlir;

bool vit::isSupportedShape(ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t extent : shape) {
    if (extent <= 0 || extent > kMaxElements / elements) // dynamic extents are negative
      return false;
    elements *= extent;
  }
  return true;
}

bool vit::isPlannableBuffer(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (!isSupportedShape(type.getShape()) || failed(type.getStridesAndOffset(strides, offset)) ||
      offset != 0 || strides.empty() || strides.back() != 1)
    return false;
  for (size_t i = 0; i + 1 < strides.size(); ++i) {
    // Strides are below 2^31 from inside out, so that the next product cannot overflow.
    if (strides[i] > kMaxElements / type.getDimSize(i) ||
        strides[i] < strides[i + 1] * type.getDimSize(i + 1))
      return false;
  }
  return true;
}
