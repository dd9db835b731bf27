#include "compiler/Driver/VerifyReport.h"
#include "compiler/Driver/Text.h"
#include "llvm/Support/JSON.h"
#include <fmt/format.h>

using namespace vitc;

void VerifyReport::append(VerifyReport other, llvm::StringRef size) {
  for (RegionError &region : other.regions) {
    region.name = size.str() + " " + region.name;
    regions.push_back(std::move(region));
  }
  for (OutputError &output : other.outputs) {
    output.name = size.str() + " " + output.name;
    outputs.push_back(std::move(output));
  }
  if (!other.noRegions.empty())
    noRegions = std::move(other.noRegions);
}

void vitc::printText(const VerifyReport &report, llvm::raw_ostream &os) {
  if (!report.noRegions.empty())
    os << "regions: " << report.noRegions << "\n\n";
  if (report.noRegions.empty() || !report.regions.empty()) {
    TextTable regions({{"region"}, {"rel. L2 error", TextTable::Right}});
    for (const RegionError &region : report.regions)
      regions.add({region.name, fmt::format("{:.2e}", region.error)});
    regions.print(os);
    os << "\n";
  }
  std::vector<TextTable::Column> columns{{"output"}, {"rel. L2 error", TextTable::Right}};
  if (report.relative)
    columns.push_back({"plain f32", TextTable::Right});
  columns.push_back({"bound", TextTable::Right});
  columns.push_back({"result"});
  TextTable outputs(columns);
  for (const OutputError &output : report.outputs) {
    std::vector<std::string> row{output.name, fmt::format("{:.2e}", output.error)};
    if (report.relative)
      row.push_back(fmt::format("{:.2e}", output.single));
    row.push_back(fmt::format("{:.2e}", output.bound));
    row.push_back(output.passed() ? "pass" : "FAIL");
    outputs.add(std::move(row));
  }
  outputs.print(os);
}

void vitc::printJson(const VerifyReport &report, llvm::StringRef name, llvm::StringRef level, bool passed,
                     llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.object([&] {
    json.attribute("name", name);
    json.attribute("target", level);
    json.attribute("passed", passed);
    json.attributeArray("outputs", [&] {
      for (const OutputError &output : report.outputs)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(output.name));
          json.attribute("error", jsonNumber(output.error));
          if (report.relative)
            json.attribute("error_f32", jsonNumber(output.single));
          json.attribute("bound", jsonNumber(output.bound));
          json.attribute("passed", output.passed());
        });
    });
    json.attributeArray("regions", [&] {
      for (const RegionError &region : report.regions)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(region.name));
          json.attribute("error", jsonNumber(region.error));
        });
    });
  });
  os << "\n";
}
