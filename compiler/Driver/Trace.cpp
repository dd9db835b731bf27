#include "compiler/Driver/Trace.h"
#include "compiler/Driver/Npy.h"
#include "compiler/Driver/PixelSteps.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace vitc;

namespace {

/// Reads the array of one key.
class StepReader {
public:
  StepReader(const WeightStore &store, const ModelConfig &config) : store(store), config(config) {}
  llvm::Expected<std::pair<ModelStep, TracedStep>> read(const RawTensor &raw) const;

private:
  llvm::Expected<ModelStep> stepOf(const RawTensor &raw) const;
  llvm::Error shapeOf(const RawTensor &raw, const ModelStep &step, vit::Tensor &value) const;
  const WeightStore &store;
  const ModelConfig &config;
};

} // namespace

/// The elements of an array of bytes in row-major order.
static void readBytes(const RawTensor &raw, llvm::MutableArrayRef<double> out) {
  const uint8_t *bytes = raw.source->bytes().data() + raw.offset;
  llvm::SmallVector<int64_t, 4> index(raw.shape.size(), 0);
  for (double &number : out) {
    int64_t at = 0;
    for (auto [i, stride] : llvm::zip(index, raw.strides))
      at += i * stride;
    number = bytes[at];
    for (size_t d = index.size(); d-- > 0;) {
      if (++index[d] < raw.shape[d])
        break;
      index[d] = 0;
    }
  }
}

llvm::Expected<ModelStep> StepReader::stepOf(const RawTensor &raw) const {
  std::optional<ModelStep> step = parseStep(raw.name);
  std::vector<std::string> names = stepNames(config.depth);
  std::vector<llvm::StringRef> known(names.begin(), names.end());
  if (!step)
    return inputError(
        "{}: expected the steps of a model (decode, resize, crop, normalise, embedding, block.0 to "
        "block.{}, norm, pooled, logits), got '{}'{}",
        store.path(), config.depth - 1, quoteForMessage(raw.name), didYouMean(raw.name, known));
  if (step->kind == ModelStep::Block && step->block >= config.depth)
    return inputError("{}: expected blocks 0 to {} as the model has, got '{}'", store.path(),
                      config.depth - 1, stepText(*step));
  if (llvm::is_contained(modelSteps(config), *step))
    return *step;
  const char *why = step->kind == ModelStep::Norm
                        ? "a norm of all its tokens (it has one behind pooling, or none)"
                    : step->kind == ModelStep::Pooled ? "pooling"
                    : step->kind == ModelStep::Logits ? "a head"
                                                      : "a preprocessing";
  return inputError("{}: '{}': expected a step of the model, which has not got {}; leave the key out",
                    store.path(), stepText(*step), why);
}

/// Drops a leading batch of one and brings what is left to the step's rank and order.
llvm::Error StepReader::shapeOf(const RawTensor &raw, const ModelStep &step, vit::Tensor &value) const {
  bool pixels = step.kind <= ModelStep::Crop, image = step.kind == ModelStep::Normalise;
  bool row =
      step.kind == ModelStep::Pooled || (step.kind == ModelStep::Logits && stepShape(config, step)[0] == 1);
  size_t rank = pixels || image ? 3 : row ? 1 : 2;
  llvm::SmallVector<int64_t, 4> shape(raw.shape.begin(), raw.shape.end());
  while (shape.size() > rank && shape.front() == 1)
    shape.erase(shape.begin());
  if (pixels && shape.size() == 2)
    shape.push_back(1); // grey
  if (shape.size() != rank || llvm::is_contained(shape, 0))
    return inputError("{}: '{}': expected {} of one picture, got shape {}", store.path(), stepText(step),
                      pixels  ? "[height, width, channels]"
                      : image ? "[1, channels, height, width]"
                      : row   ? "[1, numbers]"
                              : "[1, tokens, width]",
                      shapeTuple(raw.shape));
  if (pixels && (shape[0] * shape[1] > kMaxSteppedPixels || shape[2] > 4))
    return inputError("{}: '{}': expected at most {} pixels of 4 channels, got shape {}", store.path(),
                      stepText(step), kMaxSteppedPixels, shapeTuple(raw.shape));
  if (row)
    shape.insert(shape.begin(), 1);
  value.shape = shape;
  // Channels last, of frameworks that have them so.
  if (image && shape[0] != config.channels && shape[2] == config.channels) {
    int64_t area = shape[0] * shape[1], channels = shape[2];
    std::vector<double> planes(value.data.size());
    for (int64_t i = 0; i < area; ++i)
      for (int64_t c = 0; c < channels; ++c)
        planes[c * area + i] = value.data[i * channels + c];
    value = {{channels, shape[0], shape[1]}, std::move(planes)};
  }
  return llvm::Error::success();
}

llvm::Expected<std::pair<ModelStep, TracedStep>> StepReader::read(const RawTensor &raw) const {
  llvm::Expected<ModelStep> step = stepOf(raw);
  if (!step)
    return step.takeError();
  // Before anything is allocated: numbers take eight bytes here, and one in the file.
  if (raw.elements > 4 * kMaxSteppedPixels)
    return inputError("{}: '{}': expected at most {} numbers, got shape {}", store.path(), stepText(*step),
                      4 * kMaxSteppedPixels, shapeTuple(raw.shape));
  TracedStep traced;
  std::vector<double> &data = traced.value.data;
  // Readers refuse arrays of more elements than their files hold.
  data.resize(static_cast<size_t>(raw.elements));
  if (llvm::StringRef(raw.type->name) == "U8") {
    readBytes(raw, data);
  } else if (raw.type->kind != ElementType::Other) {
    viewOf(TensorSlice::all(raw), raw.shape)->read(0, data);
    traced.precision = raw.type->kind == ElementType::F64   ? 52
                       : raw.type->kind == ElementType::F32 ? 23
                       : raw.type->kind == ElementType::F16 ? 10
                                                            : 7;
  } else {
    return inputError("{}: '{}': expected float32 (also float16 or float64) or uint8, got {}", store.path(),
                      stepText(*step), raw.type->name);
  }
  for (auto [i, number] : llvm::enumerate(data))
    if (!std::isfinite(number))
      return inputError(
          "{}: '{}': expected finite numbers, got {} at element {}: the reference itself fails here",
          store.path(), stepText(*step), number, i);
  if (llvm::Error error = shapeOf(raw, *step, traced.value))
    return std::move(error);
  return std::pair(*step, std::move(traced));
}

llvm::Expected<Trace> Trace::read(const WeightStore &store, const ModelConfig &config) {
  Trace trace;
  StepReader reader(store, config);
  for (const auto &[name, raw] : store.tensors()) {
    llvm::Expected<std::pair<ModelStep, TracedStep>> step = reader.read(raw);
    if (!step)
      return step.takeError();
    trace.table.insert(std::move(*step));
  }
  if (trace.table.empty())
    return inputError("{}: expected at least one step of a model, got an archive without arrays",
                      store.path());
  return trace;
}

llvm::Expected<Trace> Trace::open(llvm::StringRef path, const ModelConfig &config) {
  llvm::Expected<WeightStore> store = WeightStore::open(path);
  if (!store)
    return store.takeError();
  return read(*store, config);
}

const TracedStep *Trace::find(const ModelStep &step) const {
  auto found = table.find(step);
  return found == table.end() ? nullptr : &found->second;
}
