// Families of transformers with one kind of input: what becomes of names, keys, heads and defaults.
#include "test/compiler/Import/HuggingFaceFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

//===- ViT's relatives ------------------------------------------------------------------------------===//

Tensors vitLike(const std::string &prefix, bool withClass = true) {
  Tensors t{huggingFaceShapes(prefix, false, false)};
  if (!withClass)
    llvm::erase_if(t.shapes, [](const auto &s) { return llvm::StringRef(s.first).ends_with("cls_token"); });
  for (auto &[name, shape] : t.shapes)
    if (!withClass && llvm::StringRef(name).ends_with("position_embeddings"))
      shape = {1, 4, w};
  return t;
}

TEST(HuggingFaceFamilies, MaeIsAViTWithoutMasking) {
  Tensors t = vitLike("vit.");
  t.add("decoder.mask_token", {1, 1, 6}).linear("decoder.decoder_embed", 6, w);
  t.linear("decoder.decoder_pred", 48, 6).add("decoder.decoder_pos_embed", {1, 5, 6});
  Changes keys = sizes("ViTMAEForPreTraining", "vit_mae");
  keys["mask_ratio"] = "0.75";
  keys["decoder_hidden_size"] = "6";
  auto model = import(t, jsonObject(keys));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Cls);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  EXPECT_TRUE(model->config().head.layers.empty());
  EXPECT_TRUE(model->noted("masking: none"));
  keys["architectures"] = "null";
  EXPECT_EQ(import(t, jsonObject(keys))->config().source.arch, "ViTMAEForPreTraining");
  EXPECT_EQ(import(vitLike(""), jsonObject(keys))->config().source.arch, "ViTMAEModel");
}

TEST(HuggingFaceFamilies, MaskedImageModelingGivesTheEncoder) {
  Tensors t = vitLike("vit.");
  t.add("decoder.0.weight", {48, w, 1, 1})
      .add("decoder.0.bias", {48})
      .add("vit.embeddings.mask_token", {1, 1, w});
  auto model = import(t, jsonObject(sizes("ViTForMaskedImageModeling", "vit")));
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->noted("outputs: the encoder's"));
}

TEST(HuggingFaceFamilies, Msn) {
  Tensors t = vitLike("vit.").linear("classifier", classes, w);
  auto model = import(t, jsonObject(sizes("ViTMSNForImageClassification", "vit_msn")));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Cls);
  EXPECT_EQ(model->config().classes(), classes);
  // The default of its class, not ViT's.
  auto plain = import(vitLike(""), jsonObject(sizes("ViTMSNModel", "vit_msn"), {{"layer_norm_eps", "-"}}));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->config().normEps, 1e-6);
  EXPECT_EQ(plain->checkpoint.warnings.size(), 1u);
}

TEST(HuggingFaceFamilies, IJepaHasNoClassToken) {
  Tensors t = vitLike("ijepa.", false).linear("classifier", classes, w);
  auto model = import(t, jsonObject(sizes("IJepaForImageClassification", "ijepa")));
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->config().prefix.empty());
  EXPECT_EQ(model->config().pool.kind, PoolKind::Mean);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  auto plain = import(vitLike("", false), jsonObject(sizes("IJepaModel", "ijepa")));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->config().pool.kind, PoolKind::None);
}

//===- BEiT -----------------------------------------------------------------------------------------===//

enum class Bias { None, PerBlock, Shared };
Tensors beit(const std::string &p, Bias bias, bool newNames = false, bool scale = true) {
  Tensors t{huggingFaceShapes(p, newNames, false)};
  llvm::erase_if(t.shapes, [](const auto &s) {
    llvm::StringRef name = s.first;
    return name.ends_with("key.bias") || name.ends_with("k_proj.bias") ||
           name.contains("position_embeddings") || name.contains("layernorm.");
  });
  std::string table = "relative_position_bias.relative_position_bias_table";
  for (int i = 0; i < 2; ++i) {
    std::string block = p + (newNames ? "layers." : "encoder.layer.") + std::to_string(i) + ".";
    if (scale)
      t.add(block + "lambda_1", {w}).add(block + "lambda_2", {w});
    if (bias == Bias::PerBlock)
      t.add(block + (newNames ? "" : "attention.attention.") + table, {12, 2});
  }
  if (bias == Bias::Shared)
    t.add(p + (newNames ? "shared_position_bias.relative_position_bias_table" : "encoder." + table), {12, 2});
  return t;
}
std::string beitConfig(const char *modelClass, Changes change = {}) {
  Changes keys = sizes(modelClass, "beit");
  keys["use_relative_position_bias"] = "true";
  keys["layer_scale_init_value"] = "0.1";
  keys["use_mean_pooling"] = "true";
  return jsonObject(keys, change);
}

TEST(HuggingFaceFamilies, BeitPoolsThePatches) {
  Tensors t = beit("beit.", Bias::PerBlock).norm("beit.pooler.layernorm").linear("classifier", classes, w);
  auto model = import(t, beitConfig("BeitForImageClassification"));
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{true, false, true}));
  EXPECT_TRUE(config.block.layerScale);
  EXPECT_EQ(config.relBias, RelBiasKind::Beit);
  EXPECT_FALSE(config.relBiasShared);
  EXPECT_EQ(config.relBiasGrid, std::nullopt);
  EXPECT_EQ(config.relBiasResize, RelBiasResize::Linear);
  EXPECT_EQ(config.posCovers, PosCovers::None);
  EXPECT_EQ(config.pool.kind, PoolKind::Mean);
  EXPECT_FALSE(config.pool.includePrefix);
  EXPECT_EQ(config.finalNorm, FinalNorm::AfterPool);
  EXPECT_EQ(shapeOf(model->checkpoint, "blk.1.rel_table"), "[12, 2]");
  // Version 5's names.
  Tensors fresh =
      beit("beit.", Bias::PerBlock, true).norm("beit.pooler.layernorm").linear("classifier", classes, w);
  auto again = import(fresh, beitConfig("BeitForImageClassification"));
  ASSERT_TRUE(again);
  EXPECT_EQ(values(again->checkpoint, "blk.0.rel_table").size(), 24u);
}

TEST(HuggingFaceFamilies, BeitSharedBias) {
  Changes shared = {{"use_relative_position_bias", "false"}, {"use_shared_relative_position_bias", "true"}};
  for (bool newNames : {false, true}) {
    Tensors t = beit("", Bias::Shared, newNames).norm("pooler.layernorm");
    auto model = import(t, beitConfig("BeitModel", shared));
    ASSERT_TRUE(model);
    EXPECT_TRUE(model->config().relBiasShared);
    EXPECT_EQ(shapeOf(model->checkpoint, "rel_table"), "[12, 2]");
  }
  // Masked image modeling has its norm outside.
  Tensors masked = beit("beit.", Bias::Shared).norm("layernorm").linear("lm_head", 20, w);
  auto model = import(masked, beitConfig("BeitForMaskedImageModeling", shared));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Cls);
}

TEST(HuggingFaceFamilies, BeitWithoutMeanPooling) {
  Changes change = {{"use_mean_pooling", "false"},
                    {"use_relative_position_bias", "false"},
                    {"use_absolute_position_embeddings", "true"},
                    {"layer_scale_init_value", "0"}};
  Tensors t =
      beit("", Bias::None, false, false).norm("layernorm").add("embeddings.position_embeddings", {1, 5, w});
  auto model = import(t, beitConfig("BeitModel", change));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Cls);
  EXPECT_EQ(model->config().posCovers, PosCovers::All);
  EXPECT_FALSE(model->config().block.layerScale);
  // Without the pooler the features have no norm.
  auto bare = import(beit("", Bias::PerBlock), beitConfig("BeitModel"));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->config().finalNorm, FinalNorm::None);
}

TEST(HuggingFaceFamilies, BeitRefusals) {
  Tensors t = beit("beit.", Bias::PerBlock).norm("beit.pooler.layernorm").linear("classifier", classes, w);
  const char *modelClass = "BeitForImageClassification";
  expectRefused(t, beitConfig(modelClass, {{"use_relative_position_bias", "false"}}),
                {"use_relative_position_bias", "agree with the tensors", "there is 'beit.encoder.layer.0"});
  expectRefused(t, beitConfig(modelClass, {{"use_absolute_position_embeddings", "true"}}),
                {"there is no 'embeddings.position_embeddings'"});
  expectRefused(t, beitConfig(modelClass, {{"layer_scale_init_value", "0"}}), {"lambda_1"});
  expectRefused(t, beitConfig(modelClass, {{"layer_scale_init_value", "\"x\""}}), {"true or false"});
  expectRefused(t, beitConfig(modelClass, {{"image_size", "[8, 16]"}}), {"a square for BEiT"});
  expectRefused(t, beitConfig(modelClass, {{"image_size", "16"}}), {"rel_table", "[52, 2]"});
  t.add("beit.encoder.relative_position_bias.relative_position_bias_table", {12, 2});
  expectRefused(t, beitConfig(modelClass), {"got both"});
}

TEST(HuggingFaceFamilies, Data2VecVisionIsABeit) {
  Tensors t = beit("data2vec_vision.", Bias::PerBlock)
                  .norm("data2vec_vision.pooler.layernorm")
                  .linear("classifier", classes, w);
  Changes type = {{"model_type", "\"data2vec-vision\""}};
  EXPECT_TRUE(import(t, beitConfig("Data2VecVisionForImageClassification", type)));
}

//===- DINOv2 and DINOv3 ------------------------------------------------------------------------------===//

Tensors dinov2(const std::string &p, int64_t registers = 0, bool gated = false, bool newNames = false) {
  Tensors t;
  t.add(p + "embeddings.cls_token", {1, 1, w}).add(p + "embeddings.mask_token", {1, w});
  t.add(p + "embeddings.position_embeddings", {1, 5, w});
  if (registers)
    t.add(p + "embeddings.register_tokens", {1, registers, w});
  t.add(p + "embeddings.patch_embeddings.projection.weight", {w, 3, 4, 4});
  t.add(p + "embeddings.patch_embeddings.projection.bias", {w});
  for (int i = 0; i < 2; ++i) {
    std::string b = p + "encoder.layer." + std::to_string(i) + ".";
    t.norm(b + "norm1");
    for (const char *name : {"query", "key", "value"})
      t.linear(b + (newNames ? std::string("attention.") + name[0] + "_proj"
                             : std::string("attention.attention.") + name),
               w, w);
    t.linear(b + (newNames ? "attention.o_proj" : "attention.output.dense"), w, w);
    t.add(b + "layer_scale1.lambda1", {w}).norm(b + "norm2");
    if (gated && newNames)
      t.linear(b + "mlp.gate_proj", 16, w)
          .linear(b + "mlp.up_proj", 16, w)
          .linear(b + "mlp.down_proj", w, 16);
    else if (gated)
      t.linear(b + "mlp.weights_in", 32, w).linear(b + "mlp.weights_out", w, 16);
    else
      t.linear(b + "mlp.fc1", f, w).linear(b + "mlp.fc2", w, f);
    t.add(b + "layer_scale2.lambda1", {w});
  }
  return t.norm(p + "layernorm");
}
std::string dinov2Config(const char *modelClass, Changes change = {}) {
  Changes keys = sizes(modelClass, "dinov2");
  keys.erase("intermediate_size");
  keys["mlp_ratio"] = "1.5";
  keys["use_swiglu_ffn"] = "false";
  keys["qkv_bias"] = "true";
  return jsonObject(keys, change);
}

TEST(HuggingFaceFamilies, Dinov2) {
  auto model = import(dinov2(""), dinov2Config("Dinov2Model"));
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->config().block.layerScale);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Cls);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  ASSERT_TRUE(model->config().pos.resize);
  EXPECT_EQ(model->config().pos.resize->kernel, "cubic-0.75");
  EXPECT_FALSE(model->config().pos.resize->antialias);
  Tensors head = dinov2("dinov2.").linear("classifier", classes, 2 * w);
  auto classifier = import(head, dinov2Config("Dinov2ForImageClassification"));
  ASSERT_TRUE(classifier);
  EXPECT_EQ(classifier->config().pool.kind, PoolKind::ConcatClsMean);
  EXPECT_EQ(shapeOf(classifier->checkpoint, "head.main.w"), "[5, 16]");
  expectRefused(dinov2(""), dinov2Config("Dinov2Model", {{"mlp_ratio", "4"}}),
                {"mlp_ratio", "12 hidden units"});
  expectRefused(dinov2(""), dinov2Config("Dinov2Model", {{"mlp_ratio", "1e308"}}), {"mlp_ratio"});
  expectRefused(dinov2(""), dinov2Config("Dinov2Model", {{"mlp_ratio", "-1.5"}}), {"mlp_ratio"});
  expectRefused(dinov2(""), dinov2Config("Dinov2Model", {{"use_swiglu_ffn", "true"}}), {"use_swiglu_ffn"});
}

TEST(HuggingFaceFamilies, Dinov2GateIsTheFirstHalf) {
  Changes gated = {{"use_swiglu_ffn", "true"}, {"mlp_ratio", "3"}};
  auto old = import(dinov2("", 0, true), dinov2Config("Dinov2Model", gated));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->config().block.mlp.kind, MlpKind::Glu);
  EXPECT_EQ(old->config().block.mlp.act, Activation::Silu);
  EXPECT_EQ(old->config().block.mlp.hidden, 16);
  // Values count up within a stored tensor, so the gate's rows come right before the others.
  EXPECT_EQ(values(old->checkpoint, "blk.0.gate.w").back() + 1,
            values(old->checkpoint, "blk.0.fc1.w").front());
  EXPECT_TRUE(import(dinov2("", 0, true, true), dinov2Config("Dinov2Model", gated)));
}

TEST(HuggingFaceFamilies, Dinov2WithRegisters) {
  Changes registers = {{"model_type", "\"dinov2_with_registers\""},
                       {"num_register_tokens", "3"},
                       {"interpolate_antialias", "true"},
                       {"interpolate_offset", "0.0"}};
  Tensors t = dinov2("dinov2_with_registers.", 3).linear("classifier", classes, 2 * w);
  auto model = import(t, dinov2Config("Dinov2WithRegistersForImageClassification", registers));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().prefix, (std::vector<TokenRun>{{"cls", 1}, {"reg", 3}}));
  EXPECT_EQ(model->config().posCovers, PosCovers::ClsAndPatch);
  EXPECT_TRUE(model->config().pos.resize->antialias);
  registers["num_register_tokens"] = "4";
  expectRefused(t, dinov2Config("Dinov2WithRegistersForImageClassification", registers),
                {"num_register_tokens: expected 3", "register_tokens"});
  expectRefused(dinov2(""), dinov2Config("Dinov2Model", {{"num_register_tokens", "3"}}),
                {"'num_register_tokens'"});
}

TEST(HuggingFaceFamilies, Dinov2RunsAtTheProcessorsSize) {
  ModelDir dir;
  dir.tensors(dinov2("").shapes);
  dir.config(dinov2Config("Dinov2Model"));
  dir.write("preprocessor_config.json", R"({"image_processor_type": "BitImageProcessor",
    "size": {"shortest_edge": 24}, "crop_size": {"height": 20, "width": 20}, "resample": 3, "do_center_crop": true,
    "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]})");
  auto document = get(JsonDocument::parseFile(dir.file("config.json")));
  auto imported = get(importHuggingFace(dir.path(), *document));
  ASSERT_TRUE(imported);
  const ModelConfig &config = imported->checkpoint.config;
  EXPECT_EQ(config.inputSize, (Extent{20, 20}));
  EXPECT_EQ(config.pos.grid, (Extent{2, 2}));
  EXPECT_TRUE(llvm::any_of(imported->checkpoint.notes,
                           [](llvm::StringRef note) { return note.starts_with("input size: 20x20"); }));
}

TEST(HuggingFaceFamilies, Dinov2ResizesFromASquare) {
  // Four patches in one row: transformers reads the table as 2x2 and resizes it.
  auto model = get([&]() -> llvm::Expected<Imported> {
    static ModelDir dir;
    dir.tensors(dinov2("").shapes);
    dir.config(dinov2Config("Dinov2Model", {{"image_size", "[4, 16]"}}));
    return importHuggingFace(dir.path(), *get(JsonDocument::parseFile(dir.file("config.json"))));
  }());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->checkpoint.config.pos.grid, (Extent{2, 2}));
  EXPECT_EQ(model->checkpoint.config.grid(), (Extent{1, 4}));
  expectRefused(dinov2(""), dinov2Config("Dinov2Model", {{"image_size", "[8, 12]"}}),
                {"image_size", "a square number of patches", "2x3"});
}

Tensors dinov3(const std::string &p, int64_t registers, bool gated, std::array<bool, 3> biases) {
  Tensors t;
  t.add("embeddings.cls_token", {1, 1, w}).add("embeddings.mask_token", {1, 1, w});
  t.add("embeddings.register_tokens", {1, registers, w});
  t.add("embeddings.patch_embeddings.weight", {w, 3, 4, 4}).add("embeddings.patch_embeddings.bias", {w});
  for (int i = 0; i < 2; ++i) {
    std::string b = p + "layer." + std::to_string(i) + ".";
    t.norm(b + "norm1")
        .linear(b + "attention.q_proj", w, w, biases[0])
        .linear(b + "attention.k_proj", w, w, biases[1]);
    t.linear(b + "attention.v_proj", w, w, biases[2]).linear(b + "attention.o_proj", w, w);
    t.add(b + "layer_scale1.lambda1", {w}).norm(b + "norm2");
    if (gated)
      t.linear(b + "mlp.gate_proj", f, w);
    t.linear(b + "mlp.up_proj", f, w).linear(b + "mlp.down_proj", w, f).add(b + "layer_scale2.lambda1", {w});
  }
  return t.norm("norm");
}
std::string dinov3Config(Changes change = {}) {
  Changes keys = sizes("DINOv3ViTModel", "dinov3_vit");
  keys["rope_theta"] = "50.0";
  keys["num_register_tokens"] = "4";
  keys["query_bias"] = keys["value_bias"] = keys["proj_bias"] = keys["mlp_bias"] = "true";
  keys["key_bias"] = keys["use_gated_mlp"] = "false";
  return jsonObject(keys, change);
}

TEST(HuggingFaceFamilies, Dinov3) {
  for (const char *prefix : {"", "model."}) {
    auto model = import(dinov3(prefix, 4, false, {true, false, true}), dinov3Config());
    ASSERT_TRUE(model);
    const ModelConfig &config = model->config();
    EXPECT_EQ(config.rope.kind, RopeKind::DinoV3);
    EXPECT_EQ(config.rope.base, 50);
    EXPECT_EQ(config.pos.kind, PosKind::None);
    EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{true, false, true}));
    EXPECT_EQ(config.prefix, (std::vector<TokenRun>{{"cls", 1}, {"reg", 4}}));
    EXPECT_TRUE(config.block.layerScale);
    EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  }
  Changes seven = {{"query_bias", "false"},
                   {"value_bias", "false"},
                   {"use_gated_mlp", "true"},
                   {"hidden_act", "\"silu\""},
                   {"num_register_tokens", "0"}};
  auto gated = import(dinov3("", 0, true, {false, false, false}), dinov3Config(seven));
  ASSERT_TRUE(gated);
  EXPECT_EQ(gated->config().block.mlp.kind, MlpKind::Glu);
  EXPECT_EQ(gated->config().block.mlp.act, Activation::Silu);
  EXPECT_EQ(gated->config().prefix, (std::vector<TokenRun>{{"cls", 1}}));
  EXPECT_TRUE(gated->noted("register_tokens (empty)"));
  Tensors t = dinov3("", 4, false, {true, false, true});
  expectRefused(t, dinov3Config({{"key_bias", "true"}}),
                {"key_bias", "there is no 'layer.0.attention.k_proj.bias'"});
  expectRefused(t, dinov3Config({{"value_bias", "false"}}),
                {"value_bias", "there is 'layer.0.attention.v_proj.bias'"});
  expectRefused(t, dinov3Config({{"rope_theta", "-1"}}), {"rope_theta: expected a positive number"});
  expectRefused(t, dinov3Config({{"rope_theta", "1e999"}}), {"1e999"});
}

TEST(HuggingFaceFamilies, HeadDimOfTheirOwn) {
  Changes keys = sizes("ViTModel", "vit");
  keys["head_dim"] = "6";
  expectRefused(vitLike(""), jsonObject(keys), {"[12, 8]", "query.weight"});
  keys["head_dim"] = "0";
  expectRefused(vitLike(""), jsonObject(keys), {"head_dim", "got 0"});
}

TEST(HuggingFaceFamilies, ALostBiasDoesNotMakeAnotherNorm) {
  Tensors t = vitLike("");
  llvm::erase_if(t.shapes, [](const auto &s) { return s.first == "encoder.layer.0.layernorm_before.bias"; });
  expectRefused(t, jsonObject(sizes("ViTModel", "vit")),
                {"'encoder.layer.0.layernorm_before.bias'", "missing"});
}

} // namespace
