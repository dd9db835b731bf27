//===- LayerArithmetic.h - how the products of one layer are computed ---------------------------------===//
#ifndef DIALECT_TRANSFORMS_LAYERARITHMETIC_H
#define DIALECT_TRANSFORMS_LAYERARITHMETIC_H

#include "dialect/IR/VitEnums.h"
#include "mlir/IR/Operation.h"
#include <optional>
#include <string>

namespace vit {

/// A choice for one layer.
struct LayerArithmetic {
  std::string layer;          ///< as layerName() gives it
  std::optional<DotKind> dot; ///< nothing: f32
  double inputScale = 0;      ///< for int8, what each row of the input is divided by; 0: each by its own
  bool operator==(const LayerArithmetic &) const = default;
};

/// The name of a fused linear layer: its weight's, without what passes made of it, "blk.3.fc1" for
/// "blk.3.fc1.w.norm". That of a fused attention: "attention" in the scope of its query's layer,
/// "blk.3.attention". Empty for all other ops, and where a weight is computed. Ops of one name, as in
/// @forward and @forward_u8, are one layer.
std::string layerName(mlir::Operation *op);

/// "f32", "bf16" or "int8".
llvm::StringRef dotName(std::optional<DotKind> dot);

/// "blk.3.fc1=int8:0.0125", "blk.3.fc2=f32".
std::string printLayerArithmetic(const LayerArithmetic &choice);
/// The inverse; nothing if `text` is no such choice.
std::optional<LayerArithmetic> parseLayerArithmetic(llvm::StringRef text);

} // namespace vit

#endif // DIALECT_TRANSFORMS_LAYERARITHMETIC_H
