//===- TorchStateDict.cpp - a pickled state dictionary becomes tensors -------------------------------===//
//
// Sources: torch/_utils.py (what rebuilds a tensor), torch/csrc/jit/serialization (TorchScript).
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/TorchStateDict.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
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
  StateDictReader(const Pickle &pickle, TorchStorageReader storages, const std::string &what,
                  WeightStore &store)
      : pickle(pickle), storages(storages), what(what), store(store) {}
  llvm::Error run();

private:
  template <typename... Args>
  llvm::Error refuse(llvm::StringRef name, fmt::format_string<Args...> format, Args &&...args) const {
    return inputError("{}: '{}': expected {}", what, quoteForMessage(name),
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
  TorchStorageReader storages;
  const std::string &what;
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
  std::optional<TorchStorage> storage = readTorchStorage(pickle, arguments[0]);
  if (!storage)
    return refuse(name, "a storage of the file by its type, key, device and size");
  if (!storage->type)
    return refuse(name, "a storage type such as torch.FloatStorage");
  llvm::Expected<BytesRange> data = storages(*storage, name);
  if (!data)
    return data.takeError();
  const ElementType &elementType = *storage->type;
  uint64_t width = elementType.bits / 8, count = storage->count;

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
    return inputError("{}: expected a dictionary of tensors, got another value", what);
  if (llvm::Error error = flatten(weights, "", 0))
    return error;
  if (store.tensors().empty())
    return inputError("{}: expected a dictionary of tensors, got {}", what,
                      others.empty() ? "an empty one" : "no tensor beside " + llvm::join(others, ", "));
  // An object's attributes are no entries that somebody saved.
  bool object = pickle[weights].kind == PickleValue::Object &&
                llvm::StringRef(pickle[weights].text).starts_with(scriptClass);
  if (!others.empty() && !object) {
    size_t shown = std::min<size_t>(others.size(), 8);
    store.addNote(fmt::format("entries that are no tensors: {}{}",
                              llvm::join(llvm::ArrayRef(others).take_front(shown), ", "),
                              others.size() > shown ? ", ..." : ""));
  }
  return llvm::Error::success();
}

} // namespace

bool vitc::isTorchGlobal(llvm::StringRef name, bool script) {
  if (name == orderedDict || name == rebuildTensor || name == rebuildParameter || findTorchStorage(name))
    return true;
  if (!script)
    return false;
  return name.starts_with(scriptClass) ||
         (name.consume_front(scriptHelper) && llvm::is_contained(scriptHelpers, name));
}

const ElementType *vitc::findTorchStorage(llvm::StringRef global) {
  const auto *type =
      llvm::find_if(storageTypes, [&](const auto &candidate) { return global == candidate.first; });
  return type == std::end(storageTypes) ? nullptr : findElementType(type->second);
}

std::optional<TorchStorage> vitc::readTorchStorage(const Pickle &pickle, PickleId persistent) {
  // ("storage", type, key, location, elements); before 1.6 also a view, which no tensor of today's has.
  if (pickle[persistent].kind != PickleValue::Persistent)
    return std::nullopt;
  const std::vector<PickleId> &parts = pickle[pickle[persistent].arguments].items;
  if ((parts.size() != 5 && parts.size() != 6) || pickle[parts[0]].text != "storage" ||
      pickle[parts[1]].kind != PickleValue::Global || pickle[parts[2]].kind != PickleValue::Text ||
      pickle[parts[4]].kind != PickleValue::Int || pickle[parts[4]].integer < 0 ||
      (parts.size() == 6 && pickle[parts[5]].kind != PickleValue::None))
    return std::nullopt;
  return TorchStorage{findTorchStorage(pickle[parts[1]].text), pickle[parts[2]].text,
                      static_cast<uint64_t>(pickle[parts[4]].integer)};
}

llvm::Error vitc::readTorchStateDict(const Pickle &pickle, const std::string &what,
                                     TorchStorageReader storages, WeightStore &store) {
  return StateDictReader(pickle, storages, what, store).run();
}
