//===- WeightSources.cpp - one TensorSource for each step of a weight's chain
//----------------------------===//
//
// A compilation streams every weight of a model through these, panel by panel: virtual calls and divisions
// are paid once per range, never once per element.
//
//===-----------------------------------------------------------------------------------------------------===//
#include "dialect/Interp/WeightSources.h"
#include "dialect/Interp/GridResize.h"
#include "dialect/Interp/PositionSources.h"
#include "dialect/Interp/Rounding.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>
#include <mutex>

using namespace mlir;
using namespace vit;

using Span = MutableArrayRef<double>;

namespace {

class Constant final : public TensorSource {
public:
  Constant(ArrayRef<int64_t> shape, double value) : TensorSource(shape), value(value) {}
  void read(int64_t, Span out) const override { llvm::fill(out, value); }

private:
  double value;
};

/// A contiguous part of the input under another shape: rows and reshape.
class Window final : public TensorSource {
public:
  Window(SourcePtr input, int64_t first, ArrayRef<int64_t> shape)
      : TensorSource(shape), input(std::move(input)), offset(first) {}
  void read(int64_t first, Span out) const override { input->read(offset + first, out); }

private:
  SourcePtr input;
  int64_t offset;
};

class Append final : public TensorSource {
public:
  Append(SourcePtr a, SourcePtr b, ArrayRef<int64_t> shape)
      : TensorSource(shape), a(std::move(a)), b(std::move(b)) {}
  void read(int64_t first, Span out) const override {
    int64_t split = std::clamp<int64_t>(a->elements() - first, 0, out.size());
    if (split > 0)
      a->read(first, out.take_front(split));
    if (split < static_cast<int64_t>(out.size()))
      b->read(first + split - a->elements(), out.drop_front(split));
  }

private:
  SourcePtr a, b;
};

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

/// In each group of indices those of both halves in turns; an index is `unit` neighbouring elements.
class InterleaveHalves final : public TensorSource {
public:
  InterleaveHalves(SourcePtr input, int64_t size, int64_t unit)
      : TensorSource(input->shape()), input(std::move(input)), size(size), unit(unit) {}
  void read(int64_t first, Span out) const override {
    for (size_t done = 0; done < out.size();) {
      int64_t at = first + static_cast<int64_t>(done), index = at / unit, within = at % unit;
      int64_t place = index % size, from = index - place + place / 2 + place % 2 * (size / 2);
      size_t run = std::min<size_t>(out.size() - done, unit - within);
      input->read(from * unit + within, out.slice(done, run));
      done += run;
    }
  }

private:
  SourcePtr input;
  int64_t size, unit;
};

/// The last two dimensions exchanged. Read a line of the result at a time, each a column of the input.
class Transpose final : public TensorSource {
public:
  Transpose(SourcePtr input, ArrayRef<int64_t> shape)
      : TensorSource(shape), rows(shape[shape.size() - 1]), columns(shape[shape.size() - 2]),
        input(std::move(input)) {}
  void read(int64_t first, Span out) const override {
    for (size_t i = 0; i < out.size(); ++i) {
      int64_t at = first + static_cast<int64_t>(i), plane = at / (rows * columns),
              rest = at % (rows * columns);
      input->read(plane * rows * columns + rest % rows * columns + rest / rows, out.slice(i, 1));
    }
  }

private:
  int64_t rows, columns; ///< of a plane of the input
  SourcePtr input;
};

/// The input, flattened, in blocks of `from` elements that are zero-padded to `to`; zeros after its end. Both
/// pads are this: groups of rows or columns are consecutive elements, and so are rows.
class PadBlocks final : public TensorSource {
public:
  PadBlocks(SourcePtr input, int64_t from, int64_t to, ArrayRef<int64_t> shape)
      : TensorSource(shape), input(std::move(input)), from(from), to(to) {}
  void read(int64_t first, Span out) const override {
    // Read what the range needs to the front of `out`, then spread it from the back: no second buffer, and
    // one read.
    int64_t last = first + static_cast<int64_t>(out.size());
    int64_t begin = compact(first), end = compact(last);
    if (begin < end)
      input->read(begin, out.take_front(end - begin));
    double *data = out.data();
    int64_t hole = last; // elements from here on are final
    for (int64_t block = begin < end ? (end - 1) / from : -1; block >= 0 && block * from + from > begin;
         --block) {
      int64_t lo = std::max(begin, block * from), hi = std::min(end, (block + 1) * from);
      int64_t target = block * to + (lo - block * from);
      std::fill(data + (target + hi - lo - first), data + (hole - first), 0.0);
      std::copy_backward(data + (lo - begin), data + (hi - begin), data + (target + hi - lo - first));
      hole = target;
    }
    std::fill(data, data + (hole - first), 0.0);
  }

private:
  /// Elements of the input that stand before element `index` of the result.
  int64_t compact(int64_t index) const {
    return std::min(index / to * from + std::min(index % to, from), input->elements());
  }
  SourcePtr input;
  int64_t from, to;
};

/// [N, K] to [panels, K, width].
/// A line of the result is `width` columns at `by` neighbouring k.
class PackPanels final : public TensorSource {
public:
  PackPanels(SourcePtr input, int64_t width, int64_t by, ArrayRef<int64_t> shape)
      : TensorSource(shape), rows(input->shape()[0]), depth(input->shape()[1]), lines(shape[1]), width(width),
        by(by), input(std::move(input)) {}
  void read(int64_t first, Span out) const override {
    // Slices of one panel: long enough that the reads of their rows are cheap, short enough to transpose in
    // cache.
    const int64_t slice = 256 / by, size = width * by;
    std::unique_ptr<double[]> block(new double[width * std::min(slice, lines) * by]);
    int64_t last = first + static_cast<int64_t>(out.size());
    for (int64_t line = first / size; line * size < last;) {
      int64_t panel = line / lines, k = line % lines;
      int64_t count = std::min({slice, lines - k, (last + size - 1) / size - line});
      int64_t columns = std::min(width, rows - panel * width), deep = std::min(count * by, depth - k * by);
      for (int64_t w = 0; w < columns; ++w) {
        double *to = block.get() + w * count * by;
        input->read((panel * width + w) * depth + k * by, Span(to, deep));
        std::fill(to + deep, to + count * by, 0.0);
      }
      for (int64_t i = 0; i < count; ++i) {
        int64_t position = (line + i) * size;
        if (position >= first && position + size <= last)
          writeLine(block.get() + i * by, count * by, columns, 0, size, out.data() + (position - first));
        else
          writeLine(block.get() + i * by, count * by, columns, std::max<int64_t>(0, first - position),
                    std::min(size, last - position), out.data() + std::max<int64_t>(0, position - first));
      }
      line += count;
    }
  }

private:
  /// Elements [from, to) of a line; `columns` of its columns exist.
  void writeLine(const double *column, int64_t stride, int64_t columns, int64_t from, int64_t to,
                 double *out) const {
    for (int64_t e = from; e < std::min(columns * by, to); ++e)
      *out++ = column[e / by * stride + e % by];
    for (int64_t e = std::max(columns * by, from); e < to; ++e)
      *out++ = 0;
  }
  int64_t rows, depth, lines, width, by;
  SourcePtr input;
};

/// What quantize_rows, row_scales and row_sums share: the scale of each row of a matrix.
std::vector<double> rowScales(const TensorSource &matrix) {
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

double quantized(double w, double scale) { return scale > 0 ? std::nearbyint(w / scale) : 0; }

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

std::vector<double> rowSums(const TensorSource &matrix) {
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

class RoundToBf16 final : public TensorSource {
public:
  explicit RoundToBf16(SourcePtr input) : TensorSource(input->shape()), input(std::move(input)) {}
  void read(int64_t first, Span out) const override {
    input->read(first, out);
    for (double &value : out)
      value = interp::roundToBf16(value);
  }

private:
  SourcePtr input;
};

/// One factor per group of columns, written out per column.
std::vector<double> expandGroups(ArrayRef<double> factors, int64_t columns) {
  std::vector<double> expanded;
  expanded.reserve(columns);
  for (double factor : factors)
    expanded.insert(expanded.end(), columns / factors.size(), factor);
  return expanded;
}

} // namespace

SourcePtr vit::applyWeightStep(WeightTransformInterface step, SourcePtr in,
                               function_ref<SourcePtr(FlatSymbolRefAttr)> lookup) {
  auto resized = [&](int64_t rows) {
    SmallVector<int64_t> shape(in->shape());
    shape[0] = rows;
    return shape;
  };
  return TypeSwitch<Attribute, SourcePtr>(step)
      .Case([&](RefStepAttr s) { return lookup(s.getWeight()); })
      .Case([&](ZerosStepAttr s) { return std::make_shared<Constant>(s.getShape(), 0); })
      .Case([&](FillStepAttr s) {
        return std::make_shared<Constant>(s.getShape(), s.getValue().getValueAsDouble());
      })
      .Case([&](NumbersStepAttr s) {
        return tensorInMemory({static_cast<int64_t>(s.getValues().size())},
                              std::vector<double>(s.getValues().asArrayRef()));
      })
      .Case([&](RopePeriodsStepAttr s) { return tensorInMemory({s.getCount()}, ropePeriods(s)); })
      .Case([&](RopeAnglesStepAttr s) {
        return tensorInMemory({s.getHeight() * s.getWidth(), 4 * in->elements()},
                              ropeAngles(s, in->readAll()));
      })
      .Case([&](RopeMixedStepAttr s) {
        return tensorInMemory({s.getHeight() * s.getWidth(), in->elements()}, mixedAngles(s, in->readAll()));
      })
      .Case([&](CosStepAttr) {
        return std::make_shared<Elementwise>(in, [](double x) { return std::cos(x); });
      })
      .Case([&](SinStepAttr) {
        return std::make_shared<Elementwise>(in, [](double x) { return std::sin(x); });
      })
      .Case([&](InterleaveHalvesStepAttr s) {
        return std::make_shared<InterleaveHalves>(in, s.getSize(),
                                                  s.getDim() == 0 ? in->elements() / in->shape()[0] : 1);
      })
      .Case([&](RelativeBiasStepAttr s) { return relativeBias(s, *in); })
      .Case([&](TransposeStepAttr) {
        SmallVector<int64_t> shape(in->shape());
        std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
        return std::make_shared<Transpose>(in, shape);
      })
      .Case([&](SincosStepAttr s) { return sincosTable(s); })
      .Case([&](AppendStepAttr s) -> SourcePtr {
        SourcePtr more = lookup(s.getWeight());
        return more ? std::make_shared<Append>(in, more, resized(in->shape()[0] + more->shape()[0]))
                    : nullptr;
      })
      .Case([&](RowsStepAttr s) {
        int64_t columns = in->elements() / in->shape()[0];
        return std::make_shared<Window>(in, s.getFirst() * columns, resized(s.getCount()));
      })
      .Case([&](ReshapeStepAttr s) { return std::make_shared<Window>(in, 0, s.getShape()); })
      .Case([&](ResizeGridStepAttr s) { return resizedGrid(*in, s); })
      .Case([&](ScaleStepAttr s) {
        return std::make_shared<ScaleRows>(in, std::vector<double>{s.getFactor().getValueAsDouble()});
      })
      .Case([&](DivideStepAttr s) -> SourcePtr {
        SourcePtr d = lookup(s.getWeight());
        return d ? std::make_shared<ScaleRows>(in, std::vector<double>{1 / d->readAll().front()}) : nullptr;
      })
      .Case([&](ScaleColsStepAttr s) -> SourcePtr {
        SourcePtr g = lookup(s.getWeight());
        return g ? std::make_shared<ScaleColumns>(in, g->readAll()) : nullptr;
      })
      .Case([&](ScaleRowsStepAttr s) -> SourcePtr {
        SourcePtr g = lookup(s.getWeight());
        return g ? std::make_shared<ScaleRows>(in, g->readAll()) : nullptr;
      })
      .Case([&](ScaleColGroupsStepAttr s) {
        return std::make_shared<ScaleColumns>(in, expandGroups(s.getFactors(), in->shape()[1]));
      })
      .Case([&](AddStepAttr s) -> SourcePtr {
        SourcePtr other = lookup(s.getWeight());
        return other ? std::make_shared<Add>(in, other) : nullptr;
      })
      .Case([&](AddMatvecStepAttr s) -> SourcePtr {
        SourcePtr matrix = lookup(s.getMatrix()), vector = lookup(s.getVector());
        return matrix && vector ? std::make_shared<AddMatvec>(in, matrix, vector->readAll()) : nullptr;
      })
      .Case([&](AddColGroupsStepAttr s) -> SourcePtr {
        SourcePtr matrix = lookup(s.getMatrix());
        return matrix
                   ? std::make_shared<AddMatvec>(in, matrix, expandGroups(s.getFactors(), matrix->shape()[1]))
                   : nullptr;
      })
      .Case([&](PadGroupsStepAttr s) {
        SmallVector<int64_t> shape(in->shape());
        int64_t unit = s.getDim() == 0 && shape.size() == 2 ? shape[1] : 1;
        shape[s.getDim()] = shape[s.getDim()] / s.getFrom() * s.getTo();
        return std::make_shared<PadBlocks>(in, s.getFrom() * unit, s.getTo() * unit, shape);
      })
      .Case([&](PadStepAttr s) {
        return std::make_shared<PadBlocks>(in, in->shape().back(), s.getShape().back(), s.getShape());
      })
      .Case([&](QuantizeRowsStepAttr) { return std::make_shared<QuantizeRows>(in); })
      .Case([&](RowScalesStepAttr) { return tensorInMemory({in->shape()[0]}, rowScales(*in)); })
      .Case([&](RowSumsStepAttr) { return tensorInMemory({in->shape()[0]}, rowSums(*in)); })
      .Case([&](RoundStepAttr) { return std::make_shared<RoundToBf16>(in); })
      .Case([&](PackPanelsStepAttr s) {
        int64_t panels = (in->shape()[0] + s.getWidth() - 1) / s.getWidth();
        SmallVector<int64_t, 3> shape{panels, (in->shape()[1] + s.getBy() - 1) / s.getBy(),
                                      s.getWidth() * s.getBy()};
        return std::make_shared<PackPanels>(in, s.getWidth(), s.getBy(), shape);
      });
}
