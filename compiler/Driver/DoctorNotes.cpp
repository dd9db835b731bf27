//===- DoctorNotes.cpp - what a person would notice ---------------------------------------------------===//
#include "compiler/Driver/DoctorReport.h"
#include "compiler/Driver/PixelSteps.h"
#include <cmath>
#include <fmt/format.h>

using namespace vitc;
using vit::Tensor;

static void noteFile(const ModelConfig &config, const Picture &picture, const PictureFacts &facts,
                     std::vector<std::string> &notes) {
  if (facts.orientation > 1)
    notes.push_back(fmt::format("the file asks to be shown {} (EXIF orientation {}), which vitc, Pillow and "
                                "torchvision do not obey: the model sees it as it is stored",
                                orientationText(facts.orientation), facts.orientation));
  if (facts.alpha)
    notes.push_back(
        "the picture has transparency, which is dropped: transparent pixels show the colour stored "
        "beneath, often black");
  if (facts.bits == 16)
    notes.push_back("the picture has 16 bits a channel, of which the upper 8 are used");
  if (facts.profile)
    notes.push_back("the picture has a colour profile, which is ignored");
  if (picture.channels == 1 && config.channels == 3)
    notes.push_back("the picture is grey: its channel is copied to red, green and blue");
  if (picture.channels == 3 && config.channels == 1)
    notes.push_back("the picture has colours, and the model takes grey: they are weighted as Pillow does");
}

static void noteGeometry(const ModelConfig &config, const Picture &picture, std::vector<std::string> &notes) {
  const ResizeStep *resize = config.preprocess ? config.preprocess->resize() : nullptr;
  if (!resize)
    return;
  double height = picture.height, width = picture.width;
  if (resize->mode == ResizeMode::Squash) {
    double before = width / height, after = double(resize->size.width) / double(resize->size.height);
    double stretch = std::max(before, after) / std::min(before, after);
    if (stretch > 1.5)
      notes.push_back(fmt::format(
          "the resize squashes the picture: its proportion changes from {:.3g} to {:.3g}", before, after));
  }
  llvm::Expected<Extent> size = resizedExtent(config, {picture.height, picture.width});
  if (!size) {
    llvm::consumeError(size.takeError());
    return;
  }
  double enlarged = std::min(double(size->height) / height, double(size->width) / width);
  if (enlarged > 2)
    notes.push_back(
        fmt::format("the picture of {} x {} is enlarged {:.3g} times: has it the details that the model "
                    "looks for?",
                    picture.height, picture.width, enlarged));
  if (resize->mode == ResizeMode::Shortest) {
    double kept =
        double(config.inputSize.height * config.inputSize.width) / double(size->height * size->width);
    if (kept < 0.5)
      notes.push_back(fmt::format("the crop keeps {:.0f} % of the resized picture", 100 * kept));
  }
}

static bool constant(const Tensor &value) {
  return llvm::all_of(value.data, [&](double number) { return number == value.data.front(); });
}

/// Whether all tokens from `first` on are alike.
static bool tokensAlike(const Tensor &value, int64_t first) {
  if (value.shape.size() != 2 || value.shape[0] - first < 2)
    return false;
  double spread = 0, size = 0;
  int64_t width = value.shape[1];
  for (int64_t row = first; row < value.shape[0]; ++row)
    for (int64_t i = 0; i < width; ++i) {
      double number = value.data[row * width + i], other = value.data[first * width + i];
      spread += (number - other) * (number - other);
      size += number * number;
    }
  return spread <= 1e-12 * size;
}

std::vector<std::string> vitc::notesOf(const ModelConfig &config, const Picture &picture,
                                       const PictureFacts &facts, const std::map<ModelStep, Tensor> &own) {
  std::vector<std::string> notes;
  noteFile(config, picture, facts, notes);
  noteGeometry(config, picture, notes);
  bool alike = false; // said once, where it begins
  for (const auto &[step, value] : own) {
    std::string name = stepText(step);
    StepNumbers numbers = numbersOf(step, value);
    if (numbers.notFinite)
      notes.push_back(fmt::format("'{}' has {} numbers that are not finite", name, numbers.notFinite));
    if (value.data.size() > 1 && constant(value) && !alike) {
      notes.push_back(fmt::format("'{}' is the same number everywhere", name));
      alike = true;
    }
    if (step.kind == ModelStep::Normalise && (std::max(-numbers.min, numbers.max) > 12))
      notes.push_back(
          fmt::format("normalised pixels lie in {:.3g} to {:.3g}, far from what models are trained on: "
                      "are scale, mean and std meant for pixels of 0..255?",
                      numbers.min, numbers.max));
    if (step.kind == ModelStep::Normalise && numbers.max - numbers.min < 0.02 && numbers.max > numbers.min)
      notes.push_back(
          fmt::format("normalised pixels lie in {:.3g} to {:.3g}: is the picture divided by 255 twice?",
                      numbers.min, numbers.max));
    if (step.kind >= ModelStep::Embedding && step.kind <= ModelStep::Norm && !alike &&
        tokensAlike(value, config.prefixTokens())) {
      notes.push_back(fmt::format("all patch tokens are alike in '{}'", name));
      alike = true;
    }
  }
  return notes;
}
