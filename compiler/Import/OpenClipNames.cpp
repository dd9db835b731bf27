//===- OpenClipNames.cpp - tensor names of open_clip and OpenAI's CLIP ----------------------------------===//
//
// Source: mlfoundations/open_clip, src/open_clip/transformer.py (VisionTransformer); openai/CLIP,
// clip/model.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/OpenClipNames.h"

using namespace vitc;

static constexpr NameRule rules[] = {
    {"visual.conv1.{p}", "embed.patch.{p}"},
    {"visual.class_embedding", "embed.cls"},
    {"visual.positional_embedding", "embed.pos"},
    {"visual.ln_pre.{p}", "embed.pre_norm.{p}"},
    {"visual.transformer.resblocks.{i}.ln_1.{p}", "blk.{i}.ln1.{p}"},
    {"visual.transformer.resblocks.{i}.attn.in_proj_{p}", "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}"},
    {"visual.transformer.resblocks.{i}.attn.out_proj.{p}", "blk.{i}.o.{p}"},
    {"visual.transformer.resblocks.{i}.ls_1.gamma", "blk.{i}.ls1"},
    {"visual.transformer.resblocks.{i}.ln_2.{p}", "blk.{i}.ln2.{p}"},
    {"visual.transformer.resblocks.{i}.mlp.c_fc.{p}", "blk.{i}.fc1.{p}"},
    {"visual.transformer.resblocks.{i}.mlp.c_proj.{p}", "blk.{i}.fc2.{p}"},
    {"visual.transformer.resblocks.{i}.ls_2.gamma", "blk.{i}.ls2"},
    {"visual.ln_post.{p}", "final.norm.{p}"},
    {"visual.proj", "head.pre.w", Layout::Transposed},
};
static constexpr const char *prefixes[] = {"module.", "model.", "state_dict."};
const NameTable vitc::openClipNames = {"open_clip", rules, prefixes, {}};

static constexpr const char *textTower = "the text tower";
static constexpr IgnoreRule text[] = {
    {"transformer.*", textTower},
    {"token_embedding.*", textTower},
    {"positional_embedding", textTower},
    {"ln_final.*", textTower},
    {"text_projection", textTower},
    {"text_projection.*", textTower},
    {"attn_mask", textTower},
    {"text.*", textTower},
    {"text_decoder.*", "the captioner"},
    {"logit_scale", "compares pictures with texts"},
    {"logit_bias", "compares pictures with texts"},
    {"input_resolution", "a number of OpenAI's archive"},
    {"context_length", "a number of OpenAI's archive"},
    {"vocab_size", "a number of OpenAI's archive"},
};
const llvm::ArrayRef<IgnoreRule> vitc::clipTextTensors = text;
