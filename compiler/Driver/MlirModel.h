//===- MlirModel.h - a model given as a .mlir file ----------------------------------------------------===//
#ifndef COMPILER_DRIVER_MLIRMODEL_H
#define COMPILER_DRIVER_MLIRMODEL_H

#include "compiler/Pipeline/Pipeline.h"
#include "dialect/Interp/WeightEvaluator.h"
#include <memory>

namespace vitc {

/// A module of the vit dialect, at any phase up to planned, with a value for each weight that has no chain.
struct MlirModel {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ModelConfig config; ///< only a name: a module states no labels and no picture preprocessing
  vit::TensorLookup weights;
  /// The level that the module is planned for; null before planning.
  const Isa *plannedFor = nullptr;
};

/// Parses `path`. Weights come from the safetensors file `weightsFrom`, by name; if that is empty they are
/// random, a function of their name and shape. Errors: Input, with the parser's message and place.
llvm::Expected<MlirModel> openMlirModel(llvm::StringRef path, llvm::StringRef weightsFrom);

} // namespace vitc

#endif // COMPILER_DRIVER_MLIRMODEL_H
