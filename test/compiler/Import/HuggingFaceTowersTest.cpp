// The picture towers of models of pictures and texts: CLIP, SigLIP, AIMv2.
#include "test/compiler/Import/HuggingFaceFixtures.h"

using namespace vitc;
using namespace vitc::test;

namespace {

enum class Tower { Clip, Siglip };
Tensors tower(const std::string &p, Tower kind, bool pooling = false) {
  Tensors t;
  if (kind == Tower::Clip)
    t.add(p + "embeddings.class_embedding", {w}).norm(p + "pre_layrnorm");
  t.add(p + "embeddings.patch_embedding.weight", {w, 3, 4, 4});
  if (kind == Tower::Siglip)
    t.add(p + "embeddings.patch_embedding.bias", {w});
  t.add(p + "embeddings.position_embedding.weight", {kind == Tower::Clip ? 5 : 4, w});
  for (int i = 0; i < 2; ++i) {
    std::string b = p + "encoder.layers." + std::to_string(i) + ".";
    t.norm(b + "layer_norm1").norm(b + "layer_norm2");
    for (const char *name : {"q_proj", "k_proj", "v_proj", "out_proj"})
      t.linear(b + "self_attn." + name, w, w);
    t.linear(b + "mlp.fc1", f, w).linear(b + "mlp.fc2", w, f);
  }
  t.norm(p + "post_layernorm");
  if (pooling) {
    std::string h = p + "head.";
    t.add(h + "probe", {1, 1, w})
        .add(h + "attention.in_proj_weight", {3 * w, w})
        .add(h + "attention.in_proj_bias", {3 * w});
    t.linear(h + "attention.out_proj", w, w)
        .norm(h + "layernorm")
        .linear(h + "mlp.fc1", f, w)
        .linear(h + "mlp.fc2", w, f);
  }
  return t;
}
Tensors withTexts(Tensors t) {
  t.add("text_model.embeddings.token_embedding.weight", {10, w}).norm("text_model.final_layer_norm");
  t.add("text_model.head.weight", {w, w}).add("logit_scale", {}).add("logit_bias", {1});
  return t.add("vision_model.embeddings.position_ids", {1, 5});
}
/// Its vision_config with `change`, the root with `rootChange`.
std::string compositeConfig(const char *modelClass, const char *type, Changes change = {},
                            Changes rootChange = {}) {
  Changes vision = sizes("", "");
  vision.erase("architectures");
  vision["model_type"] = std::string("\"") + type + "_vision_model\"";
  return jsonObject({{"architectures", std::string("[\"") + modelClass + "\"]"},
                     {"model_type", std::string("\"") + type + "\""},
                     {"text_config", "{\"vocab_size\": 10, \"whatever\": 1}"},
                     {"vision_config", jsonObject(vision, change)}},
                    rootChange);
}

TEST(HuggingFaceTowers, ClipProjectsTheNormalisedClassToken) {
  Tensors t = withTexts(tower("vision_model.", Tower::Clip)).linear("visual_projection", 6, w, false);
  t.linear("text_projection", 6, w, false);
  auto model = import(t, compositeConfig("CLIPModel", "clip", {}, {{"projection_dim", "6"}}));
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_TRUE(config.preNorm);
  EXPECT_FALSE(config.patch.bias);
  EXPECT_EQ(config.finalNorm, FinalNorm::AfterPool);
  EXPECT_EQ(config.pool.kind, PoolKind::Cls);
  EXPECT_EQ(config.head.preLogits, (PreLogits{6, "identity", false}));
  EXPECT_TRUE(config.head.layers.empty());
  EXPECT_TRUE(model->noted("text_model.head.weight (belongs to the model of texts)"));
  EXPECT_TRUE(model->checkpoint.warnings.empty());
  expectRefused(t, compositeConfig("CLIPModel", "clip", {}, {{"projection_dim", "8"}}),
                {"projection_dim: expected 6", "visual_projection.weight"});
  expectRefused(tower("vision_model.", Tower::Clip), compositeConfig("CLIPModel", "clip"),
                {"'visual_projection.weight', which is missing"});
}

TEST(HuggingFaceTowers, ClipTowers) {
  Changes keys = sizes("CLIPVisionModel", "clip_vision_model");
  keys["projection_dim"] = "512"; // of the whole model, which is not there
  for (const char *prefix : {"vision_model.", ""}) {
    auto model = import(tower(prefix, Tower::Clip), jsonObject(keys));
    ASSERT_TRUE(model);
    EXPECT_EQ(model->config().finalNorm, FinalNorm::AfterPool);
    EXPECT_FALSE(model->config().head.preLogits);
  }
  keys["projection_dim"] = "6";
  keys["architectures"] = "null"; // the projection tells
  Tensors t = tower("vision_model.", Tower::Clip).linear("visual_projection", 6, w, false);
  auto model = import(t, jsonObject(keys));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().source.arch, "CLIPVisionModelWithProjection");
  EXPECT_EQ(model->config().head.preLogits->out, 6);
}

TEST(HuggingFaceTowers, ClipClassifiesTheMeanOfRawPatches) {
  Tensors t = tower("vision_model.", Tower::Clip).linear("classifier", classes, w);
  auto model = import(t, compositeConfig("CLIPForImageClassification", "clip", {},
                                         {{"id2label", R"({"0":"a","1":"b","2":"c","3":"d","4":"e"})"}}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::None);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Mean);
  EXPECT_FALSE(model->config().pool.includePrefix);
  EXPECT_EQ(model->config().labels.size(), 5u);
  EXPECT_TRUE(model->noted("vision_model.post_layernorm.weight (the class takes the mean before this norm)"));
}

TEST(HuggingFaceTowers, CompositeConfigurations) {
  Tensors t = tower("vision_model.", Tower::Clip).linear("visual_projection", 6, w, false);
  // Published models leave out most of a part's keys.
  auto model =
      import(t, compositeConfig("CLIPModel", "clip", {{"hidden_act", "-"}, {"layer_norm_eps", "-"}}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().block.mlp.act, Activation::QuickGelu);
  EXPECT_EQ(model->config().normEps, 1e-5);
  EXPECT_TRUE(model->checkpoint.warnings.empty());
  EXPECT_TRUE(model->noted("vision_config: missing keys take the class's defaults: layer_norm_eps 1e-05"));
  // The older spelling wins.
  std::string dict = jsonObject({{"num_attention_heads", "4"}, {"image_size", "8"}, {"patch_size", "4"}});
  auto older = import(t, compositeConfig("CLIPModel", "clip", {}, {{"vision_config_dict", dict}}));
  ASSERT_TRUE(older);
  EXPECT_EQ(older->config().heads, 4);
  EXPECT_TRUE(import(t, compositeConfig("CLIPModel", "clip", {}, {{"vision_config_dict", "null"}})));

  expectRefused(t, compositeConfig("CLIPModel", "clip", {}, {{"vision_config", "-"}}), {"vision_config"});
  expectRefused(t, compositeConfig("CLIPModel", "clip", {}, {{"vision_config", "3"}}),
                {"vision_config", "an object"});
  expectRefused(t, compositeConfig("CLIPModel", "clip", {{"model_type", "\"siglip_vision_model\""}}),
                {"vision_config.model_type: expected 'clip_vision_model' for CLIPModel"});
  expectRefused(t, compositeConfig("CLIPModel", "clip", {{"hiden_size", "8"}}),
                {"vision_config.hiden_size", "did you mean 'hidden_size'?"});
  expectRefused(t, compositeConfig("CLIPModel", "clip", {}, {{"vision_confg", "8"}}), {"'vision_confg'"});
  expectRefused(t, compositeConfig("CLIPModel", "siglip"), {"model_type: expected 'clip' for CLIPModel"});
}

TEST(HuggingFaceTowers, SiglipPoolsByAttention) {
  Tensors t = withTexts(tower("vision_model.", Tower::Siglip, true));
  auto model =
      import(t, compositeConfig("SiglipModel", "siglip", {{"hidden_act", "-"}, {"layer_norm_eps", "-"}}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().block.mlp.act, Activation::GeluTanh);
  EXPECT_EQ(model->config().normEps, 1e-6);
  EXPECT_TRUE(model->config().prefix.empty());
  EXPECT_EQ(model->config().pool.kind, PoolKind::Map);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  // in_proj is q, k, v in this order.
  EXPECT_EQ(values(model->checkpoint, "pool.q.w").back() + 1, values(model->checkpoint, "pool.k.w").front());
  EXPECT_EQ(values(model->checkpoint, "pool.k.b").back() + 1, values(model->checkpoint, "pool.v.b").front());

  Changes keys = sizes("SiglipVisionModel", "siglip_vision_model");
  EXPECT_TRUE(import(tower("", Tower::Siglip, true), jsonObject(keys))); // as version 5 names them
  keys["vision_use_head"] = "false";
  auto headless = import(tower("vision_model.", Tower::Siglip), jsonObject(keys));
  ASSERT_TRUE(headless);
  EXPECT_EQ(headless->config().pool.kind, PoolKind::None);
  expectRefused(tower("", Tower::Siglip, true), jsonObject(keys), {"vision_use_head", "head.probe"});
}

TEST(HuggingFaceTowers, SiglipClassifiesTheMean) {
  Tensors t = tower("vision_model.", Tower::Siglip, true).linear("classifier", classes, w);
  auto model =
      import(t, compositeConfig("SiglipForImageClassification", "siglip", {{"vision_use_head", "true"}}));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->config().pool.kind, PoolKind::Mean);
  EXPECT_EQ(model->config().finalNorm, FinalNorm::AllTokens);
  EXPECT_TRUE(model->noted("vision_model.head.probe (the class takes the mean instead)"));
}

TEST(HuggingFaceTowers, NaFlexIsRefusedByName) {
  for (auto [modelClass, type] :
       {std::pair("Siglip2Model", "siglip2"), std::pair("Siglip2VisionModel", "siglip2_vision_model")}) {
    expectRefused(tower("vision_model.", Tower::Siglip, true), compositeConfig(modelClass, type),
                  {modelClass, "NaFlex", "SiglipModel"});
    expectRefused(tower("vision_model.", Tower::Siglip, true),
                  compositeConfig(modelClass, type, {}, {{"architectures", "-"}}), {"NaFlex"});
  }
}

Tensors aimv2(const std::string &p, bool positions, bool pooling = false) {
  Tensors t;
  t.add(p + "embeddings.patch_embed.weight", {w, 3, 4, 4}).add(p + "embeddings.patch_embed.bias", {w});
  t.norm(p + "embeddings.rms_norm", false);
  if (positions)
    t.add(p + "embeddings.position_embedding.weight", {4, w});
  for (int i = 0; i < 2; ++i) {
    std::string b = p + "encoder.layers." + std::to_string(i) + ".";
    t.norm(b + "rms_norm1", false).norm(b + "rms_norm2", false);
    for (const char *name : {"q_proj", "k_proj", "v_proj", "out_proj"})
      t.linear(b + "attention." + name, w, w, false);
    t.linear(b + "ffn.gate_proj", f, w, false)
        .linear(b + "ffn.up_proj", f, w, false)
        .linear(b + "ffn.down_proj", w, f, false);
  }
  t.norm(p + "rms_norm", false);
  if (pooling)
    t.add(p + "head.cls_token", {1, 1, w})
        .linear(p + "head.k_proj", w, w, false)
        .linear(p + "head.v_proj", w, w, false)
        .linear(p + "head.output_proj", w, w);
  return t;
}
std::string aimv2Config(Changes change = {}) {
  Changes keys = sizes("Aimv2VisionModel", "aimv2_vision_model");
  keys.erase("layer_norm_eps");
  keys["rms_norm_eps"] = "1e-5";
  keys["hidden_act"] = "\"silu\"";
  keys["qkv_bias"] = keys["mlp_bias"] = keys["use_head"] = keys["is_native"] = "false";
  return jsonObject(keys, change);
}

TEST(HuggingFaceTowers, Aimv2) {
  auto model = import(aimv2("", true), aimv2Config());
  ASSERT_TRUE(model);
  const ModelConfig &config = model->config();
  EXPECT_EQ(config.norm, NormKind::Rms);
  EXPECT_EQ(config.normEps, 1e-5);
  EXPECT_EQ(config.patch.normOut, NormKind::Rms);
  EXPECT_EQ(config.block.mlp.kind, MlpKind::Glu);
  EXPECT_EQ(config.block.mlp.act, Activation::Silu);
  EXPECT_FALSE(config.block.mlp.bias);
  EXPECT_FALSE(config.block.attn.outBias);
  EXPECT_EQ(config.block.attn.qkvBias, (std::array<bool, 3>{false, false, false}));
  EXPECT_EQ(config.pool.kind, PoolKind::None);
  EXPECT_EQ(config.pos.kind, PosKind::Learned);
  EXPECT_EQ(config.heads, 2);
  expectRefused(aimv2("", true), aimv2Config({{"is_native", "true"}}), {"is_native", "position_embedding"});
  expectRefused(aimv2("", true), aimv2Config({{"qkv_bias", "true"}}), {"qkv_bias"});
  // Its head is attention alone, and the probe is the query.
  auto pooling = import(aimv2("", true, true), aimv2Config({{"use_head", "true"}}));
  ASSERT_TRUE(pooling);
  const PoolConfig &pool = pooling->config().pool;
  EXPECT_EQ(pool.kind, PoolKind::Map);
  EXPECT_FALSE(pool.query);
  EXPECT_FALSE(pool.kvBias);
  EXPECT_FALSE(pool.mlp);
  expectRefused(aimv2("", true, true), aimv2Config(), {"use_head"});
  expectRefused(aimv2("", true), aimv2Config({{"use_head", "true"}}), {"use_head"});
}

TEST(HuggingFaceTowers, ProcessorsOfVersionFive) {
  ModelDir dir;
  dir.tensors(tower("vision_model.", Tower::Clip).linear("visual_projection", 6, w, false).shapes);
  dir.config(compositeConfig("CLIPModel", "clip"));
  dir.write("processor_config.json", R"({"processor_class": "CLIPProcessor", "image_processor":
    {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8},
     "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}})");
  auto model = get(tryImport(dir));
  ASSERT_TRUE(model);
  ASSERT_TRUE(model->config().preprocess);
  EXPECT_EQ(std::get<ResizeStep>(model->config().preprocess->steps[0]).mode, ResizeMode::Shortest);
  dir.write("processor_config.json", R"({"image_processor": 3})");
  expectError(tryImport(dir), ExitCode::Input, {"processor_config.json", "image_processor", "an object"});
  dir.write("processor_config.json", R"({"processor_class": "X"})");
  auto without = get(tryImport(dir));
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->config().preprocess);
}

TEST(HuggingFaceGoldens, AllBind) {
  // What transformers wrote itself: every tensor has a place, whether or not the compiler can lower the
  // model.
  std::string goldens = VITC_TEST_DATA "/../../Integration/goldens";
  int seen = 0;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(goldens, error), end; it != end && !error; it.increment(error)) {
    llvm::StringRef name = llvm::sys::path::filename(it->path());
    if (!name.starts_with("hf") || !llvm::sys::fs::exists(it->path() + "/golden"))
      continue;
    ++seen;
    auto document = get(JsonDocument::parseFile(it->path() + "/config.json"));
    ASSERT_TRUE(document);
    llvm::Expected<Imported> imported = importHuggingFace(it->path(), *document);
    ASSERT_TRUE(static_cast<bool>(imported)) << name.str() << ": " << llvm::toString(imported.takeError());
    const ModelConfig &config = imported->checkpoint.config;
    if (config.pos.kind == PosKind::SincosMae ||
        (config.pos.kind == PosKind::Learned && config.pos.grid != config.grid()))
      continue; // the tables are computed: GoldenTest
    EXPECT_EQ(llvm::toString(bindTensors(imported->checkpoint, imported->tensors, *imported->table, name)),
              "");
    EXPECT_TRUE(imported->checkpoint.warnings.empty())
        << name.str() << ": " << imported->checkpoint.warnings[0];
  }
  EXPECT_GE(seen, 90);
}

} // namespace
