// The emulated matrix unit against cases computed by hand: products that a test of generated code compares
// with may not share its mistakes.
#include "test/compiler/Codegen/CPU/TileEmulation.h"
#include <array>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace {

class TileEmulation : public testing::Test {
protected:
  void SetUp() override { vitc_emulated_reset(); }
  void TearDown() override { vitc_emulated_reset(); }

  /// Configures tile i with extents[i] = {rows, bytes of a row}.
  static std::array<uint8_t, 64> config(const std::vector<std::pair<int, int>> &extents) {
    std::array<uint8_t, 64> bytes{1};
    for (size_t i = 0; i < extents.size(); ++i) {
      bytes[16 + 2 * i] = static_cast<uint8_t>(extents[i].second);
      bytes[48 + i] = static_cast<uint8_t>(extents[i].first);
    }
    return bytes;
  }
  static void configure(const std::vector<std::pair<int, int>> &extents) {
    vitc_emulated_ldtilecfg(config(extents).data());
  }
  static std::string fault() {
    const char *text = vitc_emulated_state().fault;
    std::string result = text ? text : "";
    vitc_emulated_reset();
    return result;
  }
  template <typename T> static void load(uint8_t tile, const std::vector<T> &values, int64_t stride) {
    vitc_emulated_tileloadd64(tile, reinterpret_cast<const uint8_t *>(values.data()), stride);
  }
  template <typename T>
  static std::vector<T> stored(uint8_t tile, size_t count, int64_t stride, T fill = {}) {
    std::vector<T> values(count, fill);
    vitc_emulated_tilestored64(tile, reinterpret_cast<uint8_t *>(values.data()), stride);
    return values;
  }
};

/// The bits of a float that is a bfloat16.
uint16_t bf16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  EXPECT_EQ(bits & 0xffff, 0u) << x;
  return static_cast<uint16_t>(bits >> 16);
}

TEST_F(TileEmulation, ConfigurationsAreChecked) {
  auto faultOf = [](std::array<uint8_t, 64> bytes, size_t at, uint8_t value) {
    bytes[at] = value;
    vitc_emulated_ldtilecfg(bytes.data());
    return fault();
  };
  auto good = config({{16, 64}, {1, 4}});
  EXPECT_EQ(faultOf(good, 0, 1), "");
  EXPECT_EQ(faultOf(good, 0, 2), "ldtilecfg: #GP, palette is not 1");
  EXPECT_EQ(faultOf(good, 5, 1), "ldtilecfg: #GP, reserved byte");
  EXPECT_EQ(faultOf(good, 48, 17), "ldtilecfg: #GP, extents of a tile");
  EXPECT_EQ(faultOf(good, 16, 65), "ldtilecfg: #GP, extents of a tile");
  EXPECT_EQ(faultOf(good, 17, 1), "ldtilecfg: #GP, extents of a tile"); // 320 bytes
  EXPECT_EQ(faultOf(good, 49, 0), "ldtilecfg: #GP, extents of a tile"); // bytes but no rows
  EXPECT_EQ(faultOf(good, 50, 3), "ldtilecfg: #GP, extents of a tile"); // rows but no bytes
  EXPECT_EQ(faultOf(good, 56, 1), "ldtilecfg: #GP, extents of a tile"); // a ninth tile
}

TEST_F(TileEmulation, NothingWorksWithoutAConfiguration) {
  vitc_emulated_tilezero(0);
  EXPECT_EQ(fault(), "#UD, tiles are not configured");
  configure({{16, 64}});
  vitc_emulated_tilerelease();
  vitc_emulated_tilezero(0);
  EXPECT_EQ(fault(), "#UD, tiles are not configured");
  configure({{16, 64}});
  vitc_emulated_tilezero(1);
  EXPECT_EQ(fault(), "#UD, the tile has no extents");
}

TEST_F(TileEmulation, MovesItsExtentsOnly) {
  configure({{2, 8}});
  load<uint32_t>(0, {1, 2, 3, 4, 5, 6}, 12); // 3 is between the rows, 6 behind them
  EXPECT_EQ(stored<uint32_t>(0, 6, 16, 9), (std::vector<uint32_t>{1, 2, 9, 9, 4, 5}));
  configure({{2, 8}});
  EXPECT_EQ(stored<uint32_t>(0, 4, 8, 9), (std::vector<uint32_t>{0, 0, 0, 0})) << "a configuration zeroes";
  load<uint32_t>(0, {1, 2, 3, 4}, 8);
  vitc_emulated_tilezero(0);
  EXPECT_EQ(stored<uint32_t>(0, 4, 8, 9), (std::vector<uint32_t>{0, 0, 0, 0}));
  EXPECT_EQ(fault(), "");
}

TEST_F(TileEmulation, ExtentsOfAProductMustMatch) {
  auto faultOf = [](const std::vector<std::pair<int, int>> &extents, uint8_t a = 1, uint8_t b = 2) {
    configure(extents);
    vitc_emulated_tdpbusd(0, a, b);
    return fault();
  };
  const std::string mismatch = "#UD, extents of a product do not match";
  EXPECT_EQ(faultOf({{3, 20}, {3, 8}, {2, 20}}), "");
  EXPECT_EQ(faultOf({{3, 20}, {4, 8}, {2, 20}}), mismatch); // rows of sums and A
  EXPECT_EQ(faultOf({{3, 20}, {3, 8}, {2, 24}}), mismatch); // columns of sums and B
  EXPECT_EQ(faultOf({{3, 20}, {3, 8}, {3, 20}}), mismatch); // depth
  EXPECT_EQ(faultOf({{3, 20}, {3, 6}, {1, 20}}), mismatch); // half a quad
  EXPECT_EQ(faultOf({{2, 8}, {2, 8}}, 1, 1), "#UD, a product of a tile with itself");
}

TEST_F(TileEmulation, MultipliesUnsignedBySignedBytes) {
  configure({{2, 8}, {2, 8}, {2, 8}});
  // A: 2 x 2 quads; B: 2 lines of 2 columns.
  load<uint8_t>(1, {255, 1, 0, 2, 1, 0, 0, 0, /**/ 0, 0, 0, 0, 200, 100, 50, 25}, 8);
  load<int8_t>(2, {-128, 127, 5, -1, 127, 127, 127, 127, /**/ 3, 9, 9, 9, -1, -2, -3, -4}, 8);
  vitc_emulated_tdpbusd(0, 1, 2);
  // 255 * -128 + 127 - 2 + 3; 127 * 258 - 1; 200 * 3 + 175 * 9; -200 - 200 - 150 - 100.
  EXPECT_EQ(stored<int32_t>(0, 4, 8), (std::vector<int32_t>{-32512, 32765, 2175, -650}));
  vitc_emulated_tdpbusd(0, 1, 2);
  EXPECT_EQ(stored<int32_t>(0, 4, 8), (std::vector<int32_t>{-65024, 65530, 4350, -1300}));
}

TEST_F(TileEmulation, SumsOfBytesWrap) {
  configure({{1, 4}, {1, 4}, {1, 4}});
  load<int32_t>(0, {std::numeric_limits<int32_t>::max()}, 4);
  load<uint8_t>(1, {1, 0, 0, 0}, 4);
  load<int8_t>(2, {1, 0, 0, 0}, 4);
  vitc_emulated_tdpbusd(0, 1, 2);
  EXPECT_EQ(stored<int32_t>(0, 1, 4)[0], std::numeric_limits<int32_t>::min());
}

TEST_F(TileEmulation, MultipliesPairsOfBf16) {
  configure({{2, 8}, {2, 4}, {1, 8}});
  load<uint16_t>(1, {bf16(2), bf16(-3), bf16(0.5f), bf16(256)}, 4);
  load<uint16_t>(2, {bf16(5), bf16(7), bf16(1), bf16(0.25f)}, 8);
  load<float>(0, {100, 0, 0, 1}, 8);
  vitc_emulated_tdpbf16ps(0, 1, 2);
  // 100 + 10 - 21; 2 - 0.75; 2.5 + 1792; 1 + 0.5 + 64.
  EXPECT_EQ(stored<float>(0, 4, 8), (std::vector<float>{89, 1.25f, 1794.5f, 65.5f}));
}

// Depth 2: even elements 2^24 and 1, whose sum rounds to 2^24; odd ones -2^24 and 1, whose sum is exact.
// Taken one after the other they would make 2.
TEST_F(TileEmulation, SumsEvenAndOddElementsApart) {
  configure({{1, 4}, {1, 8}, {2, 4}});
  load<uint16_t>(1, {bf16(4096), bf16(-4096), bf16(1), bf16(1)}, 8);
  load<uint16_t>(2, {bf16(4096), bf16(4096), bf16(1), bf16(1)}, 4);
  vitc_emulated_tdpbf16ps(0, 1, 2);
  EXPECT_EQ(stored<float>(0, 1, 4)[0], 1);
}

TEST_F(TileEmulation, SubnormalsAreZero) {
  auto product = [](float sum, uint16_t x, uint16_t y) {
    configure({{1, 4}, {1, 4}, {1, 4}});
    load<float>(0, {sum}, 4);
    load<uint16_t>(1, {x, 0}, 4);
    load<uint16_t>(2, {y, 0}, 4);
    vitc_emulated_tdpbf16ps(0, 1, 2);
    return stored<float>(0, 1, 4)[0];
  };
  const float smallest = std::numeric_limits<float>::min();
  EXPECT_EQ(product(0, bf16(smallest), bf16(1)), smallest);
  EXPECT_EQ(product(0, bf16(smallest), bf16(0.5f)), 0);  // as a result
  EXPECT_EQ(product(0, 0x0040, bf16(0x1p100f)), 0);      // as an operand
  EXPECT_EQ(product(smallest / 2, bf16(0), bf16(1)), 0); // as a sum
  EXPECT_EQ(product(1.5f * smallest, bf16(-smallest), bf16(1)), 0);
  EXPECT_TRUE(std::isnan(product(0, bf16(INFINITY), bf16(0))));
}

} // namespace
