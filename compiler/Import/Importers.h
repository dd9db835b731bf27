//===- Importers.h - one function per kind of checkpoint --------------------------------------------===//
//
// Each importer resolves a foreign configuration into a ModelConfig and renames the tensors. What they share
// (validation, binding, scanning, labels) is in openCheckpoint().
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_IMPORTERS_H
#define COMPILER_IMPORT_IMPORTERS_H

#include "compiler/Import/Checkpoint.h"
#include "compiler/Import/KeyTable.h"
#include "compiler/Import/NameTable.h"
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Json.h"

namespace vitc {

/// What an importer hands to openCheckpoint(): `checkpoint.tensors` is still empty, `tensors` refers into
/// `store`.
struct Imported {
  Checkpoint checkpoint;
  WeightStore store;
  CanonicalTensors tensors;
  const NameTable *table = nullptr;
  std::shared_ptr<const void> ownTable; ///< keeps `table` alive where it is this checkpoint's own
  /// A vit.json that somebody wrote: errors say where its fields are.
  std::optional<JsonDocument> description;
};

/// DIRECTORY/vit.json.
llvm::Expected<Imported> importVitJson(llvm::StringRef directory);
/// DIRECTORY/config.json with `architectures` or `model_type`.
llvm::Expected<Imported> importHuggingFace(llvm::StringRef directory, const JsonDocument &config);
/// DIRECTORY/config.json with `architecture`.
llvm::Expected<Imported> importTimm(llvm::StringRef directory, const JsonDocument &config);
/// DIRECTORY/open_clip_config.json, or open_clip_model_cfg.json with its inner part.
llvm::Expected<Imported> importOpenClip(llvm::StringRef directory, const JsonDocument &config);

/// An ONNX file, with preprocessor_config.json beside it if there is one (docs/onnx.md).
llvm::Expected<Imported> importOnnx(llvm::StringRef path, const ImportOptions &options);

/// DIRECTORY/preprocessor_config.json, if there is one. `libraryMajor` is the major transformers version of
/// the model's config.json, 0 if unknown.
llvm::Error importHuggingFacePreprocess(llvm::StringRef directory, int libraryMajor, Checkpoint &checkpoint);

/// timm's `pretrained_cfg` (in old files the root of config.json itself).
llvm::Error importTimmPreprocess(const JsonRef &pretrained, Checkpoint &checkpoint);

/// Classes of transformers that can be opened, as `architectures` spells them.
std::vector<llvm::StringRef> huggingFaceClasses();

/// The key tables, for the test that compares them with docs/vit-json.md.
std::vector<llvm::ArrayRef<KeyRule>> huggingFaceKeys();
llvm::ArrayRef<KeyRule> huggingFaceProcessorKeys();
std::vector<llvm::ArrayRef<KeyRule>> timmKeys();
std::vector<llvm::ArrayRef<KeyRule>> openClipKeys();

/// One more than the highest index of a block.
int64_t countBlocks(const CanonicalTensors &tensors);

/// The side of the square grid that tables of relative positions were made for, by their (2n - 1)^2 + 3 rows;
/// 0 if there are none, or they have another number of rows.
int64_t squareOfRelativeTable(const CanonicalTensors &tensors);

/// Fills every field of `config` that shapes and presence of tensors decide: width, channels, patch, prefix
/// tokens, position table, depth, biases, layer-scale, MLP. Preconditions: config.inputSize is set; of linear
/// patches, whose size no shape shows, config.patch.{kind,size,stride} and config.channels are. Does not know
/// heads.
void fillFromShapes(const CanonicalTensors &tensors, ModelConfig &config);

/// Gives `config` the head whose tensors there are: a layer with tanh in front, a layer of the pooled token,
/// both or neither.
void fillHeadFromShapes(const CanonicalTensors &tensors, ModelConfig &config);

/// A text file with one label a line (UTF-8; CRLF is fine), or ImageNet's meta.mat (SynsetLabels.h).
llvm::Expected<std::vector<std::string>> readLabels(llvm::StringRef file);

} // namespace vitc

#endif // COMPILER_IMPORT_IMPORTERS_H
