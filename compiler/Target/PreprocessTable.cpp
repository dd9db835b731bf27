#include "compiler/Support/Error.h"
#include "compiler/Target/ModelTables.h"
#include "runtime/include/vitc/abi.h"

using namespace vitc;

static uint32_t rulesOf(const ResizeStep &step) {
  switch (step.impl) {
  case ResizeImpl::Pil:
    return VITC_RULES_PILLOW;
  case ResizeImpl::Torch:
    return step.keepsFractions() ? VITC_RULES_TORCH_F32
           : step.antialias      ? VITC_RULES_TORCH
                                 : VITC_RULES_TORCH_PLAIN;
  case ResizeImpl::Tf:
    return VITC_RULES_TENSORFLOW;
  case ResizeImpl::OpenCv:
    return VITC_RULES_OPENCV;
  }
  llvm_unreachable("covered switch");
}

static uint32_t filterOf(ResizeFilter filter) {
  switch (filter) {
  case ResizeFilter::Nearest:
    return VITC_FILTER_NEAREST;
  case ResizeFilter::Lanczos:
    return VITC_FILTER_LANCZOS;
  case ResizeFilter::Bilinear:
    return VITC_FILTER_BILINEAR;
  case ResizeFilter::Bicubic:
    return VITC_FILTER_BICUBIC;
  case ResizeFilter::Box:
    return VITC_FILTER_BOX;
  case ResizeFilter::Hamming:
    return VITC_FILTER_HAMMING;
  }
  llvm_unreachable("covered switch");
}

static llvm::Error setResize(const ResizeStep &step, vitc_preprocess &table) {
  if (llvm::Error error = checkResize(step))
    return error;
  bool squash = step.mode == ResizeMode::Squash;
  table.resize = squash ? VITC_RESIZE_SQUASH : VITC_RESIZE_SHORTEST;
  table.rules = rulesOf(step);
  table.filter = filterOf(step.filter);
  table.resize_height = static_cast<uint32_t>(step.size.height);
  table.resize_width = squash ? static_cast<uint32_t>(step.size.width) : 0;
  table.size_round = step.rounding == SizeRounding::Floor ? VITC_SIZE_FLOOR : VITC_SIZE_LROUND;
  table.f32 = step.keepsFractions();
  return llvm::Error::success();
}

static llvm::Error setCrop(const CenterCropStep &step, const ModelConfig &config, vitc_preprocess &table) {
  if (!(step.size == config.inputSize))
    return inputError("preprocessing: expected a centre crop to the model's {}x{}, got {}x{}",
                      config.inputSize.height, config.inputSize.width, step.size.height, step.size.width);
  if (step.pad != 0)
    return inputError("preprocessing: expected a centre crop padded with 0, got {}", step.pad);
  table.crop = 1;
  table.crop_round = step.round == CropRounding::Floor ? VITC_CROP_FLOOR : VITC_CROP_HALF_EVEN;
  return llvm::Error::success();
}

llvm::Expected<std::optional<vitc_preprocess>> vitc::preprocessTable(const ModelConfig &config) {
  if (!config.preprocess)
    return std::nullopt;
  if (config.channels != 1 && config.channels != 3)
    return inputError("preprocessing: expected a model of 1 or 3 channels, got {}", config.channels);
  vitc_preprocess table = {};
  enum Stage { Start, Resized, Cropped, Normalised } stage = Start;
  for (const PreprocessStep &step : config.preprocess->steps) {
    Stage next = std::holds_alternative<ResizeStep>(step)       ? Resized
                 : std::holds_alternative<CenterCropStep>(step) ? Cropped
                                                                : Normalised;
    if (next <= stage)
      return inputError(
          "preprocessing: expected at most one resize, one centre crop and one affine step, in this "
          "order; the runtime does no other");
    stage = next;
    llvm::Error error = llvm::Error::success();
    if (auto *resize = std::get_if<ResizeStep>(&step))
      error = setResize(*resize, table);
    else if (auto *crop = std::get_if<CenterCropStep>(&step))
      error = setCrop(*crop, config, table);
    if (error)
      return std::move(error);
  }
  const Extent &size = config.inputSize;
  if (!table.crop && table.resize == VITC_RESIZE_SHORTEST)
    return inputError("preprocessing: expected a centre crop after a resize of the shortest side, got none");
  if (!table.crop && table.resize == VITC_RESIZE_SQUASH &&
      (table.resize_height != size.height || table.resize_width != size.width))
    return inputError(
        "preprocessing: expected a resize to the model's {}x{}, got {}x{} without a centre crop", size.height,
        size.width, table.resize_height, table.resize_width);
  return table;
}
