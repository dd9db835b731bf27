// Steps one by one against the runtime's resize and crop in one go.
#include "compiler/Driver/PixelSteps.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using vit::Tensor;
using enum ModelStep::Kind;

namespace {

ModelConfig cropping(CropRounding rounding, ResizeImpl impl = ResizeImpl::Pil, int64_t shortest = 23) {
  ModelConfig config;
  config.inputSize = {20, 18};
  config.preprocess = Preprocess{
      true,
      {ResizeStep{ResizeMode::Shortest, {shortest, 0}, ResizeFilter::Bilinear, impl == ResizeImpl::Pil, impl},
       CenterCropStep{{20, 18}, rounding}, AffineStep{1 / 255., {0.5, 0.25, 0}, {0.5, 2, 1}}}};
  return config;
}

Picture madeUp(int32_t height, int32_t width, int32_t channels) {
  Picture picture{height, width, channels, {}};
  for (int32_t i = 0; i < height * width * channels; ++i)
    picture.pixels.push_back(static_cast<uint8_t>(i * 37 % 251));
  return picture;
}

Tensor get(llvm::Expected<Tensor> value) { return vitc::test::get(std::move(value)).value_or(Tensor()); }

TEST(PixelStepsTest, CropOfTheResizeIsTheRuntimesCrop) {
  for (ResizeImpl impl : {ResizeImpl::Pil, ResizeImpl::OpenCv, ResizeImpl::Tf})
    for (CropRounding rounding : {CropRounding::Floor, CropRounding::HalfEven})
      for (auto [shortest, height, width] :
           {std::array{23, 31, 47}, {23, 47, 31}, {25, 33, 33}, {13, 31, 47}}) {
        ModelConfig config = cropping(rounding, impl, shortest);
        Tensor pixels = decodedPixels(madeUp(height, width, 3), 3);
        Tensor resized = get(pixelStep(config, {Decode}, pixels, {Resize}));
        EXPECT_EQ(std::min(resized.shape[0], resized.shape[1]), shortest);
        Tensor crop = get(pixelStep(config, {Decode}, pixels, {Crop}));
        EXPECT_EQ(crop.shape, (llvm::SmallVector<int64_t, 4>{20, 18, 3}));
        EXPECT_EQ(get(pixelStep(config, {Resize}, resized, {Crop})).data, crop.data);
        EXPECT_EQ(get(pixelStep(config, {Resize}, resized, {Normalise})).data,
                  get(pixelStep(config, {Decode}, pixels, {Normalise})).data);
      }
}

TEST(PixelStepsTest, NormalisesToPlanes) {
  ModelConfig config = cropping(CropRounding::Floor);
  Tensor pixels{{20, 18, 3}, std::vector<double>(20 * 18 * 3, 51)};
  pixels.data[3 * 18 + 1] = 255; // green of the first pixel of row 1
  Tensor image = get(pixelStep(config, {Crop}, pixels, {Normalise}));
  EXPECT_EQ(image.shape, (llvm::SmallVector<int64_t, 4>{3, 20, 18}));
  EXPECT_NEAR(image.data[0], (0.2 - 0.5) / 0.5, 1e-15);
  EXPECT_NEAR(image.data[360 + 18], (1 - 0.25) / 2, 1e-15);
  EXPECT_NEAR(image.data[720], 0.2, 1e-15);
}

TEST(PixelStepsTest, ChannelsOfTheModel) {
  Picture grey{1, 2, 1, {7, 9}}, colours{1, 1, 3, {255, 0, 0}};
  EXPECT_EQ(decodedPixels(grey, 3).data, (std::vector<double>{7, 7, 7, 9, 9, 9}));
  EXPECT_EQ(decodedPixels(grey, 1).data, (std::vector<double>{7, 9}));
  EXPECT_EQ(decodedPixels(colours, 1).data, (std::vector<double>{76})); // Pillow's convert("L")
  EXPECT_EQ(decodedPixels(colours, 3).data, (std::vector<double>{255, 0, 0}));
}

TEST(PixelStepsTest, RefusesWhatCannotBe) {
  ModelConfig config = cropping(CropRounding::Floor);
  Tensor line = decodedPixels(madeUp(1, 60000, 3), 3); // 23 x 1380000
  vitc::test::expectError(pixelStep(config, {Decode}, line, {Resize}), ExitCode::Input,
                          {"expected a resized picture of at most"});
  EXPECT_EQ(get(pixelStep(config, {Decode}, line, {Crop})).data.size(), 20u * 18 * 3);
  config.preprocess.reset();
  vitc::test::expectError(pixelStep(config, {Decode}, line, {Crop}), ExitCode::Input,
                          {"without preprocessing"});
}

TEST(PixelStepsTest, Bytes) {
  EXPECT_TRUE(isBytes({{1, 1, 3}, {0, 255, 7}}));
  EXPECT_FALSE(isBytes({{1, 1, 1}, {0.5}}));
  EXPECT_FALSE(isBytes({{1, 1, 1}, {256}}));
  EXPECT_FALSE(isBytes({{1, 1, 1}, {-1}}));
}

} // namespace
