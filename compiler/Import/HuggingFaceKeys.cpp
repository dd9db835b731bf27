//===- HuggingFaceKeys.cpp - keys that every config.json of transformers may hold -------------------===//
#include "compiler/Import/HuggingFaceFamilies.h"

using namespace vitc;

namespace {

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant, X = KeyUse::MustBeOff;

constexpr KeyRule common[] = {
    // clang-format off
    {"architectures", U}, {"model_type", U}, {"transformers_version", U}, {"hidden_size", U}, {"num_hidden_layers", U},
    {"num_attention_heads", U}, {"hidden_act", U}, {"image_size", U}, {"patch_size", U}, {"num_channels", U},
    {"id2label", U},
    // Training and bookkeeping.
    {"label2id", I}, {"num_labels", I}, {"_num_labels", I}, {"_name_or_path", I}, {"name_or_path", I}, {"_commit_hash", I},
    {"torch_dtype", I}, {"dtype", I}, {"problem_type", I}, {"finetuning_task", I}, {"task_specific_params", I},
    {"hidden_dropout_prob", I}, {"attention_probs_dropout_prob", I}, {"attention_dropout", I}, {"dropout", I},
    {"drop_path_rate", I}, {"initializer_range", I}, {"initializer_factor", I}, {"gradient_checkpointing", I},
    {"return_dict", I}, {"use_return_dict", I}, {"output_attentions", I},
    {"output_hidden_states", I}, {"use_cache", I}, {"torchscript", I}, {"use_bfloat16", I}, {"tf_legacy_loss", I},
    {"_attn_implementation", I}, {"attn_implementation", I}, {"_attn_implementation_autoset", I},
    {"_attn_implementation_internal", I}, {"_output_attentions", I}, {"_experts_implementation", I},
    {"chunk_size_feed_forward", I}, {"tie_word_embeddings", I}, {"tie_encoder_decoder", I}, {"is_encoder_decoder", I},
    {"is_decoder", I}, {"add_cross_attention", I}, {"cross_attention_hidden_size", I}, {"is_composition", I},
    // What a backbone of a detector would return.
    {"out_features", I}, {"out_indices", I}, {"_out_features", I}, {"_out_indices", I}, {"stage_names", I},
    {"apply_layernorm", I}, {"reshape_hidden_states", I}, {"return_class_token", I},
    // Generation of text.
    {"bos_token_id", I}, {"eos_token_id", I}, {"pad_token_id", I}, {"sep_token_id", I}, {"decoder_start_token_id", I},
    {"max_length", I}, {"min_length", I}, {"do_sample", I}, {"early_stopping", I}, {"num_beams", I},
    {"num_beam_groups", I}, {"diversity_penalty", I}, {"temperature", I}, {"top_k", I}, {"top_p", I}, {"typical_p", I},
    {"repetition_penalty", I}, {"length_penalty", I}, {"no_repeat_ngram_size", I}, {"bad_words_ids", I},
    {"encoder_no_repeat_ngram_size", I}, {"num_return_sequences", I}, {"output_scores", I},
    {"return_dict_in_generate", I}, {"forced_bos_token_id", I}, {"forced_eos_token_id", I},
    {"remove_invalid_values", I}, {"exponential_decay_length_penalty", I}, {"suppress_tokens", I},
    {"begin_suppress_tokens", I}, {"tokenizer_class", I}, {"prefix", I},
    // These would change what the model computes.
    {"pruned_heads", X}, {"quantization_config", X}, {"auto_map", X},
    // clang-format on
};

constexpr KeyRule composite[] = {
    {"vision_config", U},    {"vision_config_dict", U},     {"projection_dim", U},  {"text_config", I},
    {"text_config_dict", I}, {"logit_scale_init_value", I}, {"max_logit_scale", I},
};

} // namespace

llvm::ArrayRef<KeyRule> hf::commonKeys() { return common; }
llvm::ArrayRef<KeyRule> hf::compositeKeys() { return composite; }
