#include "compiler/Import/KerasFile.h"
#include "compiler/Import/Hdf5.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Zip.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace vitc;

namespace {

constexpr llvm::StringLiteral archivedWeights("model.weights.h5");

constexpr IgnoreRule ignoredTensors[] = {
    {"optimizer/*", "training state"},
    {"optimizer_weights/*", "training state"},
    {"_optimizer/*", "training state"},
    {"*seed_generator*", "state of dropout"},
};

/// Names the variables of a file of the older form by weight_names, and notes the order of layers.
class LegacyNames {
public:
  LegacyNames(Hdf5File &file, KerasFile &result) : file(file), result(result) {}
  llvm::Error run();

private:
  llvm::Expected<std::vector<std::string>> names(const std::string &object, llvm::StringRef attribute);
  Hdf5File &file;
  KerasFile &result;
};

/// An attribute that is one list, or cut into pieces because HDF5 bounds attributes.
llvm::Expected<std::vector<std::string>> LegacyNames::names(const std::string &object,
                                                            llvm::StringRef attribute) {
  std::vector<std::string> list;
  for (int piece = -1; piece < 1000; ++piece) {
    std::string name = piece < 0 ? attribute.str() : attribute.str() + std::to_string(piece);
    llvm::Expected<std::optional<std::vector<std::string>>> values = file.text(object, name);
    if (!values)
      return values.takeError();
    if (*values)
      llvm::append_range(list, **values);
    if (piece < 0 ? values->has_value() : !values->has_value())
      break;
  }
  return list;
}

llvm::Error LegacyNames::run() {
  std::string root = file.has("model_weights") ? "model_weights" : "";
  llvm::Expected<std::vector<std::string>> layerNames = names(root, "layer_names");
  if (!layerNames)
    return layerNames.takeError();
  std::map<std::string, std::string> renamed;
  for (const std::string &layer : *layerNames) {
    std::string group = root.empty() ? layer : root + "/" + layer;
    if (!file.has(group))
      return inputError("{}: expected a group for layer '{}' of layer_names, which is missing",
                        result.store.path(), quoteForMessage(layer));
    llvm::Expected<std::vector<std::string>> variables = names(group, "weight_names");
    if (!variables)
      return variables.takeError();
    auto &[name, tensors] = result.layers.emplace_back(layer, std::vector<std::string>());
    for (const std::string &variable : *variables) {
      std::string dataset = group + "/" + variable;
      if (!result.store.find(dataset))
        return inputError("{}: expected a dataset '{}' of layer '{}', which is missing", result.store.path(),
                          quoteForMessage(dataset), quoteForMessage(layer));
      llvm::StringRef plain = variable;
      plain.consume_back(":0");
      tensors.push_back(plain.str());
      renamed[dataset] = plain.str();
    }
  }
  return result.store.rename(renamed);
}

std::string inside(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> result(directory);
  llvm::sys::path::append(result, name);
  return std::string(result);
}

llvm::Error readArchiveConfig(std::shared_ptr<const ByteSource> file, KerasFile &result) {
  llvm::Expected<ZipArchive> archive = ZipArchive::open(file);
  if (!archive)
    return archive.takeError();
  const ZipEntry *entry = archive->find("config.json");
  if (!entry)
    return inputError("{}: expected an entry 'config.json', which is missing", file->path());
  JsonLimits limits;
  if (entry->size > limits.bytes)
    return inputError("{}: expected at most {} bytes, got {}", archive->describe(*entry), limits.bytes,
                      entry->size);
  llvm::Expected<ZipArchive::Data> data = archive->read(*entry);
  if (!data)
    return data.takeError();
  std::string text(data->bytes().begin(), data->bytes().end());
  llvm::Expected<JsonDocument> config = JsonDocument::parse(std::move(text), file->path() + "/config.json");
  if (!config)
    return config.takeError();
  result.config = std::move(*config);
  return llvm::Error::success();
}

llvm::Error readHdf5Names(std::shared_ptr<const ByteSource> source, KerasFile &result) {
  llvm::Expected<Hdf5File> file = Hdf5File::open(std::move(source));
  if (!file)
    return file.takeError();
  result.numbered = llvm::any_of(file->datasets(), [](const Hdf5Dataset &dataset) {
    return llvm::StringRef(dataset.name).contains("vars/");
  });
  if (!result.numbered)
    if (llvm::Error error = LegacyNames(*file, result).run())
      return error;
  llvm::Expected<std::optional<std::vector<std::string>>> config = file->text("", "model_config");
  if (!config)
    return config.takeError();
  if (!*config || (*config)->size() != 1)
    return llvm::Error::success();
  llvm::Expected<JsonDocument> document =
      JsonDocument::parse((*config)->front(), result.store.path() + "/model_config");
  if (!document)
    return document.takeError();
  result.config = std::move(*document);
  return llvm::Error::success();
}

} // namespace

const llvm::ArrayRef<IgnoreRule> vitc::kerasIgnored = ignoredTensors;

std::vector<const RawTensor *> KerasFile::variables(llvm::StringRef layer) const {
  std::vector<const RawTensor *> result;
  if (!numbered) {
    for (const auto &[name, tensors] : layers)
      if (name == layer)
        for (const std::string &tensor : tensors)
          result.push_back(store.find(tensor));
    return result;
  }
  for (llvm::StringRef root : {"layers", "_layer_checkpoint_dependencies"})
    for (size_t i = 0;; ++i) {
      const RawTensor *tensor = store.find(fmt::format("{}/{}/vars/{}", root.str(), layer.str(), i));
      if (!tensor)
        break;
      result.push_back(tensor);
    }
  return result;
}

bool vitc::isKerasFile(llvm::StringRef path) {
  llvm::Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file) {
    llvm::consumeError(file.takeError());
    return false;
  }
  if (Hdf5File::recognise((*file)->text()))
    return true;
  if (!ZipArchive::recognise((*file)->text()))
    return false;
  llvm::Expected<ZipArchive> archive = ZipArchive::open(*file);
  if (archive)
    return archive->find(archivedWeights) != nullptr;
  llvm::consumeError(archive.takeError());
  return false;
}

llvm::Expected<KerasFile> vitc::openKeras(llvm::StringRef path) {
  bool preset = llvm::sys::fs::is_directory(path);
  std::vector<std::string> files{path.str()};
  if (preset) {
    files = {inside(path, archivedWeights)};
    if (!llvm::sys::fs::exists(files[0]) && llvm::sys::fs::exists(inside(path, "model.weights.json")))
      return inputError(
          "{}: expected model.weights.h5, got model.weights.json: weights in several files are not read; "
          "save the preset with max_shard_size=None",
          path.str());
    if (std::string task = inside(path, "task.weights.h5"); llvm::sys::fs::exists(task))
      files.push_back(task);
  }
  llvm::Expected<WeightStore> store = WeightStore::openFiles(files);
  if (!store)
    return store.takeError();
  KerasFile result;
  result.store = std::move(*store);
  if (preset) {
    result.numbered = true;
    std::string task = inside(path, "task.json");
    llvm::Expected<JsonDocument> config = JsonDocument::parseFile(
        files.size() > 1 && llvm::sys::fs::exists(task) ? task : inside(path, "config.json"));
    if (!config)
      return config.takeError();
    result.config = std::move(*config);
    return result;
  }
  llvm::Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  bool archive = ZipArchive::recognise((*file)->text());
  result.numbered = archive;
  if (llvm::Error error = archive ? readArchiveConfig(*file, result) : readHdf5Names(*file, result))
    return std::move(error);
  return result;
}

std::string vitc::kerasSnakeCase(llvm::StringRef className) {
  // An underscore in front of a capital that a lower-case letter follows, or that follows one.
  std::string result;
  for (size_t i = 0; i < className.size(); ++i) {
    char c = className[i];
    bool starts =
        llvm::isUpper(c) && i > 0 &&
        (llvm::isLower(className[i - 1]) || (i + 1 < className.size() && llvm::isLower(className[i + 1])));
    if (starts)
      result += '_';
    result += llvm::toLower(c);
  }
  return result;
}
