//===- Containers.h - readers of the files that hold tensors -----------------------------------------===//
//
// Each reader takes an untrusted file of one format and adds its tensors to a store. None executes anything,
// and none allocates more than a small multiple of the file's size. The rules that each enforces, and what it
// leaves out, are in docs/containers.md.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_CONTAINERS_H
#define COMPILER_IMPORT_CONTAINERS_H

#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Zip.h"

namespace vitc {

/// https://github.com/huggingface/safetensors.
llvm::Error readSafetensors(std::shared_ptr<const ByteSource> file, WeightStore &store);

/// torch.save and torch.jit.save, the zip format. Names join the keys of nested dictionaries by dots; the
/// usual wrappers of training checkpoints are peeled, with a note. Precondition: an entry is named data.pkl.
llvm::Error readTorchArchive(std::shared_ptr<const ByteSource> file, ZipArchive &archive, WeightStore &store);
/// torch.save before 1.6, or with _use_new_zipfile_serialization=False.
bool isOldTorchFile(llvm::StringRef contents);
llvm::Error readOldTorchFile(std::shared_ptr<const ByteSource> file, WeightStore &store);

/// numpy.save. The tensor's name is the file's without suffix.
llvm::Error readNpyArray(std::shared_ptr<const ByteSource> file, WeightStore &store);
/// numpy.savez and numpy.savez_compressed. Names are those of the entries without ".npy".
llvm::Error readNumpyArchive(std::shared_ptr<const ByteSource> file, ZipArchive &archive, WeightStore &store);

/// mindspore.save_checkpoint.
bool isMindSporeFile(llvm::StringRef contents);
llvm::Error readMindSporeFile(std::shared_ptr<const ByteSource> file, WeightStore &store);

/// A zip archive of one of the libraries; which, is told by its entries: data.pkl (PyTorch), *.npy (NumPy),
/// model.weights.h5 (Keras).
llvm::Error readArchive(std::shared_ptr<const ByteSource> file, WeightStore &store);

} // namespace vitc

#endif // COMPILER_IMPORT_CONTAINERS_H
