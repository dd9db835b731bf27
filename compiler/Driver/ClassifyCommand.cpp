//===- ClassifyCommand.cpp - vitc classify: pictures in, labels out -----------------------------------===//
#include "compiler/Driver/Annotate.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/Picture.h"
#include "compiler/Driver/Ranking.h"
#include "compiler/Driver/Text.h"
#include "compiler/Import/Importers.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <cmath>
#include <set>

using namespace vitc;
namespace fs = llvm::sys::fs;

namespace {

struct Classified {
  std::string path;
  int32_t height, width;
  std::vector<Ranked> top;
  double milliseconds;
};

class Classifier {
public:
  Classifier(const LoadedLibrary &library, const RunningModel &model, std::vector<std::string> labels,
             size_t top)
      : library(library), model(model), labels(std::move(labels)), top(top) {}

  llvm::Expected<Classified> classify(llvm::StringRef path, Picture &picture) const;
  std::string label(int64_t index) const {
    return index < static_cast<int64_t>(labels.size()) ? labels[index] : "class " + std::to_string(index);
  }
  std::string text(const Ranked &ranked) const {
    return fmt::format("{} {:.1f} %", label(ranked.index), 100 * ranked.probability);
  }

private:
  const LoadedLibrary &library;
  const RunningModel &model;
  std::vector<std::string> labels;
  size_t top;
};

llvm::Expected<Classified> Classifier::classify(llvm::StringRef path, Picture &picture) const {
  llvm::Expected<Picture> read = readPicture(path, library.facts().maxSide);
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

/// Writes annotated pictures under names that differ from each other and from all inputs.
class AnnotationWriter {
public:
  AnnotationWriter(std::string directory, llvm::ArrayRef<std::string> inputs)
      : directory(std::move(directory)), inputs(inputs) {}

  llvm::Error write(llvm::StringRef input, const Picture &picture, llvm::ArrayRef<std::string> lines) {
    std::string stem = llvm::sys::path::stem(input).str(), name = stem;
    for (int i = 2; !used.insert(name).second; ++i)
      name = stem + "-" + std::to_string(i);
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name + ".png");
    for (const std::string &other : inputs)
      if (bool same = false; !fs::equivalent(other, path, same) && same)
        return makeError(ExitCode::Usage,
                         "--annotate: expected a directory other than the pictures', got '{}', where {} "
                         "would be overwritten",
                         directory, other);
    llvm::Expected<std::string> file = encodePng(annotate(picture, lines));
    if (!file)
      return file.takeError();
    // Not before there is something to write: without a readable picture, no empty directory is left.
    if (std::error_code error = fs::create_directories(directory))
      return makeError(ExitCode::Environment, "{}: could not create the directory: {}", directory,
                       error.message());
    return writeFileAtomically(path, *file);
  }

private:
  std::string directory;
  llvm::ArrayRef<std::string> inputs;
  std::set<std::string> used;
};

void printTable(const std::vector<Classified> &rows, const Classifier &classifier, size_t top,
                llvm::raw_ostream &os) {
  TextTable table({{"picture"},
                   {"label"},
                   {"probability", TextTable::Right},
                   {fmt::format("top {}", top)},
                   {"ms", TextTable::Right}});
  for (const Classified &row : rows) {
    std::string all;
    for (const Ranked &ranked : row.top)
      all += (all.empty() ? "" : "; ") + classifier.text(ranked);
    table.add({row.path, classifier.label(row.top.front().index),
               fmt::format("{:.1f} %", 100 * row.top.front().probability), all,
               fmt::format("{:.2f}", row.milliseconds)});
  }
  table.print(os);
}

void printJson(const std::vector<Classified> &rows, const Classifier &classifier, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.array([&] {
    for (const Classified &row : rows)
      json.object([&] {
        json.attribute("picture", llvm::json::fixUTF8(row.path));
        json.attribute("height", row.height);
        json.attribute("width", row.width);
        json.attribute("milliseconds", row.milliseconds);
        json.attributeArray("top", [&] {
          for (const Ranked &ranked : row.top)
            json.object([&] {
              json.attribute("index", ranked.index);
              json.attribute("label", llvm::json::fixUTF8(classifier.label(ranked.index)));
              json.attribute("probability", ranked.probability);
            });
        });
      });
  });
  os << "\n";
}

/// Refuses models that do not classify pictures.
llvm::Error checkClassifier(const LoadedLibrary &library) {
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

} // namespace

llvm::Error vitc::classifyCommand(const Arguments &arguments, Console &console) {
  if (arguments.positional().size() < 2)
    return makeError(ExitCode::Usage, "expected a model or library, and at least one picture");
  llvm::Expected<int64_t> top = arguments.integer(OPT_top, 5, 1, 1000);
  if (!top)
    return top.takeError();
  llvm::ArrayRef<std::string> pictures = llvm::ArrayRef(arguments.positional()).drop_front();
  auto library = openAndLoad(arguments.positional().front(), arguments, console);
  if (!library)
    return library.takeError();
  if (llvm::Error error = checkClassifier(**library))
    return error;
  std::vector<std::string> labels;
  if ((*library)->facts().model)
    labels = (*library)->facts().model->labels;
  if (std::optional<std::string> file = arguments.value(OPT_labels)) {
    llvm::Expected<std::vector<std::string>> read = readLabels(*file);
    if (!read)
      return read.takeError();
    if (static_cast<int64_t>(read->size()) != (*library)->facts().outputs.front().shape.front())
      return inputError("{}: expected {} lines, one label per class, got {}", *file,
                        (*library)->facts().outputs.front().shape.front(), read->size());
    labels = std::move(*read);
  }
  std::string level;
  llvm::Expected<vitc_options> options = createOptions(arguments, **library, level);
  if (!options)
    return options.takeError();
  llvm::Expected<RunningModel> model = (*library)->create(*options);
  if (!model)
    return model.takeError();
  std::optional<AnnotationWriter> annotations;
  if (std::optional<std::string> directory = arguments.value(OPT_annotate))
    annotations.emplace(*directory, pictures);

  Classifier classifier(**library, *model, std::move(labels), static_cast<size_t>(*top));
  std::vector<Classified> rows;
  llvm::Error failures = llvm::Error::success();
  for (auto [i, path] : llvm::enumerate(pictures)) {
    console.progress("classifying", static_cast<double>(i) / static_cast<double>(pictures.size()));
    Picture picture;
    llvm::Expected<Classified> row = classifier.classify(path, picture);
    if (!row) { // one bad picture does not keep the others from being classified
      failures = llvm::joinErrors(std::move(failures), row.takeError());
      continue;
    }
    rows.push_back(std::move(*row));
    if (annotations) {
      std::vector<std::string> lines;
      for (const Ranked &ranked : llvm::ArrayRef(rows.back().top).take_front(3))
        lines.push_back(classifier.text(ranked));
      if (llvm::Error error = annotations->write(path, picture, lines))
        return llvm::joinErrors(std::move(failures), std::move(error));
    }
  }
  console.clearProgress();
  if (arguments.has(OPT_json))
    printJson(rows, classifier, console.out);
  else if (!rows.empty())
    printTable(rows, classifier, static_cast<size_t>(*top), console.out);
  return failures;
}
