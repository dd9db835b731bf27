//===- TorchArchive.cpp - files that torch.save and torch.jit.save wrote -----------------------------===//
//
// Sources: torch/serialization.py (the archive), torch/_utils.py (what rebuilds a tensor),
// torch/csrc/jit/serialization (TorchScript). Only data.pkl and the storages that it refers to are read;
// code/ and constants.pkl of TorchScript are not.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Containers.h"
#include "compiler/Import/Pickle.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Zip.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

namespace {

constexpr std::pair<const char *, const char *> storageTypes[] = {
    {"torch.DoubleStorage", "F64"}, {"torch.FloatStorage", "F32"},     {"torch.HalfStorage", "F16"},
    {"torch.LongStorage", "I64"},   {"torch.BFloat16Storage", "BF16"}, {"torch.IntStorage", "I32"},
    {"torch.ShortStorage", "I16"},  {"torch.CharStorage", "I8"},       {"torch.ByteStorage", "U8"},
    {"torch.BoolStorage", "BOOL"},
};
constexpr llvm::StringLiteral orderedDict = "collections.OrderedDict";
constexpr llvm::StringLiteral rebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr llvm::StringLiteral rebuildParameter = "torch._utils._rebuild_parameter";
constexpr llvm::StringLiteral scriptClass = "__torch__."; // prefix of a module's class in TorchScript
constexpr llvm::StringLiteral scriptHelper = "torch.jit._pickle.";
constexpr const char *scriptHelpers[] = {"build_intlist", "build_doublelist", "build_boollist",
                                         "build_tensorlist", "restore_type_tag"};

/// Entries that hold the weights of a training checkpoint, best first: as in timm, averaged weights win.
constexpr const char *wrappers[] = {"state_dict_ema", "model_ema",        "teacher", "state_dict",
                                    "model",          "model_state_dict", "module"};

constexpr int maxDepth = 64;
constexpr int maxVisits = 1 << 20;

class StateDictReader {
public:
  StateDictReader(const Pickle &pickle, ZipArchive &archive, std::string folder, const std::string &path,
                  WeightStore &store)
      : pickle(pickle), archive(archive), folder(std::move(folder)), path(path), store(store) {}
  llvm::Error run();

private:
  template <typename... Args>
  llvm::Error refuse(llvm::StringRef name, fmt::format_string<Args...> format, Args &&...args) const {
    return inputError("{}: '{}' in data.pkl: expected {}", path, quoteForMessage(name),
                      fmt::format(format, std::forward<Args>(args)...));
  }
  /// Keys and values of what Python would see as a dictionary, or as an object with attributes.
  const std::vector<PickleId> *members(PickleId id) const;
  bool isCall(PickleId id, llvm::StringRef callee) const {
    return pickle[id].kind == PickleValue::Object && pickle[id].text == callee;
  }
  /// What a parameter or a typed value of TorchScript wraps.
  PickleId unwrap(PickleId id) const;
  bool isTensor(PickleId id) const { return isCall(unwrap(id), rebuildTensor); }
  PickleId peelWrappers();
  llvm::Error flatten(PickleId id, const std::string &name, int depth);
  llvm::Error addTensor(PickleId id, const std::string &name);
  llvm::Error readSizes(PickleId id, const std::string &name, llvm::SmallVectorImpl<int64_t> &sizes) const;

  const Pickle &pickle;
  ZipArchive &archive;
  std::string folder;
  const std::string &path;
  WeightStore &store;
  int visits = 0;
  std::vector<std::string> others; ///< entries that are no tensors
};

const std::vector<PickleId> *StateDictReader::members(PickleId id) const {
  for (int depth = 0; depth < maxDepth; ++depth) {
    const PickleValue &value = pickle[id];
    if (value.kind == PickleValue::Dict || (value.kind == PickleValue::Object && value.text == orderedDict))
      return &value.items;
    if (value.kind != PickleValue::Object || !llvm::StringRef(value.text).starts_with(scriptClass) ||
        !value.hasState)
      return nullptr;
    id = value.state;
  }
  return nullptr;
}

PickleId StateDictReader::unwrap(PickleId id) const {
  for (int depth = 0; depth < maxDepth; ++depth) {
    const PickleValue &value = pickle[id];
    bool wraps = isCall(id, rebuildParameter) || isCall(id, "torch.jit._pickle.restore_type_tag");
    if (!wraps || pickle[value.arguments].items.empty())
      return id;
    id = pickle[value.arguments].items[0];
  }
  return id;
}

PickleId StateDictReader::peelWrappers() {
  PickleId id = pickle.root();
  for (int depth = 0; depth < 8; ++depth) {
    const std::vector<PickleId> *items = members(id);
    if (!items)
      return id;
    std::map<llvm::StringRef, PickleId> dictionaries;
    std::vector<std::string> names;
    for (size_t i = 0; i + 1 < items->size(); i += 2) {
      const PickleValue &key = pickle[(*items)[i]];
      PickleId value = (*items)[i + 1];
      if (isTensor(value))
        return id; // a state dictionary itself
      names.push_back(key.kind == PickleValue::Text ? quoteForMessage(key.text) : "a key that is no string");
      if (key.kind == PickleValue::Text && members(value))
        dictionaries[key.text] = value;
    }
    const char *const *best =
        llvm::find_if(wrappers, [&](const char *wrapper) { return dictionaries.count(wrapper) != 0; });
    if (best == std::end(wrappers))
      return id;
    if (names.size() > 1) {
      if (names.size() > 12)
        names.resize(12);
      store.addNote(fmt::format("weights: '{}' of the file's entries {}", *best, llvm::join(names, ", ")));
    }
    id = dictionaries[*best];
  }
  return id;
}

llvm::Error StateDictReader::readSizes(PickleId id, const std::string &name,
                                       llvm::SmallVectorImpl<int64_t> &sizes) const {
  const PickleValue &tuple = pickle[id];
  if (tuple.kind != PickleValue::Tuple || tuple.items.size() > 64)
    return refuse(name, "a tuple of at most 64 sizes");
  for (PickleId item : tuple.items) {
    if (pickle[item].kind != PickleValue::Int || pickle[item].integer < 0)
      return refuse(name, "sizes and strides that are integers from 0");
    sizes.push_back(pickle[item].integer);
  }
  return llvm::Error::success();
}

llvm::Error StateDictReader::addTensor(PickleId id, const std::string &name) {
  // _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None)
  const std::vector<PickleId> &arguments = pickle[pickle[id].arguments].items;
  if (arguments.size() < 6 || arguments.size() > 7)
    return refuse(name, "the arguments of _rebuild_tensor_v2, got {}", arguments.size());
  const PickleValue &persistent = pickle[arguments[0]];
  if (persistent.kind != PickleValue::Persistent)
    return refuse(name, "a tensor in a storage of the file");
  // ("storage", type, key, location, elements)
  const std::vector<PickleId> &key = pickle[persistent.arguments].items;
  if (key.size() != 5 || pickle[key[0]].text != "storage" || pickle[key[1]].kind != PickleValue::Global ||
      pickle[key[2]].kind != PickleValue::Text || pickle[key[4]].kind != PickleValue::Int ||
      pickle[key[4]].integer < 0)
    return refuse(name, "a storage's type, key, device and size");
  const auto *type = llvm::find_if(
      storageTypes, [&](const auto &candidate) { return pickle[key[1]].text == candidate.first; });
  if (type == std::end(storageTypes))
    return refuse(name, "a storage type such as torch.FloatStorage, got {}",
                  quoteForMessage(pickle[key[1]].text));
  const ElementType &elementType = *findElementType(type->second);

  const ZipEntry *entry = archive.find(folder + "data/" + pickle[key[2]].text);
  if (!entry)
    return refuse(name, "the entry '{}data/{}' with its elements, which is missing", folder,
                  quoteForMessage(pickle[key[2]].text));
  uint64_t width = elementType.bits / 8;
  auto count = static_cast<uint64_t>(pickle[key[4]].integer);
  if (entry->size / width != count || entry->size % width)
    return refuse(name, "{} elements of {} in the entry '{}', got {} bytes", count, elementType.name,
                  quoteForMessage(entry->name), entry->size);
  if (entry->deflated)
    return refuse(name,
                  "the stored entries that torch.save writes, got '{}' compressed; zip them again with "
                  "`zip -0`",
                  quoteForMessage(entry->name));
  llvm::Expected<ZipArchive::Data> data = archive.read(*entry);
  if (!data)
    return data.takeError();

  if (pickle[arguments[1]].kind != PickleValue::Int || pickle[arguments[1]].integer < 0)
    return refuse(name, "an offset into its storage that is an integer from 0");
  auto first = static_cast<uint64_t>(pickle[arguments[1]].integer);
  llvm::SmallVector<int64_t, 4> sizes, strides;
  if (llvm::Error error = readSizes(arguments[2], name, sizes))
    return error;
  if (llvm::Error error = readSizes(arguments[3], name, strides))
    return error;
  RawTensor tensor;
  tensor.name = name;
  if (sizes.size() != strides.size() || !tensor.setStrided(elementType, sizes, strides))
    return refuse(name, "as many strides as sizes, and less than 2^63 bits");
  if (first > count || tensor.bytes > (count - first) * width)
    return refuse(name, "elements inside its storage of {}, got {} bytes from element {} on", count,
                  tensor.bytes, first);
  tensor.source = data->source;
  tensor.offset = data->offset + first * width;
  return store.add(std::move(tensor));
}

llvm::Error StateDictReader::flatten(PickleId id, const std::string &name, int depth) {
  if (depth == maxDepth || ++visits > maxVisits)
    return refuse(llvm::StringRef(name).take_front(100), "at most {} levels and {} values", maxDepth,
                  maxVisits);
  id = unwrap(id);
  auto join = [&](const std::string &part) { return name.empty() ? part : name + "." + part; };
  if (isCall(id, rebuildTensor))
    return addTensor(id, name);
  if (isCall(id, orderedDict) && !pickle[pickle[id].arguments].items.empty())
    return refuse(name, "an OrderedDict that is filled afterwards, as Python 3 writes it");
  if (const std::vector<PickleId> *items = members(id)) {
    for (size_t i = 0; i + 1 < items->size(); i += 2) {
      const PickleValue &key = pickle[(*items)[i]];
      if (key.kind != PickleValue::Text && key.kind != PickleValue::Int)
        return refuse(name, "keys that are strings or integers");
      std::string part = key.kind == PickleValue::Text ? key.text : std::to_string(key.integer);
      if (part.size() > 1024)
        return refuse(llvm::StringRef(part).take_front(100), "keys of at most 1024 bytes");
      if (llvm::Error error = flatten((*items)[i + 1], join(part), depth + 1))
        return error;
    }
    return llvm::Error::success();
  }
  if (pickle[id].kind == PickleValue::List || pickle[id].kind == PickleValue::Tuple) {
    for (size_t i = 0; i < pickle[id].items.size(); ++i)
      if (llvm::Error error = flatten(pickle[id].items[i], join(std::to_string(i)), depth + 1))
        return error;
    return llvm::Error::success();
  }
  if (others.size() < maxDepth)
    others.push_back(quoteForMessage(name));
  return llvm::Error::success();
}

llvm::Error StateDictReader::run() {
  PickleId weights = peelWrappers();
  if (!members(weights))
    return inputError("{}: expected a dictionary of tensors in data.pkl, got another value", path);
  if (llvm::Error error = flatten(weights, "", 0))
    return error;
  if (store.tensors().empty())
    return inputError("{}: expected a dictionary of tensors in data.pkl, got {}", path,
                      others.empty() ? "an empty one" : "no tensor beside " + llvm::join(others, ", "));
  if (!others.empty()) {
    size_t shown = std::min<size_t>(others.size(), 8);
    store.addNote(fmt::format("entries that are no tensors: {}{}",
                              llvm::join(llvm::ArrayRef(others).take_front(shown), ", "),
                              others.size() > shown ? ", ..." : ""));
  }
  return llvm::Error::success();
}

} // namespace

llvm::Error vitc::readTorchArchive(std::shared_ptr<const ByteSource> file, ZipArchive &archive,
                                   WeightStore &store) {
  const std::string &path = file->path();
  const ZipEntry *data = nullptr;
  for (const ZipEntry &entry : archive.entries())
    if (entry.name == "data.pkl" || llvm::StringRef(entry.name).ends_with("/data.pkl")) {
      if (data)
        return inputError("{}: expected one data.pkl in the archive, got '{}' and '{}'", path,
                          quoteForMessage(data->name), quoteForMessage(entry.name));
      data = &entry;
    }
  std::string folder = llvm::StringRef(data->name).drop_back(llvm::StringRef("data.pkl").size()).str();
  if (const ZipEntry *order = archive.find(folder + "byteorder")) {
    llvm::Expected<ZipArchive::Data> contents = archive.read(*order);
    if (!contents)
      return contents.takeError();
    if (llvm::toStringRef(contents->bytes()) != "little")
      return inputError("{}: expected little-endian tensors, got byteorder '{}'; save the file again on a "
                        "little-endian machine",
                        path, quoteForMessage(llvm::toStringRef(contents->bytes().take_front(20))));
  }
  bool script = archive.find(folder + "constants.pkl") != nullptr;
  auto allowed = [&](llvm::StringRef name) {
    if (name == orderedDict || name == rebuildTensor || name == rebuildParameter ||
        llvm::any_of(storageTypes, [&](const auto &type) { return name == type.first; }))
      return true;
    if (!script)
      return false;
    return name.starts_with(scriptClass) ||
           (name.consume_front(scriptHelper) && llvm::is_contained(scriptHelpers, name));
  };
  llvm::Expected<ZipArchive::Data> contents = archive.read(*data);
  if (!contents)
    return contents.takeError();
  llvm::Expected<Pickle> pickle = Pickle::read(contents->bytes(), archive.describe(*data), allowed);
  if (!pickle)
    return pickle.takeError();
  if (pickle->size() != contents->size)
    return inputError("{}: expected the pickle to fill the entry, got {} bytes behind it",
                      archive.describe(*data), contents->size - pickle->size());
  if (script)
    store.addNote("TorchScript archive: tensors only, its code was not read");
  return StateDictReader(*pickle, archive, folder, path, store).run();
}
