//===- VitJsonPrint.cpp - printing vit.json ---------------------------------------------------------===//
#include "compiler/Import/ModelConfig.h"
#include "compiler/Import/VitNames.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <fmt/format.h>

using namespace vitc;

namespace {

/// llvm::json's stream with short arrays on one line and numbers in their shortest exact form.
class Printer {
public:
  explicit Printer(llvm::raw_ostream &os) : json(os, 2) {}
  void print(const ModelConfig &config);

private:
  void raw(llvm::StringRef key, const std::string &text) {
    json.attributeBegin(key);
    json.rawValue(text);
    json.attributeEnd();
  }
  void number(llvm::StringRef key, double value) { raw(key, fmt::format("{}", value)); }
  template <typename Range> void numbers(llvm::StringRef key, const Range &values) {
    raw(key, fmt::format("[{}]", fmt::join(values, ", ")));
  }
  void extent(llvm::StringRef key, const Extent &value) {
    raw(key, fmt::format("[{}, {}]", value.height, value.width));
  }
  void norm(llvm::StringRef key, const std::optional<NormKind> &kind) {
    if (kind)
      json.attribute(key, nameOf(*kind));
    else
      json.attribute(key, nullptr);
  }
  /// Text from file names may not be UTF-8, which JSON cannot hold.
  void string(llvm::StringRef key, llvm::StringRef text) { json.attribute(key, llvm::json::fixUTF8(text)); }
  void strings(llvm::StringRef key, const std::vector<std::string> &list) {
    json.attributeArray(key, [&] {
      for (const std::string &text : list)
        json.value(llvm::json::fixUTF8(text));
    });
  }
  void tokens(llvm::StringRef key, const std::vector<TokenRun> &runs);
  void step(const PreprocessStep &step);
  void input(const ModelConfig &config);
  void embedding(const ModelConfig &config);
  void block(const BlockConfig &block);
  void head(const HeadConfig &head);

  llvm::json::OStream json;
};

void Printer::tokens(llvm::StringRef key, const std::vector<TokenRun> &runs) {
  std::string text;
  for (const TokenRun &run : runs)
    text += fmt::format("{}\"{}{}\"", text.empty() ? "" : ", ", run.kind,
                        run.count == 1 ? "" : fmt::format(":{}", run.count));
  raw(key, "[" + text + "]");
}

void Printer::step(const PreprocessStep &step) {
  json.object([&] {
    if (const auto *resize = std::get_if<ResizeStep>(&step)) {
      json.attribute("op", "resize");
      json.attribute("mode", nameOf(resize->mode));
      if (resize->mode == ResizeMode::Squash)
        extent("size", resize->size);
      else
        raw("size", fmt::format("[{}]", resize->size.height));
      json.attribute("filter", nameOf(resize->filter));
      json.attribute("antialias", resize->antialias);
      json.attribute("impl", nameOf(resize->impl));
      json.attribute("pixels", nameOf(resize->pixels));
      json.attribute("rounding", nameOf(resize->rounding));
    } else if (const auto *crop = std::get_if<CenterCropStep>(&step)) {
      json.attribute("op", "center_crop");
      extent("size", crop->size);
      json.attribute("round", nameOf(crop->round));
      json.attribute("pad", crop->pad);
    } else {
      const auto &affine = std::get<AffineStep>(step);
      json.attribute("op", "affine");
      number("scale", affine.scale);
      numbers("mean", affine.mean);
      numbers("std", affine.std);
    }
  });
}

void Printer::input(const ModelConfig &config) {
  json.attributeObject("source", [&] {
    string("library", config.source.library);
    string("arch", config.source.arch);
    string("hash", config.source.hash);
    if (!config.source.sha256.empty())
      string("sha256", config.source.sha256);
  });
  json.attributeObject("input", [&] {
    extent("size", config.inputSize);
    json.attribute("channels", config.channels);
    json.attribute("layout", nameOf(config.layout));
    json.attribute("shape", nameOf(config.shape));
  });
  if (!config.preprocess)
    return json.attribute("preprocess", nullptr);
  json.attributeObject("preprocess", [&] {
    json.attribute("decode_rgb", config.preprocess->decodeRgb);
    json.attributeArray("steps", [&] {
      for (const PreprocessStep &s : config.preprocess->steps)
        step(s);
    });
  });
}

void Printer::embedding(const ModelConfig &config) {
  json.attributeObject("patch", [&] {
    json.attribute("kind", nameOf(config.patch.kind));
    extent("size", config.patch.size);
    extent("stride", config.patch.stride);
    json.attribute("pad", nameOf(config.patch.pad));
    json.attribute("order", nameOf(config.patch.order));
    json.attribute("bias", config.patch.bias);
    norm("norm_in", config.patch.normIn);
    norm("norm_out", config.patch.normOut);
  });
  json.attributeObject("tokens", [&] {
    tokens("prefix", config.prefix);
    tokens("suffix", config.suffix);
    json.attribute("pos_covers", nameOf(config.posCovers));
  });
  json.attributeObject("pos", [&] {
    json.attribute("kind", nameOf(config.pos.kind));
    extent("grid", config.pos.grid);
    if (const auto &resize = config.pos.resize)
      json.attributeObject("resize", [&] {
        string("kernel", resize->kernel);
        json.attribute("antialias", resize->antialias);
        json.attribute("align_corners", resize->alignCorners);
        string("scale", resize->scale);
      });
  });
  json.attributeObject("rope", [&] {
    json.attribute("kind", nameOf(config.rope.kind));
    number("base", config.rope.base);
    string("order", config.rope.order);
    string("pairing", config.rope.pairing);
    extent("ref", config.rope.ref);
    number("offset", config.rope.offset);
    if (!config.rope.periods.empty())
      numbers("periods", config.rope.periods);
  });
  json.attributeObject("rel_bias", [&] {
    json.attribute("kind", nameOf(config.relBias));
    json.attribute("shared", config.relBiasShared);
    if (config.relBiasGrid)
      extent("grid", *config.relBiasGrid);
    if (config.relBiasResize)
      json.attribute("resize", nameOf(*config.relBiasResize));
  });
}

void Printer::block(const BlockConfig &block) {
  const AttentionConfig &attn = block.attn;
  json.attribute("placement", nameOf(block.placement));
  json.attribute("residual", block.residual);
  json.attributeObject("attn", [&] {
    numbers("qkv_bias", attn.qkvBias);
    norm("qk_norm", attn.qkNorm);
    if (attn.scaleRule == ScaleRule::Number)
      number("scale", attn.scale);
    else
      json.attribute("scale", nameOf(attn.scaleRule));
    json.attribute("scale_site", nameOf(attn.scaleSite));
    json.attribute("softmax", attn.softmax);
    json.attribute("value", attn.value);
    json.attribute("out_proj", attn.outProj);
    json.attribute("out_bias", attn.outBias);
    json.attribute("out_norm", attn.outNorm);
    if (attn.gate)
      string("gate", *attn.gate);
    else
      json.attribute("gate", nullptr);
  });
  json.attribute("layer_scale", block.layerScale);
  json.attributeObject("mlp", [&] {
    json.attribute("kind", nameOf(block.mlp.kind));
    json.attribute("act", nameOf(block.mlp.act));
    json.attribute("hidden", block.mlp.hidden);
    json.attribute("inner_norm", block.mlp.innerNorm);
    json.attribute("bias", block.mlp.bias);
  });
}

void Printer::head(const HeadConfig &head) {
  if (const auto &pre = head.preLogits)
    json.attributeObject("pre_logits", [&] {
      json.attribute("out", pre->out);
      string("act", pre->act);
      json.attribute("bias", pre->bias);
    });
  else
    json.attribute("pre_logits", nullptr);
  json.attributeArray("layers", [&] {
    for (const HeadLayer &layer : head.layers)
      json.object([&] {
        string("name", layer.name);
        string("from", layer.from);
        json.attribute("out", layer.out);
        json.attribute("bias", layer.bias);
      });
  });
  json.attribute("combine", nameOf(head.combine));
}

void Printer::print(const ModelConfig &config) {
  json.object([&] {
    json.attribute("format", "vitc.vit");
    json.attribute("version", 1);
    string("name", config.name);
    input(config);
    json.attribute("width", config.width);
    json.attribute("depth", config.depth);
    json.attribute("heads", config.heads);
    json.attribute("head_dim", config.headDim);
    embedding(config);
    json.attributeObject("norm", [&] {
      json.attribute("kind", nameOf(config.norm));
      number("eps", config.normEps);
    });
    json.attribute("pre_norm", config.preNorm);
    json.attributeObject("block", [&] { block(config.block); });
    json.attribute("final_norm", nameOf(config.finalNorm));
    json.attributeObject("pool", [&] {
      json.attribute("kind", nameOf(config.pool.kind));
      json.attribute("include_prefix", config.pool.includePrefix);
      if (!config.pool.layers.empty())
        numbers("layers", config.pool.layers);
      if (config.pool.heads)
        json.attribute("heads", config.pool.heads);
      if (config.pool.hidden)
        json.attribute("hidden", config.pool.hidden);
      if (config.pool.act)
        json.attribute("act", nameOf(*config.pool.act));
      if (config.pool.kind == PoolKind::Map) {
        json.attribute("query", config.pool.query);
        json.attribute("kv_bias", config.pool.kvBias);
        json.attribute("mlp", config.pool.mlp);
      }
    });
    json.attributeObject("head", [&] { head(config.head); });
    if (const std::optional<ZeroShot> &zeroShot = config.zeroShot)
      json.attributeObject("zero_shot", [&] {
        json.attribute("classes", zeroShot->classes);
        json.attribute("sigmoid", zeroShot->sigmoid);
      });
    if (!config.outputs.empty()) {
      std::vector<std::string> names;
      for (const OutputSpec &output : config.outputs)
        names.push_back(outputText(output));
      strings("outputs", names);
    }
    if (!config.labelsFile.empty())
      string("labels", config.labelsFile);
    else if (!config.labels.empty())
      strings("labels", config.labels);
    if (!config.ignored.empty())
      strings("ignored", config.ignored);
    if (!config.tensorNames.empty())
      json.attributeObject("tensors", [&] {
        for (const auto &[name, canonical] : config.tensorNames)
          string(llvm::json::fixUTF8(name), canonical);
      });
  });
}

} // namespace

std::string vitc::printVitJson(const ModelConfig &config) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Printer(os).print(config);
  os << "\n";
  return text;
}
