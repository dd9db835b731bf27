//===- HuggingFace.cpp - directories written by transformers ----------------------------------------===//
//
// Reads config.json and tensors of any family of HuggingFaceFamilies.h.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/HuggingFaceFamilies.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;
using namespace vitc::hf;

namespace {

/// transformers/activations.py, ACT2FN.
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

const std::pair<const char *, Activation> *findActivation(llvm::StringRef name) {
  return llvm::find_if(activations, [&](const auto &a) { return name == a.first; });
}
std::string knownActivations() {
  llvm::SmallVector<llvm::StringRef> known;
  for (const auto &[name, value] : activations)
    known.push_back(name);
  return llvm::join(known, ", ");
}

/// The size of the pictures that `preprocess` makes, where it says one.
std::optional<Extent> sizeAfter(const Preprocess &preprocess) {
  std::optional<Extent> size;
  for (const PreprocessStep &step : preprocess.steps) {
    if (const auto *crop = std::get_if<CenterCropStep>(&step))
      size = crop->size;
    if (const auto *resize = std::get_if<ResizeStep>(&step); resize && resize->mode == ResizeMode::Squash)
      size = resize->size;
  }
  return size;
}

class Importer {
public:
  Importer(llvm::StringRef directory, const JsonDocument &document, Imported &result)
      : directory(directory), root(document.root()), result(result), config(result.checkpoint.config) {}
  llvm::Error run();

private:
  llvm::Error chooseClass();
  llvm::Error chooseClassByTensors(llvm::StringRef modelType);
  llvm::Expected<JsonRef> pictureConfig();
  llvm::Error checkAllKeys(const JsonRef &picture);
  llvm::Error renameTensors();
  llvm::Error readSizes(Reader &reader);
  llvm::Error readNumerics(Reader &reader);
  llvm::Error readTail(Reader &reader);
  llvm::Error readLabels();
  llvm::Error readPreprocessing();
  void reportDefaults(const Reader &reader);

  llvm::StringRef directory;
  JsonRef root;
  Imported &result;
  ModelConfig &config;
  const ModelClass *modelClass = nullptr;
};

std::string refusal(const ModelClass &modelClass) {
  return fmt::format("{} is not supported: {}", modelClass.name, modelClass.note);
}

llvm::Error Importer::chooseClass() {
  std::vector<std::string> names;
  if (std::optional<JsonRef> list = root.findValue("architectures")) {
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
  llvm::Expected<std::string> type = stringOr(root, "model_type", "");
  if (!type)
    return type.takeError();
  if (names.empty())
    return chooseClassByTensors(*type);

  llvm::SmallVector<llvm::StringRef> known;
  for (const ModelClass &candidate : modelClasses())
    if (candidate.family)
      known.push_back(candidate.name);
  modelClass =
      llvm::find_if(modelClasses(), [&](const ModelClass &c) { return llvm::is_contained(names, c.name); });
  if (modelClass == modelClasses().end())
    return root.get("architectures")
        ->error(fmt::format("expected one of {}, got {}{}", llvm::join(known, ", "),
                            quoteForMessage(llvm::join(names, ", ")), didYouMean(names[0], known)));
  if (!modelClass->family)
    return root.get("architectures")->error(refusal(*modelClass));
  if (!type->empty() && *type != modelClass->modelType)
    return root.get("model_type")
        ->expected(fmt::format("'{}' for {}", modelClass->modelType, modelClass->name));
  return llvm::Error::success();
}

llvm::Error Importer::chooseClassByTensors(llvm::StringRef modelType) {
  const auto &tensors = result.store.tensors();
  modelClass = llvm::find_if(modelClasses(), [&](const ModelClass &c) {
    return modelType == c.modelType && (!c.marker || tensors.count(c.marker));
  });
  if (modelClass == modelClasses().end()) {
    llvm::SmallVector<llvm::StringRef> types;
    for (const ModelClass &candidate : modelClasses())
      if (candidate.family && !llvm::is_contained(types, candidate.modelType))
        types.push_back(candidate.modelType);
    return root.error(fmt::format("expected 'architectures', or a 'model_type' of '{}', got model_type '{}'",
                                  llvm::join(types, "', '"), quoteForMessage(modelType)));
  }
  if (!modelClass->family)
    return root.error(refusal(*modelClass));
  result.checkpoint.notes.push_back(fmt::format("class: {} (from model_type and tensors)", modelClass->name));
  return llvm::Error::success();
}

/// The object with the picture model's keys.
llvm::Expected<JsonRef> Importer::pictureConfig() {
  if (!modelClass->composite)
    return root;
  // An older spelling, which transformers lets win.
  std::optional<JsonRef> picture = root.findValue("vision_config_dict");
  if (!picture) {
    llvm::Expected<JsonRef> value = root.get("vision_config");
    if (!value)
      return value.takeError();
    picture = *value;
  }
  if (llvm::Error error = picture->expectObject())
    return std::move(error);
  llvm::Expected<std::string> type = stringOr(*picture, "model_type", "");
  if (!type)
    return type.takeError();
  std::string wanted = std::string(modelClass->modelType) + "_vision_model";
  if (!type->empty() && *type != wanted)
    return picture->get("model_type")->expected(fmt::format("'{}' for {}", wanted, modelClass->name));
  return *picture;
}

llvm::Error Importer::checkAllKeys(const JsonRef &picture) {
  const Family &family = *modelClass->family;
  llvm::SmallVector<KeyRule, 128> rules(commonKeys().begin(), commonKeys().end());
  rules.append(family.keys.begin(), family.keys.end());
  if (llvm::Error error = checkKeys(picture, rules, fmt::format("a {} configuration", family.name)))
    return error;
  if (!modelClass->composite)
    return llvm::Error::success();
  rules.assign(commonKeys().begin(), commonKeys().end());
  rules.append(compositeKeys().begin(), compositeKeys().end());
  return checkKeys(root, rules, fmt::format("a {} configuration of pictures and texts", family.name));
}

llvm::Error Importer::renameTensors() {
  const NameTable &table = *modelClass->family->names;
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, table, modelClass->ignored);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  result.table = &table;
  // A model with no register tokens stores them nevertheless.
  auto &slices = result.tensors.slices;
  if (auto empty = slices.find("embed.reg"); empty != slices.end() && empty->second.raw->elements == 0) {
    result.tensors.ignored.push_back(quoteForMessage(empty->second.raw->name) + " (empty)");
    slices.erase(empty);
  }
  if (!result.tensors.has("embed.patch.w"))
    return inputError("{}: expected a tensor '{}', which is missing", result.store.path(),
                      sourceNameOf(table, "embed.patch.w"));
  return llvm::Error::success();
}

llvm::Error Importer::readSizes(Reader &reader) {
  const Family &family = *modelClass->family;
  if (std::optional<JsonRef> size = reader.json.findValue("image_size")) {
    llvm::Expected<Extent> extent = readExtent(*size);
    if (!extent)
      return extent.takeError();
    config.inputSize = *extent;
  } else {
    config.inputSize = {family.imageSize, family.imageSize};
    reader.defaulted("image_size", std::to_string(family.imageSize));
  }
  fillFromShapes(result.tensors, config);
  config.norm = family.norm; // a lost bias must not make another norm of it
  if (std::optional<JsonRef> size = reader.json.findValue("patch_size")) {
    llvm::Expected<Extent> extent = readExtent(*size);
    if (!extent)
      return extent.takeError();
    if (*extent != config.patch.size)
      return size->error(fmt::format("expected {}x{}, the shape of the patch embedding's weight, got {}x{}",
                                     config.patch.size.height, config.patch.size.width, extent->height,
                                     extent->width));
  }
  for (const Size &size : sizeKeys())
    if (llvm::Error error = reader.compare(size.key, size.of(config), reader.sourceName(size.tensor)))
      return error;
  for (const Presence &presence : family.presences)
    if (llvm::Error error = reader.compare(presence))
      return error;

  llvm::Expected<int64_t> heads = reader.integer("num_attention_heads", family.heads);
  if (!heads)
    return heads.takeError();
  config.heads = *heads;
  if (reader.json.findValue("head_dim")) {
    llvm::Expected<int64_t> headDim = reader.integer("head_dim", 0);
    if (!headDim)
      return headDim.takeError();
    config.headDim = *headDim;
    return llvm::Error::success();
  }
  if (config.width % config.heads != 0)
    return inputError("{}: num_attention_heads: expected a divisor of the width {}, got {}", root.file(),
                      config.width, config.heads);
  config.headDim = config.width / config.heads;
  return llvm::Error::success();
}

llvm::Error Importer::readNumerics(Reader &reader) {
  const Family &family = *modelClass->family;
  llvm::Expected<double> eps = reader.number(family.epsKey, family.eps);
  if (!eps)
    return eps.takeError();
  config.normEps = *eps;
  config.pos.resize = config.pos.kind == PosKind::None ? std::nullopt : std::optional(family.resize);
  if (config.relBias != RelBiasKind::None) {
    config.relBiasResize = RelBiasResize::Linear;
    config.relBiasGrid.reset(); // a table is of the configuration's size
  }

  llvm::Expected<std::string> act = reader.string("hidden_act", family.activation);
  if (!act)
    return act.takeError();
  const auto *entry = findActivation(*act);
  if (entry == std::end(activations))
    return reader.json.get("hidden_act")->expected("one of " + knownActivations());
  config.block.mlp.act = entry->second;
  return llvm::Error::success();
}

llvm::Error Importer::readTail(Reader &reader) {
  config.finalNorm = reader.tail.norm;
  config.pool.kind = reader.tail.pool;
  if (config.pool.kind == PoolKind::Map && !reader.has("pool.probe"))
    config.pool.kind = PoolKind::None; // saved without the pooling head
  auto layer = [&](const char *name, const char *from) {
    std::string tensor = std::string("head.") + name;
    config.head.layers.push_back(
        {name, from, result.tensors.extent(tensor + ".w", 0), reader.has(tensor + ".b")});
  };
  auto preLogits = [&](std::string act) {
    config.head.preLogits =
        PreLogits{result.tensors.extent("head.pre.w", 0), std::move(act), reader.has("head.pre.b")};
    return config.head.preLogits->out;
  };
  switch (reader.tail.head) {
  case Head::None:
    return llvm::Error::success();
  case Head::Pooler: {
    if (!reader.has("head.pre.w"))
      return llvm::Error::success(); // saved with add_pooling_layer=False
    llvm::Expected<std::string> act = stringOr(reader.json, "pooler_act", "tanh");
    if (!act)
      return act.takeError();
    if (const auto *entry = findActivation(*act); entry != std::end(activations))
      *act = nameOf(entry->second);
    else if (*act != "tanh")
      return reader.json.get("pooler_act")->expected("tanh, or one of " + knownActivations());
    return reader.compare("pooler_output_size", preLogits(*act), reader.sourceName("head.pre.w"));
  }
  case Head::Projection: {
    if (!reader.has("head.pre.w"))
      return inputError("{}: expected a tensor '{}', which is missing", result.store.path(),
                        reader.sourceName("head.pre.w"));
    result.checkpoint.notes.push_back("pooled: the embedding of the picture, not normalised to length 1");
    // Of the whole model where there is one, else the picture model's own.
    return Reader(root, result)
        .compare("projection_dim", preLogits("identity"), reader.sourceName("head.pre.w"));
  }
  case Head::Classifier:
    layer("main", "pooled");
    break;
  case Head::Teacher:
    layer("main", "cls");
    layer("dist", "dist");
    config.head.combine = HeadCombine::Mean;
    break;
  }
  for (const HeadLayer &head : config.head.layers)
    if (head.out == 0)
      return inputError("{}: expected a tensor '{}', which is missing", result.store.path(),
                        reader.tail.head == Head::Classifier ? "classifier.weight"
                        : head.name == "main"                ? "cls_classifier.weight"
                                                             : "distillation_classifier.weight");
  return readLabels();
}

llvm::Error Importer::readLabels() {
  std::optional<JsonRef> map = root.findValue("id2label");
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

llvm::Error Importer::readPreprocessing() {
  llvm::Expected<std::string> version = stringOr(root, "transformers_version", "");
  if (!version)
    return version.takeError();
  int major = 0;
  llvm::StringRef(*version).consumeInteger(10, major);
  if (llvm::Error error = importHuggingFacePreprocess(directory, major, result.checkpoint))
    return error;
  if (!modelClass->family->anySize || !config.preprocess)
    return llvm::Error::success();
  // The processor's size is the one that users run: facebook/dinov2-base holds a table for 518 pixels and a
  // processor that cuts out 224.
  Extent made = sizeAfter(*config.preprocess).value_or(config.inputSize);
  if (made == config.inputSize)
    return llvm::Error::success();
  result.checkpoint.notes.push_back(
      fmt::format("input size: {}x{}, which the image processor makes; the model's own is {}x{}", made.height,
                  made.width, config.inputSize.height, config.inputSize.width));
  config.inputSize = made;
  return llvm::Error::success();
}

void Importer::reportDefaults(const Reader &reader) {
  if (reader.defaults.empty())
    return;
  // The published configurations of composite models leave most of a part's keys out; at the root a missing
  // key says that somebody else wrote the file.
  if (modelClass->composite)
    result.checkpoint.notes.push_back(fmt::format("{}: missing keys take the class's defaults: {}",
                                                  reader.json.where(), llvm::join(reader.defaults, ", ")));
  else
    for (llvm::StringRef entry : reader.defaults) {
      auto [key, value] = entry.split(' ');
      result.checkpoint.warnings.push_back(fmt::format(
          "{}: '{}' is missing; using {}, the default of the class", root.file(), key.str(), value.str()));
    }
}

llvm::Error Importer::run() {
  llvm::Expected<WeightStore> store = WeightStore::openDirectory(directory);
  if (!store)
    return store.takeError();
  result.store = std::move(*store);
  if (llvm::Error error = chooseClass())
    return error;
  llvm::Expected<JsonRef> picture = pictureConfig();
  if (!picture)
    return picture.takeError();
  if (llvm::Error error = checkAllKeys(*picture))
    return error;
  if (llvm::Error error = renameTensors())
    return error;
  config.source.library = "transformers";
  config.source.arch = modelClass->name;
  if (modelClass->note)
    result.checkpoint.notes.push_back(modelClass->note);

  Reader reader(*picture, result);
  reader.tail = modelClass->tail;
  if (llvm::Error error = readSizes(reader))
    return error;
  if (llvm::Error error = readNumerics(reader))
    return error;
  if (modelClass->family->readMore)
    if (llvm::Error error = modelClass->family->readMore(reader))
      return error;
  if (llvm::Error error = readTail(reader))
    return error;
  reportDefaults(reader);
  return readPreprocessing();
}

} // namespace

std::vector<llvm::ArrayRef<KeyRule>> vitc::huggingFaceKeys() {
  std::vector<llvm::ArrayRef<KeyRule>> tables = {commonKeys(), compositeKeys()};
  for (const ModelClass &modelClass : modelClasses())
    if (modelClass.family)
      tables.push_back(modelClass.family->keys);
  return tables;
}

std::vector<llvm::StringRef> vitc::huggingFaceClasses() {
  std::vector<llvm::StringRef> names;
  for (const ModelClass &modelClass : modelClasses())
    if (modelClass.family)
      names.push_back(modelClass.name);
  return names;
}

llvm::Expected<Imported> vitc::importHuggingFace(llvm::StringRef directory, const JsonDocument &config) {
  Imported result;
  if (llvm::Error error = Importer(directory, config, result).run())
    return std::move(error);
  return result;
}
