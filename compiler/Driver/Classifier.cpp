#include "compiler/Driver/Classifier.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Import/Importers.h"
#include "compiler/Support/Json.h"
#include <chrono>
#include <cmath>

using namespace vitc;

/// Refuses models that do not classify pictures.
static llvm::Error checkClassifier(const LoadedLibrary &library) {
  const std::vector<Port> &outputs = library.facts().outputs;
  if (outputs.size() != 1 || outputs.front().shape.size() != 1) {
    std::string names;
    for (const Port &output : outputs)
      names += (names.empty() ? "" : ", ") + output.name;
    return inputError(
        "{}: expected a model with one output, the logits of its classes, got {}; see 'vitc run'",
        library.path(), names);
  }
  if (!library.info().preprocess)
    return inputError(
        "{}: expected a model that says how pictures are resized and normalised, got one without "
        "preprocessing; see 'vitc run'",
        library.path());
  return llvm::Error::success();
}

llvm::Expected<Classifier> Classifier::open(llvm::StringRef modelOrLibrary, const Arguments &arguments,
                                            Console &console) {
  auto library = openAndLoad(modelOrLibrary, arguments, console);
  if (!library)
    return library.takeError();
  if (llvm::Error error = checkClassifier(**library))
    return std::move(error);
  std::vector<std::string> labels;
  if ((*library)->facts().model)
    labels = (*library)->facts().model->labels;
  if (std::optional<std::string> file = arguments.value(OPT_labels)) {
    llvm::Expected<std::vector<std::string>> read = readLabels(*file);
    if (!read)
      return read.takeError();
    int64_t classes = (*library)->facts().outputs.front().shape.front();
    if (static_cast<int64_t>(read->size()) != classes)
      return inputError("{}: expected {} labels, one per class, got {}", *file, classes, read->size());
    labels = std::move(*read);
  }
  std::string level;
  llvm::Expected<vitc_options> options = createOptions(arguments, **library, level);
  if (!options)
    return options.takeError();
  llvm::Expected<RunningModel> model = (*library)->create(*options);
  if (!model)
    return model.takeError();
  return Classifier(std::move(*library), std::move(*model), std::move(labels));
}

int64_t Classifier::classes() const { return loaded->facts().outputs.front().shape.front(); }

std::string Classifier::label(int64_t index) const {
  return index < static_cast<int64_t>(names.size()) ? names[index] : "class " + std::to_string(index);
}

llvm::Expected<Classified> Classifier::classify(llvm::StringRef path, size_t top, Picture &picture) const {
  llvm::Expected<Picture> read = readPicture(path, loaded->facts().maxSide);
  if (!read)
    return read.takeError();
  picture = std::move(*read);
  std::vector<float> logits(model.outputElements(0));
  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = model.runPictures(picture.pixels.data(), picture.height, picture.width,
                                            picture.channels, 1, {logits.data()}))
    return error;
  double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  for (auto [i, logit] : llvm::enumerate(logits))
    if (!std::isfinite(logit))
      return inputError("{}: expected finite logits from the model, got {} for {}; are its weights damaged?",
                        path.str(), logit, quoteForMessage(label(static_cast<int64_t>(i))));
  return Classified{path.str(), picture.height, picture.width, topClasses(logits, top), milliseconds};
}
