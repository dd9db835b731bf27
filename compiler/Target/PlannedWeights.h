//===- PlannedWeights.h - the weights of planned modules as tensors of one blob ---------------------===//
#ifndef COMPILER_TARGET_PLANNEDWEIGHTS_H
#define COMPILER_TARGET_PLANNEDWEIGHTS_H

#include "compiler/Target/WeightBlob.h"
#include "dialect/Interp/WeightEvaluator.h"
#include "llvm/ADT/DenseMap.h"

namespace vitc {

/// The `vit.weight` ops of `module` that have an offset; with `names`, those called so. The result keeps the
/// sources alive, not the evaluator. Errors: Input, if the checkpoint lacks a tensor or has one of another
/// shape.
llvm::Expected<std::vector<BlobTensor>>
blobTensors(mlir::ModuleOp module, vit::WeightEvaluator &evaluator,
            std::optional<llvm::ArrayRef<std::string>> names = std::nullopt);

/// One blob for the planned modules of all levels and input sizes of a library. What is made of the same
/// tensors by the same steps lies there once, whatever passes have called it.
class SharedBlob {
public:
  /// Moves the packed weights of `module` to where their equals of earlier modules lie, or else behind all
  /// others, in order of their offsets; the first module keeps its offsets. Returns the names of those that
  /// have no equal. A weight without a chain is the same as another module's if they have the name, the type
  /// and the number that `origin` gives for the name in common (null: always 0).
  std::vector<std::string> place(mlir::ModuleOp module,
                                 const std::function<int64_t(llvm::StringRef)> &origin = nullptr);

  /// Bytes so far, a multiple of 64.
  int64_t bytes() const { return end; }

private:
  int64_t end = 0;
  bool first = true;
  /// [type, canonical chain or name] -> number, and offset once it has one.
  struct Known {
    int64_t number, offset;
  };
  llvm::DenseMap<mlir::Attribute, Known> known;
};

} // namespace vitc

#endif // COMPILER_TARGET_PLANNEDWEIGHTS_H
