//===- PixelSuspects.cpp - what libraries do differently to pictures ----------------------------------===//
#include "compiler/Driver/PixelSteps.h"
#include "compiler/Driver/SuspectList.h"
#include "compiler/Import/PreprocessRecipes.h"
#include "compiler/Import/VitNames.h"
#include <cmath>

using namespace vitc;

static const char *rulesText(ResizeImpl impl) {
  static constexpr const char *names[] = {"pillow", "torchvision", "tensorflow", "opencv"};
  return names[static_cast<int>(impl)];
}

static std::string resizeText(const ResizeStep &step) {
  return fmt::format("{} by {}'s rules{}{}", nameOf(step.filter), rulesText(step.impl),
                     step.impl == ResizeImpl::Torch && !step.antialias ? " without antialias" : "",
                     step.impl == ResizeImpl::Torch && step.pixels == ResizePixels::F32 ? " on floats" : "");
}

/// Other libraries' rules with the same filter first, then other filters.
static void suspectRules(SuspectList &list) {
  const ResizeStep *here = list.config().preprocess->resize();
  if (!here)
    return;
  using enum ResizeFilter;
  using enum ResizeImpl;
  std::vector<ResizeStep> steps;
  auto add = [&](ResizeImpl impl, bool antialias, ResizePixels pixels,
                 std::initializer_list<ResizeFilter> filters) {
    for (ResizeFilter filter : filters) {
      ResizeStep step = *here;
      step.impl = impl, step.antialias = antialias, step.pixels = pixels, step.filter = filter;
      steps.push_back(step);
    }
  };
  // The same filter by other libraries first.
  add(Pil, true, ResizePixels::U8, {here->filter});
  add(Torch, true, ResizePixels::U8, {here->filter});
  add(Torch, false, ResizePixels::U8, {here->filter});
  add(OpenCv, false, ResizePixels::U8, {here->filter});
  add(Tf, false, ResizePixels::U8, {here->filter});
  add(Pil, true, ResizePixels::U8, {Bilinear, Bicubic, Lanczos, Nearest, Box, Hamming});
  add(Torch, true, ResizePixels::U8, {Bilinear, Bicubic});
  add(Torch, false, ResizePixels::U8, {Nearest, Bilinear, Bicubic});
  add(Torch, true, ResizePixels::F32, {Bilinear, Bicubic});
  add(OpenCv, false, ResizePixels::U8, {Nearest, Bilinear, Bicubic});
  add(Tf, false, ResizePixels::U8, {Nearest, Bilinear, Bicubic});
  for (const ResizeStep &step : steps) {
    bool rulesOnly = step.filter == here->filter && step.pixels == here->pixels;
    std::string remedy =
        fmt::format("preprocess.steps.resize: \"filter\": \"{}\", \"impl\": \"{}\", \"antialias\": {}, "
                    "\"pixels\": \"{}\"",
                    nameOf(step.filter), nameOf(step.impl), step.antialias, nameOf(step.pixels));
    if (rulesOnly && step.impl != here->impl)
      remedy += fmt::format("; --resize-rules {}", rulesText(step.impl));
    list.add(fmt::format("resizes {} (here: {})", resizeText(step), resizeText(*here)), remedy,
             [&](Variant &variant) { *stepOf<ResizeStep>(variant.config) = step; });
  }
}

static std::string geometryText(const ResizeStep *step) {
  if (!step)
    return "not resized";
  return step->mode == ResizeMode::Squash
             ? fmt::format("both sides resized to {} x {}", step->size.height, step->size.width)
             : fmt::format("shorter side resized to {}{}", step->size.height,
                           step->rounding == SizeRounding::Lround ? ", the longer one rounded" : "");
}

/// Other sizes: those that libraries derive from the input's, and that of the reference where it shows.
static void suspectSizes(SuspectList &list, const ModelStep &to, const vit::Tensor &reference) {
  const ModelConfig &config = list.config();
  const ResizeStep *here = config.preprocess->resize();
  std::vector<ResizeStep> steps;
  auto add = [&](ResizeMode mode, Extent size, SizeRounding rounding = SizeRounding::Floor) {
    ResizeStep step = here ? *here : ResizeStep();
    step.mode = mode, step.size = size, step.rounding = rounding;
    steps.push_back(step);
  };
  if (to.kind == ModelStep::Resize) {
    int64_t height = reference.shape[0], width = reference.shape[1];
    for (SizeRounding rounding : {SizeRounding::Floor, SizeRounding::Lround})
      add(ResizeMode::Shortest, {std::min(height, width), 0}, rounding);
    add(ResizeMode::Squash, {height, width});
  } else {
    int64_t side = std::min(config.inputSize.height, config.inputSize.width);
    add(ResizeMode::Squash, config.inputSize);
    for (double share : {1.0, 0.875, 0.9, 0.95})
      add(ResizeMode::Shortest, {static_cast<int64_t>(static_cast<double>(side) / share), 0});
    if (here && here->mode == ResizeMode::Shortest)
      add(ResizeMode::Shortest, here->size, SizeRounding::Lround);
  }
  for (const ResizeStep &step : steps)
    list.add(fmt::format("{} (here: {})", geometryText(&step), geometryText(here)),
             fmt::format("preprocess.steps.resize: \"mode\": \"{}\", \"size\": [{}], \"rounding\": \"{}\"",
                         nameOf(step.mode),
                         step.mode == ResizeMode::Squash
                             ? fmt::format("{}, {}", step.size.height, step.size.width)
                             : std::to_string(step.size.height),
                         nameOf(step.rounding)),
             [&](Variant &variant) {
               std::vector<PreprocessStep> &chain = variant.config.preprocess->steps;
               if (ResizeStep *old = stepOf<ResizeStep>(variant.config))
                 *old = step;
               else
                 chain.insert(chain.begin(), step);
               // What a resize leaves must be cut to the model's size.
               if (!stepOf<CenterCropStep>(variant.config))
                 chain.insert(chain.begin() + 1, CenterCropStep{variant.config.inputSize});
             });
}

static void suspectColours(SuspectList &list) {
  const AffineStep *here = stepOf<AffineStep>(list.config());
  auto add = [&](const char *name, llvm::ArrayRef<double> mean, llvm::ArrayRef<double> std) {
    AffineStep step = *here;
    double unit = 1 / (255 * here->scale); // colours are given for 0..1
    step.mean.clear(), step.std.clear();
    for (int64_t c = 0; c < list.config().channels; ++c) {
      step.mean.push_back(mean[c % mean.size()] / unit);
      step.std.push_back(std[c % std.size()] / unit);
    }
    list.add(fmt::format("normalises with {} (here: mean {}, std {})", name, fmt::join(here->mean, " "),
                         fmt::join(here->std, " ")),
             fmt::format("preprocess.steps.affine: \"mean\": [{}], \"std\": [{}], \"scale\": {}",
                         fmt::join(step.mean, ", "), fmt::join(step.std, ", "), step.scale),
             [&](Variant &variant) { *stepOf<AffineStep>(variant.config) = step; });
  };
  auto colours = [&](const char *name, const ColourStatistics &values) {
    add(name, values.mean, values.std);
  };
  if (list.config().channels == 3) {
    colours("ImageNet's mean and std", imageNetColours);
    colours("CLIP's mean and std", clipColours);
    colours("the mean and std of DINOv3's satellite models", {{.430, .411, .296}, {.213, .156, .143}});
  }
  add("mean and std 0.5, to -1..1", {.5}, {.5});
  add("nothing but the division by 255, to 0..1", {0.}, {1.});
  add("nothing, pixels staying 0..255", {0.}, {1 / 255.});
  auto unscaled = [&](std::vector<double> values) {
    for (double &value : values)
      value = value / 255 / (255 * here->scale);
    return values;
  };
  add("the mean and std meant for 0..1, with pixels staying 0..255", unscaled(here->mean),
      unscaled(here->std));
}

void vitc::suspectPixels(SuspectList &list, const ModelStep &to, const vit::Tensor &reference) {
  if (!list.config().preprocess)
    return;
  if (list.covers(ModelStep::Resize)) {
    suspectRules(list);
    suspectSizes(list, to, reference);
  }
  if (list.covers(ModelStep::Crop))
    if (const auto *crop = stepOf<CenterCropStep>(list.config())) {
      CropRounding other = crop->round == CropRounding::Floor ? CropRounding::HalfEven : CropRounding::Floor;
      list.add(fmt::format("rounds the offset of the crop {} (here: {})",
                           other == CropRounding::Floor ? "down" : "half to even",
                           other == CropRounding::Floor ? "half to even" : "down"),
               fmt::format("preprocess.steps.center_crop: \"round\": \"{}\"", nameOf(other)),
               [&](Variant &variant) { stepOf<CenterCropStep>(variant.config)->round = other; });
    }
  if (list.covers(ModelStep::Normalise))
    suspectColours(list);
  if (list.covers(ModelStep::Normalise) || to.kind <= ModelStep::Crop)
    list.add("has the channels in the order BGR, as OpenCV reads pictures (here: RGB)",
             "convert the reference's picture to RGB: models of vitc take RGB",
             [](Variant &variant) { variant.reversed = !variant.reversed; });
}

std::optional<AffineStep> vitc::fitAffine(const vit::Tensor &pixels, const vit::Tensor &image,
                                          const AffineStep &like) {
  int64_t channels = image.shape[0], area = image.shape[1] * image.shape[2];
  if (pixels.shape[2] != channels || pixels.data.size() != image.data.size())
    return std::nullopt;
  AffineStep step = like;
  for (int64_t c = 0; c < channels; ++c) {
    double meanX = 0, meanY = 0, xx = 0, xy = 0;
    for (int64_t i = 0; i < area; ++i) {
      meanX += pixels.data[i * channels + c] / static_cast<double>(area);
      meanY += image.data[c * area + i] / static_cast<double>(area);
    }
    for (int64_t i = 0; i < area; ++i) {
      double x = pixels.data[i * channels + c] - meanX;
      xx += x * x;
      xy += x * (image.data[c * area + i] - meanY);
    }
    double slope = xx > 0 ? xy / xx : 0; // image = slope * pixel + (meanY - slope * meanX)
    if (!(slope > 0) || !std::isfinite(slope))
      return std::nullopt;
    step.std[c] = step.scale / slope;
    step.mean[c] = step.scale * meanX - meanY * step.std[c];
  }
  return step;
}
