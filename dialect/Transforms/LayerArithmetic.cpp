#include "dialect/Transforms/LayerArithmetic.h"
#include "dialect/Transforms/WeightUtils.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using namespace vit;

std::string vit::layerName(Operation *op) {
  if (auto linear = dyn_cast<FusedLinearOp>(op)) {
    FlatSymbolRefAttr weight = weightOf(linear.getWeight());
    if (!weight)
      return "";
    StringRef name = weight.getValue();
    return (name.ends_with(".w") ? name.drop_back(2) : name.split(".w.").first).str();
  }
  auto attention = dyn_cast<FusedAttentionOp>(op);
  Operation *query = attention ? attention.getQuery().getDefiningOp() : nullptr;
  while (isa_and_present<LayerNormOp, RopeOp>(query))
    query = query->getOperand(0).getDefiningOp();
  if (!query)
    return "";
  std::string projection = layerName(query);
  return projection.empty() ? "" : projection.substr(0, projection.rfind('.') + 1) + "attention";
}

StringRef vit::dotName(std::optional<DotKind> dot) { return dot ? stringifyDotKind(*dot) : "f32"; }

std::string vit::printLayerArithmetic(const LayerArithmetic &choice) {
  std::string text = choice.layer + "=" + dotName(choice.dot).str();
  // 17 digits are read back as the same number.
  if (choice.inputScale != 0)
    llvm::raw_string_ostream(text) << ':' << llvm::format("%.17g", choice.inputScale);
  return text;
}

std::optional<LayerArithmetic> vit::parseLayerArithmetic(StringRef text) {
  auto [layer, rest] = text.rsplit('=');
  auto [kind, scale] = rest.split(':');
  LayerArithmetic choice{layer.str(), symbolizeDotKind(kind)};
  if (layer.empty() || (!choice.dot && kind != "f32"))
    return std::nullopt;
  if (rest.contains(':') && (choice.dot != DotKind::Int8 || !llvm::to_float(scale, choice.inputScale) ||
                             !std::isfinite(choice.inputScale) || !(choice.inputScale > 0)))
    return std::nullopt;
  return choice;
}
