// What people read: ranking, tables, annotated pictures.
#include "compiler/Driver/Annotate.h"
#include "compiler/Driver/HersheyFont.h"
#include "compiler/Driver/PutText.h"
#include "compiler/Driver/Ranking.h"
#include "compiler/Driver/Text.h"
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace vitc;

namespace {

TEST(RankingTest, SoftmaxOfTheLargest) {
  std::vector<Ranked> top = topClasses({1, 3, 3, 2}, 3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].index, 1); // equal ones in order
  EXPECT_EQ(top[1].index, 2);
  EXPECT_EQ(top[2].index, 3);
  double sum = std::exp(-2.0) + 2 + std::exp(-1.0);
  EXPECT_NEAR(top[0].probability, 1 / sum, 1e-15);
  EXPECT_NEAR(top[2].probability, std::exp(-1.0) / sum, 1e-15);
  EXPECT_EQ(topClasses({5}, 10).size(), 1u);
  EXPECT_NEAR(topClasses({3e38f, -3e38f}, 1)[0].probability, 1, 1e-15);
  std::vector<Ranked> nan = topClasses({NAN, 1, NAN, 2}, 4);
  EXPECT_EQ(nan[0].index, 3);
  EXPECT_EQ(nan[1].index, 1);
  EXPECT_EQ(nan[2].index, 0);
}

TEST(TextTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(escapeControls("plain, gr\xc3\xbc\xc3\x9f"), "plain, gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(escapeControls("\x1b[31mred\n"), "\\x1b[31mred\\x0a");
  EXPECT_EQ(escapeControls("\xff|\xc3"), "\\xff|\\xc3");
  EXPECT_EQ(escapeControls("a\xe2\x80\xae"
                           "b"),
            "a\\u{202e}b");                           // right-to-left override
  EXPECT_EQ(escapeControls("\xc2\x9b"), "\\u{009b}"); // C1 control
}

TEST(TextTest, Numbers) {
  EXPECT_EQ(bytesText(512), "512 B");
  EXPECT_EQ(bytesText(18 << 20), "18.0 MiB");
  EXPECT_EQ(countText(86567656), "86,567,656");
  EXPECT_EQ(countText(999), "999");
  EXPECT_EQ(countText(-1000), "-1,000");
  EXPECT_EQ(numberText(12.3456), "12.35");
}

TEST(TextTest, TablesAlign) {
  TextTable table({{"name"}, {"ms", TextTable::Right}});
  table.add({"\xc3\xa9t\xc3\xa9", "1.5"});
  table.add({"longer", "120.5"});
  std::string text;
  llvm::raw_string_ostream os(text);
  table.print(os);
  EXPECT_EQ(text, "name       ms\n"
                  "\xc3\xa9t\xc3\xa9       1.5\n"
                  "longer  120.5\n");
}

Picture flatPicture(int32_t height, int32_t width, int32_t channels) {
  return {height, width, channels, std::vector<uint8_t>(size_t(height) * width * channels, 77)};
}

TEST(AnnotateTest, EnlargesSmallPictures) {
  Picture picture = flatPicture(28, 28, 1);
  picture.pixels[27 * 28] = 200;
  Picture result = annotate(picture, {"9: Ankle boot"});
  EXPECT_EQ(result.channels, 3);
  EXPECT_EQ(result.width, 224);
  EXPECT_EQ(result.height, 224);
  auto pixel = [&](int x, int y) { return &result.pixels[(size_t(y) * result.width + x) * 3]; };
  EXPECT_EQ(pixel(7, 223)[1], 200);
  EXPECT_EQ(pixel(8, 223)[1], 77);
  size_t green = 0;
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      green += pixel(x, y)[0] == 0 && pixel(x, y)[1] == 255 && pixel(x, y)[2] == 0;
  EXPECT_GT(green, 200u); // 12 glyphs of some dozens of pixels
}

TEST(AnnotateTest, AnySizeAndText) {
  for (auto [h, w] : {std::pair{1, 1}, {1, 4000}, {3000, 2}, {600, 800}, {225, 223}}) {
    Picture result = annotate(flatPicture(h, w, 3), {std::string(100000, 'x'), "\xc3\xa9\x01\xff", ""});
    EXPECT_EQ(result.pixels.size(), size_t(result.height) * result.width * 3);
    EXPECT_GE(result.width, w);
  }
}

// make_text_goldens.py drew these with cv2.putText.
TEST(PutTextTest, EqualsOpenCv) {
  std::ifstream file(VITC_TEST_DATA "/put-text.golden", std::ios::binary);
  std::string line, text;
  int cases = 0;
  while (std::getline(file, line)) {
    if (line[0] == '#')
      continue;
    std::istringstream words(line);
    std::string keyword;
    int32_t height, width, x, y;
    words >> keyword >> height >> width >> x >> y;
    ASSERT_TRUE(words && keyword == "case") << line;
    ASSERT_TRUE(std::getline(file, text));
    std::string expected(size_t(height) * width, '\0');
    ASSERT_TRUE(file.read(expected.data(), expected.size()) && file.get() == '\n') << text;
    Picture picture = flatPicture(height, width, 3);
    putText(picture, text, x, y, {0, 255, 0});
    size_t off = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      const uint8_t *pixel = &picture.pixels[3 * i];
      bool drawn = pixel[0] == 0 && pixel[1] == 255 && pixel[2] == 0;
      off += drawn != (expected[i] == '#') || (!drawn && pixel[1] != 77);
    }
    EXPECT_EQ(off, 0u) << text;
    ++cases;
  }
  EXPECT_GE(cases, 10);
}

TEST(PutTextTest, WhatIsNotAsciiIsAQuestionMark) {
  Picture marks = flatPicture(30, 100, 3), others = marks;
  putText(marks, "a??b", 0, 20, {0, 255, 0});
  putText(others, "a\xc3\xa9\tb", 0, 20, {0, 255, 0});
  EXPECT_EQ(marks.pixels, others.pixels);
}

TEST(HersheyFontTest, GlyphsAreWellFormed) {
  for (char c = ' '; c <= '~'; ++c) {
    llvm::StringRef glyph = hersheyGlyph(c);
    ASSERT_EQ(glyph.size() % 2, 0u) << c;
    ASSERT_GE(glyph.size(), 2u) << c;
    EXPECT_LT(glyph[0], glyph[1]) << c;
    for (size_t i = 2; i < glyph.size(); i += 2)
      if (glyph[i] == ' ')
        EXPECT_EQ(glyph[i + 1], 'R') << c;
  }
}

} // namespace
