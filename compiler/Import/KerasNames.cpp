//===- KerasNames.cpp - the variables of keras-hub's ViT and of vit-keras ---------------------------===//
#include "compiler/Import/KerasNames.h"
#include "compiler/Import/KerasFile.h"
#include <memory>

using namespace vitc;

namespace {

/// What follows a layer's name: in named variables, and in numbered ones.
constexpr ParameterSpelling parameters[] = {{"kernel", "bias"}, {"gamma", "beta"}, {"vars/0", "vars/1"}};
constexpr const char *prefixes[] = {"layers/", "_layer_checkpoint_dependencies/", "vi_t_backbone/",
                                    "backbone/"};

constexpr Layout T = Layout::Transposed, In = Layout::HeadsIn, Out = Layout::HeadsOut;

/// A block's rules, once for each way to name the block.
struct BlockRule {
  const char *source, *target;
  Layout layout = Layout::AsStored;
};
constexpr BlockRule hubBlock[] = {
    {"ln_1/{p}", "ln1.{p}"},
    {"mha/query/{p}", "q.{p}", In},
    {"mha/key/{p}", "k.{p}", In},
    {"mha/value/{p}", "v.{p}", In},
    {"mha/attention_output/{p}", "o.{p}", Out},
    {"ln_2/{p}", "ln2.{p}"},
    {"mlp/dense_1/{p}", "fc1.{p}", T},
    {"mlp/dense_2/{p}", "fc2.{p}", T},
};
constexpr BlockRule hubNumberedBlock[] = {
    {"layer_norm_1/{p}", "ln1.{p}"},         {"mha/query_dense/{p}", "q.{p}", In},
    {"mha/key_dense/{p}", "k.{p}", In},      {"mha/value_dense/{p}", "v.{p}", In},
    {"mha/_query_dense/{p}", "q.{p}", In},   {"mha/_key_dense/{p}", "k.{p}", In},
    {"mha/_value_dense/{p}", "v.{p}", In},   {"mha/output_dense/{p}", "o.{p}", Out},
    {"mha/_output_dense/{p}", "o.{p}", Out}, {"layer_norm_2/{p}", "ln2.{p}"},
    {"mlp/dense_1/{p}", "fc1.{p}", T},       {"mlp/dense_2/{p}", "fc2.{p}", T},
};
constexpr BlockRule vitKerasBlock[] = {
    {"LayerNorm_0/{p}", "ln1.{p}"},
    {"MultiHeadDotProductAttention_1/query/{p}", "q.{p}", T},
    {"MultiHeadDotProductAttention_1/key/{p}", "k.{p}", T},
    {"MultiHeadDotProductAttention_1/value/{p}", "v.{p}", T},
    {"MultiHeadDotProductAttention_1/out/{p}", "o.{p}", T},
    {"LayerNorm_2/{p}", "ln2.{p}"},
    {"MlpBlock_3/Dense_0/{p}", "fc1.{p}", T},
    {"MlpBlock_3/Dense_1/{p}", "fc2.{p}", T},
    {"Dense_0/{p}", "fc1.{p}", T},
    {"Dense_1/{p}", "fc2.{p}", T},
    {"MlpBlock_3/Transformer_encoderblock_{i}_Dense_0/{p}", "fc1.{p}", T},
    {"MlpBlock_3/Transformer_encoderblock_{i}_Dense_1/{p}", "fc2.{p}", T},
};
constexpr BlockRule vitKerasNumberedBlock[] = {
    {"layernorm1/{p}", "ln1.{p}"},
    {"att/query_dense/{p}", "q.{p}", T},
    {"att/key_dense/{p}", "k.{p}", T},
    {"att/value_dense/{p}", "v.{p}", T},
    {"att/combine_heads/{p}", "o.{p}", T},
    {"layernorm2/{p}", "ln2.{p}"},
    {"mlpblock/layers/dense/{p}", "fc1.{p}", T},
    {"mlpblock/layers/dense_1/{p}", "fc2.{p}", T},
};

/// Rules whose strings live as long as they.
class Rules {
public:
  void add(std::string source, std::string target, Layout layout = Layout::AsStored) {
    rules.push_back({keep(std::move(source)), keep(std::move(target)), layout});
  }
  /// `block` is how the library names a block, with a placeholder, or the first one without.
  void addBlock(const std::string &block, llvm::ArrayRef<BlockRule> parts) {
    bool indexed = llvm::StringRef(block).contains('{');
    for (const BlockRule &part : parts)
      add(block + "/" + part.source, std::string(indexed ? "blk.{i}." : "blk.0.") + part.target, part.layout);
  }
  std::vector<NameRule> rules;

private:
  const char *keep(std::string text) {
    return strings.emplace_back(std::make_unique<std::string>(std::move(text)))->c_str();
  }
  std::vector<std::unique_ptr<std::string>> strings;
};

/// In the numbered form, the head is the second dense layer where there are pre-logits.
void addNumberedHead(Rules &rules, bool preLogits) {
  rules.add("dense/{p}", preLogits ? "head.pre.{p}" : "head.main.{p}", T);
  if (preLogits)
    rules.add("dense_1/{p}", "head.main.{p}", T);
}

} // namespace

const NameTable &vitc::kerasHubTable(bool preLogits) {
  auto make = [](bool pre) {
    auto rules = std::make_unique<Rules>();
    rules->add("vit_patching_and_embedding/class_token", "embed.cls");
    rules->add("vit_patching_and_embedding/patch_embedding/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("vit_patching_and_embedding/position_embedding/embeddings", "embed.pos");
    for (const char *block : {"vit_encoder/transformer_block_{j}", "vit_encoder/tranformer_block_{j}"})
      rules->addBlock(block, hubBlock);
    rules->add("vit_encoder/ln/{p}", "final.norm.{p}");
    rules->add("pre_logits/{p}", "head.pre.{p}", T);
    rules->add("predictions/{p}", "head.main.{p}", T);

    rules->add("vi_t_patching_and_embedding/vars/0", "embed.cls");
    rules->add("vi_t_patching_and_embedding/patch_embedding/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("vi_t_patching_and_embedding/position_embedding/vars/0", "embed.pos");
    for (const char *block : {"vi_t_encoder_block", "vi_t_encoder_block_{i}"})
      rules->addBlock(std::string("vi_t_encoder/encoder_layers/") + block, hubNumberedBlock);
    rules->add("vi_t_encoder/layer_norm/{p}", "final.norm.{p}");
    addNumberedHead(*rules, pre);
    return rules;
  };
  static const std::unique_ptr<Rules> rules[] = {make(false), make(true)};
  static const NameTable tables[] = {{"keras-hub", rules[0]->rules, prefixes, kerasIgnored, parameters},
                                     {"keras-hub", rules[1]->rules, prefixes, kerasIgnored, parameters}};
  return tables[preLogits];
}

const NameTable &vitc::vitKerasTable(bool preLogits) {
  auto make = [](bool pre) {
    auto rules = std::make_unique<Rules>();
    rules->add("embedding/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("class_token/cls", "embed.cls");
    for (const char *separator : {"_", "/"}) { // version 0.1 names layers with slashes
      std::string transformer = std::string("Transformer") + separator;
      rules->add(transformer + "posembed_input/pos_embedding", "embed.pos");
      rules->addBlock(transformer + "encoderblock_{i}", vitKerasBlock);
      rules->add(transformer + "encoder_norm/{p}", "final.norm.{p}");
    }
    rules->add("pre_logits/{p}", "head.pre.{p}", T);
    rules->add("head/{p}", "head.main.{p}", T);

    rules->add("conv2d/{p}", "embed.patch.{p}", Layout::Hwio);
    rules->add("class_token/vars/0", "embed.cls");
    rules->add("add_position_embs/vars/0", "embed.pos");
    for (const char *block : {"transformer_block", "transformer_block_{i}"})
      rules->addBlock(block, vitKerasNumberedBlock);
    rules->add("layer_normalization/{p}", "final.norm.{p}");
    addNumberedHead(*rules, pre);
    return rules;
  };
  static const std::unique_ptr<Rules> rules[] = {make(false), make(true)};
  static const NameTable tables[] = {{"vit-keras", rules[0]->rules, prefixes, kerasIgnored, parameters},
                                     {"vit-keras", rules[1]->rules, prefixes, kerasIgnored, parameters}};
  return tables[preLogits];
}
