//===- InspectCommand.cpp - vitc inspect --------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/Layers.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/Text.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Plan/ManyCores.h"
#include "compiler/Target/Interface.h"
#include "compiler/Target/PlannedWeights.h"
#include "compiler/Target/Prefix.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"

using namespace vitc;

namespace {

/// What inspect shows, of a model or of a library.
struct Inspected {
  std::vector<LibraryFacts> sizes; ///< at each input size
  size_t chosen = 0;               ///< of which the rest is
  std::vector<Layer> layers;
  std::vector<std::string> notes;
  std::vector<int64_t> threads; ///< that `divided` is for
  DividedForward divided;
  bool compiled = false;

  const LibraryFacts &facts() const { return sizes[chosen]; }
};

Port portOf(llvm::StringRef name, mlir::Type type) {
  Port port{name.str(), llvm::to_vector<4>(llvm::cast<mlir::ShapedType>(type).getShape())};
  if (port.shape.size() == 2 && port.shape.front() == 1)
    port.shape.erase(port.shape.begin());
  return port;
}

/// Lowers the model for the best target asked for and reads the plan.
llvm::Expected<Inspected> inspectModel(const Model &model, const CompileOptions &options,
                                       std::vector<int64_t> threads) {
  Inspected result;
  result.threads = std::move(threads);
  LibraryFacts &facts = result.sizes.emplace_back();
  const auto *checkpoint = std::get_if<Checkpoint>(&model);
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const Isa *isa = options.targets.front();
  if (checkpoint) {
    context = makeContext();
    module = buildModule(*context, checkpoint->config);
    facts.model = checkpoint->config;
    facts.tokens = checkpoint->config.tokens();
    facts.inputSize = checkpoint->config.inputSize;
    facts.name = prefixFrom(checkpoint->config.name);
    result.notes = checkpoint->notes;
  } else {
    const auto &mlir = std::get<MlirModel>(model);
    context = mlir.context;
    module = (*mlir.module).clone();
    facts.name = mlir.config.name;
    isa = mlir.plannedFor ? mlir.plannedFor : isa;
  }
  facts.compiler = compilerVersion().str();
  facts.precision = precisionName(options.precision).str();
  facts.architecture = isa->arch.str();
  facts.levels = {{isa->name.str(), isa->summary.str()}};
  facts.batch = options.batch;
  for (auto weight : module->getOps<vit::WeightOp>())
    if (!weight.getChain())
      facts.parameters += weight.getTensorType().getNumElements();
  facts.modelFlops = modelFlops(*module);
  result.layers = layersOf(*module);
  if (llvm::Error error = lowerTo(*module, Phase::Planned, *isa, options))
    return checkpoint ? std::move(error) : blameModule(std::move(error));
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    int64_t flops = 0;
    function.walk([&](vit::PlannedOpInterface op) {
      flops += op.getFlops();
      facts.scratchBytes = std::max(facts.scratchBytes, op.getScratchBytes());
    });
    if (auto arena = function->getAttrOfType<mlir::IntegerAttr>("vit.arena_bytes"))
      facts.arenaBytes = std::max(facts.arenaBytes, arena.getInt());
    if (function.getName() != "forward" || function.getNumArguments() < 2)
      continue;
    facts.executedFlops = flops;
    result.divided = divideForward(function, options.batch, result.threads);
    facts.input = portOf("image", function.getArgumentTypes().front());
    for (unsigned i = 1; i < function.getNumArguments(); ++i) {
      auto name = function.getArgAttrOfType<mlir::StringAttr>(i, "vit.name");
      facts.outputs.push_back(portOf(name ? name.getValue() : "output", function.getArgumentTypes()[i]));
    }
  }
  vit::WeightEvaluator evaluator(*module,
                                 checkpoint ? tensorLookup(*checkpoint) : std::get<MlirModel>(model).weights);
  llvm::Expected<std::vector<BlobTensor>> tensors = blobTensors(*module, evaluator);
  if (!tensors)
    return tensors.takeError();
  facts.weightBytes = static_cast<int64_t>(blobBytes(*tensors));
  return result;
}

/// The plan of each size; layers and their division are those of the first.
llvm::Expected<Inspected> inspectModels(llvm::ArrayRef<Model> models, const CompileOptions &options,
                                        const std::vector<int64_t> &threads) {
  Inspected result;
  for (auto [i, model] : llvm::enumerate(models)) {
    llvm::Expected<Inspected> one = inspectModel(model, options, threads);
    if (!one)
      return one.takeError();
    if (i == 0)
      result = std::move(*one);
    else
      result.sizes.push_back(std::move(one->sizes.front()));
  }
  return result;
}

llvm::Expected<Inspected> inspectLibrary(llvm::StringRef path, const Arguments &arguments) {
  if (llvm::Error error = expectOneSize(arguments, "the layers of a library are shown at it"))
    return std::move(error);
  llvm::Expected<LibraryFile> file = openLibraryFile(path);
  if (!file)
    return file.takeError();
  llvm::Expected<std::vector<size_t>> chosen = chosenSizes(file->sizes, path, arguments);
  if (!chosen)
    return chosen.takeError();
  Inspected result;
  result.sizes = std::move(file->sizes);
  result.chosen = chosen->front();
  result.compiled = true;
  if (result.facts().model) {
    auto context = makeContext();
    result.layers = layersOf(*buildModule(*context, *result.facts().model));
  }
  return result;
}

std::string stepText(const PreprocessStep &step) {
  if (const auto *resize = std::get_if<ResizeStep>(&step)) {
    bool shortest = resize->mode == ResizeMode::Shortest;
    std::string size = shortest ? fmt::format("shorter side to {}", resize->size.height)
                                : fmt::format("to {} x {}", resize->size.height, resize->size.width);
    const char *rules = resize->impl == ResizeImpl::Pil     ? "Pillow's rules"
                        : resize->impl == ResizeImpl::Torch ? "torchvision's rules for tensors"
                        : resize->impl == ResizeImpl::Tf    ? "TensorFlow's rules"
                                                            : "OpenCV's rules";
    bool antialiased = resize->antialias && resize->filter != ResizeFilter::Nearest;
    return fmt::format("resize {}, {}{}, {}{}{}", size, nameOf(resize->filter),
                       antialiased ? ", antialiased" : "", rules,
                       resize->keepsFractions() ? ", pixels in f32" : "",
                       shortest && resize->rounding == SizeRounding::Lround ? ", longer side rounded" : "");
  }
  if (const auto *crop = std::get_if<CenterCropStep>(&step))
    return fmt::format("centre crop {} x {}, offset {}", crop->size.height, crop->size.width,
                       crop->round == CropRounding::Floor ? "rounded down" : "rounded half to even");
  const auto &affine = std::get<AffineStep>(step);
  return fmt::format("(x * {:.6g} - mean) / std, mean {:.6g}, std {:.6g}", affine.scale,
                     fmt::join(affine.mean, " "), fmt::join(affine.std, " "));
}

std::string gflop(int64_t flops) { return numberText(static_cast<double>(flops) / 1e9); }

void printLayers(const Inspected &inspected, llvm::raw_ostream &os) {
  os << "\n";
  TextTable table({{"layer"},
                   {"op"},
                   {"output"},
                   {"times", TextTable::Right},
                   {"parameters", TextTable::Right},
                   {"GFLOP", TextTable::Right}});
  for (const Layer &layer : inspected.layers)
    table.add({layer.name, layer.op, shapeText({"", layer.shape}), std::to_string(layer.count),
               countText(layer.parameters), gflop(layer.flops)});
  table.print(os);
}

/// Regions of the plan by threads, the arithmetic as a whole last.
void printDivision(const Inspected &inspected, llvm::raw_ostream &os) {
  os << fmt::format("\nthreads that are busy, batch {}\n", inspected.facts().batch);
  std::vector<TextTable::Column> columns{
      {"region"}, {"times", TextTable::Right}, {"chunks", TextTable::Right}, {"of GFLOP", TextTable::Right}};
  for (int64_t threads : inspected.threads)
    columns.push_back({"of " + std::to_string(threads), TextTable::Right});
  TextTable table(std::move(columns));
  auto add = [&](std::vector<std::string> cells, const std::vector<double> &busy) {
    for (double share : busy)
      cells.push_back(fmt::format("{:.0f} %", 100 * share));
    table.add(std::move(cells));
  };
  auto all = static_cast<double>(inspected.facts().executedFlops);
  for (const DividedRegion &region : inspected.divided.regions)
    add({region.name, std::to_string(region.count),
         std::to_string(region.chunks) +
             (region.fineChunks ? " or " + std::to_string(region.fineChunks) : ""),
         region.flops ? fmt::format("{:.1f} %", 100 * static_cast<double>(region.flops) / all) : "-"},
        region.busy);
  add({"all arithmetic", "", "", "100.0 %"}, inspected.divided.busy);
  table.print(os);
}

/// What the input size makes of a model, where there are several.
void printSizes(const Inspected &inspected, llvm::raw_ostream &os) {
  os << "\n";
  auto right = TextTable::Right;
  TextTable table({{"input"},
                   {"tokens", right},
                   {"GFLOP", right},
                   {"executed", right},
                   {"arena", right},
                   {"per thread", right},
                   {"outputs"}});
  for (const LibraryFacts &facts : inspected.sizes) {
    std::string outputs;
    for (const Port &output : facts.outputs)
      outputs += (outputs.empty() ? "" : ", ") + output.name + " " + shapeText(output);
    table.add({sizeText(facts.inputSize), std::to_string(facts.tokens), gflop(facts.modelFlops),
               gflop(facts.executedFlops), bytesText(facts.arenaBytes), bytesText(facts.scratchBytes),
               escapeControls(outputs)});
  }
  table.print(os);
}

void printText(const Inspected &inspected, llvm::raw_ostream &os) {
  const LibraryFacts &facts = inspected.facts();
  auto line = [&](llvm::StringRef key, const std::string &value) {
    os << llvm::left_justify(key, 15) << escapeControls(value) << "\n";
  };
  line("name", facts.name);
  line("input", facts.input.name + " " + shapeText(facts.input) + " f32");
  for (const Port &output : facts.outputs)
    line("output", output.name + " " + shapeText(output) + " f32");
  line("parameters", countText(facts.parameters));
  line("GFLOP", fmt::format("{} nominal, {} executed", gflop(facts.modelFlops), gflop(facts.executedFlops)));
  line("precision", facts.precision);
  for (const vit::LayerArithmetic &layer : facts.layers)
    line("", layer.layer + " " + vit::dotName(layer.dot).str() +
                 (layer.inputScale != 0 ? ", input in steps of " + numberText(layer.inputScale) : ""));
  for (const LibraryFacts::Level &level : facts.levels)
    line(inspected.compiled ? "level" : "planned for", level.name + ": " + level.summary);
  line("batch", std::to_string(facts.batch));
  line("arena", bytesText(facts.arenaBytes) + " per image of a pass, and " + bytesText(facts.scratchBytes) +
                    " per thread");
  line("weights", bytesText(facts.weightBytes) + (!inspected.compiled ? " packed"
                                                  : facts.embedded ? " packed, embedded"
                                                                   : " packed, in " + facts.name + ".vitw"));
  if (!facts.weightId.empty())
    line("content id", facts.weightId);
  if (facts.model) {
    const ModelConfig &model = *facts.model;
    if (model.preprocess) {
      for (const PreprocessStep &step : model.preprocess->steps)
        line("preprocessing", stepText(step));
      if (inspected.compiled)
        line("pictures", fmt::format("sides up to {}", facts.maxSide));
    } else {
      line("preprocessing", "none: takes normalised f32 images only");
    }
    if (!model.labels.empty())
      line("labels", fmt::format("{}: {}{}", model.labels.size(),
                                 llvm::join(llvm::ArrayRef(model.labels).take_front(5), "; "),
                                 model.labels.size() > 5 ? "; ..." : ""));
    line("norms", fmt::format("{}, epsilon {}", model.norm == NormKind::Layer ? "LayerNorm" : "RMSNorm",
                              numberText(model.normEps)));
    line("source", model.source.library + (model.source.arch.empty() ? "" : " " + model.source.arch));
    line("source hash", model.source.hash);
    if (!model.source.sha256.empty())
      line("source sha256", model.source.sha256);
  }
  line("compiler", "vitc " + facts.compiler);
  for (const std::string &note : inspected.notes)
    line("note", note);
  if (inspected.sizes.size() > 1)
    printSizes(inspected, os);
  if (!inspected.layers.empty())
    printLayers(inspected, os);
  if (!inspected.threads.empty())
    printDivision(inspected, os);
}

void printJson(const Inspected &inspected, llvm::raw_ostream &os) {
  const LibraryFacts &facts = inspected.facts();
  llvm::json::OStream json(os, 2);
  auto port = [&](const Port &port) {
    json.object([&] {
      json.attribute("name", llvm::json::fixUTF8(port.name));
      json.attribute("shape", llvm::json::Array(port.shape));
    });
  };
  // What depends on the input size.
  auto sizeJson = [&](const LibraryFacts &size) {
    json.attributeBegin("input");
    port(size.input);
    json.attributeEnd();
    json.attributeArray("outputs", [&] { llvm::for_each(size.outputs, port); });
    json.attribute("gflop_model", static_cast<double>(size.modelFlops) / 1e9);
    json.attribute("gflop", static_cast<double>(size.executedFlops) / 1e9);
    json.attribute("arena_bytes", size.arenaBytes);
    json.attribute("scratch_bytes", size.scratchBytes);
  };
  json.object([&] {
    json.attribute("vitc", facts.compiler);
    json.attribute("name", facts.name);
    json.attribute("compiled", inspected.compiled);
    json.attribute("architecture", facts.architecture);
    json.attribute("precision", facts.precision);
    json.attributeArray("arithmetic", [&] {
      for (const vit::LayerArithmetic &layer : facts.layers)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(layer.layer));
          json.attribute("dot", vit::dotName(layer.dot));
          if (layer.inputScale != 0)
            json.attribute("input_scale", layer.inputScale);
        });
    });
    json.attributeArray("levels", [&] {
      for (const LibraryFacts::Level &level : facts.levels)
        json.value(level.name);
    });
    json.attribute("batch", facts.batch);
    json.attribute("parameters", facts.parameters);
    sizeJson(facts);
    json.attribute("weight_bytes", facts.weightBytes);
    if (!facts.weightId.empty())
      json.attribute("weight_id", facts.weightId);
    if (inspected.sizes.size() > 1)
      json.attributeArray("sizes", [&] {
        for (const LibraryFacts &size : inspected.sizes)
          json.object([&] {
            json.attribute("height", size.inputSize.height);
            json.attribute("width", size.inputSize.width);
            json.attribute("tokens", size.tokens);
            sizeJson(size);
          });
      });
    if (facts.model) {
      json.attributeBegin("model");
      json.rawValue(llvm::StringRef(printVitJson(*facts.model)).trim());
      json.attributeEnd();
    }
    json.attributeArray("layers", [&] {
      for (const Layer &layer : inspected.layers)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(layer.name));
          json.attribute("op", layer.op);
          json.attribute("shape", llvm::json::Array(layer.shape));
          json.attribute("count", layer.count);
          json.attribute("parameters", layer.parameters);
          json.attribute("gflop", static_cast<double>(layer.flops) / 1e9);
        });
    });
    if (inspected.threads.empty())
      return;
    json.attribute("threads", llvm::json::Array(inspected.threads));
    json.attribute("busy", llvm::json::Array(inspected.divided.busy));
    json.attributeArray("regions", [&] {
      for (const DividedRegion &region : inspected.divided.regions)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(region.name));
          json.attribute("count", region.count);
          json.attribute("chunks", region.chunks);
          json.attribute("fine_chunks", region.fineChunks);
          json.attribute("gflop", static_cast<double>(region.flops) / 1e9);
          json.attribute("busy", llvm::json::Array(region.busy));
        });
    });
  });
  os << "\n";
}

} // namespace

llvm::Error vitc::inspectCommand(const Arguments &arguments, Console &console) {
  llvm::Expected<std::string> input = arguments.single("a model or library");
  if (!input)
    return input.takeError();
  llvm::Expected<CompileOptions> options = compileOptions(arguments, console, "host");
  if (!options)
    return options.takeError();
  llvm::Expected<std::vector<int64_t>> threads = arguments.integers(OPT_threads, {}, 1, 1024);
  if (!threads)
    return threads.takeError();
  llvm::Expected<Inspected> inspected = Inspected();
  if (isLibrary(*input)) {
    if (llvm::Error error =
            refuseForLibrary(*input, arguments, {OPT_target, OPT_batch, OPT_precision, OPT_threads}))
      return error;
    inspected = inspectLibrary(*input, arguments);
  } else {
    llvm::Expected<std::vector<Model>> models = openModels(*input, arguments, console);
    if (!models)
      return models.takeError();
    inspected = inspectModels(*models, *options, *threads);
  }
  console.clearProgress();
  if (!inspected)
    return inspected.takeError();
  if (arguments.has(OPT_json))
    printJson(*inspected, console.out);
  else
    printText(*inspected, console.out);
  return llvm::Error::success();
}
