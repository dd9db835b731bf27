//===- WeightDirectory.cpp - where the weights of a directory are -----------------------------------===//
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace vitc;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

/// A name that stays inside the directory whatever it holds.
static bool isPlainFileName(llvm::StringRef name) {
  return !name.empty() && name.size() <= 255 && !name.starts_with(".") &&
         name.find_first_of(llvm::StringRef("/\\\0", 3)) == llvm::StringRef::npos;
}

llvm::Expected<WeightStore> WeightStore::openIndex(llvm::StringRef indexPath) {
  llvm::Expected<JsonDocument> index = JsonDocument::parseFile(indexPath);
  if (!index)
    return index.takeError();
  llvm::Expected<JsonRef> map = index->root().get("weight_map");
  if (!map)
    return map.takeError();
  if (llvm::Error error = map->expectObject())
    return std::move(error);

  std::map<std::string, std::string> shardOf;
  std::vector<std::string> shards;
  for (const auto &[tensor, value] : map->members()) {
    llvm::Expected<std::string> shard = value.asString();
    if (!shard)
      return shard.takeError();
    if (!isPlainFileName(*shard))
      return value.expected("a plain file name beside the index");
    shardOf[tensor.str()] = *shard;
    if (!llvm::is_contained(shards, *shard))
      shards.push_back(*shard);
    if (shards.size() > 1000)
      return map->error("expected at most 1000 shards, got more");
  }
  llvm::sort(shards);

  WeightStore store;
  store.name = indexPath.str();
  for (const std::string &shard : shards) {
    llvm::SmallString<256> file(path::parent_path(indexPath));
    path::append(file, shard);
    if (llvm::Error error = store.addFile(file))
      return std::move(error);
  }
  for (const auto &[tensor, shard] : shardOf) {
    const RawTensor *found = store.find(tensor);
    if (!found || path::filename(found->source->path()) != shard)
      return inputError("{}: expected tensor '{}' in shard '{}', {}", store.name, quoteForMessage(tensor),
                        shard,
                        found ? "got it in " + found->source->path() : std::string("which does not hold it"));
  }
  for (const auto &[tensor, raw] : store.table)
    if (!shardOf.count(tensor))
      return inputError("{}: expected every tensor in the index's weight_map, got '{}', which is not there",
                        raw.source->path(), quoteForMessage(tensor));
  return store;
}

/// The names that libraries give to the weights of a directory, best first.
static constexpr const char *weightFiles[] = {"model.safetensors", "model.safetensors.index.json",
                                              "pytorch_model.bin", "pytorch_model.bin.index.json"};
/// Suffixes of files that hold weights, best first.
static constexpr const char *weightSuffixes[] = {".safetensors", ".bin", ".pt",   ".pth",  ".ckpt",
                                                 ".npz",         ".h5",  ".hdf5", ".keras"};

static bool isWeightFile(llvm::StringRef name) {
  return llvm::any_of(weightSuffixes, [&](llvm::StringRef suffix) { return name.ends_with(suffix); });
}

bool WeightStore::hasWeights(llvm::StringRef directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; it != end && !error; it.increment(error))
    if (llvm::StringRef name = path::filename(it->path());
        isWeightFile(name) || llvm::is_contained(weightFiles, name))
      return true;
  return false;
}

llvm::Expected<std::string> WeightStore::findFile(llvm::StringRef directory) {
  auto at = [&](llvm::StringRef name) {
    llvm::SmallString<256> result(directory);
    path::append(result, name);
    return std::string(result);
  };
  for (llvm::StringRef name : weightFiles)
    if (fs::exists(at(name)))
      return at(name);

  // The only safetensors file, or else the only file of weights at all.
  std::vector<std::string> safetensors, others;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; it != end && !error; it.increment(error)) {
    llvm::StringRef name = path::filename(it->path());
    if (name.ends_with(weightSuffixes[0]))
      safetensors.push_back(name.str());
    else if (isWeightFile(name))
      others.push_back(name.str());
  }
  std::vector<std::string> &candidates = safetensors.empty() ? others : safetensors;
  llvm::sort(candidates);
  if (candidates.size() == 1)
    return at(candidates[0]);
  if (candidates.size() > 1)
    return inputError("{}: expected one of {}, or a single file of weights, got {}; rename the one to use",
                      directory.str(), fmt::join(weightFiles, ", "), llvm::join(candidates, ", "));
  return inputError("{}: expected weights: {}, or a single file that ends in {}; there is none",
                    directory.str(), fmt::join(weightFiles, ", "), fmt::join(weightSuffixes, ", "));
}

llvm::Expected<WeightStore> WeightStore::openDirectory(llvm::StringRef directory) {
  llvm::Expected<std::string> file = findFile(directory);
  if (!file)
    return file.takeError();
  return llvm::StringRef(*file).ends_with(".json") ? openIndex(*file) : open(*file);
}
