#include "dialect/Interp/TensorSource.h"
#include "llvm/ADT/STLExtras.h"
#include <cassert>

using namespace vit;

TensorSource::TensorSource(llvm::ArrayRef<int64_t> shape) : dims(shape) {
  for (int64_t dim : dims)
    count *= dim;
}

TensorSource::~TensorSource() = default;

std::vector<double> TensorSource::readAll() const {
  std::vector<double> all(elements());
  read(0, all);
  return all;
}

namespace {
class MemoryTensor final : public TensorSource {
public:
  MemoryTensor(llvm::ArrayRef<int64_t> shape, std::vector<double> data)
      : TensorSource(shape), data(std::move(data)) {
    assert(static_cast<int64_t>(this->data.size()) == elements() && "shape and data differ");
  }
  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    llvm::copy(llvm::ArrayRef(data).slice(first, out.size()), out.begin());
  }

private:
  std::vector<double> data;
};

class Constant final : public TensorSource {
public:
  Constant(llvm::ArrayRef<int64_t> shape, double value) : TensorSource(shape), value(value) {}
  void read(int64_t, llvm::MutableArrayRef<double> out) const override { llvm::fill(out, value); }

private:
  double value;
};
} // namespace

SourcePtr vit::tensorInMemory(llvm::ArrayRef<int64_t> shape, std::vector<double> data) {
  return std::make_shared<MemoryTensor>(shape, std::move(data));
}

SourcePtr vit::filledTensor(llvm::ArrayRef<int64_t> shape, double value) {
  return std::make_shared<Constant>(shape, value);
}
