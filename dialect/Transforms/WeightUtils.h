//===- WeightUtils.h - deriving weights --------------------------------------------------------------===//
#ifndef DIALECT_TRANSFORMS_WEIGHTUTILS_H
#define DIALECT_TRANSFORMS_WEIGHTUTILS_H

#include "dialect/IR/VitOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace vit {

/// A weight on its way: steps from a source, and the name that it will have.
struct WeightChain {
  std::string name;
  llvm::SmallVector<mlir::Attribute> steps;

  /// Appends a step and, to the name, ".SUFFIX". A reshape replaces a reshape just before it.
  WeightChain &then(mlir::Attribute step, llvm::StringRef suffix);
};

/// The symbol of a weight that `value` is the `vit.param` of; null otherwise. A null value has none.
mlir::FlatSymbolRefAttr weightOf(mlir::Value value);

/// True if `value` is null or the `vit.param` of a weight: what passes need of an optional weight operand.
inline bool isWeightOrAbsent(mlir::Value value) { return !value || weightOf(value); }

/// Creates derived weights in a module. Chains are flat: the chain of a derived source is copied, not
/// referred to, so that what a weight is made of is read in one place and intermediate weights die. A chain
/// that exists already gives the existing symbol, so functions of one module share their weights. New weights
/// follow the last weight of the module, in order of creation.
class WeightBuilder {
public:
  explicit WeightBuilder(mlir::ModuleOp module);

  /// The chain of a weight to continue; `param` must satisfy weightOf.
  WeightChain chain(mlir::Value param);
  /// As above for the bias of a linear layer with weight `weight`; zeros when `bias` is null.
  WeightChain biasChain(mlir::Value bias, mlir::Value weight);
  /// Rows of all `chains`, one after another. The name joins theirs: blk.0.k.w, blk.0.v.w to blk.0.kv.w.
  WeightChain append(llvm::ArrayRef<WeightChain> chains);

  /// Gets or creates the weight. A chain that is only a reference gives the weight it refers to.
  mlir::FlatSymbolRefAttr build(const WeightChain &chain);
  /// Same, as a value.
  mlir::Value param(mlir::OpBuilder &builder, mlir::Location loc, const WeightChain &chain);

  WeightOp lookup(mlir::FlatSymbolRefAttr symbol);

private:
  WeightChain chain(mlir::FlatSymbolRefAttr symbol);
  /// Drops steps that do nothing; returns the type that the rest gives.
  mlir::RankedTensorType normalize(llvm::SmallVectorImpl<mlir::Attribute> &steps, llvm::StringRef name);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  mlir::Operation *last = nullptr; ///< the last weight, null when there is none
  llvm::DenseMap<mlir::Attribute, mlir::FlatSymbolRefAttr> byChain;
};

/// `blk.0.q.w` to `blk.0.q.b`: the canonical name of the bias that belongs to a weight.
std::string biasName(llvm::StringRef weightName);

/// Joins names that differ in one part: single letters become a word (`blk.0.qkv.w`), longer parts are joined
/// by an underscore (`embed.cls_dist`).
std::string joinNames(llvm::ArrayRef<llvm::StringRef> names);

} // namespace vit

#endif // DIALECT_TRANSFORMS_WEIGHTUTILS_H
