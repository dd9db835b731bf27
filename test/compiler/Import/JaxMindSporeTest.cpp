//===- JaxMindSporeTest.cpp - bare weights of JAX and MindSpore ----------------------------------------===//
#include "test/compiler/Import/ContainerFixtures.h"
#include "test/compiler/Import/ImportFixtures.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace vitc;
using namespace vitc::test;

namespace {

/// Width 8, 2 blocks of 2 heads, MLP 12, patch 4 on 8x8, 5 classes.
Shapes jaxShapes(bool bigVision, const std::string &prefix = "") {
  Shapes shapes = {
      {"embedding/kernel", {4, 4, 3, 8}},
      {"embedding/bias", {8}},
      {"cls", {1, 1, 8}},
      {bigVision ? "pos_embedding" : "Transformer/posembed_input/pos_embedding", {1, bigVision ? 4 : 5, 8}},
      {"Transformer/encoder_norm/scale", {8}},
      {"Transformer/encoder_norm/bias", {8}},
      {"head/kernel", {8, 5}},
      {"head/bias", {5}}};
  for (int i = 0; i < 2; ++i) {
    std::string block = fmt::format("Transformer/encoderblock_{}/", i);
    for (const char *norm : {"LayerNorm_0", bigVision ? "LayerNorm_1" : "LayerNorm_2"})
      for (const char *p : {"/scale", "/bias"})
        shapes.push_back({block + norm + p, {8}});
    std::string attention = block + "MultiHeadDotProductAttention_" + (bigVision ? "0/" : "1/");
    for (const char *name : {"query", "key", "value"}) {
      shapes.push_back({attention + name + "/kernel", {8, 2, 4}});
      shapes.push_back({attention + name + "/bias", {2, 4}});
    }
    shapes.push_back({attention + "out/kernel", {2, 4, 8}});
    shapes.push_back({attention + "out/bias", {8}});
    std::string mlp = block + (bigVision ? "MlpBlock_0/" : "MlpBlock_3/");
    shapes.push_back({mlp + "Dense_0/kernel", {8, 12}});
    shapes.push_back({mlp + "Dense_0/bias", {12}});
    shapes.push_back({mlp + "Dense_1/kernel", {12, 8}});
    shapes.push_back({mlp + "Dense_1/bias", {8}});
  }
  for (auto &[name, shape] : shapes)
    name = prefix + name;
  return shapes;
}

/// Values count up within each tensor.
std::string counting(const std::vector<int64_t> &shape) {
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= extent;
  std::vector<float> values;
  for (int64_t i = 0; i < elements; ++i)
    values.push_back(static_cast<float>(i));
  return floatBytes(values);
}

std::string npzOf(const Shapes &shapes) {
  std::vector<ZipPart> parts;
  for (const auto &[name, shape] : shapes) {
    ZipPart part;
    part.name = name + ".npy";
    part.data = npyFile("<f4", fmt::format("({},)", fmt::join(shape, ", ")), counting(shape));
    parts.push_back(part);
  }
  return zipFile(parts);
}

Shapes tutorialShapes() {
  Shapes shapes = {{"patch_embedding.conv.weight", {8, 3, 4, 4}},
                   {"patch_embedding.conv.bias", {8}},
                   {"cls", {1, 1, 8}},
                   {"pos_embedding", {1, 5, 8}},
                   {"norm.gamma", {8}},
                   {"norm.beta", {8}},
                   {"dense.weight", {5, 8}},
                   {"dense.bias", {5}}};
  std::string block = "transformer.layers.0.";
  for (const char *name : {"0.cell.0.gamma", "0.cell.0.beta", "1.cell.0.gamma", "1.cell.0.beta"})
    shapes.push_back({block + name, {8}});
  shapes.push_back({block + "0.cell.1.qkv.weight", {24, 8}});
  shapes.push_back({block + "0.cell.1.qkv.bias", {24}});
  shapes.push_back({block + "0.cell.1.out.weight", {8, 8}});
  shapes.push_back({block + "0.cell.1.out.bias", {8}});
  shapes.push_back({block + "1.cell.1.dense1.weight", {12, 8}});
  shapes.push_back({block + "1.cell.1.dense1.bias", {12}});
  shapes.push_back({block + "1.cell.1.dense2.weight", {8, 12}});
  shapes.push_back({block + "1.cell.1.dense2.bias", {8}});
  return shapes;
}

std::string ckptOf(const Shapes &shapes) {
  std::string file;
  for (const auto &[name, shape] : shapes)
    file += mindSporeValue(name, "Float32", {shape.begin(), shape.end()}, counting(shape));
  return file;
}

} // namespace

TEST(Jax, GooglesVisionTransformer) {
  TempDir dir;
  auto checkpoint = get(openCheckpoint(dir.write("ViT-B_16.npz", npzOf(jaxShapes(false)))));
  ASSERT_TRUE(checkpoint);
  const ModelConfig &config = checkpoint->config;
  EXPECT_EQ(config.source.library, "jax");
  EXPECT_EQ(config.inputSize, (Extent{8, 8}));
  EXPECT_EQ(config.depth, 2);
  EXPECT_EQ(config.heads, 2);
  EXPECT_EQ(config.headDim, 4);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_EQ(config.block.mlp.act, Activation::GeluTanh);
  EXPECT_EQ(config.posCovers, PosCovers::All);
  EXPECT_EQ(config.pos.resize, (PosResize{"linear", false, true, "size"}));
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  // [in, out] and [in, heads, size] become [out, in].
  EXPECT_EQ(values(*checkpoint, "head.main.w")[1], 5);
  EXPECT_EQ(values(*checkpoint, "blk.1.q.w")[1], 8);
  EXPECT_EQ(values(*checkpoint, "blk.0.o.w")[1], 8);
  // (x - 127.5) / 127.5 after TensorFlow's plain bilinear resize.
  ASSERT_TRUE(config.preprocess);
  const auto &resize = std::get<ResizeStep>(config.preprocess->steps[0]);
  EXPECT_EQ(resize.impl, ResizeImpl::Tf);
  EXPECT_EQ(resize.mode, ResizeMode::Squash);
  EXPECT_FALSE(resize.antialias);
  EXPECT_EQ(std::get<AffineStep>(config.preprocess->steps[1]).mean, std::vector<double>(3, 127.5));
}

TEST(Jax, BigVisionCoversPatchesOnly) {
  TempDir dir;
  Shapes shapes = jaxShapes(true, "params/");
  shapes.push_back({"opt/state/step", {1}});
  shapes.push_back({"params/txt/Encoder_0/kernel", {3}});
  auto checkpoint = get(openCheckpoint(dir.write("m.npz", npzOf(shapes))));
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->config.posCovers, PosCovers::Patch);
  EXPECT_EQ(checkpoint->config.pool.kind, PoolKind::Cls);
  EXPECT_NE(llvm::join(checkpoint->notes, "\n")
                .find("opt/state/step (training state), params/txt/Encoder_0/kernel (the text tower)"),
            std::string::npos);
}

TEST(Jax, NamesOfBothGenerationsAreNotOneModel) {
  TempDir dir;
  Shapes shapes = jaxShapes(true), more = jaxShapes(false);
  shapes.insert(shapes.end(), more.begin(), more.end());
  std::map<std::string, std::vector<int64_t>> unique(shapes.begin(), shapes.end());
  expectError(openCheckpoint(dir.write("m.npz", npzOf(Shapes(unique.begin(), unique.end())))),
              ExitCode::Input, {"expected one tensor for"});
  shapes = jaxShapes(false);
  shapes.push_back({"conv_root/kernel", {1}}); // the hybrids with a ResNet in front
  expectError(openCheckpoint(dir.write("m.npz", npzOf(shapes))), ExitCode::Input, {"conv_root/kernel"});
}

TEST(MindSpore, TutorialsViT) {
  TempDir dir;
  Shapes shapes = tutorialShapes();
  shapes.push_back({"moment1.dense.weight", {5, 8}});
  shapes.push_back({"moment2.norm.gamma", {8}});
  shapes.push_back({"beta1_power", {1}});
  shapes.push_back({"learning_rate", {1}});
  shapes.push_back({"global_step", {1}});
  std::string file = dir.write("vit_b_16-10_5.ckpt", ckptOf(shapes));
  expectError(openCheckpoint(file), ExitCode::Input, {"how many heads", "--heads N"});
  ImportOptions options;
  options.heads = 2;
  auto checkpoint = get(openCheckpoint(file, options));
  ASSERT_TRUE(checkpoint);
  const ModelConfig &config = checkpoint->config;
  EXPECT_EQ(config.source.library, "mindspore");
  EXPECT_EQ(config.normEps, 1e-7);
  EXPECT_EQ(config.block.mlp.act, Activation::GeluTanh);
  EXPECT_EQ(config.patch.pad, PatchPad::Same);
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  EXPECT_EQ(values(*checkpoint, "blk.0.k.w")[0], 64); // the second third of qkv
  const auto &affine = std::get<AffineStep>(config.preprocess->steps[1]);
  EXPECT_EQ(affine.scale, 1);
  EXPECT_DOUBLE_EQ(affine.mean[0], 0.485 * 255);
  EXPECT_EQ(std::get<ResizeStep>(config.preprocess->steps[0]).impl, ResizeImpl::OpenCv);
  std::string notes = llvm::join(checkpoint->notes, "\n");
  EXPECT_NE(notes.find("norm.eps: 1e-07"), std::string::npos) << notes;
  EXPECT_NE(notes.find("moment1.dense.weight (training state)"), std::string::npos) << notes;
  options.normEps = 1e-5; // what newer documentation announces
  auto other = get(openCheckpoint(file, options));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->config.normEps, 1e-5);
}

TEST(MindSpore, OlderMindcvNestsTheSameCells) {
  TempDir dir;
  Shapes shapes = tutorialShapes();
  for (auto &[name, shape] : shapes)
    name = llvm::StringRef(name).starts_with("dense.") ? "head.classifier." + name.substr(6)
                                                       : "backbone." + name;
  ImportOptions options;
  options.heads = 2;
  auto checkpoint = get(openCheckpoint(dir.write("m.ckpt", ckptOf(shapes)), options));
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->config.classes(), 5);
}
