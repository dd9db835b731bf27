// Planned ops of many shapes, each compiled alone for every level that runs here and compared with the
// interpreter.
#include "test/compiler/Codegen/CPU/PlannedProgram.h"
#include <algorithm>
#include <cmath>

using namespace vitc;
using namespace vitc::test;

namespace {

/// Stride of a row buffer as a plan would have it; not whole panels where only vectors are written.
int64_t strideOf(int64_t width) { return roundUp(width, 32) + 48; }

class EmitterTest : public testing::TestWithParam<const Isa *> {
protected:
  const Isa &isa = *GetParam();
  std::string tile() const { return std::to_string(isa.tile.rows) + ", " + std::to_string(isa.tile.vectors); }

  void expectClose(Planned planned, double bound = 5e-7) {
    EXPECT_LE(relativeError(planned.compiled(), planned.expected()), bound);
  }
  void expectEqual(Planned planned) { EXPECT_EQ(relativeError(planned.compiled(), planned.expected()), 0); }
};

//===----------------------------------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------------------------------===//

struct GemmCase {
  int64_t rows, depth, columns;
  std::string grid = "1, 1, 1";
  bool bias = true;
  std::string activation = {};
  bool residual = false, inPlace = false;
  int64_t planeWidth = 0; ///< C is planes

  Planned plan(const Isa &isa, const std::string &tile) const {
    int64_t panels = roundUp(columns, 32) / 32, covered = panels * 32;
    std::string a = rowsType(rows, depth, strideOf(depth)), w = denseType({panels, depth, 32}),
                b = denseType({covered}),
                c = planeWidth ? denseType({roundUp(covered, planeWidth) / planeWidth, rows, planeWidth})
                               : rowsType(rows, columns, covered + 16);
    std::string arguments =
        "%a: " + a + ", %w: " + w + ", %b: " + b + ", %r: " + (planeWidth ? a : c) + ", %c: " + c;
    std::string out = inPlace ? "%r" : "%c";
    std::string body = "vit.plan.gemm ins(%a, %w : " + a + ", " + w + ")" +
                       (bias ? " bias(%b : " + b + ")" : "") +
                       (activation.empty() ? "" : " activation " + activation) +
                       (residual ? " residual(%r : " + c + ")" : "") + " outs(" + out + " : " + c +
                       ") tile [" + tile + "] grid [" + grid + "] flops 1";
    return Planned(isa, arguments, 4, body);
  }
};

TEST_P(EmitterTest, GemmOfAnyShape) {
  // Around the tile's height, the panel's width, and the unrolling of the depth; ViT's shapes are elsewhere.
  int64_t tall = isa.tile.rows;
  for (const GemmCase &c : {GemmCase{1, 1, 1},
                            {1, 64, 10},
                            {2, 31, 33},
                            {tall, 16, 32},
                            {tall + 1, 7, 64},
                            {2 * tall - 1, 40, 95},
                            {2 * tall + 1, 9, 97},
                            {50, 33, 40},
                            {3, 129, 1000}}) {
    SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.depth) + " x " +
                 std::to_string(c.columns));
    expectClose(c.plan(isa, tile()));
  }
}

TEST_P(EmitterTest, GemmEpilogues) {
  for (const char *activation : {"", "gelu_erf", "quick_gelu"})
    for (bool bias : {false, true})
      for (bool residual : {false, true}) {
        SCOPED_TRACE(std::string(activation) + (bias ? " bias" : "") + (residual ? " residual" : ""));
        expectClose(
            GemmCase{2 * isa.tile.rows + 1, 24, 70, "1, 1, 1", bias, activation, residual}.plan(isa, tile()),
            1e-6);
      }
}

TEST_P(EmitterTest, GemmOntoItsResidual) {
  expectClose(GemmCase{29, 24, 70, "2, 2, 1", true, "", true, true}.plan(isa, tile()));
}

TEST_P(EmitterTest, GemmIntoHeadPlanes) {
  for (int64_t width : {16, 32, 48, 64, 80}) {
    SCOPED_TRACE(width);
    expectClose(GemmCase{isa.tile.rows + 2, 20, 6 * width, "1, 2, 1", true, "", false, false, width}.plan(
        isa, tile()));
  }
  expectClose(GemmCase{5, 20, 96, "1, 1, 1", true, "relu", false, false, 48}.plan(isa, tile()));
}

// However the work is divided, the same bits.
TEST_P(EmitterTest, GemmBitsDoNotDependOnTheGrid) {
  GemmCase c{4 * isa.tile.rows + 3, 37, 200, "1, 1, 1", true, "gelu_tanh", true};
  std::vector<float> whole = c.plan(isa, tile()).compiled();
  for (const char *grid : {"1, 7, 1", "5, 1, 1", "2, 3, 2", "1, 2, 5", "1, 7, 4"}) {
    c.grid = grid;
    std::vector<float> divided = c.plan(isa, tile()).compiled();
    ASSERT_EQ(divided.size(), whole.size());
    EXPECT_EQ(std::memcmp(divided.data(), whole.data(), whole.size() * sizeof(float)), 0) << grid;
  }
}

//===----------------------------------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------------------------------===//

struct AttentionCase {
  int64_t queries, keys, width, heads = 2, blocks = 1;
  bool base2 = true;
  const char *element = "f32";

  Planned plan(const Isa &isa, const std::string &tile, double sharpness = 0.3) const {
    // Planes of three packed tensors, some of which no head reads.
    std::string q = denseType({heads + 1, queries, width}, element),
                k = denseType({heads + 2, keys, width}, element),
                v = denseType({heads, keys, width}, element),
                o = rowsType(queries, heads * width, heads * width + 16);
    std::string n = std::to_string(heads);
    Planned planned(isa, "%q: " + q + ", %k: " + k + ", %v: " + v + ", %o: " + o, 3,
                    "vit.plan.attention ins(%q, %k, %v : " + q + ", " + k + ", " + v + ") outs(%o : " + o +
                        ") heads " + n + " planes [1, 2, 0]" + (base2 ? " base2" : "") + " tile [" + tile +
                        "] grid [" + std::to_string(blocks) + ", " + n + "] flops 1");
    planned.scaleInput(0, sharpness);
    return planned;
  }
};

TEST_P(EmitterTest, AttentionOfAnyShape) {
  int64_t tall = isa.tile.rows;
  for (const AttentionCase &c : {AttentionCase{1, 1, 16},
                                 {1, 50, 64},
                                 {5, 5, 16},
                                 {tall, 31, 32},
                                 {tall + 1, 32, 48},
                                 {17, 33, 64},
                                 {2 * tall + 1, 65, 80},
                                 {31, 7, 16},
                                 {32, 1, 16},
                                 {33, 2, 32},
                                 {80, 29, 16, 1},
                                 {50, 50, 32, 3},
                                 {7, 100, 16, 1},
                                 {20, 197, 64, 1, 1, false}}) {
    SCOPED_TRACE(std::to_string(c.queries) + " queries, " + std::to_string(c.keys) + " keys of " +
                 std::to_string(c.width));
    expectClose(c.plan(isa, tile()), 1e-6);
  }
}

// Pairs of bf16: an odd last token, channels that are half a vector of pairs, and tiles of few queries.
TEST(EmitterPairsTest, Attention) {
  for (const Isa *isa : runnableLevels(Precision::Bf16)) {
    if (isa->bf16 != vit::Bf16Unit::Dot)
      continue;
    std::string tile = std::to_string(isa->bf16Tile.rows) + ", " + std::to_string(isa->bf16Tile.vectors);
    for (const AttentionCase &c : {AttentionCase{1, 1, 16},
                                   {5, 2, 32},
                                   {17, 33, 64},
                                   {33, 50, 48},
                                   {70, 197, 16, 1, 2},
                                   {40, 31, 80, 2, 1, false}}) {
      SCOPED_TRACE(isa->name.str() + ": " + std::to_string(c.queries) + " queries, " +
                   std::to_string(c.keys) + " keys of " + std::to_string(c.width));
      AttentionCase pairs = c;
      pairs.element = "bf16";
      Planned planned = pairs.plan(*isa, tile);
      EXPECT_LE(relativeError(planned.compiled(), planned.expected()), 4e-3);
    }
  }
}

// Scores of hundreds, of which all but one weigh nothing; and equal scores.
TEST_P(EmitterTest, AttentionOfPeakedAndFlatScores) {
  AttentionCase c{19, 45, 32};
  expectClose(c.plan(isa, tile(), 0), 1e-6);
  Planned peaked = c.plan(isa, tile(), 100);
  std::vector<double> want = peaked.expected();
  std::vector<float> single;
  for (double value : peaked.expected(/*single=*/true))
    single.push_back(static_cast<float>(value));
  EXPECT_LE(relativeError(peaked.compiled(), want), std::max(2e-6, 3 * relativeError(single, want)));
}

TEST_P(EmitterTest, AttentionBitsDoNotDependOnTheGrid) {
  AttentionCase c{5 * vit::kQueryTile - 1, 70, 48, 3};
  std::vector<float> whole = c.plan(isa, tile()).compiled();
  for (int64_t blocks : {2, 5}) {
    c.blocks = blocks;
    std::vector<float> divided = c.plan(isa, tile()).compiled();
    ASSERT_EQ(divided.size(), whole.size());
    EXPECT_EQ(std::memcmp(divided.data(), whole.data(), whole.size() * sizeof(float)), 0) << blocks;
  }
}

//===----------------------------------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------------------------------===//

TEST_P(EmitterTest, LayerNorm) {
  for (int64_t width : {1, 15, 16, 17, 60, 64, 100, 129})
    for (const char *affine : {"", "g", "b", "gb"}) {
      SCOPED_TRACE(std::to_string(width) + affine);
      std::string x = rowsType(5, width, strideOf(width)), g = denseType({roundUp(width, 16)});
      bool gamma = llvm::StringRef(affine).contains('g'), beta = llvm::StringRef(affine).contains('b');
      if (width == 1 && !beta)
        continue; // nothing but rounding is left of a single channel
      expectClose(
          Planned(isa, "%x: " + x + ", %g: " + g + ", %b: " + g + ", %y: " + x, 3,
                  "vit.plan.layer_norm ins(%x : " + x + ")" + (gamma ? " gamma(%g : " + g + ")" : "") +
                      (beta ? " beta(%b : " + g + ")" : "") + " outs(%y : " + x + ") eps 1.0e-6 chunks 3"));
    }
}

// A mean of a thousand deviations: the variance must not come from E[x^2] - E[x]^2.
TEST_P(EmitterTest, LayerNormFarFromZero) {
  std::string x = rowsType(3, 70, 80);
  Planned planned(isa, "%x: " + x + ", %s: " + x + ", %y: " + x, 2,
                  "vit.plan.map ins(%x, %s : " + x + ", " + x + ") outs(%s : " + x +
                      ") factor 1.0 chunks 1\n" + "vit.plan.layer_norm ins(%s : " + x + ") outs(%y : " + x +
                      ") eps 1.0e-6 chunks 1");
  planned.scaleInput(0, 1e-3);
  expectClose(std::move(planned), 2e-6);
}

TEST_P(EmitterTest, LayerNormInPlace) {
  std::string x = rowsType(4, 50, 112);
  expectClose(Planned(isa, "%x: " + x + ", %y: " + x, 2,
                      "vit.plan.layer_norm ins(%y : " + x + ") outs(%y : " + x + ") eps 1.0e-5 chunks 4"));
}

TEST_P(EmitterTest, CopyTouchesItsColumnsOnly) {
  for (int64_t width : {1, 7, 16, 33}) {
    std::string x = rowsType(6, width, strideOf(width)), y = rowsType(6, width, width);
    expectEqual(Planned(isa, "%x: " + x + ", %y: " + y, 1,
                        "vit.plan.copy ins(%x : " + x + ") outs(%y : " + y + ") chunks 4"));
  }
}

TEST_P(EmitterTest, Map) {
  std::string x = rowsType(5, 37, strideOf(37)),
              args = "%x: " + x + ", %y: " + x + ", %z: " + x + ", %o: " + x;
  expectEqual(
      Planned(isa, args, 3, "vit.plan.map ins(%x : " + x + ") outs(%o : " + x + ") factor 0.5 chunks 2"));
  expectClose(Planned(isa, args, 3,
                      "vit.plan.map ins(%x, %y, %z : " + x + ", " + x + ", " + x + ") outs(%o : " + x +
                          ") factor 0.3333333333333333 activation tanh chunks 5"));
}

TEST_P(EmitterTest, Mean) {
  std::string x = rowsType(49, 45, strideOf(45)), y = rowsType(1, 45, strideOf(45));
  expectClose(
      Planned(isa, "%x: " + x + ", %y: " + y, 1, "vit.plan.mean ins(%x : " + x + ") outs(%y : " + y + ")"));
}

TEST_P(EmitterTest, Max) {
  for (int64_t rows : {1, 49}) {
    std::string x = rowsType(rows, 45, strideOf(45)), y = rowsType(1, 45, strideOf(45));
    expectEqual(
        Planned(isa, "%x: " + x + ", %y: " + y, 1, "vit.plan.max ins(%x : " + x + ") outs(%y : " + y + ")"));
  }
}

// Columns side by side, next to each other and no others.
TEST_P(EmitterTest, Join) {
  std::string x = rowsType(3, 45, strideOf(45)), y = rowsType(3, 7, strideOf(7)), z = rowsType(3, 97, 97);
  expectEqual(Planned(isa, "%x: " + x + ", %y: " + y + ", %z: " + z, 2,
                      "vit.plan.join ins(%x, %y, %x : " + x + ", " + y + ", " + x + ") outs(%z : " + z +
                          ") chunks 2"));
}

// Zeros around the image, pixels that are normalised as they are read, and channels that come last.
TEST_P(EmitterTest, GatherOfPaddedImages) {
  for (const char *source : {"tensor", "pixels", "last"})
    for (bool normalised : {false, true}) {
      SCOPED_TRACE(std::string(source) + (normalised ? " normalised" : ""));
      bool first = llvm::StringRef(source) == "tensor", pixels = llvm::StringRef(source) == "pixels";
      std::string x = first ? denseType({2, 9, 18}) : denseType({9, 18, 2}, pixels ? "i8" : "f32");
      std::string y = rowsType(9, 2 * 4 * 16, strideOf(128));
      std::string attributes = "padding = array<i64: 1, 3, 2, 11>";
      if (normalised)
        attributes += ", factors = array<f64: 0.5, -3.0>, shifts = array<f64: -0.25, 1.0>";
      if (!first && !pixels)
        attributes += ", channels_last";
      expectClose(Planned(isa, "%x: " + x + ", %y: " + y, 1,
                          "vit.plan.gather ins(%x : " + x + ") outs(%y : " + y +
                              ") size [4, 16] stride [4, 8] chunks 2 {" + attributes + "}"),
                  2e-7);
    }
}

TEST_P(EmitterTest, Softmax) {
  for (int64_t width : {1, 15, 16, 17, 100}) {
    SCOPED_TRACE(width);
    std::string x = rowsType(5, width, strideOf(width));
    Planned planned(isa, "%x: " + x + ", %y: " + x, 1,
                    "vit.plan.softmax ins(%x : " + x + ") outs(%y : " + x + ") chunks 3");
    planned.scaleInput(0, 10);
    expectClose(std::move(planned), 1e-6);
  }
}

TEST_P(EmitterTest, AttentionWeights) {
  for (const char *bias : {"", "bias(%b : "}) {
    std::string q = denseType({3, 6, 32}), k = denseType({3, 21, 32}), c = denseType({3, 6, 32}),
                y = rowsType(18, 21, strideOf(21)), arguments = "%q: " + q + ", %k: " + k;
    bool biased = *bias;
    Planned planned(isa, arguments + ", %b: " + c + ", %y: " + y, 3,
                    "vit.plan.attention_weights ins(%q, %k : " + q + ", " + k + ")" +
                        (biased ? bias + c + ")" : "") + " outs(%y : " + y + ") chunks 4");
    planned.scaleInput(0, 0.3);
    expectClose(std::move(planned), 2e-6);
  }
}

TEST_P(EmitterTest, Rollout) {
  for (int64_t tokens : {1, 16, 21}) {
    SCOPED_TRACE(tokens);
    std::string w = rowsType(3 * tokens, tokens, strideOf(tokens)),
                y = rowsType(tokens, tokens, strideOf(tokens));
    std::string arguments = "%w: " + w + ", %b: " + y + ", %y: " + y,
                end = ") outs(%y : " + y + ") heads 3 chunks 1";
    expectClose(Planned(isa, arguments, 2, "vit.plan.rollout ins(%w : " + w + end), 1e-6);
    expectClose(Planned(isa, arguments, 2, "vit.plan.rollout ins(%w : " + w + ") before(%b : " + y + end),
                2e-6);
  }
}

TEST_P(EmitterTest, Gather) {
  struct Case {
    int64_t channels, height, width, patchHeight, patchWidth, strideY, strideX;
  };
  // Whole vectors, part of one, overlap, gaps, and pixels that no patch covers.
  for (const Case &c : {Case{3, 32, 32, 16, 16, 16, 16},
                        {1, 28, 28, 4, 4, 4, 4},
                        {3, 9, 11, 3, 5, 3, 5},
                        {2, 20, 20, 8, 8, 4, 4},
                        {1, 10, 10, 2, 3, 4, 4},
                        {3, 40, 33, 1, 32, 2, 1}}) {
    int64_t patches =
        ((c.height - c.patchHeight) / c.strideY + 1) * ((c.width - c.patchWidth) / c.strideX + 1);
    int64_t width = c.channels * c.patchHeight * c.patchWidth;
    for (bool pixels : {false, true}) {
      std::string x = pixels ? denseType({c.height, c.width, c.channels}, "i8")
                             : denseType({c.channels, c.height, c.width});
      std::string y = rowsType(patches, width, strideOf(width));
      SCOPED_TRACE(x);
      expectEqual(Planned(isa, "%x: " + x + ", %y: " + y, 1,
                          "vit.plan.gather ins(%x : " + x + ") outs(%y : " + y + ") size [" +
                              std::to_string(c.patchHeight) + ", " + std::to_string(c.patchWidth) +
                              "] stride [" + std::to_string(c.strideY) + ", " + std::to_string(c.strideX) +
                              "] chunks " + std::to_string(std::min<int64_t>(patches, 3))));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, EmitterTest, testing::ValuesIn(runnableLevels()), [](const auto &info) {
  std::string name = info.param->name.str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
