//===- Timm.cpp - directories written by timm -------------------------------------------------------===//
//
// The keys of config.json are tables; what an architecture's name implies is in TimmArchitectures.cpp, and
// what the tensors say in TimmModel.cpp. Source: timm/models/ vision_transformer.py, deit.py, beit.py,
// eva.py, _hub.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/KeyTable.h"
#include "compiler/Import/TimmArchitectures.h"
#include "compiler/Import/TimmModel.h"
#include "compiler/Import/TimmNames.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace vitc;

namespace {

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant, X = KeyUse::MustBeOff;
constexpr KeyRule pretrainedRules[] = {
    // clang-format off
    {"input_size", U}, {"interpolation", U}, {"crop_pct", U}, {"crop_mode", U}, {"mean", U}, {"std", U},
    {"num_classes", U}, {"label_names", U}, {"label_descriptions", U},
    // Where the weights came from, and settings for other sizes than the model's own.
    {"architecture", I}, {"architectures", I}, {"tag", I}, {"custom_load", I}, {"fixed_input_size", I}, {"min_input_size", I},
    {"test_input_size", I}, {"test_crop_pct", I}, {"test_crop_mode", I}, {"pool_size", I}, {"first_conv", I},
    {"classifier", I}, {"license", I}, {"url", I}, {"file", I}, {"hf_hub_id", I}, {"hf_hub_filename", I}, {"source", I},
    {"origin_url", I}, {"paper_name", I}, {"paper_ids", I}, {"notes", I}, {"description", I}, {"state_dict", I},
    {"dataset", I}, {"num_features", I}, {"global_pool", I}, {"label_offset", I}, {"color_space", I},
    // clang-format on
};
constexpr KeyRule rootRules[] = {
    // clang-format off
    {"architecture", U}, {"model_args", U}, {"pretrained_cfg", U}, {"num_classes", U}, {"global_pool", U},
    {"label_names", U}, {"label_descriptions", U},
    {"num_features", I}, {"labels", I},
    // Written by transformers' wrapper around timm.
    {"architectures", I}, {"model_type", I}, {"do_pooling", I}, {"initializer_range", I}, {"transformers_version", I},
    {"torch_dtype", I}, {"dtype", I}, {"problem_type", I}, {"id2label", I}, {"label2id", I},
    {"quantization_config", X},
    // clang-format on
};
constexpr KeyRule argumentRules[] = {
    // clang-format off
    {"img_size", U}, {"patch_size", U}, {"in_chans", U}, {"num_classes", U}, {"global_pool", U}, {"embed_dim", U},
    {"depth", U}, {"num_heads", U}, {"class_token", U}, {"reg_tokens", U}, {"pool_include_prefix", U},
    {"act_layer", U}, {"norm_layer", U},
    // The tensors show these.
    {"mlp_ratio", U}, {"qkv_bias", U}, {"qk_norm", U}, {"proj_bias", U}, {"scale_attn_norm", U}, {"scale_mlp_norm", U},
    {"init_values", U}, {"pos_embed", U}, {"no_embed_class", U}, {"pre_norm", U}, {"final_norm", U}, {"fc_norm", U},
    // Of timm's Eva and Beit.
    {"num_reg_tokens", U}, {"num_kv_heads", U}, {"rope_type", U}, {"rope_grid_offset", U}, {"rope_grid_indexing", U}, {"rope_temperature", U},
    {"rope_rotate_half", U}, {"ref_feat_shape", U}, {"use_rot_pos_emb", U}, {"use_post_norm", U}, {"attn_pool_num_heads", U},
    {"use_abs_pos_emb", U}, {"use_pre_transformer_norm", U}, {"use_post_transformer_norm", U}, {"use_fc_norm", U},
    {"qkv_fused", U}, {"swiglu_mlp", U}, {"swiglu_align_to", U}, {"scale_mlp", U}, {"scale_attn_inner", U},
    {"attn_pool_mlp_ratio", U}, {"attn_type", U}, {"use_rel_pos_bias", U}, {"use_shared_rel_pos_bias", U},
    // Training, and inputs of other sizes.
    {"head_init_scale", I}, {"drop_rate", I}, {"pos_drop_rate", I}, {"patch_drop_rate", I}, {"proj_drop_rate", I}, {"attn_drop_rate", I},
    {"drop_path_rate", I}, {"weight_init", I}, {"fix_init", I}, {"dynamic_img_size", I}, {"strict_img_size", I},
    {"distilled_training", I}, {"pretrained_strict", I}, {"use_naflex", X}, {"dynamic_img_pad", X},
    {"features_only", X}, {"block_fn", X}, {"mlp_layer", X}, {"attn_layer", X}, {"embed_layer", X},
    {"embed_norm_layer", X},
    // clang-format on
};

constexpr std::pair<const char *, Activation> activations[] = {
    {"gelu", Activation::GeluErf},
    {"gelu_tanh", Activation::GeluTanh},
    {"quick_gelu", Activation::QuickGelu},
    {"quickgelu", Activation::QuickGelu},
    {"relu", Activation::Relu},
    {"silu", Activation::Silu},
    {"swish", Activation::Silu},
};
// timm's own LayerNorm has an epsilon of 1e-6 whatever the architecture.
constexpr std::pair<const char *, double> norms[] = {{"layernorm", 1e-6}, {"rmsnorm", 1e-6}};
constexpr std::pair<const char *, RopeKind> ropes[] = {
    {"cat", RopeKind::Cat}, {"mixed", RopeKind::Mixed}, {"dinov3", RopeKind::DinoV3}, {"", RopeKind::None}};
constexpr std::pair<const char *, const char *> ropeOrders[] = {{"ij", "yx"}, {"xy", "xy"}};

/// The table entry for the string `value`, or an error that lists the names.
template <typename T, size_t N>
llvm::Expected<T> lookUp(const std::pair<const char *, T> (&table)[N], const JsonRef &value) {
  llvm::Expected<std::string> name = value.asString();
  if (!name)
    return name.takeError();
  llvm::SmallVector<std::string> known;
  for (const auto &[candidate, result] : table) {
    if (*name == candidate)
      return result;
    known.push_back(fmt::format("'{}'", candidate));
  }
  return value.expected("one of " + llvm::join(known, ", "));
}

class Importer {
public:
  Importer(llvm::StringRef directory, const JsonDocument &document, Imported &result)
      : directory(directory), json(document.root()), pretrained(json), result(result),
        config(result.checkpoint.config), tensors(result.tensors) {}
  llvm::Error run();

private:
  llvm::Error checkConfiguration();
  llvm::Error readInputSize();
  llvm::Error readHeads();
  llvm::Error readNumerics();
  llvm::Error readRope();
  llvm::Error readPool();
  llvm::Error compareSizes();
  llvm::Error readLabels();
  std::optional<JsonRef> argument(llvm::StringRef key) const {
    return arguments ? arguments->findValue(key) : std::nullopt;
  }
  template <typename T> static llvm::Error store(llvm::Expected<T> value, T &into) {
    if (!value)
      return value.takeError();
    into = std::move(*value);
    return llvm::Error::success();
  }

  llvm::StringRef directory;
  JsonRef json, pretrained;
  std::optional<JsonRef> arguments;
  Imported &result;
  ModelConfig &config;
  const CanonicalTensors &tensors;
  std::string name;
  TimmArchitecture facts;
};

llvm::Error Importer::checkConfiguration() {
  arguments = json.findValue("model_args");
  if (std::optional<JsonRef> nested = json.findValue("pretrained_cfg")) {
    if (llvm::Error error = checkKeys(json, rootRules, "timm's config.json"))
      return error;
    pretrained = *nested;
    if (llvm::Error error = checkKeys(pretrained, pretrainedRules, "timm's pretrained_cfg"))
      return error;
  } else { // old files: pretrained_cfg is the root
    llvm::SmallVector<KeyRule> rules(rootRules, std::end(rootRules));
    rules.append(pretrainedRules, std::end(pretrainedRules));
    if (llvm::Error error = checkKeys(json, rules, "timm's config.json"))
      return error;
  }
  if (arguments)
    if (llvm::Error error = checkKeys(*arguments, argumentRules, "timm's model_args"))
      return error;

  llvm::Expected<std::string> full = json.get("architecture")->asString();
  if (!full)
    return full.takeError();
  name = llvm::StringRef(*full).split('.').first.str(); // without the tag of the weights
  if (llvm::StringRef reason = refusedTimmArchitecture(name); !reason.empty())
    return json.get("architecture")
        ->error(fmt::format("'{}' is not supported: {}", quoteForMessage(name), reason.str()));
  std::optional<TimmArchitecture> known = findTimmArchitecture(name);
  if (!known)
    return json.get("architecture")
        ->expected("a Vision Transformer of timm that vitc knows (" +
                   llvm::join(timmArchitecturePatterns(), ", ") + ")");
  facts = *known;
  config.source.library = "timm";
  config.source.arch = *full;
  return llvm::Error::success();
}

llvm::Error Importer::readInputSize() {
  std::optional<JsonRef> size = argument("img_size");
  std::optional<JsonRef> input = pretrained.findValue("input_size");
  if (size) {
    llvm::Expected<Extent> extent = readExtent(*size);
    if (!extent)
      return extent.takeError();
    config.inputSize = *extent;
  } else if (input) {
    llvm::Expected<std::vector<JsonRef>> chw = input->asArray();
    if (!chw)
      return chw.takeError();
    if (chw->size() != 3)
      return input->expected("[channels, height, width]");
    llvm::Expected<int64_t> height = (*chw)[1].asInteger(1, maxParsedSize);
    if (!height)
      return height.takeError();
    llvm::Expected<int64_t> width = (*chw)[2].asInteger(1, maxParsedSize);
    if (!width)
      return width.takeError();
    config.inputSize = {*height, *width};
  } else {
    config.inputSize = {224, 224};
    result.checkpoint.warnings.push_back(
        fmt::format("{}: neither 'input_size' nor 'img_size'; using 224, timm's default", json.file()));
  }
  return llvm::Error::success();
}

llvm::Error Importer::compareSizes() {
  auto count = [&](llvm::StringRef kind) -> int64_t {
    for (const TokenRun &run : config.prefix)
      if (run.kind == kind)
        return run.count;
    return 0;
  };
  // A head may have become the projection of a tower.
  int64_t classes = tensors.extent(config.head.preLogits ? "head.pre.w" : "head.main.w", 0);
  const std::pair<const char *, int64_t> comparisons[] = {
      {"embed_dim", config.width},  {"depth", config.depth},          {"in_chans", config.channels},
      {"reg_tokens", count("reg")}, {"num_reg_tokens", count("reg")}, {"num_classes", classes}};
  for (const auto &[key, fromTensors] : comparisons)
    if (std::optional<JsonRef> value = argument(key)) {
      llvm::Expected<int64_t> number = value->asInteger(0, INT64_MAX);
      if (!number)
        return number.takeError();
      if (*number != fromTensors)
        return value->error(fmt::format("expected {}, which the tensors say, got {}", fromTensors, *number));
    }
  if (std::optional<JsonRef> value = argument("class_token")) {
    llvm::Expected<bool> wanted = value->asBool();
    if (!wanted)
      return wanted.takeError();
    if (*wanted != tensors.has("embed.cls"))
      return value->error(fmt::format("expected {}: the tensor 'cls_token' {}", tensors.has("embed.cls"),
                                      tensors.has("embed.cls") ? "is there" : "is missing"));
  }
  if (std::optional<JsonRef> value = argument("patch_size")) {
    llvm::Expected<Extent> extent = readExtent(*value);
    if (!extent)
      return extent.takeError();
    if (*extent != config.patch.size)
      return value->error(fmt::format("expected {}x{}, the shape of 'patch_embed.proj.weight', got {}x{}",
                                      config.patch.size.height, config.patch.size.width, extent->height,
                                      extent->width));
  }
  return llvm::Error::success();
}

llvm::Error Importer::readHeads() {
  int64_t width = tensors.extent("embed.patch.w", 0);
  if (std::optional<JsonRef> value = argument("num_heads")) {
    if (llvm::Error error = store(value->asInteger(1, maxParsedSize), facts.heads))
      return error;
  } else if (width != facts.width && !argument("embed_dim")) {
    return inputError(
        "{}: expected a width of {} for '{}', got {} from the tensors; with another width, model_args must "
        "hold num_heads, which no tensor shows",
        json.file(), facts.width, name, width);
  }
  std::optional<JsonRef> shared = argument("num_kv_heads"); // a number, or one for each block
  if (!shared)
    return llvm::Error::success();
  std::vector<JsonRef> counts = {*shared};
  if (shared->isArray())
    if (llvm::Error error = store(shared->asArray(), counts))
      return error;
  for (const JsonRef &count : counts) {
    llvm::Expected<int64_t> heads = count.asInteger(1, maxParsedSize);
    if (!heads)
      return heads.takeError();
    if (*heads != facts.heads)
      return count.error(
          fmt::format("expected {}, the number of heads (heads that share keys and values are not "
                      "supported), got {}",
                      facts.heads, *heads));
  }
  return llvm::Error::success();
}

llvm::Error Importer::readNumerics() {
  if (std::optional<JsonRef> value = argument("act_layer"))
    if (llvm::Error error = store(lookUp(activations, *value), facts.act.emplace()))
      return error;
  if (std::optional<JsonRef> value = argument("norm_layer"))
    if (llvm::Error error = store(lookUp(norms, *value), facts.eps))
      return error;
  if (std::optional<JsonRef> value = argument("use_post_norm")) {
    bool after = false;
    if (llvm::Error error = store(value->asBool(), after))
      return error;
    facts.placement = after ? Placement::ResPost : Placement::Pre;
  }
  return llvm::Error::success();
}

llvm::Error Importer::readRope() {
  RopeConfig &rope = facts.rope;
  if (std::optional<JsonRef> value = argument("use_rot_pos_emb")) {
    bool used = false;
    if (llvm::Error error = store(value->asBool(), used))
      return error;
    if (!used)
      rope = RopeConfig();
    else if (rope.kind == RopeKind::None) // what timm's Eva takes where nothing is said
      rope = {RopeKind::Cat, 10000, "yx", "adjacent", {0, 0}, 0, {}};
  }
  if (rope.kind == RopeKind::None)
    return llvm::Error::success();
  if (std::optional<JsonRef> value = argument("rope_type"))
    if (llvm::Error error = store(lookUp(ropes, *value), rope.kind))
      return error;
  if (std::optional<JsonRef> value = argument("rope_temperature"))
    if (llvm::Error error = store(value->asNumber(), rope.base))
      return error;
  if (std::optional<JsonRef> value = argument("rope_grid_offset"))
    if (llvm::Error error = store(value->asNumber(), rope.offset))
      return error;
  if (std::optional<JsonRef> value = argument("ref_feat_shape"))
    if (llvm::Error error = store(readExtent(*value), rope.ref))
      return error;
  if (std::optional<JsonRef> value = argument("rope_grid_indexing")) {
    llvm::Expected<const char *> order = lookUp(ropeOrders, *value);
    if (!order)
      return order.takeError();
    rope.order = *order;
  }
  if (std::optional<JsonRef> value = argument("rope_rotate_half")) {
    bool half = false;
    if (llvm::Error error = store(value->asBool(), half))
      return error;
    rope.pairing = half ? "half" : "adjacent";
  }
  return llvm::Error::success();
}

llvm::Error Importer::readPool() {
  // model_args is what timm builds the model from; the root's value is the saved model's.
  std::optional<JsonRef> value = argument("global_pool");
  if (!value)
    value = json.findValue("global_pool");
  if (value) {
    llvm::Expected<std::string> pool = value->asString();
    if (!pool)
      return pool.takeError();
    if (!findTimmPool(*pool))
      return value->expected("one of 'token', 'avg', 'max', 'avgmax', 'map', ''");
    facts.pool = *pool;
  }
  if (std::optional<JsonRef> heads = argument("attn_pool_num_heads"))
    if (llvm::Error error = store(heads->asInteger(1, maxParsedSize), facts.poolHeads))
      return error;
  if (std::optional<JsonRef> include = argument("pool_include_prefix"))
    return store(include->asBool(), facts.poolIncludesPrefix);
  return llvm::Error::success();
}

llvm::Error Importer::readLabels() {
  std::optional<JsonRef> names = json.findValue("label_names"),
                         descriptions = json.findValue("label_descriptions");
  if (!names) {
    names = pretrained.findValue("label_names");
    descriptions = pretrained.findValue("label_descriptions");
  }
  if (!names || config.classes() == 0)
    return llvm::Error::success();
  llvm::Expected<std::vector<std::string>> labels = readIndexedLabels(*names, config.classes());
  if (!labels)
    return labels.takeError();
  llvm::StringMap<std::string> texts; // "n01440764" -> "tench, Tinca tinca"
  if (descriptions)
    for (const auto &[key, text] : descriptions->members())
      if (text.isString())
        texts[key] = llvm::cantFail(text.asString());
  for (std::string &label : *labels)
    if (auto text = texts.find(label); text != texts.end())
      label = text->second;
  config.labels = std::move(*labels);
  return llvm::Error::success();
}

llvm::Error Importer::run() {
  if (llvm::Error error = checkConfiguration())
    return error;
  if (llvm::Error error = store(WeightStore::openDirectory(directory), result.store))
    return error;
  if (llvm::Error error = store(canonicalNames(result.store, timmNames), result.tensors))
    return error;
  result.table = &timmNames;
  for (auto step : {&Importer::readInputSize, &Importer::readHeads, &Importer::readNumerics,
                    &Importer::readRope, &Importer::readPool})
    if (llvm::Error error = (this->*step)())
      return error;
  if (llvm::Error error = describeTimm(facts, result))
    return error;
  if (llvm::Error error = compareSizes())
    return error;
  if (llvm::Error error = readLabels())
    return error;
  return importTimmPreprocess(pretrained, result.checkpoint);
}

} // namespace

std::vector<llvm::ArrayRef<KeyRule>> vitc::timmKeys() { return {rootRules, argumentRules, pretrainedRules}; }

llvm::Expected<Imported> vitc::importTimm(llvm::StringRef directory, const JsonDocument &config) {
  Imported result;
  if (llvm::Error error = Importer(directory, config, result).run())
    return std::move(error);
  return result;
}
