//===- KerasHub.cpp - keras-hub's ViT and vit-keras -------------------------------------------------===//
//
// Sources: keras_hub/src/models/vit/{vit_backbone,vit_layers,vit_image_classifier}.py;
// vit_keras/{vit,layers}.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Keras.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

/// What follows a layer's name: in named variables, and in numbered ones.
constexpr ParameterSpelling parameters[] = {{"kernel", "bias"}, {"gamma", "beta"}, {"vars/0", "vars/1"}};
constexpr const char *prefixes[] = {"layers/", "_layer_checkpoint_dependencies/", "vi_t_backbone/",
                                    "backbone/"};

constexpr Layout T = Layout::Transposed, In = Layout::HeadsIn, Out = Layout::HeadsOut;

/// A block's rules, once for each way to name the block.
struct BlockRule {
  const char *source, *target;
  Layout layout = Layout::AsStored;
};
constexpr BlockRule hubBlock[] = {
    {"ln_1/{p}", "ln1.{p}"},
    {"mha/query/{p}", "q.{p}", In},
    {"mha/key/{p}", "k.{p}", In},
    {"mha/value/{p}", "v.{p}", In},
    {"mha/attention_output/{p}", "o.{p}", Out},
    {"ln_2/{p}", "ln2.{p}"},
    {"mlp/dense_1/{p}", "fc1.{p}", T},
    {"mlp/dense_2/{p}", "fc2.{p}", T},
};
constexpr BlockRule hubNumberedBlock[] = {
    {"layer_norm_1/{p}", "ln1.{p}"},         {"mha/query_dense/{p}", "q.{p}", In},
    {"mha/key_dense/{p}", "k.{p}", In},      {"mha/value_dense/{p}", "v.{p}", In},
    {"mha/_query_dense/{p}", "q.{p}", In},   {"mha/_key_dense/{p}", "k.{p}", In},
    {"mha/_value_dense/{p}", "v.{p}", In},   {"mha/output_dense/{p}", "o.{p}", Out},
    {"mha/_output_dense/{p}", "o.{p}", Out}, {"layer_norm_2/{p}", "ln2.{p}"},
    {"mlp/dense_1/{p}", "fc1.{p}", T},       {"mlp/dense_2/{p}", "fc2.{p}", T},
};
constexpr BlockRule vitKerasBlock[] = {
    {"LayerNorm_0/{p}", "ln1.{p}"},
    {"MultiHeadDotProductAttention_1/query/{p}", "q.{p}", T},
    {"MultiHeadDotProductAttention_1/key/{p}", "k.{p}", T},
    {"MultiHeadDotProductAttention_1/value/{p}", "v.{p}", T},
    {"MultiHeadDotProductAttention_1/out/{p}", "o.{p}", T},
    {"LayerNorm_2/{p}", "ln2.{p}"},
    {"MlpBlock_3/Dense_0/{p}", "fc1.{p}", T},
    {"MlpBlock_3/Dense_1/{p}", "fc2.{p}", T},
    {"Dense_0/{p}", "fc1.{p}", T},
    {"Dense_1/{p}", "fc2.{p}", T},
    {"MlpBlock_3/Transformer_encoderblock_{i}_Dense_0/{p}", "fc1.{p}", T},
    {"MlpBlock_3/Transformer_encoderblock_{i}_Dense_1/{p}", "fc2.{p}", T},
};
constexpr BlockRule vitKerasNumberedBlock[] = {
    {"layernorm1/{p}", "ln1.{p}"},
    {"att/query_dense/{p}", "q.{p}", T},
    {"att/key_dense/{p}", "k.{p}", T},
    {"att/value_dense/{p}", "v.{p}", T},
    {"att/combine_heads/{p}", "o.{p}", T},
    {"layernorm2/{p}", "ln2.{p}"},
    {"mlpblock/layers/dense/{p}", "fc1.{p}", T},
    {"mlpblock/layers/dense_1/{p}", "fc2.{p}", T},
};

/// Rules whose strings live as long as they.
class Rules {
public:
  void add(std::string source, std::string target, Layout layout = Layout::AsStored) {
    rules.push_back({keep(std::move(source)), keep(std::move(target)), layout});
  }
  /// `block` is how the library names a block, with a placeholder, or the first one without.
  void addBlock(const std::string &block, llvm::ArrayRef<BlockRule> parts) {
    bool indexed = llvm::StringRef(block).contains('{');
    for (const BlockRule &part : parts)
      add(block + "/" + part.source, std::string(indexed ? "blk.{i}." : "blk.0.") + part.target, part.layout);
  }
  std::vector<NameRule> rules;

private:
  const char *keep(std::string text) {
    return strings.emplace_back(std::make_unique<std::string>(std::move(text)))->c_str();
  }
  std::vector<std::unique_ptr<std::string>> strings;
};

/// In the numbered form, the head is the second dense layer where there are pre-logits.
void addNumberedHead(Rules &rules, bool preLogits) {
  rules.add("dense/{p}", preLogits ? "head.pre.{p}" : "head.main.{p}", T);
  if (preLogits)
    rules.add("dense_1/{p}", "head.main.{p}", T);
}

const NameTable &hubTable(bool preLogits) {
  auto make = [](bool pre) {
    auto rules = std::make_unique<Rules>();
    rules->add("vit_patching_and_embedding/class_token", "embed.cls");
    rules->add("vit_patching_and_embedding/patch_embedding/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("vit_patching_and_embedding/position_embedding/embeddings", "embed.pos");
    for (const char *block : {"vit_encoder/transformer_block_{j}", "vit_encoder/tranformer_block_{j}"})
      rules->addBlock(block, hubBlock);
    rules->add("vit_encoder/ln/{p}", "final.norm.{p}");
    rules->add("pre_logits/{p}", "head.pre.{p}", T);
    rules->add("predictions/{p}", "head.main.{p}", T);

    rules->add("vi_t_patching_and_embedding/vars/0", "embed.cls");
    rules->add("vi_t_patching_and_embedding/patch_embedding/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("vi_t_patching_and_embedding/position_embedding/vars/0", "embed.pos");
    for (const char *block : {"vi_t_encoder_block", "vi_t_encoder_block_{i}"})
      rules->addBlock(std::string("vi_t_encoder/encoder_layers/") + block, hubNumberedBlock);
    rules->add("vi_t_encoder/layer_norm/{p}", "final.norm.{p}");
    addNumberedHead(*rules, pre);
    return rules;
  };
  static const std::unique_ptr<Rules> rules[] = {make(false), make(true)};
  static const NameTable tables[] = {{"keras-hub", rules[0]->rules, prefixes, kerasIgnored, parameters},
                                     {"keras-hub", rules[1]->rules, prefixes, kerasIgnored, parameters}};
  return tables[preLogits];
}

const NameTable &vitKerasTable(bool preLogits) {
  auto make = [](bool pre) {
    auto rules = std::make_unique<Rules>();
    rules->add("embedding/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("class_token/cls", "embed.cls");
    for (const char *separator : {"_", "/"}) { // version 0.1 names layers with slashes
      std::string transformer = std::string("Transformer") + separator;
      rules->add(transformer + "posembed_input/pos_embedding", "embed.pos");
      rules->addBlock(transformer + "encoderblock_{i}", vitKerasBlock);
      rules->add(transformer + "encoder_norm/{p}", "final.norm.{p}");
    }
    rules->add("pre_logits/{p}", "head.pre.{p}", T);
    rules->add("head/{p}", "head.main.{p}", T);

    rules->add("conv2d/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("class_token/vars/0", "embed.cls");
    rules->add("add_position_embs/vars/0", "embed.pos");
    for (const char *block : {"transformer_block", "transformer_block_{i}"})
      rules->addBlock(block, vitKerasNumberedBlock);
    rules->add("layer_normalization/{p}", "final.norm.{p}");
    addNumberedHead(*rules, pre);
    return rules;
  };
  static const std::unique_ptr<Rules> rules[] = {make(false), make(true)};
  static const NameTable tables[] = {{"vit-keras", rules[0]->rules, prefixes, kerasIgnored, parameters},
                                     {"vit-keras", rules[1]->rules, prefixes, kerasIgnored, parameters}};
  return tables[preLogits];
}

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant;
constexpr KeyRule objectRules[] = {
    // clang-format off
    {"class_name", U}, {"config", U}, {"module", I}, {"registered_name", I}, {"build_config", I}, {"compile_config", I},
    {"name", I}, {"shared_object_id", I},
    // clang-format on
};
constexpr KeyRule backboneRules[] = {
    // clang-format off
    {"image_shape", U}, {"patch_size", U}, {"num_layers", U}, {"num_heads", U}, {"hidden_dim", U}, {"mlp_dim", U},
    {"layer_norm_epsilon", U}, {"data_format", U},
    // The tensors show these.
    {"use_mha_bias", I}, {"use_mlp_bias", I}, {"use_class_token", I}, {"use_patch_bias", I},
    {"name", I}, {"trainable", I}, {"dtype", I}, {"dropout_rate", I}, {"dropout", I}, {"attention_dropout", I},
    // clang-format on
};
constexpr KeyRule classifierRules[] = {
    // clang-format off
    {"backbone", U}, {"num_classes", U}, {"pooling", U}, {"activation", U}, {"intermediate_dim", U},
    {"preprocessor", I}, {"name", I}, {"trainable", I}, {"dtype", I}, {"head_dtype", I}, {"dropout", I},
    // clang-format on
};

/// The configuration of a Keras object of class `expected`.
llvm::Expected<JsonRef> objectConfig(const JsonRef &object, llvm::StringRef expected) {
  if (llvm::Error error = checkKeys(object, objectRules, "a Keras object"))
    return std::move(error);
  llvm::Expected<JsonRef> name = object.get("class_name");
  if (!name)
    return name.takeError();
  llvm::Expected<std::string> text = name->asString();
  if (!text)
    return text.takeError();
  if (*text != expected)
    return name->expected(("'" + expected + "'").str());
  return object.get("config");
}

class HubImporter {
public:
  HubImporter(KerasFile file, const ImportOptions &options) : file(std::move(file)), options(options) {}
  llvm::Expected<Imported> run();

private:
  llvm::Error findObjects();
  llvm::Error readBackbone();
  llvm::Error guessBackbone();
  llvm::Error readClassifier();

  KerasFile file;
  const ImportOptions &options;
  Imported result;
  std::optional<JsonRef> backbone, classifier;
};

llvm::Error HubImporter::findObjects() {
  if (!file.config)
    return llvm::Error::success();
  JsonRef root = file.config->root();
  std::optional<JsonRef> name = root.findValue("class_name");
  bool whole = name && name->isString() && llvm::cantFail(name->asString()) == "ViTImageClassifier";
  std::optional<JsonRef> object = root;
  if (whole) {
    llvm::Expected<JsonRef> outer = objectConfig(root, "ViTImageClassifier");
    if (!outer)
      return outer.takeError();
    if (llvm::Error error = checkKeys(*outer, classifierRules, "keras-hub's ViTImageClassifier"))
      return error;
    classifier = *outer;
    llvm::Expected<JsonRef> inner = outer->get("backbone");
    if (!inner)
      return inner.takeError();
    object = *inner;
  }
  llvm::Expected<JsonRef> inner = objectConfig(*object, "ViTBackbone");
  if (!inner)
    return inner.takeError();
  backbone = *inner;
  return checkKeys(*backbone, backboneRules, "keras-hub's ViTBackbone");
}

llvm::Error HubImporter::readBackbone() {
  ModelConfig &config = result.checkpoint.config;
  llvm::Expected<std::string> format = stringOr(*backbone, "data_format", "channels_last");
  if (!format)
    return format.takeError();
  if (*format != "channels_last")
    return backbone->get("data_format")->expected("'channels_last'");
  llvm::Expected<JsonRef> shape = backbone->get("image_shape");
  if (!shape)
    return shape.takeError();
  llvm::Expected<std::vector<JsonRef>> extents = shape->asArray(3);
  if (!extents)
    return extents.takeError();
  if (extents->size() != 3)
    return shape->expected("[height, width, channels]");
  for (auto [index, into] : {std::pair(0, &config.inputSize.height), std::pair(1, &config.inputSize.width)}) {
    llvm::Expected<int64_t> extent = (*extents)[static_cast<size_t>(index)].asInteger(1, maxParsedSize);
    if (!extent)
      return extent.takeError();
    *into = *extent;
  }
  fillFromShapes(result.tensors, config);
  struct Size {
    const char *key;
    int64_t fromTensors;
  };
  for (const Size &size : {Size{"num_layers", config.depth}, Size{"hidden_dim", config.width},
                           Size{"mlp_dim", config.block.mlp.hidden}}) {
    llvm::Expected<int64_t> value = integerOr(*backbone, size.key, size.fromTensors, 1, maxParsedSize);
    if (!value)
      return value.takeError();
    if (*value != size.fromTensors)
      return backbone->get(size.key)->error(
          fmt::format("expected {}, which the tensors say, got {}", size.fromTensors, *value));
  }
  llvm::Expected<JsonRef> heads = backbone->get("num_heads");
  if (!heads)
    return heads.takeError();
  llvm::Expected<int64_t> count = heads->asInteger(1, maxParsedSize);
  if (!count)
    return count.takeError();
  if (config.width % *count != 0)
    return heads->expected(fmt::format("a divisor of the width {}", config.width));
  config.heads = *count;
  config.headDim = config.width / *count;
  llvm::Expected<double> eps = numberOr(*backbone, "layer_norm_epsilon", 1e-6);
  if (!eps)
    return eps.takeError();
  config.normEps = *eps;
  return llvm::Error::success();
}

/// Weights alone.
llvm::Error HubImporter::guessBackbone() {
  ModelConfig &config = result.checkpoint.config;
  const TensorSlice *query = result.tensors.find("blk.0.q.w");
  if (!query || query->raw->shape.size() != 3)
    return inputError("{}: expected tensors of a ViT of keras-hub, got none of block 0", result.store.path());
  int64_t rows = result.tensors.extent("embed.pos", -2);
  llvm::Expected<Extent> size =
      kerasInputSize(result, options, rows - (result.tensors.has("embed.cls") ? 1 : 0));
  if (!size)
    return size.takeError();
  config.inputSize = *size;
  fillFromShapes(result.tensors, config);
  config.heads = query->raw->shape[1];
  config.headDim = query->raw->shape[2];
  config.normEps = 1e-6;
  if (!options.normEps)
    result.checkpoint.warnings.push_back(
        fmt::format("{}: no configuration says the epsilon of the norms; using 1e-6, keras-hub's default "
                    "(--norm-eps says otherwise)",
                    result.store.path()));
  return llvm::Error::success();
}

llvm::Error HubImporter::readClassifier() {
  ModelConfig &config = result.checkpoint.config;
  const CanonicalTensors &tensors = result.tensors;
  bool token = tensors.has("embed.cls"), head = tensors.has("head.main.w");
  std::string pooling = token ? "token" : "gap", activation;
  if (classifier) {
    llvm::Expected<std::string> pool = stringOr(*classifier, "pooling", pooling);
    if (!pool)
      return pool.takeError();
    if (*pool != "token" && *pool != "gap")
      return classifier->get("pooling")->expected("'token' or 'gap'");
    pooling = *pool;
    llvm::Expected<std::string> act = stringOr(*classifier, "activation", "");
    if (!act)
      return act.takeError();
    activation = *act;
  } else if (head) {
    result.checkpoint.warnings.push_back(
        fmt::format("{}: no configuration says how tokens are pooled; using '{}', keras-hub's default",
                    result.store.path(), pooling));
  }
  config.pool.kind = pooling == "token" ? PoolKind::Cls : PoolKind::Mean;
  config.pool.includePrefix = token && pooling == "gap"; // the mean of all tokens
  if (!activation.empty() && activation != "linear" && activation != "softmax" && activation != "sigmoid")
    return classifier->get("activation")->expected("null, 'linear', 'softmax' or 'sigmoid'");
  if (activation == "softmax" || activation == "sigmoid")
    result.checkpoint.notes.push_back("the head's " + activation +
                                      " is left out: the outputs are its logits");
  if (tensors.has("head.pre.w"))
    config.head.preLogits = PreLogits{tensors.extent("head.pre.w", 0), "tanh", tensors.has("head.pre.b")};
  if (head)
    config.head.layers.push_back(
        {"main", "pooled", tensors.extent("head.main.w", 0), tensors.has("head.main.b")});
  return llvm::Error::success();
}

llvm::Expected<Imported> HubImporter::run() {
  if (llvm::Error error = findObjects())
    return std::move(error);
  bool preLogits = classifier && classifier->findValue("intermediate_dim");
  result.store = std::move(file.store);
  result.table = &hubTable(preLogits);
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, *result.table);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  startKerasConfig(result, "keras-hub");
  if (llvm::Error error = backbone ? readBackbone() : guessBackbone())
    return std::move(error);
  if (llvm::Error error = readClassifier())
    return std::move(error);
  return std::move(result);
}

// ---- vit-keras
// ------------------------------------------------------------------------------------------------

/// What vit-keras's graph says: the layers of its own classes hold the numbers.
struct VitKerasFacts {
  std::optional<Extent> inputSize;
  int64_t heads = 0;
  bool preLogits = false;
  std::string activation = "linear";
};

llvm::Error readVitKerasLayer(const JsonRef &layer, VitKerasFacts &facts) {
  llvm::Expected<JsonRef> name = layer.get("class_name"), config = layer.get("config");
  if (!name || !config)
    return llvm::joinErrors(name.takeError(), config.takeError());
  llvm::Expected<std::string> kind = name->asString();
  if (!kind)
    return kind.takeError();
  if (llvm::StringRef(*kind).contains('>')) // "Custom>TransformerBlock", as registered
    kind = llvm::StringRef(*kind).rsplit('>').second.str();
  if (*kind == "InputLayer") {
    std::optional<JsonRef> shape = config->findValue("batch_shape");
    if (!shape)
      shape = config->findValue("batch_input_shape");
    if (!shape)
      return config->expected("an input with a batch_shape");
    llvm::Expected<std::vector<JsonRef>> extents = shape->asArray(4);
    if (!extents)
      return extents.takeError();
    if (extents->size() != 4)
      return shape->expected("[batch, height, width, channels]");
    llvm::Expected<int64_t> height = (*extents)[1].asInteger(1, maxParsedSize);
    if (!height)
      return height.takeError();
    llvm::Expected<int64_t> width = (*extents)[2].asInteger(1, maxParsedSize);
    if (!width)
      return width.takeError();
    facts.inputSize = {*height, *width};
  } else if (*kind == "TransformerBlock") {
    llvm::Expected<JsonRef> heads = config->get("num_heads");
    if (!heads)
      return heads.takeError();
    llvm::Expected<int64_t> count = heads->asInteger(1, maxParsedSize);
    if (!count)
      return count.takeError();
    if (facts.heads != 0 && facts.heads != *count)
      return heads->error(fmt::format("expected {} as in the block before, got {}", facts.heads, *count));
    facts.heads = *count;
  } else if (*kind == "Dense") {
    llvm::Expected<std::string> layerName = stringOr(*config, "name", ""),
                                activation = stringOr(*config, "activation", "linear");
    if (!layerName || !activation)
      return llvm::joinErrors(layerName.takeError(), activation.takeError());
    if (*layerName == "pre_logits")
      facts.preLogits = true;
    else
      facts.activation = *activation;
  }
  return llvm::Error::success();
}

llvm::Expected<VitKerasFacts> readVitKeras(const KerasFile &file) {
  VitKerasFacts facts;
  if (!file.config)
    return facts;
  llvm::Expected<JsonRef> config = file.config->root().get("config");
  if (!config)
    return config.takeError();
  llvm::Expected<JsonRef> layers = config->get("layers");
  if (!layers)
    return layers.takeError();
  llvm::Expected<std::vector<JsonRef>> list = layers->asArray(10000);
  if (!list)
    return list.takeError();
  for (const JsonRef &layer : *list)
    if (llvm::Error error = readVitKerasLayer(layer, facts))
      return std::move(error);
  return facts;
}

/// vit-keras builds Google's sizes only.
constexpr std::pair<int64_t, int64_t> headsOfWidth[] = {{768, 12}, {1024, 16}};

} // namespace

llvm::Expected<Imported> vitc::importKerasHub(KerasFile file, const ImportOptions &options) {
  return HubImporter(std::move(file), options).run();
}

llvm::Expected<Imported> vitc::importVitKeras(KerasFile file, const ImportOptions &options) {
  llvm::Expected<VitKerasFacts> facts = readVitKeras(file);
  if (!facts)
    return facts.takeError();
  Imported result;
  result.store = std::move(file.store);
  result.table = &vitKerasTable(facts->preLogits);
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, *result.table);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  startKerasConfig(result, "vit-keras");
  ModelConfig &config = result.checkpoint.config;
  if (facts->inputSize) {
    config.inputSize = *facts->inputSize;
  } else {
    llvm::Expected<Extent> size = kerasInputSize(result, options, result.tensors.extent("embed.pos", -2) - 1);
    if (!size)
      return size.takeError();
    config.inputSize = *size;
  }
  fillFromShapes(result.tensors, config);
  config.normEps = 1e-6; // written in the layers' code
  config.heads = facts->heads ? facts->heads : options.heads;
  for (auto [width, heads] : headsOfWidth)
    if (config.heads == 0 && config.width == width) {
      config.heads = heads;
      result.checkpoint.warnings.push_back(
          fmt::format("{}: no configuration says the number of heads; using {}, vit-keras's for width {} "
                      "(--heads says otherwise)",
                      result.store.path(), heads, width));
    }
  if (config.heads == 0 || config.width % config.heads != 0)
    return inputError("{}: expected --heads with a divisor of the width {}, which no tensor says, got {}",
                      result.store.path(), config.width, config.heads);
  config.headDim = config.width / config.heads;
  config.pos.resize = PosResize{"linear", false, true, "size"}; // scipy's zoom of order 1
  config.pool.kind = PoolKind::Cls;
  if (facts->activation != "linear")
    result.checkpoint.notes.push_back("the head's " + facts->activation +
                                      " is left out: the outputs are its logits");
  if (result.tensors.has("head.pre.w"))
    config.head.preLogits =
        PreLogits{result.tensors.extent("head.pre.w", 0), "tanh", result.tensors.has("head.pre.b")};
  if (result.tensors.has("head.main.w"))
    config.head.layers.push_back(
        {"main", "pooled", result.tensors.extent("head.main.w", 0), result.tensors.has("head.main.b")});
  if (config.channels ==
      3) { // vit_keras.vit.preprocess_inputs: x / 127.5 - 1, on a picture of the model's size
    ResizeStep resize;
    resize.size = config.inputSize;
    resize.impl = ResizeImpl::OpenCv;
    resize.antialias = false;
    config.preprocess = Preprocess{true, {resize, AffineStep{1 / 255.0, {.5, .5, .5}, {.5, .5, .5}}}};
    result.checkpoint.notes.push_back("preprocessing: the habit of vit-keras, no file says it");
  }
  return std::move(result);
}

std::vector<llvm::ArrayRef<KeyRule>> vitc::kerasKeys() {
  return {objectRules, backboneRules, classifierRules};
}
