#include "compiler/Driver/ChooseLayers.h"
#include "compiler/Driver/CalibrationPictures.h"
#include "compiler/Driver/Comparison.h"
#include "compiler/Driver/Text.h"
#include "compiler/Precision/ChooseArithmetic.h"
#include "compiler/Precision/StaticScales.h"
#include <cmath>
#include <map>

using namespace vitc;
using mlir::func::FuncOp;

namespace {

/// Seeded inputs, where there are no pictures. Of a small model many are measured: the error of a few outputs
/// on one input is a matter of luck.
constexpr size_t kSeededInputs = kMostMeasured;
/// Floating-point operations of the model over all pictures that scales are found from: 34 pictures for
/// ViT-B, which take a minute on two cores. Scales change little after ten.
constexpr double kCalibrationFlops = 1.2e12;
constexpr size_t kMostPictures = 256;

/// A model's fused ops with the arithmetic that the precision gives them.
struct FusedModel {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  vit::TensorLookup weights;
  ModelConfig config;
  int64_t flops = 0;
};

llvm::Expected<FusedModel> fuse(const Model &model, CompileOptions options) {
  FusedModel result;
  if (const auto *checkpoint = std::get_if<Checkpoint>(&model)) {
    result.context = makeContext();
    result.module = buildModule(*result.context, checkpoint->config);
    result.weights = tensorLookup(*checkpoint);
    result.config = checkpoint->config;
  } else {
    const auto &mlir = std::get<MlirModel>(model);
    if (mlir.plannedFor)
      return inputError("--max-error, --calibrate: expected a model that is not planned yet, got one whose "
                        "products are fixed");
    result.context = mlir.context;
    result.module = (*mlir.module).clone();
    result.weights = mlir.weights;
    result.config = mlir.config;
  }
  result.flops = modelFlops(*result.module);
  options.progress = nullptr;
  if (llvm::Error error = lowerTo(*result.module, Phase::Fused, *options.targets.front(), options))
    return std::holds_alternative<Checkpoint>(model) ? std::move(error) : blameModule(std::move(error));
  return result;
}

/// The function to measure, and its inputs: @forward_u8 on pictures, or @forward on seeded noise.
llvm::Expected<FuncOp> inputsOf(FusedModel &model, const Arguments &arguments, const CompileOptions &options,
                                Console &console, std::vector<vit::Tensor> &inputs) {
  std::optional<std::string> folder = arguments.value(OPT_calibrate);
  auto function = model.module->lookupSymbol<FuncOp>(folder ? "forward_u8" : "forward");
  if (folder && !function)
    return inputError("--calibrate: expected a model that says how pictures are resized and normalised, got "
                      "one without preprocessing");
  if (!function || function.isExternal() || function.getNumArguments() != 1)
    return inputError("expected a function @forward that takes an image, got a module without one");
  if (folder) {
    double most = kCalibrationFlops / static_cast<double>(std::max<int64_t>(model.flops, 1));
    llvm::Expected<std::vector<vit::Tensor>> pictures =
        readCalibrationPictures(*folder, model.config, options.maxSide,
                                std::clamp<size_t>(static_cast<size_t>(most), 8, kMostPictures), console);
    if (!pictures)
      return pictures.takeError();
    inputs = std::move(*pictures);
    return function;
  }
  auto shape = llvm::cast<mlir::ShapedType>(function.getArgumentTypes().front());
  for (size_t seed = 0; seed < kSeededInputs; ++seed) {
    std::vector<float> image = seededImage(seed, static_cast<size_t>(shape.getNumElements()));
    inputs.push_back({llvm::to_vector<4>(shape.getShape()), {image.begin(), image.end()}});
  }
  return function;
}

std::string dotText(const vit::LayerArithmetic &layer) {
  return vit::dotName(layer.dot).str() + (layer.inputScale != 0 ? " static" : "");
}

std::string choiceText(const ArithmeticChoice &choice, double bound, bool pictures) {
  std::string text;
  llvm::raw_string_ostream os(text);
  TextTable table({{"layer"},
                   {"dot"},
                   {"GFLOP", TextTable::Right},
                   {"own error", TextTable::Right},
                   {"so far", TextTable::Right},
                   {"if narrow", TextTable::Right},
                   {""}});
  double squares = 0;
  std::map<llvm::StringRef, double> gflop;
  for (const ChosenLayer &layer : choice.layers) {
    squares += layer.error * layer.error;
    gflop[vit::dotName(layer.chosen.dot)] += layer.gflop;
    bool raised = !(layer.chosen == layer.narrowest);
    table.add({layer.chosen.layer, dotText(layer.chosen), numberText(layer.gflop),
               fmt::format("{:.2e}", layer.error), fmt::format("{:.2e}", std::sqrt(squares)),
               fmt::format("{:.2e}", layer.narrowestError),
               raised ? "instead of " + dotText(layer.narrowest) : ""});
  }
  table.print(os);
  double total = 0;
  for (auto &[kind, share] : gflop)
    total += share;
  os << "\n";
  for (llvm::StringRef kind : {"int8", "bf16", "f32"})
    if (gflop.count(kind))
      os << fmt::format("{}: {} GFLOP, {:.1f} %\n", kind.str(), numberText(gflop[kind]),
                        100 * gflop[kind] / total);
  os << fmt::format(
      "relative L2 error: {:.2e} over {} {} ({:.2e} on the worst), expected at most {:.2e}; {:.2e} "
      "with f32 in all layers\n",
      choice.error, choice.inputs, pictures ? "pictures" : "seeded inputs", choice.worstError, bound,
      choice.exactError);
  return text;
}

} // namespace

llvm::Error vitc::checkLayerOptions(const Arguments &arguments, Precision precision,
                                    std::optional<Phase> phase) {
  for (OptionId option : {OPT_calibrate, OPT_max_error}) {
    if (!arguments.has(option))
      continue;
    if (precision == Precision::F32)
      return makeError(ExitCode::Usage,
                       "{}: expected --precision bf16 or int8, got f32, which has nothing to "
                       "choose",
                       Arguments::spelling(option));
    if (phase && *phase < Phase::Fused)
      return makeError(ExitCode::Usage,
                       "{}: expected a library or --emit of a phase from 'fused' on, before "
                       "which layers have no precision",
                       Arguments::spelling(option));
  }
  if (precision == Precision::Bf16 && arguments.has(OPT_calibrate) && !arguments.has(OPT_max_error))
    return makeError(ExitCode::Usage,
                     "--calibrate: expected --precision int8, or --max-error to measure on the "
                     "pictures; bf16 has no scales");
  llvm::Expected<double> bound = arguments.number(OPT_max_error, 1, 0, 1e9);
  return bound ? llvm::Error::success() : bound.takeError();
}

llvm::Expected<std::string> vitc::chooseLayers(const Model &model, const Arguments &arguments,
                                               CompileOptions &options, Console &console) {
  bool calibrate = arguments.has(OPT_calibrate), bounded = arguments.has(OPT_max_error);
  if (!calibrate && !bounded)
    return "";
  llvm::Expected<FusedModel> fused = fuse(model, options);
  if (!fused)
    return fused.takeError();
  std::vector<vit::Tensor> inputs;
  llvm::Expected<FuncOp> function = inputsOf(*fused, arguments, options, console, inputs);
  if (!function)
    return function.takeError();
  vit::WeightEvaluator weights(*fused->module, fused->weights);
  auto progress = console.progressCallback();

  if (calibrate && options.precision == Precision::Int8) {
    llvm::Expected<std::vector<vit::LayerArithmetic>> scales =
        findStaticScales(*function, inputs, weights, progress);
    if (!scales)
      return scales.takeError();
    setStaticScales(*function, *scales);
    options.layers = std::move(*scales);
  }
  if (!bounded)
    return "";
  double bound = llvm::cantFail(arguments.number(OPT_max_error, 1, 0, 1e9));
  llvm::Expected<ArithmeticChoice> choice = chooseArithmetic(*function, inputs, weights, bound, progress);
  if (!choice)
    return choice.takeError();
  // A layer that keeps its static scale is not as the precision alone says either.
  options.layers.clear();
  for (const ChosenLayer &layer : choice->layers)
    if (!(layer.chosen == layer.narrowest) || layer.chosen.inputScale != 0)
      options.layers.push_back(layer.chosen);
  console.clearProgress();
  return choiceText(*choice, bound, calibrate);
}
