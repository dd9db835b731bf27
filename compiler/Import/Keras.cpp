//===- Keras.cpp - which of Keras's models a file holds ---------------------------------------------===//
#include "compiler/Import/Keras.h"
#include "compiler/Import/KerasParts.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

bool hasTensor(const WeightStore &store, llvm::StringRef part) {
  return llvm::any_of(store.tensors(),
                      [&](const auto &entry) { return llvm::StringRef(entry.first).contains(part); });
}

// ---- weights of plain layers, without a graph
// -----------------------------------------------------------------

/// Layers in the model's order, as far as a file shows it: numbered containers keep it within each class
/// only.
struct PlainLayers {
  std::vector<KerasVariables> convolutions, norms, denses;
  llvm::Error add(const KerasFile &file, llvm::StringRef layer);
};

llvm::Error PlainLayers::add(const KerasFile &file, llvm::StringRef layer) {
  KerasVariables variables = file.variables(layer);
  if (variables.empty())
    return llvm::Error::success();
  size_t rank = variables[0]->shape.size();
  std::vector<KerasVariables> *list = rank == 4                            ? &convolutions
                                      : rank == 2                          ? &denses
                                      : rank == 1 && variables.size() == 2 ? &norms
                                                                           : nullptr;
  if (!list || variables.size() > 2)
    return inputError(
        "{}: layer '{}': expected a convolution, a dense layer or a normalization, got {} variables, "
        "the first of {} dimensions",
        file.store.path(), quoteForMessage(layer), variables.size(), rank);
  list->push_back(std::move(variables));
  return llvm::Error::success();
}

/// Containers of the numbered form: "dense", "dense_1", ... in order within their class.
std::vector<std::string> containers(const WeightStore &store) {
  std::vector<std::tuple<std::string, int64_t, std::string>> found;
  for (const auto &[name, raw] : store.tensors()) {
    llvm::StringRef rest = name;
    if (!rest.consume_front("layers/") && !rest.consume_front("_layer_checkpoint_dependencies/"))
      continue;
    auto [container, variable] = rest.split('/');
    if (variable != "vars/0")
      continue;
    auto [stem, number] = container.rsplit('_');
    int64_t index = 0;
    if (number.empty() || number.getAsInteger(10, index))
      stem = container;
    found.emplace_back(stem.str(), index, container.str());
  }
  llvm::sort(found);
  std::vector<std::string> result;
  for (auto &[stem, index, container] : found)
    result.push_back(std::move(container));
  return result;
}

/// Sizes that Vision Transformers have.
constexpr std::pair<int64_t, int64_t> headsOfWidth[] = {
    {192, 3}, {384, 6}, {768, 12}, {1024, 16}, {1280, 16}};

class SequenceImporter {
public:
  SequenceImporter(KerasFile file, const ImportOptions &options) : file(std::move(file)), options(options) {}
  llvm::Expected<Imported> run();

private:
  llvm::Error findLayers();
  llvm::Error readSize();
  llvm::Error readHeads();
  void warn(const std::string &text) {
    result.checkpoint.warnings.push_back(fmt::format("{}: {}", result.store.path(), text));
  }

  KerasFile file;
  const ImportOptions &options;
  Imported result;
  KerasParts parts;
};

llvm::Error SequenceImporter::findLayers() {
  PlainLayers layers;
  std::vector<std::string> names;
  if (file.numbered)
    names = containers(file.store);
  else
    for (const auto &[name, variables] : file.layers)
      names.push_back(name);
  for (const std::string &name : names)
    if (llvm::Error error = layers.add(file, name))
      return error;
  size_t depth = layers.norms.size() / 2, denses = layers.denses.size();
  if (layers.convolutions.size() != 1 || layers.norms.size() % 2 == 0 || depth == 0 || denses < 4 * depth ||
      denses > 4 * depth + 2)
    return inputError(
        "{}: expected the layers of a Vision Transformer in Keras (one convolution, 2 n + 1 "
        "normalizations, 4 n to 4 n + 2 dense layers: qkv, out, fc1, fc2, and heads), got {}, {} and {}; "
        "a whole-model file (.keras, or .h5 by model.save) says more",
        file.store.path(), layers.convolutions.size(), layers.norms.size(), denses);
  parts.patch = layers.convolutions[0];
  parts.finalNorm = layers.norms.back();
  int64_t width = parts.patch[0]->shape[3];
  for (size_t i = 0; i < depth; ++i) {
    KerasParts::Block block{layers.norms[2 * i],     layers.denses[4 * i],     layers.denses[4 * i + 1],
                            layers.norms[2 * i + 1], layers.denses[4 * i + 2], layers.denses[4 * i + 3]};
    auto check = [&](const KerasVariables &layer, int64_t in, int64_t out) -> llvm::Error {
      const RawTensor &kernel = *layer[0];
      if (kernel.shape[0] == in && kernel.shape[1] == out)
        return llvm::Error::success();
      return inputError("{}: tensor '{}': expected shape [{}, {}] for block {}, got [{}, {}]",
                        file.store.path(), quoteForMessage(kernel.name), in, out, i, kernel.shape[0],
                        kernel.shape[1]);
    };
    int64_t hidden = block.fc1[0]->shape[1];
    for (auto [layer, in, out] :
         {std::tuple(&block.qkv, width, 3 * width), std::tuple(&block.out, width, width),
          std::tuple(&block.fc1, width, hidden), std::tuple(&block.fc2, hidden, width)})
      if (llvm::Error error = check(*layer, in, out))
        return error;
    parts.blocks.push_back(std::move(block));
  }
  if (denses == 4 * depth + 2)
    parts.preLogits = layers.denses[4 * depth];
  if (denses > 4 * depth)
    parts.head = layers.denses.back();
  return llvm::Error::success();
}

/// From --image-size, or from positions that --tensor supplies.
llvm::Error SequenceImporter::readSize() {
  ModelConfig &config = result.checkpoint.config;
  if (options.imageSize) {
    config.inputSize = *options.imageSize;
    return llvm::Error::success();
  }
  config.inputSize = {224, 224};
  auto supplied =
      llvm::find_if(options.tensors, [](const auto &entry) { return entry.first == "embed.pos"; });
  if (supplied == options.tensors.end())
    return llvm::Error::success(); // assembleKeras() complains about the positions
  llvm::Expected<WeightStore> store = WeightStore::open(supplied->second);
  if (!store)
    return store.takeError();
  if (store->tensors().empty() || store->tensors().begin()->second.shape.size() < 2)
    return inputError("{}: expected positions of shape [1, tokens, width]", supplied->second);
  llvm::ArrayRef<int64_t> shape = store->tensors().begin()->second.shape;
  llvm::Expected<Extent> size = kerasInputSize(result, options, shape[shape.size() - 2] - 1);
  if (!size)
    return size.takeError();
  config.inputSize = *size;
  return llvm::Error::success();
}

llvm::Error SequenceImporter::readHeads() {
  ModelConfig &config = result.checkpoint.config;
  config.heads = options.heads;
  for (auto [width, heads] : headsOfWidth)
    if (config.heads == 0 && config.width == width) {
      config.heads = heads;
      warn(fmt::format(
          "no tensor says the number of heads; using {}, as known models of width {} (--heads says "
          "otherwise)",
          heads, width));
    }
  if (config.heads == 0 || config.width % config.heads != 0)
    return inputError("{}: expected --heads with a divisor of the width {}, which no tensor says, got {}",
                      result.store.path(), config.width, config.heads);
  config.headDim = config.width / config.heads;
  return llvm::Error::success();
}

llvm::Expected<Imported> SequenceImporter::run() {
  if (llvm::Error error = findLayers())
    return std::move(error);
  result.store = std::move(file.store);
  startKerasConfig(result, "Keras");
  ModelConfig &config = result.checkpoint.config;
  config.patch.pad = PatchPad::Same;
  config.normEps = 1e-6;
  // The size of the patch, which the size of the input may follow from.
  if (llvm::Error error = addCanonical(result.store, *parts.patch[0], {"", "embed.patch.{p}", Layout::Hwio},
                                       std::nullopt, false, result.tensors))
    return std::move(error);
  if (llvm::Error error = readSize())
    return std::move(error);
  result.tensors.slices.clear();
  if (llvm::Error error = assembleKeras(result, parts, options))
    return std::move(error);
  if (llvm::Error error = readHeads())
    return std::move(error);
  if (!options.normEps)
    warn("no configuration says the epsilon of the norms; using 1e-6 (--norm-eps says otherwise)");
  result.checkpoint.notes.push_back(
      "no configuration: read as blocks of norm, qkv, softmax(q k / sqrt(d)) v, out and "
      "norm, fc1, GELU (erf), fc2; patches padded as TensorFlow's 'same'; class token");
  return std::move(result);
}

} // namespace

llvm::Expected<Imported> vitc::importKerasSequence(KerasFile file, const ImportOptions &options) {
  return SequenceImporter(std::move(file), options).run();
}

bool vitc::isKerasConfig(const JsonRef &config) {
  return config.find("class_name").has_value() && config.find("config").has_value();
}

llvm::Expected<Imported> vitc::importKeras(llvm::StringRef model, const ImportOptions &options) {
  llvm::Expected<KerasFile> opened = openKeras(model);
  if (!opened)
    return opened.takeError();
  KerasFile file = std::move(*opened);
  if (!options.arch.empty() || (options.heads != 0 && file.config))
    return makeError(ExitCode::Usage, "{}: --{} is for {} without a configuration", model.str(),
                     options.arch.empty() ? "heads" : "arch",
                     options.arch.empty() ? "weights" : "weights of other libraries than Keras");
  // The layers' own names, in both forms.
  bool hub = hasTensor(file.store, "vit_encoder/") || hasTensor(file.store, "vi_t_encoder/");
  bool vitKeras =
      hasTensor(file.store, "encoderblock_") || hasTensor(file.store, "layers/transformer_block/att/");
  if (hub)
    return importKerasHub(std::move(file), options);
  if (vitKeras)
    return importVitKeras(std::move(file), options);
  if (file.config)
    return importKerasGraph(std::move(file), options);
  return importKerasSequence(std::move(file), options);
}
