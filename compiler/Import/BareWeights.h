//===- BareWeights.h - weights without a configuration ------------------------------------------------===//
//
// A state dict says which library wrote it by the names of its tensors, and nearly everything else by their
// shapes. What it cannot say (heads, epsilon, activation, sometimes the input's size) comes from what the
// library always does, or from --arch, --heads, --norm-eps and --image-size; where neither decides, the
// answer is an error that says what to give.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_BAREWEIGHTS_H
#define COMPILER_IMPORT_BAREWEIGHTS_H

#include "compiler/Import/Importers.h"
#include "compiler/Import/PreprocessRecipes.h"

namespace vitc {

/// What a library's `describe` works on: `imported` has its store, its tensors by canonical name, and its
/// table.
struct BareModel {
  Imported &imported;
  const ImportOptions &options;
  llvm::StringRef arch; ///< NAME of --arch LIBRARY:NAME, or empty

  const CanonicalTensors &tensors() const { return imported.tensors; }
  ModelConfig &config() { return imported.checkpoint.config; }
  const std::string &path() const { return imported.store.path(); }
  void warn(std::string text) { imported.checkpoint.warnings.push_back(path() + ": " + std::move(text)); }
  /// "PATH: TEXT", an error in the input.
  llvm::Error error(const std::string &text) const;
};

/// A library, or a project whose models differ in what no tensor shows.
struct BareLibrary {
  const char *name; ///< LIBRARY of --arch
  const NameTable *table;
  llvm::ArrayRef<IgnoreRule> ignored; ///< beyond the table's
  /// Whether tensors that all have names of `table` are this library's. Null: they are.
  bool (*recognises)(const WeightStore &store, const CanonicalTensors &tensors);
  llvm::Error (*describe)(BareModel &model);
  const char *names; ///< what NAME may be, for messages
};

/// All of them. Tensors that fit two are an error, so their recognisers exclude each other.
llvm::ArrayRef<const BareLibrary *> bareLibraries();

/// A file of weights, or a directory that holds one and no configuration.
llvm::Expected<Imported> importBareWeights(llvm::StringRef model, const ImportOptions &options);

/// Sets config.inputSize from --image-size if its grid has as many patches as the position table, else from
/// the table if one square grid fits, else from `fallback` (0: none) with a warning.
llvm::Error findInputSize(BareModel &model, int64_t fallback);

/// A width and the heads that every model of a library with that width has.
struct HeadsOfWidth {
  int64_t width, heads;
};
/// --heads; else, with a warning, the table's entry; else an error. Zero if `inner` is no multiple of them.
llvm::Expected<int64_t> findHeads(BareModel &model, llvm::ArrayRef<HeadsOfWidth> known);

/// Sets config.preprocess, with a note that it is the library's habit; leaves it out for inputs that are no
/// RGB pictures, or not square where the recipe expects that.
void usePreprocess(BareModel &model, const PreprocessRecipe &recipe);

} // namespace vitc

#endif // COMPILER_IMPORT_BAREWEIGHTS_H
