//===- OnnxTest.cpp - what is read from ONNX files, and how it is said ------------------------------===//
#include "compiler/Import/OnnxRaise.h"
#include "test/compiler/Import/OnnxFixtures.h"
#include <algorithm>
#include <random>

using namespace vitc;
using namespace vitc::test;

namespace {

/// Replaces the node that makes `output` by another operator on the same operands.
OnnxParts withNode(llvm::StringRef output, llvm::StringRef op, std::vector<std::string> in,
                   std::vector<std::string> attributes = {}) {
  OnnxParts m = tinyOnnx();
  OnnxParts replacement;
  replacement.node(op, std::move(in), {output.str()}, std::move(attributes));
  for (std::string &node : m.nodes)
    if (llvm::StringRef(node).contains(bytesField(3, "to_" + output.str())))
      node = replacement.nodes[0];
  return m;
}

} // namespace

TEST(Onnx, ATinyModel) {
  auto model = get(openOnnx(tinyOnnx().text()));
  ASSERT_TRUE(model);
  const ModelConfig &c = model->config;
  EXPECT_EQ(c.source.library, "onnx");
  EXPECT_EQ(c.inputSize, (Extent{8, 8}));
  EXPECT_EQ(c.patch.size, (Extent{4, 4}));
  EXPECT_EQ(c.width, 8);
  EXPECT_EQ(c.depth, 1);
  EXPECT_EQ(c.heads, 2);
  EXPECT_EQ(c.prefix, (std::vector<TokenRun>{{"cls", 1}}));
  EXPECT_EQ(c.posCovers, PosCovers::All);
  EXPECT_EQ(c.normEps, 1e-6); // a float in the file, a decimal here
  EXPECT_EQ(c.block.attn.scaleRule, ScaleRule::RsqrtHeadDim);
  EXPECT_EQ(c.block.mlp.act, Activation::GeluErf);
  EXPECT_EQ(c.block.mlp.hidden, 12);
  EXPECT_EQ(c.pool.kind, PoolKind::Cls);
  EXPECT_EQ(c.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(c.head.layers, (std::vector<HeadLayer>{{"main", "pooled", 5, true}}));
  // q.w is the seventh tensor of floats, [in, out] from 6000 on: row 1 of the canonical weight is its
  // column 1.
  std::vector<double> q = values(*model, "blk.0.q.w");
  EXPECT_EQ(q[0], 6000);
  EXPECT_EQ(q[1], 6008);
  EXPECT_EQ(q[8], 6001);
  EXPECT_EQ(shapeOf(*model, "head.main.w"), "[5, 8]");
  EXPECT_EQ(values(*model, "head.main.w")[1], values(*model, "head.main.w")[0] + 1); // Gemm's is [out, in]
}

TEST(Onnx, OrderOfNodesDoesNotMatter) {
  OnnxParts m = tinyOnnx();
  auto original = get(openOnnx(m.text()));
  std::mt19937 random(1);
  for (int i = 0; i < 5; ++i) {
    std::shuffle(m.nodes.begin(), m.nodes.end(), random);
    std::shuffle(m.initializers.begin(), m.initializers.end(), random);
    auto shuffled = get(openOnnx(m.text()));
    ASSERT_TRUE(shuffled);
    EXPECT_EQ(shuffled->config.block, original->config.block);
    EXPECT_EQ(values(*shuffled, "blk.0.fc2.w"), values(*original, "blk.0.fc2.w"));
  }
}

TEST(Onnx, ScaleOfAttentionThatIsNoRoot) {
  OnnxParts m = tinyOnnx();
  m.initializers.push_back(floatTensor("quarter", {}, 0.25f));
  for (std::string &node : m.nodes)
    if (llvm::StringRef(node).contains("to_scaled"))
      node = OnnxParts().node("Mul", {"quarter", "dot"}, {"scaled"}).nodes[0];
  auto model = get(openOnnx(m.text()));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.block.attn.scaleRule, ScaleRule::Number);
  EXPECT_EQ(model->config.block.attn.scale, 0.25);
}

TEST(Onnx, SizesThatAreNotFixed) {
  OnnxParts m = tinyOnnx();
  m.inputs = {valueInfo("image", {-1, 3, -1, -1})};
  expectError(openOnnx(m.text()), ExitCode::Input,
              {"input 'image' (float [dyn, 3, dyn, dyn])", "--image-size HxW"});
  ImportOptions options;
  options.imageSize = Extent{8, 8};
  auto model = get(openOnnx(m.text(), options));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.inputSize, (Extent{8, 8}));
  m.inputs = {valueInfo("image", {-1, 3, 12, -1})};
  expectError(openOnnx(m.text(), options), ExitCode::Input, {"--image-size to agree", "got 8x8"});
  m.inputs = {valueInfo("image", {1 << 17, 3, 8, 8})};
  expectError(openOnnx(m.text()), ExitCode::Input, {"expected a batch of at most 65536, got 131072"});
}

// DINOv2's heads on several layers: class tokens behind blocks, all through the final norm, and the mean of
// patches.
TEST(Onnx, HeadsOnSeveralLayers) {
  auto layered = [](bool sameNorm) {
    OnnxParts m = tinyOnnx(3);
    llvm::erase_if(m.nodes, [](llvm::StringRef node) { return node.contains(bytesField(3, "to_logits")); });
    llvm::erase_if(m.initializers,
                   [](llvm::StringRef text) { return text.contains(bytesField(8, "head.w")); });
    m.floats("wide.w", {5, 24}).floats("other.w", {8});
    m.ints("at1", {1}).ints("at5", {5});
    m.node("LayerNormalization", {"x2", sameNorm ? "final.w" : "other.w", "final.b"}, {"early"},
           {floatAttribute("epsilon", 1e-6f)})
        .node("Gather", {"early", "zero"}, {"early_token"}, {intAttribute("axis", 1)})
        .node("Slice", {"final", "at1", "at5", "at1"}, {"patch_rows"})
        .node("ReduceMean", {"patch_rows", "at1"}, {"mean"}, {intAttribute("keepdims", 0)})
        .node("Concat", {"early_token", "token", "mean"}, {"pooled"}, {intAttribute("axis", 1)})
        .node("Gemm", {"pooled", "wide.w", "head.b"}, {"logits"}, {intAttribute("transB", 1)});
    return m;
  };
  auto model = get(openOnnx(layered(true).text()));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.depth, 3);
  EXPECT_EQ(model->config.pool.kind, PoolKind::MultiLayer);
  EXPECT_EQ(model->config.pool.layers, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(model->config.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(shapeOf(*model, "head.main.w"), "[5, 24]");
  expectError(openOnnx(layered(false).text()), ExitCode::Input, {"the nearest that is supported"});
}

/// tinyOnnx() with rotated queries and keys on its 2 x 2 patches, by angles of each head's own as rope-vit
/// has them: a tenth of 0 to 7 in "frequencies" [2, heads, 1, pairs].
static OnnxParts mixedRopeOnnx() {
  OnnxParts m = tinyOnnx();
  llvm::erase_if(m.nodes, [](llvm::StringRef node) {
    return node.contains(bytesField(3, "to_q_heads")) || node.contains(bytesField(3, "to_k_heads"));
  });
  m.initializers.push_back(floatTensor("counts", {2, 2, 1, 2}));
  m.initializers.push_back(floatTensor("patch", {4, 1}));
  m.initializers.push_back(floatTensor("tenth", {}, 0.1f));
  m.initializers.push_back(floatTensor("two", {}, 2));
  m.initializers.push_back(intTensor("first", {}, {0}));
  m.initializers.push_back(intTensor("second", {}, {1}));
  m.ints("at0", {0}).ints("at1", {1}).ints("at3", {3}).ints("at4", {4}).ints("at5", {5}).ints("step2", {2});
  m.ints("axis2", {2}).ints("s_table", {1, 2, 4, 4});
  m.node("Mul", {"counts", "tenth"}, {"frequencies"})
      .node("Gather", {"frequencies", "first"}, {"of_x"})
      .node("Gather", {"frequencies", "second"}, {"of_y"})
      .node("Mod", {"patch", "two"}, {"x"}, {intAttribute("fmod", 1)})
      .node("Mul", {"patch", "half"}, {"halved"})
      .node("Floor", {"halved"}, {"y"})
      .node("Mul", {"x", "of_x"}, {"angle_x"})
      .node("Mul", {"y", "of_y"}, {"angle_y"})
      .node("Add", {"angle_x", "angle_y"}, {"angle"});
  for (std::string name : {"Cos", "Sin"})
    m.node(name, {"angle"}, {name})
        .node("Unsqueeze", {name, "at3"}, {name + "_column"})
        .node("Concat", {name + "_column", name + "_column"}, {name + "_twice"}, {intAttribute("axis", 3)})
        .node("Reshape", {name + "_twice", "s_table"}, {name + "_table"});
  for (std::string p : {"q", "k"}) {
    m.node("Transpose", {p + "_split"}, {p + "_rows"}, {intsAttribute("perm", {0, 2, 1, 3})})
        .node("Slice", {p + "_rows", "at0", "at1", "axis2"}, {p + "_front"})
        .node("Slice", {p + "_rows", "at1", "at5", "axis2"}, {p + "_x"})
        .node("Slice", {p + "_x", "at0", "at4", "at3", "step2"}, {p + "_even"})
        .node("Slice", {p + "_x", "at1", "at4", "at3", "step2"}, {p + "_odd"})
        .node("Neg", {p + "_odd"}, {p + "_negated"})
        .node("Unsqueeze", {p + "_negated", "at4"}, {p + "_left"})
        .node("Unsqueeze", {p + "_even", "at4"}, {p + "_right"})
        .node("Concat", {p + "_left", p + "_right"}, {p + "_pairs"}, {intAttribute("axis", 4)})
        .node("Reshape", {p + "_pairs", "s_table"}, {p + "_turned"})
        .node("Mul", {p + "_x", "Cos_table"}, {p + "_cos"})
        .node("Mul", {p + "_turned", "Sin_table"}, {p + "_sin"})
        .node("Add", {p + "_cos", p + "_sin"}, {p + "_rotated"})
        .node("Concat", {p + "_front", p + "_rotated"}, {p == "q" ? "q_heads" : "k_joined"},
              {intAttribute("axis", 2)});
  }
  m.node("Transpose", {"k_joined"}, {"k_heads"}, {intsAttribute("perm", {0, 1, 3, 2})});
  return m;
}

TEST(Onnx, RotaryPositionsOfEachHeadsOwn) {
  OnnxParts m = mixedRopeOnnx();
  auto model = get(openOnnx(m.text()));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.rope.kind, RopeKind::Mixed);
  EXPECT_EQ(model->config.rope.pairing, "adjacent");
  EXPECT_EQ(shapeOf(*model, "blk.0.rope_freq"), "[2, 2, 2]");
  std::vector<double> frequencies = values(*model, "blk.0.rope_freq");
  for (size_t i = 0; i < frequencies.size(); ++i)
    EXPECT_NEAR(frequencies[i], 0.1 * static_cast<double>(i), 1e-7) << i;
  // Angles that are no plane over the patches.
  for (std::string &node : m.nodes)
    if (llvm::StringRef(node).contains(bytesField(3, "to_y")))
      node = OnnxParts().node("Mul", {"patch", "patch"}, {"y"}).nodes[0];
  expectError(openOnnx(m.text()), ExitCode::Input, {"rotary positions by a rule that is known", "rope-vit"});
}

// A batch that the exporter wrote into shapes and constants: the model is that of one image.
TEST(Onnx, BatchesOfSeveralImages) {
  auto single = get(openOnnx(tinyOnnx().text()));
  ASSERT_TRUE(single);
  for (bool merged : {false, true})
    for (int64_t batch : {2, 3, 6, 8}) {
      SCOPED_TRACE(batch);
      OnnxParts m = tinyOnnx();
      m.inputs = {valueInfo("image", {batch, 3, 8, 8})};
      auto replace = [&](llvm::StringRef name, const std::string &tensor) {
        auto it = llvm::find_if(m.initializers,
                                [&](llvm::StringRef text) { return text.contains(bytesField(8, name)); });
        ASSERT_NE(it, m.initializers.end());
        *it = tensor;
      };
      replace("s_tokens", intTensor("s_tokens", {3}, {batch, merged ? -1 : 8, 4}));
      replace("s_heads", intTensor("s_heads", {4}, {batch, 5, 2, merged ? -1 : 4}));
      replace("s_merged", intTensor("s_merged", {3}, {merged ? -1 : batch, 5, 8}));
      // The class token, once for each image.
      m.ints("s_cls", {batch, 1, 8});
      m.node("Expand", {"cls", "s_cls"}, {"all_cls"});
      for (std::string &node : m.nodes)
        if (llvm::StringRef(node).contains(bytesField(3, "to_joined")))
          node =
              OnnxParts().node("Concat", {"all_cls", "rows"}, {"joined"}, {intAttribute("axis", 1)}).nodes[0];
      auto model = get(openOnnx(m.text()));
      ASSERT_TRUE(model);
      model->config.source.hash = single->config.source.hash; // of the files
      EXPECT_EQ(model->config, single->config);
      for (const auto &[name, tensor] : single->tensors)
        EXPECT_EQ(values(*model, name), values(*single, name)) << name;
      EXPECT_TRUE(llvm::any_of(model->notes, [&](const std::string &note) {
        return llvm::StringRef(note).contains("written for batches of " + std::to_string(batch));
      }));
      // Tokens that differ from image to image are no class token.
      replace("s_cls", intTensor("s_cls", {3}, {batch, 1, 8}));
      replace("cls", floatTensor("cls", {batch, 1, 8}));
      EXPECT_FALSE(static_cast<bool>(openOnnx(m.text())));
    }
}

TEST(Onnx, InputsThatAreNoImage) {
  OnnxParts m = tinyOnnx();
  m.inputs.push_back(valueInfo("ids", {1, 7}, 7));
  EXPECT_TRUE(get(openOnnx(m.text())));
  m.inputs.push_back(valueInfo("second", {1, 3, 8, 8}));
  expectError(openOnnx(m.text()), ExitCode::Input,
              {"one input that is an image", "'ids' (int64 [1, 7])", "'second'"});
  m.inputs = {valueInfo("image", {1, 3, 8, 8}, 7)};
  expectError(openOnnx(m.text()), ExitCode::Input,
              {"one input that is an image", "'image' (int64 [1, 3, 8, 8])"});
}

TEST(Onnx, OutputsOfOtherInputsAreLeftOut) {
  OnnxParts m = tinyOnnx();
  m.inputs.push_back(valueInfo("text", {1, 7}));
  m.node("Tanh", {"text"}, {"embedding"});
  m.outputs.insert(m.outputs.begin(), valueInfo("embedding", {1, 7}));
  auto model = get(openOnnx(m.text()));
  ASSERT_TRUE(model);
  EXPECT_TRUE(llvm::any_of(model->notes, [](const std::string &note) {
    return llvm::StringRef(note).contains("'embedding' (computed from another input)");
  }));
  m.outputs.pop_back();
  expectError(openOnnx(m.text()), ExitCode::Input, {"computed from the image alone", "'embedding'"});
}

TEST(Onnx, UnknownOperatorsAreNamedWithWhatIsNearest) {
  expectError(
      openOnnx(withNode("act", "Mish", {"fc1"}).text()), ExitCode::Input,
      {"node 'to_act' (Mish, ", " of ", "operator 'Mish'", "GELU (erf, tanh or quick), ReLU or SiLU"});
  expectError(openOnnx(withNode("ln1", "InstanceNormalization", {"x0", "ln1.w", "ln1.b"}).text()),
              ExitCode::Input, {"node 'to_ln1' (InstanceNormalization", "LayerNormalization"});
  expectError(openOnnx(withNode("act", "Frobnicate", {"fc1"}).text()), ExitCode::Input, {"docs/onnx.md"});
}

TEST(Onnx, WhatDoesNotMatchNamesItsNode) {
  expectError(openOnnx(withNode("act", "Softplus", {"fc1"}).text()), ExitCode::Input,
              {"node 'to_act' (Softplus", "expected a known activation here", "GELU (erf, tanh, quick)"});
  // The second sublayer without its residual.
  expectError(openOnnx(withNode("x2", "Identity", {"fc2"}).text()), ExitCode::Input,
              {"node 'to_fc2'", "expected a residual around an MLP here", "x + mlp(norm(x))"});
  // Another token than the first.
  OnnxParts m = tinyOnnx();
  m.initializers.push_back(intTensor("three", {}, {3}));
  for (std::string &node : m.nodes)
    if (llvm::StringRef(node).contains("to_token"))
      node = OnnxParts().node("Gather", {"final", "three"}, {"token"}, {intAttribute("axis", 1)}).nodes[0];
  expectError(openOnnx(m.text()), ExitCode::Input, {"expected the first token, not token 3 here"});
  // Norms with different epsilons.
  expectError(openOnnx(withNode("ln1", "LayerNormalization", {"x0", "ln1.w", "ln1.b"},
                                {floatAttribute("epsilon", 1e-3f)})
                           .text()),
              ExitCode::Input, {"node 'to_ln1'", "one epsilon everywhere (LayerNorm with 1e-06", "0.001"});
  expectError(openOnnx(withNode("patches", "Conv", {"image", "patch.w", "patch.b"},
                                {intsAttribute("strides", {4, 4}), intsAttribute("pads", {1, 1, 1, 1})})
                           .text()),
              ExitCode::Input, {"node 'to_patches' (Conv", "a Conv with padding"});
}

TEST(Onnx, PreprocessingStandsBesideTheFile) {
  ModelDir dir;
  dir.write("model.onnx", tinyOnnx().text());
  EXPECT_FALSE(get(openCheckpoint(dir.file("model.onnx")))->config.preprocess);
  dir.write("preprocessor_config.json", R"({"image_processor_type": "ViTImageProcessor", "do_resize": true,
      "size": {"height": 8, "width": 8}, "resample": 2, "do_rescale": true, "do_normalize": true,
      "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  auto model = get(openCheckpoint(dir.file("model.onnx")));
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->config.preprocess);
}

TEST(Onnx, ContentDecidesAndTheNameIsFree) {
  ModelDir dir;
  dir.write("weights.bin", tinyOnnx().text());
  EXPECT_TRUE(get(openCheckpoint(dir.file("weights.bin"))));
  ImportOptions options;
  options.heads = 3;
  expectError(openCheckpoint(dir.file("weights.bin"), options), ExitCode::Usage, {"--heads"});
}

TEST(Onnx, DocumentationListsEveryOperator) {
  std::string text = readFile(VITC_TEST_DATA "/../../../docs/onnx.md");
  for (const std::string &name : onnx::operatorNames())
    EXPECT_NE(text.find("`" + name + "`"), std::string::npos) << name;
}
