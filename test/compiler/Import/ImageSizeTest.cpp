// --image-size: what another input size does to a description.
#include "compiler/Import/Overrides.h"
#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

std::string resize(ModelConfig &config, Extent size) {
  ImportOptions options;
  options.imageSize = size;
  return llvm::toString(overrideConfig(config, options));
}

TEST(ImageSize, KeepsTheStoredGrid) {
  ModelConfig config = minimalConfig();
  config.pos.resize = PosResize();
  Extent grid = config.grid(), size = config.inputSize;
  int64_t rows = config.storedPositions();
  EXPECT_EQ(resize(config, {3 * size.height, 2 * size.width}), "");
  EXPECT_EQ(config.grid(), (Extent{3 * grid.height, 2 * grid.width}));
  EXPECT_EQ(config.pos.grid, grid);
  EXPECT_EQ(config.storedPositions(), rows); // what the file holds
  EXPECT_EQ(config.positions(), config.tokens());
  EXPECT_EQ(llvm::toString(validate(config)), "");
}

TEST(ImageSize, NeedsARule) {
  ModelConfig config = minimalConfig();
  Extent size = config.inputSize;
  EXPECT_EQ(resize(config, size), ""); // the size it has
  EXPECT_NE(resize(config, {2 * size.height, size.width}).find("a rule for its positions"),
            std::string::npos);
  // Sines and cosines are computed for any grid; without positions there is nothing to resize.
  config = minimalConfig();
  config.pos.kind = PosKind::SincosMae;
  EXPECT_EQ(resize(config, {2 * size.height, size.width}), "");
  EXPECT_EQ(config.pos.grid, config.grid());
  config = minimalConfig();
  config.pos.kind = PosKind::None;
  config.posCovers = PosCovers::None;
  EXPECT_EQ(resize(config, {2 * size.height, size.width}), "");
  config = minimalConfig();
  config.relBias = RelBiasKind::Beit;
  EXPECT_NE(resize(config, {2 * size.height, size.width}).find("relative biases"), std::string::npos);
}

TEST(ImageSize, KeepsTheGridOfRelativeBiases) {
  ModelConfig config = minimalConfig();
  config.pos.kind = PosKind::None;
  config.posCovers = PosCovers::None;
  config.relBias = RelBiasKind::Beit;
  config.relBiasResize = RelBiasResize::Linear;
  Extent grid = config.grid(), size = config.inputSize;
  auto rows = [&] {
    auto specs = expectedTensors(config);
    return llvm::find_if(specs, [](const TensorSpec &s) { return s.name == "blk.0.rel_table"; })->shape[0];
  };
  int64_t stored = rows();
  EXPECT_EQ(resize(config, {size.height + 3, size.width + 3}), ""); // the same patches
  EXPECT_EQ(config.relBiasGrid, std::nullopt);
  EXPECT_EQ(resize(config, {3 * size.height, 2 * size.width}), "");
  EXPECT_EQ(config.relBiasGrid, grid);
  EXPECT_EQ(rows(), stored);
  EXPECT_EQ(llvm::toString(validate(config)), "");
}

// timm's 224 of 248 becomes 384 of 426, and squashed pictures stay squashed.
TEST(ImageSize, ScalesPictures) {
  ModelConfig config = minimalConfig();
  config.inputSize = {224, 224};
  config.patch.size = config.patch.stride = {16, 16};
  config.pos.grid = config.grid();
  config.pos.resize = PosResize();
  AffineStep affine{1 / 255.0, {0, 0, 0}, {1, 1, 1}};
  ResizeStep shortest{ResizeMode::Shortest, {248, 0}};
  config.preprocess = Preprocess{true, {shortest, CenterCropStep{{224, 224}}, affine}};
  ModelConfig wide = config, squashed = config;
  EXPECT_EQ(resize(config, {384, 384}), "");
  EXPECT_EQ(std::get<ResizeStep>(config.preprocess->steps[0]).size.height, 426);
  EXPECT_EQ(std::get<CenterCropStep>(config.preprocess->steps[1]).size, (Extent{384, 384}));
  EXPECT_EQ(llvm::toString(validate(config)), "");
  EXPECT_EQ(resize(wide, {224, 448}), "");
  EXPECT_EQ(std::get<ResizeStep>(wide.preprocess->steps[0]).size.height, 496);
  squashed.preprocess = Preprocess{true, {ResizeStep{ResizeMode::Squash, {224, 224}}, affine}};
  EXPECT_EQ(resize(squashed, {112, 448}), "");
  EXPECT_EQ(std::get<ResizeStep>(squashed.preprocess->steps[0]).size, (Extent{112, 448}));
  EXPECT_EQ(llvm::toString(validate(squashed)), "");
}

} // namespace
