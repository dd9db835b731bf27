//===- VitJson.cpp - parsing vit.json ---------------------------------------------------------------===//
//
// Every key is optional where the canonical description has a value that nearly all models share
// (docs/vit-json.md lists them); unknown keys are errors. The reader keeps the first error and lets the rest
// fall through, so that the description reads as a list of fields.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/ModelConfig.h"
#include "compiler/Import/NameTable.h"
#include "compiler/Import/VitNames.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace vitc;

namespace {

constexpr int64_t anyInteger = int64_t(1) << 40; // parsing bounds overflow only; validate() knows the limits

/// The first error of a document.
class FirstError {
public:
  ~FirstError() { llvm::consumeError(std::move(error)); }
  void keep(llvm::Error other) {
    if (error)
      llvm::consumeError(std::move(other));
    else
      error = std::move(other);
  }
  template <typename T> void store(llvm::Expected<T> value, T &into) {
    if (value)
      into = std::move(*value);
    else
      keep(value.takeError());
  }
  llvm::Error take() { return std::exchange(error, llvm::Error::success()); }

private:
  llvm::Error error = llvm::Error::success();
};

/// Reads the members of one object and complains about those that nobody asked for.
class Fields {
public:
  /// `value` may be absent: then every field keeps its default.
  Fields(std::optional<JsonRef> value, FirstError &errors) : object(std::move(value)), errors(errors) {
    if (object)
      errors.keep(object->expectObject());
  }
  ~Fields() {
    if (!object)
      return;
    for (const auto &[key, value] : object->members())
      if (!llvm::is_contained(known, key))
        errors.keep(value.error(fmt::format("expected a key of vit.json, got '{}'{}", quoteForMessage(key),
                                            didYouMean(key, known))));
  }

  std::optional<JsonRef> find(llvm::StringRef key) {
    known.push_back(key);
    return object ? object->find(key) : std::nullopt;
  }
  std::optional<JsonRef> findValue(llvm::StringRef key) {
    std::optional<JsonRef> value = find(key);
    return value && value->isNull() ? std::nullopt : value;
  }
  /// Complains when a key that has no default is missing.
  std::optional<JsonRef> require(llvm::StringRef key) {
    std::optional<JsonRef> value = find(key);
    if (!value && object)
      errors.keep(object->get(key).takeError());
    return value;
  }

  void read(llvm::StringRef key, bool &into) {
    if (auto value = find(key))
      errors.store(value->asBool(), into);
  }
  void read(llvm::StringRef key, double &into) {
    if (auto value = find(key))
      errors.store(value->asNumber(), into);
  }
  void read(llvm::StringRef key, std::string &into) {
    if (auto value = find(key))
      errors.store(value->asString(), into);
  }
  void read(llvm::StringRef key, int64_t &into) {
    if (auto value = find(key))
      errors.store(value->asInteger(0, anyInteger), into);
  }
  void requireInteger(llvm::StringRef key, int64_t &into) {
    if (auto value = require(key))
      errors.store(value->asInteger(0, anyInteger), into);
  }
  template <typename Enum>
    requires std::is_enum_v<Enum>
  void read(llvm::StringRef key, Enum &into) {
    if (auto value = find(key))
      readEnum(*value, into);
  }
  template <typename Enum> void readEnum(const JsonRef &value, Enum &into) {
    std::string name;
    if (value.isString())
      name = llvm::cantFail(value.asString());
    if (std::optional<Enum> found = valueOf<Enum>(name)) {
      into = *found;
      return;
    }
    llvm::SmallVector<llvm::StringRef> spelled(std::begin(VitNames<Enum>::names),
                                               std::end(VitNames<Enum>::names));
    errors.keep(value.expected("one of '" + llvm::join(spelled, "', '") + "'"));
  }
  void read(llvm::StringRef key, std::optional<NormKind> &into) {
    if (auto value = findValue(key))
      readEnum(*value, into.emplace());
  }
  void read(llvm::StringRef key, Extent &into) {
    if (auto value = find(key))
      readExtent(*value, into);
  }
  void readExtent(const JsonRef &value, Extent &into) {
    std::vector<JsonRef> pair;
    errors.store(value.asArray(), pair);
    if (pair.size() != 2) {
      errors.keep(value.expected("a pair [height, width]"));
      return;
    }
    errors.store(pair[0].asInteger(0, anyInteger), into.height);
    errors.store(pair[1].asInteger(0, anyInteger), into.width);
  }
  std::vector<JsonRef> list(llvm::StringRef key) {
    std::vector<JsonRef> result;
    if (auto value = find(key))
      errors.store(value->asArray(), result);
    return result;
  }
  void read(llvm::StringRef key, std::vector<std::string> &into) {
    for (const JsonRef &element : list(key))
      errors.store(element.asString(), into.emplace_back());
  }
  void read(llvm::StringRef key, std::vector<double> &into) {
    for (const JsonRef &element : list(key))
      errors.store(element.asNumber(), into.emplace_back());
  }
  FirstError &firstError() { return errors; }

private:
  std::optional<JsonRef> object;
  FirstError &errors;
  llvm::SmallVector<llvm::StringRef, 16> known;
};

/// "cls" or "reg:4".
void readTokens(Fields &fields, llvm::StringRef key, std::vector<TokenRun> &runs) {
  runs.clear();
  for (const JsonRef &element : fields.list(key)) {
    std::string text;
    fields.firstError().store(element.asString(), text);
    auto [kind, count] = llvm::StringRef(text).split(':');
    TokenRun run{kind.str(), 1};
    bool named = !kind.empty() && llvm::all_of(kind, [](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (!named || (llvm::StringRef(text).contains(':') &&
                   (count.getAsInteger(10, run.count) || run.count < 1 || run.count > anyInteger))) {
      fields.firstError().keep(element.expected("a token kind such as 'cls' or 'reg:4'"));
      return;
    }
    runs.push_back(std::move(run));
  }
}

void readStep(const JsonRef &element, FirstError &errors, std::vector<PreprocessStep> &steps) {
  Fields fields(element, errors);
  std::string op;
  fields.require("op");
  fields.read("op", op);
  if (op == "resize") {
    ResizeStep step;
    fields.read("mode", step.mode);
    std::vector<JsonRef> size = fields.list("size");
    size_t numbers = step.mode == ResizeMode::Squash ? 2 : 1;
    if (size.size() != numbers) {
      errors.keep(element.error(fmt::format("expected 'size' to hold {} for this mode",
                                            numbers == 2 ? "[height, width]" : "one number")));
      return;
    }
    errors.store(size[0].asInteger(0, anyInteger), step.size.height);
    if (numbers == 2)
      errors.store(size[1].asInteger(0, anyInteger), step.size.width);
    fields.read("filter", step.filter);
    fields.read("antialias", step.antialias);
    fields.read("impl", step.impl);
    fields.read("pixels", step.pixels);
    fields.read("rounding", step.rounding);
    steps.push_back(step);
  } else if (op == "center_crop") {
    CenterCropStep step;
    fields.require("size");
    fields.read("size", step.size);
    fields.read("round", step.round);
    fields.read("pad", step.pad);
    steps.push_back(step);
  } else if (op == "affine") {
    AffineStep step;
    fields.read("scale", step.scale);
    fields.require("mean");
    fields.read("mean", step.mean);
    fields.require("std");
    fields.read("std", step.std);
    steps.push_back(std::move(step));
  } else {
    errors.keep(element.error(fmt::format("expected an 'op' of 'resize', 'center_crop' or 'affine', got '{}'",
                                          quoteForMessage(op))));
  }
}

void readAttention(std::optional<JsonRef> object, FirstError &errors, AttentionConfig &attn) {
  Fields fields(std::move(object), errors);
  if (auto bias = fields.find("qkv_bias")) {
    std::vector<JsonRef> flags;
    errors.store(bias->asArray(), flags);
    if (flags.size() == 3)
      for (int i = 0; i < 3; ++i)
        errors.store(flags[i].asBool(), attn.qkvBias[i]);
    else
      errors.keep(bias->expected("three flags: for q, k and v"));
  }
  fields.read("qk_norm", attn.qkNorm);
  if (auto scale = fields.find("scale")) {
    if (scale->isNumber()) {
      attn.scaleRule = ScaleRule::Number;
      errors.store(scale->asNumber(), attn.scale);
    } else {
      fields.readEnum(*scale, attn.scaleRule);
      if (attn.scaleRule == ScaleRule::Number)
        errors.keep(scale->expected("'rsqrt_d', 'learned_div' or the number itself"));
    }
  }
  fields.read("scale_site", attn.scaleSite);
  fields.read("softmax", attn.softmax);
  fields.read("value", attn.value);
  fields.read("out_proj", attn.outProj);
  fields.read("out_bias", attn.outBias);
  fields.read("out_norm", attn.outNorm);
  if (auto gate = fields.findValue("gate"))
    errors.store(gate->asString(), attn.gate.emplace());
}

void readBlock(std::optional<JsonRef> object, FirstError &errors, BlockConfig &block) {
  Fields fields(std::move(object), errors);
  fields.read("placement", block.placement);
  fields.read("residual", block.residual);
  readAttention(fields.find("attn"), errors, block.attn);
  fields.read("layer_scale", block.layerScale);
  Fields mlp(fields.require("mlp"), errors);
  mlp.read("kind", block.mlp.kind);
  mlp.require("act");
  mlp.read("act", block.mlp.act);
  mlp.requireInteger("hidden", block.mlp.hidden);
  mlp.read("inner_norm", block.mlp.innerNorm);
  mlp.read("bias", block.mlp.bias);
}

void readHead(std::optional<JsonRef> object, FirstError &errors, HeadConfig &head) {
  Fields fields(std::move(object), errors);
  if (auto pre = fields.findValue("pre_logits")) {
    head.preLogits.emplace();
    Fields inner(pre, errors);
    inner.requireInteger("out", head.preLogits->out);
    inner.read("act", head.preLogits->act);
    inner.read("bias", head.preLogits->bias);
  }
  for (const JsonRef &element : fields.list("layers")) {
    HeadLayer &layer = head.layers.emplace_back();
    Fields inner(element, errors);
    inner.read("name", layer.name);
    inner.read("from", layer.from);
    inner.requireInteger("out", layer.out);
    inner.read("bias", layer.bias);
  }
  fields.read("combine", head.combine);
}

void readPatchAndTokens(Fields &root, FirstError &errors, ModelConfig &config) {
  {
    Fields patch(root.require("patch"), errors);
    patch.read("kind", config.patch.kind);
    patch.require("size");
    patch.read("size", config.patch.size);
    config.patch.stride = config.patch.size;
    patch.read("stride", config.patch.stride);
    patch.read("pad", config.patch.pad);
    patch.read("order", config.patch.order);
    patch.read("bias", config.patch.bias);
    patch.read("norm_in", config.patch.normIn);
    patch.read("norm_out", config.patch.normOut);
  }
  {
    Fields tokens(root.require("tokens"), errors);
    tokens.require("prefix");
    readTokens(tokens, "prefix", config.prefix);
    readTokens(tokens, "suffix", config.suffix);
    tokens.read("pos_covers", config.posCovers);
  }
  {
    Fields pos(root.find("pos"), errors);
    if (config.posCovers == PosCovers::None)
      config.pos.kind = PosKind::None;
    pos.read("kind", config.pos.kind);
    config.pos.grid = config.grid();
    pos.read("grid", config.pos.grid);
    if (auto resize = pos.findValue("resize")) {
      PosResize &rule = config.pos.resize.emplace();
      Fields inner(resize, errors);
      inner.read("kernel", rule.kernel);
      inner.read("antialias", rule.antialias);
      inner.read("align_corners", rule.alignCorners);
      inner.read("scale", rule.scale);
    }
  }
  {
    Fields rope(root.find("rope"), errors);
    rope.read("kind", config.rope.kind);
    rope.read("base", config.rope.base);
    rope.read("order", config.rope.order);
    rope.read("pairing", config.rope.pairing);
    rope.read("ref", config.rope.ref);
    rope.read("offset", config.rope.offset);
    rope.read("periods", config.rope.periods);
  }
  Fields relBias(root.find("rel_bias"), errors);
  relBias.read("kind", config.relBias);
  relBias.read("shared", config.relBiasShared);
  if (auto grid = relBias.findValue("grid"))
    relBias.readExtent(*grid, config.relBiasGrid.emplace());
  if (auto resize = relBias.findValue("resize"))
    relBias.readEnum(*resize, config.relBiasResize.emplace());
}

void readInput(Fields &root, FirstError &errors, ModelConfig &config) {
  {
    Fields input(root.require("input"), errors);
    input.require("size");
    input.read("size", config.inputSize);
    input.read("channels", config.channels);
    input.read("layout", config.layout);
    input.read("shape", config.shape);
  }
  if (auto preprocess = root.findValue("preprocess")) {
    config.preprocess.emplace();
    Fields fields(preprocess, errors);
    config.preprocess->decodeRgb = config.channels == 3;
    fields.read("decode_rgb", config.preprocess->decodeRgb);
    for (const JsonRef &element : fields.list("steps"))
      readStep(element, errors, config.preprocess->steps);
  }
}

/// {"NAME IN THE FILE": "CANONICAL NAME"}, rules of a NameTable.
void readTensorNames(std::optional<JsonRef> object, FirstError &errors, ModelConfig &config) {
  if (!object)
    return;
  constexpr size_t maxRules = 256; // each is tried on each tensor
  errors.keep(object->expectObject());
  if (object->members().size() > maxRules)
    errors.keep(object->expected(fmt::format("at most {} rules", maxRules)));
  for (const auto &[source, value] : object->members()) {
    std::string target;
    errors.store(value.asString(), target);
    if (std::string problem = problemOf(source, target); value.isString() && !problem.empty())
      errors.keep(value.expected(problem));
    config.tensorNames.emplace_back(source.str(), std::move(target));
  }
}

void readModel(const JsonRef &document, FirstError &errors, ModelConfig &config) {
  Fields root(document, errors);
  if (auto format = root.require("format");
      format && (!format->isString() || llvm::cantFail(format->asString()) != "vitc.vit"))
    errors.keep(format->expected("'vitc.vit'"));
  if (auto version = root.require("version"))
    errors.keep(version->asInteger(1, 1).takeError());
  root.read("name", config.name);
  {
    Fields source(root.find("source"), errors);
    source.read("library", config.source.library);
    source.read("arch", config.source.arch);
    source.read("hash", config.source.hash);
    source.read("sha256", config.source.sha256);
  }
  readInput(root, errors, config);
  root.requireInteger("width", config.width);
  root.requireInteger("depth", config.depth);
  root.requireInteger("heads", config.heads);
  if (config.heads > 0)
    config.headDim = config.width / config.heads;
  root.read("head_dim", config.headDim);
  readPatchAndTokens(root, errors, config);
  {
    Fields norm(root.require("norm"), errors);
    norm.read("kind", config.norm);
    norm.require("eps"); // never a library's default: rule 1 of the family
    norm.read("eps", config.normEps);
  }
  root.read("pre_norm", config.preNorm);
  readBlock(root.require("block"), errors, config.block);
  root.read("final_norm", config.finalNorm);
  {
    Fields pool(root.require("pool"), errors);
    pool.require("kind");
    pool.read("kind", config.pool.kind);
    pool.read("include_prefix", config.pool.includePrefix);
    for (const JsonRef &element : pool.list("layers"))
      errors.store(element.asInteger(0, anyInteger), config.pool.layers.emplace_back());
    pool.read("heads", config.pool.heads);
    pool.read("hidden", config.pool.hidden);
    if (auto act = pool.find("act"))
      pool.readEnum(*act, config.pool.act.emplace());
    pool.read("query", config.pool.query);
    pool.read("kv_bias", config.pool.kvBias);
    pool.read("mlp", config.pool.mlp);
  }
  readHead(root.find("head"), errors, config.head);
  if (auto zeroShot = root.findValue("zero_shot")) {
    Fields fields(zeroShot, errors);
    config.zeroShot.emplace();
    fields.requireInteger("classes", config.zeroShot->classes);
    fields.read("sigmoid", config.zeroShot->sigmoid);
  }
  for (const JsonRef &element : root.list("outputs")) {
    std::string text;
    errors.store(element.asString(), text);
    if (std::optional<OutputSpec> output = parseOutput(text))
      config.outputs.push_back(*output);
    else
      errors.keep(element.expected("an output such as 'logits', 'features' or 'hidden:3'"));
  }
  if (auto labels = root.findValue("labels")) {
    if (labels->isString())
      errors.store(labels->asString(), config.labelsFile);
    else
      root.read("labels", config.labels);
  }
  root.read("ignored", config.ignored);
  readTensorNames(root.find("tensors"), errors, config);
}

} // namespace

llvm::Expected<ModelConfig> vitc::parseVitJson(llvm::StringRef text, llvm::StringRef path) {
  llvm::Expected<JsonDocument> document = JsonDocument::parse(text.str(), path);
  if (!document)
    return document.takeError();
  return parseVitJson(*document);
}

llvm::Expected<ModelConfig> vitc::parseVitJson(const JsonDocument &document) {
  ModelConfig config;
  FirstError errors;
  readModel(document.root(), errors, config);
  if (llvm::Error error = errors.take())
    return std::move(error);
  return config;
}
