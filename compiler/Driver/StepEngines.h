//===- StepEngines.h - the steps of a checkpoint in float64, and of a library -------------------------===//
#ifndef COMPILER_DRIVER_STEPENGINES_H
#define COMPILER_DRIVER_STEPENGINES_H

#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/Picture.h"
#include "compiler/Driver/Variant.h"
#include <map>

namespace vitc {

/// Computes every step of a checkpoint by the runtime's resize and the interpreter, in float64.
class CheckpointSteps final : public StepEngine {
public:
  /// The checkpoint must outlive the engine.
  explicit CheckpointSteps(const Checkpoint &checkpoint);
  ~CheckpointSteps() override;

  const ModelConfig &config() const override { return checkpoint.config; }
  bool computes(const ModelStep &from, const ModelStep &to) const override;
  bool fits(const ModelConfig &config) const override;
  double work(const ModelStep &from, const ModelStep &to) const override;
  /// All of the network's steps at once, from the normalised image.
  llvm::Expected<std::map<ModelStep, vit::Tensor>> all(const vit::Tensor &image);

private:
  llvm::Expected<vit::Tensor> network(const Variant &variant, const ModelStep &from, const vit::Tensor &value,
                                      const ModelStep &to) override;
  llvm::Expected<std::vector<vit::Tensor>> interpret(const Variant &variant, const ModelStep &from,
                                                     const vit::Tensor &value, llvm::ArrayRef<ModelStep> to);
  const Checkpoint &checkpoint;
  std::unique_ptr<mlir::MLIRContext> context;
};

/// Computes what a library gives back, from its metadata and its code. Variants are of pictures only.
class LibrarySteps final : public StepEngine {
public:
  /// Both must outlive the engine. Precondition: the library has a description.
  LibrarySteps(const LoadedLibrary &library, const RunningModel &model) : library(library), model(model) {}

  const ModelConfig &config() const override { return *library.facts().model; }
  bool computes(const ModelStep &from, const ModelStep &to) const override;
  bool fits(const ModelConfig &config) const override;
  double work(const ModelStep &, const ModelStep &) const override { return 0; }

private:
  llvm::Expected<vit::Tensor> network(const Variant &variant, const ModelStep &from, const vit::Tensor &value,
                                      const ModelStep &to) override;

  const LoadedLibrary &library;
  const RunningModel &model;
};

/// The steps that a library gives back, by output.
std::map<ModelStep, size_t> visibleSteps(const LoadedLibrary &library);

/// What a library makes of a normalised image, or of a picture. Only the steps that it gives back.
llvm::Expected<std::map<ModelStep, vit::Tensor>>
runImage(const LoadedLibrary &library, const RunningModel &model, const vit::Tensor &image);
llvm::Expected<std::map<ModelStep, vit::Tensor>>
runPicture(const LoadedLibrary &library, const RunningModel &model, const Picture &picture);

} // namespace vitc

#endif // COMPILER_DRIVER_STEPENGINES_H
