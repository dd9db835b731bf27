//===- EvalCommand.cpp - vitc eval: top-1 and top-5 over labelled pictures ----------------------------===//
#include "compiler/Driver/Classifier.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/LabelledPictures.h"
#include "compiler/Driver/Text.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

using namespace vitc;

namespace {

struct Counts {
  int64_t listed = 0, dropped = 0, unreadable = 0, top1 = 0, top5 = 0;
  double milliseconds = 0;

  int64_t counted() const { return listed - dropped - unreadable; }
  double share(int64_t correct) const {
    return counted() ? static_cast<double>(correct) / static_cast<double>(counted()) : 0;
  }
  double perPicture() const { return counted() ? milliseconds / static_cast<double>(counted()) : 0; }
};

void printText(const Counts &counts, llvm::raw_ostream &os) {
  auto line = [&](llvm::StringRef key, const std::string &value) {
    os << llvm::left_justify(key, 15) << value << "\n";
  };
  line("pictures", countText(counts.counted()));
  if (counts.dropped)
    line("dropped", countText(counts.dropped) + ", which fill no batch");
  if (counts.unreadable)
    line("unreadable", countText(counts.unreadable));
  for (auto [name, correct] : {std::pair("top-1", counts.top1), std::pair("top-5", counts.top5)})
    line(name, fmt::format("{:.2f} % ({} of {})", 100 * counts.share(correct), countText(correct),
                           countText(counts.counted())));
  line("ms per picture", fmt::format("{:.2f}", counts.perPicture()));
}

void printJson(const Counts &counts, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("pictures", counts.counted());
    json.attribute("dropped", counts.dropped);
    json.attribute("unreadable", counts.unreadable);
    json.attribute("top1_correct", counts.top1);
    json.attribute("top5_correct", counts.top5);
    json.attribute("top1", counts.share(counts.top1));
    json.attribute("top5", counts.share(counts.top5));
    json.attribute("milliseconds_per_picture", counts.perPicture());
  });
  os << "\n";
}

} // namespace

llvm::Error vitc::evalCommand(const Arguments &arguments, Console &console) {
  if (arguments.positional().size() != 2)
    return makeError(ExitCode::Usage, "expected a model or library, and a folder or list of pictures");
  llvm::Expected<int64_t> batch = arguments.integer(OPT_drop_remainder, 1, 1, 1 << 20);
  if (!batch)
    return batch.takeError();
  llvm::Expected<Classifier> classifier = Classifier::open(arguments.positional()[0], arguments, console);
  if (!classifier)
    return classifier.takeError();
  llvm::Expected<std::vector<LabelledPicture>> pictures =
      listLabelledPictures(arguments.positional()[1], classifier->labels(), classifier->classes(), console);
  if (!pictures)
    return pictures.takeError();

  Counts counts;
  counts.listed = static_cast<int64_t>(pictures->size());
  counts.dropped = counts.listed % *batch;
  llvm::Error failures = llvm::Error::success();
  constexpr int64_t named = 20; // further ones are only counted
  for (auto [i, labelled] : llvm::enumerate(llvm::ArrayRef(*pictures).drop_back(counts.dropped))) {
    console.progress("evaluating", static_cast<double>(i) / static_cast<double>(counts.listed));
    Picture picture;
    llvm::Expected<Classified> row = classifier->classify(labelled.path, 5, picture);
    if (!row) {
      if (++counts.unreadable <= named)
        failures = llvm::joinErrors(std::move(failures), row.takeError());
      else
        llvm::consumeError(row.takeError());
      continue;
    }
    auto place =
        llvm::find_if(row->top, [&, label = labelled.label](const Ranked &r) { return r.index == label; });
    counts.top1 += place == row->top.begin();
    counts.top5 += place != row->top.end();
    counts.milliseconds += row->milliseconds;
  }
  console.clearProgress();
  if (counts.unreadable > named)
    failures = llvm::joinErrors(std::move(failures),
                                inputError("{} more pictures could not be used", counts.unreadable - named));
  if (counts.counted() == 0)
    return llvm::joinErrors(std::move(failures), inputError("{}: expected pictures to count, got none of {}",
                                                            arguments.positional()[1], counts.listed));
  arguments.has(OPT_json) ? printJson(counts, console.out) : printText(counts, console.out);
  return failures;
}
