#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/AttentionMap.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Import/Presets.h"
#include "compiler/Support/Json.h"
#include "compiler/Target/Prefix.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

using namespace vitc;

/// Options about the contents of a checkpoint: a library has them compiled in, a module has no such contents.
static constexpr OptionId kCheckpointOptions[] = {OPT_arch,      OPT_heads,  OPT_norm_eps,    OPT_outputs,
                                                  OPT_zero_shot, OPT_tensor, OPT_resize_rules};

static llvm::Expected<ImportOptions> importOptions(const Arguments &arguments) {
  ImportOptions options;
  options.labelsPath = arguments.value(OPT_labels).value_or("");
  options.arch = arguments.value(OPT_arch).value_or("");
  llvm::Expected<int64_t> heads = arguments.integer(OPT_heads, 0, 1, 1 << 12);
  if (!heads)
    return heads.takeError();
  options.heads = *heads;
  if (arguments.has(OPT_norm_eps)) {
    llvm::Expected<double> eps = arguments.number(OPT_norm_eps, 0, 0, 1);
    if (!eps)
      return eps.takeError();
    options.normEps = *eps;
  }
  for (const std::string &text : arguments.values(OPT_tensor)) {
    auto [name, file] = llvm::StringRef(text).split('=');
    if (name.empty() || file.empty())
      return makeError(ExitCode::Usage, "--tensor: expected NAME=FILE, got '{}'", quoteForMessage(text));
    options.tensors.emplace_back(name.str(), file.str());
  }
  options.zeroShotPath = arguments.value(OPT_zero_shot).value_or("");
  llvm::Expected<std::vector<std::string>> outputs = arguments.words(OPT_outputs);
  if (!outputs)
    return outputs.takeError();
  for (const std::string &text : *outputs) {
    std::optional<OutputSpec> output = parseOutput(text);
    if (!output)
      return makeError(ExitCode::Usage,
                       "--outputs: expected logits, probabilities, pooled, features, hidden:K, embedding, "
                       "attention:K or rollout, got '{}'",
                       quoteForMessage(text));
    options.outputs.push_back(*output);
  }
  llvm::Expected<std::optional<OutputSpec>> attention = attentionOption(arguments);
  if (!attention)
    return attention.takeError();
  if (*attention)
    options.more.push_back(**attention);
  if (arguments.has(OPT_resize_rules)) {
    static constexpr llvm::StringRef names[] = {"pillow", "torchvision", "tensorflow", "opencv"};
    llvm::Expected<std::string> rules = arguments.choice(OPT_resize_rules, names[0], names);
    if (!rules)
      return rules.takeError();
    options.resizeRules = static_cast<ResizeImpl>(llvm::find(names, *rules) - std::begin(names));
  }
  return options;
}

/// Opens a checkpoint at each size, from the same files.
static llvm::Expected<std::vector<Model>> openCheckpoints(llvm::StringRef model, ImportOptions options,
                                                          llvm::ArrayRef<Extent> sizes, Console &console) {
  std::vector<Model> models;
  std::vector<std::string> warned;
  for (size_t i = 0; i < std::max<size_t>(sizes.size(), 1); ++i) {
    if (!sizes.empty())
      options.imageSize = sizes[i];
    llvm::Expected<Checkpoint> checkpoint = openCheckpoint(model, options);
    if (!checkpoint && sizes.size() > 1)
      return llvm::handleErrors(checkpoint.takeError(), [&](const UserError &error) {
        return makeError(error.getExitCode(), "at {}: {}", sizeText(sizes[i]), error.getMessage());
      });
    if (!checkpoint)
      return checkpoint.takeError();
    for (const std::string &warning : checkpoint->warnings)
      if (!llvm::is_contained(warned, warning)) {
        console.warn(warning);
        warned.push_back(warning);
      }
    if (i > 0) // which also lets go of the files, but for what differs
      shareTensors(std::get<Checkpoint>(models.front()), *checkpoint);
    models.emplace_back(std::move(*checkpoint));
  }
  return models;
}

llvm::Expected<Model> vitc::openModel(llvm::StringRef model, const Arguments &arguments, Console &console) {
  if (llvm::Error error = expectOneSize(arguments, "a description has one"))
    return std::move(error);
  llvm::Expected<std::vector<Model>> models = openModels(model, arguments, console);
  if (!models)
    return models.takeError();
  return std::move(models->front());
}

llvm::Expected<std::vector<Model>> vitc::openModels(llvm::StringRef model, const Arguments &arguments,
                                                    Console &console, llvm::ArrayRef<Extent> otherwise) {
  llvm::StringRef suffix = llvm::sys::path::extension(model);
  bool preset = model.starts_with("preset:"), directory = llvm::sys::fs::is_directory(model);
  if (!preset && !directory && suffix == ".mlir") {
    if (arguments.has(OPT_labels))
      return makeError(ExitCode::Usage, "--labels: expected a checkpoint, got '{}', which takes no pictures",
                       model.str());
    auto refuse = [&](OptionId option) -> llvm::Error {
      if (!arguments.has(option))
        return llvm::Error::success();
      return makeError(ExitCode::Usage, "{}: expected a checkpoint, got the module '{}'",
                       Arguments::spelling(option), model.str());
    };
    if (llvm::Error error = refuse(OPT_image_size))
      return std::move(error);
    for (OptionId option : kCheckpointOptions)
      if (llvm::Error error = refuse(option))
        return std::move(error);
    llvm::Expected<MlirModel> result = openMlirModel(model, arguments.value(OPT_weights_from).value_or(""));
    if (!result)
      return result.takeError();
    std::vector<Model> models;
    models.emplace_back(std::move(*result));
    return models;
  }
  if (arguments.has(OPT_weights_from))
    return makeError(ExitCode::Usage,
                     "--weights-from: expected a .mlir model, got '{}', which has its own weights",
                     model.str());
  if (isLibrary(model))
    return inputError("{}: expected a model, got a library, which is compiled already", model.str());
  if (!preset && !directory && suffix == ".json" && llvm::sys::fs::exists(model))
    return inputError(
        "{}: expected a model, got a description without weights; give the directory that holds it",
        model.str());
  console.progress("reading " + model.str(), 0);
  llvm::Expected<ImportOptions> options = importOptions(arguments);
  if (!options)
    return options.takeError();
  llvm::Expected<std::vector<Extent>> sizes = imageSizes(arguments);
  if (!sizes)
    return sizes.takeError();
  return openCheckpoints(model, *options, sizes->empty() ? otherwise : llvm::ArrayRef(*sizes), console);
}

llvm::Expected<Precision> vitc::precisionOption(const Arguments &arguments) {
  std::vector<llvm::StringRef> names;
  for (Precision precision : kPrecisions)
    names.push_back(precisionName(precision));
  llvm::Expected<std::string> name = arguments.choice(OPT_precision, "f32", names);
  if (!name)
    return name.takeError();
  return precisionOf(*name);
}

llvm::Expected<CompileOptions> vitc::compileOptions(const Arguments &arguments, Console &console,
                                                    llvm::StringRef defaultTarget) {
  CompileOptions options;
  llvm::Expected<Precision> precision = precisionOption(arguments);
  if (!precision)
    return precision.takeError();
  options.precision = *precision;

  llvm::Expected<std::vector<std::string>> names = arguments.words(OPT_target);
  if (!names)
    return names.takeError();
  if (names->empty())
    names->push_back(defaultTarget.str());
  llvm::Expected<std::vector<const Isa *>> targets = parseTargets(*names, options.precision);
  if (!targets)
    return targets.takeError();
  options.targets = std::move(*targets);

  // A list is bench's: its largest run decides.
  llvm::Expected<std::vector<int64_t>> batches = arguments.integers(OPT_batch, {1}, 1, 4096);
  if (!batches)
    return batches.takeError();
  options.batch = *std::max_element(batches->begin(), batches->end());
  llvm::Expected<int64_t> maxSide = arguments.integer(OPT_max_side, 4096, 1, 65535);
  if (!maxSide)
    return maxSide.takeError();
  options.maxSide = *maxSide;

  llvm::Expected<std::string> weights = arguments.choice(OPT_weights, "auto", {"auto", "embed", "file"});
  if (!weights)
    return weights.takeError();
  options.weights = *weights == "embed"  ? WeightPlacement::Embed
                    : *weights == "file" ? WeightPlacement::File
                                         : WeightPlacement::Auto;
  if (std::optional<std::string> name = arguments.value(OPT_name)) {
    options.name = *name;
    if (llvm::Error error = checkPrefix(options.name))
      return error;
  }
  options.verifyEachPass = arguments.has(OPT_verify_each);
  options.progress = console.progressCallback();
  return options;
}

void vitc::useTargetOf(const Model &model, const Arguments &arguments, CompileOptions &options) {
  const auto *mlir = std::get_if<MlirModel>(&model);
  if (mlir && mlir->plannedFor && !arguments.has(OPT_target))
    options.targets = {mlir->plannedFor};
}

/// A planned module fits one level; --target may only repeat it.
static llvm::Expected<CompileOptions> optionsFor(const Model &model, CompileOptions options) {
  const auto *mlir = std::get_if<MlirModel>(&model);
  if (!mlir || !mlir->plannedFor)
    return options;
  if (!llvm::is_contained(options.targets, mlir->plannedFor))
    return makeError(ExitCode::Usage, "--target: expected {}, for which the module is planned",
                     mlir->plannedFor->name.str());
  options.targets = {mlir->plannedFor};
  return options;
}

llvm::Error vitc::blameModule(llvm::Error error) {
  return llvm::handleErrors(std::move(error), [](std::unique_ptr<UserError> user) -> llvm::Error {
    if (user->getExitCode() != ExitCode::Internal)
      return llvm::Error(std::move(user));
    return inputError("{}", user->getMessage());
  });
}

llvm::Expected<LibraryInfo> vitc::compileModel(llvm::ArrayRef<Model> sizes, const CompileOptions &options,
                                               llvm::StringRef output) {
  llvm::Expected<CompileOptions> adapted = optionsFor(sizes.front(), options);
  if (!adapted)
    return adapted.takeError();
  if (std::holds_alternative<Checkpoint>(sizes.front())) {
    std::vector<Checkpoint> checkpoints;
    for (const Model &model : sizes)
      checkpoints.push_back(std::get<Checkpoint>(model));
    return compileLibrary(checkpoints, *adapted, output);
  }
  const auto &mlir = std::get<MlirModel>(sizes.front());
  mlir::OwningOpRef<mlir::ModuleOp> module = (*mlir.module).clone();
  llvm::Expected<LibraryInfo> info =
      compileModules(SizedModule{*module, &mlir.config, mlir.weights}, *adapted, output);
  return info ? std::move(info) : blameModule(info.takeError());
}

llvm::Expected<std::unique_ptr<LoadedLibrary>> vitc::compileAndLoad(llvm::ArrayRef<Model> sizes,
                                                                    const CompileOptions &options) {
  auto directory = TemporaryDirectory::create();
  if (!directory)
    return directory.takeError();
  std::string path = (*directory)->file("model.so");
  llvm::sys::RemoveFileOnSignal(path);
  llvm::Expected<LibraryInfo> info = compileModel(sizes, options, path);
  if (!info)
    return info.takeError();
  for (const char *suffix : {".h", ".vitw"})
    llvm::sys::RemoveFileOnSignal((*directory)->file(info->name + suffix));
  llvm::Expected<LibraryFile> file = openLibraryFile(path);
  if (!file)
    return file.takeError();
  return LoadedLibrary::load(std::move(*file), std::move(*directory));
}

llvm::Expected<std::unique_ptr<LoadedLibrary>> vitc::loadLibrary(llvm::StringRef path) {
  llvm::Expected<LibraryFile> file = openLibraryFile(path);
  if (!file)
    return file.takeError();
  return LoadedLibrary::load(std::move(*file));
}

llvm::Expected<std::unique_ptr<LoadedLibrary>> vitc::loadLibrary(llvm::StringRef path,
                                                                 const Arguments &arguments) {
  auto library = loadLibrary(path);
  if (!library)
    return library.takeError();
  llvm::Expected<std::vector<size_t>> chosen =
      chosenSizes((*library)->sizes(), (*library)->path(), arguments);
  if (!chosen)
    return chosen.takeError();
  (*library)->select(chosen->front());
  return library;
}

llvm::Error vitc::refuseForLibrary(llvm::StringRef library, const Arguments &arguments,
                                   llvm::ArrayRef<OptionId> options) {
  for (OptionId option : llvm::concat<const OptionId>(options, llvm::ArrayRef(kCheckpointOptions)))
    if (arguments.has(option))
      return makeError(ExitCode::Usage,
                       "{}: expected a model, got the library '{}', which is compiled already",
                       Arguments::spelling(option), library.str());
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<LoadedLibrary>>
vitc::openAndLoad(llvm::StringRef modelOrLibrary, const Arguments &arguments, Console &console) {
  if (isLibrary(modelOrLibrary)) {
    if (llvm::Error error = refuseForLibrary(modelOrLibrary, arguments, {OPT_weights_from, OPT_precision}))
      return error;
    return loadLibrary(modelOrLibrary, arguments);
  }
  llvm::Expected<CompileOptions> options = compileOptions(arguments, console, "host");
  if (!options)
    return options.takeError();
  llvm::Expected<std::vector<Model>> models = openModels(modelOrLibrary, arguments, console);
  if (!models)
    return models.takeError();
  useTargetOf(models->front(), arguments, *options);
  auto library = compileAndLoad(*models, *options);
  console.clearProgress();
  return library;
}

llvm::Expected<RunningModel> vitc::createModel(const Arguments &arguments, const LoadedLibrary &library) {
  vitc_options options = {};
  std::string level; // what options.level points to
  llvm::Expected<int64_t> threads = arguments.integer(OPT_threads, 0, 1, 1024);
  if (!threads)
    return threads.takeError();
  options.threads = static_cast<uint32_t>(*threads);
  if (std::optional<std::string> target = arguments.value(OPT_target)) {
    llvm::Expected<std::vector<const Isa *>> isas =
        parseTargets({*target}, precisionOf(library.facts().precision));
    if (!isas)
      return isas.takeError();
    level = isas->front()->name.str();
    if (!library.level(level))
      return makeError(ExitCode::Usage, "--target: {} has no code for level '{}'; see 'vitc inspect'",
                       library.path(), level);
    options.level = level.c_str();
  }
  return library.create(options);
}
