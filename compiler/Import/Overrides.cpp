#include "compiler/Import/Overrides.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace vitc;

/// Another input size: pictures are resized in proportion, and positions by the model's rule.
static llvm::Error setImageSize(ModelConfig &config, Extent size) {
  const Extent old = config.inputSize;
  if (old.height < 1 || old.width < 1 || size == old)
    return llvm::Error::success(); // what is wrong with the old size is validate()'s to say
  Extent relative = config.storedRelativeGrid();
  config.inputSize = size;
  if (config.relBias != RelBiasKind::None && config.grid() != relative) {
    config.relBiasGrid = relative;
    if (!config.relBiasResize)
      return inputError(
          "--image-size: expected {}x{}, for whose grid the model's relative biases were made, or a "
          "model with a rule for them, got {}x{} and none: 'rel_bias.resize' of vit.json can say one",
          old.height, old.width, size.height, size.width);
  }
  bool table = config.pos.kind == PosKind::Learned || config.pos.resize;
  if (config.pos.kind != PosKind::None && !table)
    config.pos.grid = config.grid(); // sines and cosines are computed for any grid
  if (config.pos.kind == PosKind::Learned && !config.pos.resize && config.grid() != config.pos.grid)
    return inputError("--image-size: expected a model with a rule for its positions on another grid, got "
                      "none: 'pos.resize' "
                      "of vit.json can say one (docs/vit-json.md lists those of libraries)");
  if (!config.preprocess)
    return llvm::Error::success();
  auto scaled = [](int64_t n, int64_t to, int64_t from) { return (n * to + from - 1) / from; };
  for (PreprocessStep &step : config.preprocess->steps) {
    if (auto *resize = std::get_if<ResizeStep>(&step)) {
      Extent &target = resize->size;
      if (resize->mode == ResizeMode::Shortest) // the crop must fit, whichever side is the shorter
        target.height = std::max(scaled(target.height, size.height, old.height),
                                 scaled(target.height, size.width, old.width));
      else
        target = {scaled(target.height, size.height, old.height),
                  scaled(target.width, size.width, old.width)};
    } else if (auto *crop = std::get_if<CenterCropStep>(&step)) {
      crop->size = size;
    }
  }
  return llvm::Error::success();
}

llvm::Error vitc::overrideConfig(ModelConfig &config, const ImportOptions &options) {
  if (options.normEps)
    config.normEps = *options.normEps;
  if (options.imageSize)
    if (llvm::Error error = setImageSize(config, *options.imageSize))
      return error;
  if (!options.resizeRules)
    return llvm::Error::success();
  bool found = false;
  llvm::MutableArrayRef<PreprocessStep> steps;
  if (config.preprocess)
    steps = config.preprocess->steps;
  for (PreprocessStep &step : steps) {
    if (auto *resize = std::get_if<ResizeStep>(&step)) {
      found = true;
      resize->impl = *options.resizeRules;
      resize->pixels = ResizePixels::U8;
      resize->antialias = resize->impl == ResizeImpl::Pil || resize->impl == ResizeImpl::Torch;
    } else if (auto *crop = std::get_if<CenterCropStep>(&step)) {
      // The two backends of transformers' processors differ in the crop, too.
      if (config.source.library == "transformers")
        crop->round =
            *options.resizeRules == ResizeImpl::Torch ? CropRounding::HalfEven : CropRounding::Floor;
    }
  }
  if (!found)
    return inputError("--resize-rules: expected a model that resizes pictures, got one without such a step");
  return llvm::Error::success();
}

static llvm::SmallVector<int64_t, 4> squeezed(llvm::ArrayRef<int64_t> shape) {
  return llvm::to_vector<4>(llvm::make_filter_range(shape, [](int64_t extent) { return extent != 1; }));
}

llvm::Expected<std::vector<std::string>> vitc::supplyTensors(Checkpoint &checkpoint,
                                                             const ImportOptions &options) {
  std::vector<std::string> hashes;
  if (options.tensors.empty())
    return hashes;
  std::vector<TensorSpec> specs = expectedTensors(checkpoint.config);
  for (const auto &[name, file] : options.tensors) {
    auto spec = llvm::find_if(specs, [&, &wanted = name](const TensorSpec &s) { return s.name == wanted; });
    if (spec == specs.end()) {
      std::vector<llvm::StringRef> known;
      for (const TensorSpec &candidate : specs)
        known.push_back(candidate.name);
      return inputError("--tensor: expected the name of a tensor of this model, such as '{}', got '{}'{}",
                        specs.front().name, quoteForMessage(name), didYouMean(name, known));
    }
    llvm::Expected<WeightStore> store = WeightStore::open(file);
    if (!store)
      return store.takeError();
    if (store->tensors().size() != 1)
      return inputError("{}: expected a file with one tensor for '{}', got {}", file, name,
                        store->tensors().size());
    const RawTensor &raw = store->tensors().begin()->second;
    if (raw.type->kind == ElementType::Other)
      return inputError("{}: expected numbers of type F64, F32, F16 or BF16 for '{}', got {}", file, name,
                        raw.type->name);
    if (squeezed(raw.shape) != squeezed(spec->shape))
      return inputError("{}: expected shape [{}] for '{}', got [{}]", file, fmt::join(spec->shape, ", "),
                        name, fmt::join(raw.shape, ", "));
    WeightStore::Scan scan = store->scan();
    if (!scan.nonFinite.empty())
      checkpoint.warnings.push_back(fmt::format("{}: tensor '{}' holds NaN or infinity", file, name));
    hashes.push_back(std::move(scan.hash));
    checkpoint.tensors[name] = viewOf(TensorSlice::all(raw), spec->shape);
    checkpoint.notes.push_back(fmt::format("tensor '{}' from {}", name, file));
  }
  return hashes;
}

std::string vitc::combinedHash(llvm::StringRef weights, llvm::ArrayRef<std::string> supplied) {
  if (supplied.empty())
    return weights.str();
  std::string text = weights.str() + "," + llvm::join(supplied, ",");
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
  return fmt::format("xxh3-128:{:016x}{:016x}", hash.high64, hash.low64);
}
