//===- Keras.h - models that Keras saved ------------------------------------------------------------===//
//
// keras-hub's ViT and vit-keras have their own layers, so that names say what a tensor is. A model of Keras's
// plain layers is recognised by its graph, or, without one, by the shapes of its layers in order.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_KERAS_H
#define COMPILER_IMPORT_KERAS_H

#include "compiler/Import/KerasFile.h"

namespace vitc {

/// A file that isKerasFile() accepts, or a directory of keras-hub. `model` names it for messages.
llvm::Expected<Imported> importKeras(llvm::StringRef model, const ImportOptions &options);

/// True if a directory's config.json is one of Keras's ('class_name' and 'config').
bool isKerasConfig(const JsonRef &config);

// The three kinds. Each takes what is in `file`, whose configuration may be missing.
llvm::Expected<Imported> importKerasHub(KerasFile file, const ImportOptions &options);
llvm::Expected<Imported> importVitKeras(KerasFile file, const ImportOptions &options);
/// A graph of Keras's layers and TensorFlow's functions. Precondition: file.config.
llvm::Expected<Imported> importKerasGraph(KerasFile file, const ImportOptions &options);
/// The same without the graph: convolution, blocks of (norm, qkv, out, norm, fc1, fc2), norm, head.
llvm::Expected<Imported> importKerasSequence(KerasFile file, const ImportOptions &options);

/// What the kinds share: the parts of `config` that every Keras model has (input layout, mean over what,
/// ...).
void startKerasConfig(Imported &imported, llvm::StringRef arch);

/// The input size where no configuration says it: --image-size, or a square grid of `patches`; an error that
/// names --image-size.
llvm::Expected<Extent> kerasInputSize(const Imported &imported, const ImportOptions &options,
                                      int64_t patches);

/// The key tables, for the test that compares them with docs/vit-json.md.
std::vector<llvm::ArrayRef<KeyRule>> kerasKeys();

} // namespace vitc

#endif // COMPILER_IMPORT_KERAS_H
