//===- PlannedOps.cpp - planned regions on buffers
//-------------------------------------------------------===//
//
// Emitted code writes whole vectors and whole panels, so the columns behind a row's end have no defined value
// after a region. They become NaN here: whoever reads them finds out.
//
//===-----------------------------------------------------------------------------------------------------===//
#include "dialect/IR/VerifyUtils.h"
#include "dialect/Interp/Execute.h"
#include "dialect/Interp/Rounding.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Parallel.h"
#include <limits>

using namespace mlir;
using namespace vit;
using namespace vit::interp;

namespace {

constexpr int64_t kWidestVector = 16; // f32 lanes of the widest vector of any target

/// Overwrites columns [y.cols, until) of each row, as far as the rows have room for them.
template <typename S> void poison(Rows<S> y, int64_t until) {
  for (int64_t r = 0; r < y.rows; ++r)
    for (int64_t c = y.cols; c < std::min(until, y.stride); ++c)
      y.row(r)[c] = std::numeric_limits<S>::quiet_NaN();
}
template <typename S> void poisonVector(Rows<S> y) {
  poison(y, (y.cols + kWidestVector - 1) / kWidestVector * kWidestVector);
}

/// Zeros behind each row up to a whole vector, where there is room for one.
template <typename S> void clearVector(Rows<S> y) {
  int64_t until = (y.cols + kWidestVector - 1) / kWidestVector * kWidestVector;
  if (until > y.stride)
    return poisonVector(y);
  for (int64_t r = 0; r < y.rows; ++r)
    std::fill(y.row(r) + y.cols, y.row(r) + until, S(0));
}

/// Rows as unsigned bytes, 128 standing for zero, by scales that are given or found.
template <typename S> void quantize(Rows<S> rows, const Array<S> &scales, bool given) {
  if (given) {
    for (int64_t r = 0; r < rows.rows; ++r)
      quantizeRowsBy(rows.block(r, 1, 0, rows.cols), scales.data()[r]);
  } else {
    std::vector<S> found = quantizeRows(rows);
    std::copy(found.begin(), found.end(), scales.data());
  }
  for (int64_t r = 0; r < rows.rows; ++r)
    for (int64_t c = 0; c < rows.cols; ++c)
      rows.row(r)[c] += 128;
}

template <typename S> class PlannedOps {
public:
  explicit PlannedOps(const Values<S> &values) : values(values) {}

  Array<S> run(PlanGatherOp op) {
    const Array<S> &y = values.at(op.getOutput());
    auto image = imageView(values.at(op.getInput()), op.getInput().getType(), op.getChannelsLast());
    extractPatches(image, patchGridOf(op, image.width), y.rows());
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanGemmOp op) {
    auto a = values.at(op.getA()).rows();
    const Array<S> &panels = values.at(op.getWeights()), &c = values.at(op.getC());
    int64_t panel = op.panelWidth(), covered = panels.dim(0) * panel;
    Array<S> product = Array<S>::dense({a.rows, covered});
    llvm::parallelFor(0, panels.dim(0), [&](size_t p) {
      Array<S> columns = unpack(panels.plane(p), op.neighbours());
      multiply(a, columns.rows().block(0, a.cols, 0, panel),
               product.rows().block(0, a.rows, p * panel, panel));
    });
    if (const S *scales = entries(values, op.getColumnScales())) {
      const S *sums = entries(values, op.getColumnSums()), *rows = entries(values, op.getRowScales());
      for (int64_t m = 0; m < a.rows; ++m)
        for (int64_t n = 0; n < covered; ++n) {
          S &y = product.rows().row(m)[n];
          y = rows ? rows[m] * (y * scales[n] - 128 * sums[n]) : y * scales[n];
        }
    }
    if (const S *bias = entries(values, op.getBias()))
      addBias(product.rows(), bias);
    if (auto kind = op.getActivation())
      activate(*kind, product.rows());
    if (c.shape.size() == 3) {
      for (int64_t n = 0; n < covered; ++n)
        for (int64_t m = 0; m < a.rows; ++m)
          c.plane(n / c.dim(2)).row(m)[n % c.dim(2)] = product.rows().row(m)[n];
      return c;
    }
    Rows<S> out = c.rows(), exact = product.rows().block(0, a.rows, 0, out.cols);
    if (op.getFactor())
      multiplyRows(exact, values.at(op.getFactor()).rows());
    if (op.getResidual())
      addRows(exact, values.at(op.getResidual()).rows());
    copy(exact, out);
    poison(out, covered);
    return c;
  }

  Array<S> run(PlanLayerNormOp op) {
    const Array<S> &y = values.at(op.getOutput());
    layerNorm(values.at(op.getInput()).rows(), entries(values, op.getGamma()), entries(values, op.getBeta()),
              op.getRms(), S(op.getEps().convertToDouble()), y.rows());
    if (op.getScales()) {
      quantize(y.rows(), values.at(op.getScales()), op.getGiven());
      poisonVector(y.rows());
    } else {
      clearVector(y.rows());
    }
    return y;
  }

  Array<S> run(PlanRopeOp op) {
    const Array<S> &x = values.at(op.getInput()), &y = values.at(op.getOutput());
    Rows<S> cos = values.at(op.getCos()).rows(), sin = values.at(op.getSin()).rows();
    int64_t width = x.dim(2), first = op.getFirst();
    for (int64_t p = 0; p < y.dim(0); ++p) {
      copy(x.plane(p), y.plane(p));
      Rows<S> rotated = y.plane(p).block(first, cos.rows, 0, width);
      int64_t column = cos.cols == width ? 0 : p * width;
      rotate(rotated, cos.block(0, cos.rows, column, width), sin.block(0, cos.rows, column, width), false,
             rotated);
    }
    return y;
  }

  Array<S> run(PlanAttentionOp op) {
    const Array<S> &q = values.at(op.getQuery()), &k = values.at(op.getKey()), &v = values.at(op.getValue());
    const Array<S> &y = values.at(op.getOutput());
    auto first = op.getPlanes();
    llvm::parallelFor(0, op.getHeads(), [&](size_t h) {
      auto bias = [&](int64_t i, int64_t j) { return values.at(op.getBias()).plane(h).row(j)[i]; };
      attention<S>(q.plane(first[0] + h), k.plane(first[1] + h), v.plane(first[2] + h),
                   op.getBias() ? llvm::function_ref<S(int64_t, int64_t)>(bias) : nullptr,
                   {S(1), op.getBase2(), op.getLinear(), op.getKey().getType().getElementType().isBF16()},
                   y.rows().block(0, y.dim(0), h * q.dim(2), q.dim(2)));
    });
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanCopyOp op) {
    const Array<S> &y = values.at(op.getOutput());
    auto x = values.at(op.getInput()).rows();
    int64_t groups = op.getGroups().value_or(1), from = x.cols / groups, to = y.dim(1) / groups;
    for (int64_t g = 0; g < groups; ++g)
      copy(x.block(0, x.rows, g * from, from), y.rows().block(0, x.rows, g * to, to));
    return y;
  }

  Array<S> run(PlanQuantizeOp op) {
    const Array<S> &y = values.at(op.getOutput());
    copy(values.at(op.getInput()).rows(), y.rows());
    quantize(y.rows(), values.at(op.getScales()), op.getGiven());
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanMapOp op) {
    const Array<S> &y = values.at(op.getOutput());
    Rows<S> out = y.rows();
    S factor = S(op.getFactor().convertToDouble());
    for (int64_t r = 0; r < out.rows; ++r)
      for (int64_t c = 0; c < out.cols; ++c) {
        S sum = 0;
        for (Value input : op.getInputs())
          sum += values.at(input).rows().row(r)[c];
        out.row(r)[c] = factor * sum;
      }
    if (auto kind = op.getActivation())
      activate(*kind, out);
    poisonVector(out);
    return y;
  }

  Array<S> run(PlanJoinOp op) {
    const Array<S> &y = values.at(op.getOutput());
    int64_t first = 0;
    for (Value input : op.getInputs()) {
      auto x = values.at(input).rows();
      copy(x, y.rows().block(0, x.rows, first, x.cols));
      first += x.cols;
    }
    return y;
  }

  Array<S> run(PlanMaxOp op) {
    const Array<S> &y = values.at(op.getOutput());
    maxRows(values.at(op.getInput()).rows(), y.data());
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanSoftmaxOp op) {
    const Array<S> &y = values.at(op.getOutput());
    copy(values.at(op.getInput()).rows(), y.rows());
    softmaxRows(y.rows());
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanAttentionWeightsOp op) {
    const Array<S> &y = values.at(op.getOutput());
    const Array<S> &q = values.at(op.getQuery()), &k = values.at(op.getKey());
    for (int64_t h = 0; h < q.dim(0); ++h)
      attentionWeights(q.plane(h), k.plane(h), planeOf(values, op.getBias(), h), {S(1), /*base2=*/true},
                       y.rows().block(h * q.dim(1), q.dim(1), 0, k.dim(1)));
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanRolloutOp op) {
    const Array<S> &y = values.at(op.getOutput());
    std::optional<Rows<S>> before;
    if (op.getBefore())
      before = values.at(op.getBefore()).rows();
    rollout(values.at(op.getWeights()).rows(), before ? &*before : nullptr, op.getHeads(), y.rows());
    poisonVector(y.rows());
    return y;
  }

  Array<S> run(PlanMeanOp op) {
    const Array<S> &y = values.at(op.getOutput());
    auto x = values.at(op.getInput()).rows();
    for (int64_t c = 0; c < x.cols; ++c) {
      S sum = 0;
      for (int64_t r = 0; r < x.rows; ++r)
        sum += x.row(r)[c];
      y.data()[c] = sum / S(x.rows);
    }
    poisonVector(y.rows());
    return y;
  }

private:
  /// [ceil(K / by), width * by] to [ceil(K / by) * by, width].
  static Array<S> unpack(Rows<S> packed, int64_t by) {
    Array<S> columns = Array<S>::dense({packed.rows * by, packed.cols / by});
    for (int64_t k = 0; k < packed.rows * by; ++k)
      for (int64_t c = 0; c < packed.cols / by; ++c)
        columns.rows().row(k)[c] = packed.row(k / by)[c * by + k % by];
    return columns;
  }
  static void copy(Rows<S> from, Rows<S> to) {
    for (int64_t r = 0; r < to.rows; ++r)
      std::copy_n(from.row(r), to.cols, to.row(r));
  }
  const Values<S> &values;
};

} // namespace

template <typename S>
std::optional<Array<S>> interp::executePlannedOp(Operation *op, const Values<S> &values) {
  PlannedOps<S> ops(values);
  return llvm::TypeSwitch<Operation *, std::optional<Array<S>>>(op)
      .template Case<PlanGatherOp, PlanGemmOp, PlanLayerNormOp, PlanRopeOp, PlanAttentionOp, PlanCopyOp,
                     PlanQuantizeOp, PlanMapOp, PlanJoinOp, PlanMeanOp, PlanMaxOp, PlanSoftmaxOp,
                     PlanAttentionWeightsOp, PlanRolloutOp>([&](auto planned) { return ops.run(planned); })
      .Default([](Operation *) { return std::nullopt; });
}

template std::optional<Array<double>> interp::executePlannedOp(Operation *, const Values<double> &);
template std::optional<Array<float>> interp::executePlannedOp(Operation *, const Values<float> &);
