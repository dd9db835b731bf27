//===- HuggingFace.cpp - directories written by transformers ----------------------------------------===//
//
// Classes, names, keys and activations are tables; the code below only reads them. Sources:
// huggingface/transformers models/vit, models/deit (configuration_*, modeling_*).
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/KeyTable.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

// Both generations of names: up to 4.x the encoder's nested ones, from 5 on the flat ones.
constexpr NameRule nameRules[] = {
    {"embeddings.cls_token", "embed.cls"},
    {"embeddings.distillation_token", "embed.dist"},
    {"embeddings.position_embeddings", "embed.pos"},
    {"embeddings.patch_embeddings.projection.{p}", "embed.patch.{p}"},
    {"encoder.layer.{i}.layernorm_before.{p}", "blk.{i}.ln1.{p}"},
    {"encoder.layer.{i}.attention.attention.query.{p}", "blk.{i}.q.{p}"},
    {"encoder.layer.{i}.attention.attention.key.{p}", "blk.{i}.k.{p}"},
    {"encoder.layer.{i}.attention.attention.value.{p}", "blk.{i}.v.{p}"},
    {"encoder.layer.{i}.attention.output.dense.{p}", "blk.{i}.o.{p}"},
    {"encoder.layer.{i}.layernorm_after.{p}", "blk.{i}.ln2.{p}"},
    {"encoder.layer.{i}.intermediate.dense.{p}", "blk.{i}.fc1.{p}"},
    {"encoder.layer.{i}.output.dense.{p}", "blk.{i}.fc2.{p}"},
    {"layers.{i}.layernorm_before.{p}", "blk.{i}.ln1.{p}"},
    {"layers.{i}.attention.q_proj.{p}", "blk.{i}.q.{p}"},
    {"layers.{i}.attention.k_proj.{p}", "blk.{i}.k.{p}"},
    {"layers.{i}.attention.v_proj.{p}", "blk.{i}.v.{p}"},
    {"layers.{i}.attention.o_proj.{p}", "blk.{i}.o.{p}"},
    {"layers.{i}.layernorm_after.{p}", "blk.{i}.ln2.{p}"},
    {"layers.{i}.mlp.fc1.{p}", "blk.{i}.fc1.{p}"},
    {"layers.{i}.mlp.fc2.{p}", "blk.{i}.fc2.{p}"},
    {"layernorm.{p}", "final.norm.{p}"},
    {"pooler.dense.{p}", "head.pre.{p}"},
    {"classifier.{p}", "head.main.{p}"},
    {"cls_classifier.{p}", "head.main.{p}"},
    {"distillation_classifier.{p}", "head.dist.{p}"},
};
constexpr const char *prefixes[] = {"vit.", "deit.", "model.", "module.", "encoder.", "backbone."};
constexpr IgnoreRule ignoredTensors[] = {
    {"embeddings.position_ids", "indices"},        {"embeddings.mask_token", "only used by masked training"},
    {"decoder.*", "only used by masked training"}, {"optimizer.*", "training state"},
    {"lr_scheduler.*", "training state"},
};
constexpr NameTable nameTable = {"transformers", nameRules, prefixes, ignoredTensors};

enum class HeadForm { None, Single, WithTeacher };
struct ModelClass {
  const char *name, *modelType;
  HeadForm head;
};
constexpr ModelClass modelClasses[] = {
    {"ViTForImageClassification", "vit", HeadForm::Single},
    {"ViTModel", "vit", HeadForm::None},
    {"DeiTForImageClassification", "deit", HeadForm::Single},
    {"DeiTForImageClassificationWithTeacher", "deit", HeadForm::WithTeacher},
    {"DeiTModel", "deit", HeadForm::None},
};
constexpr IgnoreRule ignoredWithHead[] = {{"pooler.*", "the class has no pooler"}};
constexpr IgnoreRule ignoredWithoutHead[] = {{"classifier.*", "the class has no head"},
                                             {"cls_classifier.*", "the class has no head"},
                                             {"distillation_classifier.*", "the class has no head"}};

constexpr std::pair<const char *, Activation> activations[] = {
    {"gelu", Activation::GeluErf},
    {"gelu_python", Activation::GeluErf},
    {"gelu_new", Activation::GeluTanh},
    {"gelu_pytorch_tanh", Activation::GeluTanh},
    {"gelu_fast", Activation::GeluTanh},
    {"gelu_accurate", Activation::GeluTanh},
    {"quick_gelu", Activation::QuickGelu},
    {"relu", Activation::Relu},
    {"silu", Activation::Silu},
    {"swish", Activation::Silu},
};

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant, X = KeyUse::MustBeOff;
constexpr KeyRule keyRules[] = {
    // clang-format off
    {"architectures", U}, {"model_type", U}, {"transformers_version", U},
    {"hidden_size", U}, {"num_hidden_layers", U}, {"num_attention_heads", U}, {"intermediate_size", U},
    {"hidden_act", U}, {"layer_norm_eps", U}, {"image_size", U}, {"patch_size", U}, {"num_channels", U},
    {"qkv_bias", U}, {"pooler_act", U}, {"pooler_output_size", U}, {"id2label", U},
    // Training, bookkeeping and generation of text.
    {"label2id", I}, {"num_labels", I}, {"_num_labels", I}, {"_name_or_path", I}, {"name_or_path", I}, {"_commit_hash", I},
    {"torch_dtype", I}, {"dtype", I}, {"problem_type", I}, {"finetuning_task", I}, {"task_specific_params", I},
    {"hidden_dropout_prob", I}, {"attention_probs_dropout_prob", I}, {"initializer_range", I}, {"encoder_stride", I},
    {"gradient_checkpointing", I}, {"return_dict", I}, {"use_return_dict", I}, {"output_attentions", I},
    {"output_hidden_states", I}, {"use_cache", I}, {"torchscript", I}, {"use_bfloat16", I}, {"tf_legacy_loss", I},
    {"_attn_implementation", I}, {"attn_implementation", I}, {"_attn_implementation_autoset", I},
    {"_attn_implementation_internal", I}, {"_output_attentions", I}, {"_experts_implementation", I},
    {"chunk_size_feed_forward", I}, {"tie_word_embeddings", I}, {"tie_encoder_decoder", I}, {"is_encoder_decoder", I},
    {"is_decoder", I}, {"add_cross_attention", I}, {"cross_attention_hidden_size", I}, {"is_composition", I},
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

class Importer {
public:
  Importer(llvm::StringRef directory, const JsonDocument &document, Imported &result)
      : directory(directory), json(document.root()), result(result), config(result.checkpoint.config) {}
  llvm::Error run();

private:
  llvm::Error chooseClass();
  llvm::Error readSizes();
  llvm::Error readNumerics();
  llvm::Error readHead();
  llvm::Error readLabels();
  /// `key`, if present, must say what the tensors say.
  llvm::Error compare(llvm::StringRef key, int64_t fromTensors, llvm::StringRef tensor);
  void warnDefault(llvm::StringRef key, llvm::StringRef value) {
    result.checkpoint.warnings.push_back(fmt::format(
        "{}: '{}' is missing; using {}, the default of the class", json.file(), key.str(), value.str()));
  }

  llvm::StringRef directory;
  JsonRef json;
  Imported &result;
  ModelConfig &config;
  const ModelClass *modelClass = nullptr;
};

llvm::Error Importer::chooseClass() {
  std::vector<std::string> names;
  if (std::optional<JsonRef> list = json.findValue("architectures")) {
    llvm::Expected<std::vector<JsonRef>> elements = list->asArray(16);
    if (!elements)
      return elements.takeError();
    for (const JsonRef &element : *elements) {
      llvm::Expected<std::string> name = element.asString();
      if (!name)
        return name.takeError();
      names.push_back(*name);
    }
  }
  llvm::Expected<std::string> type = stringOr(json, "model_type", "");
  if (!type)
    return type.takeError();

  llvm::SmallVector<llvm::StringRef> known;
  for (const ModelClass &candidate : modelClasses)
    known.push_back(candidate.name);
  if (!names.empty()) {
    modelClass =
        llvm::find_if(modelClasses, [&](const ModelClass &c) { return llvm::is_contained(names, c.name); });
    if (modelClass == std::end(modelClasses))
      return json.get("architectures")
          ->error(fmt::format("expected one of {}, got {}{}", llvm::join(known, ", "),
                              quoteForMessage(llvm::join(names, ", ")), didYouMean(names[0], known)));
    if (!type->empty() && *type != modelClass->modelType)
      return json.get("model_type")
          ->expected(fmt::format("'{}' for {}", modelClass->modelType, modelClass->name));
    return llvm::Error::success();
  }
  // Without a class the head's tensors tell; a class without a head comes last.
  const auto &tensors = result.store.tensors();
  HeadForm head = tensors.count("distillation_classifier.weight") ? HeadForm::WithTeacher
                  : tensors.count("classifier.weight")            ? HeadForm::Single
                                                                  : HeadForm::None;
  modelClass = llvm::find_if(modelClasses,
                             [&](const ModelClass &c) { return *type == c.modelType && c.head == head; });
  if (modelClass == std::end(modelClasses))
    return json.error(
        fmt::format("expected 'architectures' or a 'model_type' of 'vit' or 'deit', got model_type '{}'",
                    quoteForMessage(*type)));
  result.checkpoint.notes.push_back(fmt::format("class: {} (from model_type and tensors)", modelClass->name));
  return llvm::Error::success();
}

llvm::Error Importer::compare(llvm::StringRef key, int64_t fromTensors, llvm::StringRef tensor) {
  std::optional<JsonRef> value = json.findValue(key);
  if (!value)
    return llvm::Error::success();
  llvm::Expected<int64_t> number = value->asInteger(1, INT64_MAX);
  if (!number)
    return number.takeError();
  if (*number != fromTensors)
    return value->error(fmt::format("expected {}, which the shapes of the tensors say ({}), got {}",
                                    fromTensors, tensor.str(), *number));
  return llvm::Error::success();
}

llvm::Error Importer::readSizes() {
  if (std::optional<JsonRef> size = json.findValue("image_size")) {
    llvm::Expected<Extent> extent = readExtent(*size);
    if (!extent)
      return extent.takeError();
    config.inputSize = *extent;
  } else {
    config.inputSize = {224, 224};
    warnDefault("image_size", "224");
  }
  if (!result.tensors.has("embed.patch.w"))
    return inputError("{}: expected a tensor '{}', which is missing", result.store.path(),
                      sourceNameOf(nameTable, "embed.patch.w"));
  fillFromShapes(result.tensors, config);
  const std::tuple<const char *, int64_t, const char *> comparisons[] = {
      {"hidden_size", config.width, "embeddings.patch_embeddings.projection.weight"},
      {"num_channels", config.channels, "embeddings.patch_embeddings.projection.weight"},
      {"num_hidden_layers", config.depth, "the highest block"},
      {"intermediate_size", config.block.mlp.hidden, "the first block's first MLP weight"},
  };
  for (const auto &[key, value, tensor] : comparisons)
    if (llvm::Error error = compare(key, value, tensor))
      return error;
  if (std::optional<JsonRef> size = json.findValue("patch_size")) {
    llvm::Expected<Extent> extent = readExtent(*size);
    if (!extent)
      return extent.takeError();
    if (*extent != config.patch.size)
      return size->error(fmt::format("expected {}x{}, the shape of the patch embedding's weight, got {}x{}",
                                     config.patch.size.height, config.patch.size.width, extent->height,
                                     extent->width));
  }
  llvm::Expected<int64_t> heads = integerOr(json, "num_attention_heads", 12, 1, maxParsedSize);
  if (!heads)
    return heads.takeError();
  if (!json.findValue("num_attention_heads"))
    warnDefault("num_attention_heads", "12");
  config.heads = *heads;
  if (config.width % config.heads != 0)
    return inputError("{}: num_attention_heads: expected a divisor of the width {}, got {}", json.file(),
                      config.width, config.heads);
  config.headDim = config.width / config.heads;
  return llvm::Error::success();
}

llvm::Error Importer::readNumerics() {
  llvm::Expected<double> eps = numberOr(json, "layer_norm_eps", 1e-12);
  if (!eps)
    return eps.takeError();
  if (!json.findValue("layer_norm_eps"))
    warnDefault("layer_norm_eps", "1e-12");
  config.normEps = *eps;

  llvm::Expected<std::string> act = stringOr(json, "hidden_act", "gelu");
  if (!act)
    return act.takeError();
  if (!json.findValue("hidden_act"))
    warnDefault("hidden_act", "gelu");
  const auto *entry = llvm::find_if(activations, [&](const auto &a) { return *act == a.first; });
  if (entry == std::end(activations)) {
    llvm::SmallVector<llvm::StringRef> known;
    for (const auto &[name, value] : activations)
      known.push_back(name);
    return json.get("hidden_act")->expected(fmt::format("one of {}", llvm::join(known, ", ")));
  }
  config.block.mlp.act = entry->second;

  llvm::Expected<bool> bias = boolOr(json, "qkv_bias", config.block.attn.qkvBias[0]);
  if (!bias)
    return bias.takeError();
  config.block.attn.qkvBias = {*bias, *bias, *bias}; // binding compares with the tensors
  return llvm::Error::success();
}

llvm::Error Importer::readHead() {
  config.finalNorm = FinalNorm::AllTokens;
  config.pool.kind = PoolKind::Cls;
  auto layer = [&](const char *name, const char *from) {
    std::string tensor = std::string("head.") + name;
    config.head.layers.push_back(
        {name, from, result.tensors.extent(tensor + ".w", 0), result.tensors.has(tensor + ".b")});
  };
  switch (modelClass->head) {
  case HeadForm::None: {
    if (!result.tensors.has("head.pre.w"))
      return llvm::Error::success(); // saved with add_pooling_layer=False
    llvm::Expected<std::string> act = stringOr(json, "pooler_act", "tanh");
    if (!act)
      return act.takeError();
    int64_t out = result.tensors.extent("head.pre.w", 0);
    config.head.preLogits = PreLogits{out, *act, result.tensors.has("head.pre.b")};
    return compare("pooler_output_size", out, "pooler.dense.weight");
  }
  case HeadForm::Single:
    layer("main", "pooled");
    break;
  case HeadForm::WithTeacher:
    layer("main", "cls");
    layer("dist", "dist");
    config.head.combine = HeadCombine::Mean;
    break;
  }
  for (const HeadLayer &head : config.head.layers)
    if (head.out == 0)
      return inputError("{}: expected a tensor '{}', which is missing", result.store.path(),
                        modelClass->head == HeadForm::Single ? "classifier.weight"
                        : head.name == "main"                ? "cls_classifier.weight"
                                                             : "distillation_classifier.weight");
  return readLabels();
}

llvm::Error Importer::readLabels() {
  std::optional<JsonRef> map = json.findValue("id2label");
  if (!map)
    return llvm::Error::success();
  llvm::Expected<std::vector<std::string>> labels = readIndexedLabels(*map, config.classes());
  if (!labels)
    return labels.takeError();
  // LABEL_0, LABEL_1, ... are what transformers writes when it has no names.
  for (size_t i = 0; i < labels->size(); ++i)
    if ((*labels)[i] != "LABEL_" + std::to_string(i)) {
      config.labels = std::move(*labels);
      break;
    }
  return llvm::Error::success();
}

llvm::Error Importer::run() {
  if (llvm::Error error = checkKeys(json, keyRules, "a ViT configuration"))
    return error;
  llvm::Expected<WeightStore> store = WeightStore::openDirectory(directory);
  if (!store)
    return store.takeError();
  result.store = std::move(*store);
  if (llvm::Error error = chooseClass())
    return error;
  llvm::Expected<CanonicalTensors> tensors =
      canonicalNames(result.store, nameTable,
                     modelClass->head == HeadForm::None ? llvm::ArrayRef(ignoredWithoutHead)
                                                        : llvm::ArrayRef(ignoredWithHead));
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  result.table = &nameTable;
  config.source.library = "transformers";
  config.source.arch = modelClass->name;
  for (auto step : {&Importer::readSizes, &Importer::readNumerics, &Importer::readHead})
    if (llvm::Error error = (this->*step)())
      return error;

  llvm::Expected<std::string> version = stringOr(json, "transformers_version", "");
  if (!version)
    return version.takeError();
  int major = 0;
  llvm::StringRef(*version).consumeInteger(10, major);
  return importHuggingFacePreprocess(directory, major, result.checkpoint);
}

} // namespace

llvm::ArrayRef<KeyRule> vitc::huggingFaceKeys() { return keyRules; }

llvm::Expected<Imported> vitc::importHuggingFace(llvm::StringRef directory, const JsonDocument &config) {
  Imported result;
  if (llvm::Error error = Importer(directory, config, result).run())
    return std::move(error);
  return result;
}
