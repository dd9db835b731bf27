#include "compiler/Driver/Layers.h"
#include "compiler/Pipeline/Pipeline.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

/// "blk.3.fc1" -> "blk.*.fc1".
static std::string withoutNumbers(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '.');
  for (llvm::StringRef &part : parts)
    if (!part.empty() && llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

/// The weights that an op reads, as "blk.3.fc1" for "blk.3.fc1.w" and "blk.3.fc1.b", and their elements.
static std::pair<std::string, int64_t> weightsOf(mlir::Operation &op) {
  std::string name;
  int64_t elements = 0;
  for (mlir::Value operand : op.getOperands()) {
    mlir::Operation *source = operand.getDefiningOp();
    if (!source || !llvm::isa<vit::ParamOp, vit::PlanWeightsOp>(source))
      continue;
    if (name.empty())
      name = source->getAttrOfType<mlir::FlatSymbolRefAttr>("weight").getValue().str();
    elements += llvm::cast<mlir::ShapedType>(operand.getType()).getNumElements();
  }
  llvm::StringRef stem = name;
  if (!stem.consume_back(".w"))
    stem.consume_back(".b");
  return {stem.str(), elements};
}

std::vector<Layer> vitc::layersOf(mlir::ModuleOp module) {
  std::vector<Layer> layers;
  auto forward = module.lookupSymbol<mlir::func::FuncOp>("forward");
  if (!forward)
    return layers;
  std::string scope; // "blk.3." of the op before, for ops without weights
  for (mlir::Operation &op : forward.getOps()) {
    if (llvm::isa<vit::ParamOp, vit::PlanWeightsOp>(op))
      continue;
    auto planned = llvm::dyn_cast<vit::PlannedOpInterface>(op);
    auto [name, parameters] = weightsOf(op);
    int64_t flops = planned ? planned.getFlops() : modelFlopsOf(&op);
    if (!parameters && !flops)
      continue;
    llvm::StringRef mnemonic = op.getName().stripDialect();
    if (name.empty())
      name = scope + mnemonic.str();
    else
      scope = name.substr(0, name.rfind('.') + 1);
    Layer layer{withoutNumbers(name), mnemonic.str(), {}, 1, parameters, flops};
    mlir::Value result = planned && !planned.getOutputBuffers().empty() ? planned.getOutputBuffers().front()
                         : op.getNumResults()                           ? mlir::Value(op.getResult(0))
                                                                        : mlir::Value();
    if (auto shaped = result ? llvm::dyn_cast<mlir::ShapedType>(result.getType()) : mlir::ShapedType())
      layer.shape.assign(shaped.getShape().begin(), shaped.getShape().end());
    auto same = llvm::find_if(layers, [&](const Layer &other) {
      return other.name == layer.name && other.op == layer.op && other.shape == layer.shape;
    });
    if (same == layers.end()) {
      layers.push_back(std::move(layer));
    } else {
      ++same->count;
      same->parameters += layer.parameters;
      same->flops += layer.flops;
    }
  }
  return layers;
}
