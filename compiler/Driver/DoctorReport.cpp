#include "compiler/Driver/DoctorReport.h"
#include "compiler/Driver/Npy.h"
#include "compiler/Driver/Text.h"
#include "llvm/Support/JSON.h"
#include <cmath>
#include <fmt/format.h>

using namespace vitc;

StepNumbers vitc::numbersOf(const ModelStep &step, const vit::Tensor &value) {
  StepNumbers numbers{step, value.shape};
  size_t finite = 0;
  double sum = 0;
  for (double number : value.data) {
    if (!std::isfinite(number)) {
      ++numbers.notFinite;
      continue;
    }
    numbers.min = finite ? std::min(numbers.min, number) : number;
    numbers.max = finite ? std::max(numbers.max, number) : number;
    sum += number;
    ++finite;
  }
  numbers.mean = finite ? sum / static_cast<double>(finite) : 0;
  return numbers;
}

/// A step of a picture is judged by levels of 255, others by the relative error.
static std::string boundText(const StepComparison &row) {
  return row.step.kind <= ModelStep::Normalise ? fmt::format("{:.3g} levels", row.slack.levels)
                                               : fmt::format("{:.2e}", row.slack.bound);
}

static std::string sourceText(const StepComparison &row) {
  if (row.step.kind == ModelStep::Decode)
    return "the file";
  return row.fromTrace ? "the trace's " + stepText(row.from) : "our " + stepText(row.from);
}

static void printDiagnosis(const DoctorReport &report, llvm::raw_ostream &os) {
  const Diagnosis &found = *report.diagnosis;
  auto row = llvm::find_if(report.comparisons,
                           [&](const StepComparison &other) { return other.step == *report.departure; });
  os << "\nfirst departure: " << stepText(*report.departure) << ", computed from " << sourceText(*row)
     << "\n";
  for (const std::string &fact : found.facts)
    os << "  " << escapeControls(fact) << "\n";
  if (found.causes.empty()) {
    if (found.tried)
      os << fmt::format("  none of {} suspects explains it\n", found.tried);
  } else {
    os << (found.explained ? "  explained: the reference\n"
                           : "  in part explained: it is nearer if the reference\n");
    for (const Suspect &cause : found.causes)
      os << "    " << cause.what << "\n      to follow it: " << cause.remedy << "\n";
    os << fmt::format("  error that is left: {:.2e}\n", found.left);
    if (!found.others.empty())
      os << "  as good: " << llvm::join(llvm::ArrayRef(found.others).take_front(5), "; ") << "\n";
  }
  if (found.tried < found.known)
    os << fmt::format(
        "  {} of {} suspects tried: each takes a while from that far; a trace with the steps between "
        "narrows it down\n",
        found.tried, found.known);
}

void vitc::printText(const DoctorReport &report, llvm::raw_ostream &os) {
  bool compiled =
      llvm::any_of(report.steps, [](const StepNumbers &step) { return step.compiled.has_value(); });
  std::vector<TextTable::Column> columns{{"step"},
                                         {"shape"},
                                         {"min", TextTable::Right},
                                         {"mean", TextTable::Right},
                                         {"max", TextTable::Right},
                                         {"NaN/Inf", TextTable::Right}};
  if (compiled)
    columns.push_back({"compiled", TextTable::Right});
  TextTable table(columns);
  for (const StepNumbers &step : report.steps) {
    std::vector<std::string> row{stepText(step.step),  shapeTuple(step.shape),
                                 numberText(step.min), numberText(step.mean),
                                 numberText(step.max), std::to_string(step.notFinite)};
    if (compiled)
      row.push_back(!step.compiled
                        ? ""
                        : fmt::format("{:.2e}{}", *step.compiled, step.compiledAgrees ? "" : " DEPARTS"));
    table.add(std::move(row));
  }
  table.print(os);
  if (compiled)
    os << "compiled: relative L2 error of " << report.level << " code against " << report.compiledAgainst
       << "\n";
  for (const std::string &note : report.notes)
    os << "note: " << escapeControls(note) << "\n";
  if (!report.comparisons.empty()) {
    os << "\n";
    TextTable trace({{"step"},
                     {"computed from"},
                     {"rel. L2", TextTable::Right},
                     {"max error", TextTable::Right},
                     {"bound", TextTable::Right},
                     {"result"}});
    for (const StepComparison &row : report.comparisons)
      trace.add({stepText(row.step), sourceText(row), fmt::format("{:.2e}", row.difference.relative),
                 fmt::format("{:.2e}", row.difference.maximum), boundText(row),
                 row.agrees ? "ok" : "DEPARTS"});
    trace.print(os);
    if (llvm::any_of(report.comparisons, [](const StepComparison &row) {
          return row.slack.pixels && (row.step.kind > ModelStep::Normalise ||
                                      (!row.fromTrace && row.step.kind > ModelStep::Decode));
        }))
      os << "bounds are wide where pixels may have been decoded or resized a little differently: a trace "
            "with 'decode' "
            "and 'normalise' narrows them\n";
  }
  if (!report.hidden.empty()) {
    std::string names;
    for (const ModelStep &step : report.hidden)
      names += (names.empty() ? "" : ", ") + stepText(step);
    os << "not compared, as it cannot be seen here: " << names << "; give the MODEL instead of a library\n";
  }
  if (report.diagnosis)
    printDiagnosis(report, os);
}

static void printList(llvm::json::OStream &json, llvm::StringRef key, llvm::ArrayRef<std::string> texts) {
  json.attributeArray(key, [&] {
    for (const std::string &text : texts)
      json.value(llvm::json::fixUTF8(text));
  });
}

static void printDiagnosis(const Diagnosis &found, llvm::json::OStream &json) {
  json.attributeObject("diagnosis", [&] {
    json.attribute("explained", found.explained);
    json.attribute("error_left", jsonNumber(found.left));
    json.attribute("suspects_tried", static_cast<int64_t>(found.tried));
    printList(json, "facts", found.facts);
    json.attributeArray("causes", [&] {
      for (const Suspect &cause : found.causes)
        json.object([&] {
          json.attribute("reference", cause.what);
          json.attribute("remedy", cause.remedy);
        });
    });
    printList(json, "as_good", found.others);
  });
}

void vitc::printJson(const DoctorReport &report, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("model", llvm::json::fixUTF8(report.model));
    json.attribute("picture", llvm::json::fixUTF8(report.picture));
    json.attribute("target", report.level);
    json.attributeArray("steps", [&] {
      for (const StepNumbers &step : report.steps)
        json.object([&] {
          json.attribute("step", stepText(step.step));
          json.attributeArray("shape", [&] {
            for (int64_t extent : step.shape)
              json.value(extent);
          });
          json.attribute("min", step.min);
          json.attribute("mean", step.mean);
          json.attribute("max", step.max);
          json.attribute("not_finite", static_cast<int64_t>(step.notFinite));
          if (step.compiled) {
            json.attribute("compiled_error", jsonNumber(*step.compiled));
            json.attribute("compiled_agrees", step.compiledAgrees);
          }
        });
    });
    printList(json, "notes", report.notes);
    json.attributeArray("reference", [&] {
      for (const StepComparison &row : report.comparisons)
        json.object([&] {
          json.attribute("step", stepText(row.step));
          json.attribute("from", row.step.kind == ModelStep::Decode ? "file" : stepText(row.from));
          json.attribute("from_trace", row.fromTrace);
          json.attribute("error", jsonNumber(row.difference.relative));
          json.attribute("max_error", jsonNumber(row.difference.maximum));
          if (row.step.kind <= ModelStep::Normalise)
            json.attribute("bound_levels", row.slack.levels);
          else
            json.attribute("bound", row.slack.bound);
          json.attribute("agrees", row.agrees);
        });
    });
    json.attributeArray("not_visible", [&] {
      for (const ModelStep &step : report.hidden)
        json.value(stepText(step));
    });
    json.attribute("departs", report.departure ? llvm::json::Value(stepText(*report.departure)) : nullptr);
    if (report.diagnosis)
      printDiagnosis(*report.diagnosis, json);
  });
  os << "\n";
}
