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
#include "compiler/Import/Safetensors.h"
#include "compiler/Support/Json.h"

namespace vitc {

/// What an importer hands to openCheckpoint(): `checkpoint.tensors` is still empty, `tensors` refers into
/// `store`.
struct Imported {
  Checkpoint checkpoint;
  WeightStore store;
  CanonicalTensors tensors;
  const NameTable *table = nullptr;
};

/// DIRECTORY/vit.json.
llvm::Expected<Imported> importVitJson(llvm::StringRef directory);
/// DIRECTORY/config.json with `architectures` or `model_type`.
llvm::Expected<Imported> importHuggingFace(llvm::StringRef directory, const JsonDocument &config);
/// DIRECTORY/config.json with `architecture`.
llvm::Expected<Imported> importTimm(llvm::StringRef directory, const JsonDocument &config);

/// DIRECTORY/preprocessor_config.json, if there is one. `libraryMajor` is the major transformers version of
/// the model's config.json, 0 if unknown.
llvm::Error importHuggingFacePreprocess(llvm::StringRef directory, int libraryMajor, Checkpoint &checkpoint);

/// timm's `pretrained_cfg` (in old files the root of config.json itself).
llvm::Error importTimmPreprocess(const JsonRef &pretrained, Checkpoint &checkpoint);

/// The key tables, for the test that compares them with docs/vit-json.md.
llvm::ArrayRef<KeyRule> huggingFaceKeys();
llvm::ArrayRef<KeyRule> huggingFaceProcessorKeys();
std::vector<llvm::ArrayRef<KeyRule>> timmKeys();

/// Fills every field of `config` that shapes and presence of tensors decide: width, channels, patch, prefix
/// tokens, position table, depth, biases, layer-scale, MLP. Precondition: config.inputSize is set. Does not
/// know heads.
void fillFromShapes(const CanonicalTensors &tensors, ModelConfig &config);

/// A text file with one label a line (UTF-8; CRLF is fine).
llvm::Expected<std::vector<std::string>> readLabels(llvm::StringRef file);

} // namespace vitc

#endif // COMPILER_IMPORT_IMPORTERS_H
