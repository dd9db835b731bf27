//===- VerifyCommand.cpp - vitc verify ----------------------------------------------------------------===//
//
// Three computations of one input meet: the library as an application runs it; the model-level module in
// float64, the reference for its outputs; and the planned module in float64, the reference for each region's
// buffer.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/VerifyReport.h"
#include "compiler/Target/Interface.h"
#include "compiler/Target/WeightBlob.h"

using namespace vitc;
using mlir::func::FuncOp;

namespace {

/// The default bounds: what we promise for the logits of plain models.
double defaultBound(Precision precision) {
  return precision == Precision::F32 ? 2e-6 : precision == Precision::Bf16 ? 8e-3 : 3e-2;
}
/// For models whose numerics are hard, relative to a plain f32 computation of the same model.
constexpr double kFactor = 3;

struct Bound {
  double value;
  bool relative = false; ///< times the error of the interpreter in f32
};

llvm::Expected<Bound> parseBound(const Arguments &arguments, bool outlier, Precision precision) {
  std::optional<std::string> text = arguments.value(OPT_bound);
  Bound bound{defaultBound(precision)};
  if (!text)
    return outlier && precision == Precision::F32 ? Bound{kFactor, true} : bound;
  llvm::StringRef number = *text;
  bound.relative = number.consume_back("x");
  if (!llvm::to_float(number, bound.value) || !(bound.value >= 0 && bound.value < 1e300))
    return makeError(ExitCode::Usage, "--bound: expected a number, or one with x behind it, got '{}'", *text);
  return bound;
}

class Verifier {
public:
  Verifier(const LoadedLibrary &library, const RunningModel &model, const CompileOptions &options,
           Bound bound)
      : library(library), model(model), options(options), bound(bound) {}

  /// Builds the reference modules.
  llvm::Error prepare(const Model &source);
  /// Runs one input and adds to `report`.
  llvm::Error run(uint64_t seed, VerifyReport &report, Console &console);

private:
  llvm::Error interpret(FuncOp function, vit::WeightEvaluator &weights, const vit::Tensor &image, bool single,
                        std::vector<vit::Tensor> &results);
  llvm::Error compareOutputs(const std::vector<std::vector<float>> &got, const std::vector<vit::Tensor> &want,
                             const std::vector<vit::Tensor> &single, llvm::StringRef suffix,
                             VerifyReport &report);
  llvm::Error runPixels(uint64_t seed, VerifyReport &report);

  const LoadedLibrary &library;
  const RunningModel &model;
  const CompileOptions &options;
  Bound bound;
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> reference, planned;
  std::optional<vit::WeightEvaluator> referenceWeights, plannedWeights;
  LoadedWeights weights;
};

llvm::Error Verifier::prepare(const Model &source) {
  const Isa *isa = findIsa(model.levelName());
  if (!isa)
    return makeError(ExitCode::Internal, "unknown level '{}'", model.levelName());
  vit::TensorLookup lookup;
  if (const auto *checkpoint = std::get_if<Checkpoint>(&source)) {
    context = makeContext();
    reference = buildModule(*context, checkpoint->config);
    lookup = tensorLookup(*checkpoint);
  } else {
    const auto &mlir = std::get<MlirModel>(source);
    context = mlir.context;
    reference = (*mlir.module).clone();
    lookup = mlir.weights;
  }
  planned = reference->clone();
  if (llvm::Error error = lowerTo(*planned, Phase::Planned, *isa, options))
    return error;
  referenceWeights.emplace(*reference, lookup);
  plannedWeights.emplace(*planned, lookup);
  llvm::Expected<LoadedWeights> opened = LoadedWeights::open(library);
  if (!opened)
    return opened.takeError();
  weights = std::move(*opened);
  return llvm::Error::success();
}

llvm::Error Verifier::interpret(FuncOp function, vit::WeightEvaluator &evaluator, const vit::Tensor &image,
                                bool single, std::vector<vit::Tensor> &results) {
  vit::InterpOptions interpOptions;
  interpOptions.single = single;
  if (mlir::failed(vit::interpret(function, {image}, evaluator, interpOptions, results)))
    return makeError(ExitCode::Internal, "the interpreter failed on @{}", function.getName().str());
  return llvm::Error::success();
}

llvm::Error Verifier::compareOutputs(const std::vector<std::vector<float>> &got,
                                     const std::vector<vit::Tensor> &want,
                                     const std::vector<vit::Tensor> &single, llvm::StringRef suffix,
                                     VerifyReport &report) {
  if (got.size() != want.size())
    return inputError("{}: expected {} outputs as the model has, got {}", library.path(), want.size(),
                      got.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i].size() != want[i].data.size())
      return inputError("{}: expected {} elements of output '{}' as the model has, got {}", library.path(),
                        want[i].data.size(), library.facts().outputs[i].name, got[i].size());
    RelativeError error, plain;
    for (size_t e = 0; e < got[i].size(); ++e) {
      error.add(got[i][e], want[i].data[e]);
      if (!single.empty())
        plain.add(single[i].data[e], want[i].data[e]);
    }
    std::string name = library.facts().outputs[i].name + suffix.str();
    auto row = llvm::find_if(report.outputs, [&](const OutputError &other) { return other.name == name; });
    if (row == report.outputs.end())
      row = report.outputs.insert(report.outputs.end(), OutputError{name});
    // The worst of all inputs on both sides: the errors of one input are a matter of luck.
    row->error = std::max(row->error, error.value());
    row->single = std::max(row->single, plain.value());
    row->bound = bound.relative ? bound.value * row->single : bound.value;
  }
  return llvm::Error::success();
}

llvm::Error Verifier::run(uint64_t seed, VerifyReport &report, Console &console) {
  auto function = reference->lookupSymbol<FuncOp>("forward");
  if (!function)
    return inputError("expected a function @forward, got a module without one");
  auto shape = llvm::cast<mlir::ShapedType>(function.getArgumentTypes().front());
  size_t elements = static_cast<size_t>(shape.getNumElements());
  if (elements * sizeof(float) != library.info().levels[0].run.input_bytes)
    return inputError(
        "{}: expected an input of {} bytes as the model has, got {}: this is the library of another model",
        library.path(), elements * sizeof(float), library.info().levels[0].run.input_bytes);
  std::vector<float> image = seededImage(seed, elements);
  vit::Tensor tensor{llvm::to_vector<4>(shape.getShape()), std::vector<double>(image.begin(), image.end())};

  console.progress("running the library", 0);
  std::vector<std::vector<float>> outputs;
  std::vector<float *> pointers;
  for (size_t i = 0; i < library.facts().outputs.size(); ++i)
    outputs.emplace_back(model.outputElements(i));
  for (auto &output : outputs)
    pointers.push_back(output.data());
  if (llvm::Error error = model.run(image.data(), 1, pointers))
    return error;

  console.progress("computing the reference", 0);
  std::vector<vit::Tensor> want, single;
  if (llvm::Error error = interpret(function, *referenceWeights, tensor, false, want))
    return error;
  if (bound.relative)
    if (llvm::Error error = interpret(function, *referenceWeights, tensor, true, single))
      return error;
  if (llvm::Error error = compareOutputs(outputs, want, single, "", report))
    return error;

  console.progress("comparing regions", 0);
  const vitc_level *level = library.level(model.levelName());
  StepRunner runner(library, *level, level->run, weights.blob());
  auto regions =
      compareRegions(planned->lookupSymbol<FuncOp>("forward"), *plannedWeights, runner, image.data(), tensor);
  if (!regions) {
    llvm::Error error = regions.takeError();
    if (exitCodeOf(error) == ExitCode::Internal)
      return error;
    report.noRegions = llvm::toString(std::move(error));
    return runPixels(seed, report);
  }
  for (size_t i = 0; i < regions->size(); ++i)
    if (i >= report.regions.size())
      report.regions.push_back((*regions)[i]);
    else
      report.regions[i].error = std::max(report.regions[i].error, (*regions)[i].error);
  return runPixels(seed, report);
}

/// The path of pictures from pixels of the model's size on: normalisation is folded into the patch embedding
/// there.
llvm::Error Verifier::runPixels(uint64_t seed, VerifyReport &report) {
  auto function = reference->lookupSymbol<FuncOp>("forward_u8");
  const vitc_level *level = library.level(model.levelName());
  if (!function || !level->run_u8.step_count)
    return llvm::Error::success();
  auto shape = llvm::cast<mlir::ShapedType>(function.getArgumentTypes().front());
  std::vector<float> pixels = seededImage(seed, static_cast<size_t>(shape.getNumElements()));
  for (float &value : pixels)
    value = std::clamp(128 + 50 * value, 0.0f, 255.0f);
  StepRunner runner(library, *level, level->run_u8, weights.blob());
  std::vector<uint8_t> bytes(pixels.begin(), pixels.end());
  bool fractions = !shape.getElementType().isInteger(8); // the resize keeps them
  if (!fractions)
    pixels.assign(bytes.begin(), bytes.end());
  fractions ? runner.start(pixels.data()) : runner.start(bytes.data());
  vit::Tensor tensor{llvm::to_vector<4>(shape.getShape()), std::vector<double>(pixels.begin(), pixels.end())};
  for (uint32_t i = 0; i < level->run_u8.step_count; ++i)
    runner.run(i);
  std::vector<std::vector<float>> got;
  for (size_t i = 0; i < library.facts().outputs.size(); ++i)
    got.emplace_back(runner.output(i), runner.output(i) + model.outputElements(i));
  std::vector<vit::Tensor> want, single;
  if (llvm::Error error = interpret(function, *referenceWeights, tensor, false, want))
    return error;
  if (bound.relative)
    if (llvm::Error error = interpret(function, *referenceWeights, tensor, true, single))
      return error;
  return compareOutputs(got, want, single, " (u8)", report);
}

/// MODEL with --variant in its name.
llvm::Expected<std::string> withVariant(const Arguments &arguments, std::string model, bool &outlier) {
  outlier = llvm::StringRef(model).contains("variant=outlier");
  if (!arguments.has(OPT_variant))
    return model;
  llvm::Expected<std::string> variant = arguments.choice(OPT_variant, "plain", {"plain", "outlier"});
  if (!variant)
    return variant.takeError();
  if (!llvm::StringRef(model).starts_with("preset:"))
    return makeError(ExitCode::Usage, "--variant: expected preset:NAME, got '{}', whose weights are given",
                     model);
  outlier = *variant == "outlier";
  return model + (llvm::StringRef(model).contains('?') ? "&" : "?") + "variant=" + *variant;
}

/// A library at the sizes to verify, and the model at each of them.
struct Subject {
  std::unique_ptr<LoadedLibrary> library;
  std::vector<size_t> sizes; ///< of the library
  std::vector<Model> models; ///< at those
};

/// Loads `path`, or compiles the model if that is empty.
llvm::Expected<Subject> openSubject(llvm::StringRef model, llvm::StringRef path, const Arguments &arguments,
                                    CompileOptions &options, Console &console) {
  Subject subject;
  std::vector<Extent> own; // of a library of several: where --image-size says nothing, all of them
  if (!path.empty()) {
    auto library = loadLibrary(path);
    if (!library)
      return library.takeError();
    subject.library = std::move(*library);
    if (subject.library->sizes().size() > 1)
      for (const LibraryFacts &facts : subject.library->sizes())
        own.push_back(facts.inputSize);
  }
  llvm::Expected<std::vector<Model>> models = openModels(model, arguments, console, own);
  if (!models)
    return models.takeError();
  subject.models = std::move(*models);
  useTargetOf(subject.models.front(), arguments, options);
  if (path.empty()) {
    auto library = compileAndLoad(subject.models, options);
    if (!library)
      return library.takeError();
    subject.library = std::move(*library);
  }
  llvm::Expected<std::vector<size_t>> sizes =
      chosenSizes(subject.library->sizes(), subject.library->path(), arguments);
  if (!sizes)
    return sizes.takeError();
  subject.sizes = std::move(*sizes);
  return subject;
}

/// Checks the content of the weights that a library uses against its content id.
llvm::Error checkContent(const LoadedLibrary &library) {
  llvm::Expected<LoadedWeights> weights = LoadedWeights::open(library);
  if (!weights)
    return weights.takeError();
  WeightId expected;
  llvm::copy(library.info().weight_id, expected.begin());
  WeightId found = contentId(weights->blob());
  if (found == expected)
    return llvm::Error::success();
  return inputError("{}: expected weights with content id {}, got {}: they are damaged",
                    library.weightsPath().empty() ? library.path() : library.weightsPath(), idText(expected),
                    idText(found));
}

} // namespace

llvm::Error vitc::verifyCommand(const Arguments &arguments, Console &console) {
  const std::vector<std::string> &inputs = arguments.positional();
  if (inputs.empty() || inputs.size() > 2)
    return makeError(ExitCode::Usage, "expected a model, and perhaps a library, got {} arguments",
                     inputs.size());
  if (inputs.size() == 2 && !isLibrary(inputs[1]))
    return makeError(ExitCode::Usage, "expected a library (.so, .a or .o) behind the model, got '{}'",
                     inputs[1]);
  bool outlier = false;
  llvm::Expected<std::string> name = withVariant(arguments, inputs.front(), outlier);
  if (!name)
    return name.takeError();
  if (llvm::Expected<Bound> bound = parseBound(arguments, outlier, Precision::F32); !bound)
    return bound.takeError(); // before anything takes time
  llvm::Expected<int64_t> count = arguments.integer(OPT_inputs, 1, 1, 1000000);
  if (!count)
    return count.takeError();
  llvm::Expected<int64_t> seed = arguments.integer(OPT_seed, 0, 0, std::numeric_limits<int32_t>::max());
  if (!seed)
    return seed.takeError();
  llvm::Expected<CompileOptions> options = compileOptions(arguments, console, "host");
  if (!options)
    return options.takeError();
  llvm::Expected<Subject> subject =
      openSubject(*name, inputs.size() == 2 ? inputs[1] : "", arguments, *options, console);
  if (!subject)
    return subject.takeError();
  LoadedLibrary &library = *subject->library;
  options->precision = precisionOf(library.facts().precision);
  options->layers = library.facts().layers;
  llvm::Expected<Bound> bound = parseBound(arguments, outlier, options->precision);
  if (!bound)
    return bound.takeError();
  if (inputs.size() == 2)
    if (llvm::Error error = checkContent(library))
      return error;
  const auto *checkpoint = std::get_if<Checkpoint>(&subject->models.front());
  const std::optional<ModelConfig> &compiled = library.facts().model;
  if (checkpoint && compiled && compiled->source.hash != checkpoint->config.source.hash)
    console.warn(fmt::format("{}: compiled from other weights ({}) than those of {} ({})", library.path(),
                             compiled->source.hash, inputs.front(), checkpoint->config.source.hash));

  VerifyReport report;
  std::string level;
  for (auto [size, model] : llvm::zip_equal(subject->sizes, subject->models)) {
    library.select(size);
    llvm::Expected<RunningModel> running = createModel(arguments, library);
    if (!running)
      return running.takeError();
    level = running->levelName();
    VerifyReport own;
    Verifier verifier(library, *running, *options, *bound);
    // A library gives back what it was compiled to; a model without options, its defaults.
    if (auto *source = std::get_if<Checkpoint>(&model); source && compiled && !arguments.has(OPT_outputs))
      source->config.outputs = compiled->outputs;
    if (llvm::Error error = verifier.prepare(model))
      return error;
    for (int64_t i = 0; i < *count; ++i)
      if (llvm::Error error = verifier.run(static_cast<uint64_t>(*seed + i), own, console))
        return error;
    if (subject->sizes.size() == 1)
      report = std::move(own);
    else
      report.append(std::move(own), sizeText(library.facts().inputSize));
  }
  report.relative = bound->relative;
  console.clearProgress();
  bool passed = llvm::all_of(report.outputs, [](const OutputError &output) { return output.passed(); });
  if (arguments.has(OPT_json))
    printJson(report, library.facts().name, level, passed, console.out);
  else
    printText(report, console.out);
  for (const OutputError &output : report.outputs)
    if (!output.passed())
      return makeError(ExitCode::OutOfBound,
                       "output '{}': expected a relative L2 error of at most {:.3g}, got {:.3g}", output.name,
                       output.bound, output.error);
  return llvm::Error::success();
}
