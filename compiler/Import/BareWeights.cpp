//===- BareWeights.cpp - recognising weights without a configuration --------------------------------===//
#include "compiler/Import/BareWeights.h"
#include "compiler/Import/BareLibraries.h"
#include "compiler/Import/HuggingFaceFamilies.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <cmath>

using namespace vitc;

namespace {

constexpr const BareLibrary *libraries[] = {
    &bareTimm,          &bareDino,      &bareMae,      &bareIJepa,       &bareDinoV2,
    &bareDinoV3,        &bareOpenAi,    &bareOpenClip, &bareTorchvision, &bareLucidrains,
    &bareLucidrainsOld, &bareSimpleVit, &bareJax,      &bareMindSpore,   &bareMindcv};

/// Names of the first tensors, for messages.
std::string sample(const WeightStore &store) {
  llvm::SmallVector<std::string> names;
  for (const auto &[name, raw] : store.tensors())
    if (names.size() < 6)
      names.push_back("'" + quoteForMessage(name) + "'");
  return llvm::join(names, ", ");
}

std::string libraryNames() {
  llvm::SmallVector<llvm::StringRef> names;
  for (const BareLibrary *library : libraries)
    if (!llvm::is_contained(names, library->name))
      names.push_back(library->name);
  return llvm::join(names, ", ");
}

/// The libraries whose names all tensors have, with the tensors as each sees them.
struct Candidate {
  const BareLibrary *library;
  CanonicalTensors tensors;
};

/// Why no library fits: a configuration is missing, or else by way of the library that knows most tensors.
llvm::Error nothingFits(const WeightStore &store) {
  for (const hf::ModelClass &modelClass : hf::modelClasses())
    if (modelClass.family && unknownTensors(store, *modelClass.family->names, modelClass.ignored).empty())
      return inputError(
          "{}: the tensors have the names of transformers ({}), whose weights need the config.json "
          "that was written with them: put it beside them and give the directory",
          store.path(), modelClass.name);
  const BareLibrary *nearest = nullptr;
  std::vector<std::string> fewest;
  for (const BareLibrary *library : libraries) {
    std::vector<std::string> unknown = unknownTensors(store, *library->table, library->ignored);
    if (!nearest || unknown.size() < fewest.size()) {
      nearest = library;
      fewest = std::move(unknown);
    }
  }
  std::string seen = fmt::format("{}: {} tensors without a configuration, such as {}: ", store.path(),
                                 store.tensors().size(), sample(store));
  if (fewest.size() >= store.tensors().size())
    return inputError(
        "{}no library that vitc knows has such names ({}); a vit.json beside the weights says what "
        "they are",
        seen, libraryNames());
  return inputError("{}expected the names of one library; the nearest is {}, which has no {}", seen,
                    nearest->name, fewest.empty() ? "model with these" : listNames(fewest));
}

llvm::Expected<Candidate> recognise(const WeightStore &store, const ImportOptions &options) {
  llvm::StringRef wanted = llvm::StringRef(options.arch).split(':').first;
  std::vector<Candidate> found;
  llvm::SmallVector<const BareLibrary *> named;
  for (const BareLibrary *library : libraries) {
    if (!wanted.empty() && wanted != library->name)
      continue;
    named.push_back(library);
    if (!unknownTensors(store, *library->table, library->ignored).empty())
      continue;
    llvm::Expected<CanonicalTensors> tensors = canonicalNames(store, *library->table, library->ignored);
    if (!tensors)
      return tensors.takeError();
    if (!tensors->has("embed.patch.w") ||
        (wanted.empty() && library->recognises && !library->recognises(store, *tensors)))
      continue;
    found.push_back({library, std::move(*tensors)});
  }
  if (!wanted.empty() && named.empty()) {
    llvm::SmallVector<llvm::StringRef> known;
    for (const BareLibrary *library : libraries)
      known.push_back(library->name);
    return makeError(ExitCode::Usage, "--arch {}: expected LIBRARY:NAME with a library of {}{}", options.arch,
                     libraryNames(), didYouMean(wanted, known));
  }
  if (found.size() > 1) // generations of one library
    llvm::erase_if(found, [&](const Candidate &candidate) {
      return candidate.library->recognises && !candidate.library->recognises(store, candidate.tensors);
    });
  if (found.size() == 1)
    return std::move(found.front());
  if (found.empty() && !named.empty() && !wanted.empty()) {
    // The names that do not fit, in the words of the table.
    llvm::Expected<CanonicalTensors> tensors = canonicalNames(store, *named[0]->table, named[0]->ignored);
    if (!tensors)
      return tensors.takeError();
    return inputError("{}: expected a patch embedding with a name of {}, which is missing; got {}",
                      store.path(), named[0]->name, sample(store));
  }
  if (found.empty())
    return nothingFits(store);
  llvm::SmallVector<std::string> choices;
  for (const Candidate &candidate : found)
    choices.push_back(fmt::format("--arch {}:{}", candidate.library->name, candidate.library->names));
  return inputError(
      "{}: {} tensors without a configuration, such as {}: they fit several libraries; say which: "
      "{}",
      store.path(), store.tensors().size(), sample(store), llvm::join(choices, ", or "));
}

} // namespace

llvm::Error BareModel::error(const std::string &text) const { return inputError("{}: {}", path(), text); }

llvm::ArrayRef<const BareLibrary *> vitc::bareLibraries() { return libraries; }

llvm::Expected<Imported> vitc::importBareWeights(llvm::StringRef model, const ImportOptions &options) {
  llvm::Expected<WeightStore> store =
      llvm::sys::fs::is_directory(model) ? WeightStore::openDirectory(model) : WeightStore::open(model);
  if (!store)
    return store.takeError();
  llvm::Expected<Candidate> candidate = recognise(*store, options);
  if (!candidate)
    return candidate.takeError();
  // Shapes of empty tensors can say anything; sizes are derived from them before validate() sees any.
  constexpr int64_t maxExtent = 1 << 30;
  for (const auto &[name, slice] : candidate->tensors.slices)
    if (llvm::any_of(slice.shape, [](int64_t extent) { return extent > maxExtent; }))
      return inputError("{}: tensor '{}': expected extents of at most {}, got [{}]", store->path(),
                        quoteForMessage(slice.raw->name), maxExtent,
                        fmt::join(slice.shape.begin(), slice.shape.end(), ", "));
  Imported result;
  // The map's nodes, to which the tensors refer, move along.
  result.store = std::move(*store);
  result.tensors = std::move(candidate->tensors);
  result.table = candidate->library->table;
  llvm::StringRef arch = llvm::StringRef(options.arch).split(':').second;
  BareModel bare{result, options, arch};
  result.checkpoint.config.source = {candidate->library->name, arch.str(), "", ""};
  if (llvm::Error error = candidate->library->describe(bare))
    return std::move(error);
  result.checkpoint.notes.push_back(
      fmt::format("no configuration: {}, by the names of the tensors", candidate->library->name));
  return result;
}

llvm::Error vitc::findInputSize(BareModel &model, int64_t fallback) {
  const CanonicalTensors &tensors = model.tensors();
  ModelConfig &config = model.config();
  // The patch as fillFromShapes() will see it.
  Extent patch{tensors.extent("embed.patch.w", 2), tensors.extent("embed.patch.w", 3)};
  if (config.patch.kind == PatchKind::Linear)
    patch = config.patch.size;
  if (patch.height < 1 || patch.width < 1)
    return model.error("expected a patch embedding of four dimensions");
  const std::optional<Extent> &wanted = model.options.imageSize;
  int64_t rows = tensors.extent("embed.pos", -2);
  if (rows == 0) {
    if (!wanted && fallback == 0)
      return model.error("no position table says the size of the input: give it with --image-size HxW");
    config.inputSize = wanted.value_or(Extent{fallback, fallback});
    if (!wanted)
      model.warn(
          fmt::format("no tensor says the size of the input; using {}x{} (--image-size says otherwise)",
                      fallback, fallback));
    return llvm::Error::success();
  }
  int64_t prefix = 0;
  for (const char *kind : {"embed.cls", "embed.dist", "embed.reg"})
    if (const TensorSlice *token = tensors.find(kind))
      prefix += token->shape.size() < 2 ? 1 : token->shape[token->shape.size() - 2];
  llvm::SmallVector<int64_t, 3> counts; // of patches, in any of the ways to cover tokens
  for (int64_t covered : {prefix, prefix > 0 ? int64_t(1) : int64_t(0), int64_t(0)})
    if (rows > covered && !llvm::is_contained(counts, rows - covered))
      counts.push_back(rows - covered);
  if (wanted) {
    int64_t patches = wanted->height / patch.height * (wanted->width / patch.width);
    if (llvm::is_contained(counts, patches)) {
      config.inputSize = *wanted;
      return llvm::Error::success();
    }
  }
  llvm::SmallVector<int64_t, 3> sides;
  for (int64_t count : counts)
    if (auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(count))));
        side * side == count)
      sides.push_back(side);
  if (sides.size() != 1)
    return model.error(
        fmt::format("{} rows of positions for {} prefix tokens {}: give the size of the input that "
                    "they were made for with --image-size HxW",
                    rows, prefix, sides.empty() ? "are no square grid" : "can be two square grids"));
  config.inputSize = {sides[0] * patch.height, sides[0] * patch.width};
  return llvm::Error::success();
}

llvm::Expected<int64_t> vitc::findHeads(BareModel &model, llvm::ArrayRef<HeadsOfWidth> known) {
  int64_t width = model.tensors().extent("embed.patch.w", 0);
  int64_t inner = model.tensors().extent("blk.0.q.w", 0);
  int64_t heads = model.options.heads;
  if (heads == 0) {
    auto entry = llvm::find_if(known, [&](const HeadsOfWidth &row) { return row.width == width; });
    if (entry == known.end())
      return model.error(
          fmt::format("no tensor says how many heads a width of {} is divided into: give --heads N", width));
    heads = entry->heads;
    model.warn(fmt::format("no tensor says the number of heads; using {}, as all known models of width {} "
                           "(--heads says otherwise)",
                           heads, width));
  }
  if (inner == 0 || inner % heads != 0)
    return model.error(
        fmt::format("expected a number of heads that divides {}, the rows of queries, got {}", inner, heads));
  return heads;
}

void vitc::usePreprocess(BareModel &model, const PreprocessRecipe &recipe) {
  ModelConfig &config = model.config();
  std::vector<std::string> &notes = model.imported.checkpoint.notes;
  if (config.channels != 3 ||
      (recipe.mode == ResizeMode::Shortest && config.inputSize.height != config.inputSize.width)) {
    notes.push_back("no preprocessing is known: the library takes normalised tensors only");
    return;
  }
  config.preprocess = applyRecipe(recipe, config);
  notes.push_back(fmt::format("preprocessing: the habit of {}, no file says it", config.source.library));
}
