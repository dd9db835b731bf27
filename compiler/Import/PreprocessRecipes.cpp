#include "compiler/Import/PreprocessRecipes.h"
#include <cmath>

using namespace vitc;

Preprocess vitc::applyRecipe(const PreprocessRecipe &recipe, const ModelConfig &config) {
  auto scaled = [&](int64_t size) {
    return static_cast<int64_t>(std::floor(static_cast<double>(size) / recipe.cropPct));
  };
  ResizeStep resize;
  resize.mode = recipe.mode;
  resize.filter = recipe.filter;
  resize.size = {scaled(config.inputSize.height),
                 recipe.mode == ResizeMode::Shortest ? 0 : scaled(config.inputSize.width)};
  Preprocess result;
  result.decodeRgb = true;
  result.steps.push_back(resize);
  if (recipe.mode == ResizeMode::Shortest || resize.size != config.inputSize)
    result.steps.push_back(CenterCropStep{config.inputSize, CropRounding::HalfEven, 0});
  const ColourStatistics &colours = recipe.colours;
  result.steps.push_back(AffineStep{
      1.0 / 255.0, {colours.mean.begin(), colours.mean.end()}, {colours.std.begin(), colours.std.end()}});
  return result;
}
