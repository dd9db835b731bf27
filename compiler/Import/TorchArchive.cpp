//===- TorchArchive.cpp - files that torch.save and torch.jit.save wrote -----------------------------===//
//
// Source: torch/serialization.py. Of TorchScript archives only data.pkl and the storages that it refers to
// are read; code/ and constants.pkl are not.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Containers.h"
#include "compiler/Import/TorchStateDict.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include <map>

using namespace vitc;

static llvm::StringRef textOf(llvm::ArrayRef<uint8_t> bytes) { return llvm::toStringRef(bytes); }

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
    llvm::Expected<BytesRange> contents = archive.read(*order);
    if (!contents)
      return contents.takeError();
    if (textOf(contents->bytes()) != "little")
      return inputError("{}: expected little-endian tensors, got byteorder '{}'; save the file again on a "
                        "little-endian machine",
                        path, quoteForMessage(textOf(contents->bytes()).take_front(20)));
  }
  bool script = archive.find(folder + "constants.pkl") != nullptr;
  llvm::Expected<BytesRange> contents = archive.read(*data);
  if (!contents)
    return contents.takeError();
  std::string what = archive.describe(*data);
  llvm::Expected<Pickle> pickle = Pickle::read(
      contents->bytes(), what, [&](llvm::StringRef name) { return isTorchGlobal(name, script); });
  if (!pickle)
    return pickle.takeError();
  if (pickle->size() != contents->size)
    return inputError("{}: expected the pickle to fill the entry, got {} bytes behind it", what,
                      contents->size - pickle->size());
  if (script)
    store.addNote("TorchScript archive: tensors only, its code was not read");

  auto storages = [&](const TorchStorage &storage, const std::string &tensor) -> llvm::Expected<BytesRange> {
    auto refuse = [&](const std::string &expected) {
      return inputError("{}: '{}': expected {}", what, quoteForMessage(tensor), expected);
    };
    const ZipEntry *entry = archive.find(folder + "data/" + storage.key);
    if (!entry)
      return refuse(fmt::format("the entry '{}data/{}' with its elements, which is missing", folder,
                                quoteForMessage(storage.key)));
    uint64_t width = storage.type->bits / 8;
    if (entry->size / width != storage.count || entry->size % width)
      return refuse(fmt::format("{} elements of {} in the entry '{}', got {} bytes", storage.count,
                                storage.type->name, quoteForMessage(entry->name), entry->size));
    if (entry->deflated)
      return refuse(
          fmt::format("the stored entries that torch.save writes, got '{}' compressed; zip them again "
                      "with `zip -0`",
                      quoteForMessage(entry->name)));
    return archive.read(*entry);
  };
  return readTorchStateDict(*pickle, what, storages, store);
}

//===- Before PyTorch 1.6 ---===//

bool vitc::isOldTorchFile(llvm::StringRef contents) {
  // The pickle of a magic number, an integer of ten bytes.
  return contents.starts_with("\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20j\xa8P\x19.");
}

/// Five pickles (magic, version, machine, the object, keys of the storages), then each storage: its number of
/// elements in 8 bytes, and the elements.
llvm::Error vitc::readOldTorchFile(std::shared_ptr<const ByteSource> file, WeightStore &store) {
  const std::string &path = file->path();
  llvm::ArrayRef<uint8_t> rest = file->bytes();
  auto next = [&](const char *part) -> llvm::Expected<Pickle> {
    llvm::Expected<Pickle> pickle = Pickle::read(
        rest, path + ": " + part, [](llvm::StringRef name) { return isTorchGlobal(name, false); });
    if (pickle)
      rest = rest.drop_front(pickle->size());
    return pickle;
  };
  for (const char *part : {"the magic number", "the version", "the machine"}) {
    llvm::Expected<Pickle> pickle = next(part);
    if (!pickle)
      return pickle.takeError();
    if (llvm::StringRef(part) == "the machine") {
      const PickleValue &machine = (*pickle)[pickle->root()];
      for (size_t i = 0; i + 1 < machine.items.size(); i += 2)
        if ((*pickle)[machine.items[i]].text == "little_endian" && !(*pickle)[machine.items[i + 1]].integer)
          return inputError("{}: expected little-endian tensors, got a file of a big-endian machine", path);
    }
  }
  llvm::Expected<Pickle> object = next("the object");
  if (!object)
    return object.takeError();
  llvm::Expected<Pickle> keys = next("the keys of the storages");
  if (!keys)
    return keys.takeError();

  std::map<std::string, const ElementType *> types;
  for (PickleId id = 0; id < object->count(); ++id)
    if (std::optional<TorchStorage> storage = readTorchStorage(*object, id); storage && storage->type)
      types.try_emplace(storage->key, storage->type);
  std::map<std::string, BytesRange> storages;
  for (PickleId id : (*keys)[keys->root()].items) {
    const std::string &key = (*keys)[id].text;
    auto type = types.find(key);
    if (type == types.end())
      return inputError("{}: storage '{}': expected a tensor that uses it, got none", path,
                        quoteForMessage(key));
    uint64_t width = type->second->bits / 8, at = file->bytes().size() - rest.size();
    uint64_t count = rest.size() < 8 ? 0 : llvm::support::endian::read64le(rest.data());
    if (rest.size() < 8 || count > (rest.size() - 8) / width)
      return inputError("{}: storage '{}': expected {} elements of {} at byte {}, got {} bytes; the file is "
                        "truncated",
                        path, quoteForMessage(key), count, type->second->name, at, rest.size());
    if (!storages.try_emplace(key, BytesRange{file, at + 8, count * width}).second)
      return inputError("{}: storage '{}': expected it once, got it twice", path, quoteForMessage(key));
    rest = rest.drop_front(8 + count * width);
  }
  if (!rest.empty())
    return inputError("{}: expected the storages to fill the file, got {} bytes behind them", path,
                      rest.size());

  auto find = [&](const TorchStorage &storage, const std::string &tensor) -> llvm::Expected<BytesRange> {
    auto it = storages.find(storage.key);
    uint64_t width = storage.type->bits / 8;
    if (it == storages.end() || it->second.size / width != storage.count || it->second.size % width)
      return inputError(
          "{}: '{}': expected the storage '{}' with {} elements of {}, got {}", path, quoteForMessage(tensor),
          quoteForMessage(storage.key), storage.count, storage.type->name,
          it == storages.end() ? std::string("none") : std::to_string(it->second.size) + " bytes");
    return it->second;
  };
  return readTorchStateDict(*object, path, find, store);
}
