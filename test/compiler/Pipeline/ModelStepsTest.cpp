#include "compiler/Pipeline/ModelSteps.h"
#include "test/compiler/Pipeline/PipelineFixtures.h"

using namespace vitc;
using namespace vitc::test;
using enum ModelStep::Kind;
using Lines = std::vector<std::string>;

namespace {

Lines texts(const std::vector<ModelStep> &steps) {
  Lines result;
  for (const ModelStep &step : steps)
    result.push_back(stepText(step));
  return result;
}

TEST(ModelStepsTest, NamesAreUnique) {
  Lines names = stepNames(12);
  EXPECT_EQ(names.size(), 8u + 12);
  for (const std::string &name : names) {
    ASSERT_TRUE(parseStep(name)) << name;
    EXPECT_EQ(stepText(*parseStep(name)), name);
  }
  for (const char *text : {"", "block", "block.", "block.01", "block.-1", "block.+1", "block.1 ",
                           "block.1234567890", "Decode", "hidden:1"})
    EXPECT_FALSE(parseStep(text)) << text;
}

TEST(ModelStepsTest, OfAModel) {
  ModelConfig config = tinyConfig();
  EXPECT_EQ(texts(modelSteps(config)),
            (Lines{"normalise", "embedding", "block.0", "norm", "pooled", "logits"}));
  config.preprocess.emplace();
  config.depth = 2;
  config.finalNorm = FinalNorm::AfterPool;
  config.head.layers.clear();
  EXPECT_EQ(texts(modelSteps(config)),
            (Lines{"decode", "resize", "crop", "normalise", "embedding", "block.0", "block.1", "pooled"}));
  config.pool.kind = PoolKind::None;
  EXPECT_EQ(texts(modelSteps(config)).back(), "block.1");
}

TEST(ModelStepsTest, FollowFromEarlierOnes) {
  ModelConfig config = tinyConfig();
  config.depth = 3;
  EXPECT_TRUE(followsFrom(config, {Logits}, {Pooled}));
  EXPECT_TRUE(followsFrom(config, {Block, 2}, {Block, 0}));
  EXPECT_FALSE(followsFrom(config, {Block, 0}, {Block, 2}));
  EXPECT_FALSE(followsFrom(config, {Norm}, {Norm}));
  // A head that reads the distillation token needs all tokens.
  config.head.layers.push_back({"dist", "dist", 5, true});
  EXPECT_FALSE(followsFrom(config, {Logits}, {Pooled}));
  EXPECT_TRUE(followsFrom(config, {Logits}, {Norm}));
  // Pooling of several layers needs the first of them.
  config = tinyConfig();
  config.depth = 3;
  config.pool.kind = PoolKind::MultiLayer;
  config.pool.layers = {1, 2};
  EXPECT_TRUE(followsFrom(config, {Pooled}, {Block, 1}));
  EXPECT_FALSE(followsFrom(config, {Pooled}, {Block, 2}));
  EXPECT_FALSE(followsFrom(config, {Logits}, {Norm}));
  EXPECT_TRUE(followsFrom(config, {Logits}, {Pooled}));
  EXPECT_TRUE(followsFrom(config, {Norm}, {Block, 2}));
}

TEST(ModelStepsTest, BuildsWhatLiesBetween) {
  auto context = makeContext();
  ModelConfig config = tinyConfig();
  config.depth = 2;
  auto module = buildSteps(*context, config, {Block, 0}, {{Block, 1}, {Logits}});
  Lines lines = summary(*module, "steps");
  EXPECT_EQ(lines.size(), 12u + 3);
  EXPECT_EQ(lines.front(), "layer_norm 7");
  EXPECT_EQ(lines.back(), "linear 1");
  EXPECT_NE(printed(*module).find("@blk.1.ln1.w"), std::string::npos);
  EXPECT_EQ(summary(*buildSteps(*context, config, {Pooled}, {{Logits}}), "steps"), Lines{"linear 1"});
  EXPECT_EQ(summary(*buildSteps(*context, config, {Normalise}, {{Embedding}}), "steps"),
            (Lines{"patch_embed 6", "concat 7", "add 7"}));
  EXPECT_EQ(summary(*buildSteps(*context, config, {Block, 1}, {{Norm}}), "steps"), Lines{"layer_norm 7"});
}

} // namespace
