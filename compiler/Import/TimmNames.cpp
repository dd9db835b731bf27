//===- TimmNames.cpp - tensor names of timm and of those who share them -------------------------------===//
//
// timm's names are those of DeiT's and DINO's code, from which MAE, I-JEPA, DINOv2 and DINOv3 come, too; so
// one table serves all of them. Source: timm/models/ vision_transformer.py, eva.py, beit.py, deit.py;
// facebookresearch/ dino, mae, ijepa, dinov2, dinov3; baaivision/EVA.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/TimmNames.h"

using namespace vitc;

static constexpr NameRule rules[] = {
    {"cls_token", "embed.cls"},
    {"dist_token", "embed.dist"},
    {"reg_token", "embed.reg"},
    {"register_tokens", "embed.reg"}, // DINOv2
    {"storage_tokens", "embed.reg"},  // DINOv3
    {"pos_embed", "embed.pos"},
    {"patch_embed.proj.{p}", "embed.patch.{p}"},
    {"patch_embed.norm.{p}", "embed.norm_out.{p}"},
    {"norm_pre.{p}", "embed.pre_norm.{p}"},
    {"blocks.{i}.norm1.{p}", "blk.{i}.ln1.{p}"},
    {"blocks.{i}.attn.qkv.{p}", "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}"},
    {"blocks.{i}.attn.q_bias", "blk.{i}.q.b"},
    {"blocks.{i}.attn.k_bias", "blk.{i}.k.b"},
    {"blocks.{i}.attn.v_bias", "blk.{i}.v.b"},
    {"blocks.{i}.attn.qkv.bias_mask", "blk.{i}.qkv_mask"}, // DINOv3: says whether keys have a bias
    {"blocks.{i}.attn.q_proj.{p}", "blk.{i}.q.{p}"},
    {"blocks.{i}.attn.k_proj.{p}", "blk.{i}.k.{p}"},
    {"blocks.{i}.attn.v_proj.{p}", "blk.{i}.v.{p}"},
    {"blocks.{i}.attn.q_norm.{p}", "blk.{i}.qn.{p}"},
    {"blocks.{i}.attn.k_norm.{p}", "blk.{i}.kn.{p}"},
    {"blocks.{i}.attn.relative_position_bias_table", "blk.{i}.rel_table"},
    {"blocks.{i}.attn.norm.{p}", "blk.{i}.attn_norm.{p}"},
    {"blocks.{i}.attn.inner_attn_ln.{p}", "blk.{i}.attn_norm.{p}"}, // EVA-02, as its authors save it
    {"blocks.{i}.attn.proj.{p}", "blk.{i}.o.{p}"},
    {"blocks.{i}.ls1.gamma", "blk.{i}.ls1"},
    {"blocks.{i}.gamma_1", "blk.{i}.ls1"}, // BEiT
    {"blocks.{i}.norm2.{p}", "blk.{i}.ln2.{p}"},
    {"blocks.{i}.in_norm.{p}", "blk.{i}.ln1.{p}"}, // ViT-22B's blocks: attention beside the MLP
    {"blocks.{i}.in_proj.{p}", "blk.{i}.fc1_qkv.{p}"},
    {"blocks.{i}.mlp_bias", "blk.{i}.fc1.b"},
    {"blocks.{i}.q_norm.{p}", "blk.{i}.qn.{p}"},
    {"blocks.{i}.k_norm.{p}", "blk.{i}.kn.{p}"},
    {"blocks.{i}.attn_out_proj.{p}", "blk.{i}.o.{p}"},
    {"blocks.{i}.mlp_out_proj.{p}", "blk.{i}.fc2.{p}"},
    {"blocks.{i}.ls.gamma", "blk.{i}.ls"},
    {"blocks.{i}.mlp.fc1.{p}", "blk.{i}.fc1.{p}"},
    {"blocks.{i}.mlp.fc1_g.{p}", "blk.{i}.gate.{p}"},
    {"blocks.{i}.mlp.fc1_x.{p}", "blk.{i}.fc1.{p}"},
    {"blocks.{i}.mlp.norm.{p}", "blk.{i}.mlp_norm.{p}"},
    {"blocks.{i}.mlp.ffn_ln.{p}", "blk.{i}.mlp_norm.{p}"},
    {"blocks.{i}.mlp.fc2.{p}", "blk.{i}.fc2.{p}"},
    {"blocks.{i}.mlp.w12.{p}", "blk.{i}.gate.{p}|blk.{i}.fc1.{p}"}, // DINOv2
    {"blocks.{i}.mlp.w1.{p}", "blk.{i}.gate.{p}"},                  // DINOv3
    {"blocks.{i}.mlp.w2.{p}", "blk.{i}.fc1.{p}"},
    {"blocks.{i}.mlp.w3.{p}", "blk.{i}.fc2.{p}"},
    {"blocks.{i}.ls2.gamma", "blk.{i}.ls2"},
    {"blocks.{i}.gamma_2", "blk.{i}.ls2"},
    {"rel_pos_bias.relative_position_bias_table", "rel_table"},
    {"rope.freqs", "rope_freqs"}, // of all blocks in one
    {"rope_embed.periods", "rope_periods"},
    {"norm.{p}", "final.norm.{p}"},
    {"fc_norm.{p}", "final.norm.{p}"},
    {"attn_pool.latent", "pool.probe"},
    {"attn_pool.q.{p}", "pool.q.{p}"},
    {"attn_pool.kv.{p}", "pool.k.{p}|pool.v.{p}"},
    {"attn_pool.proj.{p}", "pool.o.{p}"},
    {"attn_pool.norm.{p}", "pool.ln.{p}"},
    {"attn_pool.mlp.fc1.{p}", "pool.fc1.{p}"},
    {"attn_pool.mlp.fc2.{p}", "pool.fc2.{p}"},
    {"head.{p}", "head.main.{p}"},
    {"head_dist.{p}", "head.dist.{p}"},
    {"head.proj.{p}", "head.pre.{p}"}, // behind "visual.": open_clip's projection of a tower of timm
};
static constexpr const char *prefixes[] = {"timm_model.", "model.",        "module.",
                                           "backbone.",   "encoder.",      "target_encoder.",
                                           "teacher.",    "visual.trunk.", "visual."};
static constexpr NameRewrite rewrites[] = {{"blocks.{i}.", "blocks."}}; // DINOv2's blocks in chunks
static constexpr IgnoreRule ignored[] = {
    {"mask_token", "only used by masked training"},
    {"*.relative_position_index", "follows from the grid"},
    {"relative_position_index", "follows from the grid"},
    {"*rope.freqs_cos", "follows from the grid"},
    {"*rope.freqs_sin", "follows from the grid"},
    {"local_cls_norm.*", "only used in training"},
    {"lm_head.*", "predicts tokens in training"},
    {"optimizer.*", "training state"},
    {"lr_scheduler.*", "training state"},
};
const NameTable vitc::timmNames = {"timm", rules, prefixes, ignored, torchParameters, rewrites};
