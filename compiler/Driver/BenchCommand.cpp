//===- BenchCommand.cpp - vitc bench ------------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Measure.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/Text.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace vitc;

namespace {

/// One case: a model at a level, with a batch and a number of threads.
struct Result {
  std::string name, target, precision;
  int64_t batch, threads;
  double medianMs, bestMs;
  double gflop, gflopModel; ///< of one run: executed, nominal
  double peakGflops = 0;    ///< 0 if this build has no loop for the level
  struct Region {
    std::string name;
    double milliseconds, gflop; ///< of one run
  };
  std::vector<Region> regions; ///< with --profile
  double gflops() const { return gflop / medianMs * 1e3; }
  double share() const { return peakGflops > 0 ? gflops() / peakGflops : 0; }
};

struct BenchOptions {
  std::vector<int64_t> batches, threads;
  std::vector<std::string> targets; ///< empty: the best level
  double seconds;
  bool profile;
};

llvm::Expected<BenchOptions> benchOptions(const Arguments &arguments) {
  BenchOptions options;
  llvm::Expected<std::vector<int64_t>> batches = arguments.integers(OPT_batch, {1}, 1, 4096);
  if (!batches)
    return batches.takeError();
  llvm::Expected<std::vector<int64_t>> threads = arguments.integers(OPT_threads, {0}, 1, 1024);
  if (!threads)
    return threads.takeError();
  llvm::Expected<double> seconds = arguments.number(OPT_seconds, 3, 0, 3600);
  if (!seconds)
    return seconds.takeError();
  llvm::Expected<std::vector<std::string>> names = arguments.words(OPT_target);
  if (!names)
    return names.takeError();
  llvm::Expected<Precision> precision = precisionOption(arguments);
  if (!precision)
    return precision.takeError();
  if (!names->empty()) {
    llvm::Expected<std::vector<const Isa *>> targets = parseTargets(*names, *precision);
    if (!targets)
      return targets.takeError();
    for (const Isa *isa : *targets)
      options.targets.push_back(isa->name.str());
  }
  options.batches = std::move(*batches);
  options.threads = std::move(*threads);
  options.seconds = *seconds;
  options.profile = arguments.has(OPT_profile);
  return options;
}

llvm::Expected<Result> benchCase(const LoadedLibrary &library, llvm::StringRef target, int64_t batch,
                                 int64_t threads, const BenchOptions &options) {
  vitc_options create = {};
  create.threads = static_cast<uint32_t>(threads);
  std::string level = target.str();
  if (!level.empty())
    create.level = level.c_str();
  std::vector<uint64_t> nanoseconds(options.profile ? 65536 : 0);
  if (options.profile) {
    create.profile_ns = nanoseconds.data();
    create.profile_steps = static_cast<uint32_t>(nanoseconds.size());
  }
  llvm::Expected<RunningModel> model = library.create(create);
  if (!model)
    return model.takeError();
  const vitc_level *info = library.level(model->levelName());
  const Isa *isa = findIsa(model->levelName());
  const PeakLoop *peak = isa ? peakLoop(*isa, precisionOf(library.facts().precision)) : nullptr;
  llvm::Expected<Measured> measured = measure(library, *model, batch, peak, options.seconds);
  if (!measured)
    return measured.takeError();

  Result result;
  result.name = library.facts().name;
  result.target = model->levelName();
  result.precision = library.facts().precision;
  result.batch = batch;
  result.threads = model->threads();
  result.medianMs = median(measured->milliseconds);
  result.bestMs = *std::min_element(measured->milliseconds.begin(), measured->milliseconds.end());
  result.gflopModel = static_cast<double>(library.facts().modelFlops) * 1e-9 * static_cast<double>(batch);
  result.gflop = 0;
  // The run that does not count is in the profile too.
  double runs = static_cast<double>(measured->milliseconds.size() + 1);
  for (uint32_t i = 0; i < info->run.step_count; ++i) {
    const vitc_step &step = info->run.steps[i];
    double gflop = static_cast<double>(step.flops) * 1e-9 * static_cast<double>(batch);
    result.gflop += gflop;
    if (options.profile && i < nanoseconds.size())
      result.regions.push_back({layerName(step), static_cast<double>(nanoseconds[i]) * 1e-6 / runs, gflop});
  }
  if (!measured->peaks.empty())
    result.peakGflops = median(measured->peaks);
  return result;
}

void printTable(const std::vector<Result> &results, llvm::raw_ostream &os) {
  auto right = TextTable::Right;
  TextTable table({{"model"},
                   {"target"},
                   {"batch", right},
                   {"threads", right},
                   {"median ms", right},
                   {"best ms", right},
                   {"images/s", right},
                   {"GFLOP", right},
                   {"nominal", right},
                   {"GFLOP/s", right},
                   {"peak", right},
                   {"share", right}});
  for (const Result &r : results)
    table.add({r.name, r.target, std::to_string(r.batch), std::to_string(r.threads), numberText(r.medianMs),
               numberText(r.bestMs), numberText(static_cast<double>(r.batch) / r.medianMs * 1e3),
               numberText(r.gflop), numberText(r.gflopModel), fmt::format("{:.1f}", r.gflops()),
               r.peakGflops > 0 ? fmt::format("{:.1f}", r.peakGflops) : "-",
               r.peakGflops > 0 ? fmt::format("{:.1f} %", 100 * r.share()) : "-"});
  table.print(os);
}

/// "blk.3.fc1" -> "blk.*.fc1": the layers of a model are alike.
std::string kindOf(llvm::StringRef region) {
  llvm::SmallVector<llvm::StringRef> parts;
  region.split(parts, '.');
  for (llvm::StringRef &part : parts)
    if (!part.empty() && llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

void printProfile(const Result &result, llvm::raw_ostream &os) {
  struct Row {
    std::string name;
    int64_t times = 0;
    double milliseconds = 0, gflop = 0;
  };
  std::vector<Row> rows;
  double total = 0;
  for (const Result::Region &region : result.regions) {
    std::string name = kindOf(region.name);
    auto row = llvm::find_if(rows, [&](const Row &other) { return other.name == name; });
    if (row == rows.end())
      row = rows.insert(rows.end(), Row{name});
    ++row->times;
    row->milliseconds += region.milliseconds;
    row->gflop += region.gflop;
    total += region.milliseconds;
  }
  os << fmt::format("\n{}, {}, batch {}, {} threads, mean of all runs:\n", result.name, result.target,
                    result.batch, result.threads);
  auto right = TextTable::Right;
  TextTable table({{"region"},
                   {"times", right},
                   {"ms", right},
                   {"of time", right},
                   {"GFLOP", right},
                   {"GFLOP/s", right},
                   {"of peak", right}});
  for (const Row &row : rows) {
    double rate = row.milliseconds > 0 ? row.gflop / row.milliseconds * 1e3 : 0;
    table.add({row.name, std::to_string(row.times), fmt::format("{:.3f}", row.milliseconds),
               fmt::format("{:.1f} %", total > 0 ? 100 * row.milliseconds / total : 0), numberText(row.gflop),
               row.gflop > 0 ? fmt::format("{:.1f}", rate) : "-",
               row.gflop > 0 && result.peakGflops > 0
                   ? fmt::format("{:.1f} %", 100 * rate / result.peakGflops)
                   : "-"});
  }
  table.print(os);
}

void printJson(const std::vector<Result> &results, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.array([&] {
    for (const Result &r : results)
      json.object([&] {
        json.attribute("name", r.name);
        json.attribute("target", r.target);
        json.attribute("precision", r.precision);
        json.attribute("batch", r.batch);
        json.attribute("threads", r.threads);
        json.attribute("median_ms", r.medianMs);
        json.attribute("best_ms", r.bestMs);
        json.attribute("gflop", r.gflop);
        json.attribute("gflop_model", r.gflopModel);
        json.attribute("gflops", r.gflops());
        json.attribute("peak_gflops", r.peakGflops > 0 ? llvm::json::Value(r.peakGflops) : nullptr);
        json.attribute("share_of_peak", r.peakGflops > 0 ? llvm::json::Value(r.share()) : nullptr);
        if (!r.regions.empty())
          json.attributeArray("regions", [&] {
            for (const Result::Region &region : r.regions)
              json.object([&] {
                json.attribute("name", llvm::json::fixUTF8(region.name));
                json.attribute("ms", region.milliseconds);
                json.attribute("gflop", region.gflop);
              });
          });
      });
  });
  os << "\n";
}

} // namespace

llvm::Error vitc::benchCommand(const Arguments &arguments, Console &console) {
  if (arguments.positional().empty())
    return makeError(ExitCode::Usage, "expected at least one model or library");
  llvm::Expected<BenchOptions> options = benchOptions(arguments);
  if (!options)
    return options.takeError();
  std::vector<Result> results;
  for (const std::string &input : arguments.positional()) {
    auto library = openAndLoad(input, arguments, console);
    if (!library)
      return library.takeError();
    std::vector<std::string> targets = options->targets;
    if (targets.empty())
      targets.push_back("");
    for (const std::string &target : targets)
      for (int64_t batch : options->batches)
        for (int64_t threads : options->threads) {
          console.progress(fmt::format("{} batch {}", (*library)->facts().name, batch), 0);
          llvm::Expected<Result> result = benchCase(**library, target, batch, threads, *options);
          if (!result)
            return result.takeError();
          results.push_back(std::move(*result));
        }
  }
  console.clearProgress();
  if (arguments.has(OPT_json)) {
    printJson(results, console.out);
    return llvm::Error::success();
  }
  printTable(results, console.out);
  for (const Result &result : results)
    if (!result.regions.empty())
      printProfile(result, console.out);
  return llvm::Error::success();
}
