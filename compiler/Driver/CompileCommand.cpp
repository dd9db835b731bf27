//===- CompileCommand.cpp - vitc compile --------------------------------------------------------------===//
#include "compiler/Driver/ChooseLayers.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Support/OutputFile.h"
#include "compiler/Support/Suggest.h"
#include "compiler/Target/Prefix.h"
#include "llvm/Support/Path.h"

using namespace vitc;

namespace {

/// What to write: a library or listing of compileLibrary(), or a phase printed as text.
struct OutputPlan {
  std::string path;           ///< "-" is standard output
  std::optional<Phase> phase; ///< of a printed phase
};

llvm::Expected<Phase> parsePhase(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> names;
  for (const PhaseInfo &info : allPhases()) {
    if (info.name == text)
      return info.phase;
    names.push_back(info.name);
  }
  return makeError(ExitCode::Usage, "--emit: expected one of {}, got '{}'{}", llvm::join(names, ", "),
                   text.str(), didYouMean(text, names));
}

llvm::Expected<OutputPlan> planOutput(const Arguments &arguments, llvm::StringRef name) {
  OutputPlan plan;
  plan.path = arguments.value(OPT_o).value_or("");
  llvm::StringRef suffix = llvm::sys::path::extension(plan.path);
  if (std::optional<std::string> text = arguments.value(OPT_emit)) {
    llvm::Expected<Phase> phase = parsePhase(*text);
    if (!phase)
      return phase.takeError();
    plan.phase = *phase;
    llvm::StringRef expected = *phase == Phase::Import ? ".json" : ".mlir";
    for (llvm::StringRef library : {".o", ".a", ".so", ".s", ".ll"})
      if (suffix == library)
        return makeError(ExitCode::Usage,
                         "--emit {} writes {} text, and -o asks for '{}'; leave out one of the two", *text,
                         expected.str(), suffix.str());
    if (plan.path.empty())
      plan.path = "-";
    return plan;
  }
  if (plan.path.empty())
    plan.path = name.str() + ".a";
  else if (suffix == ".mlir")
    plan.phase = Phase::Fused;
  else if (suffix == ".json")
    plan.phase = Phase::Import;
  else if (!llvm::is_contained({".o", ".a", ".so", ".s", ".ll"}, suffix))
    return makeError(ExitCode::Usage,
                     "-o: expected a name that ends in .o, .a, .so, .s, .ll, .mlir or .json, got '{}'",
                     plan.path);
  return plan;
}

/// The text of a phase. Modules that differ between levels are printed for the first one.
llvm::Expected<std::string> phaseText(const Model &model, Phase phase, const CompileOptions &options) {
  std::string text;
  const auto *checkpoint = std::get_if<Checkpoint>(&model);
  if (phase == Phase::Import) {
    if (!checkpoint)
      return inputError("--emit import: expected a checkpoint, got a .mlir file, which has no description");
    return printVitJson(checkpoint->config);
  }
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const Isa *isa = options.targets.front();
  if (checkpoint) {
    context = makeContext();
    module = buildModule(*context, checkpoint->config);
  } else {
    const auto &mlir = std::get<MlirModel>(model);
    context = mlir.context;
    module = (*mlir.module).clone();
    if (mlir.plannedFor)
      isa = mlir.plannedFor;
  }
  if (phase != Phase::Vit)
    if (llvm::Error error = lowerTo(*module, phase, *isa, options))
      return checkpoint ? std::move(error) : blameModule(std::move(error));
  llvm::raw_string_ostream os(text);
  module->print(os, mlir::OpPrintingFlags().useLocalScope());
  os << "\n";
  return text;
}

llvm::StringRef nameOf(const Model &model) {
  const auto *checkpoint = std::get_if<Checkpoint>(&model);
  return checkpoint ? checkpoint->config.name : std::get<MlirModel>(model).config.name;
}

} // namespace

llvm::Error vitc::compileCommand(const Arguments &arguments, Console &console) {
  // Everything that the command line alone decides comes before the model is read.
  llvm::Expected<std::string> input = arguments.single("a model");
  if (!input)
    return input.takeError();
  llvm::Expected<CompileOptions> options = compileOptions(arguments, console, "portable");
  if (!options)
    return options.takeError();
  llvm::Expected<OutputPlan> early = planOutput(arguments, "model");
  if (!early)
    return early.takeError();
  if (llvm::Error error = checkLayerOptions(arguments, options->precision, early->phase))
    return error;
  if (early->phase)
    if (llvm::Error error = expectOneSize(arguments, "a printed phase is one module"))
      return error;
  llvm::Expected<std::vector<Model>> models = openModels(*input, arguments, console);
  if (!models)
    return models.takeError();
  const Model &model = models->front();
  useTargetOf(model, arguments, *options);

  std::string name = options->name.empty() ? prefixFrom(nameOf(model)) : options->name;
  OutputPlan plan = llvm::cantFail(planOutput(arguments, name));
  // Measured at the first size, and used at all.
  llvm::Expected<std::string> choice = chooseLayers(model, arguments, *options, console);
  if (!choice)
    return choice.takeError();
  if (!choice->empty())
    (plan.path == "-" ? console.messages() : console.out) << *choice;
  if (!plan.phase) {
    llvm::Expected<LibraryInfo> info = compileModel(*models, *options, plan.path);
    console.clearProgress();
    return info ? llvm::Error::success() : info.takeError();
  }
  llvm::Expected<std::string> text = phaseText(model, *plan.phase, *options);
  console.clearProgress();
  if (!text)
    return text.takeError();
  if (plan.path == "-") {
    console.out << *text;
    return llvm::Error::success();
  }
  return writeFileAtomically(plan.path, *text);
}
