//===- BuildEmbedding.cpp - from an image to the tokens of the first block -----------------------===//
#include "compiler/Pipeline/ForwardBuilder.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace vitc;

Value ForwardBuilder::concat(ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts.front();
  int64_t tokens = 0;
  for (Value part : parts)
    tokens += rows(part);
  return vit::ConcatOp::create(b, loc, type({tokens, c.width}), ValueRange(parts));
}

Value ForwardBuilder::patches(Value image) {
  MLIRContext *context = b.getContext();
  int64_t area = c.patch.size.height * c.patch.size.width, depth = c.channels * area;
  bool linearKind = c.patch.kind == PatchKind::Linear;
  // Patches are read channel by channel: weights that want them otherwise are put in that order.
  bool reorder = linearKind && c.patch.order == PatchOrder::HWC;
  auto inOrder = [&](const Twine &name, ArrayRef<int64_t> shape) {
    vit::WeightChain chain = stored(name);
    if (!reorder)
      return chain;
    SmallVector<int64_t> split(shape.drop_back());
    split.append({area, c.channels});
    chain.then(vit::ReshapeStepAttr::get(context, split), "chw");
    chain.steps.push_back(vit::TransposeStepAttr::get(context));
    chain.steps.push_back(vit::ReshapeStepAttr::get(context, shape));
    return chain;
  };
  auto stride = b.getDenseI64ArrayAttr({c.patch.stride.height, c.patch.stride.width});
  std::array<int64_t, 4> pad = c.padding();
  auto padding = b.getDenseI64ArrayAttr(pad);
  Type result = type({c.patches(), c.width});
  Value bias = c.patch.bias ? param("embed.patch.b", {c.width}) : Value(), y;
  if (!c.patch.normIn) {
    Value kernel;
    if (linearKind) {
      vit::WeightChain chain = inOrder("embed.patch.w", {c.width, depth});
      chain.then(
          vit::ReshapeStepAttr::get(context, {c.width, c.channels, c.patch.size.height, c.patch.size.width}),
          "kernel");
      kernel = weights.param(b, loc, chain);
    } else {
      kernel = param("embed.patch.w", {c.width, c.channels, c.patch.size.height, c.patch.size.width});
    }
    y = vit::PatchEmbedOp::create(b, loc, result, image, kernel, bias, stride, padding);
  } else {
    Value x =
        vit::ExtractPatchesOp::create(b, loc, type({c.patches(), depth}), image,
                                      b.getDenseI64ArrayAttr({c.patch.size.height, c.patch.size.width}),
                                      stride, padding, DenseF64ArrayAttr(), DenseF64ArrayAttr(), UnitAttr());
    Value gamma = weights.param(b, loc, inOrder("embed.norm_in.w", {depth})), beta;
    if (*c.patch.normIn == NormKind::Layer)
      beta = weights.param(b, loc, inOrder("embed.norm_in.b", {depth}));
    x = norm(x, gamma, beta, *c.patch.normIn);
    vit::WeightChain chain = inOrder("embed.patch.w", {c.width, depth});
    chain.then(vit::ReshapeStepAttr::get(context, {c.width, depth}), "matrix");
    y = vit::LinearOp::create(b, loc, result, x, weights.param(b, loc, chain), bias);
  }
  return c.patch.normOut ? norm(y, "embed.norm_out", *c.patch.normOut) : y;
}

/// The position table for the model's own grid, a row for each token that it covers.
Value ForwardBuilder::positions() {
  MLIRContext *context = b.getContext();
  Extent from = c.pos.grid, to = c.grid();
  int64_t prefix = c.positionPrefix(), rows = c.positions();
  vit::WeightChain chain;
  if (c.pos.kind == PosKind::Learned) {
    chain = stored("embed.pos");
  } else {
    auto kind = c.pos.kind == PosKind::SincosMae ? vit::SincosKind::Mae : vit::SincosKind::Simple;
    chain = {"embed.pos",
             {vit::SincosStepAttr::get(context, kind, {from.height, from.width}, c.width, prefix)}};
    if (int64_t made = prefix + from.height * from.width; made != c.storedPositions())
      chain.then(vit::PadStepAttr::get(context, {c.storedPositions(), c.width}), "suffix");
  }
  if (from != to) {
    const PosResize &rule = *c.pos.resize;
    auto kernel = llvm::StringSwitch<vit::GridKernel>(rule.kernel)
                      .Case("cubic-0.5", vit::GridKernel::Cubic50)
                      .Case("cubic-0.75", vit::GridKernel::Cubic75)
                      .Case("linear", vit::GridKernel::Linear)
                      .Default(vit::GridKernel::Nearest);
    auto scale = rule.alignCorners           ? vit::GridScale::Corners
                 : rule.scale == "offset0.1" ? vit::GridScale::Offset
                                             : vit::GridScale::Size;
    chain.then(vit::ResizeGridStepAttr::get(context, {from.height, from.width}, {to.height, to.width}, prefix,
                                            kernel, scale, rule.antialias),
               "resized");
  }
  Value table = weights.param(b, loc, chain);
  assert(this->rows(table) == rows && "a row for each token");
  (void)rows;
  return table;
}

Value ForwardBuilder::embed(Value image) {
  Value grid = patches(image);
  auto token = [&](const TokenRun &run) { return param("embed." + run.kind, {run.count, c.width}); };
  SmallVector<Value> parts;
  Value tokens;
  switch (c.posCovers) {
  case PosCovers::None:
  case PosCovers::All:
    for (const TokenRun &run : c.prefix)
      parts.push_back(token(run));
    parts.push_back(grid);
    for (const TokenRun &run : c.suffix)
      parts.push_back(token(run));
    tokens = concat(parts);
    if (c.posCovers == PosCovers::All)
      tokens = add(tokens, positions());
    break;
  case PosCovers::Patch:
    for (const TokenRun &run : c.prefix)
      parts.push_back(token(run));
    parts.push_back(add(grid, positions()));
    for (const TokenRun &run : c.suffix)
      parts.push_back(token(run));
    tokens = concat(parts);
    break;
  case PosCovers::ClsAndPatch: {
    // Positions are added to [cls, patches]; the other prefix tokens come between them afterwards.
    Value both = add(concat({token({"cls", 1}), grid}), positions());
    parts.push_back(slice(both, 0, 1));
    for (const TokenRun &run : c.prefix)
      if (run.kind != "cls")
        parts.push_back(token(run));
    parts.push_back(slice(both, 1, c.patches()));
    for (const TokenRun &run : c.suffix)
      parts.push_back(token(run));
    tokens = concat(parts);
    break;
  }
  }
  return c.preNorm ? norm(tokens, "embed.pre_norm") : tokens;
}
