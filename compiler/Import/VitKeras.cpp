//===- VitKeras.cpp - models of vit-keras -----------------------------------------------------------===//
//
// Source: vit_keras/{vit,layers,utils}.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Keras.h"
#include "compiler/Import/KerasNames.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

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
