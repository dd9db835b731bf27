//===- VitDirectory.cpp - directories with vit.json -------------------------------------------------===//
#include "compiler/Import/VitDirectory.h"
#include "compiler/Import/Importers.h"
#include "compiler/Import/Safetensors.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/OutputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <set>

using namespace vitc;

static std::string inDirectory(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> result(directory);
  llvm::sys::path::append(result, name);
  return std::string(result);
}

namespace {

/// The names of a description as a table that owns them: what it does not name is called canonically.
struct DescribedNames {
  explicit DescribedNames(ModelConfig &config)
      : names(std::move(config.tensorNames)), ignoredNames(config.ignored) {
    config.tensorNames.clear();
    for (const auto &[source, target] : names)
      rules.push_back({source.c_str(), target.c_str()});
    for (const std::string &pattern : ignoredNames)
      ignored.push_back({pattern.c_str(), "listed in vit.json"});
    table = {"vit.json", rules, {}, {}, torchParameters, {}, /*restIsCanonical=*/true};
  }
  DescribedNames(const DescribedNames &) = delete;

  std::vector<std::pair<std::string, std::string>> names;
  std::vector<std::string> ignoredNames;
  std::vector<NameRule> rules;
  std::vector<IgnoreRule> ignored;
  NameTable table;
};

} // namespace

llvm::Expected<Imported> vitc::importVitJson(llvm::StringRef directory) {
  std::string file = inDirectory(directory, "vit.json");
  llvm::Expected<JsonDocument> document = JsonDocument::parseFile(file);
  if (!document)
    return document.takeError();
  llvm::Expected<ModelConfig> config = parseVitJson(*document);
  if (!config)
    return config.takeError();
  if (!config->labelsFile.empty()) {
    if (llvm::sys::path::filename(config->labelsFile) != config->labelsFile || config->labelsFile == "..")
      return inputError("{}: labels: expected a plain file name beside vit.json, got '{}'", file,
                        quoteForMessage(config->labelsFile));
    llvm::Expected<std::vector<std::string>> labels = readLabels(inDirectory(directory, config->labelsFile));
    if (!labels)
      return labels.takeError();
    config->labels = std::move(*labels);
    config->labelsFile.clear();
  }
  llvm::Expected<WeightStore> store = WeightStore::openDirectory(directory);
  if (!store)
    return store.takeError();

  Imported result;
  result.store = std::move(*store);
  auto names = std::make_shared<DescribedNames>(*config);
  llvm::Expected<CanonicalTensors> tensors = canonicalNames(result.store, names->table, names->ignored);
  if (!tensors)
    return tensors.takeError();
  result.tensors = std::move(*tensors);
  result.table = &names->table;
  result.ownTable = std::move(names);
  result.checkpoint.config = std::move(*config);
  result.description = std::move(*document);
  return result;
}

/// Calls `use` with the elements in order, until it returns false.
static void readChunks(const TensorView &tensor, llvm::function_ref<bool(llvm::ArrayRef<double>)> use) {
  constexpr int64_t chunk = 1 << 16;
  std::vector<double> values(static_cast<size_t>(std::min(chunk, tensor.elements())));
  for (int64_t first = 0, count = tensor.elements(); first < count; first += chunk) {
    auto part = llvm::MutableArrayRef(values).take_front(static_cast<size_t>(std::min(chunk, count - first)));
    tensor.read(first, part);
    if (!use(part))
      return;
  }
}

/// Whether every element is an f32 (or NaN).
static bool fitsSingle(const TensorView &tensor) {
  bool fits = true;
  readChunks(tensor, [&](llvm::ArrayRef<double> values) {
    for (double value : values)
      fits = fits && (value != value || static_cast<double>(static_cast<float>(value)) == value);
    return fits;
  });
  return fits;
}

llvm::Error vitc::writeSafetensors(llvm::StringRef path,
                                   const std::map<std::string, std::shared_ptr<const TensorView>> &tensors) {
  std::set<std::string> wide;
  for (const auto &[name, tensor] : tensors)
    if (!fitsSingle(*tensor))
      wide.insert(name);
  std::string header;
  llvm::raw_string_ostream os(header);
  llvm::json::OStream json(os);
  int64_t offset = 0;
  json.object([&] {
    json.attributeObject("__metadata__", [&] { json.attribute("format", "pt"); });
    for (const auto &[name, tensor] : tensors)
      json.attributeObject(name, [&, &view = *tensor] {
        json.attribute("dtype", wide.count(name) ? "F64" : "F32");
        json.attributeArray("shape", [&] {
          for (int64_t extent : view.shape())
            json.value(extent);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(offset);
          offset += view.elements() * (wide.count(name) ? 8 : 4);
          json.value(offset);
        });
      });
  });
  header.resize((header.size() + 7) / 8 * 8, ' ');

  llvm::Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  char length[8];
  llvm::support::endian::write64le(length, header.size());
  file->os().write(length, sizeof length);
  file->os() << header;
  std::vector<char> bytes;
  for (const auto &[name, tensor] : tensors)
    readChunks(*tensor, [&, single = !wide.count(name)](llvm::ArrayRef<double> values) {
      size_t size = single ? 4 : 8;
      bytes.resize(values.size() * size);
      for (auto [i, value] : llvm::enumerate(values))
        if (single)
          llvm::support::endian::write32le(&bytes[4 * i],
                                           llvm::bit_cast<uint32_t>(static_cast<float>(value)));
        else
          llvm::support::endian::write64le(&bytes[8 * i], llvm::bit_cast<uint64_t>(value));
      file->os().write(bytes.data(), bytes.size());
      return true;
    });
  return file->commit();
}

namespace {

/// Whether readLabels() reads back from a file what is written to it line by line.
bool fitLines(llvm::ArrayRef<std::string> labels) {
  return llvm::none_of(labels,
                       [](llvm::StringRef label) { return label.contains('\n') || label.ends_with("\r"); }) &&
         !labels.empty() && !llvm::StringRef(labels.front()).starts_with("\xef\xbb\xbf");
}

/// A directory that is removed with the object, unless it was renamed.
class PendingDirectory {
public:
  ~PendingDirectory() {
    for (const std::string &file : files) {
      llvm::sys::fs::remove(file);
      llvm::sys::DontRemoveFileOnSignal(file);
    }
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }

  /// Creates a directory beside `target`, hidden, for a process that is killed leaves it there.
  llvm::Error create(llvm::StringRef target) {
    std::error_code error;
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::string name = inDirectory(llvm::sys::path::parent_path(target),
                                     fmt::format(".vitc-{:08x}.tmp", llvm::sys::Process::GetRandomNumber()));
      error = llvm::sys::fs::create_directory(name, /*IgnoreExisting=*/false);
      if (!error)
        path = std::move(name);
      if (error != std::errc::file_exists)
        break;
    }
    if (error)
      return makeError(ExitCode::Environment, "{}: cannot be created: {}", target.str(), error.message());
    return llvm::Error::success();
  }

  /// The path of a file in the directory, to be removed with it.
  std::string file(llvm::StringRef name) {
    files.push_back(inDirectory(path, name));
    llvm::sys::RemoveFileOnSignal(files.back());
    return files.back();
  }

  llvm::Error rename(llvm::StringRef target) {
    if (std::error_code error = llvm::sys::fs::rename(path, target))
      return makeError(ExitCode::Environment, "{}: cannot be created: {}", target.str(), error.message());
    path.clear();
    return llvm::Error::success();
  }

private:
  std::string path;
  std::vector<std::string> files;
};

} // namespace

llvm::Error vitc::writeVitDirectory(const Checkpoint &checkpoint, llvm::StringRef path) {
  while (path.size() > 1 && llvm::sys::path::is_separator(path.back()))
    path = path.drop_back();
  if (llvm::sys::fs::exists(path)) {
    std::error_code error;
    llvm::sys::fs::directory_iterator first(path, error);
    if (error || first != llvm::sys::fs::directory_iterator())
      return makeError(ExitCode::Environment,
                       "{}: expected a directory that does not exist yet or is empty, got {}", path.str(),
                       error ? "something else" : "one with files");
  }
  llvm::StringRef parent = llvm::sys::path::parent_path(path);
  if (std::error_code error = parent.empty() ? std::error_code() : llvm::sys::fs::create_directories(parent))
    return makeError(ExitCode::Environment, "{}: cannot be created: {}", path.str(), error.message());
  PendingDirectory directory;
  if (llvm::Error error = directory.create(path))
    return error;
  if (llvm::Error error = writeSafetensors(directory.file("model.safetensors"), checkpoint.tensors))
    return error;
  ModelConfig config = checkpoint.config;
  config.ignored.clear(); // what was ignored is not written either
  if (fitLines(config.labels)) {
    config.labelsFile = "labels.txt";
    if (llvm::Error error = writeFileAtomically(directory.file(config.labelsFile),
                                                llvm::StringRef(llvm::join(config.labels, "\n") + "\n")))
      return error;
    config.labels.clear();
  }
  if (llvm::Error error =
          writeFileAtomically(directory.file("vit.json"), llvm::StringRef(printVitJson(config))))
    return error;
  return directory.rename(path);
}
