#include "compiler/Import/Checkpoint.h"
#include "compiler/Import/Safetensors.h"
#include "llvm/Support/ErrorHandling.h"
#include <bit>
#include <cassert>
#include <cstring>

using namespace vitc;

TensorView::~TensorView() = default;

int64_t TensorView::elements() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

namespace {

double widen(double value) { return value; }
double widen(float value) { return value; }
struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};
double widen(Half value) {
  uint64_t sign = static_cast<uint64_t>(value.bits >> 15) << 63;
  uint64_t exponent = (value.bits >> 10) & 0x1f, mantissa = value.bits & 0x3ff;
  if (exponent == 0) { // zero and subnormals: mantissa * 2^-24, exact
    double magnitude = static_cast<double>(mantissa) * 0x1p-24;
    return sign ? -magnitude : magnitude;
  }
  uint64_t wide = exponent == 0x1f ? 0x7ff : exponent - 15 + 1023;
  return std::bit_cast<double>(sign | wide << 52 | mantissa << 42);
}
double widen(Brain value) { return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16); }

template <typename T> void widenAll(const uint8_t *data, llvm::MutableArrayRef<double> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value; // third-party files need not align their data
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    out[i] = widen(value);
  }
}

class MappedTensor final : public TensorView {
public:
  MappedTensor(const RawTensor &tensor, int64_t first, llvm::ArrayRef<int64_t> shape)
      : TensorView(shape), file(tensor.file), type(*tensor.type),
        data(file->bytes().data() + tensor.offset + static_cast<uint64_t>(first) * (type.bits / 8)) {
    assert(first >= 0 && first + elements() <= tensor.elements && "view out of range");
  }

  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    assert(first >= 0 && first + static_cast<int64_t>(out.size()) <= elements() && "read out of range");
    const uint8_t *from = data + static_cast<uint64_t>(first) * (type.bits / 8);
    switch (type.kind) {
    case ElementType::F64:
      return widenAll<double>(from, out);
    case ElementType::F32:
      return widenAll<float>(from, out);
    case ElementType::F16:
      return widenAll<Half>(from, out);
    case ElementType::BF16:
      return widenAll<Brain>(from, out);
    case ElementType::Other:
      llvm_unreachable("not a weight type");
    }
  }

private:
  std::shared_ptr<const MappedFile> file;
  const ElementType &type;
  const uint8_t *data;
};

} // namespace

std::shared_ptr<const TensorView> vitc::viewOf(const RawTensor &tensor, int64_t first,
                                               llvm::ArrayRef<int64_t> shape) {
  return std::make_shared<MappedTensor>(tensor, first, shape);
}
