//===- KerasHub.cpp - keras-hub's ViT ---------------------------------------------------------------===//
//
// Source: keras_hub/src/models/vit/{vit_backbone,vit_layers,vit_image_classifier}.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Keras.h"
#include "compiler/Import/KerasNames.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

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
  result.table = &kerasHubTable(preLogits);
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, *result.table);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  startKerasConfig(result, "keras-hub");
  if (llvm::Error error = backbone ? readBackbone() : guessBackbone())
    return std::move(error);
  if (llvm::Error error = readClassifier())
    return std::move(error);
  // Its image converters cut to the aspect ratio before they resize, which no step of a description says.
  result.checkpoint.notes.push_back("no preprocessing is known: the library takes normalised tensors only");
  return std::move(result);
}

} // namespace

llvm::Expected<Imported> vitc::importKerasHub(KerasFile file, const ImportOptions &options) {
  return HubImporter(std::move(file), options).run();
}

std::vector<llvm::ArrayRef<KeyRule>> vitc::kerasKeys() {
  return {objectRules, backboneRules, classifierRules};
}
