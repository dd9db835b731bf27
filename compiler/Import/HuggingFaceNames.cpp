//===- HuggingFaceNames.cpp - tensor names of transformers ------------------------------------------===//
//
// Sources: huggingface/transformers models/*/modeling_*.py, and conversion_mapping.py for what version 5
// calls the tensors in memory. Version 5 still writes the names of version 4 unless asked not to.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/HuggingFaceFamilies.h"

using namespace vitc;

namespace {

// What wrappers and classes with a head put in front.
constexpr const char *prefixes[] = {
    "vit.",
    "deit.",
    "beit.",
    "data2vec_vision.",
    "ijepa.",
    "dinov2.",
    "dinov2_with_registers.",
    "vision_model.",
    "model.",
    "module.",
    "encoder.",
    "backbone.",
};

constexpr const char training[] = "training state", masks[] = "only used by masked training",
                     texts[] = "belongs to the model of texts",
                     contrast[] = "for comparing pictures with texts";

/// ViT, DeiT, BEiT, MAE, MSN, I-JEPA.
constexpr NameRule vitRules[] = {
    {"embeddings.cls_token", "embed.cls"},
    {"embeddings.distillation_token", "embed.dist"},
    {"embeddings.position_embeddings", "embed.pos"},
    {"embeddings.patch_embeddings.projection.{p}", "embed.patch.{p}"},
    {"encoder.layer.{i}.layernorm_before.{p}", "blk.{i}.ln1.{p}"},
    {"encoder.layer.{i}.attention.attention.query.{p}", "blk.{i}.q.{p}"},
    {"encoder.layer.{i}.attention.attention.key.{p}", "blk.{i}.k.{p}"},
    {"encoder.layer.{i}.attention.attention.value.{p}", "blk.{i}.v.{p}"},
    {"encoder.layer.{i}.attention.attention.relative_position_bias.relative_position_bias_table",
     "blk.{i}.rel_table"},
    {"encoder.layer.{i}.attention.output.dense.{p}", "blk.{i}.o.{p}"},
    {"encoder.layer.{i}.lambda_1", "blk.{i}.ls1"},
    {"encoder.layer.{i}.layernorm_after.{p}", "blk.{i}.ln2.{p}"},
    {"encoder.layer.{i}.intermediate.dense.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layer.{i}.output.dense.{p}", "blk.{i}.fc2.{p}"},
    {"encoder.layer.{i}.lambda_2", "blk.{i}.ls2"},
    {"encoder.relative_position_bias.relative_position_bias_table", "rel_table"},
    // Version 5 in memory.
    {"layers.{i}.layernorm_before.{p}", "blk.{i}.ln1.{p}"},
    {"layers.{i}.attention.q_proj.{p}", "blk.{i}.q.{p}"},
    {"layers.{i}.attention.k_proj.{p}", "blk.{i}.k.{p}"},
    {"layers.{i}.attention.v_proj.{p}", "blk.{i}.v.{p}"},
    {"layers.{i}.relative_position_bias.relative_position_bias_table", "blk.{i}.rel_table"},
    {"layers.{i}.attention.o_proj.{p}", "blk.{i}.o.{p}"},
    {"layers.{i}.lambda_1", "blk.{i}.ls1"},
    {"layers.{i}.layernorm_after.{p}", "blk.{i}.ln2.{p}"},
    {"layers.{i}.mlp.fc1.{p}", "blk.{i}.fc1.{p}"},
    {"layers.{i}.mlp.fc2.{p}", "blk.{i}.fc2.{p}"},
    {"layers.{i}.lambda_2", "blk.{i}.ls2"},
    {"shared_position_bias.relative_position_bias_table", "rel_table"},
    // Both.
    {"layernorm.{p}", "final.norm.{p}"},
    {"pooler.layernorm.{p}", "final.norm.{p}"},
    {"pooler.dense.{p}", "head.pre.{p}"},
    {"classifier.{p}", "head.main.{p}"},
    {"cls_classifier.{p}", "head.main.{p}"},
    {"distillation_classifier.{p}", "head.dist.{p}"},
};
constexpr IgnoreRule vitIgnored[] = {
    {"embeddings.position_ids", "indices"},
    {"*relative_position_index", "indices"},
    {"embeddings.mask_token", masks},
    {"decoder.*", masks},
    {"optimizer.*", training},
    {"lr_scheduler.*", training},
};

/// DINOv2 with and without registers.
constexpr NameRule dinov2Rules[] = {
    {"embeddings.cls_token", "embed.cls"},
    {"embeddings.register_tokens", "embed.reg"},
    {"embeddings.position_embeddings", "embed.pos"},
    {"embeddings.patch_embeddings.projection.{p}", "embed.patch.{p}"},
    {"encoder.layer.{i}.norm1.{p}", "blk.{i}.ln1.{p}"},
    {"encoder.layer.{i}.attention.attention.query.{p}", "blk.{i}.q.{p}"},
    {"encoder.layer.{i}.attention.attention.key.{p}", "blk.{i}.k.{p}"},
    {"encoder.layer.{i}.attention.attention.value.{p}", "blk.{i}.v.{p}"},
    {"encoder.layer.{i}.attention.output.dense.{p}", "blk.{i}.o.{p}"},
    {"encoder.layer.{i}.layer_scale1.lambda1", "blk.{i}.ls1"},
    {"encoder.layer.{i}.norm2.{p}", "blk.{i}.ln2.{p}"},
    {"encoder.layer.{i}.mlp.fc1.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layer.{i}.mlp.fc2.{p}", "blk.{i}.fc2.{p}"},
    {"encoder.layer.{i}.mlp.weights_in.{p}", "blk.{i}.gate.{p}|blk.{i}.fc1.{p}"},
    {"encoder.layer.{i}.mlp.weights_out.{p}", "blk.{i}.fc2.{p}"},
    {"encoder.layer.{i}.layer_scale2.lambda1", "blk.{i}.ls2"},
    // Version 5 in memory.
    {"encoder.layer.{i}.attention.q_proj.{p}", "blk.{i}.q.{p}"},
    {"encoder.layer.{i}.attention.k_proj.{p}", "blk.{i}.k.{p}"},
    {"encoder.layer.{i}.attention.v_proj.{p}", "blk.{i}.v.{p}"},
    {"encoder.layer.{i}.attention.o_proj.{p}", "blk.{i}.o.{p}"},
    {"encoder.layer.{i}.mlp.gate_proj.{p}", "blk.{i}.gate.{p}"},
    {"encoder.layer.{i}.mlp.up_proj.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layer.{i}.mlp.down_proj.{p}", "blk.{i}.fc2.{p}"},
    // Both.
    {"layernorm.{p}", "final.norm.{p}"},
    {"classifier.{p}", "head.main.{p}"},
};

/// DINOv3; version 5 has "model." in front of "layer", which is peeled.
constexpr NameRule dinov3Rules[] = {
    {"embeddings.cls_token", "embed.cls"},
    {"embeddings.register_tokens", "embed.reg"},
    {"embeddings.patch_embeddings.{p}", "embed.patch.{p}"},
    {"layer.{i}.norm1.{p}", "blk.{i}.ln1.{p}"},
    {"layer.{i}.attention.q_proj.{p}", "blk.{i}.q.{p}"},
    {"layer.{i}.attention.k_proj.{p}", "blk.{i}.k.{p}"},
    {"layer.{i}.attention.v_proj.{p}", "blk.{i}.v.{p}"},
    {"layer.{i}.attention.o_proj.{p}", "blk.{i}.o.{p}"},
    {"layer.{i}.layer_scale1.lambda1", "blk.{i}.ls1"},
    {"layer.{i}.norm2.{p}", "blk.{i}.ln2.{p}"},
    {"layer.{i}.mlp.gate_proj.{p}", "blk.{i}.gate.{p}"},
    {"layer.{i}.mlp.up_proj.{p}", "blk.{i}.fc1.{p}"},
    {"layer.{i}.mlp.down_proj.{p}", "blk.{i}.fc2.{p}"},
    {"layer.{i}.layer_scale2.lambda1", "blk.{i}.ls2"},
    {"norm.{p}", "final.norm.{p}"},
    {"classifier.{p}", "head.main.{p}"},
};
constexpr IgnoreRule dinoIgnored[] = {
    {"embeddings.mask_token", masks},
    {"rope_embeddings.inv_freq", "follows from rope_theta"},
    {"optimizer.*", training},
    {"lr_scheduler.*", training},
};

/// CLIP and SigLIP.
constexpr NameRule clipRules[] = {
    {"embeddings.class_embedding", "embed.cls"},
    {"embeddings.patch_embedding.{p}", "embed.patch.{p}"},
    {"embeddings.position_embedding.weight", "embed.pos"},
    {"pre_layrnorm.{p}", "embed.pre_norm.{p}"}, // sic
    {"encoder.layers.{i}.layer_norm1.{p}", "blk.{i}.ln1.{p}"},
    {"encoder.layers.{i}.self_attn.q_proj.{p}", "blk.{i}.q.{p}"},
    {"encoder.layers.{i}.self_attn.k_proj.{p}", "blk.{i}.k.{p}"},
    {"encoder.layers.{i}.self_attn.v_proj.{p}", "blk.{i}.v.{p}"},
    {"encoder.layers.{i}.self_attn.out_proj.{p}", "blk.{i}.o.{p}"},
    {"encoder.layers.{i}.layer_norm2.{p}", "blk.{i}.ln2.{p}"},
    {"encoder.layers.{i}.mlp.fc1.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layers.{i}.mlp.fc2.{p}", "blk.{i}.fc2.{p}"},
    {"post_layernorm.{p}", "final.norm.{p}"},
    {"visual_projection.{p}", "head.pre.{p}"},
    {"classifier.{p}", "head.main.{p}"},
    {"head.probe", "pool.probe"},
    {"head.attention.in_proj_weight", "pool.q.w|pool.k.w|pool.v.w"},
    {"head.attention.in_proj_bias", "pool.q.b|pool.k.b|pool.v.b"},
    {"head.attention.out_proj.{p}", "pool.o.{p}"},
    {"head.layernorm.{p}", "pool.ln.{p}"},
    {"head.mlp.fc1.{p}", "pool.fc1.{p}"},
    {"head.mlp.fc2.{p}", "pool.fc2.{p}"},
};
constexpr IgnoreRule clipIgnored[] = {
    {"text_model.*", texts},      {"text_projection.*", texts},           {"logit_scale", contrast},
    {"logit_bias", contrast},     {"embeddings.position_ids", "indices"}, {"optimizer.*", training},
    {"lr_scheduler.*", training},
};

constexpr NameRule aimv2Rules[] = {
    {"embeddings.patch_embed.{p}", "embed.patch.{p}"},
    {"embeddings.rms_norm.{p}", "embed.norm_out.{p}"},
    {"embeddings.position_embedding.weight", "embed.pos"},
    {"encoder.layers.{i}.rms_norm1.{p}", "blk.{i}.ln1.{p}"},
    {"encoder.layers.{i}.attention.q_proj.{p}", "blk.{i}.q.{p}"},
    {"encoder.layers.{i}.attention.k_proj.{p}", "blk.{i}.k.{p}"},
    {"encoder.layers.{i}.attention.v_proj.{p}", "blk.{i}.v.{p}"},
    {"encoder.layers.{i}.attention.out_proj.{p}", "blk.{i}.o.{p}"},
    {"encoder.layers.{i}.rms_norm2.{p}", "blk.{i}.ln2.{p}"},
    {"encoder.layers.{i}.ffn.gate_proj.{p}", "blk.{i}.gate.{p}"},
    {"encoder.layers.{i}.ffn.up_proj.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layers.{i}.ffn.down_proj.{p}", "blk.{i}.fc2.{p}"},
    {"rms_norm.{p}", "final.norm.{p}"},
    {"head.cls_token", "pool.probe"},
    {"head.k_proj.{p}", "pool.k.{p}"},
    {"head.v_proj.{p}", "pool.v.{p}"},
    {"head.output_proj.{p}", "pool.o.{p}"},
    {"visual_projection.{p}", "head.pre.{p}"},
};

} // namespace

namespace vitc::hf {
constexpr char library[] = "transformers";
const NameTable vitNames = {library, vitRules, prefixes, vitIgnored};
const NameTable dinov2Names = {library, dinov2Rules, prefixes, dinoIgnored};
const NameTable dinov3Names = {library, dinov3Rules, prefixes, dinoIgnored};
const NameTable clipNames = {library, clipRules, prefixes, clipIgnored};
const NameTable aimv2Names = {library, aimv2Rules, prefixes, clipIgnored};
} // namespace vitc::hf
