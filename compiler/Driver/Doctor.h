//===- Doctor.h - where two computations of one model part ways ---------------------------------------===//
#ifndef COMPILER_DRIVER_DOCTOR_H
#define COMPILER_DRIVER_DOCTOR_H

#include "compiler/Driver/Console.h"
#include "compiler/Driver/Trace.h"
#include "compiler/Driver/Variant.h"

namespace vitc {

/// How far a tensor is from another.
struct Difference {
  double relative = 0; ///< L2 norm of the difference over that of the reference
  double maximum = 0;  ///< largest absolute difference
  size_t worst = 0;    ///< the element that has it
  bool shapes = true;  ///< the same on both sides; else both numbers are infinite
};
Difference difference(const vit::Tensor &got, const vit::Tensor &want);

/// What a comparison may differ by without being a mistake.
struct Slack {
  double bound = 5e-6; ///< of the relative L2 error of what the network computes
  double levels = 0;   ///< of a pixel, of 255
  bool pixels = false; ///< wider because pixels that were decoded or resized elsewhere may differ
  bool within(const ModelConfig &config, const ModelStep &step, const Difference &difference) const;
};

struct StepComparison {
  ModelStep step;
  ModelStep from;         ///< what the step was computed from ...
  bool fromTrace = false; ///< ... of the reference; else of our own
  Difference difference;
  Slack slack;
  bool agrees = false;
};

/// Causes that explain a departure together.
struct Diagnosis {
  std::vector<std::string> facts;  ///< one line each: where it departs, what is seen
  std::vector<Suspect> causes;     ///< found, in order
  std::vector<std::string> others; ///< single causes that would do as well
  bool explained = false;          ///< with the causes, nothing is left beyond the bound
  double left = 0;                 ///< relative error that remains with them
  size_t tried = 0, known = 0;     ///< suspects
};

/// A trace against a model on one picture.
class Doctor {
public:
  /// `own` has the model's own value of each step that is visible, on this picture. All must outlive the
  /// object. `bound`: instead of what follows from the trace's element types. `jpeg`: whether the picture is
  /// one, which libraries decode differently.
  Doctor(StepEngine &engine, const Trace &trace, const std::map<ModelStep, vit::Tensor> &own,
         std::optional<double> bound, bool jpeg, double libraryBound = 0);

  /// Computes every step of the trace from the one before it there, or else from our own picture. Steps that
  /// the engine does not give are left out and returned by hidden().
  llvm::Expected<std::vector<StepComparison>> compare(Console &console);
  const std::vector<ModelStep> &hidden() const { return unseen; }
  /// Looks for what makes a step depart.
  llvm::Expected<Diagnosis> diagnose(const StepComparison &departure, Console &console);

private:
  /// The nearest earlier step of the trace that `step` can be computed from, or our own decoded picture.
  std::optional<std::pair<ModelStep, const vit::Tensor *>> sourceOf(const ModelStep &step,
                                                                    bool &fromTrace) const;
  /// The step from a source that sourceOf() found.
  llvm::Expected<vit::Tensor> computed(const ModelStep &step, const ModelStep &from,
                                       const vit::Tensor &source, bool fromTrace);
  Slack slackOf(const ModelStep &step, const TracedStep &traced, const ModelStep &from, bool fromTrace) const;
  llvm::Error search(const StepComparison &departure, const vit::Tensor &source, const vit::Tensor &want,
                     bool fit, Diagnosis &diagnosis, Console &console);

  StepEngine &engine;
  const Trace &trace;
  const std::map<ModelStep, vit::Tensor> &own;
  std::optional<double> bound;
  bool jpeg;
  double libraryBound;
  std::vector<ModelStep> unseen;
};

/// What can be said of a departure by looking at both sides.
std::vector<std::string> describeDeparture(const ModelConfig &config, const ModelStep &step,
                                           const vit::Tensor &got, const vit::Tensor &want,
                                           unsigned precision);

} // namespace vitc

#endif // COMPILER_DRIVER_DOCTOR_H
