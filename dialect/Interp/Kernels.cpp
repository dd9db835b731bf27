#include "dialect/Interp/Kernels.h"
#include "dialect/Interp/Rounding.h"
#include "llvm/Support/Parallel.h"
#include <Eigen/Core>
#include <cmath>
#include <numbers>

using namespace vit;
using namespace vit::interp;

namespace {

template <typename S> using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename S> using Map = Eigen::Map<Matrix<S>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <typename S> Map<S> map(Rows<S> x) {
  return {x.data, x.rows, x.cols, Eigen::OuterStride<>(x.stride)};
}

/// Calls body(first, count) for blocks of at most `block` out of `total`, on all threads.
void parallelBlocks(int64_t total, int64_t block, llvm::function_ref<void(int64_t, int64_t)> body) {
  llvm::parallelFor(0, (total + block - 1) / block,
                    [&](size_t i) { body(i * block, std::min<int64_t>(block, total - i * block)); });
}

/// Rows of a block whose elementwise work is worth a task.
int64_t rowBlock(int64_t cols) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(cols, 1)); }

constexpr int64_t kColumnBlock = 64; // outputs of a product per task: many tasks, each long enough for Eigen

template <typename S> S activation(ActivationKind kind, S x) {
  constexpr S half = S(0.5);
  switch (kind) {
  case ActivationKind::GeluErf:
    return x * half * std::erfc(-x * S(std::numbers::sqrt2 / 2)); // Phi without cancellation in its tail
  case ActivationKind::GeluTanh:
    return half * x *
           (1 + std::tanh(S(std::numbers::sqrt2 * std::numbers::inv_sqrtpi) * (x + S(0.044715) * x * x * x)));
  case ActivationKind::QuickGelu:
    return x / (1 + std::exp(S(-1.702) * x));
  case ActivationKind::Relu:
    return x < 0 ? S(0) : x; // keeps NaN
  case ActivationKind::Silu:
    return x / (1 + std::exp(-x));
  case ActivationKind::Tanh:
    return std::tanh(x);
  case ActivationKind::Sigmoid:
    return 1 / (1 + std::exp(-x));
  }
  llvm_unreachable("all activations are handled");
}

/// Row-wise softmax in place.
template <typename S> void softmax(Rows<S> x, const interp::AttentionOptions<S> &options) {
  for (int64_t r = 0; r < x.rows && x.cols > 0; ++r) {
    S *row = x.row(r), sum = 0;
    S max = *std::max_element(row, row + x.cols);
    for (int64_t c = 0; c < x.cols; ++c) {
      row[c] = options.base2 ? std::exp2(row[c] - max) : std::exp(row[c] - max);
      sum += row[c];
    }
    if (options.bf16Weights)
      interp::roundToBf16(x.block(r, 1, 0, x.cols));
    for (int64_t c = 0; c < x.cols; ++c)
      row[c] /= sum;
  }
}

} // namespace

template <typename S> void interp::multiplyTransposed(Rows<S> x, Rows<S> w, Rows<S> y) {
  assert(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows && "shapes of a product");
  parallelBlocks(w.rows, kColumnBlock, [&](int64_t first, int64_t count) {
    map(y.block(0, y.rows, first, count)).noalias() =
        map(x) * map(w.block(first, count, 0, w.cols)).transpose();
  });
}

template <typename S> void interp::multiply(Rows<S> x, Rows<S> w, Rows<S> y) {
  assert(x.cols == w.rows && y.rows == x.rows && y.cols == w.cols && "shapes of a product");
  parallelBlocks(w.cols, kColumnBlock, [&](int64_t first, int64_t count) {
    map(y.block(0, y.rows, first, count)).noalias() = map(x) * map(w.block(0, w.rows, first, count));
  });
}

template <typename S> void interp::addBias(Rows<S> y, const S *bias) {
  for (int64_t r = 0; r < y.rows; ++r)
    for (int64_t c = 0; c < y.cols; ++c)
      y.row(r)[c] += bias[c];
}

template <typename S> void interp::addRows(Rows<S> y, Rows<S> x) {
  assert(x.rows == y.rows && x.cols == y.cols && "shapes of a sum");
  for (int64_t r = 0; r < y.rows; ++r)
    for (int64_t c = 0; c < y.cols; ++c)
      y.row(r)[c] += x.row(r)[c];
}

template <typename S> void interp::maxRows(Rows<S> x, S *y) {
  std::copy_n(x.row(0), x.cols, y);
  for (int64_t r = 1; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c)
      if (x.row(r)[c] > y[c] || std::isnan(x.row(r)[c]))
        y[c] = x.row(r)[c]; // once it is NaN, nothing is larger
}

template <typename S> void interp::activate(ActivationKind kind, Rows<S> y) {
  parallelBlocks(y.rows, rowBlock(y.cols), [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r)
      for (int64_t c = 0; c < y.cols; ++c)
        y.row(r)[c] = activation(kind, y.row(r)[c]);
  });
}

template <typename S> void interp::multiplyRows(Rows<S> y, Rows<S> x) {
  assert(x.rows == y.rows && x.cols == y.cols && "shapes of a product");
  for (int64_t r = 0; r < y.rows; ++r)
    for (int64_t c = 0; c < y.cols; ++c)
      y.row(r)[c] *= x.row(r)[c];
}

template <typename S>
void interp::layerNorm(Rows<S> x, const S *gamma, const S *beta, bool rms, S eps, Rows<S> y) {
  parallelBlocks(x.rows, rowBlock(x.cols), [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      const S *in = x.row(r);
      S *out = y.row(r), mean = 0, variance = 0;
      for (int64_t c = 0; c < x.cols && !rms; ++c)
        mean += in[c];
      mean /= S(x.cols);
      for (int64_t c = 0; c < x.cols; ++c)
        variance += (in[c] - mean) * (in[c] - mean);
      S deviation = std::sqrt(variance / S(x.cols) + eps);
      for (int64_t c = 0; c < x.cols; ++c) {
        S value = (in[c] - mean) / deviation;
        out[c] = (gamma ? value * gamma[c] : value) + (beta ? beta[c] : S(0));
      }
    }
  });
}

template <typename S> void interp::rotate(Rows<S> x, Rows<S> cos, Rows<S> sin, bool halves, Rows<S> y) {
  assert(x.rows == cos.rows && x.cols == cos.cols && "shapes of a rotation");
  int64_t half = x.cols / 2;
  for (int64_t t = 0; t < x.rows; ++t)
    for (int64_t j = 0; j < half; ++j) {
      int64_t a = halves ? j : 2 * j, b = halves ? j + half : 2 * j + 1;
      S xa = x.row(t)[a], xb = x.row(t)[b];
      y.row(t)[a] = xa * cos.row(t)[a] - xb * sin.row(t)[a];
      y.row(t)[b] = xb * cos.row(t)[b] + xa * sin.row(t)[b];
    }
}

template <typename S>
void interp::attention(Rows<S> q, Rows<S> k, Rows<S> v, llvm::function_ref<S(int64_t, int64_t)> bias,
                       AttentionOptions<S> options, Rows<S> y) {
  Matrix<S> scores(q.rows, k.rows);
  scores.noalias() = map(q) * map(k).transpose();
  if (options.scale != 1)
    scores *= options.scale;
  if (bias)
    for (int64_t i = 0; i < q.rows; ++i)
      for (int64_t j = 0; j < k.rows; ++j)
        scores(i, j) += bias(i, j);
  Rows<S> rows{scores.data(), q.rows, k.rows, k.rows};
  if (!options.linear)
    softmax(rows, options);
  else if (options.bf16Weights)
    roundToBf16(rows);
  map(y).noalias() = scores * map(v);
}

template <typename S> void interp::softmaxRows(Rows<S> x) { softmax(x, {}); }

template <typename S>
void interp::attentionWeights(Rows<S> q, Rows<S> k, std::optional<Rows<S>> bias, AttentionOptions<S> options,
                              Rows<S> y) {
  map(y).noalias() = options.scale * map(q) * map(k).transpose();
  if (bias)
    for (int64_t i = 0; i < q.rows; ++i)
      for (int64_t j = 0; j < k.rows; ++j)
        y.row(i)[j] += bias->row(i)[j];
  softmax(y, options);
}

template <typename S> void interp::rollout(Rows<S> weights, const Rows<S> *before, int64_t heads, Rows<S> y) {
  Matrix<S> factor = Matrix<S>::Identity(y.rows, y.rows);
  for (int64_t h = 0; h < heads; ++h)
    factor += map(weights.block(h * y.rows, y.rows, 0, y.rows)) / S(heads);
  factor /= S(2);
  if (before)
    map(y).noalias() = factor * map(*before);
  else
    map(y) = factor;
}

template <typename S> void interp::extractPatches(ImageView<S> image, PatchGrid grid, Rows<S> y) {
  parallelBlocks(y.rows, rowBlock(y.cols), [&](int64_t first, int64_t count) {
    for (int64_t p = first; p < first + count; ++p) {
      int64_t top = p / grid.columns * grid.rowStride - grid.top;
      int64_t left = p % grid.columns * grid.columnStride - grid.left;
      S *out = y.row(p);
      for (int64_t c = 0; c < image.channels; ++c)
        for (int64_t i = top; i < top + grid.height; ++i)
          for (int64_t j = left; j < left + grid.width; ++j) {
            bool inside = i >= 0 && i < image.height && j >= 0 && j < image.width;
            S value = inside
                          ? image.data[c * image.channelStride + i * image.rowStride + j * image.columnStride]
                          : S(0);
            if (inside && !grid.factors.empty())
              value = S(grid.factors[c]) * value + S(grid.shifts[c]);
            *out++ = value;
          }
    }
  });
}

#define VIT_INSTANTIATE(S)                                                                                   \
  template void interp::multiplyTransposed(Rows<S>, Rows<S>, Rows<S>);                                       \
  template void interp::multiply(Rows<S>, Rows<S>, Rows<S>);                                                 \
  template void interp::addBias(Rows<S>, const S *);                                                         \
  template void interp::addRows(Rows<S>, Rows<S>);                                                           \
  template void interp::maxRows(Rows<S>, S *);                                                               \
  template void interp::activate(ActivationKind, Rows<S>);                                                   \
  template void interp::multiplyRows(Rows<S>, Rows<S>);                                                      \
  template void interp::layerNorm(Rows<S>, const S *, const S *, bool, S, Rows<S>);                          \
  template void interp::rotate(Rows<S>, Rows<S>, Rows<S>, bool, Rows<S>);                                    \
  template void interp::attention(Rows<S>, Rows<S>, Rows<S>, llvm::function_ref<S(int64_t, int64_t)>,        \
                                  AttentionOptions<S>, Rows<S>);                                             \
  template void interp::softmaxRows(Rows<S>);                                                                \
  template void interp::attentionWeights(Rows<S>, Rows<S>, std::optional<Rows<S>>, AttentionOptions<S>,      \
                                         Rows<S>);                                                           \
  template void interp::rollout(Rows<S>, const Rows<S> *, int64_t, Rows<S>);                                 \
  template void interp::extractPatches(ImageView<S>, PatchGrid, Rows<S>);
VIT_INSTANTIATE(double)
VIT_INSTANTIATE(float)
