//===- Variant.h - a model as it would be had one decision been another -------------------------------===//
#ifndef COMPILER_DRIVER_VARIANT_H
#define COMPILER_DRIVER_VARIANT_H

#include "compiler/Pipeline/ModelSteps.h"
#include "dialect/Interp/Interpreter.h"
#include <functional>
#include <string>
#include <vector>

namespace vitc {

struct Variant {
  ModelConfig config;
  bool reversed = false; ///< pixels in the order BGR
  /// Tensors that take each other's place: "gate" and "fc1" stand for blk.I.gate.* and blk.I.fc1.*, names
  /// with a dot for themselves.
  std::vector<std::pair<std::string, std::string>> swapped = {};
  /// What is done to pooled tokens or logits at the very end.
  enum Ending { Plain, Softmax, UnitLength } ending = Plain;
};

/// A mistake that people make, or a choice that libraries make differently.
struct Suspect {
  std::string what;   ///< that the reference does: "LayerNorm with epsilon 1e-12 (here: 1e-06)"
  std::string remedy; ///< what to change here: "norm.eps, --norm-eps 1e-12"
  Variant variant;
};

/// Everything worth suspecting between two steps of `base`, one change each. `reference` is what the trace
/// has for `to`: sizes of pictures are taken from it. Variants whose tensors the checkpoint lacks
/// (`fits`) are left out, and those whose descriptions do not validate.
std::vector<Suspect> suspectsOf(const Variant &base, const ModelStep &from, const ModelStep &to,
                                const vit::Tensor &reference,
                                const std::function<bool(const ModelConfig &)> &fits);

/// Computes steps of a model, or of what it would be.
class StepEngine {
public:
  virtual ~StepEngine() = default;
  /// The model as it is.
  virtual const ModelConfig &config() const = 0;
  /// Whether compute() gives `to` from `from`.
  virtual bool computes(const ModelStep &from, const ModelStep &to) const = 0;
  /// Whether the engine has the tensors that `config` needs.
  virtual bool fits(const ModelConfig &config) const = 0;
  /// Precondition: computes(from, to), and `value` has the step's shape.
  llvm::Expected<vit::Tensor> compute(const Variant &variant, const ModelStep &from, const vit::Tensor &value,
                                      const ModelStep &to);
  /// Multiply-adds between two steps, roughly.
  virtual double work(const ModelStep &from, const ModelStep &to) const = 0;

private:
  /// The same from the normalised image or a later step, without the variant's ending.
  virtual llvm::Expected<vit::Tensor> network(const Variant &variant, const ModelStep &from,
                                              const vit::Tensor &value, const ModelStep &to) = 0;
};

/// The affine step that leads from `pixels` [height, width, channels] to `image` [channels, height, width]
/// with the least squared error, of the same scale as `like`; nothing if a channel is constant.
std::optional<AffineStep> fitAffine(const vit::Tensor &pixels, const vit::Tensor &image,
                                    const AffineStep &like);

} // namespace vitc

#endif // COMPILER_DRIVER_VARIANT_H
