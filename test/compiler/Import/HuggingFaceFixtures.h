//===- HuggingFaceFixtures.h - tiny models of transformers' families --------------------------------===//
#ifndef TEST_COMPILER_IMPORT_HUGGINGFACEFIXTURES_H
#define TEST_COMPILER_IMPORT_HUGGINGFACEFIXTURES_H

#include "compiler/Import/Importers.h"
#include "test/compiler/Import/ImportFixtures.h"

namespace vitc::test {

constexpr int64_t w = TinyModel::width, f = TinyModel::hidden, classes = TinyModel::classes;
using Changes = std::map<std::string, std::string>;

/// Names and shapes of a tiny model, written down in the order of the modules.
struct Tensors {
  Shapes shapes;
  Tensors &add(const std::string &name, std::vector<int64_t> shape) {
    shapes.push_back({name, std::move(shape)});
    return *this;
  }
  Tensors &linear(const std::string &name, int64_t out, int64_t in, bool bias = true) {
    add(name + ".weight", {out, in});
    return bias ? add(name + ".bias", {out}) : *this;
  }
  Tensors &norm(const std::string &name, bool bias = true) {
    add(name + ".weight", {w});
    return bias ? add(name + ".bias", {w}) : *this;
  }
};

struct Opened {
  Checkpoint checkpoint;
  const ModelConfig &config() const { return checkpoint.config; }
  bool noted(llvm::StringRef text) const {
    return llvm::any_of(checkpoint.notes, [&](llvm::StringRef note) { return note.contains(text); });
  }
};

/// Binds what an importer made, without asking whether the compiler can lower the model.
inline llvm::Expected<Opened> bound(llvm::Expected<Imported> imported) {
  if (!imported)
    return imported.takeError();
  if (llvm::Error error =
          bindTensors(imported->checkpoint, imported->tensors, *imported->table, imported->store.path()))
    return std::move(error);
  return Opened{std::move(imported->checkpoint)};
}

/// Imports and binds without asking whether the compiler can lower the model.
inline llvm::Expected<Opened> tryImport(const ModelDir &dir) {
  llvm::Expected<JsonDocument> document = JsonDocument::parseFile(dir.file("config.json"));
  if (!document)
    return document.takeError();
  return bound(importHuggingFace(dir.path(), *document));
}
inline std::optional<Opened> import(const Tensors &tensors, const std::string &config) {
  ModelDir dir;
  dir.tensors(tensors.shapes);
  dir.config(config);
  return get(tryImport(dir));
}
inline void expectRefused(const Tensors &tensors, const std::string &config,
                          std::initializer_list<llvm::StringRef> parts) {
  ModelDir dir;
  dir.tensors(tensors.shapes);
  dir.config(config);
  expectError(tryImport(dir), ExitCode::Input, parts);
}

/// config.json of the tiny model; values as in jsonObject().
inline Changes sizes(const char *modelClass, const char *type) {
  return {{"architectures", std::string("[\"") + modelClass + "\"]"},
          {"model_type", std::string("\"") + type + "\""},
          {"hidden_size", "8"},
          {"num_hidden_layers", "2"},
          {"num_attention_heads", "2"},
          {"intermediate_size", "12"},
          {"hidden_act", "\"gelu\""},
          {"layer_norm_eps", "1e-6"},
          {"image_size", "8"},
          {"patch_size", "4"},
          {"num_channels", "3"}};
}

} // namespace vitc::test

#endif // TEST_COMPILER_IMPORT_HUGGINGFACEFIXTURES_H
