//===- ModelOps.cpp - model-level ops on arrays
//----------------------------------------------------------===//
#include "dialect/IR/VerifyUtils.h"
#include "dialect/Interp/Execute.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Parallel.h"

using namespace mlir;
using namespace vit;
using namespace vit::interp;

namespace {

template <typename S> class ModelOps {
public:
  explicit ModelOps(const Values<S> &values) : values(values) {}

  Array<S> run(NormalizeImageOp op) {
    Array<S> y = result(op);
    auto x = imageView(values.at(op.getPixels()), op.getPixels().getType());
    S *out = y.data(), scale = S(op.getScale().convertToDouble());
    for (int64_t c = 0; c < x.channels; ++c) {
      S mean = S(op.getMean()[c]), deviation = S(op.getStd()[c]);
      for (int64_t i = 0; i < x.height; ++i)
        for (int64_t j = 0; j < x.width; ++j) {
          S pixel = x.data[c * x.channelStride + i * x.rowStride + j * x.columnStride];
          *out++ = (pixel * scale - mean) / deviation;
        }
    }
    return y;
  }

  Array<S> run(ChannelsFirstOp op) {
    Array<S> y = result(op);
    auto x = imageView(values.at(op.getInput()), op.getInput().getType(), /*channelsLast=*/true);
    S *out = y.data();
    for (int64_t c = 0; c < x.channels; ++c)
      for (int64_t i = 0; i < x.height; ++i)
        for (int64_t j = 0; j < x.width; ++j)
          *out++ = x.data[c * x.channelStride + i * x.rowStride + j * x.columnStride];
    return y;
  }

  Array<S> run(PatchEmbedOp op) {
    Array<S> y = result(op);
    const Array<S> &kernel = values.at(op.getKernel());
    auto image = imageView(values.at(op.getInput()), op.getInput().getType());
    auto stride = op.getStride(), padding = op.getPadding();
    int64_t columns = patchCount(image.width + padding[1] + padding[3], kernel.dim(3), stride[1]);
    PatchGrid grid{kernel.dim(2), kernel.dim(3), stride[0], stride[1], padding[0], padding[1], columns};
    int64_t depth = kernel.dim(1) * kernel.dim(2) * kernel.dim(3);
    Array<S> patches = Array<S>::dense({y.dim(0), depth});
    extractPatches(image, grid, patches.rows());
    multiplyTransposed(patches.rows(), kernel.as(kernel.dim(0), depth), y.rows());
    if (const S *bias = entries(values, op.getBias()))
      addBias(y.rows(), bias);
    return y;
  }

  Array<S> run(ConcatOp op) {
    Array<S> y = result(op);
    S *out = y.data();
    for (Value input : op.getInputs())
      out = std::copy_n(values.at(input).data(), values.at(input).elements(), out);
    return y;
  }

  Array<S> run(ConcatChannelsOp op) {
    Array<S> y = result(op);
    int64_t first = 0;
    for (Value input : op.getInputs()) {
      auto x = values.at(input).rows();
      addRows(y.rows().block(0, x.rows, first, x.cols), x); // onto zeros
      first += x.cols;
    }
    return y;
  }

  Array<S> run(AddOp op) { return sum(op, op->getOperands(), 1); }
  Array<S> run(MultiplyOp op) {
    Array<S> y = sum(op, op.getLhs(), 1);
    const S *factors = values.at(op.getRhs()).data();
    for (int64_t i = 0, n = y.elements(); i < n; ++i)
      y.data()[i] *= factors[i];
    return y;
  }
  Array<S> run(AverageOp op) { return sum(op, op.getInputs(), S(op.getInputs().size())); }

  Array<S> run(LinearOp op) {
    Array<S> y = result(op);
    multiplyTransposed(values.at(op.getInput()).rows(), values.at(op.getWeight()).rows(), y.rows());
    if (const S *bias = entries(values, op.getBias()))
      addBias(y.rows(), bias);
    return y;
  }

  Array<S> run(LayerNormOp op) {
    Array<S> y = result(op);
    int64_t columns = op.groupSize(), rows = y.elements() / columns;
    layerNorm(values.at(op.getInput()).as(rows, columns), entries(values, op.getGamma()),
              entries(values, op.getBeta()), op.getRms(), S(op.getEps().convertToDouble()),
              y.as(rows, columns));
    return y;
  }

  Array<S> run(RopeOp op) {
    Array<S> y = sum(op, op.getInput(), 1);
    Rows<S> cos = values.at(op.getCos()).rows(), sin = values.at(op.getSin()).rows();
    int64_t size = op.headSize(), first = op.getFirst();
    for (int64_t h = 0, heads = op.getHeads(); h < heads; ++h) {
      Rows<S> head = y.shape.size() == 3 ? y.plane(h) : y.rows().block(0, y.dim(0), h * size, size);
      Rows<S> rotated = head.block(first, cos.rows, 0, size);
      int64_t column = cos.cols == size ? 0 : h * size;
      rotate(rotated, cos.block(0, cos.rows, column, size), sin.block(0, cos.rows, column, size),
             op.getHalves(), rotated);
    }
    return y;
  }

  Array<S> run(AttentionOp op) {
    Array<S> y = result(op);
    auto q = values.at(op.getQuery()).rows(), k = values.at(op.getKey()).rows(),
         v = values.at(op.getValue()).rows();
    int64_t heads = op.getHeads(), size = q.cols / heads;
    S scale = S(op.getScale().convertToDouble());
    if (op.getDivisor())
      scale /= values.at(op.getDivisor()).data()[0];
    llvm::parallelFor(0, heads, [&](size_t h) {
      auto head = [&](Rows<S> x) { return x.block(0, x.rows, h * size, size); };
      auto bias = [&](int64_t i, int64_t j) { return values.at(op.getBias()).plane(h).row(i)[j]; };
      attention<S>(head(q), head(k), head(v),
                   op.getBias() ? llvm::function_ref<S(int64_t, int64_t)>(bias) : nullptr,
                   {scale, false, op.getLinear()}, head(y.rows()));
    });
    return y;
  }

  Array<S> run(ActivationOp op) {
    Array<S> y = sum(op, op.getInput(), 1);
    int64_t rows = y.shape.empty() ? 1 : std::max<int64_t>(y.dim(0), 1);
    activate(op.getKind(), y.as(rows, y.elements() / rows));
    return y;
  }

  Array<S> run(LayerScaleOp op) {
    Array<S> y = sum(op, op.getInput(), 1);
    const S *gamma = entries(values, op.getGamma());
    for (int64_t t = 0; t < y.dim(0); ++t)
      for (int64_t k = 0; k < y.dim(1); ++k)
        y.rows().row(t)[k] *= gamma[k];
    return y;
  }

  Array<S> run(SliceOp op) {
    Array<S> y = result(op);
    std::copy_n(values.at(op.getInput()).rows().row(op.getFirst()), y.elements(), y.data());
    return y;
  }

  Array<S> run(MeanTokensOp op) {
    Array<S> y = result(op);
    auto x = values.at(op.getInput()).rows();
    for (int64_t t = 0; t < x.rows; ++t)
      addRows(y.rows(), x.block(t, 1, 0, x.cols));
    for (int64_t k = 0; k < x.cols; ++k)
      y.data()[k] /= S(x.rows);
    return y;
  }

  Array<S> run(MaxTokensOp op) {
    Array<S> y = result(op);
    maxRows(values.at(op.getInput()).rows(), y.data());
    return y;
  }

  Array<S> run(SoftmaxOp op) {
    Array<S> y = sum(op, op.getInput(), 1);
    softmaxRows(y.rows());
    return y;
  }

  Array<S> run(AttentionWeightsOp op) {
    Array<S> y = result(op);
    auto q = values.at(op.getQuery()).rows(), k = values.at(op.getKey()).rows();
    int64_t heads = op.getHeads(), size = q.cols / heads;
    for (int64_t h = 0; h < heads; ++h)
      attentionWeights(q.block(0, q.rows, h * size, size), k.block(0, k.rows, h * size, size),
                       planeOf(values, op.getBias(), h), {S(op.getScale().convertToDouble())},
                       y.rows().block(h * q.rows, q.rows, 0, k.rows));
    return y;
  }

  Array<S> run(RolloutOp op) {
    Array<S> y = result(op);
    std::optional<Rows<S>> before;
    if (op.getBefore())
      before = values.at(op.getBefore()).rows();
    rollout(values.at(op.getWeights()).rows(), before ? &*before : nullptr, op.getHeads(), y.rows());
    return y;
  }

private:
  Array<S> result(Operation *op) { return Array<S>::dense(shapeOf(op->getResult(0))); }

  /// The operands' sum over `divisor`.
  Array<S> sum(Operation *op, ValueRange operands, S divisor) {
    Array<S> y = result(op);
    for (int64_t i = 0, n = y.elements(); i < n; ++i) {
      S total = 0;
      for (Value x : operands)
        total += values.at(x).data()[i];
      y.data()[i] = total / divisor;
    }
    return y;
  }

  const Values<S> &values;
};

} // namespace

template <typename S>
std::optional<Array<S>> interp::evaluateModelOp(Operation *op, const Values<S> &values) {
  ModelOps<S> ops(values);
  return llvm::TypeSwitch<Operation *, std::optional<Array<S>>>(op)
      .template Case<NormalizeImageOp, ChannelsFirstOp, PatchEmbedOp, ConcatOp, ConcatChannelsOp, AddOp,
                     MultiplyOp, AverageOp, LinearOp, LayerNormOp, RopeOp, AttentionOp, ActivationOp,
                     LayerScaleOp, SliceOp, MeanTokensOp, MaxTokensOp, SoftmaxOp, AttentionWeightsOp,
                     RolloutOp>([&](auto modelOp) { return ops.run(modelOp); })
      .Default([](Operation *) { return std::nullopt; });
}

template std::optional<Array<double>> interp::evaluateModelOp(Operation *, const Values<double> &);
template std::optional<Array<float>> interp::evaluateModelOp(Operation *, const Values<float> &);
