//===- OpenClip.cpp - directories and weights of open_clip and OpenAI's CLIP --------------------------===//
//
// open_clip_config.json describes both towers; the visual one becomes an image encoder whose head is the
// projection. Towers that come from timm are described by timm's importer. Source: mlfoundations/open_clip,
// src/open_clip/ model.py (CLIPVisionCfg), timm_model.py, transform.py (PreprocessCfg); openai/CLIP.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/BareLibraries.h"
#include "compiler/Import/OpenClipNames.h"
#include "compiler/Import/TimmModel.h"
#include "compiler/Import/TimmNames.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace vitc;

namespace {

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant, X = KeyUse::MustBeOff;
constexpr KeyRule rootRules[] = {
    {"model_cfg", U}, {"preprocess_cfg", U}, {"pretrained_cfg", I}, {"hf_hub_id", I}};
constexpr KeyRule modelRules[] = {
    // clang-format off
    {"vision_cfg", U}, {"quick_gelu", U}, {"embed_dim", U},
    {"text_cfg", I}, {"multimodal_cfg", I}, {"custom_text", I}, {"init_logit_scale", I}, {"init_logit_bias", I},
    {"nonscalar_logit_scale", I}, {"cast_dtype", I}, {"output_dict", I}, {"hf_model_name", I}, {"description", I},
    // clang-format on
};
constexpr KeyRule visionRules[] = {
    // clang-format off
    {"image_size", U}, {"width", U}, {"layers", U}, {"head_width", U}, {"patch_size", U}, {"mlp_ratio", U},
    {"ls_init_value", U}, {"no_ln_pre", U}, {"final_ln_after_pool", U}, {"pool_type", U}, {"norm_kwargs", U},
    {"act_kwargs", U}, {"pos_embed_type", U}, {"timm_model_name", U}, {"timm_pool", U}, {"timm_proj", U},
    {"timm_proj_bias", U},
    {"patch_dropout", I}, {"timm_model_pretrained", I}, {"timm_drop", I}, {"timm_drop_path", I}, {"timm_patch_drop", I},
    {"output_tokens", I}, {"attn_pooler_queries", I}, {"attn_pooler_heads", I},
    {"attentional_pool", X}, {"input_patchnorm", X}, {"global_average_pool", X}, {"block_type", X}, {"qk_norm", X},
    {"scaled_cosine_attn", X}, {"scale_heads", X}, {"scale_attn_inner", X}, {"scale_attn", X}, {"scale_fc", X},
    {"in_chans", I},
    // clang-format on
};
constexpr KeyRule preprocessRules[] = {
    {"size", U},        {"mean", U},       {"std", U},  {"interpolation", U},
    {"resize_mode", U}, {"fill_color", I}, {"mode", I},
};

struct Importer {
  llvm::StringRef directory;
  const JsonDocument &document;
  Imported &result;
  std::optional<JsonRef> model, vision, preprocess;

  ModelConfig &config() { return result.checkpoint.config; }
  llvm::Error run();
  llvm::Error readSections();
  llvm::Error openWeights();
  llvm::Error describeOwn();
  llvm::Error describeTower(const JsonRef &name);
  llvm::Error readPreprocess();
};

llvm::Error Importer::readSections() {
  JsonRef root = document.root();
  model = root.findValue("model_cfg");
  if (model) {
    if (llvm::Error error = checkKeys(root, rootRules, "open_clip's configuration"))
      return error;
    preprocess = root.findValue("preprocess_cfg");
  } else { // open_clip_model_cfg.json: only the inner part
    model = root;
  }
  if (llvm::Error error = checkKeys(*model, modelRules, "open_clip's model_cfg"))
    return error;
  llvm::Expected<JsonRef> section = model->get("vision_cfg");
  if (!section)
    return section.takeError();
  vision = *section;
  if (llvm::Error error = checkKeys(*vision, visionRules, "open_clip's vision_cfg"))
    return error;
  return preprocess ? checkKeys(*preprocess, preprocessRules, "open_clip's preprocess_cfg")
                    : llvm::Error::success();
}

llvm::Error Importer::openWeights() {
  for (const char *name : {"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
                           "open_clip_pytorch_model.bin"}) {
    llvm::SmallString<256> file(directory);
    llvm::sys::path::append(file, name);
    if (!llvm::sys::fs::exists(file))
      continue;
    llvm::Expected<WeightStore> store = WeightStore::open(file);
    if (!store)
      return store.takeError();
    result.store = std::move(*store);
    return llvm::Error::success();
  }
  llvm::Expected<WeightStore> store = WeightStore::openDirectory(directory);
  if (!store)
    return store.takeError();
  result.store = std::move(*store);
  return llvm::Error::success();
}

/// The tower as open_clip builds it itself. `tensors` came through openClipNames.
llvm::Error describeClip(Imported &result, int64_t heads) {
  ModelConfig &config = result.checkpoint.config;
  const CanonicalTensors &tensors = result.tensors;
  for (const char *tensor : {"embed.patch.w", "blk.0.q.w"})
    if (!tensors.has(tensor))
      return inputError("{}: expected a tensor '{}', which is missing", result.store.path(),
                        sourceNameOf(openClipNames, tensor));
  fillFromShapes(tensors, config);
  config.heads = heads;
  if (heads < 1 || config.width % heads != 0)
    return inputError("{}: expected a number of heads that divides the width {}, got {}", result.store.path(),
                      config.width, heads);
  config.headDim = config.width / heads;
  config.normEps = 1e-5;
  config.pool.kind = PoolKind::Cls;
  config.finalNorm = tensors.has("final.norm.w") ? FinalNorm::AllTokens : FinalNorm::None;
  config.pos.resize = PosResize{"cubic-0.5", true, false, "size"};
  if (int64_t out = tensors.extent("head.pre.w", 0))
    config.head.preLogits = PreLogits{out, "identity", false};
  return llvm::Error::success();
}

llvm::Error Importer::describeOwn() {
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, openClipNames, clipTextTensors);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  result.table = &openClipNames;
  llvm::Expected<int64_t> width = integerOr(*vision, "width", 768, 1, maxParsedSize);
  if (!width)
    return width.takeError();
  llvm::Expected<int64_t> headWidth = integerOr(*vision, "head_width", 64, 1, maxParsedSize);
  if (!headWidth)
    return headWidth.takeError();
  if (llvm::Error error = describeClip(result, *width / *headWidth))
    return error;
  ModelConfig &config = this->config();
  if (config.width != *width)
    return vision->error(
        fmt::format("expected a width of {}, which the tensors say, got {}", config.width, *width));
  llvm::Expected<int64_t> layers = integerOr(*vision, "layers", 12, 1, maxParsedSize);
  if (!layers)
    return layers.takeError();
  if (config.depth != *layers)
    return vision->error(
        fmt::format("expected {} layers, which the tensors say, got {}", config.depth, *layers));

  llvm::Expected<bool> quick = boolOr(*model, "quick_gelu", false);
  if (!quick)
    return quick.takeError();
  config.block.mlp.act = *quick ? Activation::QuickGelu : Activation::GeluErf;
  if (std::optional<JsonRef> arguments = vision->findValue("act_kwargs")) {
    constexpr KeyRule rules[] = {{"approximate", KeyUse::Understood}};
    if (llvm::Error error = checkKeys(*arguments, rules, "act_kwargs"))
      return error;
    llvm::Expected<std::string> form = stringOr(*arguments, "approximate", "none");
    if (!form)
      return form.takeError();
    if (*quick || (*form != "none" && *form != "tanh"))
      return arguments->error("expected 'approximate' to be 'none' or 'tanh', without quick_gelu");
    if (*form == "tanh")
      config.block.mlp.act = Activation::GeluTanh;
  }
  if (std::optional<JsonRef> arguments = vision->findValue("norm_kwargs")) {
    constexpr KeyRule rules[] = {{"eps", KeyUse::Understood}};
    if (llvm::Error error = checkKeys(*arguments, rules, "norm_kwargs"))
      return error;
    llvm::Expected<double> eps = numberOr(*arguments, "eps", config.normEps);
    if (!eps)
      return eps.takeError();
    config.normEps = *eps;
  }
  llvm::Expected<bool> after = boolOr(*vision, "final_ln_after_pool", false);
  if (!after)
    return after.takeError();
  if (*after && config.finalNorm != FinalNorm::None)
    config.finalNorm = FinalNorm::AfterPool;
  llvm::Expected<std::string> pool = stringOr(*vision, "pool_type", "tok");
  if (!pool)
    return pool.takeError();
  if (*pool != "tok" && *pool != "avg")
    return vision->get("pool_type")->expected("'tok' or 'avg'");
  config.pool.kind = *pool == "avg" ? PoolKind::Mean : PoolKind::Cls;
  return llvm::Error::success();
}

/// "timm_model_name": the tensors are timm's behind "visual.trunk.", and the head may lie outside of it.
llvm::Error Importer::describeTower(const JsonRef &nameValue) {
  llvm::Expected<std::string> name = nameValue.asString();
  if (!name)
    return name.takeError();
  std::optional<TimmArchitecture> facts = findTimmArchitecture(*name);
  if (llvm::StringRef reason = refusedTimmArchitecture(*name); !facts || !reason.empty())
    return nameValue.expected(reason.empty() ? std::string("a Vision Transformer of timm that vitc knows")
                                             : "a tower that vitc supports (" + reason.str() + ")");
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, timmNames, clipTextTensors);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  result.table = &timmNames;
  config().source.arch = *name;
  if (int64_t width = result.tensors.extent("embed.patch.w", 0); width != facts->width)
    return inputError("{}: expected a width of {} for '{}', got {} from the tensors", result.store.path(),
                      facts->width, *name, width);
  if (std::optional<JsonRef> pool = vision->findValue("timm_pool")) {
    llvm::Expected<std::string> kind = pool->asString();
    if (!kind)
      return kind.takeError();
    if (!findTimmPool(*kind))
      return pool->expected("'token', 'avg', 'max', 'avgmax', 'map' or ''");
    facts->pool = *kind;
  } else {
    facts->pool = "avg"; // open_clip's default
  }
  if (llvm::Error error = describeTimm(*facts, result))
    return error;
  useHeadAsProjection(result); // that is what timm calls its head
  return llvm::Error::success();
}

llvm::Error Importer::readPreprocess() {
  ModelConfig &config = this->config();
  PreprocessRecipe recipe;
  recipe.colours = clipColours;
  std::string mode = "shortest", filter = "bicubic";
  std::vector<double> mean, std;
  if (preprocess) {
    for (auto [key, into] :
         {std::pair<const char *, std::string *>{"resize_mode", &mode}, {"interpolation", &filter}}) {
      llvm::Expected<std::string> value = stringOr(*preprocess, key, *into);
      if (!value)
        return value.takeError();
      *into = *value;
    }
    for (auto [key, into] : {std::pair<const char *, std::array<double, 3> *>{"mean", &recipe.colours.mean},
                             {"std", &recipe.colours.std}})
      if (std::optional<JsonRef> list = preprocess->findValue(key)) {
        llvm::Expected<std::vector<double>> values = numbers(*list, 3);
        if (!values)
          return values.takeError();
        if (values->size() != 3)
          return list->error("expected 3 numbers");
        std::copy(values->begin(), values->end(), into->begin());
      }
    if (std::optional<JsonRef> size = preprocess->findValue("size")) {
      llvm::Expected<Extent> extent = readExtent(*size);
      if (!extent)
        return extent.takeError();
      if (*extent != config.inputSize)
        return size->error(fmt::format("expected {}x{}, the image_size of vision_cfg, got {}x{}",
                                       config.inputSize.height, config.inputSize.width, extent->height,
                                       extent->width));
    }
  }
  if (filter == "bilinear")
    recipe.filter = ResizeFilter::Bilinear;
  else if (filter != "bicubic")
    return preprocess->get("interpolation")->expected("'bicubic' or 'bilinear'");
  if (mode == "squash")
    recipe.mode = ResizeMode::Squash;
  else if (mode != "shortest")
    return preprocess->get("resize_mode")->expected("'shortest' or 'squash'");
  if (config.channels != 3 || (mode == "shortest" && config.inputSize.height != config.inputSize.width)) {
    result.checkpoint.notes.push_back("no preprocessing is known: the library takes normalised tensors only");
    return llvm::Error::success();
  }
  config.preprocess = applyRecipe(recipe, config);
  result.checkpoint.notes.push_back("resize rules: Pillow");
  return llvm::Error::success();
}

llvm::Error Importer::run() {
  if (llvm::Error error = readSections())
    return error;
  if (llvm::Error error = openWeights())
    return error;
  ModelConfig &config = this->config();
  config.source.library = "open_clip";
  config.inputSize = {224, 224};
  if (std::optional<JsonRef> size = vision->findValue("image_size")) {
    llvm::Expected<Extent> extent = readExtent(*size);
    if (!extent)
      return extent.takeError();
    config.inputSize = *extent;
  }
  std::optional<JsonRef> tower = vision->findValue("timm_model_name");
  if (llvm::Error error = tower ? describeTower(*tower) : describeOwn())
    return error;
  if (std::optional<JsonRef> width = model->findValue("embed_dim")) {
    llvm::Expected<int64_t> out = width->asInteger(1, maxParsedSize);
    if (!out)
      return out.takeError();
    if (config.head.preLogits && config.head.preLogits->out != *out)
      return width->error(
          fmt::format("expected {}, the size of the projection, got {}", config.head.preLogits->out, *out));
  }
  return readPreprocess();
}

// ---- without a configuration -----------------------------------------------------------------------

constexpr HeadsOfWidth heads[] = {{384, 6},   {512, 8},   {640, 10},  {768, 12}, {896, 14},
                                  {1024, 16}, {1280, 16}, {1408, 16}, {1664, 16}};

/// OpenAI's archives hold three numbers that nobody else stores.
bool isOpenAi(const WeightStore &store, const CanonicalTensors &) { return store.find("input_resolution"); }

llvm::Error describeBare(BareModel &model, Activation act) {
  if (llvm::Error error = findInputSize(model, 0))
    return error;
  llvm::Expected<int64_t> count = findHeads(model, heads);
  if (!count)
    return count.takeError();
  if (llvm::Error error = describeClip(model.imported, *count))
    return error;
  model.config().block.mlp.act = act;
  PreprocessRecipe recipe;
  recipe.colours = clipColours;
  usePreprocess(model, recipe);
  return llvm::Error::success();
}

llvm::Error describeOpenAi(BareModel &model) { return describeBare(model, Activation::QuickGelu); }

llvm::Error describeOpenClip(BareModel &model) {
  if (model.arch.empty())
    return model.error(
        "no tensor says which GELU this CLIP has: give --arch open_clip:quickgelu (models that "
        "OpenAI, DFN or MetaCLIP trained, 'quick_gelu' in their configuration), or --arch "
        "open_clip:gelu");
  return describeBare(model, model.arch.contains_insensitive("quickgelu") ? Activation::QuickGelu
                                                                          : Activation::GeluErf);
}

} // namespace

const BareLibrary vitc::bareOpenAi = {"openai_clip", &openClipNames, clipTextTensors,
                                      isOpenAi,      describeOpenAi, "NAME"};
const BareLibrary vitc::bareOpenClip = {
    "open_clip",
    &openClipNames,
    clipTextTensors,
    [](const WeightStore &store, const CanonicalTensors &tensors) { return !isOpenAi(store, tensors); },
    describeOpenClip,
    "ViT-B-16 or ViT-B-16-quickgelu"};

std::vector<llvm::ArrayRef<KeyRule>> vitc::openClipKeys() {
  return {rootRules, modelRules, visionRules, preprocessRules};
}

llvm::Expected<Imported> vitc::importOpenClip(llvm::StringRef directory, const JsonDocument &config) {
  Imported result;
  if (llvm::Error error = Importer{directory, config, result, {}, {}, {}}.run())
    return std::move(error);
  return result;
}
