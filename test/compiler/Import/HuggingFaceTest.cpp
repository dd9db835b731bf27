#include "test/compiler/Import/ImportFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

Shapes classifier(llvm::StringRef prefix = "vit.", bool newNames = false, bool distilled = false) {
  Shapes shapes = huggingFaceShapes(prefix, newNames, distilled);
  shapes.push_back({"classifier.weight", {TinyModel::classes, TinyModel::width}});
  shapes.push_back({"classifier.bias", {TinyModel::classes}});
  return shapes;
}
Shapes teacher() {
  Shapes shapes = huggingFaceShapes("deit.", false, true);
  for (const char *name : {"cls_classifier", "distillation_classifier"}) {
    shapes.push_back({std::string(name) + ".weight", {TinyModel::classes, TinyModel::width}});
    shapes.push_back({std::string(name) + ".bias", {TinyModel::classes}});
  }
  return shapes;
}
std::map<std::string, std::string> classIs(llvm::StringRef name, llvm::StringRef type) {
  return {{"architectures", ("[\"" + name + "\"]").str()}, {"model_type", ("\"" + type + "\"").str()}};
}

/// Opens the classifier with a changed configuration.
void expectRefused(std::map<std::string, std::string> change, std::initializer_list<llvm::StringRef> parts) {
  ModelDir dir;
  dir.tensors(classifier());
  dir.config(huggingFaceConfig(std::move(change)));
  expectError(dir.open(), ExitCode::Input, parts);
}
std::optional<Checkpoint> open(const Shapes &shapes, std::map<std::string, std::string> change = {}) {
  ModelDir dir;
  dir.tensors(shapes);
  dir.config(huggingFaceConfig(std::move(change)));
  return get(dir.open());
}

} // namespace

TEST(HuggingFace, ViTForImageClassification) {
  auto model = open(classifier());
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config;
  EXPECT_EQ(config.source.library, "transformers");
  EXPECT_EQ(config.source.arch, "ViTForImageClassification");
  EXPECT_EQ(config.source.hash, model->weightsHash);
  EXPECT_EQ(config.width, 8);
  EXPECT_EQ(config.depth, 2);
  EXPECT_EQ(config.heads, 2);
  EXPECT_EQ(config.headDim, 4);
  EXPECT_EQ(config.block.mlp.hidden, 12);
  EXPECT_EQ(config.block.mlp.act, Activation::GeluErf);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_EQ(config.prefix, (std::vector<TokenRun>{{"cls", 1}}));
  EXPECT_EQ(config.posCovers, PosCovers::All);
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  EXPECT_EQ(config.finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(config.head.layers, (std::vector<HeadLayer>{{"main", "pooled", 5, true}}));
  EXPECT_FALSE(config.head.preLogits);
  EXPECT_TRUE(model->warnings.empty());
  EXPECT_EQ(shapeOf(*model, "embed.cls"), "[1, 8]");
  EXPECT_EQ(shapeOf(*model, "embed.pos"), "[5, 8]");
  EXPECT_EQ(shapeOf(*model, "embed.patch.w"), "[8, 3, 4, 4]");
  EXPECT_EQ(shapeOf(*model, "blk.1.fc1.w"), "[12, 8]");
  EXPECT_EQ(model->tensors.size(), 4u + 2 * 16 + 2 + 2);
}

TEST(HuggingFace, BothGenerationsOfNamesGiveTheSameTensors) {
  auto old = open(classifier("vit.", false)), fresh = open(classifier("vit.", true)),
       bare = open(classifier("", true));
  ASSERT_TRUE(old && fresh && bare);
  ASSERT_EQ(old->tensors.size(), fresh->tensors.size());
  for (const auto &[name, tensor] : old->tensors) {
    EXPECT_EQ(values(*old, name), values(*fresh, name)) << name;
    EXPECT_EQ(values(*old, name), values(*bare, name)) << name;
  }
  EXPECT_EQ(old->config.depth, fresh->config.depth);
}

TEST(HuggingFace, PeelsWrappers) {
  Shapes shapes = classifier();
  for (auto &[name, shape] : shapes)
    name = "module." + name;
  EXPECT_TRUE(open(shapes));
}

TEST(HuggingFace, DeiTPoolsTheClassToken) {
  auto model = open(classifier("deit.", false, true), classIs("DeiTForImageClassification", "deit"));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.prefix, (std::vector<TokenRun>{{"cls", 1}, {"dist", 1}}));
  EXPECT_EQ(model->config.posCovers, PosCovers::All);
  EXPECT_EQ(model->config.head.layers, (std::vector<HeadLayer>{{"main", "pooled", 5, true}}));
  EXPECT_EQ(model->config.pool.kind, PoolKind::Cls);
}

TEST(HuggingFace, DeiTWithTeacherAveragesTwoHeads) {
  auto model = open(teacher(), classIs("DeiTForImageClassificationWithTeacher", "deit"));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.head.layers,
            (std::vector<HeadLayer>{{"main", "cls", 5, true}, {"dist", "dist", 5, true}}));
  EXPECT_EQ(model->config.head.combine, HeadCombine::Mean);
  EXPECT_EQ(shapeOf(*model, "head.dist.w"), "[5, 8]");
}

TEST(HuggingFace, ViTModelHasFeaturesAndAPooler) {
  Shapes shapes = huggingFaceShapes("", false, false);
  auto bare = open(shapes, classIs("ViTModel", "vit"));
  ASSERT_TRUE(bare);
  EXPECT_TRUE(bare->config.head.layers.empty());
  EXPECT_FALSE(bare->config.head.preLogits);
  shapes.push_back({"pooler.dense.weight", {6, 8}});
  shapes.push_back({"pooler.dense.bias", {6}});
  auto pooled = open(shapes, classIs("ViTModel", "vit"));
  ASSERT_TRUE(pooled);
  EXPECT_EQ(pooled->config.head.preLogits, (PreLogits{6, "tanh", true}));
  auto change = classIs("ViTModel", "vit");
  change["pooler_act"] = "\"gelu\"";
  auto gelu = open(shapes, change);
  ASSERT_TRUE(gelu);
  EXPECT_EQ(gelu->config.head.preLogits->act, "gelu_erf");
  change["pooler_act"] = "\"mish\"";
  ModelDir dir;
  dir.tensors(shapes);
  dir.config(huggingFaceConfig(change));
  expectError(dir.open(), ExitCode::Input, {"pooler_act: expected tanh, or one of", "'mish'"});
}

TEST(HuggingFace, UnusedPoolerIsNamedAsIgnored) {
  Shapes shapes = classifier();
  shapes.push_back({"vit.pooler.dense.weight", {8, 8}});
  shapes.push_back({"vit.embeddings.mask_token", {1, 1, 8}});
  auto model = open(shapes);
  ASSERT_TRUE(model);
  ASSERT_FALSE(model->notes.empty());
  std::string notes = model->notes.back();
  for (const std::string &note : model->notes)
    if (note.find("ignored") != std::string::npos)
      notes = note;
  EXPECT_NE(notes.find("vit.pooler.dense.weight"), std::string::npos);
  EXPECT_NE(notes.find("mask_token"), std::string::npos);
}

TEST(HuggingFace, ClassFromTensorsWithoutArchitectures) {
  auto deit = open(teacher(), {{"architectures", "-"}, {"model_type", "\"deit\""}});
  ASSERT_TRUE(deit);
  EXPECT_EQ(deit->config.source.arch, "DeiTForImageClassificationWithTeacher");
  auto vit = open(classifier(), {{"architectures", "null"}});
  ASSERT_TRUE(vit);
  EXPECT_EQ(vit->config.source.arch, "ViTForImageClassification");
  auto bare = open(huggingFaceShapes("", true, false), {{"architectures", "-"}});
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->config.source.arch, "ViTModel");
  expectRefused({{"architectures", "-"}, {"model_type", "\"swin\""}}, {"'swin'", "'vit', 'deit'"});
}

TEST(HuggingFace, RefusesOtherClasses) {
  expectRefused({{"architectures", "[\"ViTForImageClasification\"]"}},
                {"did you mean 'ViTForImageClassification'?"});
  expectRefused({{"architectures", "[\"SwinModel\"]"}},
                {"config.json:1:", "ViTForImageClassification, ", "ViTModel", "SwinModel"});
  expectRefused({{"architectures", "\"ViTModel\""}}, {"architectures: expected an array"});
  expectRefused({{"model_type", "\"deit\""}}, {"model_type: expected 'vit' for ViTForImageClassification"});
}

TEST(HuggingFace, DefaultsOfTheClassAreWarnedAbout) {
  auto model = open(classifier(), {{"layer_norm_eps", "-"}, {"hidden_act", "-"}});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.normEps, 1e-12);
  ASSERT_EQ(model->warnings.size(), 2u);
  EXPECT_NE(model->warnings[0].find("'layer_norm_eps' is missing; using 1e-12"), std::string::npos);
}

TEST(HuggingFace, Activations) {
  for (auto [name, act] :
       {std::pair("gelu", Activation::GeluErf), std::pair("gelu_new", Activation::GeluTanh),
        std::pair("gelu_pytorch_tanh", Activation::GeluTanh), std::pair("quick_gelu", Activation::QuickGelu),
        std::pair("relu", Activation::Relu), std::pair("silu", Activation::Silu),
        std::pair("swish", Activation::Silu)}) {
    auto model = open(classifier(), {{"hidden_act", std::string("\"") + name + "\""}});
    ASSERT_TRUE(model);
    EXPECT_EQ(model->config.block.mlp.act, act) << name;
  }
  expectRefused({{"hidden_act", "\"mish\""}}, {"hidden_act", "gelu_pytorch_tanh", "'mish'"});
}

TEST(HuggingFace, KeysAreUnderstoodIrrelevantOrErrors) {
  auto model = open(classifier(),
                    {{"hidden_dropout_prob", "0.1"}, {"torch_dtype", "\"float32\""}, {"pruned_heads", "{}"}});
  EXPECT_TRUE(model);
  expectRefused({{"hiden_size", "8"}}, {"'hiden_size'", "did you mean 'hidden_size'?"});
  expectRefused({{"use_mean_pooling", "true"}}, {"'use_mean_pooling'"});
  expectRefused({{"pruned_heads", "{\"0\": [1]}"}}, {"pruned_heads", "off"});
  expectRefused({{"quantization_config", "{\"bits\": 8}"}}, {"quantization_config", "off"});
}

TEST(HuggingFace, SizesMustAgreeWithTheTensors) {
  expectRefused({{"hidden_size", "16"}}, {"hidden_size: expected 8", "got 16"});
  expectRefused({{"num_hidden_layers", "3"}}, {"num_hidden_layers: expected 2"});
  expectRefused({{"intermediate_size", "32"}}, {"intermediate_size: expected 12"});
  expectRefused({{"num_channels", "1"}}, {"num_channels: expected 3"});
  expectRefused({{"patch_size", "[4, 2]"}}, {"patch_size: expected 4x4", "got 4x2"});
  expectRefused({{"image_size", "16"}}, {"'vit.embeddings.position_embeddings'", "[17, 8]", "[1, 5, 8]"});
  expectRefused({{"qkv_bias", "false"}}, {"qkv_bias", "got false", "query.bias"});
}

TEST(HuggingFace, HostileNumbers) {
  expectRefused({{"num_attention_heads", "0"}}, {"num_attention_heads", "got 0"});
  expectRefused({{"num_attention_heads", "-2"}}, {"got -2"});
  expectRefused({{"num_attention_heads", "1000000000000000000"}},
                {"num_attention_heads", "1000000000000000000"});
  expectRefused({{"num_attention_heads", "3"}}, {"a divisor of the width 8, got 3"});
  expectRefused({{"num_attention_heads", "2.0"}}, {"an integer"});
  expectRefused({{"image_size", "1000000"}}, {"input.size", "16384"});
  expectRefused({{"image_size", "[8]"}}, {"a pair"});
  expectRefused({{"layer_norm_eps", "-1"}}, {"norm.eps"});
  expectRefused({{"layer_norm_eps", "\"1e-6\""}}, {"layer_norm_eps: expected a number"});
}

TEST(HuggingFace, LabelsAreOnePerClass) {
  auto model = open(classifier(), {{"id2label", R"({"1": "b", "0": "a", "2": "c", "3": "d", "4": "e"})"}});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config.labels, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  auto generic =
      open(classifier(), {{"id2label", R"({"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2", "3": "LABEL_3",
    "4": "LABEL_4"})"}});
  ASSERT_TRUE(generic);
  EXPECT_TRUE(generic->config.labels.empty());
  expectRefused({{"id2label", R"({"0": "a"})"}}, {"id2label: expected 5 labels", "got 1"});
  expectRefused({{"id2label", R"({"0": "a", "1": "b", "2": "c", "3": "d", "5": "e"})"}}, {"the keys 0 to 4"});
  expectRefused({{"id2label", R"({"0": "a", "1": "b", "2": "c", "3": "d", "4": 5})"}}, {"a string"});
}

TEST(HuggingFace, NothingIsDroppedSilently) {
  Shapes shapes = classifier();
  shapes.push_back({"vit.encoder.layer.0.adapter.weight", {8, 8}});
  ModelDir dir;
  dir.tensors(shapes);
  dir.config(huggingFaceConfig());
  expectError(dir.open(), ExitCode::Input,
              {"'vit.encoder.layer.0.adapter.weight'", "nothing is dropped silently"});

  shapes = classifier();
  shapes.push_back({"vit.encoder.layer.7.layernorm_after.bias", {8}});
  dir.tensors(shapes);
  expectError(dir.open(), ExitCode::Input, {"num_hidden_layers: expected 8"});

  shapes = classifier();
  shapes.push_back({"vit.layernorm.bias", {8}}); // under both names
  shapes.back().first = "layernorm.bias";
  dir.tensors(shapes);
  expectError(dir.open(), ExitCode::Input, {"'final.norm.b'", "'layernorm.bias' and 'vit.layernorm.bias'"});

  shapes = classifier();
  shapes.erase(shapes.begin() + 4); // a layernorm_before weight
  dir.tensors(shapes);
  expectError(dir.open(), ExitCode::Input, {"'encoder.layer.0.layernorm_before.weight'", "missing"});
}

TEST(HuggingFace, RefusesOtherDtypesByName) {
  TensorFile file;
  for (const auto &[name, shape] : classifier())
    if (name != "classifier.bias")
      file.add(name, shape);
  file.addRaw("classifier.bias", "I8", {5}, "abcde");
  ModelDir dir;
  dir.write("model.safetensors", file.text());
  dir.config(huggingFaceConfig());
  expectError(dir.open(), ExitCode::Input, {"'classifier.bias'", "F64, F32, F16 or BF16", "got I8"});
}

TEST(HuggingFace, WarnsAboutNaN) {
  TensorFile file;
  for (const auto &[name, shape] : classifier())
    if (name != "classifier.bias")
      file.add(name, shape);
  file.add("classifier.bias", {5}, {1, 2, std::numeric_limits<float>::quiet_NaN(), 4, 5});
  ModelDir dir;
  dir.write("model.safetensors", file.text());
  dir.config(huggingFaceConfig());
  auto model = get(dir.open());
  ASSERT_TRUE(model);
  ASSERT_EQ(model->warnings.size(), 1u);
  EXPECT_NE(model->warnings[0].find("'classifier.bias' holds NaN"), std::string::npos);
}
