//===- TensorSource.h - streaming read access to a tensor
//------------------------------------------------===//
#ifndef DIALECT_INTERP_TENSORSOURCE_H
#define DIALECT_INTERP_TENSORSOURCE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace vit {

/// Read access to a tensor, element-wise, row-major, widened to double. Immutable, so any number of threads
/// may read at once. Nothing is held in memory that an implementation does not need: a chain of transforms
/// streams.
class TensorSource {
public:
  virtual ~TensorSource();
  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t elements() const { return count; }
  /// Writes elements [first, first + out.size()) to `out`.
  /// Precondition: the range lies within [0, elements()).
  virtual void read(int64_t first, llvm::MutableArrayRef<double> out) const = 0;

  std::vector<double> readAll() const;

protected:
  explicit TensorSource(llvm::ArrayRef<int64_t> shape);

private:
  llvm::SmallVector<int64_t, 4> dims;
  int64_t count = 1;
};

using SourcePtr = std::shared_ptr<const TensorSource>;

/// A tensor in memory. Precondition: `data` has as many elements as `shape` says.
SourcePtr tensorInMemory(llvm::ArrayRef<int64_t> shape, std::vector<double> data);
/// A tensor of one value.
SourcePtr filledTensor(llvm::ArrayRef<int64_t> shape, double value);

} // namespace vit

#endif // DIALECT_INTERP_TENSORSOURCE_H
