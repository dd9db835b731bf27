#include "compiler/Target/EmitLibrary.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/OutputFile.h"
#include "compiler/Target/HeaderWriter.h"
#include "compiler/Target/Interface.h"
#include "compiler/Target/LinkLibrary.h"
#include "compiler/Target/Metadata.h"
#include "compiler/Target/ModelTables.h"
#include "compiler/Target/ObjectEmitter.h"
#include "compiler/Target/Prefix.h"
#include "compiler/Target/PublicApi.h"
#include "compiler/Target/WeightObject.h"
#include "runtime/RuntimeBitcode.h"
#include "runtime/include/vitc/abi.h"
#include "runtime/include/vitc/runtime.h"
#include "llvm/Support/Path.h"

using namespace vitc;

static_assert(kMaxSizes == VITC_MAX_SIZES);

/// Up to here a library carries its weights by default: a small model is then one file, and a large one stays
/// mappable and shared between processes.
static constexpr uint64_t kAutoEmbedBytes = 16 << 20;

namespace {

enum class OutputKind { Object, Archive, Shared, Assembly, Ir };

llvm::Expected<OutputKind> outputKind(llvm::StringRef output) {
  llvm::StringRef suffix = llvm::sys::path::extension(output);
  if (suffix == ".o")
    return OutputKind::Object;
  if (suffix == ".a")
    return OutputKind::Archive;
  if (suffix == ".so")
    return OutputKind::Shared;
  if (suffix == ".s")
    return OutputKind::Assembly;
  if (suffix == ".ll")
    return OutputKind::Ir;
  return makeError(ExitCode::Usage, "{}: expected an output that ends in .o, .a, .so, .s or .ll, got '{}'",
                   output.str(), suffix.str());
}

/// Emits one library; the members are what its stages share.
class LibraryEmitter {
public:
  LibraryEmitter(llvm::ArrayRef<BlobTensor> weights, const CompileOptions &options, llvm::StringRef output,
                 OutputKind kind, LibraryInfo &info)
      : weights(weights), options(options), output(output), kind(kind), info(info) {}

  llvm::Error emit(std::vector<SizeModules> sizes);

private:
  bool isListing() const { return kind == OutputKind::Assembly || kind == OutputKind::Ir; }
  llvm::StringRef arch() const { return info.levels.front()->arch; }
  void report(llvm::StringRef stage, double fraction) {
    if (options.progress)
      options.progress(stage, fraction);
  }
  /// A file beside the output.
  std::string sibling(const llvm::Twine &name) const {
    llvm::SmallString<256> path(output);
    llvm::sys::path::remove_filename(path);
    llvm::sys::path::append(path, name);
    return std::string(path);
  }
  llvm::Error create(std::optional<OutputFile> &file, const std::string &path) {
    llvm::Expected<OutputFile> created = OutputFile::create(path);
    if (!created)
      return created.takeError();
    file = std::move(*created);
    return llvm::Error::success();
  }

  llvm::Error translate(std::vector<LevelModule> modules, SizeCode &code, SizeInfo &size);
  llvm::Error writeWeights();
  llvm::Error writeCode();
  llvm::Error assemble();
  ArenaFormula arenaFormula(const SizeCode &code, const SizeInfo &size) const;

  std::vector<const ModelConfig *> configs; ///< of each size
  llvm::ArrayRef<BlobTensor> weights;
  const CompileOptions &options;
  const llvm::StringRef output;
  const OutputKind kind;
  LibraryInfo &info;

  llvm::LLVMContext context;
  std::vector<SizeCode> codes; ///< of each size
  /// `codeObject` and `weightObject` are never committed: they only live until the library is linked.
  std::optional<OutputFile> library, header, weightFile, weightObject, codeObject;
};

llvm::Error LibraryEmitter::translate(std::vector<LevelModule> modules, SizeCode &code, SizeInfo &size) {
  info.levels.clear();
  size.arenaBytes = size.scratchBytes = size.executedFlops = 0;
  // Sizes have functions of the same names.
  std::string prefix = info.name + (info.sizes.size() > 1 ? "." + sizeText(size) : "");
  for (LevelModule &module : modules) {
    llvm::Expected<LevelCode> level = translateLevel(*module.module, *module.isa, prefix, context);
    if (!level)
      return level.takeError();
    module.module = nullptr; // its memory is the LLVM module's now
    if (code.preprocess && !level->runU8)
      return makeError(ExitCode::Internal,
                       "level {}: expected vit.schedule @run_u8 for a model with a preprocessing",
                       module.isa->name.str());
    info.levels.push_back(module.isa);
    size.arenaBytes = std::max<int64_t>(size.arenaBytes, level->arenaBytes());
    size.scratchBytes = std::max<int64_t>(size.scratchBytes, level->scratchBytes());
    int64_t flops = 0;
    for (const StepTable &step : level->run.steps)
      flops += step.flops;
    size.executedFlops = std::max(size.executedFlops, flops);
    code.levels.push_back(std::move(*level));
  }
  if (code.levels.empty())
    return makeError(ExitCode::Internal, "expected at least one level of code");
  size.run = arenaFormula(code, size);
  return llvm::Error::success();
}

llvm::Error LibraryEmitter::writeWeights() {
  info.weightBytes = blobBytes(weights);
  info.embedded = !isListing() && (options.weights == WeightPlacement::Embed ||
                                   (options.weights == WeightPlacement::Auto &&
                                    static_cast<uint64_t>(info.weightBytes) <= kAutoEmbedBytes));
  auto progress = [&](double fraction) { report("pack weights", fraction); };
  llvm::Expected<WeightId> id = WeightId{};
  if (isListing()) {
    llvm::raw_null_ostream nowhere;
    id = writeBlob(weights, nowhere, progress);
  } else if (info.embedded) {
    if (llvm::Error error = create(weightObject, output.str() + ".weights"))
      return error;
    id = writeWeightObject(weights, arch(), info.name + ".weights", weightObject->os(), progress);
  } else {
    if (llvm::Error error = create(weightFile, sibling(info.name + ".vitw")))
      return error;
    weightFile->os().write_zeros(VITC_WEIGHTS_ALIGN); // the header follows when the content id is known
    id = writeBlob(weights, weightFile->os(), progress);
    if (id) {
      std::string start = weightsHeader(info.weightBytes, *id);
      weightFile->os().pwrite(start.data(), start.size(), 0);
    }
  }
  if (!id)
    return id.takeError();
  info.weightId = *id;
  // Closed now, so that a full disk is reported before any time goes into the code.
  if (weightObject)
    return weightObject->close();
  if (weightFile)
    return weightFile->close();
  return llvm::Error::success();
}

llvm::Error LibraryEmitter::writeCode() {
  report("emit code", 0);
  auto machine = createTargetMachine(arch());
  if (!machine)
    return machine.takeError();
  llvm::Module module(info.name, context);
  module.setSourceFileName(info.name);
  llvm::GlobalVariable *tables = buildModelTables(module, codes, info);
  std::vector<std::string> exported =
      buildPublicApi(module, tables, info, configs.front()->labels, codes.front().preprocess.has_value(),
                     metadataJson(info, configs, options));
  for (SizeCode &code : codes)
    if (llvm::Error error = linkLevels(module, code.levels, **machine))
      return error;
  if (llvm::Error error = optimise(module, **machine, exported))
    return error;
  if (llvm::Error error = linkRuntime(module, runtimeBitcode(arch()), exported))
    return error;
  CodeKind code = kind == OutputKind::Ir         ? CodeKind::Ir
                  : kind == OutputKind::Assembly ? CodeKind::Assembly
                                                 : CodeKind::Object;
  bool direct = isListing() || (kind == OutputKind::Object && !info.embedded);
  if (!direct)
    if (llvm::Error error = create(codeObject, output.str() + ".code"))
      return error;
  OutputFile &file = direct ? *library : *codeObject;
  llvm::Error error = emitCode(module, **machine, code, file.os());
  report("emit code", 1);
  return error ? std::move(error) : file.close();
}

/// Makes the library of the objects.
llvm::Error LibraryEmitter::assemble() {
  if (!codeObject)
    return llvm::Error::success();
  std::vector<std::string> objects{codeObject->temporaryPath()};
  if (weightObject)
    objects.push_back(weightObject->temporaryPath());
  if (kind == OutputKind::Archive) {
    std::vector<ArchiveMember> members;
    const char *names[] = {".o", "_weights.o"};
    for (auto [i, object] : llvm::enumerate(objects))
      members.push_back({info.name + names[i], object});
    if (llvm::Error error = writeStaticLibrary(members, library->os()))
      return error;
    return library->close();
  }
  // lld replaces the temporary file of the library, which commit() then renames.
  if (llvm::Error error = library->close())
    return error;
  if (kind == OutputKind::Object)
    return linkRelocatable(objects, arch(), library->temporaryPath());
  library->setExecutable();
  return linkShared(objects, llvm::sys::path::filename(output), arch(), library->temporaryPath());
}

/// Asks the runtime itself, which the compiler carries natively too.
ArenaFormula LibraryEmitter::arenaFormula(const SizeCode &code, const SizeInfo &size) const {
  vitc_level level = {};
  level.arena_bytes = size.arenaBytes;
  level.scratch_bytes = size.scratchBytes;
  vitc_model_info model = {};
  model.levels = &level;
  model.level_count = 1;
  model.batch = info.batch;
  InputExtents input = inputExtents(size);
  model.input_channels = static_cast<uint32_t>(input.channels);
  model.input_height = static_cast<uint32_t>(input.height);
  model.input_width = static_cast<uint32_t>(input.width);
  if (code.preprocess) {
    model.preprocess = &*code.preprocess;
    model.max_side = info.maxSide;
    level.run_u8.step_count = 1;
    for (const LevelCode &row : code.levels)
      level.run_u8.input_bytes = std::max(level.run_u8.input_bytes, row.runU8->inputBytes);
  }
  vitc_library_info alone = {VITC_ABI_VERSION, 1, &model};
  uint64_t one = vitc_rt_arena_bytes(&alone, 1), two = vitc_rt_arena_bytes(&alone, 2);
  return {one - (two - one), two - one};
}

llvm::Error LibraryEmitter::emit(std::vector<SizeModules> sizes) {
  for (const SizeModules &size : sizes) {
    llvm::Expected<std::optional<vitc_preprocess>> table = preprocessTable(*size.config);
    if (!table)
      return table.takeError();
    codes.emplace_back().preprocess = *table;
    configs.push_back(size.config);
  }
  // Files are created before anything slow, so that an unwritable folder is reported at once.
  if (llvm::Error error = create(library, output.str()))
    return error;
  if (!isListing())
    if (llvm::Error error = create(header, sibling(info.name + ".h")))
      return error;
  for (auto [size, code, facts] : llvm::zip_equal(sizes, codes, info.sizes))
    if (llvm::Error error = translate(std::move(size.levels), code, facts))
      return error;
  if (llvm::Error error = writeWeights())
    return error;
  if (llvm::Error error = writeCode())
    return error;
  report("link", 0);
  if (llvm::Error error = assemble())
    return error;
  if (header) {
    header->os() << headerText(info, *configs.front(), options);
    if (llvm::Error error = header->close())
      return error;
  }
  // Nothing can fail now but a rename. The library comes last: where it is new, its companions are too.
  for (std::optional<OutputFile> *file : {&weightFile, &header, &library})
    if (*file)
      if (llvm::Error error = (*file)->commit())
        return error;
  report("link", 1);
  return llvm::Error::success();
}

} // namespace

llvm::Error vitc::emitLibrary(std::vector<SizeModules> sizes, llvm::ArrayRef<BlobTensor> weights,
                              const CompileOptions &options, llvm::StringRef output, LibraryInfo &info) {
  llvm::Expected<OutputKind> kind = outputKind(output);
  if (!kind)
    return kind.takeError();
  if (llvm::Error error = checkPrefix(info.name))
    return error;
  if (sizes.empty() || sizes.size() > kMaxSizes || sizes.size() != info.sizes.size())
    return makeError(ExitCode::Internal, "expected one to {} input sizes, got {}", kMaxSizes, sizes.size());
  for (const SizeInfo &size : info.sizes)
    if (size.input.shape.size() != 3 || size.outputs.empty())
      return makeError(ExitCode::Internal, "expected an input of three dimensions and at least one output");
  return LibraryEmitter(weights, options, output, *kind, info).emit(std::move(sizes));
}
