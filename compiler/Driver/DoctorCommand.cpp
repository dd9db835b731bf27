//===- DoctorCommand.cpp - vitc doctor ----------------------------------------------------------------===//
//
// Up to three computations of one picture meet: our steps in float64 (of a library: its code on a normalised
// image), the compiled code from the picture on, and a trace of another framework.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/DoctorReport.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/PixelSteps.h"
#include "compiler/Driver/StepEngines.h"
#include "compiler/Support/MappedFile.h"

using namespace vitc;
using vit::Tensor;
using Values = std::map<ModelStep, Tensor>;

namespace {

/// A picture and what its file says.
struct Patient {
  Picture picture;
  PictureFacts facts;
};

/// Errors of hidden states that compiled code may have; verify has sharper bounds for the outputs.
double compiledBound(const LoadedLibrary &library) {
  Precision precision = precisionOf(library.facts().precision);
  return precision == Precision::F32 ? 2e-5 : precision == Precision::Bf16 ? 4e-2 : 0.1;
}

llvm::Expected<Patient> readPatient(llvm::StringRef path, int64_t maxSide) {
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::Expected<Picture> picture = decodePicture((*file)->bytes(), path, maxSide);
  if (!picture)
    return picture.takeError();
  if (int64_t(picture->height) * picture->width > kMaxSteppedPixels)
    return inputError("{}: expected at most {} pixels, each of which is looked at, got {} x {}", path.str(),
                      kMaxSteppedPixels, picture->width, picture->height);
  return Patient{std::move(*picture), pictureFacts((*file)->bytes())};
}

/// decode to normalise; of a model without preprocessing, what the trace has for normalise.
llvm::Expected<Values> pixelValues(const ModelConfig &config, const Picture &picture, const Trace *trace) {
  Values values;
  if (!config.preprocess) {
    const TracedStep *given = trace ? trace->find({ModelStep::Normalise}) : nullptr;
    if (!given || given->value.shape != stepShape(config, {ModelStep::Normalise}))
      return inputError(
          "expected a model that says how pictures are resized and normalised, or a trace whose "
          "'normalise' has shape {}, got neither",
          fmt::join(stepShape(config, {ModelStep::Normalise}), " x "));
    values.emplace(ModelStep{ModelStep::Normalise}, given->value);
    return values;
  }
  ModelStep decode{ModelStep::Decode};
  const Tensor &pixels = values.emplace(decode, decodedPixels(picture, config.channels)).first->second;
  for (ModelStep step :
       {ModelStep{ModelStep::Resize}, ModelStep{ModelStep::Crop}, ModelStep{ModelStep::Normalise}}) {
    llvm::Expected<Tensor> value = pixelStep(config, decode, pixels, step);
    if (!value &&
        step.kind == ModelStep::Resize) { // far wider than high: too much to look at before the crop
      llvm::consumeError(value.takeError());
      continue;
    }
    if (!value)
      return value.takeError();
    values.emplace(step, std::move(*value));
  }
  return values;
}

/// All hidden states that a library has room for, and what comes behind them.
std::vector<OutputSpec> allOutputs(const ModelConfig &config) {
  std::vector<OutputSpec> outputs;
  if (config.classes())
    outputs.push_back({OutputValue::Logits});
  if (config.pool.kind != PoolKind::None)
    outputs.push_back({OutputValue::Pooled});
  outputs.push_back({OutputValue::Features});
  constexpr int64_t room = 28; // a library has up to 32 outputs
  int64_t every = config.depth / room + 1;
  for (int64_t i = 0; i <= config.depth; i += every)
    outputs.push_back({OutputValue::Hidden, i});
  return outputs;
}

class Examination {
public:
  Examination(const Arguments &arguments, Console &console) : arguments(arguments), console(console) {
    report.model = arguments.positional()[0];
    report.picture = arguments.positional()[1];
  }
  llvm::Error ofLibrary(llvm::StringRef path, llvm::StringRef picture);
  llvm::Error ofModel(llvm::StringRef path, llvm::StringRef picture);

private:
  llvm::Error openTrace(const ModelConfig &config);
  void addSteps(const Values &own, const Values &compiled, double bound);
  llvm::Error compareTrace(StepEngine &engine, const Values &own, bool jpeg, double libraryBound);
  llvm::Error finish();

  const Arguments &arguments;
  Console &console;
  std::optional<double> bound;
  std::optional<Trace> trace;
  DoctorReport report;
};

llvm::Error Examination::openTrace(const ModelConfig &config) {
  if (arguments.has(OPT_bound)) {
    llvm::Expected<double> number = arguments.number(OPT_bound, 0, 0, 1e300);
    if (!number)
      return number.takeError();
    bound = *number;
  }
  std::optional<std::string> path = arguments.value(OPT_reference);
  if (!path)
    return llvm::Error::success();
  llvm::Expected<Trace> opened = Trace::open(*path, config);
  if (!opened)
    return opened.takeError();
  trace = std::move(*opened);
  return llvm::Error::success();
}

void Examination::addSteps(const Values &own, const Values &compiled, double defaultBound) {
  for (const auto &[step, value] : own) {
    StepNumbers numbers = numbersOf(step, value);
    if (auto found = compiled.find(step); found != compiled.end()) {
      numbers.compiled = difference(found->second, value).relative;
      numbers.compiledAgrees = *numbers.compiled <= bound.value_or(defaultBound);
    }
    report.steps.push_back(std::move(numbers));
  }
}

llvm::Error Examination::compareTrace(StepEngine &engine, const Values &own, bool jpeg, double libraryBound) {
  if (!trace)
    return llvm::Error::success();
  Doctor doctor(engine, *trace, own, bound, jpeg, libraryBound);
  llvm::Expected<std::vector<StepComparison>> rows = doctor.compare(console);
  if (!rows)
    return rows.takeError();
  report.comparisons = std::move(*rows);
  report.hidden = doctor.hidden();
  auto first = llvm::find_if(report.comparisons, [](const StepComparison &row) { return !row.agrees; });
  if (first == report.comparisons.end())
    return llvm::Error::success();
  report.departure = first->step;
  llvm::Expected<Diagnosis> diagnosis = doctor.diagnose(*first, console);
  if (!diagnosis)
    return diagnosis.takeError();
  report.diagnosis = std::move(*diagnosis);
  return llvm::Error::success();
}

llvm::Error Examination::finish() {
  console.clearProgress();
  arguments.has(OPT_json) ? printJson(report, console.out) : printText(report, console.out);
  if (report.departure)
    return makeError(ExitCode::OutOfBound, "'{}' departs from the reference", stepText(*report.departure));
  for (const StepNumbers &step : report.steps)
    if (!step.compiledAgrees)
      return makeError(ExitCode::OutOfBound, "'{}': the compiled code departs from {} by {:.2e}",
                       stepText(step.step), report.compiledAgainst, *step.compiled);
  if (trace && report.comparisons.empty())
    return inputError(
        "expected a trace with a step that can be compared, got none; give the MODEL instead of a "
        "library");
  return llvm::Error::success();
}

llvm::Error Examination::ofLibrary(llvm::StringRef path, llvm::StringRef picturePath) {
  if (llvm::Error error = refuseForLibrary(path, arguments, {OPT_precision}))
    return error;
  if (llvm::Error error = expectOneSize(arguments, "a picture is resized to it"))
    return error;
  auto library = loadLibrary(path, arguments);
  if (!library)
    return library.takeError();
  const LibraryFacts &facts = (*library)->facts();
  if (!facts.model)
    return inputError(
        "{}: expected a library of a checkpoint, got one of a module, which does not say what its "
        "steps are",
        path.str());
  if (llvm::Error error = openTrace(*facts.model))
    return error;
  llvm::Expected<Patient> patient = readPatient(picturePath, facts.maxSide);
  if (!patient)
    return patient.takeError();
  llvm::Expected<RunningModel> model = createModel(arguments, **library);
  if (!model)
    return model.takeError();
  llvm::Expected<Values> own = pixelValues(*facts.model, patient->picture, trace ? &*trace : nullptr);
  if (!own)
    return own.takeError();
  llvm::Expected<Values> outputs = runImage(**library, *model, own->find({ModelStep::Normalise})->second);
  if (!outputs)
    return outputs.takeError();
  Values compiled;
  if (facts.model->preprocess) {
    llvm::Expected<Values> whole = runPicture(**library, *model, patient->picture);
    if (!whole)
      return whole.takeError();
    compiled = std::move(*whole);
  }
  own->merge(*outputs);
  report.level = model->levelName();
  report.compiledAgainst = "the same code on the image normalised step by step";
  addSteps(*own, compiled, compiledBound(**library));
  report.notes = notesOf(*facts.model, patient->picture, patient->facts, *own);
  if (!trace)
    report.notes.push_back(
        "a library shows its outputs only; give the MODEL to see every block, and the errors to "
        "float64");
  LibrarySteps engine(**library, *model);
  if (llvm::Error error = compareTrace(engine, *own, patient->facts.jpeg, compiledBound(**library)))
    return error;
  return finish();
}

llvm::Error Examination::ofModel(llvm::StringRef path, llvm::StringRef picturePath) {
  llvm::Expected<CompileOptions> options = compileOptions(arguments, console, "host");
  if (!options)
    return options.takeError();
  llvm::Expected<Model> opened = openModel(path, arguments, console);
  if (!opened)
    return opened.takeError();
  auto *checkpoint = std::get_if<Checkpoint>(&*opened);
  if (!checkpoint)
    return inputError("{}: expected a checkpoint, got a module, which does not say what its steps are",
                      path.str());
  const ModelConfig &config = checkpoint->config;
  if (llvm::Error error = openTrace(config))
    return error;
  llvm::Expected<Patient> patient = readPatient(picturePath, 65535);
  if (!patient)
    return patient.takeError();
  llvm::Expected<Values> own = pixelValues(config, patient->picture, trace ? &*trace : nullptr);
  if (!own)
    return own.takeError();

  options->maxSide = std::max<int64_t>({options->maxSide, patient->picture.height, patient->picture.width});
  Checkpoint showing = *checkpoint;
  showing.config.outputs = allOutputs(config);
  auto library = compileAndLoad(Model(std::move(showing)), *options);
  if (!library)
    return library.takeError();
  llvm::Expected<RunningModel> model = createModel(arguments, **library);
  if (!model)
    return model.takeError();
  const Tensor &image = own->find({ModelStep::Normalise})->second;
  llvm::Expected<Values> compiled = config.preprocess ? runPicture(**library, *model, patient->picture)
                                                      : runImage(**library, *model, image);
  if (!compiled)
    return compiled.takeError();

  console.progress("computing in float64", 0);
  CheckpointSteps engine(*checkpoint);
  llvm::Expected<Values> network = engine.all(image);
  if (!network)
    return network.takeError();
  own->merge(*network);
  report.level = model->levelName();
  report.compiledAgainst = "float64";
  addSteps(*own, *compiled, compiledBound(**library));
  report.notes = notesOf(config, patient->picture, patient->facts, *own);
  if (llvm::Error error = compareTrace(engine, *own, patient->facts.jpeg, 0))
    return error;
  return finish();
}

} // namespace

llvm::Error vitc::doctorCommand(const Arguments &arguments, Console &console) {
  const std::vector<std::string> &inputs = arguments.positional();
  if (inputs.size() != 2)
    return makeError(ExitCode::Usage, "expected a model or library, and a picture, got {} arguments",
                     inputs.size());
  Examination examination(arguments, console);
  return isLibrary(inputs[0]) ? examination.ofLibrary(inputs[0], inputs[1])
                              : examination.ofModel(inputs[0], inputs[1]);
}
