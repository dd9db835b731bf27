#include "compiler/Driver/Profile.h"
#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/Text.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <numeric>

using namespace vitc;

Precision vitc::precisionOfDot(uint32_t dot) {
  return dot == VITC_DOT_INT8 ? Precision::Int8 : dot == VITC_DOT_BF16 ? Precision::Bf16 : Precision::F32;
}

static double sum(const PerDot &values) { return std::accumulate(values.begin(), values.end(), 0.0); }

double Work::total() const { return sum(gflop); }

std::string Work::countsAs() const {
  for (auto [dot, share] : llvm::enumerate(linear))
    if (share > 0 && share >= 0.95 * sum(linear))
      return precisionName(precisionOfDot(dot)).str();
  return "mixed";
}

double Work::limitMs(const PerDot &peaks) const {
  double milliseconds = 0;
  for (auto [work, peak] : llvm::zip(gflop, peaks)) {
    if (work > 0 && peak <= 0)
      return 0;
    if (work > 0)
      milliseconds += work / peak * 1e3;
  }
  return milliseconds;
}

Work vitc::workOf(const vitc_schedule &schedule, int64_t images) {
  Work work;
  for (uint32_t i = 0; i < schedule.step_count; ++i) {
    const vitc_step &step = schedule.steps[i];
    double gflop = static_cast<double>(step.flops) * 1e-9 * static_cast<double>(images);
    work.gflop[step.dot] += gflop;
    if (step.flags & VITC_STEP_LINEAR)
      work.linear[step.dot] += gflop;
  }
  return work;
}

void RegionProfile::add(const RegionProfile &other) {
  calls += other.calls;
  milliseconds += other.milliseconds;
  gflop += other.gflop;
  activationBytes += other.activationBytes;
  weightBytes += other.weightBytes;
  arithmeticMs += other.arithmeticMs;
  memoryMs += other.memoryMs;
  limitMs += other.limitMs;
}

static double milliseconds(double bytes, double gigabytesPerSecond) {
  return gigabytesPerSecond > 0 ? bytes / gigabytesPerSecond * 1e-6 : 0;
}

Profile vitc::profileOf(const ProfileInputs &inputs) {
  Profile profile;
  profile.milliseconds = inputs.meanMs;
  profile.bandwidths = inputs.bandwidths;
  for (uint32_t i = 0; i < inputs.schedule->step_count && i < inputs.nanoseconds.size(); ++i) {
    const vitc_step &step = inputs.schedule->steps[i];
    RegionProfile region;
    region.name = layerName(step);
    llvm::StringRef layer = llvm::StringRef(region.name).rsplit('.').first;
    region.layer = layer.str();
    region.kind =
        (step.flops ? precisionName(precisionOfDot(step.dot)).str() + " " : "") + std::string(step.kind);
    region.dot = step.dot;
    region.calls = inputs.passes;
    region.milliseconds =
        static_cast<double>(inputs.nanoseconds[i]) * 1e-6 / static_cast<double>(inputs.runs);
    region.gflop = static_cast<double>(step.flops) * 1e-9 * static_cast<double>(inputs.images);
    region.activationBytes = static_cast<double>(step.activation_bytes) * static_cast<double>(inputs.images);
    region.weightBytes = static_cast<double>(step.weight_bytes) * static_cast<double>(inputs.passes);
    double peak = inputs.peaks[step.dot];
    region.arithmeticMs = peak > 0 ? region.gflop / peak * 1e3 : 0;
    region.memoryMs = milliseconds(region.activationBytes, inputs.bandwidths.of(step.activation_bytes)) +
                      milliseconds(region.weightBytes, inputs.bandwidths.of(inputs.modelWeights));
    region.limitMs = std::max(region.arithmeticMs, region.memoryMs);
    profile.regions.push_back(std::move(region));
  }
  return profile;
}

/// "blk.3.fc1" -> "blk.*.fc1": the layers of a model are alike.
static std::string withoutNumbers(llvm::StringRef region) {
  llvm::SmallVector<llvm::StringRef> parts;
  region.split(parts, '.');
  for (llvm::StringRef &part : parts)
    if (!part.empty() && llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

/// One line of a table: its cells behind the title.
static std::vector<std::string> cells(const RegionProfile &row, double total) {
  auto ratio = [](double a, double b, const char *format) {
    return a > 0 && b > 0 ? fmt::format(fmt::runtime(format), a / b) : std::string("-");
  };
  double bytes = row.activationBytes + row.weightBytes;
  auto megabytes = [](double value) { return value > 0 ? fmt::format("{:.2f}", value * 1e-6) : "-"; };
  return {std::to_string(row.calls),
          fmt::format("{:.3f}", row.milliseconds),
          ratio(100 * row.milliseconds, total, "{:.1f} %"),
          row.gflop > 0 ? fmt::format("{:.4f}", row.gflop) : "-",
          ratio(row.gflop, row.milliseconds * 1e-3, "{:.1f}"),
          megabytes(row.activationBytes),
          megabytes(row.weightBytes),
          ratio(bytes * 1e-9, row.milliseconds * 1e-3, "{:.1f}"),
          row.arithmeticMs == 0 && row.memoryMs == 0 ? "-"
          : row.arithmeticMs > row.memoryMs          ? "arithmetic"
                                                     : "memory",
          ratio(100 * row.limitMs, row.milliseconds, "{:.1f} %")};
}

static void printTable(const Profile &profile, const char *title,
                       llvm::function_ref<std::string(const RegionProfile &)> key, llvm::raw_ostream &os) {
  std::vector<std::pair<std::string, RegionProfile>> rows;
  RegionProfile all;
  for (const RegionProfile &region : profile.regions) {
    std::string name = key(region);
    auto row = llvm::find_if(rows, [&](const auto &other) { return other.first == name; });
    if (row == rows.end())
      row = rows.insert(rows.end(), {name, {}});
    row->second.add(region);
    all.add(region);
  }
  auto right = TextTable::Right;
  TextTable table({{title},
                   {"calls", right},
                   {"ms", right},
                   {"of time", right},
                   {"GFLOP", right},
                   {"GFLOP/s", right},
                   {"MB act.", right},
                   {"MB weights", right},
                   {"GB/s", right},
                   {"limit"},
                   {"of limit", right}});
  auto add = [&](const std::string &name, const RegionProfile &row) {
    std::vector<std::string> line = cells(row, profile.milliseconds);
    line.insert(line.begin(), name);
    table.add(std::move(line));
  };
  for (const auto &[name, row] : rows)
    add(name, row);
  add("all regions", all);
  double rest = profile.milliseconds - all.milliseconds;
  table.add({"between them", "", fmt::format("{:.3f}", rest),
             fmt::format("{:.1f} %", profile.milliseconds > 0 ? 100 * rest / profile.milliseconds : 0), "",
             "", "", "", "", "", ""});
  table.print(os);
}

void vitc::printProfile(const Profile &profile, llvm::raw_ostream &os) {
  const Bandwidths &read = profile.bandwidths;
  os << fmt::format("mean of all runs: {:.3f} ms; reading: {:.1f} GB/s from L2, {:.1f} from L3, {:.1f} from "
                    "memory\n\n",
                    profile.milliseconds, read.l2, read.l3, read.memory);
  printTable(profile, "region", [](const RegionProfile &r) { return withoutNumbers(r.name); }, os);
  os << "\n";
  printTable(profile, "kind", [](const RegionProfile &r) { return r.kind; }, os);
  os << "\n";
  printTable(profile, "layer", [](const RegionProfile &r) { return r.layer; }, os);
}

void vitc::profileJson(const Profile &profile, llvm::json::OStream &json) {
  double covered = 0;
  for (const RegionProfile &region : profile.regions)
    covered += region.milliseconds;
  json.attributeObject("bandwidths", [&] {
    json.attribute("l2", profile.bandwidths.l2);
    json.attribute("l3", profile.bandwidths.l3);
    json.attribute("memory", profile.bandwidths.memory);
  });
  json.attribute("run_ms", profile.milliseconds);
  json.attribute("between_regions_ms", profile.milliseconds - covered);
  json.attributeArray("regions", [&] {
    for (const RegionProfile &region : profile.regions)
      json.object([&] {
        json.attribute("name", llvm::json::fixUTF8(region.name));
        json.attribute("layer", llvm::json::fixUTF8(region.layer));
        json.attribute("kind", region.kind);
        json.attribute("calls", region.calls);
        json.attribute("ms", region.milliseconds);
        json.attribute("gflop", region.gflop);
        json.attribute("activation_bytes", region.activationBytes);
        json.attribute("weight_bytes", region.weightBytes);
        json.attribute("arithmetic_ms", region.arithmeticMs);
        json.attribute("memory_ms", region.memoryMs);
        json.attribute("limit_ms", region.limitMs);
      });
  });
}
