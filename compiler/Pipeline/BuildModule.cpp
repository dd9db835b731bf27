//===- BuildModule.cpp - the canonical description as model-level ops -------------------------------===//
#include "compiler/Pipeline/Pipeline.h"
#include "dialect/IR/VitOps.h"
#include <cmath>

using namespace mlir;
using namespace vitc;

namespace {

/// Builds one function; weights are declared by the module builder.
class ForwardBuilder {
public:
  ForwardBuilder(OpBuilder &builder, Location loc, const ModelConfig &config)
      : b(builder), loc(loc), c(config), f32(builder.getF32Type()) {}

  /// From the patch embedding's input (image or pixels) to the named outputs.
  SmallVector<std::pair<StringRef, Value>> build(Value image);

  static vit::ActivationKind activationKind(Activation act);

private:
  RankedTensorType type(ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, f32); }
  Value param(const Twine &name, ArrayRef<int64_t> shape) {
    return vit::ParamOp::create(b, loc, type(shape), (name).str());
  }
  int64_t rows(Value v) { return cast<RankedTensorType>(v.getType()).getDimSize(0); }
  int64_t cols(Value v) { return cast<RankedTensorType>(v.getType()).getDimSize(1); }
  Value linear(Value x, const Twine &name, int64_t out, bool bias) {
    std::string prefix = name.str();
    Value w = param(prefix + ".w", {out, cols(x)});
    Value bv = bias ? param(prefix + ".b", {out}) : Value();
    return vit::LinearOp::create(b, loc, type({rows(x), out}), x, w, bv);
  }
  /// Of each token, or of each of `heads` runs of its channels.
  Value norm(Value x, const Twine &name, NormKind kind, int64_t heads = 0) {
    std::string prefix = name.str();
    int64_t width = heads ? cols(x) / heads : cols(x);
    Value beta = kind == NormKind::Layer ? param(prefix + ".b", {width}) : Value();
    return vit::LayerNormOp::create(b, loc, x.getType(), x, param(prefix + ".w", {width}), beta,
                                    kind == NormKind::Rms ? b.getUnitAttr() : UnitAttr(),
                                    heads ? b.getI64IntegerAttr(heads) : IntegerAttr(),
                                    b.getF64FloatAttr(c.normEps));
  }
  Value norm(Value x, const Twine &name) { return norm(x, name, c.norm); }
  Value add(Value x, Value y) { return vit::AddOp::create(b, loc, x.getType(), x, y); }
  Value slice(Value x, int64_t first, int64_t count) {
    return vit::SliceOp::create(b, loc, type({count, cols(x)}), x, first);
  }
  Value activation(Value x, vit::ActivationKind kind) {
    return vit::ActivationOp::create(b, loc, x.getType(), kind, x);
  }

  Value embed(Value image);
  Value concat(ArrayRef<Value> parts);
  Value block(Value x, int64_t index);
  /// Attention and MLP of a block, from their input to what is added to it.
  Value attention(Value x, const std::string &prefix);
  Value mlp(Value x, const std::string &prefix);
  /// A layer in its block: norms, layer scale and residual around it.
  Value around(Value x, const std::string &normName, const std::string &scaleName,
               function_ref<Value(Value)> layer);
  Value rotated(Value x, const std::string &prefix);
  Value pool(Value x);

  OpBuilder &b;
  Location loc;
  const ModelConfig &c;
  Type f32;
};

vit::ActivationKind ForwardBuilder::activationKind(Activation act) {
  switch (act) {
  case Activation::GeluErf:
    return vit::ActivationKind::GeluErf;
  case Activation::GeluTanh:
    return vit::ActivationKind::GeluTanh;
  case Activation::QuickGelu:
    return vit::ActivationKind::QuickGelu;
  case Activation::Relu:
    return vit::ActivationKind::Relu;
  case Activation::Silu:
    return vit::ActivationKind::Silu;
  }
  llvm_unreachable("all activations are handled");
}

Value ForwardBuilder::concat(ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts.front();
  int64_t tokens = 0;
  for (Value part : parts)
    tokens += rows(part);
  return vit::ConcatOp::create(b, loc, type({tokens, c.width}), ValueRange(parts));
}

Value ForwardBuilder::embed(Value image) {
  Value kernel = param("embed.patch.w", {c.width, c.channels, c.patch.size.height, c.patch.size.width});
  Value bias = c.patch.bias ? param("embed.patch.b", {c.width}) : Value();
  auto stride = b.getDenseI64ArrayAttr({c.patch.stride.height, c.patch.stride.width});
  Value patches = vit::PatchEmbedOp::create(b, loc, type({c.patches(), c.width}), image, kernel, bias, stride,
                                            b.getDenseI64ArrayAttr({0, 0, 0, 0}));
  auto token = [&](const TokenRun &run) { return param("embed." + run.kind, {run.count, c.width}); };
  auto position = [&](int64_t tokens) { return param("embed.pos", {tokens, c.width}); };

  SmallVector<Value> parts;
  Value tokens;
  switch (c.posCovers) {
  case PosCovers::None:
  case PosCovers::All:
    for (const TokenRun &run : c.prefix)
      parts.push_back(token(run));
    parts.push_back(patches);
    tokens = concat(parts);
    if (c.posCovers == PosCovers::All)
      tokens = add(tokens, position(c.tokens()));
    break;
  case PosCovers::Patch:
    for (const TokenRun &run : c.prefix)
      parts.push_back(token(run));
    parts.push_back(add(patches, position(c.patches())));
    tokens = concat(parts);
    break;
  case PosCovers::ClsAndPatch: {
    // Positions are added to [cls, patches]; the other prefix tokens come between them afterwards.
    Value both = add(concat({token({"cls", 1}), patches}), position(c.patches() + 1));
    parts.push_back(slice(both, 0, 1));
    for (const TokenRun &run : c.prefix)
      if (run.kind != "cls")
        parts.push_back(token(run));
    parts.push_back(slice(both, 1, c.patches()));
    tokens = concat(parts);
    break;
  }
  }
  return c.preNorm ? norm(tokens, "embed.pre_norm") : tokens;
}

Value ForwardBuilder::rotated(Value x, const std::string &prefix) {
  if (c.rope.kind == RopeKind::None)
    return x;
  bool mixed = c.rope.kind == RopeKind::Mixed;
  std::string name = (mixed ? prefix : "") + "rope.";
  SmallVector<int64_t> table{c.patches(), mixed ? c.innerWidth() : c.headDim};
  return vit::RopeOp::create(b, loc, x.getType(), x, param(name + "cos", table), param(name + "sin", table),
                             c.rope.pairing == "half", c.heads, c.prefixTokens());
}

Value ForwardBuilder::attention(Value x, const std::string &prefix) {
  const AttentionConfig &a = c.block.attn;
  int64_t inner = c.heads * c.headDim;
  Value q = linear(x, prefix + "q", inner, a.qkvBias[0]);
  Value k = linear(x, prefix + "k", inner, a.qkvBias[1]);
  Value v = linear(x, prefix + "v", inner, a.qkvBias[2]);
  if (a.qkNorm) {
    q = norm(q, prefix + "qn", *a.qkNorm, c.heads);
    k = norm(k, prefix + "kn", *a.qkNorm, c.heads);
  }
  q = rotated(q, prefix);
  k = rotated(k, prefix);
  Value bias;
  if (c.relBias == RelBiasKind::Beit)
    bias = param((c.relBiasShared ? "" : prefix) + "rel_bias", {c.heads, c.tokens(), c.tokens()});
  double scale = 1;
  Value divisor;
  switch (a.scaleRule) {
  case ScaleRule::RsqrtHeadDim:
    scale = 1 / std::sqrt(double(c.headDim));
    break;
  case ScaleRule::Number:
    scale = a.scale;
    break;
  case ScaleRule::LearnedDivisor:
    divisor = param(prefix + "scale", {1});
    break;
  }
  Value y = vit::AttentionOp::create(b, loc, q.getType(), q, k, v, bias, divisor,
                                     a.softmax ? UnitAttr() : b.getUnitAttr(), b.getI64IntegerAttr(c.heads),
                                     b.getF64FloatAttr(scale));
  if (a.outNorm)
    y = norm(y, prefix + "attn_norm");
  return a.outProj ? linear(y, prefix + "o", c.width, a.outBias) : y;
}

Value ForwardBuilder::mlp(Value x, const std::string &prefix) {
  const MlpConfig &m = c.block.mlp;
  Value h;
  if (m.kind == MlpKind::Glu) {
    Value gate = activation(linear(x, prefix + "gate", m.hidden, m.bias), activationKind(m.act));
    Value up = linear(x, prefix + "fc1", m.hidden, m.bias);
    h = vit::MultiplyOp::create(b, loc, up.getType(), gate, up);
  } else {
    h = activation(linear(x, prefix + "fc1", m.hidden, m.bias), activationKind(m.act));
  }
  if (m.innerNorm)
    h = norm(h, prefix + "mlp_norm");
  return linear(h, prefix + "fc2", c.width, m.bias);
}

Value ForwardBuilder::around(Value x, const std::string &normName, const std::string &scaleName,
                             function_ref<Value(Value)> layer) {
  Placement placement = c.block.placement;
  Value y = layer(placement == Placement::Pre ? norm(x, normName) : x);
  if (placement == Placement::ResPost)
    y = norm(y, normName);
  if (c.block.layerScale)
    y = vit::LayerScaleOp::create(b, loc, y.getType(), y, param(scaleName, {c.width}));
  if (c.block.residual)
    y = add(x, y);
  return placement == Placement::Post ? norm(y, normName) : y;
}

Value ForwardBuilder::block(Value x, int64_t index) {
  std::string prefix = "blk." + std::to_string(index) + ".";
  x = around(x, prefix + "ln1", prefix + "ls1", [&](Value y) { return attention(y, prefix); });
  return around(x, prefix + "ln2", prefix + "ls2", [&](Value y) { return mlp(y, prefix); });
}

Value ForwardBuilder::pool(Value x) {
  switch (c.pool.kind) {
  case PoolKind::Cls:
    return slice(x, 0, 1);
  case PoolKind::Mean: {
    int64_t first = c.pool.includePrefix ? 0 : c.prefixTokens();
    return vit::MeanTokensOp::create(b, loc, type({1, c.width}), slice(x, first, rows(x) - first));
  }
  default:
    return Value(); // validate() admits no other kind
  }
}

SmallVector<std::pair<StringRef, Value>> ForwardBuilder::build(Value image) {
  Value x = embed(image);
  for (int64_t i = 0; i < c.depth; ++i)
    x = block(x, i);
  if (c.finalNorm == FinalNorm::AllTokens)
    x = norm(x, "final.norm");

  SmallVector<std::pair<StringRef, Value>> outputs;
  if (c.head.layers.empty())
    outputs.emplace_back("features", x);
  if (c.head.layers.empty() && c.pool.kind == PoolKind::None)
    return outputs;

  auto finish = [&](Value token) {
    if (c.finalNorm == FinalNorm::AfterPool)
      token = norm(token, "final.norm");
    if (c.head.preLogits)
      token = linear(token, "head.pre", c.head.preLogits->out, c.head.preLogits->bias);
    if (c.head.preLogits && c.head.preLogits->act == "tanh")
      token = activation(token, vit::ActivationKind::Tanh);
    return token;
  };
  auto prefixToken = [&](StringRef kind) {
    int64_t first = 0;
    for (const TokenRun &run : c.prefix) {
      if (run.kind == kind)
        break;
      first += run.count;
    }
    return slice(x, first, 1);
  };

  if (c.head.layers.empty()) {
    outputs.emplace_back("pooled", finish(pool(x)));
    return outputs;
  }
  SmallVector<Value> logits;
  for (const HeadLayer &layer : c.head.layers) {
    Value token = finish(layer.from == "pooled" ? pool(x) : prefixToken(layer.from));
    logits.push_back(linear(token, "head." + layer.name, layer.out, layer.bias));
  }
  Value result =
      logits.size() == 1
          ? logits.front()
          : vit::AverageOp::create(b, loc, logits.front().getType(), ValueRange(logits)).getResult();
  outputs.emplace_back("logits", result);
  return outputs;
}

const AffineStep *affineStep(const ModelConfig &config) {
  if (config.preprocess)
    for (const PreprocessStep &step : config.preprocess->steps)
      if (auto *affine = std::get_if<AffineStep>(&step))
        return affine;
  return nullptr;
}

/// Creates @`name` and fills it; the entry argument is turned into an image by `toImage`.
void buildFunction(ModuleOp module, StringRef name, Type input, const ModelConfig &config,
                   function_ref<Value(OpBuilder &, Value)> toImage) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType({input}, {}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  auto outputs = ForwardBuilder(b, loc, config).build(toImage(b, entry->getArgument(0)));
  SmallVector<Value> values;
  SmallVector<Type> types;
  for (auto &[port, value] : outputs) {
    values.push_back(value);
    types.push_back(value.getType());
  }
  func::ReturnOp::create(b, loc, values);
  function.setFunctionType(b.getFunctionType({input}, types));
  for (auto [i, output] : llvm::enumerate(outputs))
    function.setResultAttr(i, "vit.name", b.getStringAttr(output.first));
}

/// Declares `name` as the result of `steps`.
void declareDerived(OpBuilder &b, Location loc, const Twine &name, ArrayRef<int64_t> shape,
                    ArrayRef<Attribute> steps) {
  vit::WeightOp::create(b, loc, name.str(), RankedTensorType::get(shape, b.getF32Type()),
                        b.getArrayAttr(steps), IntegerAttr());
}

/// Angles of rotary positions, and biases of relative ones: what follows from the grid, and from the
/// checkpoint's frequencies and tables.
void declarePositions(OpBuilder &b, Location loc, const ModelConfig &c) {
  MLIRContext *context = b.getContext();
  auto ref = [&](const Twine &name) {
    return vit::RefStepAttr::get(context, FlatSymbolRefAttr::get(context, name.str()));
  };
  Extent grid = c.grid();
  auto angles = [&](const std::string &prefix, int64_t columns, ArrayRef<Attribute> steps) {
    auto table = [&](const char *name, Attribute last) {
      SmallVector<Attribute> chain(steps);
      chain.push_back(last);
      declareDerived(b, loc, prefix + name, {c.patches(), columns}, chain);
    };
    table("rope.cos", vit::CosStepAttr::get(context));
    table("rope.sin", vit::SinStepAttr::get(context));
  };
  if (c.rope.kind == RopeKind::Cat || c.rope.kind == RopeKind::DinoV3)
    angles("", c.headDim,
           {c.rope.periods.empty()
                ? Attribute(
                      vit::RopePeriodsStepAttr::get(context, c.headDim / 4, b.getF64FloatAttr(c.rope.base)))
                : vit::NumbersStepAttr::get(context, b.getDenseF64ArrayAttr(c.rope.periods)),
            vit::RopeAnglesStepAttr::get(context, grid.height, grid.width, c.rope.kind == RopeKind::DinoV3,
                                         c.rope.order == "xy", c.rope.ref.height, c.rope.ref.width,
                                         b.getF64FloatAttr(c.rope.offset))});
  auto bias = [&](const std::string &prefix) {
    declareDerived(
        b, loc, prefix + "rel_bias", {c.heads, c.tokens(), c.tokens()},
        {ref(prefix + "rel_table"), vit::RelativeBiasStepAttr::get(context, grid.height, grid.width)});
  };
  if (c.relBias == RelBiasKind::Beit && c.relBiasShared)
    bias("");
  for (int64_t i = 0; i < c.depth; ++i) {
    std::string prefix = "blk." + std::to_string(i) + ".";
    if (c.rope.kind == RopeKind::Mixed)
      angles(prefix, c.innerWidth(),
             {ref(prefix + "rope_freq"), vit::RopeMixedStepAttr::get(context, grid.height, grid.width)});
    if (c.relBias == RelBiasKind::Beit && !c.relBiasShared)
      bias(prefix);
  }
}

} // namespace

OwningOpRef<ModuleOp> vitc::buildModule(MLIRContext &context, const ModelConfig &config) {
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  OpBuilder b(&context);
  Location loc = NameLoc::get(b.getStringAttr(config.name.empty() ? "model" : config.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  for (const TensorSpec &spec : expectedTensors(config))
    vit::WeightOp::create(b, loc, spec.name, RankedTensorType::get(spec.shape, b.getF32Type()), ArrayAttr(),
                          IntegerAttr());

  declarePositions(b, loc, config);

  Type image = RankedTensorType::get({config.channels, config.inputSize.height, config.inputSize.width},
                                     b.getF32Type());
  buildFunction(*module, "forward", image, config, [](OpBuilder &, Value v) { return v; });
  if (const AffineStep *affine = affineStep(config)) {
    Type bytes = RankedTensorType::get({config.inputSize.height, config.inputSize.width, config.channels},
                                       b.getIntegerType(8, /*isSigned=*/false));
    Type pixels = config.preprocess->keepsFractions() ? image : bytes;
    buildFunction(*module, "forward_u8", pixels, config, [&](OpBuilder &builder, Value v) -> Value {
      return vit::NormalizeImageOp::create(builder, loc, image, v, builder.getF64FloatAttr(affine->scale),
                                           builder.getDenseF64ArrayAttr(affine->mean),
                                           builder.getDenseF64ArrayAttr(affine->std));
    });
  }
  return module;
}
