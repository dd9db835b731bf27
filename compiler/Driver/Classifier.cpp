#include "compiler/Driver/Classifier.h"
#include "compiler/Driver/AttentionMap.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Import/Importers.h"
#include "compiler/Support/Json.h"
#include "compiler/Target/Interface.h"
#include <chrono>
#include <cmath>

using namespace vitc;

/// The output that holds the logits of a picture, or the only one, whose name a module need not say.
static std::optional<size_t> logitsOf(const LoadedLibrary &library) {
  const std::vector<Port> &outputs = library.facts().outputs;
  for (auto [i, output] : llvm::enumerate(outputs))
    if (output.shape.size() == 1 &&
        (output.name == "logits" || (outputs.size() == 1 && output.name != "probabilities")))
      return i;
  return std::nullopt;
}

static std::string outputNames(const LoadedLibrary &library) {
  std::string names;
  for (const Port &output : library.facts().outputs)
    names += (names.empty() ? "" : ", ") + output.name;
  return names;
}

/// The output called `name`.
static std::optional<size_t> outputOf(const LoadedLibrary &library, llvm::StringRef name) {
  for (auto [i, output] : llvm::enumerate(library.facts().outputs))
    if (output.name == name)
      return i;
  return std::nullopt;
}

/// Refuses libraries without the attention that is to be drawn.
static llvm::Error checkAttention(const LoadedLibrary &library, const OutputSpec &spec) {
  if (!library.facts().model)
    return inputError("{}: --attention: expected a library that holds its model's description, got one of a "
                      "module; see 'vitc run'",
                      library.path());
  std::optional<size_t> index = outputOf(library, outputName(spec));
  if (!index)
    return inputError("{0}: --attention: expected an output '{1}', got {2}; compile the model with --outputs "
                      "logits,{1}",
                      library.path(), outputText(spec), outputNames(library));
  const ModelConfig &config = *library.facts().model;
  int64_t tokens = config.tokens(), got = elementsOf(library.facts().outputs[*index]),
          expected = spec.kind == OutputValue::Rollout ? tokens : config.heads * tokens * tokens;
  if (got != expected)
    return inputError("{}: --attention: expected {} elements of '{}' as its description says, got {}",
                      library.path(), expected, outputText(spec), got);
  return llvm::Error::success();
}

/// Refuses models that do not classify pictures.
static llvm::Error checkClassifier(const LoadedLibrary &library) {
  if (!logitsOf(library))
    return inputError(
        "{}: expected a model with the logits of its classes as an output, got {}; see 'vitc run'",
        library.path(), outputNames(library));
  if (!library.info().preprocess)
    return inputError(
        "{}: expected a model that says how pictures are resized and normalised, got one without "
        "preprocessing; see 'vitc run'",
        library.path());
  return llvm::Error::success();
}

llvm::Expected<Classifier> Classifier::open(llvm::StringRef modelOrLibrary, const Arguments &arguments,
                                            Console &console) {
  if (llvm::Error error = expectOneSize(arguments, "pictures are resized to it"))
    return std::move(error);
  auto library = openAndLoad(modelOrLibrary, arguments, console);
  if (!library)
    return library.takeError();
  if (llvm::Error error = checkClassifier(**library))
    return std::move(error);
  llvm::Expected<std::optional<OutputSpec>> attention = attentionOption(arguments);
  if (!attention)
    return attention.takeError();
  if (*attention)
    if (llvm::Error error = checkAttention(**library, **attention))
      return std::move(error);
  std::vector<std::string> labels;
  if ((*library)->facts().model)
    labels = (*library)->facts().model->labels;
  if (std::optional<std::string> file = arguments.value(OPT_labels)) {
    llvm::Expected<std::vector<std::string>> read = readLabels(*file);
    if (!read)
      return read.takeError();
    int64_t classes = (*library)->facts().outputs[*logitsOf(**library)].shape.front();
    if (static_cast<int64_t>(read->size()) != classes)
      return inputError("{}: expected {} labels, one per class, got {}", *file, classes, read->size());
    labels = std::move(*read);
  }
  llvm::Expected<RunningModel> model = createModel(arguments, **library);
  if (!model)
    return model.takeError();
  Classifier result(std::move(*library), std::move(*model), std::move(labels));
  result.attention = *attention;
  return result;
}

int64_t Classifier::classes() const { return loaded->facts().outputs[*logitsOf(*loaded)].shape.front(); }

std::string Classifier::label(int64_t index) const {
  return index < static_cast<int64_t>(names.size()) ? names[index] : "class " + std::to_string(index);
}

llvm::Expected<Classified> Classifier::classify(llvm::StringRef path, size_t top, Picture &picture) const {
  llvm::Expected<Picture> read = readPicture(path, loaded->facts().maxSide);
  if (!read)
    return read.takeError();
  picture = std::move(*read);
  std::vector<std::vector<float>> outputs;
  std::vector<float *> pointers;
  for (size_t i = 0; i < loaded->facts().outputs.size(); ++i)
    pointers.push_back(outputs.emplace_back(model.outputElements(i)).data());
  const std::vector<float> &logits = outputs[*logitsOf(*loaded)];
  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = model.runPictures(picture.pixels.data(), picture.height, picture.width,
                                            picture.channels, 1, pointers))
    return error;
  double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  for (auto [i, logit] : llvm::enumerate(logits))
    if (!std::isfinite(logit))
      return inputError("{}: expected finite logits from the model, got {} for {}; are its weights damaged?",
                        path.str(), logit, quoteForMessage(label(static_cast<int64_t>(i))));
  const std::optional<ModelConfig> &config = loaded->facts().model;
  bool sigmoid = config && config->zeroShot && config->zeroShot->sigmoid;
  Classified result{path.str(), picture.height, picture.width, topClasses(logits, top, sigmoid), milliseconds,
                    {}};
  if (attention)
    result.attention =
        patchAttention(*config, *attention, outputs[*outputOf(*loaded, outputName(*attention))]);
  return result;
}

llvm::Expected<Picture> Classifier::withAttention(const Picture &picture, const Classified &row) const {
  const ModelConfig &seen = *loaded->facts().model;
  llvm::Expected<PictureAxes> axes =
      pictureAxes(*loaded->info().preprocess, {picture.height, picture.width}, seen.inputSize);
  if (!axes)
    return axes.takeError();
  return drawAttention(picture, seen, *axes, row.attention);
}
