//===- PreprocessRecipes.h - what libraries do to pictures by default ---------------------------------===//
//
// For weights without a configuration, for presets, and for configurations that leave it to the library.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_PREPROCESSRECIPES_H
#define COMPILER_IMPORT_PREPROCESSRECIPES_H

#include "compiler/Import/ModelConfig.h"

namespace vitc {

/// Means and standard deviations of RGB in 0..1.
struct ColourStatistics {
  std::array<double, 3> mean, std;
};
inline constexpr ColourStatistics imageNetColours{{.485, .456, .406}, {.229, .224, .225}};
inline constexpr ColourStatistics halfColours{{.5, .5, .5}, {.5, .5, .5}};
inline constexpr ColourStatistics clipColours{{.48145466, .4578275, .40821073},
                                              {.26862954, .26130258, .27577711}};

/// Resize, cut out the centre with torchvision's rounding, normalise.
struct PreprocessRecipe {
  ResizeMode mode = ResizeMode::Shortest;
  double cropPct = 1; ///< the picture is resized to floor(input size / cropPct)
  ResizeFilter filter = ResizeFilter::Bicubic;
  ColourStatistics colours = imageNetColours;
};

/// The recipe for a model's input size. Precondition: three input channels; a square input if the mode is
/// `Shortest`.
Preprocess applyRecipe(const PreprocessRecipe &recipe, const ModelConfig &config);

} // namespace vitc

#endif // COMPILER_IMPORT_PREPROCESSRECIPES_H
