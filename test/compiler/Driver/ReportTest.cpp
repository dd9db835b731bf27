// What people read: ranking, tables, annotated pictures.
#include "compiler/Driver/Annotate.h"
#include "compiler/Driver/Font.h"
#include "compiler/Driver/Ranking.h"
#include "compiler/Driver/Text.h"
#include <cmath>
#include <gtest/gtest.h>

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

TEST(AnnotateTest, EnlargesAndDraws) {
  Picture picture{.height = 28, .width = 28, .channels = 1, .pixels = std::vector<uint8_t>(784, 77)};
  picture.pixels[0] = 200;
  Picture result = annotate(picture, {"Ankle boot 99.1 %", "Sneaker 0.9 %"});
  EXPECT_EQ(result.channels, 3);
  EXPECT_EQ(result.width, 224);
  EXPECT_GT(result.height, 224 + 20);
  EXPECT_EQ(result.pixels.size(), size_t(result.height) * result.width * 3);
  auto pixel = [&](int x, int y) { return result.pixels[(size_t(y) * result.width + x) * 3]; };
  EXPECT_EQ(pixel(7, 7), 200);
  EXPECT_EQ(pixel(8, 7), 77);
  size_t bright = 0;
  for (int y = 224; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      bright += pixel(x, y) == 255;
  EXPECT_GT(bright, 100u); // some 17 glyphs of a dozen dots
}

TEST(AnnotateTest, AnySize) {
  for (auto [h, w] : {std::pair{1, 1}, {1, 4000}, {3000, 2}, {600, 800}, {225, 223}}) {
    Picture picture{
        .height = h, .width = w, .channels = 3, .pixels = std::vector<uint8_t>(size_t(h) * w * 3)};
    Picture result = annotate(picture, {std::string(500, 'x'), "\xc3\xa9", ""});
    EXPECT_EQ(result.pixels.size(), size_t(result.height) * result.width * 3);
    EXPECT_GE(result.width, w);
  }
}

TEST(FontTest, EveryCharacterIsDistinct) {
  std::vector<std::string> seen;
  for (char c = ' '; c <= '~'; ++c) {
    std::string dots;
    for (int y = 0; y < kGlyphHeight; ++y)
      for (int x = 0; x < kGlyphWidth; ++x)
        dots += glyphDot(c, x, y) ? '#' : '.';
    EXPECT_EQ(std::count(seen.begin(), seen.end(), dots), 0) << c;
    EXPECT_EQ(dots.find('#') == std::string::npos, c == ' ') << c;
    seen.push_back(dots);
  }
  EXPECT_FALSE(glyphDot('A', -1, 0));
  EXPECT_FALSE(glyphDot('A', 0, kGlyphHeight));
}

} // namespace
