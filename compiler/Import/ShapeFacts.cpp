//===- ShapeFacts.cpp - what the tensors say about the model ----------------------------------------===//
#include "compiler/Import/Importers.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace vitc;

int64_t vitc::countBlocks(const CanonicalTensors &tensors) {
  int64_t depth = 0;
  for (const auto &[name, slice] : tensors.slices) {
    llvm::StringRef rest = name;
    unsigned index;
    if (rest.consume_front("blk.") && !rest.consumeInteger(10, index))
      depth = std::max<int64_t>(depth, int64_t(index) + 1);
  }
  return depth;
}

int64_t vitc::squareOfRelativeTable(const CanonicalTensors &tensors) {
  int64_t rows = std::max(tensors.extent("rel_table", 0), tensors.extent("blk.0.rel_table", 0)) - 3;
  auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(std::max<int64_t>(rows, 0)))));
  return side % 2 == 1 && side * side == rows ? (side + 1) / 2 : 0;
}

void vitc::fillFromShapes(const CanonicalTensors &tensors, ModelConfig &config) {
  config.width = tensors.extent("embed.patch.w", 0);
  if (config.patch.kind == PatchKind::Conv) {
    config.channels = tensors.extent("embed.patch.w", 1);
    config.patch.size = {tensors.extent("embed.patch.w", 2), tensors.extent("embed.patch.w", 3)};
    config.patch.stride = config.patch.size;
  }
  config.patch.bias = tensors.has("embed.patch.b");
  if (tensors.has("embed.norm_in.w"))
    config.patch.normIn = tensors.has("embed.norm_in.b") ? NormKind::Layer : NormKind::Rms;
  if (tensors.has("embed.norm_out.w"))
    config.patch.normOut = tensors.has("embed.norm_out.b") ? NormKind::Layer : NormKind::Rms;
  config.depth = countBlocks(tensors);

  config.prefix.clear();
  for (const char *kind : {"cls", "dist", "reg"})
    if (const TensorSlice *token = tensors.find(std::string("embed.") + kind)) {
      int64_t count = token->shape.size() < 2 ? 1 : token->shape[token->shape.size() - 2];
      config.prefix.push_back({kind, count});
    }
  config.preNorm = tensors.has("embed.pre_norm.w");

  int64_t rows = tensors.extent("embed.pos", -2), prefix = config.prefixTokens(), patches = config.patches();
  if (!tensors.has("embed.pos")) {
    config.posCovers = PosCovers::None;
    config.pos.kind = PosKind::None;
  } else if (rows == patches && prefix > 0) {
    config.posCovers = PosCovers::Patch;
  } else if (rows == patches + 1 && prefix > 1) {
    config.posCovers = PosCovers::ClsAndPatch;
  } else {
    config.posCovers = PosCovers::All; // also when no case fits: binding then names both shapes
  }
  config.pos.grid = config.grid();

  bool sharedBias = tensors.has("rel_table");
  config.relBias = sharedBias || tensors.has("blk.0.rel_table") ? RelBiasKind::Beit : RelBiasKind::None;
  config.relBiasShared = sharedBias;
  if (int64_t side = squareOfRelativeTable(tensors); config.relBias != RelBiasKind::None && side > 0) {
    Extent grid = config.grid();
    bool fits = (2 * grid.height - 1) * (2 * grid.width - 1) == (2 * side - 1) * (2 * side - 1);
    if (!fits) // made for another grid: a square, as far as the number of its rows can say
      config.relBiasGrid = Extent{side, side};
  }

  config.norm = tensors.has("blk.0.ln1.w") && !tensors.has("blk.0.ln1.b") ? NormKind::Rms : NormKind::Layer;
  BlockConfig &block = config.block;
  block.attn.qkvBias = {tensors.has("blk.0.q.b"), tensors.has("blk.0.k.b"), tensors.has("blk.0.v.b")};
  block.attn.outBias = tensors.has("blk.0.o.b");
  if (tensors.has("blk.0.qn.w"))
    block.attn.qkNorm = tensors.has("blk.0.qn.b") ? NormKind::Layer : NormKind::Rms;
  block.attn.outNorm = tensors.has("blk.0.attn_norm.w");
  block.layerScale = tensors.has("blk.0.ls1");
  block.mlp.hidden = tensors.extent("blk.0.fc1.w", 0);
  block.mlp.bias = tensors.has("blk.0.fc1.b");
  block.mlp.innerNorm = tensors.has("blk.0.mlp_norm.w");
  block.mlp.kind = tensors.has("blk.0.gate.w") ? MlpKind::Glu : MlpKind::Plain;
}

void vitc::fillHeadFromShapes(const CanonicalTensors &tensors, ModelConfig &config) {
  if (int64_t out = tensors.extent("head.pre.w", 0))
    config.head.preLogits = PreLogits{out, "tanh", tensors.has("head.pre.b")};
  if (int64_t out = tensors.extent("head.main.w", 0))
    config.head.layers.push_back({"main", "pooled", out, tensors.has("head.main.b")});
}
