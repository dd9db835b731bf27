#include "test/compiler/Import/ImportFixtures.h"
#include <cstring>
#include <fmt/format.h>

using namespace vitc;
using namespace vitc::test;

void TensorFile::addRaw(llvm::StringRef name, llvm::StringRef dtype, std::vector<int64_t> shape,
                        llvm::StringRef bytes) {
  header +=
      fmt::format("{}\"{}\":{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", count++ ? "," : "",
                  name.str(), dtype.str(), fmt::join(shape, ","), data.size(), data.size() + bytes.size());
  data += bytes.str();
}

void TensorFile::add(llvm::StringRef name, std::vector<int64_t> shape, const std::vector<float> &values) {
  addRaw(name, "F32", std::move(shape),
         llvm::StringRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)));
}

void TensorFile::add(llvm::StringRef name, std::vector<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= extent;
  std::vector<float> values(static_cast<size_t>(elements));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(1000 * count + static_cast<int>(i));
  add(name, std::move(shape), values);
}

static void addLinear(Shapes &shapes, const std::string &name, int64_t out, int64_t in) {
  shapes.push_back({name + ".weight", {out, in}});
  shapes.push_back({name + ".bias", {out}});
}
static void addNorm(Shapes &shapes, const std::string &name) {
  shapes.push_back({name + ".weight", {TinyModel::width}});
  shapes.push_back({name + ".bias", {TinyModel::width}});
}

Shapes vitc::test::huggingFaceShapes(llvm::StringRef prefix, bool newNames, bool distilled) {
  constexpr int64_t w = TinyModel::width, f = TinyModel::hidden;
  std::string p = prefix.str();
  Shapes shapes = {{p + "embeddings.cls_token", {1, 1, w}},
                   {p + "embeddings.position_embeddings", {1, distilled ? 6 : 5, w}},
                   {p + "embeddings.patch_embeddings.projection.weight", {w, 3, 4, 4}},
                   {p + "embeddings.patch_embeddings.projection.bias", {w}}};
  if (distilled)
    shapes.push_back({p + "embeddings.distillation_token", {1, 1, w}});
  for (int i = 0; i < 2; ++i) {
    std::string block = p + (newNames ? "layers." : "encoder.layer.") + std::to_string(i) + ".";
    addNorm(shapes, block + "layernorm_before");
    addNorm(shapes, block + "layernorm_after");
    std::string attention = block + (newNames ? "attention." : "attention.attention.");
    for (const char *name : {"query", "key", "value"})
      addLinear(shapes, attention + (newNames ? std::string(1, name[0]) + "_proj" : std::string(name)), w, w);
    addLinear(shapes, block + (newNames ? "attention.o_proj" : "attention.output.dense"), w, w);
    addLinear(shapes, block + (newNames ? "mlp.fc1" : "intermediate.dense"), f, w);
    addLinear(shapes, block + (newNames ? "mlp.fc2" : "output.dense"), w, f);
  }
  addNorm(shapes, p + "layernorm");
  return shapes;
}

Shapes vitc::test::timmShapes() {
  constexpr int64_t w = TinyModel::width, f = TinyModel::hidden;
  Shapes shapes = {{"cls_token", {1, 1, w}},
                   {"pos_embed", {1, 5, w}},
                   {"patch_embed.proj.weight", {w, 3, 4, 4}},
                   {"patch_embed.proj.bias", {w}}};
  for (int i = 0; i < 2; ++i) {
    std::string block = fmt::format("blocks.{}.", i);
    addNorm(shapes, block + "norm1");
    addLinear(shapes, block + "attn.qkv", 3 * w, w);
    addLinear(shapes, block + "attn.proj", w, w);
    addNorm(shapes, block + "norm2");
    addLinear(shapes, block + "mlp.fc1", f, w);
    addLinear(shapes, block + "mlp.fc2", w, f);
  }
  addNorm(shapes, "norm");
  addLinear(shapes, "head", TinyModel::classes, w);
  return shapes;
}

void ModelDir::tensors(const Shapes &shapes, llvm::StringRef file) {
  TensorFile out;
  for (const auto &[name, shape] : shapes)
    out.add(name, shape);
  write(file, out.text());
}

std::string vitc::test::jsonObject(std::map<std::string, std::string> members,
                                   const std::map<std::string, std::string> &change) {
  for (const auto &[key, value] : change)
    members[key] = value;
  std::string text;
  for (const auto &[key, value] : members)
    if (value != "-")
      text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ",\n", key, value);
  return "{" + text + "}";
}

std::string vitc::test::huggingFaceConfig(std::map<std::string, std::string> change) {
  return jsonObject({{"architectures", "[\"ViTForImageClassification\"]"},
                     {"model_type", "\"vit\""},
                     {"hidden_size", "8"},
                     {"num_hidden_layers", "2"},
                     {"num_attention_heads", "2"},
                     {"intermediate_size", "12"},
                     {"hidden_act", "\"gelu\""},
                     {"layer_norm_eps", "1e-6"},
                     {"image_size", "8"},
                     {"patch_size", "4"},
                     {"num_channels", "3"},
                     {"qkv_bias", "true"}},
                    change);
}

std::string vitc::test::timmConfig(std::map<std::string, std::string> change,
                                   std::map<std::string, std::string> arguments) {
  return jsonObject(
      {{"architecture", "\"vit_tiny_patch16_224\""},
       {"num_classes", "5"},
       {"num_features", "8"},
       {"global_pool", "\"token\""},
       {"model_args", jsonObject({{"img_size", "8"}, {"embed_dim", "8"}, {"num_heads", "2"}}, arguments)},
       {"pretrained_cfg", R"({"input_size": [3, 8, 8], "interpolation": "bicubic", "crop_pct": 0.9,
                    "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 5,
                    "pool_size": null, "first_conv": "patch_embed.proj", "classifier": "head"})"}},
      change);
}

std::vector<double> vitc::test::values(const Checkpoint &checkpoint, llvm::StringRef name) {
  auto it = checkpoint.tensors.find(name.str());
  if (it == checkpoint.tensors.end()) {
    ADD_FAILURE() << "no tensor " << name.str();
    return {};
  }
  std::vector<double> result(static_cast<size_t>(it->second->elements()));
  it->second->read(0, result);
  return result;
}

std::string vitc::test::shapeOf(const Checkpoint &checkpoint, llvm::StringRef name) {
  auto it = checkpoint.tensors.find(name.str());
  if (it == checkpoint.tensors.end())
    return "missing";
  return fmt::format("[{}]", fmt::join(it->second->shape().begin(), it->second->shape().end(), ", "));
}

const char *const vitc::test::minimalVitJson = R"({
  "format": "vitc.vit", "version": 1,
  "input": {"size": [8, 12]},
  "width": 16, "depth": 1, "heads": 2,
  "patch": {"size": [4, 4]},
  "tokens": {"prefix": ["cls"]},
  "norm": {"eps": 1e-6},
  "block": {"mlp": {"act": "gelu_erf", "hidden": 20}},
  "pool": {"kind": "cls"},
  "head": {"layers": [{"out": 3}]}
})";

std::string vitc::test::changedVitJson(llvm::StringRef from, llvm::StringRef to) {
  std::string text = minimalVitJson;
  size_t at = text.find(from.str());
  EXPECT_NE(at, std::string::npos) << from.str();
  return text.replace(at, from.size(), to.str());
}

ModelConfig vitc::test::minimalConfig() { return *get(parseVitJson(minimalVitJson, "vit.json")); }
