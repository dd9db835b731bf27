//===- FusedOps.cpp - fused ops on arrays
//----------------------------------------------------------------===//
#include "dialect/IR/VerifyUtils.h"
#include "dialect/Interp/Execute.h"
#include "dialect/Interp/Rounding.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Parallel.h"

using namespace mlir;
using namespace vit;
using namespace vit::interp;

namespace {

template <typename S> class FusedOps {
public:
  explicit FusedOps(const Values<S> &values) : values(values) {}

  Array<S> run(ExtractPatchesOp op) {
    Array<S> y = Array<S>::dense(shapeOf(op.getResult()));
    auto image = imageView(values.at(op.getInput()), op.getInput().getType(), op.getChannelsLast());
    extractPatches(image, patchGridOf(op, image.width), y.rows());
    return y;
  }

  Array<S> run(FusedLinearOp op) {
    Array<S> input = operand(op.getInput(), op.getDot()), weight = operand(op.getWeight(), op.getDot());
    auto x = input.rows(), w = weight.rows();
    Array<S> y = Array<S>::dense({x.rows, w.rows});
    if (op.getDot() == DotKind::Int8) {
      std::vector<S> s = quantizeRows(w), r;
      if (auto scale = op.getInputScale())
        r = quantizeRowsBy(x, S(scale->convertToDouble()));
      else
        r = quantizeRows(x);
      multiplyTransposed(x, w, y.rows());
      for (int64_t m = 0; m < x.rows; ++m)
        for (int64_t n = 0; n < w.rows; ++n)
          y.rows().row(m)[n] *= r[m] * s[n];
    } else {
      multiplyTransposed(x, w, y.rows());
    }
    if (const S *bias = entries(values, op.getBias()))
      addBias(y.rows(), bias);
    if (auto kind = op.getActivation())
      activate(*kind, y.rows());
    if (op.getFactor())
      multiplyRows(y.rows(), values.at(op.getFactor()).rows());
    if (op.getResidual())
      addRows(y.rows(), values.at(op.getResidual()).rows());
    if (!op.getHeads())
      return y;
    Array<S> planes = Array<S>::dense(shapeOf(op.getResult()));
    int64_t size = planes.dim(2);
    for (int64_t h = 0; h < planes.dim(0); ++h)
      addRows(planes.plane(h), y.rows().block(0, x.rows, h * size, size));
    return planes;
  }

  Array<S> run(FusedAttentionOp op) {
    Array<S> y = Array<S>::dense(shapeOf(op.getResult()));
    Array<S> q = operand(op.getQuery(), op.getDot()), k = operand(op.getKey(), op.getDot()),
             v = operand(op.getValue(), op.getDot());
    auto first = op.getPlanes();
    llvm::parallelFor(0, op.getHeads(), [&](size_t h) {
      auto bias = [&](int64_t i, int64_t j) { return values.at(op.getBias()).plane(h).row(i)[j]; };
      attention<S>(q.plane(first[0] + h), k.plane(first[1] + h), v.plane(first[2] + h),
                   op.getBias() ? llvm::function_ref<S(int64_t, int64_t)>(bias) : nullptr,
                   {S(1), op.getBase2(), op.getLinear(), op.getDot().has_value()},
                   y.rows().block(0, y.dim(0), h * q.dim(2), q.dim(2)));
    });
    return y;
  }

  Array<S> run(FusedAttentionWeightsOp op) {
    Array<S> y = Array<S>::dense(shapeOf(op.getResult()));
    const Array<S> &q = values.at(op.getQuery()), &k = values.at(op.getKey());
    for (int64_t h = 0; h < q.dim(0); ++h)
      attentionWeights(q.plane(h), k.plane(h), planeOf(values, op.getBias(), h), {S(1), /*base2=*/true},
                       y.rows().block(h * q.dim(1), q.dim(1), 0, k.dim(1)));
    return y;
  }

private:
  /// The value of an operand of a product.
  Array<S> operand(Value value, std::optional<DotKind> dot) {
    const Array<S> &array = values.at(value);
    if (!dot)
      return array;
    if (*dot == DotKind::Bf16)
      return roundedToBf16(array);
    Array<S> copy = array;
    copy.storage = std::make_shared<std::vector<S>>(*array.storage);
    return copy;
  }
  const Values<S> &values;
};

} // namespace

template <typename S>
std::optional<Array<S>> interp::evaluateFusedOp(Operation *op, const Values<S> &values) {
  FusedOps<S> ops(values);
  return llvm::TypeSwitch<Operation *, std::optional<Array<S>>>(op)
      .template Case<ExtractPatchesOp, FusedLinearOp, FusedAttentionOp, FusedAttentionWeightsOp>(
          [&](auto fused) { return ops.run(fused); })
      .Default([](Operation *) { return std::nullopt; });
}

template std::optional<Array<double>> interp::evaluateFusedOp(Operation *, const Values<double> &);
template std::optional<Array<float>> interp::evaluateFusedOp(Operation *, const Values<float> &);
