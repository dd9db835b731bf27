#include "compiler/Import/Presets.h"
#include "test/compiler/Import/ImportFixtures.h"
#include <cmath>

using namespace vitc;
using namespace vitc::test;

static int64_t parameters(const Checkpoint &checkpoint) {
  int64_t count = 0;
  for (const auto &[name, tensor] : checkpoint.tensors)
    count += tensor->elements();
  return count;
}
static double rms(const std::vector<double> &list) {
  double sum = 0;
  for (double value : list)
    sum += value * value;
  return std::sqrt(sum / static_cast<double>(list.size()));
}

TEST(Presets, ParameterCountsOfTheLiterature) {
  const std::pair<const char *, int64_t> counts[] = {{"vit_tiny_patch16_224", 5717416},
                                                     {"vit_small_patch32_224", 22878952},
                                                     {"vit_small_patch16_224", 22050664},
                                                     {"vit_base_patch32_224", 88224232},
                                                     {"vit_base_patch16_224", 86567656},
                                                     {"vit_base_patch16_384", 86859496},
                                                     {"vit_base_patch8_224", 86576872},
                                                     {"vit_large_patch32_224", 306535400},
                                                     {"vit_large_patch32_384", 306632680},
                                                     {"vit_large_patch16_224", 304326632},
                                                     {"vit_large_patch16_384", 304715752},
                                                     {"vit_large_patch14_224", 304203752},
                                                     {"vit_huge_patch14_224", 632045800},
                                                     {"vit_giant_patch14_224", 1012611432},
                                                     {"vit_gigantic_patch14_224", 1844440680},
                                                     {"deit_tiny_distilled_patch16_224", 5910800},
                                                     {"deit_small_distilled_patch16_224", 22436432},
                                                     {"deit_base_distilled_patch16_224", 87338192},
                                                     {"deit3_small_patch16_224", 22059496},
                                                     {"deit3_base_patch16_224", 86585320},
                                                     {"vit_wee_patch16_reg1_gap_256", 13422568},
                                                     {"vit_little_patch16_reg4_gap_256", 22516008},
                                                     {"vit_medium_patch16_reg4_gap_256", 38881768},
                                                     {"vit_betwixt_patch16_reg4_gap_256", 60398440},
                                                     {"test_vit", 371240},
                                                     {"beit_base_patch16_224", 86530984},
                                                     {"beit_large_patch16_224", 304430568},
                                                     {"vit_small_patch14_dinov2", 22056192},
                                                     {"vit_base_patch14_dinov2", 86579712},
                                                     {"vit_large_patch14_dinov2", 304367616},
                                                     {"vit_giant_patch14_dinov2", 1136479232},
                                                     {"vit_small_patch14_reg4_dinov2", 22057728},
                                                     {"vit_small_patch16_dinov3", 21596160},
                                                     {"vit_base_patch16_dinov3", 85659648},
                                                     {"vit_large_patch16_dinov3", 303128576},
                                                     {"vit_small_plus_patch16_dinov3", 28692480},
                                                     {"vit_huge_plus_patch16_dinov3", 840591360},
                                                     {"vit_7b_patch16_dinov3", 6716030976},
                                                     {"vit_base_patch32_clip_quickgelu_224", 87849216},
                                                     {"vit_base_patch16_clip_quickgelu_224", 86192640},
                                                     {"vit_large_patch14_clip_quickgelu_224", 303966208},
                                                     {"vit_large_patch14_clip_quickgelu_336", 304293888},
                                                     {"vit_huge_patch14_clip_224", 632076800},
                                                     {"vit_gigantic_patch14_clip_224", 1844907264},
                                                     {"vit_base_patch16_siglip_224", 92884224},
                                                     {"vit_base_patch16_siglip_256", 92930304},
                                                     {"vit_base_patch16_siglip_384", 93176064},
                                                     {"vit_base_patch16_siglip_512", 93520128},
                                                     {"vit_large_patch16_siglip_256", 315956224},
                                                     {"vit_large_patch16_siglip_384", 316283904},
                                                     {"vit_large_patch16_siglip_512", 316742656},
                                                     {"vit_so400m_patch14_siglip_224", 427680704},
                                                     {"vit_so400m_patch14_siglip_384", 428225600},
                                                     {"vit_so400m_patch16_siglip_256", 427888064},
                                                     {"vit_so400m_patch16_siglip_384", 428256704},
                                                     {"vit_so400m_patch16_siglip_512", 428772800},
                                                     {"vit_giantopt_patch16_siglip_256", 1163168256},
                                                     {"vit_giantopt_patch16_siglip_384", 1163659776},
                                                     {"eva02_tiny_patch14_336", 5756584},
                                                     {"eva02_small_patch14_336", 22129000},
                                                     {"eva02_base_patch14_448", 87117544},
                                                     {"eva02_large_patch14_448", 305080232},
                                                     {"eva_giant_patch14_336", 1013005672}};
  for (auto [name, count] : counts) {
    auto preset = get(openPreset(name));
    ASSERT_TRUE(preset);
    EXPECT_EQ(parameters(*preset), count) << name;
    EXPECT_EQ(preset->config.name, name);
  }
}

TEST(Presets, AllValidate) {
  // What cannot be compiled is refused by the field that stands in the way, and by no other.
  for (const std::string &name : presetNames()) {
    auto preset = get(openPreset(name));
    ASSERT_TRUE(preset);
    std::string message = llvm::toString(validate(preset->config));
    EXPECT_TRUE(message.empty() || llvm::StringRef(message).contains("is not supported yet"))
        << name << ": " << message;
  }
}

TEST(Presets, RangesAreIndependentAndSeeded) {
  auto a = *get(openPreset("vit_tiny_patch16_224")), b = *get(openPreset("vit_tiny_patch16_224"));
  auto c = *get(openPreset("vit_tiny_patch16_224?seed=1"));
  std::vector<double> all = values(a, "blk.3.fc1.w"), part(100);
  EXPECT_EQ(all, values(b, "blk.3.fc1.w"));
  EXPECT_NE(all, values(c, "blk.3.fc1.w"));
  EXPECT_NE(all, values(a, "blk.4.fc1.w"));
  a.tensors["blk.3.fc1.w"]->read(12345, part);
  EXPECT_EQ(part, std::vector<double>(all.begin() + 12345, all.begin() + 12445));
  for (double value : all)
    ASSERT_EQ(value, static_cast<double>(static_cast<float>(value)));
}

TEST(Presets, ValuesStayTheSameAcrossVersions) {
  // Goldens and benchmarks depend on these.
  auto preset = *get(openPreset("vit_tiny_patch16_224"));
  std::vector<double> first(2);
  preset.tensors["embed.patch.w"]->read(0, first);
  EXPECT_EQ(static_cast<float>(first[0]), 0.0185508728f);
  EXPECT_EQ(static_cast<float>(first[1]), 0.0530748367f);
}

TEST(Presets, ScalesKeepActivationsSane) {
  auto preset = *get(openPreset("vit_tiny_patch16_224"));
  EXPECT_NEAR(rms(values(preset, "blk.0.fc2.w")), 1 / std::sqrt(768.0), 1e-4);
  EXPECT_NEAR(rms(values(preset, "embed.patch.w")), 1 / std::sqrt(768.0), 1e-4);
  for (double gain : values(preset, "blk.0.ln1.w")) {
    EXPECT_GE(gain, 0.7);
    EXPECT_LE(gain, 1.3);
  }
  for (double bias : values(preset, "blk.0.q.b"))
    EXPECT_LE(std::abs(bias), 0.3);
}

TEST(Presets, OutliersStandOut) {
  auto preset = *get(openPreset("vit_small_patch16_224?variant=outlier"));
  EXPECT_EQ(preset.config.name, "vit_small_patch16_224_outlier");
  auto plain = *get(openPreset("vit_small_patch16_224"));
  std::vector<double> with = values(preset, "embed.pos"), without = values(plain, "embed.pos");
  int outliers = 0;
  for (int64_t channel = 0; channel < 384; ++channel) {
    double ratio = with[channel] / without[channel];
    if (ratio > 1.5) {
      ++outliers;
      EXPECT_GE(ratio, 19.9);
      EXPECT_LE(ratio, 100.1);
    } else {
      EXPECT_NEAR(ratio, 1, 1e-6);
    }
  }
  EXPECT_GE(outliers, 2);
  EXPECT_LE(outliers, 3);
  std::vector<double> gains = values(preset, "blk.5.ln2.w");
  EXPECT_LT(*std::min_element(gains.begin(), gains.end()), 0.15);
  EXPECT_GT(*std::max_element(gains.begin(), gains.end()), 7);
}

TEST(Presets, AnyDescriptionCanBeSeeded) {
  ModelConfig config = minimalConfig();
  config.block.layerScale = true;
  config.preNorm = true;
  Checkpoint checkpoint = seededCheckpoint(config, {7, WeightVariant::Plain});
  EXPECT_EQ(checkpoint.tensors.size(), expectedTensors(config).size());
  for (double value : values(checkpoint, "blk.0.ls1")) {
    EXPECT_GE(value, 0.3);
    EXPECT_LE(value, 1);
  }
  EXPECT_EQ(checkpoint.weightsHash, "seed:7");
}

TEST(Presets, Refusals) {
  expectError(openPreset("vit_bas_patch16_224"), ExitCode::Input, {"did you mean 'vit_base_patch16_224'?"});
  expectError(openPreset("vit_base_patch16_224?sed=1"), ExitCode::Input, {"seed=NUMBER", "'sed=1'"});
  expectError(openPreset("vit_base_patch16_224?seed=x"), ExitCode::Input, {"'seed=x'"});
  expectError(openPreset("vit_base_patch16_224?variant=odd"), ExitCode::Input, {"plain|outlier"});
}
