//===- BuildModule.cpp - the canonical description as a module ----------------------------------------===//
#include "compiler/Pipeline/ForwardBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace vitc;

namespace {

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
  auto outputs = ForwardBuilder(module, b, loc, config).build(toImage(b, entry->getArgument(0)));
  SmallVector<Value> values;
  SmallVector<Type> types;
  for (const ForwardOutput &output : outputs) {
    values.push_back(output.value);
    types.push_back(output.value.getType());
  }
  func::ReturnOp::create(b, loc, values);
  function.setFunctionType(b.getFunctionType({input}, types));
  for (auto [i, output] : llvm::enumerate(outputs)) {
    function.setResultAttr(i, "vit.name", b.getStringAttr(output.name));
    if (output.planes)
      function.setResultAttr(i, "vit.planes", b.getI64IntegerAttr(output.planes));
  }
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
    SmallVector<Attribute> chain = {ref(prefix + "rel_table")};
    if (Extent from = c.storedRelativeGrid(); from != grid) {
      // Of each of a grid's two extents n, a table has the distances from 1 - n to n - 1.
      auto scale =
          c.relBiasResize == RelBiasResize::Geometric ? vit::GridScale::Geometric : vit::GridScale::Size;
      chain.push_back(vit::ResizeGridStepAttr::get(context, {2 * from.height - 1, 2 * from.width - 1},
                                                   {2 * grid.height - 1, 2 * grid.width - 1}, /*prefix=*/0,
                                                   vit::GridKernel::Linear, scale, /*antialias=*/false));
    }
    chain.push_back(vit::RelativeBiasStepAttr::get(context, grid.height, grid.width));
    declareDerived(b, loc, prefix + "rel_bias", {c.heads, c.tokens(), c.tokens()}, chain);
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

OwningOpRef<ModuleOp> vitc::declareWeights(MLIRContext &context, const ModelConfig &config) {
  context.loadDialect<vit::VitDialect, func::FuncDialect>();
  OpBuilder b(&context);
  Location loc = NameLoc::get(b.getStringAttr(config.name.empty() ? "model" : config.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  for (const TensorSpec &spec : expectedTensors(config))
    vit::WeightOp::create(b, loc, spec.name, RankedTensorType::get(spec.shape, b.getF32Type()), ArrayAttr(),
                          IntegerAttr());
  declarePositions(b, loc, config);
  return module;
}

OwningOpRef<ModuleOp> vitc::buildModule(MLIRContext &context, const ModelConfig &config) {
  OwningOpRef<ModuleOp> module = declareWeights(context, config);
  Location loc = module->getLoc();
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());

  Type image = RankedTensorType::get({config.channels, config.inputSize.height, config.inputSize.width},
                                     b.getF32Type());
  Type input = image;
  if (config.layout == InputLayout::NHWC)
    input = RankedTensorType::get({config.inputSize.height, config.inputSize.width, config.channels},
                                  b.getF32Type());
  buildFunction(*module, "forward", input, config, [&](OpBuilder &builder, Value v) -> Value {
    if (input == image)
      return v;
    return vit::ChannelsFirstOp::create(builder, loc, image, v);
  });
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
