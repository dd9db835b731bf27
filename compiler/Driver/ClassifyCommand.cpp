//===- ClassifyCommand.cpp - vitc classify: pictures in, labels out -----------------------------------===//
#include "compiler/Driver/Annotate.h"
#include "compiler/Driver/Classifier.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Text.h"
#include "compiler/Support/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <set>

using namespace vitc;
namespace fs = llvm::sys::fs;

namespace {

std::string withProbability(const Classifier &classifier, const Ranked &ranked) {
  return fmt::format("{} {:.1f} %", classifier.label(ranked.index), 100 * ranked.probability);
}

/// Writes pictures under names that differ from each other and from all inputs.
class PictureWriter {
public:
  /// `option` is the one that names the directory, for messages.
  PictureWriter(llvm::StringRef option, std::string directory, llvm::ArrayRef<std::string> inputs)
      : option(option), directory(std::move(directory)), inputs(inputs) {}

  llvm::Error write(llvm::StringRef input, const Picture &picture) {
    std::string stem = llvm::sys::path::stem(input).str(), name = stem;
    for (int i = 2; !used.insert(name).second; ++i)
      name = stem + "-" + std::to_string(i);
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name + ".png");
    for (const std::string &other : inputs)
      if (bool same = false; !fs::equivalent(other, path, same) && same)
        return makeError(ExitCode::Usage,
                         "{}: expected a directory other than the pictures', got '{}', where {} would be "
                         "overwritten",
                         option, directory, other);
    llvm::Expected<std::string> file = encodePng(picture);
    if (!file)
      return file.takeError();
    // Not before there is something to write: without a readable picture, no empty directory is left.
    if (std::error_code error = fs::create_directories(directory))
      return makeError(ExitCode::Environment, "{}: could not create the directory: {}", directory,
                       error.message());
    return writeFileAtomically(path, *file);
  }

private:
  std::string option, directory;
  llvm::ArrayRef<std::string> inputs;
  std::set<std::string> used;
};

/// Whether two paths are spellings of one, which need not exist.
bool samePlace(llvm::StringRef a, llvm::StringRef b) {
  auto canonical = [](llvm::StringRef path) {
    llvm::SmallString<128> result(path);
    fs::make_absolute(result);
    llvm::sys::path::remove_dots(result, /*remove_dot_dot=*/true);
    return result;
  };
  bool same = false;
  return canonical(a) == canonical(b) || (!fs::equivalent(a, b, same) && same);
}

/// What --annotate and --attention draw.
class Drawings {
public:
  static llvm::Expected<Drawings> open(const Arguments &arguments, llvm::ArrayRef<std::string> inputs) {
    Drawings result;
    auto writer = [&](OptionId option, std::optional<PictureWriter> &into) {
      if (std::optional<std::string> directory = arguments.value(option))
        into.emplace(Arguments::spelling(option), *directory, inputs);
    };
    std::optional<std::string> labels = arguments.value(OPT_annotate), maps = arguments.value(OPT_attention);
    if (labels && maps && samePlace(*labels, *maps))
      return makeError(ExitCode::Usage,
                       "--attention: expected another directory than that of --annotate, got '{}' for both",
                       *maps);
    writer(OPT_annotate, result.labels);
    writer(OPT_attention, result.attention);
    return result;
  }

  llvm::Error draw(const Classifier &classifier, const Classified &row, const Picture &picture) {
    if (labels) {
      std::vector<std::string> lines;
      for (const Ranked &ranked : llvm::ArrayRef(row.top).take_front(3))
        lines.push_back(fmt::format("{}: {}", ranked.index, classifier.label(ranked.index)));
      if (llvm::Error error = labels->write(row.path, annotate(picture, lines)))
        return error;
    }
    if (!attention)
      return llvm::Error::success();
    llvm::Expected<Picture> drawn = classifier.withAttention(picture, row);
    return drawn ? attention->write(row.path, *drawn) : drawn.takeError();
  }

private:
  std::optional<PictureWriter> labels, attention;
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
      all += (all.empty() ? "" : "; ") + withProbability(classifier, ranked);
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

} // namespace

llvm::Error vitc::classifyCommand(const Arguments &arguments, Console &console) {
  if (arguments.positional().size() < 2)
    return makeError(ExitCode::Usage, "expected a model or library, and at least one picture");
  llvm::Expected<int64_t> top = arguments.integer(OPT_top, 5, 1, 1000);
  if (!top)
    return top.takeError();
  llvm::ArrayRef<std::string> pictures = llvm::ArrayRef(arguments.positional()).drop_front();
  llvm::Expected<Classifier> classifier =
      Classifier::open(arguments.positional().front(), arguments, console);
  if (!classifier)
    return classifier.takeError();
  llvm::Expected<Drawings> drawings = Drawings::open(arguments, pictures);
  if (!drawings)
    return drawings.takeError();

  std::vector<Classified> rows;
  llvm::Error failures = llvm::Error::success();
  for (auto [i, path] : llvm::enumerate(pictures)) {
    console.progress("classifying", static_cast<double>(i) / static_cast<double>(pictures.size()));
    Picture picture;
    llvm::Expected<Classified> row = classifier->classify(path, static_cast<size_t>(*top), picture);
    if (!row) { // one bad picture does not keep the others from being classified
      failures = llvm::joinErrors(std::move(failures), row.takeError());
      continue;
    }
    rows.push_back(std::move(*row));
    if (llvm::Error error = drawings->draw(*classifier, rows.back(), picture))
      return llvm::joinErrors(std::move(failures), std::move(error));
  }
  console.clearProgress();
  if (arguments.has(OPT_json))
    printJson(rows, *classifier, console.out);
  else if (!rows.empty())
    printTable(rows, *classifier, static_cast<size_t>(*top), console.out);
  return failures;
}
