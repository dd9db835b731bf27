#include "compiler/Import/KerasParts.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Glob.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <set>

using namespace vitc;

namespace {

constexpr NameTable plainTable = {"Keras", {}, {}, {}};

class Assembler {
public:
  Assembler(Imported &imported) : imported(imported) {}
  llvm::Error add(const KerasVariables &variables, const char *target, Layout layout,
                  std::optional<int64_t> block = std::nullopt);
  llvm::Error addToken(const RawTensor *tensor, const char *target);
  llvm::Error checkLeft();

private:
  Imported &imported;
  std::set<const RawTensor *> used;
};

llvm::Error Assembler::add(const KerasVariables &variables, const char *target, Layout layout,
                           std::optional<int64_t> block) {
  NameRule rule{"", target, layout};
  for (size_t i = 0; i < variables.size(); ++i) {
    used.insert(variables[i]);
    if (llvm::Error error =
            addCanonical(imported.store, *variables[i], rule, block, i == 1, imported.tensors))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error Assembler::addToken(const RawTensor *tensor, const char *target) {
  return tensor ? add({tensor}, target, Layout::AsStored) : llvm::Error::success();
}

llvm::Error Assembler::checkLeft() {
  std::vector<std::string> left;
  for (const auto &[name, raw] : imported.store.tensors()) {
    if (used.count(&raw))
      continue;
    auto rule =
        llvm::find_if(kerasIgnored, [&](const IgnoreRule &r) { return matchesGlob(r.pattern, name); });
    if (rule == kerasIgnored.end())
      left.push_back(name);
    else
      imported.tensors.ignored.push_back(fmt::format("{} ({})", quoteForMessage(name), rule->reason));
  }
  if (!left.empty())
    return inputError(
        "{}: expected no other weights than those of a Vision Transformer, got {}; nothing is dropped "
        "silently",
        imported.store.path(), listNames(left));
  return llvm::Error::success();
}

} // namespace

bool vitc::isSupplied(const ImportOptions &options, llvm::StringRef tensor) {
  return llvm::any_of(options.tensors, [&](const auto &entry) { return entry.first == tensor; });
}

llvm::Error vitc::assembleKeras(Imported &imported, const KerasParts &parts, const ImportOptions &options) {
  imported.table = &plainTable;
  ModelConfig &config = imported.checkpoint.config;
  Assembler assembler(imported);
  std::vector<std::tuple<const KerasVariables *, const char *, Layout, std::optional<int64_t>>> places = {
      {&parts.patch, "embed.patch.{p}", Layout::Hwio, std::nullopt},
      {&parts.finalNorm, "final.norm.{p}", Layout::AsStored, std::nullopt},
      {&parts.preLogits, "head.pre.{p}", Layout::Transposed, std::nullopt},
      {&parts.head, "head.main.{p}", Layout::Transposed, std::nullopt},
  };
  for (size_t i = 0; i < parts.blocks.size(); ++i) {
    const KerasParts::Block &block = parts.blocks[i];
    auto index = static_cast<int64_t>(i);
    places.insert(places.end(),
                  {{&block.norm1, "blk.{i}.ln1.{p}", Layout::AsStored, index},
                   {&block.qkv, "blk.{i}.q.{p}|blk.{i}.k.{p}|blk.{i}.v.{p}", Layout::Transposed, index},
                   {&block.out, "blk.{i}.o.{p}", Layout::Transposed, index},
                   {&block.norm2, "blk.{i}.ln2.{p}", Layout::AsStored, index},
                   {&block.fc1, "blk.{i}.fc1.{p}", Layout::Transposed, index},
                   {&block.fc2, "blk.{i}.fc2.{p}", Layout::Transposed, index}});
  }
  for (auto [variables, target, layout, block] : places)
    if (llvm::Error error = assembler.add(*variables, target, layout, block))
      return error;
  for (auto [tensor, target] : {std::pair(parts.cls, "embed.cls"), std::pair(parts.pos, "embed.pos")})
    if (llvm::Error error = assembler.addToken(tensor, target))
      return error;
  if (llvm::Error error = assembler.checkLeft())
    return error;

  fillFromShapes(imported.tensors, config);
  // Tokens that layers outside of the model made are in no file of weights.
  config.prefix = {{"cls", 1}};
  config.posCovers = PosCovers::All;
  config.pos.kind = PosKind::Learned;
  if ((!parts.cls && !isSupplied(options, "embed.cls")) || (!parts.pos && !isSupplied(options, "embed.pos")))
    return inputError(
        "{}: expected the class token (cls, [1, 1, {}]) and the positions (pos, [1, {}, {}]), which "
        "Keras does not save where they belong to no layer of the model: give both with --tensor "
        "cls=FILE --tensor pos=FILE (.npy files, for instance)",
        imported.store.path(), config.width, config.tokens(), config.width);
  imported.checkpoint.notes.push_back("no preprocessing is known: the library takes normalised tensors only");
  if (!parts.preLogits.empty())
    config.head.preLogits =
        PreLogits{imported.tensors.extent("head.pre.w", 0), "tanh", imported.tensors.has("head.pre.b")};
  if (!parts.head.empty())
    config.head.layers.push_back(
        {"main", "pooled", imported.tensors.extent("head.main.w", 0), imported.tensors.has("head.main.b")});
  return llvm::Error::success();
}

void vitc::startKerasConfig(Imported &imported, llvm::StringRef arch) {
  ModelConfig &config = imported.checkpoint.config;
  config.source.library = arch.str();
  config.layout = InputLayout::NHWC;
}

llvm::Expected<Extent> vitc::kerasInputSize(const Imported &imported, const ImportOptions &options,
                                            int64_t patches) {
  int64_t height = imported.tensors.extent("embed.patch.w", 2),
          width = imported.tensors.extent("embed.patch.w", 3);
  if (height < 1 || width < 1)
    return inputError("{}: expected a patch embedding, got none", imported.store.path());
  if (options.imageSize && options.imageSize->height / height * (options.imageSize->width / width) == patches)
    return *options.imageSize;
  auto side =
      static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(std::max<int64_t>(patches, 0)))));
  if (side < 1 || side * side != patches)
    return inputError(
        "{}: {} patches are no square grid: give the size of the input that the positions were made "
        "for with --image-size HxW",
        imported.store.path(), patches);
  return Extent{side * height, side * width};
}
