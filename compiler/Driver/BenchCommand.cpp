//===- BenchCommand.cpp - vitc bench ------------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/ImageSizes.h"
#include "compiler/Driver/Measure.h"
#include "compiler/Driver/OpenModel.h"
#include "compiler/Driver/Profile.h"
#include "compiler/Driver/Text.h"
#include "llvm/Support/JSON.h"
#include <numeric>

using namespace vitc;

namespace {

/// One case: a model at a level, with a batch and a number of threads.
struct Result {
  std::string name, size, target, precision;
  int64_t batch, threads;
  double medianMs, bestMs;
  Work work;         ///< of one run
  double gflopModel; ///< nominal
  PerDot peaks{};    ///< GFLOP/s of each kind that the run uses; 0 if this build has no loop for it
  double peak = 0;   ///< of the instruction that the precision uses on the level
  std::optional<Profile> profile;
  double gflops() const { return work.total() / medianMs * 1e3; }
  double share() const { return peak > 0 ? gflops() / peak : 0; }
  double shareOfLimit() const { return work.limitMs(peaks) / medianMs; }
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
  const vitc_schedule &schedule = library.level(model->levelName())->run;
  const Isa *isa = findIsa(model->levelName());
  Result result;
  result.work = workOf(schedule, batch);
  // The peak of the precision first, then those of other kinds of products.
  llvm::SmallVector<const PeakLoop *> loops;
  auto loopOf = [&](Precision precision) { return isa ? peakLoop(*isa, precision) : nullptr; };
  auto sampled = [&](const PeakLoop *loop) {
    if (loop && !llvm::is_contained(loops, loop))
      loops.push_back(loop);
  };
  Precision precision = precisionOf(library.facts().precision);
  sampled(loopOf(precision));
  for (uint32_t dot = 0; dot < result.peaks.size(); ++dot)
    if (result.work.gflop[dot] > 0)
      sampled(loopOf(precisionOfDot(dot)));

  ProfileInputs inputs{};
  if (options.profile)
    inputs.bandwidths = measureBandwidths(model->threads());
  llvm::Expected<Measured> measured = measure(library, *model, batch, loops, options.seconds, nanoseconds);
  if (!measured)
    return measured.takeError();
  auto peakOf = [&](Precision wanted) {
    const PeakLoop *loop = loopOf(wanted);
    return loop ? median(measured->peaks[llvm::find(loops, loop) - loops.begin()]) : 0;
  };

  const std::vector<double> &times = measured->milliseconds;
  result.name = library.facts().name;
  result.size = sizeText(library.facts().inputSize);
  result.target = model->levelName();
  result.precision = library.facts().precision;
  result.batch = batch;
  result.threads = model->threads();
  result.medianMs = median(times);
  result.bestMs = *std::min_element(times.begin(), times.end());
  result.gflopModel = static_cast<double>(library.facts().modelFlops) * 1e-9 * static_cast<double>(batch);
  result.peak = peakOf(precision);
  for (uint32_t dot = 0; dot < result.peaks.size(); ++dot)
    if (result.work.gflop[dot] > 0)
      result.peaks[dot] = peakOf(precisionOfDot(dot));
  if (options.profile) {
    int64_t pass = library.info().batch;
    inputs.schedule = &schedule;
    inputs.nanoseconds = std::move(nanoseconds);
    inputs.runs = static_cast<int64_t>(times.size());
    inputs.images = batch;
    inputs.passes = (batch + pass - 1) / pass;
    inputs.modelWeights = library.info().weight_bytes;
    inputs.meanMs = std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
    inputs.peaks = result.peaks;
    result.profile = profileOf(inputs);
  }
  return result;
}

void printTable(const std::vector<Result> &results, llvm::raw_ostream &os) {
  auto right = TextTable::Right;
  TextTable table({{"model"},
                   {"input"},
                   {"target"},
                   {"batch", right},
                   {"threads", right},
                   {"median ms", right},
                   {"best ms", right},
                   {"images/s", right},
                   {"GFLOP", right},
                   {"f32", right},
                   {"bf16", right},
                   {"int8", right},
                   {"counts as"},
                   {"nominal", right},
                   {"GFLOP/s", right},
                   {"peak", right},
                   {"share", right}});
  auto gflop = [](const Result &r, uint32_t dot) {
    return r.work.gflop[dot] > 0 ? numberText(r.work.gflop[dot]) : "-";
  };
  for (const Result &r : results)
    table.add({r.name, r.size, r.target, std::to_string(r.batch), std::to_string(r.threads),
               numberText(r.medianMs), numberText(r.bestMs),
               numberText(static_cast<double>(r.batch) / r.medianMs * 1e3), numberText(r.work.total()),
               gflop(r, VITC_DOT_F32), gflop(r, VITC_DOT_BF16), gflop(r, VITC_DOT_INT8), r.work.countsAs(),
               numberText(r.gflopModel), fmt::format("{:.1f}", r.gflops()),
               r.peak > 0 ? fmt::format("{:.1f}", r.peak) : "-",
               r.peak > 0 ? fmt::format("{:.1f} %", 100 * r.share()) : "-"});
  table.print(os);
}

llvm::json::Value known(double value) { return value > 0 ? llvm::json::Value(value) : nullptr; }

/// "gflop_f32", "gflop_bf16", "gflop_int8".
void perDot(llvm::json::OStream &json, llvm::StringRef name, const PerDot &values) {
  for (auto [dot, value] : llvm::enumerate(values))
    json.attribute((name + "_" + precisionName(precisionOfDot(dot))).str(), value);
}

void printJson(const std::vector<Result> &results, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.array([&] {
    for (const Result &r : results)
      json.object([&] {
        json.attribute("name", r.name);
        json.attribute("input", r.size);
        json.attribute("target", r.target);
        json.attribute("precision", r.precision);
        json.attribute("batch", r.batch);
        json.attribute("threads", r.threads);
        json.attribute("median_ms", r.medianMs);
        json.attribute("best_ms", r.bestMs);
        json.attribute("gflop", r.work.total());
        perDot(json, "gflop", r.work.gflop);
        perDot(json, "gflop_linear", r.work.linear);
        json.attribute("counts_as", r.work.countsAs());
        json.attribute("gflop_model", r.gflopModel);
        json.attribute("gflops", r.gflops());
        json.attribute("peak_gflops", known(r.peak));
        perDot(json, "peak_gflops", r.peaks);
        json.attribute("share_of_peak", known(r.share()));
        json.attribute("share_of_limit", known(r.shareOfLimit()));
        if (r.profile)
          profileJson(*r.profile, json);
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
    llvm::Expected<std::vector<size_t>> sizes =
        chosenSizes((*library)->sizes(), (*library)->path(), arguments);
    if (!sizes)
      return sizes.takeError();
    for (size_t size : *sizes) {
      (*library)->select(size);
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
  }
  console.clearProgress();
  if (arguments.has(OPT_json)) {
    printJson(results, console.out);
    return llvm::Error::success();
  }
  printTable(results, console.out);
  for (const Result &result : results)
    if (result.profile) {
      console.out << fmt::format("\n{}, {}, {}, batch {}, {} threads, ", result.name, result.size,
                                 result.target, result.batch, result.threads);
      printProfile(*result.profile, console.out);
    }
  return llvm::Error::success();
}
