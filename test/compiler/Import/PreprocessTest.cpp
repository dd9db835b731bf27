//===- PreprocessTest.cpp - preprocessor_config.json ------------------------------------------------===//
#include "test/compiler/Import/ImportFixtures.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;
using namespace vitc::test;

namespace {

llvm::Expected<Checkpoint> openWith(llvm::StringRef preprocessor,
                                    std::map<std::string, std::string> change = {}) {
  ModelDir dir;
  Shapes shapes = huggingFaceShapes("vit.", false, false);
  shapes.push_back({"classifier.weight", {5, 8}});
  shapes.push_back({"classifier.bias", {5}});
  dir.tensors(shapes);
  dir.config(huggingFaceConfig(std::move(change)));
  dir.write("preprocessor_config.json", preprocessor);
  return dir.open();
}
Preprocess steps(llvm::StringRef preprocessor, std::map<std::string, std::string> change = {}) {
  auto model = get(openWith(preprocessor, std::move(change)));
  return model && model->config.preprocess ? *model->config.preprocess : Preprocess();
}
void expectRefused(llvm::StringRef preprocessor, std::initializer_list<llvm::StringRef> parts) {
  expectError(openWith(preprocessor), ExitCode::Input, parts);
}
const AffineStep half{1.0 / 255.0, {.5, .5, .5}, {.5, .5, .5}};

} // namespace

TEST(Preprocess, Squash) {
  Preprocess p =
      steps(R"({"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}, "resample": 3,
    "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  ASSERT_EQ(p.steps.size(), 2u);
  ResizeStep resize;
  resize.mode = ResizeMode::Squash;
  resize.size = {8, 8};
  resize.filter = ResizeFilter::Bicubic;
  EXPECT_EQ(std::get<ResizeStep>(p.steps[0]), resize);
  EXPECT_EQ(std::get<AffineStep>(p.steps[1]), half);
  EXPECT_TRUE(p.decodeRgb);
}

TEST(Preprocess, OldFeatureExtractor) {
  Preprocess p =
      steps(R"({"feature_extractor_type": "ViTFeatureExtractor", "size": 8, "resample": 2, "do_resize": true,
    "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  ASSERT_EQ(p.steps.size(), 2u);
  EXPECT_EQ(std::get<ResizeStep>(p.steps[0]).mode, ResizeMode::Squash);
  EXPECT_EQ(std::get<ResizeStep>(p.steps[0]).filter, ResizeFilter::Bilinear);
}

TEST(Preprocess, IntegerSizeDependsOnTheClass) {
  Preprocess p =
      steps(R"({"feature_extractor_type": "CLIPFeatureExtractor", "size": 10, "crop_size": 8, "resample": 3,
    "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  ASSERT_EQ(p.steps.size(), 3u);
  EXPECT_EQ(std::get<ResizeStep>(p.steps[0]).mode, ResizeMode::Shortest);
  EXPECT_EQ(std::get<ResizeStep>(p.steps[0]).size, (Extent{10, 0}));
  EXPECT_EQ(std::get<CenterCropStep>(p.steps[1]), (CenterCropStep{{8, 8}, CropRounding::Floor, 0}));
}

TEST(Preprocess, DeiTDefaultsSquashAndCrop) {
  Preprocess p = steps(R"({"image_processor_type": "DeiTImageProcessor", "size": {"height": 10, "width": 10},
    "crop_size": {"height": 8, "width": 8}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  ASSERT_EQ(p.steps.size(), 3u);
  EXPECT_EQ(std::get<ResizeStep>(p.steps[0]).filter, ResizeFilter::Bicubic);
}

TEST(Preprocess, DINOv3Defaults) {
  auto model = get(openWith(R"({"image_processor_type": "DINOv3ViTImageProcessorFast", "crop_size": null,
    "do_center_crop": null, "size": {"height": 8, "width": 8}, "pad_size": null})"));
  ASSERT_TRUE(model);
  const std::vector<PreprocessStep> &steps = model->config.preprocess->steps;
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(std::get<ResizeStep>(steps[0]).filter, ResizeFilter::Bilinear);
  EXPECT_EQ(std::get<AffineStep>(steps[1]),
            (AffineStep{1.0 / 255.0, {.485, .456, .406}, {.229, .224, .225}}));
  EXPECT_EQ(std::get<ResizeStep>(steps[0]).pixels, ResizePixels::F32); // scaled before they are resized
}

TEST(Preprocess, FastProcessorsMeanTorchvision) {
  constexpr const char *fast =
      R"({"image_processor_type": "DeiTImageProcessorFast", "size": {"height": 11, "width": 11},
    "crop_size": 8, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})";
  auto model = get(openWith(fast));
  ASSERT_TRUE(model);
  EXPECT_EQ(std::get<ResizeStep>(model->config.preprocess->steps[0]).impl, ResizeImpl::Torch);
  EXPECT_EQ(std::get<CenterCropStep>(model->config.preprocess->steps[1]).round, CropRounding::HalfEven);
  EXPECT_NE(model->notes.back().find("torchvision"), std::string::npos);
  auto newer = get(openWith(fast, {{"transformers_version", "\"5.1.0\""}}));
  ASSERT_TRUE(newer);
  EXPECT_EQ(std::get<CenterCropStep>(newer->config.preprocess->steps[1]).round, CropRounding::Floor);
  // Version 5 means the same without the suffix, except for its Pillow class.
  constexpr const char *plain = R"({"image_processor_type": "ViTImageProcessor", "size": 8})";
  constexpr const char *pillow = R"({"image_processor_type": "ViTImageProcessorPil", "size": 8})";
  std::map<std::string, std::string> five = {{"transformers_version", "\"5.1.0\""}};
  EXPECT_NE(get(openWith(plain, five))->notes.back().find("torchvision"), std::string::npos);
  EXPECT_NE(get(openWith(pillow, five))->notes.back().find("Pillow"), std::string::npos);
  EXPECT_NE(get(openWith(plain))->notes.back().find("Pillow"), std::string::npos);
}

TEST(Preprocess, EveryFilterOfPillow) {
  constexpr ResizeFilter filters[] = {ResizeFilter::Nearest, ResizeFilter::Lanczos, ResizeFilter::Bilinear,
                                      ResizeFilter::Bicubic, ResizeFilter::Box,     ResizeFilter::Hamming};
  for (auto [number, filter] : llvm::enumerate(filters)) {
    std::string size = R"("size": 8, "resample": )" + std::to_string(number) + "}";
    ResizeStep slow = std::get<ResizeStep>(steps("{" + size).steps[0]);
    EXPECT_EQ(slow.filter, filter);
    EXPECT_EQ(slow.impl, ResizeImpl::Pil);
    ResizeStep fast =
        std::get<ResizeStep>(steps(R"({"image_processor_type": "ViTImageProcessorFast", )" + size).steps[0]);
    EXPECT_EQ(fast.filter, filter);
    bool torch = number == 0 || number == 2 || number == 3; // torchvision has no others for tensors
    EXPECT_EQ(fast.impl, torch ? ResizeImpl::Torch : ResizeImpl::Pil) << number;
  }
}

TEST(Preprocess, ScaleAndNormalisationCanBeOff) {
  Preprocess p = steps(R"({"do_resize": false, "do_rescale": false, "do_normalize": false})");
  ASSERT_EQ(p.steps.size(), 1u);
  EXPECT_EQ(std::get<AffineStep>(p.steps[0]), (AffineStep{1, {0, 0, 0}, {1, 1, 1}}));
  p = steps(
      R"({"do_resize": false, "rescale_factor": 0.0078125, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]})");
  EXPECT_EQ(std::get<AffineStep>(p.steps[0]), (AffineStep{1 / 128.0, {1, 1, 1}, {1, 1, 1}}));
}

TEST(Preprocess, DefaultsOfTheClassAreWarnedAbout) {
  auto model = get(openWith(R"({"image_processor_type": "ViTImageProcessor", "size": 8})"));
  ASSERT_TRUE(model);
  EXPECT_EQ(std::get<AffineStep>(model->config.preprocess->steps[1]), half);
  EXPECT_EQ(model->warnings.size(), 2u);
}

TEST(Preprocess, Refusals) {
  expectRefused(R"({"image_processor_type": "ConvNextImageProcessor"})", {"ViTImageProcessor", "ConvNext"});
  expectRefused(R"({"size": {"longest_edge": 8}})", {"size", "'height' and 'width'"});
  expectRefused(R"({"size": {"height": 8}})", {"'width'", "missing"});
  expectRefused(R"({"size": {"shortest_edge": 8, "longest_edge": 9}})", {"only 'shortest_edge'"});
  expectRefused(R"({"size": [8, 8]})", {"size", "a number or an object"});
  expectRefused(R"({"size": 0})", {"size", "got 0"});
  expectRefused(R"({"size": 8, "resample": 9})", {"resample", "from 0 to 5"});
  expectRefused(R"({"size": 8, "do_pad": true})", {"do_pad", "off"});
  expectRefused(R"({"size": 8, "sise": 8})", {"'sise'", "did you mean 'size'?"});
  expectRefused(R"({"size": 9})", {"8x8", "9x9"});
  expectRefused(R"({"size": {"shortest_edge": 8}})", {"center_crop"});
  expectRefused(R"({"size": 8, "image_mean": [0.5]})", {"image_mean", "expected 3 numbers", "got 1"});
  expectRefused(R"({"size": 8, "image_std": [0.5, 0, 0.5]})", {"std", "positive"});
  expectRefused(R"({"size": 8, "do_normalize": "yes"})", {"do_normalize", "true or false"});
  expectRefused("[]", {"preprocessor_config.json:1:1", "an object"});
}
