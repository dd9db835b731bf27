//===- ModelSteps.h - the named values between a picture and a model's logits -------------------------===//
//
// A forward is a chain of values, each of which follows from the ones before. `vitc doctor` computes one from
// another, in order to find where two computations of a model part ways.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_PIPELINE_MODELSTEPS_H
#define COMPILER_PIPELINE_MODELSTEPS_H

#include "compiler/Pipeline/Pipeline.h"
#include <compare>

namespace vitc {

/// A value of the forward. Tensors have the shapes
///   decode, resize, crop    [height, width, channels], pixels from 0 to 255
///   normalise               [channels, height, width], what the patch embedding reads
///   embedding               [tokens, width], what the first block reads
///   block.K                 [tokens, width], behind block K, counted from 0
///   norm                    [tokens, width], behind the norm of all tokens, where the model has one
///   pooled                  [1, width], what the head reads: behind pooling, its norm and layers in front
///   logits                  [1, classes], or [tokens, classes] of a head that reads tokens
struct ModelStep {
  enum Kind { Decode, Resize, Crop, Normalise, Embedding, Block, Norm, Pooled, Logits };
  Kind kind = Decode;
  int64_t block = 0; ///< of Block
  auto operator<=>(const ModelStep &) const = default;
};

/// "block.3", and the inverse.
std::string stepText(const ModelStep &step);
std::optional<ModelStep> parseStep(llvm::StringRef text);
/// Every spelling for a model of `depth` blocks, in order.
std::vector<std::string> stepNames(int64_t depth);

/// The steps that a model has, in order.
std::vector<ModelStep> modelSteps(const ModelConfig &config);
/// The shape of a step's value from Normalise on.
llvm::SmallVector<int64_t, 4> stepShape(const ModelConfig &config, const ModelStep &step);

/// Whether `to` follows from `from` alone: not if a head reads other tokens than the pooled one, or pooling
/// earlier blocks than `from`.
bool followsFrom(const ModelConfig &config, const ModelStep &to, const ModelStep &from);

/// A module whose function @steps computes the values of `to` from that of `from`. Preconditions:
/// Normalise <= from < each of `to`, which follow from it; the config validates.
mlir::OwningOpRef<mlir::ModuleOp> buildSteps(mlir::MLIRContext &context, const ModelConfig &config,
                                             const ModelStep &from, llvm::ArrayRef<ModelStep> to);

} // namespace vitc

#endif // COMPILER_PIPELINE_MODELSTEPS_H
