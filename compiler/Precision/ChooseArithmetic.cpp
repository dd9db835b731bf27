#include "compiler/Precision/ChooseArithmetic.h"
#include "compiler/Precision/Sensitivity.h"
#include "compiler/Support/Error.h"
#include "dialect/Interp/Variants.h"
#include <cmath>

using namespace mlir;
using namespace vitc;

namespace {

/// Time of a multiply-add relative to one in f32, on machines that have an instruction for it.
double timeOf(std::optional<vit::DotKind> dot) { return !dot ? 1 : dot == vit::DotKind::Bf16 ? 0.5 : 0.25; }

/// One layer made wider.
struct Step {
  size_t layer;
  size_t from, to; ///< indices of its kinds
};

/// Steps until all layers are in f32, each the one that saves most squared error for the time it adds.
std::vector<Step> orderSteps(ArrayRef<LayerSensitivity> layers) {
  std::vector<Step> steps;
  std::vector<size_t> at(layers.size(), 0);
  while (true) {
    std::optional<Step> best;
    double bestRatio = -1;
    for (auto [i, layer] : llvm::enumerate(layers))
      for (size_t to = at[i] + 1; to < layer.kinds.size(); ++to) {
        const SensitivityOfKind &from = layer.kinds[at[i]], &wider = layer.kinds[to];
        double saved = from.error * from.error - wider.error * wider.error;
        double ratio = saved / (layer.gflop * (timeOf(wider.product.dot) - timeOf(from.product.dot)));
        if (ratio > bestRatio) {
          bestRatio = ratio;
          best = Step{i, at[i], to};
        }
      }
    if (!best) // what is left saves nothing
      for (auto [i, layer] : llvm::enumerate(layers))
        if (!best && at[i] + 1 < layer.kinds.size())
          best = Step{i, at[i], layer.kinds.size() - 1};
    if (!best)
      return steps;
    at[best->layer] = best->to;
    steps.push_back(*best);
  }
}

/// Part of the bound that the interpreter's error may take. Compiled code rounds a little more, since it
/// stores what products read in bf16: the int8 Fashion-MNIST model has 6.8e-3 where the interpreter
/// says 6.2e-3.
constexpr double kAim = 0.9;

/// Errors of outputs, added over the inputs.
struct ErrorSum {
  std::vector<vit::SquaredError> outputs;
  double worst = 0; ///< of one input
  void add(size_t output, const vit::SquaredError &error) {
    outputs.resize(std::max(outputs.size(), output + 1));
    outputs[output].difference += error.difference;
    outputs[output].norm += error.norm;
    worst = std::max(worst, error.relative());
  }
  double total() const {
    double result = 0;
    for (const vit::SquaredError &output : outputs)
      result = std::max(result, output.relative());
    return result;
  }
};

struct MeasuredError {
  double total = 0, worst = 0;
};

/// `count` of the inputs, evenly spread: pictures come in order of their classes.
std::vector<vit::Tensor> spread(ArrayRef<vit::Tensor> inputs, size_t count) {
  std::vector<vit::Tensor> result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(inputs[i * inputs.size() / count]);
  return result;
}

class Chooser {
public:
  Chooser(func::FuncOp function, ArrayRef<vit::Tensor> inputs, vit::WeightEvaluator &weights, double maxError,
          const PrecisionProgress &progress)
      : function(function), inputs(inputs), weights(weights), maxError(maxError), progress(progress) {}

  llvm::Expected<ArithmeticChoice> run(std::vector<LayerSensitivity> measured);

private:
  void report(const char *stage, double fraction) {
    if (progress)
      progress(stage, fraction);
  }
  llvm::Error failed() {
    return makeError(ExitCode::Internal, "the interpreter failed on @{}", function.getName().str());
  }
  /// Kinds of all layers after the first `count` steps.
  std::vector<size_t> kindsAfter(size_t count) const;
  /// The root of the sum of squared errors of layers by themselves.
  double predicted(ArrayRef<size_t> kinds) const;
  llvm::Expected<MeasuredError> measure(ArrayRef<size_t> kinds);
  llvm::Error measureExact();
  /// The fewest steps whose measured error is within the bound.
  llvm::Expected<size_t> fewestSteps(MeasuredError &error);

  func::FuncOp function;
  ArrayRef<vit::Tensor> inputs;
  vit::WeightEvaluator &weights;
  double maxError;
  const PrecisionProgress &progress;
  std::vector<LayerSensitivity> layers;
  std::vector<Step> steps;
  double exactError = 0;
};

std::vector<size_t> Chooser::kindsAfter(size_t count) const {
  std::vector<size_t> kinds(layers.size(), 0);
  for (const Step &step : ArrayRef(steps).take_front(count))
    kinds[step.layer] = step.to;
  return kinds;
}

double Chooser::predicted(ArrayRef<size_t> kinds) const {
  double sum = exactError * exactError;
  for (auto [layer, kind] : llvm::zip(layers, kinds))
    sum += layer.kinds[kind].error * layer.kinds[kind].error;
  return std::sqrt(sum);
}

llvm::Expected<MeasuredError> Chooser::measure(ArrayRef<size_t> kinds) {
  vit::Variant variant;
  for (auto [layer, kind] : llvm::zip(layers, kinds))
    for (Operation *op : layer.ops)
      if (layer.kinds[kind].product.dot)
        variant.products[op] = layer.kinds[kind].product;
  ErrorSum sum;
  for (const vit::Tensor &input : inputs) {
    std::vector<vit::VariantErrors> errors;
    if (mlir::failed(vit::runVariants(function, input, weights, {variant}, errors)))
      return failed();
    for (auto [o, error] : llvm::enumerate(errors.front().results))
      sum.add(o, error);
  }
  return MeasuredError{std::hypot(sum.total(), exactError), std::hypot(sum.worst, exactError)};
}

llvm::Error Chooser::measureExact() {
  ErrorSum sum;
  for (const vit::Tensor &input : inputs) {
    std::vector<vit::Tensor> exact, single;
    vit::InterpOptions inSingle;
    inSingle.single = true;
    if (mlir::failed(vit::interpret(function, {input}, weights, {}, exact)) ||
        mlir::failed(vit::interpret(function, {input}, weights, inSingle, single)))
      return failed();
    for (size_t o = 0; o < exact.size(); ++o) {
      vit::SquaredError error;
      for (auto [x, y] : llvm::zip(single[o].data, exact[o].data)) {
        error.difference += (x - y) * (x - y);
        error.norm += y * y;
      }
      if (!std::isfinite(error.difference))
        return inputError("--max-error: expected finite outputs from the model, got others; are its weights "
                          "damaged?");
      sum.add(o, error);
    }
  }
  exactError = sum.total();
  if (exactError > maxError)
    return inputError(
        "--max-error: expected a bound of at least {:.3g}, the relative L2 error with f32 in all "
        "layers, got {:.3g}",
        exactError, maxError);
  return llvm::Error::success();
}

llvm::Expected<size_t> Chooser::fewestSteps(MeasuredError &error) {
  // Between what fails and what is within the bound; f32 everywhere is.
  int64_t fails = -1, passes = static_cast<int64_t>(steps.size());
  error = {exactError, exactError};
  int64_t probe = 0;
  while (probe < passes && predicted(kindsAfter(probe)) > kAim * maxError)
    ++probe;
  for (int64_t stride = 1, tries = 0; passes - fails > 1; ++tries) {
    probe = std::clamp(probe, fails + 1, passes - 1);
    report("measuring errors", 1 - std::exp2(-static_cast<double>(tries) / 3));
    llvm::Expected<MeasuredError> measured = measure(kindsAfter(probe));
    if (!measured)
      return measured.takeError();
    bool within = measured->total <= kAim * maxError;
    if (within)
      error = *measured;
    (within ? passes : fails) = probe;
    // The prediction is near: away from it in growing strides until both sides are known, then by halves.
    bool bracketed = fails >= 0 && passes < static_cast<int64_t>(steps.size());
    probe = bracketed ? (fails + passes) / 2 : within ? probe - stride : probe + stride;
    stride *= 2;
  }
  return static_cast<size_t>(passes);
}

llvm::Expected<ArithmeticChoice> Chooser::run(std::vector<LayerSensitivity> measured) {
  layers = std::move(measured);
  steps = orderSteps(layers);
  report("measuring f32", 0);
  if (llvm::Error error = measureExact())
    return std::move(error);
  ArithmeticChoice choice;
  choice.exactError = exactError;
  choice.inputs = inputs.size();
  MeasuredError error;
  llvm::Expected<size_t> count = fewestSteps(error);
  if (!count)
    return count.takeError();
  choice.error = error.total;
  choice.worstError = error.worst;
  for (auto [layer, kind] : llvm::zip(layers, kindsAfter(*count))) {
    const SensitivityOfKind &narrow = layer.kinds.front(), &chosen = layer.kinds[kind];
    choice.layers.push_back({{layer.name, chosen.product.dot, chosen.product.inputScale},
                             {layer.name, narrow.product.dot, narrow.product.inputScale},
                             layer.gflop,
                             chosen.error,
                             narrow.error});
  }
  return choice;
}

} // namespace

std::vector<vit::LayerArithmetic> ArithmeticChoice::deviations() const {
  std::vector<vit::LayerArithmetic> result;
  for (const ChosenLayer &layer : layers)
    if (!(layer.chosen == layer.narrowest))
      result.push_back(layer.chosen);
  return result;
}

llvm::Expected<ArithmeticChoice> vitc::chooseArithmetic(func::FuncOp function, ArrayRef<vit::Tensor> inputs,
                                                        vit::WeightEvaluator &weights, double maxError,
                                                        const PrecisionProgress &progress) {
  std::vector<LayerSensitivity> layers = takeNarrowProducts(function);
  double gflop = 0;
  for (const LayerSensitivity &layer : layers)
    gflop += layer.gflop;
  auto affordable = [&](double flops, size_t most) {
    double count = flops / (gflop * 1e9 + 1);
    return spread(inputs, std::clamp<size_t>(static_cast<size_t>(count), 1, std::min(most, inputs.size())));
  };
  llvm::Expected<ArithmeticChoice> choice = makeError(ExitCode::Internal, "not chosen");
  llvm::consumeError(choice.takeError());
  std::vector<vit::Tensor> few = affordable(kSensitivityFlops, kMostSensitivity),
                           more = affordable(kMeasuredFlops, kMostMeasured);
  llvm::Error error = measureSensitivity(function, few, weights, progress, layers);
  if (!error)
    choice = Chooser(function, more, weights, maxError, progress).run(layers);
  putNarrowProducts(layers);
  if (error)
    return std::move(error);
  return choice;
}
