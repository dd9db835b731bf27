//===- Timm.cpp - directories written by timm -------------------------------------------------------===//
//
// Names and keys are tables; what an architecture's name implies is in TimmArchitectures.cpp. Source:
// timm/models/ vision_transformer.py, deit.py, _hub.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/KeyTable.h"
#include "compiler/Import/TimmArchitectures.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace vitc;

namespace {

constexpr NameRule nameRules[] = {
    {"cls_token", "embed.cls"},
    {"dist_token", "embed.dist"},
    {"reg_token", "embed.reg"},
    {"pos_embed", "embed.pos"},
    {"patch_embed.proj.{p}", "embed.patch.{p}"},
    {"patch_embed.norm.{p}", "embed.norm_out.{p}"},
    {"norm_pre.{p}", "embed.pre_norm.{p}"},
    {"blocks.{i}.norm1.{p}", "blk.{i}.ln1.{p}"},
    {"blocks.{i}.attn.qkv.{p}", "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}"},
    {"blocks.{i}.attn.q_norm.{p}", "blk.{i}.qn.{p}"},
    {"blocks.{i}.attn.k_norm.{p}", "blk.{i}.kn.{p}"},
    {"blocks.{i}.attn.norm.{p}", "blk.{i}.attn_norm.{p}"},
    {"blocks.{i}.attn.proj.{p}", "blk.{i}.o.{p}"},
    {"blocks.{i}.ls1.gamma", "blk.{i}.ls1"},
    {"blocks.{i}.norm2.{p}", "blk.{i}.ln2.{p}"},
    {"blocks.{i}.mlp.fc1.{p}", "blk.{i}.fc1.{p}"},
    {"blocks.{i}.mlp.fc1_g.{p}", "blk.{i}.gate.{p}"},
    {"blocks.{i}.mlp.fc1_x.{p}", "blk.{i}.fc1.{p}"},
    {"blocks.{i}.mlp.norm.{p}", "blk.{i}.mlp_norm.{p}"},
    {"blocks.{i}.mlp.fc2.{p}", "blk.{i}.fc2.{p}"},
    {"blocks.{i}.ls2.gamma", "blk.{i}.ls2"},
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
};
constexpr const char *prefixes[] = {"timm_model.", "model.", "module.", "backbone.", "visual.trunk."};
constexpr IgnoreRule ignoredTensors[] = {
    {"mask_token", "only used by masked training"},
    {"optimizer.*", "training state"},
    {"lr_scheduler.*", "training state"},
};
constexpr NameTable nameTable = {"timm", nameRules, prefixes, ignoredTensors};

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
    // Training, and inputs of other sizes.
    {"drop_rate", I}, {"pos_drop_rate", I}, {"patch_drop_rate", I}, {"proj_drop_rate", I}, {"attn_drop_rate", I},
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
constexpr std::pair<const char *, PoolKind> pools[] = {
    {"token", PoolKind::Cls},     {"avg", PoolKind::Mean}, {"max", PoolKind::Max},
    {"avgmax", PoolKind::AvgMax}, {"map", PoolKind::Map},  {"", PoolKind::None},
};

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
  llvm::Error readSizes();
  llvm::Error compareSizes();
  llvm::Error readHeads();
  llvm::Error readNumerics();
  llvm::Error readPool();
  llvm::Error readHead();
  llvm::Error readLabels();
  std::optional<JsonRef> argument(llvm::StringRef key) const {
    return arguments ? arguments->findValue(key) : std::nullopt;
  }

  llvm::StringRef directory;
  JsonRef json, pretrained;
  std::optional<JsonRef> arguments;
  Imported &result;
  ModelConfig &config;
  const CanonicalTensors &tensors;
  std::string name;
  TimmArchitecture architecture;
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
  std::optional<TimmArchitecture> known = findTimmArchitecture(name);
  if (!known)
    return json.get("architecture")
        ->expected("a Vision Transformer of timm that vitc knows (" +
                   llvm::join(timmArchitecturePatterns(), ", ") + ")");
  architecture = *known;
  config.source.library = "timm";
  config.source.arch = *full;
  return llvm::Error::success();
}

llvm::Error Importer::readSizes() {
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
  if (!tensors.has("embed.patch.w"))
    return inputError("{}: expected a tensor 'patch_embed.proj.weight', which is missing",
                      result.store.path());
  fillFromShapes(tensors, config);
  return compareSizes();
}

llvm::Error Importer::compareSizes() {
  auto count = [&](llvm::StringRef kind) -> int64_t {
    for (const TokenRun &run : config.prefix)
      if (run.kind == kind)
        return run.count;
    return 0;
  };
  const std::pair<const char *, int64_t> comparisons[] = {{"embed_dim", config.width},
                                                          {"depth", config.depth},
                                                          {"in_chans", config.channels},
                                                          {"reg_tokens", count("reg")},
                                                          {"num_classes", tensors.extent("head.main.w", 0)}};
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
  if (std::optional<JsonRef> value = argument("num_heads")) {
    llvm::Expected<int64_t> heads = value->asInteger(1, maxParsedSize);
    if (!heads)
      return heads.takeError();
    config.heads = *heads;
  } else if (config.width == architecture.width || argument("embed_dim")) {
    config.heads = architecture.heads;
  } else {
    return inputError(
        "{}: expected a width of {} for '{}', got {} from the tensors; with another width, model_args must "
        "hold num_heads, which no tensor shows",
        json.file(), architecture.width, name, config.width);
  }
  if (config.width % config.heads != 0)
    return inputError("{}: num_heads: expected a divisor of the width {}, got {}", json.file(), config.width,
                      config.heads);
  config.headDim = config.width / config.heads;
  return llvm::Error::success();
}

llvm::Error Importer::readNumerics() {
  config.normEps = architecture.eps;
  config.block.mlp.act = architecture.act;
  config.block.placement = architecture.placement;
  if (std::optional<JsonRef> value = argument("act_layer")) {
    llvm::Expected<Activation> act = lookUp(activations, *value);
    if (!act)
      return act.takeError();
    config.block.mlp.act = *act;
  }
  if (std::optional<JsonRef> value = argument("norm_layer")) {
    llvm::Expected<double> eps = lookUp(norms, *value);
    if (!eps)
      return eps.takeError();
    config.normEps = *eps;
  }
  return llvm::Error::success();
}

llvm::Error Importer::readPool() {
  // model_args is what timm builds the model from; the root's value is the saved model's.
  std::optional<JsonRef> value = argument("global_pool");
  if (!value)
    value = json.findValue("global_pool");
  std::string pool = architecture.pool;
  if (value) {
    llvm::Expected<PoolKind> kind = lookUp(pools, *value);
    if (!kind)
      return kind.takeError();
    config.pool.kind = *kind;
  } else {
    config.pool.kind = llvm::find_if(pools, [&](const auto &p) { return pool == p.first; })->second;
  }
  if (arguments) {
    llvm::Expected<bool> include = boolOr(*arguments, "pool_include_prefix", false);
    if (!include)
      return include.takeError();
    config.pool.includePrefix = *include;
  }
  const TensorSlice *norm = tensors.find("final.norm.w");
  config.finalNorm = !norm                                                          ? FinalNorm::None
                     : llvm::StringRef(norm->raw->name).ends_with("fc_norm.weight") ? FinalNorm::AfterPool
                                                                                    : FinalNorm::AllTokens;
  return llvm::Error::success();
}

llvm::Error Importer::readHead() {
  auto layer = [&](const char *layerName, const char *from) {
    std::string tensor = std::string("head.") + layerName;
    config.head.layers.push_back(
        {layerName, from, tensors.extent(tensor + ".w", 0), tensors.has(tensor + ".b")});
  };
  bool distilled = tensors.has("embed.dist");
  if (distilled && !tensors.has("head.main.w"))
    return inputError(
        "{}: '{}' without a head pools the mean of its two tokens, which is not supported yet; keep the "
        "head, or use a model without distillation",
        result.store.path(), name);
  if (distilled) {
    layer("main", "cls");
    layer("dist", "dist");
    config.head.combine = HeadCombine::Mean;
    if (config.head.layers[1].out == 0)
      return inputError("{}: expected a tensor 'head_dist.weight', which is missing", result.store.path());
  } else if (tensors.has("head.main.w")) {
    layer("main", "pooled");
  }
  return readLabels();
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
  llvm::Expected<WeightStore> store = WeightStore::openDirectory(directory);
  if (!store)
    return store.takeError();
  result.store = std::move(*store);
  llvm::Expected<CanonicalTensors> renamed = canonicalNames(result.store, nameTable);
  if (!renamed)
    return renamed.takeError();
  result.tensors = std::move(*renamed);
  result.table = &nameTable;
  for (auto step : {&Importer::readSizes, &Importer::readHeads, &Importer::readNumerics, &Importer::readPool,
                    &Importer::readHead})
    if (llvm::Error error = (this->*step)())
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
