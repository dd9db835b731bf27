#include "compiler/Support/Error.h"
#include "compiler/Target/ModelTables.h"
#include "runtime/include/vitc/abi.h"

using namespace vitc;

/// Refuses what the runtime's resizer is not: Pillow's antialiased bilinear or bicubic.
static llvm::Error setResize(const ResizeStep &step, vitc_preprocess &table) {
  auto refuse = [](const char *what) {
    return inputError(
        "preprocessing: expected a resize as Pillow does it (antialiased bilinear or bicubic, sizes "
        "rounded down), got {}; remove the preprocessing to compile a library without run_u8",
        what);
  };
  if (step.impl != ResizeImpl::Pil)
    return refuse("another library's arithmetic (\"impl\" is not \"pil\")");
  if (!step.antialias)
    return refuse("one without antialiasing");
  if (step.filter == ResizeFilter::Nearest)
    return refuse("the nearest filter");
  if (step.mode == ResizeMode::FitPatches)
    return refuse("\"fit_patches\"");
  if (step.mode == ResizeMode::Shortest && step.rounding != SizeRounding::Floor)
    return refuse("sizes rounded to nearest (\"lround\")");
  table.resize = step.mode == ResizeMode::Squash ? VITC_RESIZE_SQUASH : VITC_RESIZE_SHORTEST;
  table.filter = step.filter == ResizeFilter::Bilinear ? VITC_FILTER_BILINEAR : VITC_FILTER_BICUBIC;
  table.resize_height = static_cast<uint32_t>(step.size.height);
  table.resize_width = step.mode == ResizeMode::Squash ? static_cast<uint32_t>(step.size.width) : 0;
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
