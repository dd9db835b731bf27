#include "compiler/Target/PlannedWeights.h"
#include "compiler/Support/Error.h"
#include "mlir/IR/Diagnostics.h"

using namespace vitc;

llvm::Expected<std::vector<BlobTensor>> vitc::blobTensors(mlir::ModuleOp module,
                                                          vit::WeightEvaluator &evaluator) {
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "; ") + diagnostic.str();
    return mlir::success();
  });
  std::vector<BlobTensor> tensors;
  for (auto weight : module.getOps<vit::WeightOp>()) {
    if (!weight.getOffset())
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
