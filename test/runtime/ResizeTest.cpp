// The resizer against the output of the libraries whose rules it follows, and its bounds.
#include "runtime/src/picture.h"
#include "test/runtime/GuardedBuffer.h"
#include "vitc/runtime.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

// The same function as picture() in make_resize_goldens.py; white for the seed -1.
static uint8_t sourcePixel(uint32_t y, uint32_t x, uint32_t c, uint32_t seed) {
  uint32_t bits = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ c * 0xC2B2AE3Du ^ seed * 0x27D4EB2Fu;
  bits ^= bits >> 15;
  bits *= 0x2C1B3C6Du;
  bits ^= bits >> 12;
  bits *= 0x297A2D39u;
  bits ^= bits >> 15;
  if (seed == ~0u)
    return 255;
  switch (((x >> 3) + (y >> 3) + seed) & 3) {
  case 0:
    return bits & 255;
  case 1:
    return (bits & 1) * 255;
  case 2:
    return (x * 3 + y * 5 + c * 40) & 255;
  default:
    return (((x >> 5) ^ (y >> 5) ^ c) & 1) * 255;
  }
}

static int serial(void *, uint32_t count, vitc_task task, void *arg) {
  for (uint32_t i = count; i-- > 0;) // any order will do
    task(arg, i, 0);
  return 1;
}

namespace {
struct Case {
  int h, w, channels, seed;
  vitc_preprocess rule = {};
  vitc_model_info info = {};
};
} // namespace

// Bytes of the model's input.
static size_t inputBytes(const Case &c) {
  return size_t(c.info.input_height) * c.info.input_width * c.info.input_channels *
         (c.rule.f32 ? sizeof(float) : 1);
}

// Runs one case with guard pages behind source, scratch and result; rows are `gap` bytes further apart than
// needed.
static std::vector<uint8_t> convert(Case &c, int gap) {
  c.info.preprocess = &c.rule;
  c.info.max_side = std::max(c.h, c.w); // the tightest tables and intermediate that must do
  ptrdiff_t stride = c.w * c.channels + gap;
  GuardedBuffer source(stride * (c.h - 1) + c.w * c.channels);
  for (int y = 0; y < c.h; ++y)
    for (int x = 0; x < c.w; ++x)
      for (int k = 0; k < c.channels; ++k)
        source.data()[y * stride + x * c.channels + k] = sourcePixel(y, x, k, c.seed);
  GuardedBuffer scratch(vitc_picture_bytes(&c.info));
  GuardedBuffer result(inputBytes(c));
  vitc_picture picture;
  EXPECT_EQ(vitc_picture_prepare(&picture, &c.info, c.h, c.w, c.channels, stride, scratch.data()), VITC_OK)
      << vitc_rt_last_message();
  EXPECT_TRUE(vitc_picture_convert(&picture, source.data(), result.data(), serial, nullptr));
  return {result.data(), result.data() + result.size()};
}

namespace {
struct Golden {
  const char *name;
  int cubicOff; // how far a pixel of a cubic resize may be off
};
} // namespace

static double largestDifference(const Case &c, const std::vector<uint8_t> &a, const std::vector<uint8_t> &b) {
  double difference = 0, largest = 0;
  auto see = [&](double x, double y) {
    difference = std::max(difference, std::abs(x - y));
    largest = std::max(largest, std::abs(y));
  };
  if (!c.rule.f32) {
    for (size_t i = 0; i < a.size(); ++i)
      see(a[i], b[i]);
    return difference;
  }
  for (size_t i = 0; i < a.size(); i += sizeof(float)) {
    float x, y;
    std::memcpy(&x, &a[i], sizeof x);
    std::memcpy(&y, &b[i], sizeof y);
    see(x, y);
  }
  return difference / largest;
}

class ResizeGolden : public testing::TestWithParam<Golden> {};

TEST_P(ResizeGolden, EqualsTheLibrary) {
  std::ifstream file(std::string(VITC_TEST_DATA "/resize-") + GetParam().name + ".golden", std::ios::binary);
  std::string line;
  int cases = 0;
  while (std::getline(file, line)) {
    if (line[0] == '#')
      continue;
    std::istringstream words(line);
    std::string keyword;
    Case c;
    size_t bytes = 0;
    words >> keyword >> c.h >> c.w >> c.channels >> c.seed >> c.info.input_height >> c.info.input_width >>
        c.info.input_channels >> c.rule.resize >> c.rule.filter >> c.rule.resize_height >>
        c.rule.resize_width >> c.rule.crop >> c.rule.crop_round >> c.rule.rules >> c.rule.size_round >>
        c.rule.f32 >> bytes;
    ASSERT_TRUE(words && keyword == "case") << line;
    std::vector<uint8_t> expected(bytes);
    ASSERT_TRUE(file.read(reinterpret_cast<char *>(expected.data()), bytes) && file.get() == '\n') << line;
    std::vector<uint8_t> got = convert(c, cases % 3);
    ASSERT_EQ(got.size(), bytes) << line;
    double bound = c.rule.f32 ? 1e-6 : c.rule.filter == VITC_FILTER_BICUBIC ? GetParam().cubicOff : 0;
    EXPECT_LE(largestDifference(c, got, expected), bound) << line;
    ++cases;
  }
  EXPECT_GE(cases, 2);
}

INSTANTIATE_TEST_SUITE_P(Pillow, ResizeGolden,
                         testing::Values(Golden{"squash", 0}, Golden{"crop", 0}, Golden{"channels", 0},
                                         Golden{"real", 0}, Golden{"filters", 0}));
INSTANTIATE_TEST_SUITE_P(Others, ResizeGolden,
                         testing::Values(Golden{"torch", 0}, Golden{"torch-f32", 0}, Golden{"tensorflow", 0},
                                         Golden{"opencv", 1}));

static const uint32_t kRules[] = {VITC_RULES_PILLOW,     VITC_RULES_TORCH,  VITC_RULES_TORCH_PLAIN,
                                  VITC_RULES_TENSORFLOW, VITC_RULES_OPENCV, VITC_RULES_TORCH_F32};
static bool keepsFractions(uint32_t rules, uint32_t filter) {
  return filter != VITC_FILTER_NEAREST && (rules == VITC_RULES_TENSORFLOW || rules == VITC_RULES_TORCH_F32);
}
static const uint32_t kFilters[] = {VITC_FILTER_LANCZOS, VITC_FILTER_BILINEAR, VITC_FILTER_BICUBIC,
                                    VITC_FILTER_BOX, VITC_FILTER_HAMMING};

// Every pair of sizes from 1 to 24, every filter: no access outside, tables suffice, sums stay within 32
// bits, flat pictures stay flat.
TEST(Resize, TablesSufficeForAllSmallSizes) {
  for (uint32_t rules : {VITC_RULES_PILLOW, VITC_RULES_TORCH})
    for (uint32_t filter : kFilters)
      for (uint32_t in = 1; in <= 24; ++in)
        for (uint32_t out = 1; out <= 24; ++out) {
          vitc_axis axis = {in, out, 0, int32_t(out), 0};
          uint64_t limit = vitc_resize_weight_limit(filter, in, out);
          std::vector<vitc_taps> taps(out);
          std::vector<int32_t> weights(limit);
          int shift = vitc_resize_taps(&axis, rules, filter, taps.data(), weights.data(), limit);
          ASSERT_GT(shift, 0) << in << " to " << out;
          std::vector<uint8_t> row(in, 255), result(out);
          vitc_pixels grey = {1, 1, 0};
          for (const vitc_taps &t : taps) {
            ASSERT_GE(t.first, 0);
            ASSERT_LE(uint32_t(t.first + t.count), in);
            ASSERT_LE(t.at + uint64_t(t.count), limit);
            int64_t sum = 0;
            for (int32_t k = 0; k < t.count; ++k)
              sum += 255 * int64_t(std::abs(weights[t.at + k]));
            ASSERT_LT(sum, (int64_t(1) << 31) - (int64_t(1) << shift)) << in << " to " << out;
          }
          vitc_resize_row(&grey, row.data(), taps.data(), {weights.data(), shift}, out, result.data());
          EXPECT_EQ(result, std::vector<uint8_t>(out, 255)) << in << " to " << out;
        }
}

// The same for resizes of a fixed number of pixels, as whole pictures.
TEST(Resize, FlatPicturesStayFlatUnderAllRules) {
  for (uint32_t rules : kRules)
    for (uint32_t filter : {VITC_FILTER_NEAREST, VITC_FILTER_BILINEAR, VITC_FILTER_BICUBIC})
      for (int h = 1; h <= 20; ++h)
        for (int w : {1, 2, 3, 7, 20}) {
          Case c{h, w, 1, -1};
          c.info.input_height = 9;
          c.info.input_width = 6;
          c.info.input_channels = 1;
          c.rule = {VITC_RESIZE_SQUASH,           filter, 9, 6, 0, 0, rules, VITC_SIZE_FLOOR,
                    keepsFractions(rules, filter)};
          std::vector<uint8_t> got = convert(c, 1), flat(inputBytes(c), 255);
          if (c.rule.f32) {
            std::vector<float> numbers(54, 255.0f);
            std::memcpy(flat.data(), numbers.data(), flat.size());
          }
          EXPECT_LE(largestDifference(c, got, flat), c.rule.f32 ? 1e-6 : 0)
              << rules << " " << filter << " " << h << " x " << w;
        }
}

// A crop of a far larger resize: tables hold the kept positions only.
TEST(Resize, ExtremeShapes) {
  for (uint32_t rules : kRules)
    for (uint32_t filter : {VITC_FILTER_NEAREST, VITC_FILTER_BICUBIC})
      for (auto [h, w] :
           {std::pair(1, 5000), std::pair(5000, 1), std::pair(2, 4999), std::pair(1500, 1500)}) {
        Case c{h, w, 1, 7};
        c.info.input_height = c.info.input_width = 24;
        c.info.input_channels = 3;
        c.rule = {
            VITC_RESIZE_SHORTEST,         filter, 27, 27, 1, VITC_CROP_HALF_EVEN, rules, VITC_SIZE_LROUND,
            keepsFractions(rules, filter)};
        EXPECT_EQ(convert(c, 0).size(), inputBytes(c));
      }
}

TEST(Resize, ReportsBadPictures) {
  Case c;
  c.rule = {VITC_RESIZE_SQUASH, VITC_FILTER_BILINEAR, 8, 8, 0, 0, VITC_RULES_PILLOW, VITC_SIZE_FLOOR, 0};
  c.info.preprocess = &c.rule;
  c.info.input_height = c.info.input_width = 8;
  c.info.input_channels = 3;
  c.info.max_side = 64;
  std::vector<uint8_t> scratch(vitc_picture_bytes(&c.info));
  auto prepare = [&](int h, int w, int channels, ptrdiff_t stride) {
    vitc_picture picture;
    return vitc_picture_prepare(&picture, &c.info, h, w, channels, stride, scratch.data());
  };
  EXPECT_EQ(prepare(64, 64, 3, 192), VITC_OK);
  EXPECT_EQ(prepare(0, 5, 3, 15), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(prepare(5, 0, 3, 15), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(prepare(-5, 5, 3, 15), VITC_INVALID_ARGUMENT);
  EXPECT_STREQ(vitc_rt_last_message(), "expected a picture of at least 1 x 1 pixels, got -5 x 5");
  EXPECT_EQ(prepare(65, 5, 3, 15), VITC_PICTURE_TOO_LARGE);
  EXPECT_EQ(prepare(1, 100000, 3, 300000), VITC_PICTURE_TOO_LARGE);
  EXPECT_STREQ(vitc_rt_last_message(), "expected a picture of at most 64 pixels a side, got 1 x 100000");
  EXPECT_EQ(prepare(5, 5, 3, 14), VITC_INVALID_ARGUMENT);
  EXPECT_STREQ(vitc_rt_last_message(), "expected a row stride of at least 15 bytes, got 14");
  EXPECT_EQ(prepare(5, 5, 3, -15), VITC_INVALID_ARGUMENT);
  EXPECT_EQ(prepare(5, 5, 3, PTRDIFF_MAX), VITC_INVALID_ARGUMENT);
  for (int channels : {-1, 0, 2, 5})
    EXPECT_EQ(prepare(5, 5, channels, 100), VITC_INVALID_ARGUMENT);
  c.rule.resize = VITC_RESIZE_NONE;
  EXPECT_EQ(prepare(8, 8, 3, 24), VITC_OK);
  EXPECT_EQ(prepare(8, 9, 3, 27), VITC_INVALID_ARGUMENT);
  EXPECT_STREQ(vitc_rt_last_message(),
               "the model takes 8 x 8 pixels and does not crop, but a picture of 8 x 9 resizes to 8 x 9");
}
