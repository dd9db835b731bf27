#include "compiler/Driver/LibraryFile.h"
#include "compiler/Driver/ElfSymbols.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/MappedFile.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <limits>

using namespace vitc;

bool vitc::isLibrary(llvm::StringRef path) {
  if (llvm::sys::fs::exists(path)) {
    // Of a device or pipe, identify_magic() would wait for the end.
    llvm::file_magic magic;
    if (!llvm::sys::fs::is_regular_file(path))
      return false;
    if (llvm::identify_magic(path, magic))
      return false;
    bool elf = magic >= llvm::file_magic::elf && magic <= llvm::file_magic::elf_core;
    return elf || magic == llvm::file_magic::archive || path.ends_with(".so");
  }
  llvm::StringRef suffix = llvm::sys::path::extension(path);
  return suffix == ".so" || suffix == ".a" || suffix == ".o";
}

namespace {

/// The first error of a chain of reads ends it; the getters then return nothing.
class FactsReader {
public:
  explicit FactsReader(JsonRef root) : root(std::move(root)) {}
  /// Facts at the default size, and of all sizes if there are several.
  llvm::Error read(std::vector<LibraryFacts> &sizes);

private:
  void size(const JsonRef &object, LibraryFacts &facts);
  template <typename T> void take(llvm::Expected<T> value, T &out) {
    if (error) {
      llvm::consumeError(value.takeError());
      return;
    }
    if (value)
      out = std::move(*value);
    else
      error = value.takeError();
  }
  void text(const JsonRef &object, llvm::StringRef key, std::string &out) {
    if (auto member = get(object, key))
      take(member->asString(), out);
  }
  void integer(const JsonRef &object, llvm::StringRef key, int64_t &out) {
    if (auto member = get(object, key))
      take(member->asInteger(0, std::numeric_limits<int64_t>::max()), out);
  }
  std::optional<JsonRef> get(const JsonRef &object, llvm::StringRef key) {
    if (error)
      return std::nullopt;
    llvm::Expected<JsonRef> member = object.get(key);
    if (member)
      return *member;
    error = member.takeError();
    return std::nullopt;
  }
  std::vector<JsonRef> array(const JsonRef &object, llvm::StringRef key) {
    std::vector<JsonRef> result;
    if (auto member = get(object, key))
      take(member->asArray(1 << 16), result);
    return result;
  }
  vit::LayerArithmetic arithmetic(const JsonRef &object) {
    vit::LayerArithmetic result;
    text(object, "name", result.layer);
    std::string dot = "f32";
    text(object, "dot", dot);
    result.dot = vit::symbolizeDotKind(dot);
    if (!error && !result.dot && dot != "f32")
      error = inputError("{}: expected a dot of f32, bf16 or int8 for '{}', got '{}'", root.file(),
                         quoteForMessage(result.layer), quoteForMessage(dot));
    if (std::optional<JsonRef> scale = object.find("input_scale"))
      take(scale->asNumber(), result.inputScale);
    return result;
  }
  Port port(const JsonRef &object) {
    Port result;
    text(object, "name", result.name);
    for (const JsonRef &extent : array(object, "shape")) {
      int64_t value = 0;
      take(extent.asInteger(1, std::numeric_limits<int32_t>::max()), value);
      result.shape.push_back(value);
    }
    return result;
  }

  JsonRef root;
  llvm::Error error = llvm::Error::success();
};

/// What depends on the input size.
void FactsReader::size(const JsonRef &object, LibraryFacts &facts) {
  integer(object, "height", facts.inputSize.height);
  integer(object, "width", facts.inputSize.width);
  if (object.find("tokens"))
    integer(object, "tokens", facts.tokens);
  if (auto input = get(object, "input"))
    facts.input = port(*input);
  facts.outputs.clear();
  for (const JsonRef &output : array(object, "outputs"))
    facts.outputs.push_back(port(output));
  integer(object, "model_flops", facts.modelFlops);
  integer(object, "executed_flops", facts.executedFlops);
  integer(object, "arena_bytes", facts.arenaBytes);
  integer(object, "scratch_bytes", facts.scratchBytes);
}

llvm::Error FactsReader::read(std::vector<LibraryFacts> &sizes) {
  LibraryFacts &facts = sizes.emplace_back();
  text(root, "vitc", facts.compiler);
  int64_t abi = 0;
  integer(root, "abi", abi);
  if (!error && abi != VITC_ABI_VERSION)
    return inputError("{}: expected a library with ABI {}, got {}, of vitc {}; compile the model again",
                      root.file(), VITC_ABI_VERSION, abi, quoteForMessage(facts.compiler));
  text(root, "name", facts.name);
  text(root, "architecture", facts.architecture);
  text(root, "precision", facts.precision);
  for (const JsonRef &layer : array(root, "arithmetic"))
    facts.layers.push_back(arithmetic(layer));
  size(root, facts);
  for (const JsonRef &level : array(root, "levels")) {
    LibraryFacts::Level &added = facts.levels.emplace_back();
    text(level, "name", added.name);
    text(level, "summary", added.summary);
  }
  integer(root, "batch", facts.batch);
  integer(root, "max_side", facts.maxSide);
  integer(root, "parameters", facts.parameters);
  if (auto weights = get(root, "weights")) {
    integer(*weights, "bytes", facts.weightBytes);
    text(*weights, "id", facts.weightId);
    if (auto embedded = get(*weights, "embedded"))
      take(embedded->asBool(), facts.embedded);
  }
  if (error || !root.find("sizes"))
    return std::move(error);
  std::vector<JsonRef> rows = array(root, "sizes");
  if (!error && (rows.empty() || rows.size() > kMaxSizes))
    return inputError("{}: expected one to {} input sizes, got {}", root.file(), kMaxSizes, rows.size());
  LibraryFacts shared = std::move(facts);
  sizes.clear();
  for (const JsonRef &row : rows) {
    LibraryFacts &added = sizes.emplace_back(shared);
    size(row, added);
    for (const LibraryFacts &other : llvm::ArrayRef(sizes).drop_back())
      if (!error && other.inputSize == added.inputSize)
        error = row.error("expected input sizes that differ, got one twice");
  }
  return std::move(error);
}

/// The canonical description inside the metadata; that of a further size differs from it in some keys.
llvm::Error readModels(llvm::StringRef metadata, const std::string &where, std::vector<LibraryFacts> &sizes) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(metadata);
  if (!value)
    return value.takeError();
  const llvm::json::Object *root = value->getAsObject();
  const llvm::json::Value *part = root ? root->get("model") : nullptr;
  if (!part)
    return inputError("{}: expected the key 'model'", where);
  if (const llvm::json::Object *object = part->getAsObject(); object && object->getInteger("depth") == 0)
    return llvm::Error::success(); // a .mlir file, which has none
  const llvm::json::Array *rows = root->getArray("sizes");
  for (auto [i, size] : llvm::enumerate(sizes)) {
    llvm::json::Value own = *part;
    const llvm::json::Object *row = rows && i < rows->size() ? (*rows)[i].getAsObject() : nullptr;
    if (const llvm::json::Object *changes = row ? row->getObject("model") : nullptr)
      for (const auto &[key, changed] : *changes)
        if (llvm::json::Object *object = own.getAsObject())
          (*object)[key] = changed;
    std::string text;
    llvm::raw_string_ostream(text) << own;
    llvm::Expected<ModelConfig> config = parseVitJson(text, where);
    if (!config)
      return config.takeError();
    if (llvm::Error error = validate(*config))
      return inputError("{}: model: {}", where, llvm::toString(std::move(error)));
    size.model = std::move(*config);
  }
  return llvm::Error::success();
}

/// Models of one object file: prefix and metadata.
struct Found {
  std::string prefix, metadata;
};

void findModels(const ElfFile &elf, std::vector<Found> &models) {
  for (const ElfSymbol &symbol : elf.symbols) {
    llvm::StringRef prefix = symbol.name;
    if (!prefix.consume_back("_vitc_info"))
      continue;
    for (const ElfSymbol &other : elf.symbols)
      if (other.name == prefix.str() + "_metadata")
        models.push_back({prefix.str(), other.data.take_front(other.data.find('\0')).str()});
  }
}

} // namespace

llvm::Expected<LibraryFile> vitc::openLibraryFile(llvm::StringRef path) {
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::StringRef bytes = (*file)->text();
  LibraryFile result{path.str(), LibraryKind::Object, {}};
  auto damaged = [&](llvm::Error error) {
    return inputError("{}: expected a library that vitc compiled, got {}", path.str(),
                      llvm::toString(std::move(error)));
  };
  std::vector<llvm::StringRef> parts{bytes};
  if (bytes.starts_with("!<arch>")) {
    result.kind = LibraryKind::Archive;
    llvm::Expected<std::vector<llvm::StringRef>> members = archiveMembers(bytes);
    if (!members)
      return damaged(members.takeError());
    parts = std::move(*members);
  } else if (!bytes.starts_with("\x7f"
                                "ELF")) {
    return inputError("{}: expected a library that vitc compiled (.so, .a or .o), got another kind of file",
                      path.str());
  }
  std::vector<Found> models;
  for (llvm::StringRef part : parts) {
    llvm::Expected<ElfFile> elf = readElf(part);
    if (!elf)
      return damaged(elf.takeError());
    if (elf->shared)
      result.kind = LibraryKind::Shared;
    findModels(*elf, models);
  }
  if (models.empty())
    return inputError("{}: expected a library that vitc compiled, got one without a symbol PREFIX_vitc_info",
                      path.str());
  if (models.size() > 1) {
    std::string names;
    for (const Found &model : models)
      names += (names.empty() ? "" : ", ") + model.prefix;
    return inputError("{}: expected a library with one model, got {}: {}", path.str(), models.size(), names);
  }
  std::string where = path.str() + ": " + models.front().prefix + "_metadata";
  llvm::Expected<JsonDocument> metadata = JsonDocument::parse(models.front().metadata, where);
  if (!metadata)
    return metadata.takeError();
  if (llvm::Error error = FactsReader(metadata->root()).read(result.sizes))
    return error;
  if (result.sizes.front().name != models.front().prefix)
    return inputError("{}: expected the name '{}', got '{}'", where, models.front().prefix,
                      quoteForMessage(result.sizes.front().name));
  if (llvm::Error error = readModels(models.front().metadata, where, result.sizes))
    return error;
  return result;
}
