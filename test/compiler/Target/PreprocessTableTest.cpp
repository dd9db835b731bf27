#include "compiler/Support/Error.h"
#include "compiler/Target/ModelTables.h"
#include "runtime/include/vitc/abi.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

const AffineStep kAffine{1.0 / 255, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};

ModelConfig configWith(std::vector<PreprocessStep> steps) {
  ModelConfig config;
  config.inputSize = {224, 192};
  config.preprocess = Preprocess{true, std::move(steps)};
  return config;
}

vitc_preprocess accepted(std::vector<PreprocessStep> steps) {
  auto table = preprocessTable(configWith(std::move(steps)));
  EXPECT_TRUE(static_cast<bool>(table)) << llvm::toString(table.takeError());
  return table ? **table : vitc_preprocess{};
}

std::string refused(std::vector<PreprocessStep> steps) {
  auto table = preprocessTable(configWith(std::move(steps)));
  EXPECT_FALSE(static_cast<bool>(table));
  if (table)
    return "";
  llvm::Error error = table.takeError();
  EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
  return llvm::toString(std::move(error));
}

TEST(PreprocessTable, NoneWithoutPreprocessing) {
  ModelConfig config;
  auto table = preprocessTable(config);
  ASSERT_TRUE(static_cast<bool>(table));
  EXPECT_FALSE(table->has_value());
}

TEST(PreprocessTable, Squash) {
  vitc_preprocess table =
      accepted({ResizeStep{ResizeMode::Squash, {224, 192}, ResizeFilter::Bicubic}, kAffine});
  EXPECT_EQ(table.resize, VITC_RESIZE_SQUASH);
  EXPECT_EQ(table.filter, VITC_FILTER_BICUBIC);
  EXPECT_EQ(table.resize_height, 224u);
  EXPECT_EQ(table.resize_width, 192u);
  EXPECT_EQ(table.crop, 0u);
}

TEST(PreprocessTable, ShortestAndCrop) {
  vitc_preprocess table = accepted({ResizeStep{ResizeMode::Shortest, {256, 0}},
                                    CenterCropStep{{224, 192}, CropRounding::HalfEven}, kAffine});
  EXPECT_EQ(table.resize, VITC_RESIZE_SHORTEST);
  EXPECT_EQ(table.filter, VITC_FILTER_BILINEAR);
  EXPECT_EQ(table.resize_height, 256u);
  EXPECT_EQ(table.resize_width, 0u);
  EXPECT_NE(table.crop, 0u);
  EXPECT_EQ(table.crop_round, VITC_CROP_HALF_EVEN);
}

TEST(PreprocessTable, NoResize) {
  EXPECT_EQ(accepted({kAffine}).resize, VITC_RESIZE_NONE);
  EXPECT_NE(accepted({CenterCropStep{{224, 192}}}).crop, 0u);
}

TEST(PreprocessTable, RulesOfEachLibrary) {
  auto with = [](ResizeImpl impl, bool antialias, ResizeFilter filter) {
    ResizeStep step{ResizeMode::Squash, {224, 192}, filter, antialias, impl};
    return accepted({step, kAffine});
  };
  EXPECT_EQ(with(ResizeImpl::Pil, true, ResizeFilter::Lanczos).filter, VITC_FILTER_LANCZOS);
  EXPECT_EQ(with(ResizeImpl::Torch, true, ResizeFilter::Bicubic).rules, VITC_RULES_TORCH);
  EXPECT_EQ(with(ResizeImpl::Torch, false, ResizeFilter::Bicubic).rules, VITC_RULES_TORCH_PLAIN);
  EXPECT_EQ(with(ResizeImpl::OpenCv, false, ResizeFilter::Bilinear).rules, VITC_RULES_OPENCV);
  EXPECT_EQ(with(ResizeImpl::OpenCv, false, ResizeFilter::Bilinear).f32, 0u);
  EXPECT_EQ(with(ResizeImpl::Tf, false, ResizeFilter::Bilinear).rules, VITC_RULES_TENSORFLOW);
  EXPECT_EQ(with(ResizeImpl::Tf, false, ResizeFilter::Bilinear).f32, 1u);
  EXPECT_EQ(with(ResizeImpl::Tf, false, ResizeFilter::Nearest).f32, 0u); // pixels are copied
  ResizeStep fractions{ResizeMode::Squash, {224, 192}, ResizeFilter::Bilinear, true, ResizeImpl::Torch};
  fractions.pixels = ResizePixels::F32;
  EXPECT_EQ(accepted({fractions, kAffine}).rules, VITC_RULES_TORCH_F32);
  EXPECT_EQ(accepted({fractions, kAffine}).f32, 1u);
  fractions.filter = ResizeFilter::Nearest;
  EXPECT_EQ(accepted({fractions, kAffine}).f32, 0u);
  ResizeStep lround{ResizeMode::Shortest, {256, 0}};
  lround.rounding = SizeRounding::Lround;
  EXPECT_EQ(accepted({lround, CenterCropStep{{224, 192}}}).size_round, VITC_SIZE_LROUND);
}

TEST(PreprocessTable, RefusesWhatTheRuntimeCannotDo) {
  ResizeStep resize{ResizeMode::Squash, {224, 192}};
  auto with = [&](auto change) {
    ResizeStep changed = resize;
    change(changed);
    return refused({changed, kAffine});
  };
  EXPECT_NE(with([](ResizeStep &s) { s.antialias = false; }).find("antialias"), std::string::npos);
  EXPECT_NE(with([](ResizeStep &s) { s.mode = ResizeMode::FitPatches; }).find("fit_patches"),
            std::string::npos);
  EXPECT_NE(with([](ResizeStep &s) { s.size = {200, 192}; }).find("200x192"), std::string::npos);
}

TEST(PreprocessTable, RefusesOtherOrders) {
  CenterCropStep crop{{224, 192}};
  EXPECT_NE(refused({crop, ResizeStep{ResizeMode::Squash, {224, 192}}}).find("order"), std::string::npos);
  EXPECT_NE(refused({crop, crop}).find("order"), std::string::npos);
  EXPECT_NE(refused({CenterCropStep{{192, 192}}}).find("192x192"), std::string::npos);
  EXPECT_NE(refused({CenterCropStep{{224, 192}, CropRounding::Floor, 7}}).find("got 7"), std::string::npos);
  EXPECT_NE(refused({ResizeStep{ResizeMode::Shortest, {224, 0}}}).find("centre crop"), std::string::npos);
}

} // namespace
