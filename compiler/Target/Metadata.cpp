#include "compiler/Target/Metadata.h"
#include "compiler/Target/Interface.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/Support/JSON.h"

using namespace vitc;

static void writePort(llvm::json::OStream &json, const Port &port, llvm::StringRef identifier) {
  json.object([&] {
    json.attribute("name", llvm::json::fixUTF8(port.name));
    if (!identifier.empty())
      json.attribute("parameter", identifier);
    json.attribute("shape", llvm::json::Array(port.shape));
  });
}

/// Attributes of what depends on the input size.
static void writeSize(llvm::json::OStream &json, const SizeInfo &size) {
  InputExtents extents = inputExtents(size);
  json.attribute("height", extents.height);
  json.attribute("width", extents.width);
  if (size.tokens)
    json.attribute("tokens", size.tokens);
  json.attributeBegin("input");
  writePort(json, size.input, "");
  json.attributeEnd();
  json.attributeArray("outputs", [&] {
    for (auto [port, identifier] : llvm::zip(size.outputs, outputIdentifiers(size.outputs)))
      writePort(json, port, identifier);
  });
  json.attribute("model_flops", size.modelFlops);
  json.attribute("executed_flops", size.executedFlops);
  json.attribute("arena_bytes", size.arenaBytes);
  json.attribute("scratch_bytes", size.scratchBytes);
}

/// The keys of `config`'s description that differ from `other`'s.
static llvm::json::Object difference(const ModelConfig &config, const ModelConfig &other) {
  llvm::json::Object result = *llvm::cantFail(llvm::json::parse(printVitJson(config))).getAsObject();
  llvm::json::Value base = llvm::cantFail(llvm::json::parse(printVitJson(other)));
  for (const auto &[key, value] : *base.getAsObject())
    if (const llvm::json::Value *own = result.get(key); own && *own == value)
      result.erase(key);
  return result;
}

std::string vitc::metadataJson(const LibraryInfo &info, llvm::ArrayRef<const ModelConfig *> configs,
                               const CompileOptions &options) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os);
  json.object([&] {
    json.attribute("vitc", compilerVersion());
    json.attribute("abi", VITC_ABI_VERSION);
    json.attribute("name", info.name);
    json.attribute("architecture", info.levels.front()->arch);
    json.attribute("precision", precisionName(options.precision));
    json.attributeArray("arithmetic", [&] {
      for (const vit::LayerArithmetic &layer : options.layers)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(layer.layer));
          json.attribute("dot", vit::dotName(layer.dot));
          if (layer.inputScale != 0)
            json.attribute("input_scale", layer.inputScale);
        });
    });
    writeSize(json, info.sizes.front());
    json.attributeArray("levels", [&] {
      for (const Isa *isa : info.levels)
        json.object([&] {
          json.attribute("name", isa->name);
          json.attribute("summary", isa->summary);
        });
    });
    json.attribute("batch", info.batch);
    json.attribute("max_side", info.maxSide);
    json.attribute("parameters", info.parameters);
    json.attributeObject("weights", [&] {
      json.attribute("bytes", info.weightBytes);
      json.attribute("id", idText(info.weightId));
      json.attribute("embedded", info.embedded);
    });
    json.attributeBegin("model");
    json.rawValue(llvm::StringRef(printVitJson(*configs.front())).trim());
    json.attributeEnd();
    if (info.sizes.size() == 1)
      return;
    json.attributeArray("sizes", [&] {
      for (auto [size, config] : llvm::zip_equal(info.sizes, configs))
        json.object([&] {
          writeSize(json, size);
          json.attribute("model", difference(*config, *configs.front()));
        });
    });
  });
  return text;
}
