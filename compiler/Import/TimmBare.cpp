//===- TimmBare.cpp - bare weights with timm's names ----------------------------------------------------===//
//
// timm, DeiT, DINO, MAE, I-JEPA, DINOv2 and DINOv3 share their names; what tells them apart are the tensors
// that only one of them has. Sources: facebookresearch/ deit, dino, mae, ijepa, dinov2, dinov3.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Import/BareLibraries.h"
#include "compiler/Import/OpenClipNames.h"
#include "compiler/Import/TimmModel.h"
#include "compiler/Import/TimmNames.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Glob.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

bool hasTensor(const WeightStore &store, const char *pattern) {
  return llvm::any_of(store.tensors(), [&](const auto &entry) { return matchesGlob(pattern, entry.first); });
}

// ---- what tells them apart -------------------------------------------------------------------------

bool isDinoV3(const WeightStore &store, const CanonicalTensors &tensors) {
  return tensors.has("rope_periods") || hasTensor(store, "*storage_tokens");
}
/// Only DINOv2 has both; its mask token stays in published files.
bool isDinoV2(const WeightStore &store, const CanonicalTensors &tensors) {
  return !isDinoV3(store, tensors) && tensors.has("blk.0.ls1") &&
         (hasTensor(store, "*register_tokens") || hasTensor(store, "*mask_token"));
}
bool isDino(const WeightStore &store, const CanonicalTensors &) {
  return hasTensor(store, "*head.last_layer.*");
}
bool isMae(const WeightStore &store, const CanonicalTensors &) { return hasTensor(store, "*decoder_pred.*"); }
bool isIJepa(const WeightStore &store, const CanonicalTensors &) {
  return hasTensor(store, "*predictor_embed.*");
}
bool isTimm(const WeightStore &store, const CanonicalTensors &tensors) {
  return !isDinoV3(store, tensors) && !isDinoV2(store, tensors) && !isDino(store, tensors) &&
         !isMae(store, tensors) && !isIJepa(store, tensors);
}

constexpr IgnoreRule dinoTensors[] = {{"*head.mlp.*", "projects for training"},
                                      {"*head.last_layer.*", "projects for training"},
                                      {"*student.*", "the teacher is what DINO evaluates"},
                                      {"dino_loss.*", "training state"}};
constexpr IgnoreRule dinoV2Tensors[] = {{"*dino_head.*", "projects for training"},
                                        {"*ibot_head.*", "projects for training"},
                                        {"student.*", "the teacher is what DINOv2 evaluates"}};
constexpr IgnoreRule maeTensors[] = {{"*decoder_*", "only used by masked training"}};
constexpr IgnoreRule ijepaTensors[] = {{"predictor.*", "only used in training"},
                                       {"encoder.*", "the target encoder is what I-JEPA evaluates"}};

// ---- description -----------------------------------------------------------------------------------

constexpr HeadsOfWidth plainHeads[] = {{192, 3},  {320, 5},   {384, 6},   {512, 8},   {640, 10},
                                       {768, 12}, {1024, 16}, {1280, 16}, {1408, 16}, {1664, 16}};
/// DINOv2 and DINOv3: 64 channels a head, but for the largest.
constexpr HeadsOfWidth dinoHeads[] = {{384, 6},   {768, 12},  {1024, 16}, {1152, 18},
                                      {1280, 20}, {1536, 24}, {4096, 32}};

/// Input size, heads and the description itself.
llvm::Error describe(BareModel &model, TimmArchitecture facts, llvm::ArrayRef<HeadsOfWidth> known,
                     int64_t defaultSize) {
  if (llvm::Error error = findInputSize(model, defaultSize))
    return error;
  if (facts.heads == 0 || model.options.heads != 0) {
    llvm::Expected<int64_t> heads = findHeads(model, known);
    if (!heads)
      return heads.takeError();
    facts.heads = *heads;
  }
  return describeTimm(facts, model.imported);
}

/// The pooling that the tensors imply: a norm behind it, or no token to take.
const char *poolOf(const CanonicalTensors &tensors) {
  const TensorSlice *norm = tensors.find("final.norm.w");
  bool behind = norm && llvm::StringRef(norm->raw->name).ends_with("fc_norm.weight");
  return tensors.has("pool.probe") ? "map" : behind || !tensors.has("embed.cls") ? "avg" : "token";
}

struct Recipe {
  const char *pattern;
  ResizeMode mode;
  double cropPct;
  ColourStatistics colours;
  ResizeFilter filter = ResizeFilter::Bicubic;
};
constexpr ResizeMode shortest = ResizeMode::Shortest, squash = ResizeMode::Squash;
constexpr ColourStatistics plainColours{{0, 0, 0}, {1, 1, 1}};
// What the first weights of these names want (SigLIP's as its authors resize); the first match counts.
constexpr Recipe timmRecipes[] = {
    {"*_siglip_*", squash, 1, halfColours},
    {"*_miil", shortest, 0.875, plainColours, ResizeFilter::Bilinear},
    {"*_tipsv2", shortest, 1, plainColours},
    {"*_lingbot", squash, 1, imageNetColours, ResizeFilter::Bilinear},
    {"eva_giant_patch14_560", squash, 1, imageNetColours},
    {"eva02_*_448", squash, 1, clipColours},
    {"eva_*_336", squash, 1, clipColours},
    {"eva*_224", shortest, 0.9, clipColours},
    {"eva*", shortest, 1, clipColours},
    {"aimv2_*", shortest, 1, clipColours},
    {"*_radio_*", shortest, 1, clipColours},
    {"vit_large_patch14_clip_*", shortest, 1, halfColours},
    {"*_clip_*", shortest, 1, clipColours},
    {"*_dinov*", shortest, 1, imageNetColours},
    {"vit_intern*", shortest, 1, imageNetColours},
    {"beit3_*", shortest, 1, imageNetColours},
    {"beitv2_*", shortest, 0.9, imageNetColours},
    {"deit*_224", shortest, 0.9, imageNetColours},
    {"deit*", shortest, 1, imageNetColours},
    {"vit_*_rope_*224", shortest, 0.9, imageNetColours},
    {"vit_pe_*", shortest, 1, halfColours},
    {"*_256", shortest, 0.95, halfColours},
    {"*_240", shortest, 0.95, halfColours},
    {"flexivit_*", shortest, 0.95, halfColours},
    {"test_vit*", shortest, 0.95, halfColours},
    {"*_224", shortest, 0.9, halfColours},
    {"*", shortest, 1, halfColours},
};

llvm::Error describeTimmNamed(BareModel &model) {
  std::string name = model.arch.split('.').first.str();
  if (llvm::StringRef reason = refusedTimmArchitecture(name); !reason.empty())
    return model.error(fmt::format("'{}' is not supported: {}", name, reason.str()));
  std::optional<TimmArchitecture> facts = findTimmArchitecture(name);
  if (!facts)
    return makeError(ExitCode::Usage, "--arch timm:{}: expected a Vision Transformer of timm that vitc knows",
                     name);
  int64_t width = model.tensors().extent("embed.patch.w", 0);
  if (width != facts->width && model.options.heads == 0)
    return model.error(
        fmt::format("expected a width of {} for '{}', got {} from the tensors; with another width, "
                    "give --heads N",
                    facts->width, name, width));
  if (llvm::Error error = describe(model, *facts, {}, 0))
    return error;
  for (const Recipe &row : timmRecipes)
    if (matchesGlob(row.pattern, name)) {
      usePreprocess(model, {row.mode, row.cropPct, row.filter, row.colours});
      break;
    }
  return llvm::Error::success();
}

llvm::Error describeTimmBare(BareModel &model) {
  if (!model.arch.empty())
    return describeTimmNamed(model);
  if (llvm::Error error = canonicaliseTimm(model.imported))
    return error;
  const CanonicalTensors &tensors = model.tensors();
  // What several architectures share, with different numbers behind it.
  for (auto [tensor, what] :
       {std::pair<const char *, const char *>{"embed.pre_norm.w", "a norm before the blocks"},
        {"pool.probe", "attention pooling"},
        {"blk.0.gate.w", "gated MLPs"},
        {"blk.0.rope_freq", "rotary positions"}})
    if (tensors.has(tensor))
      return model.error(
          fmt::format("models of timm with {} differ in what no tensor shows (activation, epsilon, "
                      "positions): give the architecture with --arch timm:NAME",
                      what));
  if (!tensors.has("embed.pos") && !tensors.has("blk.0.rel_table") && !tensors.has("rel_table"))
    return model.error("no tensor holds positions, which can be rotary: give the architecture with --arch "
                       "timm:NAME");
  if (tensors.has("blk.0.ln1.w") && !tensors.has("blk.0.ln1.b"))
    return model.error("norms without biases are RMSNorm, with an epsilon that no tensor shows: give the "
                       "architecture with --arch timm:NAME");
  TimmArchitecture facts;
  facts.pool = poolOf(tensors);
  // Of BEiT, the square input that its tables were made for.
  int64_t size = squareOfRelativeTable(tensors) * tensors.extent("embed.patch.w", 2);
  if (llvm::Error error = describe(model, facts, plainHeads, size))
    return error;
  model.imported.checkpoint.notes.push_back(
      "no preprocessing is known (--arch timm:NAME implies one): the library takes normalised tensors only");
  return llvm::Error::success();
}

PreprocessRecipe imageNet(double cropPct) {
  return {ResizeMode::Shortest, cropPct, ResizeFilter::Bicubic, imageNetColours};
}

/// DINO, MAE and I-JEPA: plain models with learned, or stored, positions.
llvm::Error describePlain(BareModel &model) {
  TimmArchitecture facts;
  facts.pool = poolOf(model.tensors());
  facts.posResize = {"cubic-0.75", false, false, "size"};
  if (llvm::Error error = describe(model, facts, plainHeads, 0))
    return error;
  usePreprocess(model, imageNet(0.875));
  return llvm::Error::success();
}

llvm::Error describeDinoV2(BareModel &model) {
  TimmArchitecture facts;
  if (model.tensors().has("embed.reg"))
    facts.posResize = {"cubic-0.5", true, false, "size"};
  else
    facts.posResize = {"cubic-0.75", false, false, "offset0.1"};
  if (llvm::Error error = describe(model, facts, dinoHeads, 0))
    return error;
  usePreprocess(model, imageNet(0.875));
  return llvm::Error::success();
}

llvm::Error describeDinoV3(BareModel &model) {
  TimmArchitecture facts;
  facts.eps = 1e-5;
  facts.rope = {RopeKind::DinoV3, 100, "yx", "half", {0, 0}, 0, {}};
  if (llvm::Error error = describe(model, facts, dinoHeads, 224))
    return error;
  usePreprocess(model, imageNet(1));
  return llvm::Error::success();
}

} // namespace

const BareLibrary vitc::bareTimm = {"timm",           &timmNames,
                                    clipTextTensors,  isTimm,
                                    describeTimmBare, "vit_base_patch16_224 (an architecture of timm)"};
const BareLibrary vitc::bareDino = {"dino", &timmNames, dinoTensors, isDino, describePlain, "vit_small"};
const BareLibrary vitc::bareMae = {"mae", &timmNames, maeTensors, isMae, describePlain, "vit_base_patch16"};
const BareLibrary vitc::bareIJepa = {"ijepa", &timmNames, ijepaTensors, isIJepa, describePlain, "vit_huge"};
const BareLibrary vitc::bareDinoV2 = {"dinov2", &timmNames,     dinoV2Tensors,
                                      isDinoV2, describeDinoV2, "dinov2_vitb14"};
const BareLibrary vitc::bareDinoV3 = {"dinov3", &timmNames, {}, isDinoV3, describeDinoV3, "dinov3_vitb16"};
