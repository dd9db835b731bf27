//===- TorchStateDict.h - a pickled state dictionary becomes tensors ---------------------------------===//
#ifndef COMPILER_IMPORT_TORCHSTATEDICT_H
#define COMPILER_IMPORT_TORCHSTATEDICT_H

#include "compiler/Import/Pickle.h"
#include "compiler/Import/WeightStore.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>

namespace vitc {

/// The globals that a pickle of weights may name; with `script` also those of TorchScript's objects.
bool isTorchGlobal(llvm::StringRef name, bool script);

/// The element type of "torch.FloatStorage", or null.
const ElementType *findTorchStorage(llvm::StringRef global);

/// What a pickle says about a storage; `type` is null if the name is no storage's.
struct TorchStorage {
  const ElementType *type = nullptr;
  std::string key;
  uint64_t count = 0; ///< of elements
};
/// The storage that a persistent id names, or nullopt if it names none.
std::optional<TorchStorage> readTorchStorage(const Pickle &pickle, PickleId persistent);

/// Where a storage's elements lie: exactly `count` of them. `tensor` is for messages.
using TorchStorageReader =
    llvm::function_ref<llvm::Expected<BytesRange>(const TorchStorage &storage, const std::string &tensor)>;

/// Adds the tensors of a state dictionary, wherever the usual wrappers put it; notes say what was chosen and
/// what is no tensor. `what` names the pickle in messages.
llvm::Error readTorchStateDict(const Pickle &pickle, const std::string &what, TorchStorageReader storages,
                               WeightStore &store);

} // namespace vitc

#endif // COMPILER_IMPORT_TORCHSTATEDICT_H
