#include "compiler/Driver/Picture.h"
#include "test/compiler/Driver/PictureFiles.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr int64_t kMaxSide = 4096;

llvm::Expected<Picture> decode(const std::string &file, int64_t maxSide = kMaxSide) {
  return decodePicture({reinterpret_cast<const uint8_t *>(file.data()), file.size()}, "picture", maxSide);
}
void expectPixels(const PngSpec &spec, int32_t channels, std::vector<uint8_t> pixels) {
  auto picture = get(decode(makePng(spec)));
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width, static_cast<int32_t>(spec.width));
  EXPECT_EQ(picture->height, static_cast<int32_t>(spec.height));
  EXPECT_EQ(picture->channels, channels);
  EXPECT_EQ(picture->pixels, pixels);
}

TEST(PngTest, ConvertsEveryKind) {
  expectPixels({.width = 2, .rows = {7, 200}}, 1, {7, 200});
  expectPixels({.width = 2, .depth = 1, .rows = {0x40}}, 1, {0, 255});
  expectPixels({.width = 4, .depth = 2, .rows = {0x1b}}, 1, {0, 85, 170, 255});
  expectPixels({.depth = 16, .rows = {0x12, 0xff}}, 1, {0x12}); // cut, not rounded
  expectPixels({.colorType = 2, .rows = {1, 2, 3}}, 3, {1, 2, 3});
  expectPixels({.depth = 16, .colorType = 2, .rows = {1, 255, 2, 255, 3, 255}}, 3, {1, 2, 3});
  expectPixels({.colorType = 4, .rows = {9, 0}}, 1, {9}); // grey and alpha: dropped, not composited
  expectPixels({.colorType = 6, .rows = {1, 2, 3, 0}}, 3, {1, 2, 3}); // RGBA
  expectPixels({.width = 2, .depth = 1, .colorType = 3, .rows = {0x40}, .palette = {9, 8, 7, 6, 5, 4}}, 3,
               {9, 8, 7, 6, 5, 4});
  expectPixels({.width = 2, .colorType = 3, .rows = {1, 0}, .palette = {9, 8, 7, 6, 5, 4}, .alpha = {0, 128}},
               3, {6, 5, 4, 9, 8, 7});
  expectPixels({.width = 3, .height = 3, .interlaced = true, .rows = {1, 2, 3, 4, 5, 6, 7, 8, 9}}, 1,
               {1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST(PngTest, ChecksSidesBeforeAllocating) {
  expectError(decode(pngHeader(100000, 1)), ExitCode::Input,
              {"picture", "at most 4096", "100000 x 1", "--max-side"});
  expectError(decode(pngHeader(1, 100000)), ExitCode::Input, {"1 x 100000"});
  expectError(decode(pngHeader(65535, 65535), 65535), ExitCode::Input, {"pixels"});
  expectError(decode(pngHeader(0, 0)), ExitCode::Input, {"with pixels", "0 x 0"});
  expectError(decode(pngHeader(9, 9)), ExitCode::Input, {"valid PNG", "truncated"});
  expectError(decode(pngHeader(0x80000001, 5)), ExitCode::Input, {"at most 4096"});
}

TEST(PngTest, RefusesDamage) {
  PngSpec spec{.width = 9, .height = 9, .colorType = 2, .rows = std::vector<uint8_t>(243)};
  for (size_t i = 0; i < spec.rows.size(); ++i)
    spec.rows[i] = static_cast<uint8_t>(i * 37);
  std::string file = makePng(spec);
  for (size_t length = 0; length < file.size(); ++length)
    EXPECT_TRUE(llvm::errorToBool(decode(file.substr(0, length)).takeError())) << length;
  // Every chunk has a checksum.
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] ^= 0x55;
    EXPECT_TRUE(llvm::errorToBool(decode(damaged).takeError())) << i;
  }
}

TEST(PngTest, EncodesWhatItDecodes) {
  for (int32_t channels : {1, 3}) {
    Picture picture{
        .height = 2, .width = 3, .channels = channels, .pixels = std::vector<uint8_t>(6 * channels)};
    for (size_t i = 0; i < picture.pixels.size(); ++i)
      picture.pixels[i] = static_cast<uint8_t>(i * 11);
    auto file = get(encodePng(picture));
    ASSERT_TRUE(file);
    auto back = get(decode(*file));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->channels, channels);
    EXPECT_EQ(back->pixels, picture.pixels);
  }
}

TEST(JpegTest, DecodesGreyAndColour) {
  for (bool progressive : {false, true}) {
    auto grey = get(decode(makeJpeg(33, 17, 1, progressive)));
    ASSERT_TRUE(grey);
    EXPECT_EQ(grey->channels, 1);
    EXPECT_EQ(grey->pixels.size(), 33u * 17);
    EXPECT_NEAR(grey->pixels[33 + 5], 17, 8);
    auto color = get(decode(makeJpeg(64, 32, 3, progressive)));
    ASSERT_TRUE(color);
    EXPECT_EQ(color->channels, 3);
    EXPECT_EQ(color->width, 64);
    EXPECT_EQ(color->height, 32);
  }
  EXPECT_TRUE(get(decode(makeJpeg(1, 1, 3))));
}

TEST(JpegTest, RefusesWhatItCannotShow) {
  expectError(decode(makeJpeg(8, 8, 4)), ExitCode::Input, {"CMYK", "RGB"});
  expectError(decode(makeJpeg(5000, 1, 1)), ExitCode::Input, {"at most 4096", "5000 x 1"});
}

TEST(JpegTest, RefusesDamage) {
  for (bool progressive : {false, true}) {
    std::string file = makeJpeg(40, 40, 3, progressive);
    // Without its last two bytes the end-of-image marker is missing, which costs no pixels but is no whole
    // file.
    for (size_t length = 0; length < file.size(); ++length)
      EXPECT_TRUE(llvm::errorToBool(decode(file.substr(0, length)).takeError())) << length;
    // JPEG has no checksums: any byte may change without a complaint, but never does more than change pixels.
    for (size_t i = 0; i < file.size(); ++i) {
      std::string damaged = file;
      damaged[i] ^= 0x55;
      llvm::consumeError(decode(damaged).takeError());
    }
  }
  expectError(decode("\xff\xd8\xff\xd9"), ExitCode::Input, {"valid JPEG"});
}

TEST(PictureTest, TellsFilesApart) {
  expectError(decode(""), ExitCode::Input, {"empty"});
  expectError(decode("GIF89a"), ExitCode::Input, {"PNG or JPEG"});
  expectError(readPicture("/no/such/picture.png", kMaxSide), ExitCode::Input, {"/no/such/picture.png"});
  expectError(readPicture("/", kMaxSide), ExitCode::Input, {"/"});
}

} // namespace
