//===- LayoutSources.cpp - weights whose elements are moved --------------------------------------===//
#include "dialect/Interp/LayoutSources.h"
#include <algorithm>
#include <memory>

using namespace vit;
using llvm::ArrayRef;
using Span = llvm::MutableArrayRef<double>;

namespace {

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

/// The last two dimensions exchanged. A range of the result is part of consecutive columns of the input: it
/// is gathered by the input's rows, as long a piece of each as the range has columns.
class Transpose final : public TensorSource {
public:
  Transpose(SourcePtr input, ArrayRef<int64_t> shape)
      : TensorSource(shape), rows(shape[shape.size() - 1]), columns(shape[shape.size() - 2]),
        input(std::move(input)) {}
  void read(int64_t first, Span out) const override {
    int64_t plane = rows * columns;
    for (size_t done = 0; done < out.size();) {
      int64_t at = first + static_cast<int64_t>(done), run = plane - at % plane;
      run = std::min<int64_t>(run, out.size() - done);
      readInPlane(at - at % plane, at % plane, out.slice(done, run));
      done += run;
    }
  }

private:
  /// Elements of the transposed plane from `first` on; the plane starts at element `base` of the input.
  void readInPlane(int64_t base, int64_t first, Span out) const {
    int64_t last = first + static_cast<int64_t>(out.size());
    int64_t begin = first / rows, end = (last + rows - 1) / rows;
    std::vector<double> piece(end - begin);
    for (int64_t row = 0; row < rows; ++row) {
      // Columns whose element of this row lies in the range: all but perhaps the first and the last.
      int64_t from = begin + (begin * rows + row < first), to = end - ((end - 1) * rows + row >= last);
      if (from >= to)
        continue;
      input->read(base + row * columns + from, Span(piece).take_front(to - from));
      for (int64_t column = from; column < to; ++column)
        out[column * rows + row - first] = piece[column - from];
    }
  }

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

} // namespace

SourcePtr vit::window(SourcePtr input, int64_t first, ArrayRef<int64_t> shape) {
  return std::make_shared<Window>(std::move(input), first, shape);
}

SourcePtr vit::appendRows(SourcePtr a, SourcePtr b) {
  llvm::SmallVector<int64_t> shape(a->shape());
  shape[0] += b->shape()[0];
  return std::make_shared<Append>(std::move(a), std::move(b), shape);
}

SourcePtr vit::interleaveHalves(SourcePtr input, int64_t size, int64_t unit) {
  return std::make_shared<InterleaveHalves>(std::move(input), size, unit);
}

SourcePtr vit::transposed(SourcePtr input) {
  llvm::SmallVector<int64_t> shape(input->shape());
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return std::make_shared<Transpose>(std::move(input), shape);
}

SourcePtr vit::padBlocks(SourcePtr input, int64_t from, int64_t to, ArrayRef<int64_t> shape) {
  return std::make_shared<PadBlocks>(std::move(input), from, to, shape);
}

SourcePtr vit::packPanels(SourcePtr input, int64_t width, int64_t by) {
  int64_t panels = (input->shape()[0] + width - 1) / width, lines = (input->shape()[1] + by - 1) / by;
  return std::make_shared<PackPanels>(std::move(input), width, by,
                                      ArrayRef<int64_t>{panels, lines, width * by});
}
