#include "compiler/Driver/PictureFacts.h"
#include "llvm/ADT/StringRef.h"
#include <gtest/gtest.h>

using namespace vitc;

namespace {

PictureFacts factsOf(const std::string &file) {
  return pictureFacts({reinterpret_cast<const uint8_t *>(file.data()), file.size()});
}

std::string bigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i)
    text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string chunk(const std::string &type, const std::string &data) {
  return bigEndian(data.size(), 4) + type + data + "crc!";
}

std::string png(int bits, int colour, const std::string &chunks) {
  std::string header = bigEndian(3, 4) + bigEndian(2, 4) + char(bits) + char(colour) + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunks + chunk("IDAT", "");
}

/// A directory of two entries, the second of which is the orientation.
std::string exif(bool little, int orientation) {
  auto number = [&](uint32_t value, int bytes) {
    std::string text = bigEndian(value, bytes);
    return little ? std::string(text.rbegin(), text.rend()) : text;
  };
  return (little ? std::string("II*\0", 4) : std::string("MM\0*", 4)) + number(8, 4) + number(2, 2) +
         number(0x100, 2) + number(3, 2) + number(1, 4) + number(6, 2) + number(0, 2) + number(0x112, 2) +
         number(3, 2) + number(1, 4) + number(orientation, 2) + number(0, 2) + number(0, 4);
}

std::string segment(int marker, const std::string &data) {
  return std::string("\xff") + char(marker) + bigEndian(data.size() + 2, 2) + data;
}

TEST(PictureFactsTest, Png) {
  PictureFacts plain = factsOf(png(8, 2, ""));
  EXPECT_FALSE(plain.alpha || plain.profile || plain.jpeg);
  EXPECT_EQ(plain.bits, 8);
  EXPECT_EQ(plain.orientation, 1);
  EXPECT_TRUE(factsOf(png(8, 6, "")).alpha);
  EXPECT_TRUE(factsOf(png(8, 4, "")).alpha);
  EXPECT_TRUE(factsOf(png(8, 3, chunk("PLTE", "abc") + chunk("tRNS", "x"))).alpha);
  EXPECT_FALSE(factsOf(png(8, 3, chunk("PLTE", "abc"))).alpha);
  EXPECT_EQ(factsOf(png(16, 2, "")).bits, 16);
  EXPECT_TRUE(factsOf(png(8, 2, chunk("iCCP", "profile"))).profile);
  EXPECT_EQ(factsOf(png(8, 2, chunk("eXIf", exif(false, 3)))).orientation, 3);
}

TEST(PictureFactsTest, Jpeg) {
  std::string start = "\xff\xd8", end = segment(0xda, "") + "data";
  std::string tag("Exif\0\0", 6);
  EXPECT_TRUE(factsOf(start + end).jpeg);
  EXPECT_EQ(factsOf(start + end).orientation, 1);
  EXPECT_EQ(factsOf(start + segment(0xe0, "JFIF") + segment(0xe1, tag + exif(true, 6)) + end).orientation, 6);
  EXPECT_EQ(factsOf(start + segment(0xe1, tag + exif(false, 8)) + end).orientation, 8);
  EXPECT_EQ(factsOf(start + segment(0xe1, tag + exif(true, 9)) + end).orientation, 1);
  EXPECT_EQ(factsOf(start + segment(0xe1, "http://ns.adobe.com/xap/1.0/") + end).orientation, 1);
  EXPECT_TRUE(factsOf(start + segment(0xe2, "ICC_PROFILE") + end).profile);
  // Behind the first scan nothing counts.
  EXPECT_EQ(factsOf(start + end + segment(0xe1, tag + exif(true, 6))).orientation, 1);
}

TEST(PictureFactsTest, SurvivesDamage) {
  for (const std::string &whole :
       {png(8, 2, chunk("eXIf", exif(true, 3)) + chunk("tRNS", "x")),
        std::string("\xff\xd8") + segment(0xe1, std::string("Exif\0\0", 6) + exif(true, 6))}) {
    for (size_t size = 0; size <= whole.size(); ++size)
      factsOf(whole.substr(0, size));
    for (size_t i = 2; i < whole.size(); ++i)
      for (int mask : {0x01, 0x7f, 0x80, 0xff}) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ mask);
        PictureFacts facts = factsOf(damaged);
        EXPECT_TRUE(facts.orientation >= 1 && facts.orientation <= 8);
      }
  }
}

} // namespace
