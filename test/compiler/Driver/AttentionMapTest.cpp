#include "compiler/Driver/AttentionMap.h"
#include "test/compiler/TestFiles.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;
using namespace vitc::test;

namespace {

/// 8 x 12 pixels in patches of 4 x 4: a grid of 2 x 3; one class token, two heads.
ModelConfig smallGrid() {
  ModelConfig config;
  config.inputSize = {8, 12};
  config.patch.size = config.patch.stride = {4, 4};
  config.prefix = {{"cls", 1}};
  config.heads = 2;
  return config;
}

/// How pictures of a size pass through a resize to `resized` and a crop to the model's size.
PictureAxes axesOf(const ModelConfig &config, Extent picture, vitc_preprocess table) {
  table.filter = VITC_FILTER_BILINEAR;
  return *get(pictureAxes(table, picture, config.inputSize));
}
vitc_preprocess tableOf(uint32_t resize, Extent size, uint32_t crop) {
  vitc_preprocess table = {};
  table.resize = resize;
  table.resize_height = static_cast<uint32_t>(size.height);
  table.resize_width = static_cast<uint32_t>(size.width);
  table.crop = crop;
  return table;
}
PictureAxes squashed(const ModelConfig &config, Extent picture) {
  return axesOf(config, picture, tableOf(VITC_RESIZE_SQUASH, config.inputSize, 0));
}

/// "0*10 1*10" for ten pixels of patch 0, then ten of patch 1; "-" for pixels of none.
std::string runs(const std::vector<int64_t> &patches) {
  std::string text;
  for (size_t i = 0, end; i < patches.size(); i = end) {
    for (end = i; end < patches.size() && patches[end] == patches[i];)
      ++end;
    text += (text.empty() ? "" : " ") + (patches[i] < 0 ? "-" : std::to_string(patches[i])) + "*" +
            std::to_string(end - i);
  }
  return text;
}
std::string across(const ModelConfig &config, const PictureAxes &axes, int32_t pixels) {
  return runs(patchesAlong(config, axes, /*vertical=*/false, pixels));
}
std::string down(const ModelConfig &config, const PictureAxes &axes, int32_t pixels) {
  return runs(patchesAlong(config, axes, /*vertical=*/true, pixels));
}

TEST(AttentionMap, SquashedPicturesAreDividedEvenly) {
  ModelConfig config = smallGrid();
  PictureAxes axes = squashed(config, {20, 30});
  EXPECT_EQ(down(config, axes, 20), "0*10 1*10");
  EXPECT_EQ(across(config, axes, 30), "0*10 1*10 2*10");
  EXPECT_EQ(across(config, axes, 60), "0*20 1*20 2*20"); // the same picture, enlarged for drawing
  EXPECT_EQ(across(config, axes, 7), "0*2 1*3 2*2");
}

TEST(AttentionMap, CropsAreMappedBackWithTheirOffset) {
  ModelConfig config = smallGrid();
  config.inputSize = {8, 8};
  // 60 x 40 becomes 15 x 10; 7 spare rows begin at 3 or, half to even, 4; 2 spare columns at 1.
  vitc_preprocess table = tableOf(VITC_RESIZE_SHORTEST, {10, 0}, 1);
  PictureAxes floored = axesOf(config, {60, 40}, table);
  EXPECT_EQ(down(config, floored, 60), "-*12 0*16 1*16 -*16");
  EXPECT_EQ(across(config, floored, 40), "-*4 0*16 1*16 -*4");
  table.crop_round = VITC_CROP_HALF_EVEN;
  EXPECT_EQ(down(config, axesOf(config, {60, 40}, table), 60), "-*16 0*16 1*16 -*12");
}

TEST(AttentionMap, PicturesSmallerThanTheCropLieInTheMiddle) {
  ModelConfig config = smallGrid();
  // 4 x 6 pixels stay and are surrounded by zeros: 2 above, 3 to the left.
  PictureAxes axes = axesOf(config, {4, 6}, tableOf(VITC_RESIZE_NONE, {0, 0}, 1));
  EXPECT_EQ(down(config, axes, 4), "0*2 1*2");
  EXPECT_EQ(across(config, axes, 6), "0*1 1*4 2*1");
}

TEST(AttentionMap, PatchesMayLeavePixelsOutOrOverlap) {
  ModelConfig config = smallGrid();
  config.inputSize = {10, 14}; // the last two rows and columns are never read
  PictureAxes axes = squashed(config, {20, 28});
  EXPECT_EQ(down(config, axes, 20), "0*8 1*8 -*4");
  EXPECT_EQ(across(config, axes, 28), "0*8 1*8 2*8 -*4");
  config.patch.pad = PatchPad::Same; // one before and one behind them
  EXPECT_EQ(down(config, axes, 20), "0*6 1*8 2*6");
  config = smallGrid();
  config.patch.stride = {2, 4}; // rows 0-3, 2-5, 4-7: boundaries halfway between the centres
  EXPECT_EQ(down(config, squashed(config, {8, 12}), 8), "0*3 1*2 2*3");
}

TEST(AttentionMap, ReadsTheRowOfThePooledToken) {
  ModelConfig config = smallGrid();
  std::vector<float> rollout = {9, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(patchAttention(config, {OutputValue::Rollout}, rollout), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  std::vector<float> maps(2 * 7 * 7);
  for (size_t i = 0; i < maps.size(); ++i)
    maps[i] = static_cast<float>(i);
  // Row 0 of both heads: 0 ... 6 and 49 ... 55.
  EXPECT_EQ(patchAttention(config, {OutputValue::Attention, 0}, maps),
            (std::vector<double>{25.5, 26.5, 27.5, 28.5, 29.5, 30.5}));
  config.pool.kind = PoolKind::Mean; // rows 1 to 6, whose mean lies 24.5 higher
  std::vector<double> mean = patchAttention(config, {OutputValue::Attention, 0}, maps);
  for (size_t i = 0; i < mean.size(); ++i)
    EXPECT_NEAR(mean[i], 50 + static_cast<double>(i), 1e-9);
}

TEST(AttentionMap, OneHotMapsColourOneRectangle) {
  ModelConfig config = smallGrid();
  config.inputSize = {8, 8};
  Picture picture{300, 400, 1, std::vector<uint8_t>(300 * 400, 100)};
  picture.pixels[0] = 3; // in front of the crop
  // 400 x 300 becomes 13 x 10 with 5 spare columns from 2 on and 2 rows from 1 on.
  PictureAxes axes = axesOf(config, {300, 400}, tableOf(VITC_RESIZE_SHORTEST, {10, 0}, 1));
  std::vector<double> oneHot = {0, 0, 1, 0}; // lower left
  Picture drawn = drawAttention(picture, config, axes, oneHot);
  ASSERT_EQ(drawn.height, 300); // large enough as it is
  ASSERT_EQ(drawn.width, 400);
  ASSERT_EQ(drawn.channels, 3);
  using Colour = std::array<int, 3>;
  const Colour most = {176, 178, 132}, least = {50, 50, 52}, plain = {100, 100, 100}; // half inferno's ends
  for (int y = 0; y < 300; ++y)
    for (int x = 0; x < 400; ++x) {
      double row = (y + 0.5) * 10 / 300 - 1, column = (x + 0.5) * 13 / 400 - 2;
      bool inside = row >= 0 && row < 8 && column >= 0 && column < 8;
      Colour want = !inside ? plain : row >= 4 && column < 4 ? most : least;
      if (x == 0 && y == 0)
        want = {3, 3, 3};
      const uint8_t *pixel = &drawn.pixels[(size_t(y) * 400 + x) * 3];
      ASSERT_EQ((Colour{pixel[0], pixel[1], pixel[2]}), want) << y << " " << x;
    }
  // Equal values have no largest one.
  Picture flat = drawAttention(picture, config, axes, std::vector<double>(4, 0.25));
  EXPECT_EQ(flat.pixels[(150 * 400 + 200) * 3], 50);
}

} // namespace
