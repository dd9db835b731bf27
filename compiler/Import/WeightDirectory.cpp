//===- WeightDirectory.cpp - where the weights of a directory are -----------------------------------===//
#include "compiler/Import/Safetensors.h"
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
    llvm::Expected<std::shared_ptr<const MappedFile>> mapped = MappedFile::open(file);
    if (!mapped)
      return mapped.takeError();
    if (llvm::Error error = store.add(std::move(*mapped)))
      return std::move(error);
  }
  for (const auto &[tensor, shard] : shardOf) {
    const RawTensor *found = store.find(tensor);
    if (!found || path::filename(found->file->path()) != shard)
      return inputError("{}: expected tensor '{}' in shard '{}', {}", store.name, quoteForMessage(tensor),
                        shard,
                        found ? "got it in " + found->file->path() : std::string("which does not hold it"));
  }
  for (const auto &[tensor, raw] : store.table)
    if (!shardOf.count(tensor))
      return inputError("{}: expected every tensor in the index's weight_map, got '{}', which is not there",
                        raw.file->path(), quoteForMessage(tensor));
  return store;
}

llvm::Expected<WeightStore> WeightStore::openDirectory(llvm::StringRef directory) {
  auto at = [&](llvm::StringRef name) {
    llvm::SmallString<256> result(directory);
    path::append(result, name);
    return std::string(result);
  };
  if (fs::exists(at("model.safetensors")))
    return openFile(at("model.safetensors"));
  if (fs::exists(at("model.safetensors.index.json")))
    return openIndex(at("model.safetensors.index.json"));

  std::vector<std::string> candidates, pickles;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; it != end && !error; it.increment(error)) {
    llvm::StringRef name = path::filename(it->path());
    if (name.ends_with(".safetensors"))
      candidates.push_back(name.str());
    if (name.ends_with(".bin") || name.ends_with(".pt") || name.ends_with(".pth") || name.ends_with(".ckpt"))
      pickles.push_back(name.str());
  }
  llvm::sort(candidates);
  llvm::sort(pickles);
  if (candidates.size() == 1)
    return openFile(at(candidates[0]));
  if (candidates.size() > 1)
    return inputError(
        "{}: expected model.safetensors or model.safetensors.index.json, got {}; rename the one to use",
        directory.str(), llvm::join(candidates, ", "));
  if (!pickles.empty())
    return inputError(
        "{}: expected model.safetensors, got {}; PyTorch pickles are not read, because reading them can "
        "run code: convert once with safetensors.torch.save_file",
        directory.str(), llvm::join(pickles, ", "));
  return inputError("{}: expected model.safetensors or model.safetensors.index.json, which are missing",
                    directory.str());
}
