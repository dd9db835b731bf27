//===- KerasTest.cpp - what a Keras model must be to be a Vision Transformer ------------------------===//
//
// That the goldens compute what Keras does is tested with the whole compiler (test/Integration). Here stands
// what is refused: goldens whose configuration says something else, changed in place.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/Keras.h"
#include "test/compiler/Import/Hdf5Fixtures.h"
#include "test/compiler/TestFiles.h"

using namespace vitc;
using namespace vitc::test;

namespace {

std::string golden(llvm::StringRef name) {
  return std::string(VITC_TEST_DATA) + "/../../Integration/goldens/" + name.str();
}

/// A golden with the nth occurrence of `from` replaced by a text of the same length, so that no size changes.
llvm::Expected<Imported> openChanged(llvm::StringRef name, llvm::StringRef from, llvm::StringRef to,
                                     int nth = 0) {
  std::string file = readFile(golden(name));
  EXPECT_EQ(from.size(), to.size());
  size_t at = file.find(from.str());
  for (; nth > 0 && at != std::string::npos; --nth)
    at = file.find(from.str(), at + 1);
  EXPECT_NE(at, std::string::npos) << from.str();
  if (at != std::string::npos)
    file.replace(at, to.size(), to.str());
  TempDir dir;
  return importKeras(dir.write("model", file), {});
}

void expectRefused(llvm::StringRef name, llvm::StringRef from, llvm::StringRef to,
                   std::initializer_list<llvm::StringRef> parts, int nth = 0) {
  expectError(openChanged(name, from, to, nth), ExitCode::Input, parts);
}

constexpr llvm::StringLiteral plain("keras2-vit-keras/model.keras"), hub("keras3-hub-keras/model.keras"),
    hubNumbered("keras3-hub-numbered/model.weights.h5"), google("keras3-google-keras/model.keras");

} // namespace

TEST(Keras, ContainersNumberLayersByClass) {
  EXPECT_EQ(kerasSnakeCase("Dense"), "dense");
  EXPECT_EQ(kerasSnakeCase("LayerNormalization"), "layer_normalization");
  EXPECT_EQ(kerasSnakeCase("Conv2D"), "conv2d");
  EXPECT_EQ(kerasSnakeCase("ViTEncoderBlock"), "vi_t_encoder_block");
  EXPECT_EQ(kerasSnakeCase("MLP"), "mlp");
  EXPECT_EQ(kerasSnakeCase("TFOpLambda"), "tf_op_lambda");
}

TEST(Keras, GraphOfTheWalkThrough) {
  std::optional<Imported> imported = get(importKeras(golden(plain), {}));
  ASSERT_TRUE(imported);
  const ModelConfig &config = imported->checkpoint.config;
  EXPECT_EQ(config.layout, InputLayout::NHWC);
  EXPECT_EQ(config.inputSize, (Extent{13, 23}));
  EXPECT_EQ(config.patch.pad, PatchPad::Same);
  EXPECT_EQ(config.grid(), (Extent{3, 4}));
  EXPECT_EQ(config.heads, 3);
  EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{false, false, false}));
  EXPECT_TRUE(config.block.attn.outBias);
  EXPECT_EQ(config.block.attn.scaleRule, ScaleRule::RsqrtHeadDim);
  EXPECT_EQ(config.block.mlp.act, Activation::GeluErf);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_TRUE(imported->tensors.has("embed.cls"));
  EXPECT_EQ(imported->tensors.extent("embed.pos", -2), 13);
}

TEST(Keras, GraphsThatComputeSomethingElse) {
  expectRefused(plain, "\"slice_spec\": 0}", "\"slice_spec\": 1}",
                {"layer 'tf.__operators__.getitem'", "queries: part 0"});
  expectRefused(plain, "\"slice_spec\": 2}", "\"slice_spec\": 1}", {"values: part 2"});
  expectRefused(plain, "[2, 0, 3, 1, 4]", "[2, 0, 1, 3, 4]", {"a transpose to [2, 0, 3, 1, 4]"});
  expectRefused(plain, "[0, 2, 1, 3]", "[0, 1, 2, 3]", {"the order [0, 2, 1, 3]"});
  expectRefused(plain, "\"transpose_b\": true", "\"transpose_b\": null", {"keys that are transposed"});
  expectRefused(plain, "\"padding\": \"same\"", "\"padding\": \"full\"",
                {"layer 'conv2d'", "'padding' valid or same"});
  expectRefused(plain, "\"activation\": \"gelu\"", "\"activation\": \"tanh\"",
                {"layer 'dense_2'", "'gelu', 'relu' or 'silu'"});
  expectRefused(plain, "\"epsilon\": 1e-06", "\"epsilon\": 1e-05", {"an epsilon of"});
  expectRefused(plain, "\"groups\": 1", "\"groups\": 3", {"'groups' 1"});
  expectRefused(plain, "\"class_name\": \"Dropout\"", "\"class_name\": \"Lambda2\"", {"layer 'dropout'"});
  expectRefused(plain, "[[\"input_1\", 0, 0, {}]]", "[[\"input_2\", 0, 0, {}]]",
                {"the name of a layer, got 'input_2'"});
  expectRefused(plain, "[[\"input_1\", 0, 0]]", "[[\"input_9\", 0, 0]]",
                {"the name of a layer, got 'input_9'"});
  expectRefused(plain, "\"data_format\": \"channels_last\"", "\"data_format\": \"channels_1st?\"",
                {"channels_last"});
  expectRefused(plain, "\"function\": \"nn.softmax\"", "\"function\": \"nn.sigmoid\"",
                {"a softmax of scores"});
  expectRefused(plain, "\"function\": \"concat\"", "\"function\": \"stackx\"",
                {"the class token and the patches"});
}

TEST(Keras, KeysOfKerasHub) {
  EXPECT_TRUE(get(importKeras(golden(hub), {})));
  expectRefused(hub, "\"attention_dropout\"", "\"attention_dripout\"", {"attention_dripout"});
  expectRefused(hub, "\"pooling\": \"gap\"", "\"pooling\": \"max\"", {"pooling", "'token' or 'gap'"});
  expectRefused(hub, "\"num_layers\": 1", "\"num_layers\": 2",
                {"num_layers", "expected 1, which the tensors say, got 2"});
  expectRefused(hub, "\"num_heads\": 3", "\"num_heads\": 5", {"num_heads", "a divisor of the width 24"});
  expectRefused(hub, "\"ViTBackbone\"", "\"DeTBackbone\"", {"class_name", "'ViTBackbone'"});
}

TEST(Keras, PresetsInSeveralFiles) {
  TempDir dir;
  dir.write("config.json", "{}");
  dir.write("model.weights.json", "{}");
  expectError(importKeras(dir.path(), {}), ExitCode::Input, {"model.weights.json", "max_shard_size=None"});
}

TEST(Keras, WeightsAlone) {
  std::optional<Imported> imported = get(importKeras(golden(hubNumbered), {}));
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->checkpoint.config.heads, 3); // a dimension of the kernels
  EXPECT_EQ(imported->checkpoint.warnings.size(), 2u);
  ImportOptions options;
  options.heads = 3;
  options.imageSize = Extent{13, 23};
  for (const char *name : {"keras2-vit-numbered/model.weights.h5", "keras2-vit-weights-h5/weights.h5"})
    expectError(importKeras(golden(name), options), ExitCode::Input,
                {"cls, [1, 1, 24]", "pos, [1, 13, 24]", "--tensor cls=FILE --tensor pos=FILE"});
  options.tensors = {{"embed.cls", "cls.npy"}, {"embed.pos", "pos.npy"}};
  EXPECT_TRUE(get(importKeras(golden("keras2-vit-numbered/model.weights.h5"), options)));
  options.heads = 5;
  expectError(importKeras(golden("keras2-vit-numbered/model.weights.h5"), options), ExitCode::Input,
              {"--heads with a divisor of the width 24"});
}

TEST(Keras, OptionsOfWeightsWithoutAConfiguration) {
  ImportOptions heads, arch;
  heads.heads = 3;
  arch.arch = "timm:vit_base_patch16_224";
  expectError(importKeras(golden(plain), heads), ExitCode::Usage,
              {"--heads is for weights without a configuration"});
  expectError(importKeras(golden(hubNumbered), arch), ExitCode::Usage,
              {"--arch is for weights of other libraries"});
}

TEST(Keras, HeadsOfVitKeras) {
  std::optional<Imported> imported = get(importKeras(golden(google), {}));
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->checkpoint.config.heads, 3);
  expectError(importKeras(golden("keras3-google-numbered/model.weights.h5"), {}), ExitCode::Input,
              {"--heads with a divisor of the width 24"});
}

namespace {

std::string strings(const std::vector<std::string> &values, unsigned bytes) {
  std::string data;
  for (std::string value : values) {
    value.resize(bytes, '\0');
    data += value;
  }
  return data;
}

/// A file of weights with one layer "a" whose attribute weight_names holds `variable`.
std::string layerFile(const std::string &layer, const std::string &variable) {
  Hdf5Image image;
  auto list = [](llvm::StringRef name, const std::string &value) {
    return Hdf5MessageText{0x0c, attributeBody(name, fixedText(1, 16), spaceBody({1}), strings({value}, 16))};
  };
  uint64_t inner = image.addGroup({{"kernel:0", image.addHeader(datasetMessages())}});
  uint64_t group = image.addGroup({{"a", inner}}, {list("weight_names", variable)});
  return image.finish(image.addGroup({{"a", group}}, {list("layer_names", layer)}));
}

} // namespace

TEST(Keras, NamesOfVariables) {
  TempDir dir;
  std::optional<KerasFile> file = get(openKeras(dir.write("m.h5", layerFile("a", "a/kernel:0"))));
  ASSERT_TRUE(file);
  ASSERT_EQ(file->variables("a").size(), 1u);
  EXPECT_EQ(file->variables("a")[0]->name, "a/kernel");
  expectError(openKeras(dir.write("m.h5", layerFile("b", "a/kernel:0"))), ExitCode::Input,
              {"a group for layer 'b'"});
  expectError(openKeras(dir.write("m.h5", layerFile("a", "a/bias:0"))), ExitCode::Input,
              {"a dataset 'a/a/bias:0'"});
}
