//===- VitDirectory.cpp - directories with vit.json -------------------------------------------------===//
#include "compiler/Import/VitDirectory.h"
#include "compiler/Import/Importers.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/OutputFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace vitc;

// In a vit directory the tensors carry their canonical names already.
static constexpr NameTable canonicalTable = {"vit.json", {}, {}, {}};

static std::string join(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> result(directory);
  llvm::sys::path::append(result, name);
  return std::string(result);
}

llvm::Expected<Imported> vitc::importVitJson(llvm::StringRef directory) {
  std::string file = join(directory, "vit.json");
  llvm::Expected<std::string> text = readTextFile(file, 16u << 20);
  if (!text)
    return text.takeError();
  llvm::Expected<ModelConfig> config = parseVitJson(*text, file);
  if (!config)
    return config.takeError();
  if (!config->labelsFile.empty()) {
    if (llvm::sys::path::filename(config->labelsFile) != config->labelsFile || config->labelsFile == "..")
      return inputError("{}: labels: expected a plain file name beside vit.json, got '{}'", file,
                        quoteForMessage(config->labelsFile));
    llvm::Expected<std::vector<std::string>> labels = readLabels(join(directory, config->labelsFile));
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
  result.table = &canonicalTable;
  for (const auto &[name, raw] : result.store.tensors()) {
    if (isIgnored(config->ignored, name)) {
      result.tensors.ignored.push_back(quoteForMessage(name) + " (listed in vit.json)");
      continue;
    }
    if (raw.type->kind == ElementType::Other)
      return inputError("{}: tensor '{}': expected a weight of type F64, F32, F16 or BF16, got {}",
                        raw.file->path(), quoteForMessage(name), raw.type->name);
    result.tensors.slices[name] = TensorSlice{&raw, 0, raw.shape};
  }
  result.checkpoint.config = std::move(*config);
  return result;
}

llvm::Error vitc::writeSafetensors(llvm::StringRef path,
                                   const std::map<std::string, std::shared_ptr<const TensorView>> &tensors) {
  std::string header;
  llvm::raw_string_ostream os(header);
  llvm::json::OStream json(os);
  int64_t offset = 0;
  json.object([&] {
    json.attributeObject("__metadata__", [&] { json.attribute("format", "pt"); });
    for (const auto &[name, tensor] : tensors)
      json.attributeObject(name, [&, &view = *tensor] {
        json.attribute("dtype", "F32");
        json.attributeArray("shape", [&] {
          for (int64_t extent : view.shape())
            json.value(extent);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(offset);
          offset += view.elements() * 4;
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
  constexpr int64_t chunk = 1 << 16;
  std::vector<double> values(chunk);
  std::vector<char> bytes(chunk * 4);
  for (const auto &[name, tensor] : tensors)
    for (int64_t first = 0, count = tensor->elements(); first < count; first += chunk) {
      auto part = static_cast<size_t>(std::min(chunk, count - first));
      tensor->read(first, llvm::MutableArrayRef(values).take_front(part));
      for (size_t i = 0; i < part; ++i)
        llvm::support::endian::write32le(&bytes[4 * i],
                                         llvm::bit_cast<uint32_t>(static_cast<float>(values[i])));
      file->os().write(bytes.data(), 4 * part);
    }
  return file->commit();
}

llvm::Error vitc::writeVitDirectory(const Checkpoint &checkpoint, llvm::StringRef path) {
  if (std::error_code error = llvm::sys::fs::create_directories(path))
    return makeError(ExitCode::Environment, "{}: cannot be created: {}", path.str(), error.message());
  if (llvm::Error error = writeSafetensors(join(path, "model.safetensors"), checkpoint.tensors))
    return error;
  // The description comes last: a directory without it is not a model, so a failure leaves no half of one.
  ModelConfig config = checkpoint.config;
  config.ignored.clear(); // what was ignored is not written either
  return writeFileAtomically(join(path, "vit.json"), llvm::StringRef(printVitJson(config)));
}
