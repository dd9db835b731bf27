#include "compiler/Import/ZeroShot.h"
#include "compiler/Import/Overrides.h"
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include <cmath>

using namespace vitc;

namespace {

class Numbers final : public TensorView {
public:
  Numbers(llvm::ArrayRef<int64_t> shape, std::vector<double> values)
      : TensorView(shape), values(std::move(values)) {}
  void read(int64_t first, llvm::MutableArrayRef<double> out) const override {
    llvm::copy(llvm::ArrayRef(values).slice(static_cast<size_t>(first), out.size()), out.begin());
  }

private:
  std::vector<double> values;
};

std::vector<double> valuesOf(const RawTensor &tensor, llvm::ArrayRef<int64_t> shape) {
  std::shared_ptr<const TensorView> view = viewOf(TensorSlice::all(tensor), shape);
  std::vector<double> values(static_cast<size_t>(view->elements()));
  view->read(0, values);
  return values;
}

/// A number that the file has under one of two names; `logarithm` is that of the second.
llvm::Expected<std::optional<double>> number(const WeightStore &store, llvm::StringRef name,
                                             llvm::StringRef otherName, bool logarithm) {
  const RawTensor *plain = store.find(name), *other = store.find(otherName);
  if (plain && other)
    return inputError("{}: expected '{}' or '{}', got both", store.path(), name.str(), otherName.str());
  const RawTensor *tensor = plain ? plain : other;
  if (!tensor)
    return std::nullopt;
  if (tensor->type->kind == ElementType::Other || tensor->elements != 1)
    return inputError("{}: tensor '{}': expected one number of type F64, F32, F16 or BF16, got {} of type {}",
                      store.path(), tensor->name, tensor->elements, tensor->type->name);
  double value = valuesOf(*tensor, {1}).front();
  if (other && logarithm)
    value = std::exp(value);
  if (!std::isfinite(value))
    return inputError("{}: tensor '{}': expected a finite number, got {}", store.path(), tensor->name, value);
  return value;
}

} // namespace

llvm::Error vitc::useClassEmbeddings(Checkpoint &checkpoint, llvm::StringRef path) {
  ModelConfig &config = checkpoint.config;
  if (!config.head.layers.empty())
    return inputError(
        "--zero-shot: expected a model that gives embeddings, got one with a head of {} classes",
        config.classes());
  llvm::Expected<WeightStore> store = WeightStore::open(path);
  if (!store)
    return store.takeError();
  for (const auto &[name, tensor] : store->tensors())
    if (!llvm::is_contained({"embeddings", "scale", "logit_scale", "bias", "logit_bias"}, name))
      return inputError(
          "{}: expected tensors 'embeddings', 'scale' or 'logit_scale', 'bias' or 'logit_bias', got "
          "also '{}'",
          path.str(), quoteForMessage(name));
  const RawTensor *embeddings = store->find("embeddings");
  int64_t width = config.embeddingWidth();
  if (!embeddings || embeddings->shape.size() != 2 || embeddings->shape[1] != width ||
      embeddings->shape[0] < 1 || embeddings->type->kind == ElementType::Other)
    return inputError(
        "{}: expected a tensor 'embeddings' of [classes, {}], the width of the model's embeddings, "
        "of type F64, F32, F16 or BF16, got {}",
        path.str(), width,
        embeddings ? fmt::format("{} [{}]", embeddings->type->name, fmt::join(embeddings->shape, ", "))
                   : "none");
  llvm::Expected<std::optional<double>> scale = number(*store, "scale", "logit_scale", true);
  if (!scale)
    return scale.takeError();
  llvm::Expected<std::optional<double>> bias = number(*store, "bias", "logit_bias", false);
  if (!bias)
    return bias.takeError();
  WeightStore::Scan scan = store->scan();
  if (!scan.nonFinite.empty())
    return inputError("{}: expected finite embeddings, got NaN or infinity", path.str());

  int64_t classes = embeddings->shape[0];
  std::vector<double> rows = valuesOf(*embeddings, embeddings->shape);
  for (int64_t n = 0; n < classes; ++n) {
    auto row = llvm::MutableArrayRef(rows).slice(static_cast<size_t>(n * width), static_cast<size_t>(width));
    double squares = 0;
    for (double value : row)
      squares += value * value;
    if (squares == 0)
      return inputError("{}: expected an embedding for each class, got zeros for class {}", path.str(), n);
    for (double &value : row)
      value *= scale->value_or(1) / std::sqrt(squares);
  }
  config.zeroShot = ZeroShot{classes, bias->has_value()};
  config.labels.clear();
  checkpoint.tensors["zero_shot.w"] =
      std::make_shared<Numbers>(llvm::ArrayRef<int64_t>{classes, width}, std::move(rows));
  checkpoint.tensors["zero_shot.b"] = std::make_shared<Numbers>(
      llvm::ArrayRef<int64_t>{classes}, std::vector<double>(static_cast<size_t>(classes), bias->value_or(0)));
  checkpoint.weightsHash = combinedHash(checkpoint.weightsHash, {scan.hash});
  config.source.hash = checkpoint.weightsHash;
  checkpoint.notes.push_back(fmt::format("class embeddings from {}", path.str()));
  return llvm::Error::success();
}
