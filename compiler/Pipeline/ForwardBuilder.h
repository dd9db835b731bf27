//===- ForwardBuilder.h - the forward of a description as model-level ops -----------------------------===//
#ifndef COMPILER_PIPELINE_FORWARDBUILDER_H
#define COMPILER_PIPELINE_FORWARDBUILDER_H

#include "compiler/Pipeline/ModelSteps.h"
#include "dialect/IR/VitOps.h"
#include "dialect/Transforms/WeightUtils.h"
#include <cmath>

namespace vitc {

/// A result of the forward and its name; `planes` of them, if not 0, lie one behind the other.
struct ForwardOutput {
  std::string name;
  mlir::Value value;
  int64_t planes;
};

/// A module that declares the checkpoint's weights and what follows from them, and has no function yet.
mlir::OwningOpRef<mlir::ModuleOp> declareWeights(mlir::MLIRContext &context, const ModelConfig &config);

/// Builds one function; the checkpoint's weights are declared by the module builder.
class ForwardBuilder {
public:
  ForwardBuilder(mlir::ModuleOp module, mlir::OpBuilder &builder, mlir::Location loc,
                 const ModelConfig &config)
      : b(builder), loc(loc), c(config), weights(module), f32(builder.getF32Type()) {}

  /// From the patch embedding's input (image or pixels) to the named outputs.
  mlir::SmallVector<ForwardOutput> build(mlir::Value image);
  /// From one step's value to those of others (ModelSteps.h).
  mlir::SmallVector<mlir::Value> between(mlir::Value start, const ModelStep &from,
                                         mlir::ArrayRef<ModelStep> to);

  static vit::ActivationKind activationKind(Activation act);

private:
  mlir::RankedTensorType type(mlir::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, f32);
  }
  mlir::Value param(const mlir::Twine &name, mlir::ArrayRef<int64_t> shape) {
    return vit::ParamOp::create(b, loc, type(shape), (name).str());
  }
  /// The chain of a tensor of the checkpoint, to continue.
  vit::WeightChain stored(const mlir::Twine &name) {
    std::string text = name.str();
    auto ref = vit::RefStepAttr::get(b.getContext(), mlir::FlatSymbolRefAttr::get(b.getContext(), text));
    return {text, {ref}};
  }
  int64_t rows(mlir::Value v) { return mlir::cast<mlir::RankedTensorType>(v.getType()).getDimSize(0); }
  int64_t cols(mlir::Value v) { return mlir::cast<mlir::RankedTensorType>(v.getType()).getDimSize(1); }
  mlir::Value linear(mlir::Value x, const mlir::Twine &name, int64_t out, bool bias) {
    std::string prefix = name.str();
    mlir::Value w = param(prefix + ".w", {out, cols(x)});
    mlir::Value bv = bias ? param(prefix + ".b", {out}) : mlir::Value();
    return vit::LinearOp::create(b, loc, type({rows(x), out}), x, w, bv);
  }
  /// Of each token, or of each of `heads` runs of its channels.
  mlir::Value norm(mlir::Value x, const mlir::Twine &name, NormKind kind, int64_t heads = 0) {
    std::string prefix = name.str();
    int64_t width = heads ? cols(x) / heads : cols(x);
    mlir::Value gamma = param(prefix + ".w", {width});
    return norm(x, gamma, kind == NormKind::Layer ? param(prefix + ".b", {width}) : mlir::Value(), kind,
                heads);
  }
  mlir::Value norm(mlir::Value x, mlir::Value gamma, mlir::Value beta, NormKind kind, int64_t heads = 0) {
    return vit::LayerNormOp::create(
        b, loc, x.getType(), x, gamma, beta, kind == NormKind::Rms ? b.getUnitAttr() : mlir::UnitAttr(),
        heads ? b.getI64IntegerAttr(heads) : mlir::IntegerAttr(), b.getF64FloatAttr(c.normEps));
  }
  mlir::Value norm(mlir::Value x, const mlir::Twine &name) { return norm(x, name, c.norm); }
  mlir::Value add(mlir::Value x, mlir::Value y) { return vit::AddOp::create(b, loc, x.getType(), x, y); }
  mlir::Value concatChannels(mlir::ArrayRef<mlir::Value> parts) {
    int64_t width = 0;
    for (mlir::Value part : parts)
      width += cols(part);
    return vit::ConcatChannelsOp::create(b, loc, type({rows(parts.front()), width}), mlir::ValueRange(parts));
  }
  mlir::Value mean(mlir::Value x) { return vit::MeanTokensOp::create(b, loc, type({1, cols(x)}), x); }
  mlir::Value max(mlir::Value x) { return vit::MaxTokensOp::create(b, loc, type({1, cols(x)}), x); }
  mlir::Value slice(mlir::Value x, int64_t first, int64_t count) {
    return vit::SliceOp::create(b, loc, type({count, cols(x)}), x, first);
  }
  mlir::Value activation(mlir::Value x, vit::ActivationKind kind) {
    return vit::ActivationOp::create(b, loc, x.getType(), kind, x);
  }

  mlir::Value embed(mlir::Value image);
  mlir::Value patches(mlir::Value image);
  mlir::Value positions();
  mlir::Value concat(mlir::ArrayRef<mlir::Value> parts);
  mlir::Value block(mlir::Value x, int64_t index);
  /// Attention and MLP of a block, from their input to what is added to it.
  mlir::Value attention(mlir::Value x, const std::string &prefix);
  mlir::Value mlp(mlir::Value x, const std::string &prefix);
  /// Times the layer scale, where blocks have one.
  mlir::Value scaled(mlir::Value x, const std::string &name);
  /// A layer in its block: norms, layer scale and residual around it.
  mlir::Value around(mlir::Value x, const std::string &normName, const std::string &scaleName,
                     mlir::function_ref<mlir::Value(mlir::Value)> layer);
  mlir::Value rotated(mlir::Value x, const std::string &prefix);
  mlir::Value pool(mlir::Value x);
  mlir::Value attentionPool(mlir::Value x);
  mlir::Value headInput(mlir::Value x, mlir::StringRef from);
  mlir::Value logits(mlir::Value x);
  mlir::Value normalised(mlir::Value x);
  mlir::Value output(const OutputSpec &spec, mlir::Value x);
  /// Query and key of a block, normalised and rotated.
  std::pair<mlir::Value, mlir::Value> queryAndKey(mlir::Value x, const std::string &prefix);
  mlir::Value attentionBias(const std::string &prefix);
  double attentionScale() const {
    const AttentionConfig &a = c.block.attn;
    return a.scaleRule == ScaleRule::Number         ? a.scale
           : a.scaleRule == ScaleRule::RsqrtHeadDim ? 1 / std::sqrt(double(c.headDim))
                                                    : 1;
  }
  void keepMaps(mlir::Value x, int64_t index, const std::string &prefix);

  mlir::OpBuilder &b;
  mlir::Location loc;
  const ModelConfig &c;
  vit::WeightBuilder weights;
  mlir::Type f32;
  mlir::SmallVector<mlir::Value> hidden; ///< behind each block
  mlir::Value embedded, rolled; ///< in front of the first block; attention rolled out up to the last one
  mlir::DenseMap<int64_t, mlir::Value> maps; ///< attention weights by block, of those that outputs need
  mlir::Value pooledToken, scores;           ///< computed once, however many outputs read them
};

} // namespace vitc

#endif // COMPILER_PIPELINE_FORWARDBUILDER_H
