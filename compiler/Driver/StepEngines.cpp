#include "compiler/Driver/StepEngines.h"
#include "compiler/Driver/PixelSteps.h"
#include "compiler/Support/Error.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include <cmath>

using namespace vitc;
using vit::Tensor;

static Tensor ended(Tensor value, Variant::Ending ending) {
  if (ending == Variant::Plain)
    return value;
  int64_t width = value.shape.back();
  for (size_t row = 0; row < value.data.size(); row += width) {
    llvm::MutableArrayRef<double> numbers(&value.data[row], width);
    double largest = *llvm::max_element(numbers), sum = 0;
    for (double &number : numbers) {
      if (ending == Variant::Softmax)
        number = std::exp(number - largest);
      sum += ending == Variant::Softmax ? number : number * number;
    }
    for (double &number : numbers)
      number /= ending == Variant::Softmax ? sum : std::sqrt(sum);
  }
  return value;
}

llvm::Expected<Tensor> StepEngine::compute(const Variant &variant, const ModelStep &from, const Tensor &value,
                                           const ModelStep &to) {
  auto finish = [&](const ModelStep &begin, const Tensor &start) -> llvm::Expected<Tensor> {
    llvm::Expected<Tensor> result = network(variant, begin, start, to);
    if (!result)
      return result;
    return ended(std::move(*result), variant.ending);
  };
  if (from.kind >= ModelStep::Normalise)
    return finish(from, value);
  const ModelStep normalise{ModelStep::Normalise};
  llvm::Expected<Tensor> image = pixelStep(
      variant.config, from, variant.reversed ? reversedChannels(value) : value, std::min(to, normalise));
  if (!image || to.kind <= ModelStep::Normalise)
    return image;
  return finish(normalise, *image);
}

CheckpointSteps::CheckpointSteps(const Checkpoint &checkpoint)
    : checkpoint(checkpoint), context(makeContext()) {}
CheckpointSteps::~CheckpointSteps() = default;

bool CheckpointSteps::computes(const ModelStep &from, const ModelStep &to) const {
  if (from.kind < ModelStep::Normalise)
    return from < to && config().preprocess.has_value();
  return followsFrom(config(), to, from);
}

bool CheckpointSteps::fits(const ModelConfig &config) const {
  return llvm::all_of(expectedTensors(config), [&](const TensorSpec &spec) {
    auto found = checkpoint.tensors.find(spec.name);
    return found != checkpoint.tensors.end() && found->second->shape() == llvm::ArrayRef<int64_t>(spec.shape);
  });
}

/// "blk.3.gate.w" for "blk.3.fc1.w" where both take each other's place.
static std::string swappedName(llvm::StringRef name, const Variant &variant) {
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '.');
  std::string first = parts.size() > 2 && parts[0] == "blk" ? parts[2].str() : "";
  for (const auto &[a, b] : variant.swapped)
    if (first == a || first == b) {
      std::string other = first == a ? b : a;
      parts[2] = other;
      return llvm::join(parts, ".");
    }
  return name.str();
}

llvm::Expected<std::vector<Tensor>> CheckpointSteps::interpret(const Variant &variant, const ModelStep &from,
                                                               const Tensor &value,
                                                               llvm::ArrayRef<ModelStep> to) {
  mlir::OwningOpRef<mlir::ModuleOp> module = buildSteps(*context, variant.config, from, to);
  vit::TensorLookup lookup = tensorLookup(checkpoint);
  vit::WeightEvaluator weights(*module,
                               [&](llvm::StringRef name) { return lookup(swappedName(name, variant)); });
  std::string messages;
  mlir::ScopedDiagnosticHandler capture(context.get(), [&](mlir::Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "\n") + diagnostic.str();
    return mlir::success();
  });
  std::vector<Tensor> results;
  if (mlir::failed(
          vit::interpret(module->lookupSymbol<mlir::func::FuncOp>("steps"), {value}, weights, {}, results)))
    return makeError(ExitCode::Internal, "the interpreter failed from '{}' on: {}", stepText(from), messages);
  return results;
}

llvm::Expected<Tensor> CheckpointSteps::network(const Variant &variant, const ModelStep &from,
                                                const Tensor &value, const ModelStep &to) {
  llvm::Expected<std::vector<Tensor>> results = interpret(variant, from, value, to);
  if (!results)
    return results.takeError();
  return std::move(results->front());
}

double CheckpointSteps::work(const ModelStep &from, const ModelStep &to) const {
  const ModelConfig &c = config();
  auto tokens = double(c.tokens()), width = double(c.width), inner = double(c.innerWidth());
  double block = tokens * (4 * width * inner +
                           (c.block.mlp.kind == MlpKind::Glu ? 3 : 2) * width * double(c.block.mlp.hidden)) +
                 2 * tokens * tokens * inner;
  int64_t first = from.kind < ModelStep::Block ? 0 : from.kind == ModelStep::Block ? from.block + 1 : c.depth;
  int64_t last = to.kind < ModelStep::Block ? 0 : to.kind == ModelStep::Block ? to.block + 1 : c.depth;
  double work = double(std::max<int64_t>(last - first, 0)) * block;
  if (from.kind < ModelStep::Embedding && to.kind >= ModelStep::Embedding)
    work += double(c.patches()) * width * double(c.channels * c.patch.size.height * c.patch.size.width);
  return work;
}

llvm::Expected<std::map<ModelStep, Tensor>> CheckpointSteps::all(const Tensor &image) {
  std::vector<ModelStep> steps;
  for (const ModelStep &step : modelSteps(config()))
    if (step.kind > ModelStep::Normalise)
      steps.push_back(step);
  llvm::Expected<std::vector<Tensor>> values = interpret({config()}, {ModelStep::Normalise}, image, steps);
  if (!values)
    return values.takeError();
  std::map<ModelStep, Tensor> result;
  for (auto [step, value] : llvm::zip(steps, *values))
    result.emplace(step, std::move(value));
  return result;
}

std::map<ModelStep, size_t> vitc::visibleSteps(const LoadedLibrary &library) {
  std::map<ModelStep, size_t> steps;
  const ModelConfig &config = *library.facts().model;
  ModelStep last{ModelStep::Block, config.depth - 1};
  for (auto [i, output] : llvm::enumerate(library.facts().outputs)) {
    llvm::StringRef name = output.name;
    int64_t index = 0;
    if (name == "logits" && config.classes())
      steps.try_emplace({ModelStep::Logits}, i);
    else if (name == "pooled")
      steps.try_emplace({ModelStep::Pooled}, i);
    else if (name == "features")
      steps.try_emplace(config.finalNorm == FinalNorm::AllTokens ? ModelStep{ModelStep::Norm} : last, i);
    else if (name.consume_front("hidden_") && !name.getAsInteger(10, index) && index >= 0 &&
             index <= config.depth)
      steps.try_emplace(index ? ModelStep{ModelStep::Block, index - 1} : ModelStep{ModelStep::Embedding}, i);
  }
  return steps;
}

/// Runs `forward` on buffers for all outputs and keeps the steps among them.
static llvm::Expected<std::map<ModelStep, Tensor>>
outputsOf(const LoadedLibrary &library, const RunningModel &model,
          llvm::function_ref<llvm::Error(llvm::ArrayRef<float *>)> forward) {
  std::vector<std::vector<float>> outputs;
  std::vector<float *> pointers;
  for (size_t i = 0; i < library.facts().outputs.size(); ++i)
    outputs.emplace_back(model.outputElements(i));
  for (std::vector<float> &output : outputs)
    pointers.push_back(output.data());
  if (llvm::Error error = forward(pointers))
    return std::move(error);
  std::map<ModelStep, Tensor> result;
  for (const auto &[step, index] : visibleSteps(library))
    result.emplace(step, Tensor{stepShape(*library.facts().model, step),
                                std::vector<double>(outputs[index].begin(), outputs[index].end())});
  for (const auto &[step, value] : result)
    if (value.data.size() != static_cast<size_t>(std::accumulate(value.shape.begin(), value.shape.end(),
                                                                 int64_t(1), std::multiplies<>())))
      return inputError(
          "{}: expected {} elements of '{}' as its description says, got {}", library.path(),
          llvm::join(llvm::map_range(value.shape, [](int64_t n) { return std::to_string(n); }), " x "),
          stepText(step), value.data.size());
  return result;
}

llvm::Expected<std::map<ModelStep, Tensor>> vitc::runImage(const LoadedLibrary &library,
                                                           const RunningModel &model, const Tensor &image) {
  const ModelConfig &config = *library.facts().model;
  const Tensor stored = config.layout == InputLayout::NHWC ? channelsLast(image) : image;
  std::vector<float> input(stored.data.begin(), stored.data.end());
  return outputsOf(library, model,
                   [&](llvm::ArrayRef<float *> outputs) { return model.run(input.data(), 1, outputs); });
}

llvm::Expected<std::map<ModelStep, Tensor>>
vitc::runPicture(const LoadedLibrary &library, const RunningModel &model, const Picture &picture) {
  return outputsOf(library, model, [&](llvm::ArrayRef<float *> outputs) {
    return model.runPictures(picture.pixels.data(), picture.height, picture.width, picture.channels, 1,
                             outputs);
  });
}

bool LibrarySteps::computes(const ModelStep &from, const ModelStep &to) const {
  if (from.kind < ModelStep::Normalise && !config().preprocess)
    return false;
  return from < to && from.kind <= ModelStep::Normalise &&
         (to.kind <= ModelStep::Normalise || visibleSteps(library).count(to));
}

bool LibrarySteps::fits(const ModelConfig &other) const {
  ModelConfig same = other; // the rest is compiled in
  same.preprocess = config().preprocess;
  return same == config();
}

llvm::Expected<Tensor> LibrarySteps::network(const Variant &, const ModelStep &, const Tensor &image,
                                             const ModelStep &to) {
  auto outputs = runImage(library, model, image);
  if (!outputs)
    return outputs.takeError();
  return std::move(outputs->find(to)->second);
}
