#include "compiler/Target/PlannedWeights.h"
#include "compiler/Support/Error.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace vitc;

llvm::Expected<std::vector<BlobTensor>> vitc::blobTensors(mlir::ModuleOp module,
                                                          vit::WeightEvaluator &evaluator,
                                                          std::optional<llvm::ArrayRef<std::string>> names) {
  llvm::StringSet<> wanted;
  if (names)
    wanted.insert_range(*names);
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "; ") + diagnostic.str();
    return mlir::success();
  });
  std::vector<BlobTensor> tensors;
  for (auto weight : module.getOps<vit::WeightOp>()) {
    if (!weight.getOffset() || (names && !wanted.contains(weight.getSymName())))
      continue;
    auto source = evaluator.get(mlir::FlatSymbolRefAttr::get(weight.getSymNameAttr()));
    if (mlir::failed(source))
      return inputError("weight '{}' cannot be evaluated: {}", weight.getSymName().str(), messages);
    BlobTensor &tensor = tensors.emplace_back();
    tensor.name = weight.getSymName().str();
    tensor.offset = *weight.getOffset();
    tensor.elements = (*source)->elements();
    tensor.elementBytes = weight.getTensorType().getElementTypeBitWidth() / 8;
    tensor.read = [source = *source](int64_t first, llvm::MutableArrayRef<double> out) {
      source->read(first, out);
    };
  }
  return tensors;
}

std::vector<std::string> SharedBlob::place(mlir::ModuleOp module,
                                           const std::function<int64_t(llvm::StringRef)> &origin) {
  mlir::Builder b(module);
  mlir::SymbolTable symbols(module);
  // What a weight is: its type and, for one without a chain, its name, else the steps with numbers of what
  // they refer to instead of names, which differ from module to module. Chains have no cycle (weight_c3).
  llvm::DenseMap<mlir::Operation *, mlir::Attribute> keys;
  auto keyOf = [&](auto &self, vit::WeightOp weight) -> mlir::Attribute {
    if (mlir::Attribute key = keys.lookup(weight))
      return key;
    mlir::SmallVector<mlir::Attribute> parts{weight.getTypeAttr()};
    if (weight.getChain()) {
      mlir::AttrTypeReplacer replacer;
      replacer.addReplacement([&](mlir::FlatSymbolRefAttr ref) -> mlir::Attribute {
        mlir::Attribute source = self(self, symbols.lookup<vit::WeightOp>(ref.getValue()));
        return mlir::FlatSymbolRefAttr::get(b.getContext(),
                                            std::to_string(known.find(source)->second.number));
      });
      parts.push_back(replacer.replace(weight.getChainAttr()));
    } else {
      parts.push_back(weight.getSymNameAttr());
      parts.push_back(b.getI64IntegerAttr(origin ? origin(weight.getSymName()) : 0));
    }
    mlir::Attribute key = b.getArrayAttr(parts);
    known.try_emplace(key, Known{static_cast<int64_t>(known.size()), -1});
    keys[weight] = key;
    return key;
  };

  std::vector<vit::WeightOp> placed;
  for (auto weight : module.getOps<vit::WeightOp>())
    if (weight.getOffset())
      placed.push_back(weight);
  llvm::sort(placed, [](vit::WeightOp a, vit::WeightOp c) {
    return std::pair(*a.getOffset(), a.getSymName()) < std::pair(*c.getOffset(), c.getSymName());
  });
  std::vector<std::string> added;
  for (vit::WeightOp weight : placed) {
    Known &entry = known.find(keyOf(keyOf, weight))->second;
    if (entry.offset < 0 || first) {
      mlir::RankedTensorType type = weight.getTensorType();
      int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
      entry.offset = first ? static_cast<int64_t>(*weight.getOffset()) : end;
      end = std::max<int64_t>(end, llvm::alignTo(entry.offset + bytes, 64));
      added.push_back(weight.getSymName().str());
    }
    weight.setOffset(entry.offset);
  }
  first = false;
  return added;
}
