//===- KerasFile.h - the files of a Keras model -----------------------------------------------------===//
//
// Keras saves variables in HDF5 in two ways, and describes the model in JSON beside them, or not at all:
//   NAME.h5           tf-keras and older: groups of layers, whose attribute weight_names holds paths of
//   variables;
//                     a whole model has a root attribute model_config
//   NAME.weights.h5   numbered variables ("layers/dense_1/vars/0"), in the order of their creation;
//   containers
//                     of layers number them by class, whatever their names
//   NAME.keras        a zip archive of metadata.json, config.json and model.weights.h5
//   DIRECTORY         keras-hub's presets: config.json, model.weights.h5, and task.json and task.weights.h5
// Only numbers and names are read; a configuration's modules, classes and code are never loaded.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_KERASFILE_H
#define COMPILER_IMPORT_KERASFILE_H

#include "compiler/Import/Importers.h"

namespace vitc {

struct KerasFile {
  /// Tensors of the older form have the paths of variables as names ("dense_1/kernel"), the others their
  /// paths in the file.
  WeightStore store;
  /// What describes the model; absent for weights alone.
  std::optional<JsonDocument> config;
  /// The older form: layers in the model's order, with the names of their tensors in the order of creation.
  std::vector<std::pair<std::string, std::vector<std::string>>> layers;
  bool numbered = false; ///< the newer form

  /// The tensors of the layer of that name (numbered form: that container, "dense_1"), in order of creation.
  std::vector<const RawTensor *> variables(llvm::StringRef layer) const;
};

/// True if `path` is a file that one of Keras's saving functions wrote: HDF5, or a zip archive with
/// model.weights.h5.
bool isKerasFile(llvm::StringRef path);

/// Opens a file or a preset directory. Errors: as of the containers; weight_names that name no dataset.
llvm::Expected<KerasFile> openKeras(llvm::StringRef path);

/// "LayerNormalization" -> "layer_normalization", as Keras numbers the layers of a container.
std::string kerasSnakeCase(llvm::StringRef className);

/// Tensors that are no part of any model's function.
extern const llvm::ArrayRef<IgnoreRule> kerasIgnored;

} // namespace vitc

#endif // COMPILER_IMPORT_KERASFILE_H
