#include "compiler/Import/WeightStore.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Parallel.h"
#include <algorithm>
#include <atomic>
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

/// Reads `out.size()` elements that lie `stride` elements apart.
template <typename T> void widenAll(const uint8_t *data, int64_t stride, llvm::MutableArrayRef<double> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value; // third-party files need not align their data
    std::memcpy(&value, data + static_cast<int64_t>(i) * stride * static_cast<int64_t>(sizeof(T)), sizeof(T));
    out[i] = widen(value);
  }
}
/// The usual case on its own, so that the compiler sees the constant.
template <typename T> void widenRun(const uint8_t *data, int64_t stride, llvm::MutableArrayRef<double> out) {
  stride == 1 ? widenAll<T>(data, 1, out) : widenAll<T>(data, stride, out);
}

class StridedTensor final : public TensorView {
public:
  StridedTensor(const TensorSlice &slice, llvm::ArrayRef<int64_t> shape)
      : TensorView(shape), source(slice.raw->source), type(*slice.raw->type),
        data(source->bytes().data() + slice.raw->offset +
             static_cast<uint64_t>(slice.first) * (type.bits / 8)) {
    // Dimensions that follow each other in memory are one: most tensors end with a single one.
    for (const StridedDim &dim : slice.dims) {
      if (dim.extent == 1)
        continue;
      if (!dims.empty() && dims.back().stride == dim.extent * dim.stride)
        dims.back() = {dims.back().extent * dim.extent, dim.stride};
      else
        dims.push_back(dim);
    }
    if (dims.empty())
      dims.push_back({1, 1});
  }

  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    assert(first >= 0 && first + static_cast<int64_t>(out.size()) <= elements() && "read out of range");
    if (out.empty())
      return;
    llvm::SmallVector<int64_t, 4> index(dims.size());
    int64_t rest = first, at = 0;
    for (size_t i = dims.size(); i-- > 0;) {
      index[i] = rest % dims[i].extent;
      rest /= dims[i].extent;
      at += index[i] * dims[i].stride;
    }
    const StridedDim &inner = dims.back();
    while (true) {
      auto run = static_cast<size_t>(std::min<int64_t>(inner.extent - index.back(), out.size()));
      readRun(at, inner.stride, out.take_front(run));
      out = out.drop_front(run);
      if (out.empty())
        return;
      // The next row: like an odometer.
      at -= index.back() * inner.stride;
      index.back() = 0;
      for (size_t i = dims.size() - 1; i-- > 0;) {
        at += dims[i].stride;
        if (++index[i] < dims[i].extent)
          break;
        at -= dims[i].extent * dims[i].stride;
        index[i] = 0;
      }
    }
  }

private:
  void readRun(int64_t at, int64_t stride, llvm::MutableArrayRef<double> out) const {
    const uint8_t *from = data + at * static_cast<int64_t>(type.bits / 8);
    switch (type.kind) {
    case ElementType::F64:
      return widenRun<double>(from, stride, out);
    case ElementType::F32:
      return widenRun<float>(from, stride, out);
    case ElementType::F16:
      return widenRun<Half>(from, stride, out);
    case ElementType::BF16:
      return widenRun<Brain>(from, stride, out);
    case ElementType::Other:
      llvm_unreachable("not a weight type");
    }
  }

  std::shared_ptr<const ByteSource> source;
  const ElementType &type;
  const uint8_t *data;
  llvm::SmallVector<StridedDim, 4> dims;
};

} // namespace

TensorSlice TensorSlice::all(const RawTensor &raw) {
  TensorSlice slice;
  slice.raw = &raw;
  slice.shape.assign(raw.shape.begin(), raw.shape.end());
  for (auto [extent, stride] : llvm::zip(raw.shape, raw.strides))
    slice.dims.push_back({extent, stride});
  return slice;
}

std::shared_ptr<const TensorView> vitc::viewOf(const TensorSlice &slice, llvm::ArrayRef<int64_t> shape) {
  return std::make_shared<StridedTensor>(slice, shape);
}

/// Whether two views read the same.
static bool equal(const TensorView &a, const TensorView &b) {
  if (&a == &b)
    return true;
  if (a.shape() != b.shape())
    return false;
  constexpr int64_t kRead = 16 << 10; // doubles of one read stay in a core's L2 cache
  std::atomic<bool> same = true;
  int64_t elements = a.elements();
  llvm::parallelFor(0, static_cast<size_t>((elements + kRead - 1) / kRead), [&](size_t piece) {
    if (!same)
      return;
    int64_t begin = static_cast<int64_t>(piece) * kRead;
    std::vector<double> left(static_cast<size_t>(std::min(kRead, elements - begin))), right(left.size());
    a.read(begin, left);
    b.read(begin, right);
    // Bits, so that NaN equals itself and zeros of two signs differ.
    if (std::memcmp(left.data(), right.data(), left.size() * sizeof(double)) != 0)
      same = false;
  });
  return same;
}

void vitc::shareTensors(const Checkpoint &first, Checkpoint &other) {
  for (auto &[name, view] : other.tensors)
    if (auto it = first.tensors.find(name); it != first.tensors.end() && equal(*it->second, *view))
      view = it->second;
}
