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

std::string vitc::metadataJson(const LibraryInfo &info, const ModelConfig &config,
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
    json.attributeBegin("input");
    writePort(json, info.input, "");
    json.attributeEnd();
    json.attributeArray("outputs", [&] {
      for (auto [port, identifier] : llvm::zip(info.outputs, outputIdentifiers(info)))
        writePort(json, port, identifier);
    });
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
    json.attribute("model_flops", info.modelFlops);
    json.attribute("executed_flops", info.executedFlops);
    json.attribute("arena_bytes", info.arenaBytes);
    json.attribute("scratch_bytes", info.scratchBytes);
    json.attributeObject("weights", [&] {
      json.attribute("bytes", info.weightBytes);
      json.attribute("id", idText(info.weightId));
      json.attribute("embedded", info.embedded);
    });
    json.attributeBegin("model");
    json.rawValue(llvm::StringRef(printVitJson(config)).trim());
    json.attributeEnd();
  });
  return text;
}
