//===- OpenCheckpoint.cpp - from a path to a checkpoint ---------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/Presets.h"
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

/// A C identifier from the last component of a path: "models/vit-b.16/" -> "vit_b_16".
std::string identifierFrom(llvm::StringRef model) {
  llvm::SmallString<256> real;
  if (fs::real_path(model, real))
    real = model;
  std::string name = path::filename(real).str();
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

llvm::Expected<Imported> importDirectory(llvm::StringRef model) {
  bool ours = fs::exists(join(model, "vit.json")), theirs = fs::exists(join(model, "config.json"));
  if (ours && theirs)
    return inputError(
        "{}: expected either vit.json or config.json, got both; remove the one that does not count",
        model.str());
  if (ours)
    return importVitJson(model);
  if (!theirs)
    return inputError("{}: expected a model: vit.json, or config.json of transformers or timm, with "
                      "model.safetensors; got {}",
                      model.str(), listing(model));
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

/// What follows after every importer.
llvm::Expected<Checkpoint> finish(Imported imported, llvm::StringRef model) {
  Checkpoint &checkpoint = imported.checkpoint;
  if (checkpoint.config.name.empty())
    checkpoint.config.name = identifierFrom(model);
  if (llvm::Error error = validate(checkpoint.config))
    return llvm::handleErrors(std::move(error), [&](const UserError &e) {
      return makeError(e.getExitCode(), "{}: {}", model.str(), e.getMessage());
    });
  if (llvm::Error error = bindTensors(checkpoint, imported.tensors, *imported.table, imported.store.path()))
    return std::move(error);
  WeightStore::Scan scan = imported.store.scan();
  checkpoint.weightsHash = scan.hash;
  if (checkpoint.config.source.hash.empty())
    checkpoint.config.source.hash = scan.hash;
  for (const std::string &name : scan.nonFinite)
    checkpoint.warnings.push_back(
        fmt::format("{}: tensor '{}' holds NaN or infinity", imported.store.path(), quoteForMessage(name)));
  return std::move(imported.checkpoint);
}

} // namespace

llvm::Expected<std::vector<std::string>> vitc::readLabels(llvm::StringRef file) {
  llvm::Expected<std::string> text = readTextFile(file, 16u << 20);
  if (!text)
    return text.takeError();
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

llvm::Expected<Checkpoint> vitc::openCheckpoint(llvm::StringRef model, const ImportOptions &options) {
  auto open = [&]() -> llvm::Expected<Checkpoint> {
    llvm::StringRef preset = model;
    if (preset.consume_front("preset:"))
      return openPreset(preset);
    fs::file_status status;
    if (std::error_code error = fs::status(model, status)) {
      bool missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
      return makeError(missing ? ExitCode::Input : ExitCode::Environment,
                       "{}: expected a model directory or preset:NAME: {}", model.str(), error.message());
    }
    if (status.type() != fs::file_type::directory_file)
      return inputError("{}: expected the directory that holds the model, got a file; try {}", model.str(),
                        path::parent_path(model).empty() ? "." : path::parent_path(model).str());
    llvm::Expected<Imported> imported = importDirectory(model);
    if (!imported)
      return imported.takeError();
    return finish(std::move(*imported), model);
  };
  llvm::Expected<Checkpoint> checkpoint = open();
  if (checkpoint && !options.labelsPath.empty())
    if (llvm::Error error = applyLabels(options.labelsPath, checkpoint->config))
      return std::move(error);
  return checkpoint;
}
