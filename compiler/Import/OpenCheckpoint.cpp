//===- OpenCheckpoint.cpp - from a path to a checkpoint ---------------------------------------------===//
#include "compiler/Import/BareWeights.h"
#include "compiler/Import/Importers.h"
#include "compiler/Import/Keras.h"
#include "compiler/Import/OnnxModel.h"
#include "compiler/Import/Overrides.h"
#include "compiler/Import/Presets.h"
#include "compiler/Import/SynsetLabels.h"
#include "compiler/Import/ZeroShot.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace vitc;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

/// A C identifier from the last component of a path: "models/vit-b.16/" -> "vit_b_16", without a file's
/// suffix.
std::string identifierFrom(llvm::StringRef model) {
  llvm::SmallString<256> real;
  if (fs::real_path(model, real))
    real = model;
  std::string name = (fs::is_directory(real) ? path::filename(real) : path::stem(real)).str();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  if (name.empty() || llvm::isDigit(name[0]) || name[0] == '_')
    name = "model_" + name;
  return name;
}

std::string join(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> result(directory);
  path::append(result, name);
  return std::string(result);
}

/// Names of the first files of a directory, for messages.
std::string listing(llvm::StringRef directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; it != end && !error && names.size() < 1000;
       it.increment(error))
    names.push_back(quoteForMessage(path::filename(it->path())));
  llvm::sort(names);
  if (error)
    return "a directory that cannot be listed: " + error.message();
  if (names.empty())
    return "an empty directory";
  size_t more = names.size() > 12 ? names.size() - 12 : 0;
  names.resize(names.size() - more);
  return llvm::join(names, ", ") + (more ? fmt::format(" and {} more", more) : "");
}

/// open_clip's description of a directory, or "".
std::string openClipConfig(llvm::StringRef directory) {
  for (const char *name : {"open_clip_config.json", "open_clip_model_cfg.json"})
    if (std::string file = join(directory, name); fs::exists(file))
      return file;
  return "";
}

/// A configuration says what --arch and --heads say of weights without one.
llvm::Error refuseArch(llvm::StringRef model, const ImportOptions &options) {
  if (options.arch.empty() && options.heads == 0)
    return llvm::Error::success();
  return makeError(ExitCode::Usage, "{}: --{} is for weights without a configuration, which this model has",
                   model.str(), options.arch.empty() ? "heads" : "arch");
}

llvm::Expected<Imported> importDirectory(llvm::StringRef model, const ImportOptions &options) {
  bool ours = fs::exists(join(model, "vit.json")), theirs = fs::exists(join(model, "config.json"));
  std::string clip = openClipConfig(model);
  bool wantsClip = llvm::StringRef(options.arch).split(':').first == "open_clip";
  if (ours && theirs)
    return inputError(
        "{}: expected either vit.json or config.json, got both; remove the one that does not count",
        model.str());
  if (!clip.empty() && (wantsClip || (!ours && !theirs))) {
    llvm::Expected<JsonDocument> config = JsonDocument::parseFile(clip);
    if (!config)
      return config.takeError();
    return importOpenClip(model, *config);
  }
  if (ours || theirs)
    if (llvm::Error error = refuseArch(model, options))
      return std::move(error);
  if (ours)
    return importVitJson(model);
  if (!theirs) {
    if (WeightStore::hasWeights(model)) {
      llvm::Expected<std::string> file = WeightStore::findFile(model);
      if (!file)
        return file.takeError();
      return isKerasFile(*file) ? importKeras(*file, options) : importBareWeights(model, options);
    }
    return inputError("{}: expected a model: vit.json, config.json of transformers or timm, or "
                      "open_clip_config.json, with weights, or weights alone; got {}",
                      model.str(), listing(model));
  }
  llvm::Expected<JsonDocument> config = JsonDocument::parseFile(join(model, "config.json"));
  if (!config)
    return config.takeError();
  JsonRef root = config->root();
  bool timm = root.find("architecture").has_value();
  bool wrapped = false; // transformers' TimmWrapper keeps timm's configuration
  if (std::optional<JsonRef> type = root.find("model_type"); type && type->isString())
    wrapped = llvm::cantFail(type->asString()) == "timm_wrapper";
  bool huggingFace = !wrapped && (root.find("architectures") || root.find("model_type"));
  if (timm && huggingFace)
    return root.error(
        "expected the keys of transformers ('architectures', 'model_type') or of timm ('architecture'), "
        "got both");
  if (isKerasConfig(root))
    return importKeras(model, options);
  if (timm)
    return importTimm(model, *config);
  if (huggingFace)
    return importHuggingFace(model, *config);
  llvm::SmallVector<std::string> keys;
  for (const auto &[key, value] : root.members())
    if (keys.size() < 12)
      keys.push_back("'" + quoteForMessage(key) + "'");
  return root.error(
      "expected the key 'architectures' or 'model_type' (transformers) or 'architecture' (timm), got " +
      (keys.empty() ? std::string("no keys") : llvm::join(keys, ", ")));
}

llvm::Error applyLabels(llvm::StringRef file, ModelConfig &config) {
  llvm::Expected<std::vector<std::string>> labels = readLabels(file);
  if (!labels)
    return labels.takeError();
  if (static_cast<int64_t>(labels->size()) != config.classes())
    return inputError("{}: expected {} lines, one label per class, got {}", file.str(), config.classes(),
                      labels->size());
  config.labels = std::move(*labels);
  return llvm::Error::success();
}

/// What a file is follows from its suffix, or from how it begins.
llvm::Expected<Imported> importFile(llvm::StringRef model, const ImportOptions &options) {
  llvm::Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(model);
  if (!file)
    return file.takeError();
  if (isKerasFile(model))
    return importKeras(model, options);
  if (!model.ends_with(".onnx") && !onnx::looksLikeOnnx((*file)->text()))
    return importBareWeights(model, options);
  if (llvm::Error error = refuseArch(model, options))
    return std::move(error);
  return importOnnx(model, options);
}

/// An error of validate(), whose message begins with the field, with what it is about: the field's place in a
/// vit.json, or the model.
llvm::Error locate(llvm::Error error, llvm::StringRef model, const std::optional<JsonDocument> &description) {
  return llvm::handleErrors(std::move(error), [&](const UserError &e) -> llvm::Error {
    auto [field, message] = llvm::StringRef(e.getMessage()).split(": ");
    bool named = llvm::all_of(
        field, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; }); // not "--option"
    if (description && named && !message.empty())
      return description->root().nearest(field).error(message);
    return makeError(e.getExitCode(), "{}: {}", model.str(), e.getMessage());
  });
}

/// What follows after every importer.
llvm::Expected<Checkpoint> finish(Imported imported, llvm::StringRef model, const ImportOptions &options) {
  Checkpoint &checkpoint = imported.checkpoint;
  if (checkpoint.config.name.empty())
    checkpoint.config.name = identifierFrom(model);
  if (llvm::Error error = overrideConfig(checkpoint.config, options))
    return std::move(error);
  if (llvm::Error error = validate(checkpoint.config))
    return locate(std::move(error), model, imported.description);
  llvm::Expected<std::vector<std::string>> supplied = supplyTensors(checkpoint, options);
  if (!supplied)
    return supplied.takeError();
  for (const auto &[name, file] : options.tensors)
    imported.tensors.slices.erase(name);
  if (llvm::Error error = bindTensors(checkpoint, imported.tensors, *imported.table, imported.store.path(),
                                      imported.description ? &*imported.description : nullptr))
    return std::move(error);
  llvm::append_range(checkpoint.notes, imported.store.notes());
  WeightStore::Scan scan = imported.store.scan();
  checkpoint.weightsHash = combinedHash(scan.hash, *supplied);
  if (checkpoint.config.source.hash.empty() || !supplied->empty())
    checkpoint.config.source.hash = checkpoint.weightsHash;
  for (const std::string &name : scan.nonFinite)
    checkpoint.warnings.push_back(
        fmt::format("{}: tensor '{}' holds NaN or infinity", imported.store.path(), quoteForMessage(name)));
  return std::move(imported.checkpoint);
}

/// What follows for a preset, whose tensors are complete and whose description is valid.
llvm::Expected<Checkpoint> finishPreset(llvm::Expected<Checkpoint> checkpoint, const ImportOptions &options) {
  if (!checkpoint)
    return checkpoint;
  if (llvm::Error error = overrideConfig(checkpoint->config, options))
    return std::move(error);
  if (llvm::Error error = validate(checkpoint->config))
    return std::move(error);
  llvm::Expected<std::vector<std::string>> supplied = supplyTensors(*checkpoint, options);
  if (!supplied)
    return supplied.takeError();
  checkpoint->weightsHash = combinedHash(checkpoint->weightsHash, *supplied);
  if (!supplied->empty())
    checkpoint->config.source.hash = checkpoint->weightsHash;
  return checkpoint;
}

} // namespace

llvm::Expected<std::vector<std::string>> vitc::readLabels(llvm::StringRef file) {
  llvm::Expected<std::string> text = readTextFile(file, 16u << 20);
  if (!text)
    return text.takeError();
  if (isMatFile(*text))
    return readSynsetLabels(*text, file);
  if (!llvm::json::isUTF8(*text))
    return inputError("{}: expected UTF-8 text", file.str());
  llvm::StringRef rest = *text;
  rest.consume_front("\xef\xbb\xbf");
  std::vector<std::string> labels;
  while (!rest.empty()) {
    auto [line, tail] = rest.split('\n');
    line.consume_back("\r");
    labels.push_back(line.str());
    rest = tail;
  }
  return labels;
}

llvm::Expected<Checkpoint> vitc::openCheckpoint(llvm::StringRef model, const ImportOptions &given) {
  ImportOptions options = given;
  for (auto &[name, file] : options.tensors) // "cls" for "embed.cls"
    if (name == "cls" || name == "dist" || name == "reg" || name == "pos")
      name.insert(0, "embed.");
  auto open = [&]() -> llvm::Expected<Checkpoint> {
    llvm::StringRef preset = model;
    if (preset.consume_front("preset:"))
      return finishPreset(openPreset(preset), options);
    fs::file_status status;
    if (std::error_code error = fs::status(model, status)) {
      bool missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
      return makeError(missing ? ExitCode::Input : ExitCode::Environment,
                       "{}: expected a model directory or preset:NAME: {}", model.str(), error.message());
    }
    bool directory = status.type() == fs::file_type::directory_file;
    llvm::Expected<Imported> imported =
        directory ? importDirectory(model, options) : importFile(model, options);
    if (!imported)
      return imported.takeError();
    return finish(std::move(*imported), model, options);
  };
  llvm::Expected<Checkpoint> checkpoint = open();
  if (checkpoint && !options.zeroShotPath.empty())
    if (llvm::Error error = useClassEmbeddings(*checkpoint, options.zeroShotPath))
      return std::move(error);
  if (checkpoint && !options.outputs.empty())
    checkpoint->config.outputs = options.outputs;
  if (checkpoint && !options.more.empty()) {
    std::vector<OutputSpec> outputs = checkpoint->config.givenOutputs();
    for (const OutputSpec &output : options.more)
      if (!llvm::is_contained(outputs, output))
        outputs.push_back(output);
    checkpoint->config.outputs = std::move(outputs);
  }
  if (checkpoint && (!options.outputs.empty() || !options.more.empty() || !options.zeroShotPath.empty()))
    if (llvm::Error error = validate(checkpoint->config))
      return std::move(error);
  if (checkpoint && !options.labelsPath.empty())
    if (llvm::Error error = applyLabels(options.labelsPath, checkpoint->config))
      return std::move(error);
  return checkpoint;
}
