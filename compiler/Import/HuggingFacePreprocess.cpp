//===- HuggingFacePreprocess.cpp - preprocessor_config.json -----------------------------------------===//
//
// Resolves an image processor's configuration into preprocessing steps. Sources: huggingface/transformers
// image_processing_{vit,deit,clip,bit,siglip,beit,dinov3_vit}.py, image_transforms.py.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Importers.h"
#include "compiler/Import/KeyTable.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace vitc;

namespace {

constexpr std::array<double, 3> half{.5, .5, .5};
constexpr std::array<double, 3> imageNetMean{.485, .456, .406}, imageNetStd{.229, .224, .225};
constexpr std::array<double, 3> clipMean{.48145466, .4578275, .40821073},
    clipStd{.26862954, .26130258, .27577711};

/// Defaults of one processor class, used for keys that a configuration leaves out.
struct Processor {
  const char *name;          ///< without "ImageProcessor" or "FeatureExtractor"
  bool integerMeansShortest; ///< what `"size": 224` means
  int64_t size;
  ResizeFilter filter;
  bool crop;
  int64_t cropSize;
  std::array<double, 3> mean, std;
  bool resizesFractions = false; ///< scales pixels to 0..1 first, and does not round what it resizes
};
constexpr Processor processors[] = {
    {"ViT", false, 224, ResizeFilter::Bilinear, false, 224, half, half},
    {"DeiT", false, 256, ResizeFilter::Bicubic, true, 224, half, half},
    {"Beit", false, 256, ResizeFilter::Bicubic, true, 224, half, half},
    {"Siglip", false, 224, ResizeFilter::Bicubic, false, 224, half, half},
    {"CLIP", true, 224, ResizeFilter::Bicubic, true, 224, clipMean, clipStd},
    {"Bit", true, 224, ResizeFilter::Bicubic, true, 224, clipMean, clipStd},
    {"DINOv3ViT", false, 224, ResizeFilter::Bilinear, false, 224, imageNetMean, imageNetStd, true},
};

constexpr KeyUse U = KeyUse::Understood, I = KeyUse::Irrelevant, X = KeyUse::MustBeOff;
constexpr KeyRule keyRules[] = {
    // clang-format off
    {"image_processor_type", U}, {"feature_extractor_type", U}, {"do_resize", U}, {"size", U}, {"resample", U},
    {"do_center_crop", U}, {"crop_size", U}, {"do_rescale", U}, {"rescale_factor", U}, {"do_normalize", U},
    {"image_mean", U}, {"image_std", U}, {"do_convert_rgb", U}, {"default_to_square", U},
    {"_valid_processor_keys", I}, {"processor_class", I}, {"_processor_class", I}, {"return_tensors", I},
    {"data_format", I}, {"input_data_format", I}, {"device", I}, {"disable_grouping", I}, {"use_fast", I},
    {"transformers_version", I}, {"image_seq_length", I}, {"antialias", I},
    {"do_pad", X}, {"pad_size", X}, {"do_reduce_labels", X}, {"reduce_labels", X}, {"auto_map", X}, {"crop_pct", X},
    // clang-format on
};

class Reader {
public:
  Reader(JsonRef json, int libraryMajor, Checkpoint &checkpoint)
      : json(std::move(json)), libraryMajor(libraryMajor), checkpoint(checkpoint) {}
  llvm::Error run();

private:
  llvm::Error chooseProcessor();
  llvm::Error addResize();
  llvm::Error addCrop();
  llvm::Error addAffine();
  llvm::Expected<int64_t> side(const JsonRef &value) { return value.asInteger(1, 1 << 14); }
  llvm::Expected<Extent> heightAndWidth(const JsonRef &value);

  JsonRef json;
  int libraryMajor;
  Checkpoint &checkpoint;
  const Processor *processor = &processors[0];
  bool fast = false;
  Preprocess result;
};

llvm::Error Reader::chooseProcessor() {
  std::optional<JsonRef> type = json.findValue("image_processor_type");
  if (!type)
    type = json.findValue("feature_extractor_type");
  if (!type) {
    checkpoint.notes.push_back("preprocessing: no image_processor_type; read as ViTImageProcessor");
    fast = libraryMajor >= 5;
    return llvm::Error::success();
  }
  llvm::Expected<std::string> full = type->asString();
  if (!full)
    return full.takeError();
  llvm::StringRef name = *full;
  fast = name.consume_back("Fast");
  bool pillow = name.consume_back("Pil"); // how version 5 spells the Pillow backend
  if (!name.consume_back("ImageProcessor"))
    name.consume_back("FeatureExtractor");
  fast = fast || (!pillow && libraryMajor >= 5);
  processor = llvm::find_if(processors, [&](const Processor &p) { return name == p.name; });
  if (processor == std::end(processors)) {
    llvm::SmallVector<std::string> known;
    for (const Processor &candidate : processors)
      known.push_back(std::string(candidate.name) + "ImageProcessor");
    return type->expected("one of " + llvm::join(known, ", "));
  }
  return llvm::Error::success();
}

llvm::Expected<Extent> Reader::heightAndWidth(const JsonRef &value) {
  for (const auto &[key, member] : value.members())
    if (key != "height" && key != "width")
      return value.expected("an object with the keys 'height' and 'width'");
  Extent extent;
  for (auto [key, into] : {std::pair("height", &extent.height), std::pair("width", &extent.width)}) {
    llvm::Expected<JsonRef> member = value.get(key);
    if (!member)
      return member.takeError();
    llvm::Expected<int64_t> number = side(*member);
    if (!number)
      return number.takeError();
    *into = *number;
  }
  return extent;
}

llvm::Error Reader::addResize() {
  llvm::Expected<bool> wanted = boolOr(json, "do_resize", true);
  if (!wanted || !*wanted)
    return wanted.takeError();
  ResizeStep step;
  llvm::Expected<bool> square = boolOr(json, "default_to_square", !processor->integerMeansShortest);
  if (!square)
    return square.takeError();
  std::optional<JsonRef> size = json.findValue("size");
  if (!size || size->isInteger()) {
    llvm::Expected<int64_t> number = size ? side(*size) : llvm::Expected<int64_t>(processor->size);
    if (!number)
      return number.takeError();
    step.mode = *square ? ResizeMode::Squash : ResizeMode::Shortest;
    step.size = {*number, *square ? *number : 0};
  } else if (std::optional<JsonRef> shortest = size->find("shortest_edge")) {
    if (size->members().size() != 1)
      return size->expected("only 'shortest_edge', or 'height' and 'width'");
    llvm::Expected<int64_t> number = side(*shortest);
    if (!number)
      return number.takeError();
    step.mode = ResizeMode::Shortest;
    step.size = {*number, 0};
  } else {
    if (!size->isObject())
      return size->expected("a number or an object");
    llvm::Expected<Extent> extent = heightAndWidth(*size);
    if (!extent)
      return extent.takeError();
    step.mode = ResizeMode::Squash;
    step.size = *extent;
  }

  step.filter = processor->filter;
  if (std::optional<JsonRef> resample = json.findValue("resample")) {
    // The enumeration has Pillow's numbers.
    llvm::Expected<int64_t> number = resample->asInteger(0, static_cast<int64_t>(ResizeFilter::Hamming));
    if (!number)
      return number.takeError();
    step.filter = static_cast<ResizeFilter>(*number);
  }
  // The configuration does not fix the backend: fast processors and version 5 mean torchvision's, which has
  // three filters.
  bool torch = step.filter == ResizeFilter::Nearest || step.filter == ResizeFilter::Bilinear ||
               step.filter == ResizeFilter::Bicubic;
  if (fast && torch)
    step.impl = ResizeImpl::Torch;
  else if (fast)
    checkpoint.notes.push_back(fmt::format(
        "preprocessing: torchvision has no filter '{}'; resized as Pillow does", nameOf(step.filter)));
  if (processor->resizesFractions && step.impl == ResizeImpl::Torch)
    step.pixels = ResizePixels::F32;
  result.steps.push_back(step);
  return llvm::Error::success();
}

llvm::Error Reader::addCrop() {
  llvm::Expected<bool> wanted = boolOr(json, "do_center_crop", processor->crop);
  if (!wanted || !*wanted)
    return wanted.takeError();
  CenterCropStep step;
  step.size = {processor->cropSize, processor->cropSize};
  if (std::optional<JsonRef> size = json.findValue("crop_size")) {
    if (size->isInteger()) {
      llvm::Expected<int64_t> number = side(*size);
      if (!number)
        return number.takeError();
      step.size = {*number, *number};
    } else {
      if (!size->isObject())
        return size->expected("a number or an object");
      llvm::Expected<Extent> extent = heightAndWidth(*size);
      if (!extent)
        return extent.takeError();
      step.size = *extent;
    }
  }
  // transformers' own crops floor the offset: those on NumPy, and from version 5 on all. The fast processors
  // of version 4 call torchvision's, which rounds half to even.
  step.round = fast && libraryMajor < 5 ? CropRounding::HalfEven : CropRounding::Floor;
  result.steps.push_back(step);
  return llvm::Error::success();
}

llvm::Error Reader::addAffine() {
  auto channels = static_cast<size_t>(checkpoint.config.channels);
  AffineStep step;
  llvm::Expected<bool> rescale = boolOr(json, "do_rescale", true);
  if (!rescale)
    return rescale.takeError();
  llvm::Expected<double> factor = numberOr(json, "rescale_factor", 1.0 / 255.0);
  if (!factor)
    return factor.takeError();
  step.scale = *rescale ? *factor : 1;
  llvm::Expected<bool> normalise = boolOr(json, "do_normalize", true);
  if (!normalise)
    return normalise.takeError();
  step.mean.assign(channels, 0);
  step.std.assign(channels, 1);
  for (auto [key, into, fallback] : {std::tuple("image_mean", &step.mean, &processor->mean),
                                     std::tuple("image_std", &step.std, &processor->std)}) {
    if (!*normalise)
      continue;
    std::optional<JsonRef> value = json.findValue(key);
    std::vector<double> list;
    if (value && value->isNumber()) {
      list.assign(channels, llvm::cantFail(value->asNumber()));
    } else if (value) {
      llvm::Expected<std::vector<double>> parsed = numbers(*value, 1024);
      if (!parsed)
        return parsed.takeError();
      list = std::move(*parsed);
    } else {
      checkpoint.warnings.push_back(fmt::format("{}: '{}' is missing; using the default of {}ImageProcessor",
                                                json.file(), key, processor->name));
      list.assign(fallback->begin(), fallback->end());
    }
    if (list.size() != channels)
      return (value ? *value : json)
          .error(fmt::format("expected {} numbers, one per input channel, got {}", channels, list.size()));
    *into = std::move(list);
  }
  result.steps.push_back(std::move(step));
  return llvm::Error::success();
}

llvm::Error Reader::run() {
  if (llvm::Error error = checkKeys(json, keyRules, "an image processor"))
    return error;
  if (llvm::Error error = chooseProcessor())
    return error;
  llvm::Expected<bool> convert = boolOr(json, "do_convert_rgb", true);
  if (!convert)
    return convert.takeError();
  result.decodeRgb = checkpoint.config.channels == 3;
  for (auto step : {&Reader::addResize, &Reader::addCrop, &Reader::addAffine})
    if (llvm::Error error = (this->*step)())
      return error;
  checkpoint.notes.push_back(fmt::format("preprocessing: the processor means {}'s rules (see --resize-rules)",
                                         fast ? "torchvision" : "Pillow"));
  checkpoint.config.preprocess = std::move(result);
  return llvm::Error::success();
}

} // namespace

llvm::ArrayRef<KeyRule> vitc::huggingFaceProcessorKeys() { return keyRules; }

llvm::Error vitc::importHuggingFacePreprocess(llvm::StringRef directory, int libraryMajor,
                                              Checkpoint &checkpoint) {
  // Version 5 saves the processor of pictures and texts in one file, which holds the pictures' as a member.
  for (auto [name, member] :
       {std::pair("preprocessor_config.json", ""), std::pair("processor_config.json", "image_processor")}) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    if (!llvm::sys::fs::exists(path))
      continue;
    llvm::Expected<JsonDocument> document = JsonDocument::parseFile(path);
    if (!document)
      return document.takeError();
    std::optional<JsonRef> processor = document->root();
    if (*member)
      processor = processor->findValue(member);
    if (!processor)
      continue;
    if (llvm::Error error = processor->expectObject())
      return error;
    return Reader(*processor, libraryMajor, checkpoint).run();
  }
  checkpoint.notes.push_back("no preprocessor_config.json: the library takes normalised tensors only");
  return llvm::Error::success();
}
