// Pictures as inputs of @forward_u8: the pixels that the frameworks' own resize and crop gave
// (test/Integration/goldens), and which files of a folder are taken.
#include "compiler/Driver/CalibrationPictures.h"
#include "compiler/Driver/Npy.h"
#include "compiler/Import/Checkpoint.h"
#include "compiler/Support/Error.h"
#include "test/compiler/TestFiles.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

const std::string kGoldens = VITC_SOURCE_DIR "/test/Integration/goldens/";
const std::string kPictures = VITC_SOURCE_DIR "/examples/pictures";

class CalibrationPicturesTest : public testing::Test {
protected:
  llvm::Expected<std::vector<vit::Tensor>> read(const std::string &model, const std::string &folder,
                                                size_t most = 100, int64_t maxSide = 4096) {
    auto checkpoint = openCheckpoint(model);
    EXPECT_TRUE(static_cast<bool>(checkpoint));
    return readCalibrationPictures(folder, checkpoint->config, maxSide, most, console);
  }
  std::string text;
  llvm::raw_string_ostream os{text};
  Console console{os, os};
};

TEST_F(CalibrationPicturesTest, AreWhatTheFrameworkFeedsItsModel) {
  for (const char *name : {"hf4-vit-crop", "hf4-vit-grey", "hf4-vit-upscale", "timm-vit"}) {
    SCOPED_TRACE(name);
    std::string folder = kGoldens + name;
    auto pictures = read(folder, folder + "/golden");
    ASSERT_TRUE(static_cast<bool>(pictures)) << llvm::toString(pictures.takeError());
    ASSERT_EQ(pictures->size(), 1u);
    auto wanted = NpyFile::open(folder + "/golden/picture_u8.npy");
    ASSERT_TRUE(static_cast<bool>(wanted));
    EXPECT_EQ(llvm::ArrayRef<int64_t>((*pictures)[0].shape), wanted->shape());
    llvm::ArrayRef<uint8_t> pixels = wanted->bytes();
    EXPECT_EQ((*pictures)[0].data, std::vector<double>(pixels.begin(), pixels.end()));
  }
}

// As many as are asked for, from all over the folder, in an order that depends on names alone.
TEST_F(CalibrationPicturesTest, AreSpreadOverTheFolder) {
  const std::string model = VITC_SOURCE_DIR "/examples/models/vit-fashion-mnist";
  auto all = read(model, kPictures), few = read(model, kPictures, 4);
  ASSERT_TRUE(all && few);
  EXPECT_EQ(all->size(), 100u);
  ASSERT_EQ(few->size(), 4u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ((*few)[i].data, (*all)[25 * i].data) << i;
  EXPECT_EQ(text, "");
}

TEST_F(CalibrationPicturesTest, NeedAModelThatSaysHowPicturesAreResized) {
  auto checkpoint = openCheckpoint(kGoldens + "hf4-vit-crop");
  ASSERT_TRUE(static_cast<bool>(checkpoint));
  checkpoint->config.preprocess.reset();
  auto pictures = readCalibrationPictures(kPictures, checkpoint->config, 4096, 8, console);
  ASSERT_FALSE(static_cast<bool>(pictures));
  llvm::Error error = pictures.takeError();
  EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
  EXPECT_NE(llvm::toString(std::move(error)).find("without preprocessing"), std::string::npos);
}

} // namespace
