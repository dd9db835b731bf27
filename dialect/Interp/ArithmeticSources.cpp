//===- ArithmeticSources.cpp - weights whose elements are computed -------------------------------===//
#include "dialect/Interp/ArithmeticSources.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <mutex>

using namespace vit;
using llvm::ArrayRef;
using Span = llvm::MutableArrayRef<double>;

static double quantized(double w, double scale) { return scale > 0 ? std::nearbyint(w / scale) : 0; }

std::vector<double> vit::rowScales(const TensorSource &matrix) {
  int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  std::vector<double> scales(rows), row(columns);
  for (int64_t n = 0; n < rows; ++n) {
    matrix.read(n * columns, row);
    double largest = 0;
    for (double w : row)
      largest = std::max(largest, std::fabs(w));
    scales[n] = largest / 127;
  }
  return scales;
}

std::vector<double> vit::rowSums(const TensorSource &matrix) {
  std::vector<double> sums = rowScales(matrix), row(matrix.shape()[1]);
  for (auto [n, sum] : llvm::enumerate(sums)) {
    matrix.read(static_cast<int64_t>(n * row.size()), row);
    double total = 0, scale = sum;
    for (double w : row)
      total += quantized(w, scale);
    sum = total * scale;
  }
  return sums;
}

namespace {

/// W[n, k] * g[k], g of one row's length: scale_cols and scale_col_groups.
class ScaleColumns final : public TensorSource {
public:
  ScaleColumns(SourcePtr input, std::vector<double> g)
      : TensorSource(input->shape()), input(std::move(input)), factors(std::move(g)) {}
  void read(int64_t first, Span out) const override {
    input->read(first, out);
    size_t column = first % factors.size();
    for (size_t done = 0; done < out.size(); column = 0) {
      size_t run = std::min(out.size() - done, factors.size() - column);
      double *y = out.data() + done;
      const double *g = factors.data() + column;
      for (size_t i = 0; i < run; ++i)
        y[i] *= g[i];
      done += run;
    }
  }

private:
  SourcePtr input;
  std::vector<double> factors;
};

/// W[n, k] * g[n]; a single factor for all rows is `scale`.
class ScaleRows final : public TensorSource {
public:
  ScaleRows(SourcePtr input, std::vector<double> g)
      : TensorSource(input->shape()), input(std::move(input)), factors(std::move(g)),
        columns(elements() / static_cast<int64_t>(factors.size())) {}
  void read(int64_t first, Span out) const override {
    input->read(first, out);
    int64_t row = first / columns, left = columns - first % columns;
    for (size_t done = 0; done < out.size(); ++row, left = columns) {
      size_t run = std::min<size_t>(out.size() - done, left);
      for (double &y : out.slice(done, run))
        y *= factors[row];
      done += run;
    }
  }

private:
  SourcePtr input;
  std::vector<double> factors;
  int64_t columns;
};

class Add final : public TensorSource {
public:
  Add(SourcePtr a, SourcePtr b) : TensorSource(a->shape()), a(std::move(a)), b(std::move(b)) {}
  void read(int64_t first, Span out) const override {
    a->read(first, out);
    double block[1024];
    for (size_t done = 0; done < out.size(); done += std::size(block)) {
      size_t run = std::min(out.size() - done, std::size(block));
      b->read(first + done, Span(block, run));
      for (size_t i = 0; i < run; ++i)
        out[done + i] += block[i];
    }
  }

private:
  SourcePtr a, b;
};

/// b[n] + sum_k M[n, k] * v[k]. A bias is read in many small pieces but costs a pass over a whole matrix, so
/// the sum is computed once, by the first reader.
class AddMatvec final : public TensorSource {
public:
  AddMatvec(SourcePtr bias, SourcePtr matrix, std::vector<double> vector)
      : TensorSource(bias->shape()), bias(std::move(bias)), matrix(std::move(matrix)),
        vector(std::move(vector)) {}
  void read(int64_t first, Span out) const override {
    std::call_once(once, [this] { compute(); });
    llvm::copy(ArrayRef(sum).slice(first, out.size()), out.begin());
  }

private:
  static double dot(const double *a, const double *b, size_t n) {
    constexpr size_t lanes = 8; // partial sums, so that additions need not wait for each other
    double partial[lanes] = {};
    size_t k = 0;
    for (; k + lanes <= n; k += lanes)
      for (size_t i = 0; i < lanes; ++i)
        partial[i] += a[k + i] * b[k + i];
    double total = 0;
    for (; k < n; ++k)
      total += a[k] * b[k];
    for (double p : partial)
      total += p;
    return total;
  }
  void compute() const {
    sum = bias->readAll();
    size_t columns = vector.size();
    size_t rows = std::max<size_t>(1, 32768 / columns); // what stays in a core's cache
    std::vector<double> block(rows * columns);
    for (size_t n = 0; n < sum.size(); n += rows) {
      size_t count = std::min(rows, sum.size() - n);
      matrix->read(n * columns, Span(block.data(), count * columns));
      for (size_t i = 0; i < count; ++i)
        sum[n + i] += dot(block.data() + i * columns, vector.data(), columns);
    }
  }

  SourcePtr bias, matrix;
  std::vector<double> vector;
  mutable std::once_flag once;
  mutable std::vector<double> sum;
};

/// A function of each element.
class Elementwise final : public TensorSource {
public:
  Elementwise(SourcePtr input, double (*function)(double))
      : TensorSource(input->shape()), input(std::move(input)), function(function) {}
  void read(int64_t first, Span out) const override {
    input->read(first, out);
    for (double &value : out)
      value = function(value);
  }

private:
  SourcePtr input;
  double (*function)(double);
};

class QuantizeRows final : public TensorSource {
public:
  explicit QuantizeRows(SourcePtr input)
      : TensorSource(input->shape()), input(std::move(input)), scales(rowScales(*this->input)) {}
  void read(int64_t first, Span out) const override {
    input->read(first, out);
    int64_t columns = shape()[1], n = first / columns, k = first % columns;
    for (double &value : out) {
      value = quantized(value, scales[n]);
      if (++k == columns) {
        k = 0;
        ++n;
      }
    }
  }

private:
  SourcePtr input;
  std::vector<double> scales;
};

} // namespace

SourcePtr vit::scaleColumns(SourcePtr input, std::vector<double> g) {
  return std::make_shared<ScaleColumns>(std::move(input), std::move(g));
}

SourcePtr vit::scaleRows(SourcePtr input, std::vector<double> g) {
  return std::make_shared<ScaleRows>(std::move(input), std::move(g));
}

SourcePtr vit::sum(SourcePtr a, SourcePtr b) { return std::make_shared<Add>(std::move(a), std::move(b)); }

SourcePtr vit::addProduct(SourcePtr bias, SourcePtr matrix, std::vector<double> vector) {
  return std::make_shared<AddMatvec>(std::move(bias), std::move(matrix), std::move(vector));
}

SourcePtr vit::mapElements(SourcePtr input, double (*function)(double)) {
  return std::make_shared<Elementwise>(std::move(input), function);
}

SourcePtr vit::quantizeRows(SourcePtr input) { return std::make_shared<QuantizeRows>(std::move(input)); }
