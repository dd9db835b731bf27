//===- Suspects.cpp - what libraries do differently in a model ----------------------------------------===//
//
// Each suspect is a field of the description with another value that occurs in the wild (docs/vit-json.md).
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/SuspectList.h"
#include "compiler/Import/VitNames.h"
#include <cmath>

using namespace vitc;

void SuspectList::add(std::string what, std::string remedy, const std::function<void(Variant &)> &change) {
  Suspect suspect{std::move(what), std::move(remedy), base};
  change(suspect.variant);
  const Variant &v = suspect.variant;
  if (v.config == base.config && v.reversed == base.reversed && v.swapped == base.swapped &&
      v.ending == base.ending)
    return;
  if (llvm::any_of(list, [&](const Suspect &other) {
        const Variant &o = other.variant;
        return o.config == v.config && o.reversed == v.reversed && o.swapped == v.swapped &&
               o.ending == v.ending;
      }))
    return;
  if (!(v.config == base.config)) {
    if (llvm::Error error = validate(v.config)) {
      llvm::consumeError(std::move(error));
      return;
    }
    if (!fits(v.config))
      return;
  }
  list.push_back(std::move(suspect));
}

static const char *yesNo(bool value) { return value ? "true" : "false"; }

void vitc::suspectEmbedding(SuspectList &list) {
  if (!list.covers(ModelStep::Embedding))
    return;
  const ModelConfig &c = list.config();
  list.add("adds no positions", "tokens.pos_covers \"none\", pos.kind \"none\"", [](Variant &v) {
    v.config.posCovers = PosCovers::None;
    v.config.pos.kind = PosKind::None;
  });
  for (PosKind kind : {PosKind::SincosMae, PosKind::SincosSimple})
    list.add(fmt::format("has {} positions (here: {})", nameOf(kind), nameOf(c.pos.kind)),
             fmt::format("pos.kind \"{}\"", nameOf(kind)), [&](Variant &v) { v.config.pos.kind = kind; });
  if (c.pos.resize && !(c.pos.grid == c.grid()))
    for (const PosResize &rule :
         {PosResize{"cubic-0.5", true}, PosResize{"cubic-0.75", false}, PosResize{"cubic-0.75", true},
          PosResize{"cubic-0.75", false, false, "offset0.1"}, PosResize{"cubic-0.75", false, true},
          PosResize{"linear", false}, PosResize{"linear", true}, PosResize{"linear", false, true},
          PosResize{"nearest", false}})
      list.add(
          fmt::format("resizes the position table by {}{}{}{} (here: {}{}{}{})", rule.kernel,
                      rule.antialias ? " with antialias" : "", rule.alignCorners ? ", corners aligned" : "",
                      rule.scale == "size" ? "" : ", scale " + rule.scale, c.pos.resize->kernel,
                      c.pos.resize->antialias ? " with antialias" : "",
                      c.pos.resize->alignCorners ? ", corners aligned" : "",
                      c.pos.resize->scale == "size" ? "" : ", scale " + c.pos.resize->scale),
          fmt::format("pos.resize: \"kernel\": \"{}\", \"antialias\": {}, \"align_corners\": {}, \"scale\": "
                      "\"{}\"",
                      rule.kernel, yesNo(rule.antialias), yesNo(rule.alignCorners), rule.scale),
          [&](Variant &v) { v.config.pos.resize = rule; });
  list.add("puts the prefix tokens in another order", "tokens.prefix", [](Variant &v) {
    if (v.config.prefix.size() > 1)
      std::swap(v.config.prefix[v.config.prefix.size() - 2], v.config.prefix.back());
  });
  list.add(fmt::format("flattens patches {} (here: {})", c.patch.order == PatchOrder::CHW ? "hwc" : "chw",
                       nameOf(c.patch.order)),
           "patch.order", [&](Variant &v) {
             if (c.patch.kind == PatchKind::Linear)
               v.config.patch.order = c.patch.order == PatchOrder::CHW ? PatchOrder::HWC : PatchOrder::CHW;
           });
  list.add("has no bias in the patch embedding", "patch.bias false",
           [](Variant &v) { v.config.patch.bias = false; });
  list.add("has no norm in front of the first block", "pre_norm false",
           [](Variant &v) { v.config.preNorm = false; });
  list.add("has no norm in front of the patch projection", "patch.norm_in null",
           [](Variant &v) { v.config.patch.normIn.reset(); });
  list.add("has no norm behind the patch projection", "patch.norm_out null",
           [](Variant &v) { v.config.patch.normOut.reset(); });
}

void vitc::suspectNorms(SuspectList &list) {
  const ModelConfig &c = list.config();
  for (double eps : {1e-12, 1e-7, 1e-6, 1e-5, 1e-3})
    list.add(fmt::format("has norms with epsilon {:g} (here: {:g})", eps, c.normEps),
             fmt::format("norm.eps {:g}; --norm-eps {:g}", eps, eps),
             [&](Variant &v) { v.config.normEps = eps; });
  if (c.norm == NormKind::Layer)
    list.add("has RMSNorm (here: LayerNorm)", "norm.kind \"rms\"",
             [](Variant &v) { v.config.norm = NormKind::Rms; });
}

static void suspectRope(SuspectList &list) {
  const RopeConfig &here = list.config().rope;
  if (here.kind == RopeKind::None)
    return;
  auto add = [&](const std::string &what, const std::string &remedy, auto change) {
    list.add(what, remedy, [&](Variant &v) { change(v.config.rope); });
  };
  add("has no rotary positions", "rope.kind \"none\"", [](RopeConfig &rope) { rope = RopeConfig(); });
  bool yx = here.order == "yx";
  add(fmt::format("rotates by {} first (here: {})", yx ? "columns" : "rows", yx ? "rows" : "columns"),
      fmt::format("rope.order \"{}\"", yx ? "xy" : "yx"),
      [&](RopeConfig &rope) { rope.order = yx ? "xy" : "yx"; });
  for (double base : {100., 10000.})
    add(fmt::format("has rotary positions of base {:g} (here: {})", base,
                    here.periods.empty() ? fmt::format("{:g}", here.base) : "periods as stored, rounded"),
        fmt::format("rope.base {:g}", base), [&](RopeConfig &rope) {
          rope.base = base;
          rope.periods.clear();
        });
  if (here.kind != RopeKind::Cat)
    return; // the others have no indices
  for (double offset : {0., 1.})
    add(fmt::format("counts rotary positions from {:g} (here: {:g})", offset, here.offset),
        fmt::format("rope.offset {:g}", offset), [&](RopeConfig &rope) { rope.offset = offset; });
  for (Extent ref : {Extent{0, 0}, Extent{14, 14}, Extent{16, 16}})
    add(fmt::format("scales rotary positions to a grid of {} x {} (here: {} x {})", ref.height, ref.width,
                    here.ref.height, here.ref.width),
        fmt::format("rope.ref [{}, {}]", ref.height, ref.width), [&](RopeConfig &rope) { rope.ref = ref; });
}

void vitc::suspectAttention(SuspectList &list) {
  const ModelConfig &c = list.config();
  auto add = [&](const std::string &what, const std::string &remedy, auto change) {
    list.add(what, remedy, [&](Variant &v) { change(v.config.block.attn); });
  };
  auto scale = [&](double factor, const char *rule) {
    add(fmt::format("scales attention by {} (here: {:.4g})", rule,
                    c.block.attn.scaleRule == ScaleRule::Number ? c.block.attn.scale
                                                                : 1 / std::sqrt(double(c.headDim))),
        fmt::format("block.attn.scale {}", factor), [&](AttentionConfig &attn) {
          attn.scaleRule = ScaleRule::Number;
          attn.scale = factor;
        });
  };
  add("scales attention by 1/sqrt(head_dim)", "block.attn.scale \"rsqrt_d\"",
      [](AttentionConfig &attn) { attn.scaleRule = ScaleRule::RsqrtHeadDim; });
  scale(1 / std::sqrt(double(c.width)), "1/sqrt(width)");
  scale(1, "nothing");
  scale(1 / double(c.headDim), "1/head_dim");
  for (int64_t heads = 1, inner = c.innerWidth(); heads <= std::min<int64_t>(inner, 64); ++heads)
    if (inner % heads == 0)
      list.add(fmt::format("has {} heads (here: {})", heads, c.heads), fmt::format("heads {}", heads),
               [&](Variant &v) {
                 v.config.heads = heads;
                 v.config.headDim = inner / heads;
               });
  const char *names[] = {"q", "k", "v"};
  for (int i = 0; i < 3; ++i)
    add(fmt::format("has no bias of {}", names[i]), "block.attn.qkv_bias",
        [&](AttentionConfig &attn) { attn.qkvBias[i] = false; });
  add("has no biases of q, k and v", "block.attn.qkv_bias",
      [&](AttentionConfig &attn) { attn.qkvBias = {}; });
  add("has no bias behind attention", "block.attn.out_bias false",
      [](AttentionConfig &attn) { attn.outBias = false; });
  add("has no softmax", "block.attn.softmax false", [](AttentionConfig &attn) { attn.softmax = false; });
  add("has no norms of q and k", "block.attn.qk_norm null",
      [](AttentionConfig &attn) { attn.qkNorm.reset(); });
  add("has no norm in front of the output projection", "block.attn.out_norm false",
      [](AttentionConfig &attn) { attn.outNorm = false; });
  list.add("has no relative position bias", "rel_bias.kind \"none\"", [](Variant &v) {
    v.config.relBias = RelBiasKind::None;
    v.config.relBiasShared = false;
    v.config.relBiasGrid.reset();
    v.config.relBiasResize.reset();
  });
  if (c.relBiasResize)
    for (RelBiasResize rule : {RelBiasResize::Linear, RelBiasResize::Geometric})
      list.add(fmt::format("resizes relative position tables by \"{}\" (here: \"{}\")", nameOf(rule),
                           nameOf(*c.relBiasResize)),
               fmt::format("rel_bias.resize \"{}\"", nameOf(rule)),
               [&](Variant &v) { v.config.relBiasResize = rule; });
  suspectRope(list);
}

void vitc::suspectActivation(SuspectList &list) {
  if (!list.covers(ModelStep::Block))
    return;
  const ModelConfig &c = list.config();
  for (Activation act :
       {Activation::GeluErf, Activation::GeluTanh, Activation::QuickGelu, Activation::Relu, Activation::Silu})
    list.add(fmt::format("has the activation {} (here: {})", nameOf(act), nameOf(c.block.mlp.act)),
             fmt::format("block.mlp.act \"{}\"", nameOf(act)), [&](Variant &v) {
               if (v.config.pool.kind == PoolKind::Map)
                 v.config.pool.act = v.config.poolAct(); // stays what it is
               v.config.block.mlp.act = act;
             });
}

void vitc::suspectBlock(SuspectList &list) {
  if (!list.covers(ModelStep::Block))
    return;
  const ModelConfig &c = list.config();
  suspectAttention(list);
  for (Placement placement : {Placement::Pre, Placement::ResPost, Placement::Post, Placement::Parallel})
    list.add(
        fmt::format("has norms placed \"{}\" (here: \"{}\")", nameOf(placement), nameOf(c.block.placement)),
        fmt::format("block.placement \"{}\"", nameOf(placement)),
        [&](Variant &v) { v.config.block.placement = placement; });
  list.add("has no layer scale", "block.layer_scale false",
           [](Variant &v) { v.config.block.layerScale = false; });
  list.add("has no residual connections", "block.residual false",
           [](Variant &v) { v.config.block.residual = false; });
  list.add("has no norm inside the MLP", "block.mlp.inner_norm false",
           [](Variant &v) { v.config.block.mlp.innerNorm = false; });
  list.add("has no biases in the MLP", "block.mlp.bias false",
           [](Variant &v) { v.config.block.mlp.bias = false; });
  if (c.block.mlp.kind == MlpKind::Glu)
    list.add("takes the halves of the gated MLP in the other order", "swap blk.*.gate and blk.*.fc1",
             [](Variant &v) { v.swapped.emplace_back("gate", "fc1"); });
  list.add("takes q for k and k for q", "swap blk.*.q and blk.*.k", [](Variant &v) {
    if (v.config.block.attn.qkvBias[0] == v.config.block.attn.qkvBias[1])
      v.swapped.emplace_back("q", "k");
  });
}

void vitc::suspectHead(SuspectList &list, const ModelStep &to) {
  const ModelConfig &c = list.config();
  bool pools = list.covers(ModelStep::Pooled);
  if (list.covers(ModelStep::Norm) || pools)
    for (FinalNorm place : {FinalNorm::AllTokens, FinalNorm::AfterPool, FinalNorm::None})
      list.add(fmt::format("has {} (here: \"{}\")",
                           place == FinalNorm::AllTokens   ? "a norm of all tokens in front of pooling"
                           : place == FinalNorm::AfterPool ? "the final norm behind pooling"
                                                           : "no final norm",
                           nameOf(c.finalNorm)),
               fmt::format("final_norm \"{}\"", nameOf(place)),
               [&](Variant &v) { v.config.finalNorm = place; });
  if (pools) {
    for (PoolKind kind : {PoolKind::Cls, PoolKind::Mean, PoolKind::Max, PoolKind::AvgMax})
      for (bool prefix : {false, true})
        if (kind != PoolKind::Cls || !prefix)
          list.add(fmt::format("pools by {}{} (here: {}{})", nameOf(kind),
                               prefix ? " with the prefix tokens" : "", nameOf(c.pool.kind),
                               c.pool.includePrefix ? " with the prefix tokens" : ""),
                   fmt::format("pool.kind \"{}\", pool.include_prefix {}", nameOf(kind), yesNo(prefix)),
                   [&](Variant &v) {
                     v.config.pool.kind = kind;
                     v.config.pool.includePrefix = prefix;
                   });
    if (c.pool.kind == PoolKind::Map) {
      for (Activation act : {Activation::GeluErf, Activation::GeluTanh, Activation::QuickGelu})
        list.add(
            fmt::format("has the activation {} in the pooling (here: {})", nameOf(act), nameOf(c.poolAct())),
            fmt::format("pool.act \"{}\"", nameOf(act)), [&](Variant &v) { v.config.pool.act = act; });
      for (int64_t heads = 1; heads <= std::min<int64_t>(c.width, 64); ++heads)
        if (c.width % heads == 0)
          list.add(fmt::format("has {} heads in the pooling (here: {})", heads, c.poolHeads()),
                   fmt::format("pool.heads {}", heads), [&](Variant &v) { v.config.pool.heads = heads; });
      list.add("pools the patches only", "pool.include_prefix false",
               [](Variant &v) { v.config.pool.includePrefix = false; });
      list.add("pools all tokens", "pool.include_prefix true",
               [](Variant &v) { v.config.pool.includePrefix = true; });
    }
    list.add("leaves out the layer in front of the head", "head.pre_logits null",
             [](Variant &v) { v.config.head.preLogits.reset(); });
    for (const char *act : {"tanh", "identity", "relu", "gelu_erf"})
      list.add(fmt::format("has the activation {} in front of the head (here: {})", act,
                           c.head.preLogits ? c.head.preLogits->act : "none"),
               fmt::format("head.pre_logits.act \"{}\"", act), [&](Variant &v) {
                 if (v.config.head.preLogits)
                   v.config.head.preLogits->act = act;
               });
  }
  if (list.covers(ModelStep::Logits)) {
    for (const HeadLayer &layer : c.head.layers)
      if (c.head.layers.size() > 1)
        list.add(
            fmt::format("reads the head '{}' alone (here: the mean of {})", layer.name, c.head.layers.size()),
            "head.layers, head.combine \"single\"", [&](Variant &v) {
              v.config.head.layers = {layer};
              v.config.head.combine = HeadCombine::Single;
            });
    for (const TokenRun &run : c.prefix)
      list.add(fmt::format("reads the token '{}' in the head", run.kind), "head.layers.from",
               [&](Variant &v) {
                 if (v.config.head.layers.size() == 1)
                   v.config.head.layers.front().from = run.kind;
               });
    list.add("has no bias in the head", "head.layers.bias false", [](Variant &v) {
      for (HeadLayer &layer : v.config.head.layers)
        layer.bias = false;
    });
    list.add("gives probabilities (here: logits)", "compare logits, in front of the softmax",
             [](Variant &v) { v.ending = Variant::Softmax; });
  }
  if (to.kind == ModelStep::Pooled)
    list.add("makes embeddings of length one",
             "compare in front of the normalisation, or ask for --outputs embedding",
             [](Variant &v) { v.ending = Variant::UnitLength; });
}

std::vector<Suspect> vitc::suspectsOf(const Variant &base, const ModelStep &from, const ModelStep &to,
                                      const vit::Tensor &reference,
                                      const std::function<bool(const ModelConfig &)> &fits) {
  SuspectList list(base, from, to, fits);
  bool network = to.kind >= ModelStep::Embedding;
  if (network) { // the usual ones first: where each takes long, not all are tried
    suspectNorms(list);
    suspectActivation(list);
  }
  suspectPixels(list, to, reference);
  if (network) {
    suspectEmbedding(list);
    suspectBlock(list);
    suspectHead(list, to);
  }
  return list.take();
}
