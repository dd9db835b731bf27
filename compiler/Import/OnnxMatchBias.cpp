//===- OnnxMatchBias.cpp - relative positions -------------------------------------------------------===//
//
// BEiT adds to the logits of two patches a number that depends on their distance alone. A file holds these
// numbers for every pair, or the indices that make them; either way a constant [heads][tokens][tokens] is
// left, from which the table is read off, and with which it must agree everywhere.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/OnnxMatch.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace vitc;
using namespace vitc::onnx;

namespace {

/// Row of the table for a pair of tokens; token 0 is the class token.
int64_t rowOf(Extent grid, int64_t from, int64_t to) {
  int64_t rows = (2 * grid.height - 1) * (2 * grid.width - 1) + 3;
  if (from == 0)
    return to == 0 ? rows - 1 : rows - 3;
  if (to == 0)
    return rows - 2;
  int64_t y = (from - 1) / grid.width - (to - 1) / grid.width,
          x = (from - 1) % grid.width - (to - 1) % grid.width;
  return (y + grid.height - 1) * (2 * grid.width - 1) + x + grid.width - 1;
}

/// The table [rows][heads], if `bias` is one spread out.
std::optional<std::vector<double>> tableOf(const std::vector<double> &bias, Extent grid, int64_t heads) {
  int64_t tokens = grid.height * grid.width + 1, rows = (2 * grid.height - 1) * (2 * grid.width - 1) + 3;
  std::vector<double> table(rows * heads, NAN);
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t from = 0; from < tokens; ++from)
      for (int64_t to = 0; to < tokens; ++to) {
        double value = bias[(h * tokens + from) * tokens + to];
        double &entry = table[rowOf(grid, from, to) * heads + h];
        if (std::isnan(entry))
          entry = value;
        else if (entry != value)
          return std::nullopt;
      }
  return table;
}

} // namespace

bool Matching::describeBiases(Weights &weights) {
  constexpr Value *nowhere = nullptr;
  constexpr const char *nearest = "BEiT's tables of relative positions with one class token";
  if (llvm::none_of(biases, [](const View &bias) { return bias.source != nullptr; }))
    return true;
  Extent grid = config.grid();
  int64_t tokens = config.tokens();
  if (config.prefixTokens() != 1 || tokens != grid.height * grid.width + 1)
    return fail(nowhere, "biases of attention between patches and one class token", nearest);
  std::vector<std::vector<double>> tables;
  for (const View &bias : biases) {
    std::optional<std::vector<double>> all, table;
    if (bias.source && bias.elements() == config.heads * tokens * tokens)
      all = graph.read(bias);
    if (all)
      table = tableOf(*all, grid, config.heads);
    if (!table)
      return fail(nowhere, "biases that depend on the distance of two patches", nearest);
    tables.push_back(std::move(*table));
  }
  config.relBias = RelBiasKind::Beit;
  config.relBiasShared = tables.size() > 1 && llvm::all_equal(tables);
  int64_t rows = static_cast<int64_t>(tables[0].size()) / config.heads;
  for (size_t i = 0; i < (config.relBiasShared ? 1 : tables.size()); ++i)
    weights[config.relBiasShared ? "rel_table" : fmt::format("blk.{}.rel_table", tables.size() - 1 - i)] =
        graph.constant(DataType::Double, {rows, config.heads}, std::move(tables[i]));
  for (const auto &[name, view] : weights)
    if (valueOf(view))
      return fail(nowhere, "tables that fit into memory", nearest);
  return true;
}
