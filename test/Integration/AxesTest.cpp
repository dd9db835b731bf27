// Every value of every axis of vit.json: lowered for every level in every precision, or refused by name.
// docs/axes.md is the table; VITC_UPDATE_DOCS=1 AxesTest writes it.
#include "compiler/Import/VitNames.h"
#include "compiler/Support/Error.h"
#include "test/Integration/Harness.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr const char *kTable = VITC_TEST_DATA "/../../docs/axes.md";

/// A model to which a value is given: of several kinds of prefix tokens, so that all pools have something to
/// leave out.
ModelConfig baseConfig() {
  ModelConfig config = smallConfig();
  config.depth = 1;
  config.prefix = {{"cls", 1}, {"reg", 2}};
  config.preprocess.reset();
  return config;
}

struct Axis {
  const char *field;
  std::string value;
  std::function<void(ModelConfig &)> apply;
};

class Axes {
public:
  std::vector<Axis> list;

  /// All spellings of an enumeration; `prepare` makes the rest of the model fit a value.
  template <typename Enum>
  void all(const char *field, std::function<Enum &(ModelConfig &)> member,
           std::function<void(ModelConfig &, Enum)> prepare = {}) {
    for (const char *name : VitNames<Enum>::names) {
      Enum value = *valueOf<Enum>(name);
      list.push_back({field, name, [=](ModelConfig &config) {
                        member(config) = value;
                        if (prepare)
                          prepare(config, value);
                      }});
    }
  }
  void one(const char *field, const char *value, std::function<void(ModelConfig &)> apply) {
    list.push_back({field, value, std::move(apply)});
  }
};

std::vector<Axis> allAxes() {
  using Config = ModelConfig;
  Axes axes;
  axes.all<InputLayout>("input.layout", [](Config &c) -> InputLayout & { return c.layout; });
  axes.all<InputShape>("input.shape", [](Config &c) -> InputShape & { return c.shape; });
  axes.all<PatchKind>("patch.kind", [](Config &c) -> PatchKind & { return c.patch.kind; });
  axes.all<PatchOrder>(
      "patch.order", [](Config &c) -> PatchOrder & { return c.patch.order; },
      [](Config &c, PatchOrder) { c.patch.kind = PatchKind::Linear; });
  axes.all<PatchPad>(
      "patch.pad", [](Config &c) -> PatchPad & { return c.patch.pad; },
      [](Config &c, PatchPad) {
        c.inputSize = {31, 33};
        c.pos.grid = c.grid();
      });
  axes.one("patch.stride", "smaller than patch.size", [](Config &c) {
    c.patch.stride = {4, 5};
    c.pos.grid = c.grid();
  });
  axes.one("patch.bias", "false", [](Config &c) { c.patch.bias = false; });
  for (NormKind kind : {NormKind::Layer, NormKind::Rms}) {
    axes.one("patch.norm_in", nameOf(kind), [=](Config &c) {
      c.patch.kind = PatchKind::Linear;
      c.patch.normIn = kind;
    });
    axes.one("patch.norm_out", nameOf(kind), [=](Config &c) { c.patch.normOut = kind; });
  }
  axes.one("tokens.prefix", "[]", [](Config &c) {
    c.prefix.clear();
    c.pool.kind = PoolKind::Mean;
  });
  axes.one("tokens.prefix", "cls, dist", [](Config &c) { c.prefix = {{"cls", 1}, {"dist", 1}}; });
  axes.one("tokens.suffix", "reg:2", [](Config &c) {
    c.prefix = {{"cls", 1}};
    c.suffix = {{"reg", 2}};
  });
  axes.all<PosCovers>(
      "tokens.pos_covers", [](Config &c) -> PosCovers & { return c.posCovers; },
      [](Config &c, PosCovers covers) {
        if (covers == PosCovers::None)
          c.pos.kind = PosKind::None;
      });
  axes.all<PosKind>(
      "pos.kind", [](Config &c) -> PosKind & { return c.pos.kind; },
      [](Config &c, PosKind kind) {
        c.posCovers = kind == PosKind::None ? PosCovers::None : PosCovers::Patch;
      });
  axes.all<RopeKind>(
      "rope.kind", [](Config &c) -> RopeKind & { return c.rope.kind; },
      [](Config &c, RopeKind kind) { c.rope.pairing = kind == RopeKind::DinoV3 ? "half" : "adjacent"; });
  axes.all<RelBiasKind>(
      "rel_bias.kind", [](Config &c) -> RelBiasKind & { return c.relBias; },
      [](Config &c, RelBiasKind) { c.prefix = {{"cls", 1}}; });
  axes.one("rel_bias.shared", "true", [](Config &c) {
    c.prefix = {{"cls", 1}};
    c.relBias = RelBiasKind::Beit;
    c.relBiasShared = true;
  });
  for (RelBiasResize rule : {RelBiasResize::Linear, RelBiasResize::Geometric})
    axes.one("rel_bias.resize", nameOf(rule), [=](Config &c) {
      c.prefix = {{"cls", 1}};
      c.relBias = RelBiasKind::Beit;
      c.relBiasGrid = Extent{c.grid().height + 1, c.grid().width};
      c.relBiasResize = rule;
    });
  axes.all<NormKind>("norm.kind", [](Config &c) -> NormKind & { return c.norm; });
  axes.one("pre_norm", "true", [](Config &c) { c.preNorm = true; });
  axes.all<Placement>("block.placement", [](Config &c) -> Placement & { return c.block.placement; });
  axes.one("block.residual", "false", [](Config &c) { c.block.residual = false; });
  axes.one("block.layer_scale", "true", [](Config &c) { c.block.layerScale = true; });
  axes.one("block.attn.qkv_bias", "[true, false, true]",
           [](Config &c) { c.block.attn.qkvBias = {true, false, true}; });
  for (NormKind kind : {NormKind::Layer, NormKind::Rms})
    axes.one("block.attn.qk_norm", nameOf(kind), [=](Config &c) { c.block.attn.qkNorm = kind; });
  axes.all<ScaleRule>(
      "block.attn.scale", [](Config &c) -> ScaleRule & { return c.block.attn.scaleRule; },
      [](Config &c, ScaleRule) { c.block.attn.scale = 0.25; });
  axes.all<ScaleSite>("block.attn.scale_site",
                      [](Config &c) -> ScaleSite & { return c.block.attn.scaleSite; });
  axes.one("block.attn.softmax", "false", [](Config &c) { c.block.attn.softmax = false; });
  axes.one("block.attn.value", "false", [](Config &c) { c.block.attn.value = false; });
  axes.one("block.attn.out_proj", "false", [](Config &c) { c.block.attn.outProj = false; });
  axes.one("block.attn.out_bias", "false", [](Config &c) { c.block.attn.outBias = false; });
  axes.one("block.attn.out_norm", "true", [](Config &c) { c.block.attn.outNorm = true; });
  axes.one("block.attn.gate", "sigmoid", [](Config &c) { c.block.attn.gate = "sigmoid"; });
  axes.all<MlpKind>("block.mlp.kind", [](Config &c) -> MlpKind & { return c.block.mlp.kind; });
  axes.all<Activation>("block.mlp.act", [](Config &c) -> Activation & { return c.block.mlp.act; });
  axes.one("block.mlp.inner_norm", "true", [](Config &c) { c.block.mlp.innerNorm = true; });
  axes.one("block.mlp.bias", "false", [](Config &c) { c.block.mlp.bias = false; });
  axes.all<FinalNorm>(
      "final_norm", [](Config &c) -> FinalNorm & { return c.finalNorm; },
      [](Config &c, FinalNorm) { c.pool.kind = PoolKind::Mean; });
  axes.all<PoolKind>(
      "pool.kind", [](Config &c) -> PoolKind & { return c.pool.kind; },
      [](Config &c, PoolKind kind) {
        if (kind == PoolKind::MultiLayer)
          c.pool.layers = {0};
        if (kind == PoolKind::None)
          c.head.layers.front().from = "cls";
      });
  axes.one("pool.include_prefix", "true", [](Config &c) {
    c.pool.kind = PoolKind::Mean;
    c.pool.includePrefix = true;
  });
  for (auto [field, part] :
       {std::pair("pool.query", &PoolConfig::query), std::pair("pool.kv_bias", &PoolConfig::kvBias),
        std::pair("pool.mlp", &PoolConfig::mlp)})
    axes.one(field, "false", [part = part](Config &c) {
      c.pool.kind = PoolKind::Map;
      c.pool.*part = false;
    });
  axes.one("head.layers", "[]", [](Config &c) { c.head.layers.clear(); });
  axes.one("head.combine", "mean", [](Config &c) {
    c.prefix = {{"cls", 1}, {"dist", 1}};
    c.head.layers = {{"main", "cls", 11, true}, {"dist", "dist", 11, true}};
    c.head.combine = HeadCombine::Mean;
  });
  for (const char *act : {"tanh", "gelu_erf", "identity"})
    axes.one("head.pre_logits.act", act, [=](Config &c) { c.head.preLogits = PreLogits{20, act, true}; });
  return axes.list;
}

/// "all", or the levels that the model is lowered for.
std::string levelsOf(const ModelConfig &config, Precision precision) {
  llvm::SmallVector<llvm::StringRef> lowered;
  size_t levels = 0;
  for (const Isa &isa : allIsas()) {
    ++levels;
    CompileOptions options;
    options.precision = precision;
    options.targets = {&isa};
    auto context = makeContext();
    auto module = buildModule(*context, config);
    if (llvm::Error error = lowerTo(*module, Phase::Vector, isa, options))
      ADD_FAILURE() << isa.name.str() << ": " << llvm::toString(std::move(error));
    else
      lowered.push_back(isa.name);
  }
  return lowered.size() == levels ? "all" : llvm::join(lowered, ", ");
}

std::string tableRow(const Axis &axis) {
  SCOPED_TRACE(std::string(axis.field) + " = " + axis.value);
  ModelConfig config = baseConfig();
  axis.apply(config);
  std::string row = "| `" + std::string(axis.field) + "` | `" + axis.value + "` |";
  if (llvm::Error error = validate(config)) {
    EXPECT_EQ(exitCodeOf(error), ExitCode::Input);
    std::string message = llvm::toString(std::move(error));
    EXPECT_NE(message.find(llvm::StringRef(axis.field).rsplit('.').second.str()), std::string::npos)
        << message;
    return row + " refused | refused | refused |\n";
  }
  for (Precision precision : kPrecisions)
    row += " " + levelsOf(config, precision) + " |";
  return row + "\n";
}

TEST(Axes, AreLoweredEverywhereOrRefused) {
  std::string table =
      "# Axes, levels and precisions\n\n"
      "What `vit.json` can say (vit-json.md), and the instruction sets that it is compiled for, in each "
      "precision. Refused values are\nrefused by an error that names the field and the nearest value "
      "that works. `all`:\n";
  llvm::SmallVector<std::string> names;
  for (const Isa &isa : allIsas())
    names.push_back("`" + isa.name.str() + "`");
  table += llvm::join(names, ", ") + ".\n\n<!-- Written by VITC_UPDATE_DOCS=1 AxesTest. -->\n\n";
  table += "| field | value | f32 | bf16 | int8 |\n| --- | --- | --- | --- | --- |\n";
  for (const Axis &axis : allAxes())
    table += tableRow(axis);
  if (std::getenv("VITC_UPDATE_DOCS")) {
    std::error_code code;
    llvm::raw_fd_ostream os(kTable, code);
    os << table;
    ASSERT_FALSE(code) << code.message();
    return;
  }
  auto committed = llvm::MemoryBuffer::getFile(kTable);
  ASSERT_TRUE(static_cast<bool>(committed)) << kTable;
  EXPECT_EQ((*committed)->getBuffer().str(), table) << "docs/axes.md is stale: VITC_UPDATE_DOCS=1 AxesTest";
}

} // namespace
