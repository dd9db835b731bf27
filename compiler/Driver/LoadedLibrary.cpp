#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/ElfSymbols.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/MappedFile.h"
#include "compiler/Support/OutputFile.h"
#include "compiler/Target/LinkLibrary.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <array>
#include <atomic>
#include <csignal>
#include <dlfcn.h>
#include <unistd.h>
#include <utility>

using namespace vitc;

/// Directories that exist now, for the handler below. LLVM's handler of signals removes files only.
static std::array<std::atomic<const char *>, 16> liveDirectories;

/// Runs in a signal handler, after LLVM has removed the files and restored the old handlers.
static void onInterrupt() {
  for (std::atomic<const char *> &slot : liveDirectories)
    if (const char *path = slot.exchange(nullptr))
      rmdir(path);
  raise(SIGINT);
}

llvm::Expected<std::unique_ptr<TemporaryDirectory>> TemporaryDirectory::create() {
  llvm::SmallString<128> path;
  if (std::error_code error = llvm::sys::fs::createUniqueDirectory("vitc", path))
    return makeError(ExitCode::Environment,
                     "could not create a temporary directory: {}; set TMPDIR to one with space",
                     error.message());
  std::unique_ptr<TemporaryDirectory> result(new TemporaryDirectory(std::string(path)));
  llvm::sys::SetInterruptFunction(onInterrupt);
  for (std::atomic<const char *> &slot : liveDirectories) {
    const char *none = nullptr;
    if (slot.compare_exchange_strong(none, result->path.c_str()))
      break;
  }
  return result;
}

TemporaryDirectory::~TemporaryDirectory() {
  llvm::sys::fs::remove_directories(path);
  for (std::atomic<const char *> &slot : liveDirectories) {
    const char *own = path.c_str();
    if (slot.compare_exchange_strong(own, nullptr))
      break;
  }
}

std::string TemporaryDirectory::file(llvm::StringRef name) const {
  llvm::SmallString<128> result(path);
  llvm::sys::path::append(result, name);
  return std::string(result);
}

std::string vitc::layerName(const vitc_step &step) {
  return llvm::StringRef(step.name).split(".w.").first.str();
}

/// Outputs of a model that the commands can call; those of today have at most two.
static constexpr size_t kMaxOutputs = 32;

/// As in the metadata.
static llvm::StringRef hostArchitecture() {
#if defined(__aarch64__)
  return "aarch64";
#else
  return "x86_64";
#endif
}

/// The objects to link. Members of an archive become files: a linker would take none that nothing refers to.
static llvm::Expected<std::vector<std::string>> objectsOf(const LibraryFile &file, const std::string &path,
                                                          const TemporaryDirectory &directory) {
  if (file.kind == LibraryKind::Object)
    return std::vector{path};
  auto archive = MappedFile::open(path);
  if (!archive)
    return archive.takeError();
  auto members = archiveMembers((*archive)->text());
  if (!members)
    return members.takeError();
  std::vector<std::string> objects;
  for (auto [i, member] : llvm::enumerate(*members)) {
    objects.push_back(directory.file(std::to_string(i) + ".o"));
    llvm::sys::RemoveFileOnSignal(objects.back());
    if (llvm::Error error = writeFileAtomically(objects.back(), member))
      return error;
  }
  return objects;
}

llvm::Expected<std::unique_ptr<LoadedLibrary>>
LoadedLibrary::load(LibraryFile file, std::unique_ptr<TemporaryDirectory> directory) {
  std::unique_ptr<LoadedLibrary> library(new LoadedLibrary);
  library->file = std::move(file);
  library->directory = std::move(directory);
  const LibraryFacts &facts = library->facts();
  const std::string &path = library->file.path;
  if (facts.architecture != hostArchitecture())
    return inputError("{}: expected a library for this machine ({}), got one for {}", path,
                      hostArchitecture().str(), facts.architecture);
  llvm::SmallString<256> absolute(path);
  if (std::error_code error = llvm::sys::fs::make_absolute(absolute))
    return makeError(ExitCode::Environment, "{}: {}", path, error.message());
  if (!facts.embedded) {
    llvm::SmallString<256> weights(absolute);
    llvm::sys::path::remove_filename(weights);
    llvm::sys::path::append(weights, facts.name + ".vitw");
    library->weights = std::string(weights);
  }
  if (library->file.kind != LibraryKind::Shared) {
    auto temporary = TemporaryDirectory::create();
    if (!temporary)
      return temporary.takeError();
    library->directory = std::move(*temporary);
    std::string linked = library->directory->file(facts.name + ".so");
    llvm::sys::RemoveFileOnSignal(linked);
    auto objects = objectsOf(library->file, std::string(absolute), *library->directory);
    if (!objects)
      return objects.takeError();
    if (llvm::Error error = linkShared(*objects, facts.name + ".so", facts.architecture, linked))
      return error;
    absolute = linked;
  }
  library->handle = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->handle)
    return makeError(ExitCode::Environment, "{}: could not be loaded: {}", path, dlerror());
  if (llvm::Error error = library->resolve())
    return error;
  return library;
}

LoadedLibrary::~LoadedLibrary() {
  if (handle)
    dlclose(handle);
}

llvm::Error LoadedLibrary::resolve() {
  auto symbol = [&](llvm::StringRef name, auto &out) {
    out = reinterpret_cast<std::remove_reference_t<decltype(out)>>(
        dlsym(handle, (facts().name + "_" + name).str().c_str()));
    return out != nullptr;
  };
  const vitc_library_info *(*info)() = nullptr;
  bool complete = symbol("vitc_info", info) && symbol("create", functions.create) &&
                  symbol("run", functions.run) && symbol("destroy", functions.destroy) &&
                  symbol("last_message", functions.lastMessage) && symbol("level", functions.level) &&
                  symbol("threads", functions.threads);
  if (!complete)
    return inputError("{}: expected the functions of a library that vitc compiled; some are missing", path());
  symbol("run_u8", functions.runU8);
  tables = info();
  if (tables->abi != VITC_ABI_VERSION)
    return inputError("{}: expected ABI {}, got {}; compile the model again", path(), VITC_ABI_VERSION,
                      tables->abi);
  if (tables->model_count != file.sizes.size())
    return inputError("{}: expected {} input sizes as its metadata say, got {}", path(), file.sizes.size(),
                      tables->model_count);
  for (auto [i, size] : llvm::enumerate(file.sizes))
    if (llvm::Error error = checkSize(size, tables->models[i]))
      return error;
  return llvm::Error::success();
}

/// The commands allocate inputs and outputs by what the metadata say of shapes.
llvm::Error LoadedLibrary::checkSize(const LibraryFacts &size, const vitc_model_info &table) const {
  if (table.input_height != size.inputSize.height || table.input_width != size.inputSize.width)
    return inputError("{}: expected an input of {}x{} as its metadata say, got {}x{}", path(),
                      size.inputSize.height, size.inputSize.width, table.input_height, table.input_width);
  if (const std::optional<ModelConfig> &model = size.model;
      model && (model->inputSize != size.inputSize || model->channels != table.input_channels))
    return inputError("{}: expected an input of {} x {} x {} as its description says, got {} x {} x {}",
                      path(), model->channels, model->inputSize.height, model->inputSize.width,
                      table.input_channels, table.input_height, table.input_width);
  if (table.output_count != size.outputs.size())
    return inputError("{}: expected {} outputs as its metadata say, got {}", path(), size.outputs.size(),
                      table.output_count);
  if (size.outputs.empty() || size.outputs.size() > kMaxOutputs)
    return inputError("{}: expected one to {} outputs, got {}", path(), kMaxOutputs, size.outputs.size());
  auto check = [&](const Port &port, uint64_t bytes) -> llvm::Error {
    uint64_t expected = sizeof(float);
    for (int64_t extent : port.shape)
      expected = llvm::SaturatingMultiply<uint64_t>(expected, extent);
    if (expected == bytes)
      return llvm::Error::success();
    return inputError("{}: expected {} bytes of '{}' as its metadata say, got {}", path(), expected,
                      quoteForMessage(port.name), bytes);
  };
  for (uint32_t i = 0; i < table.level_count; ++i)
    if (llvm::Error error = check(size.input, table.levels[i].run.input_bytes))
      return error;
  for (auto [i, output] : llvm::enumerate(size.outputs))
    if (llvm::Error error = check(output, table.output_bytes[i]))
      return error;
  return llvm::Error::success();
}

const vitc_level *LoadedLibrary::level(llvm::StringRef name) const {
  for (const vitc_level &level : llvm::ArrayRef(info().levels, info().level_count))
    if (level.name == name)
      return &level;
  return nullptr;
}

llvm::Error LoadedLibrary::failure(vitc_status status) const {
  ExitCode code = ExitCode::Internal;
  switch (status) {
  case VITC_WEIGHTS_NOT_FOUND:
  case VITC_WEIGHTS_MISMATCH:
  case VITC_PICTURE_TOO_LARGE:
  case VITC_INVALID_ARGUMENT:
    code = ExitCode::Input;
    break;
  case VITC_OUT_OF_MEMORY:
  case VITC_UNSUPPORTED_CPU:
  case VITC_THREADS_UNAVAILABLE:
    code = ExitCode::Environment;
    break;
  default:
    break;
  }
  return makeError(code, "{}: {}", path(), functions.lastMessage());
}

llvm::Expected<RunningModel> LoadedLibrary::create(vitc_options options) const {
  options.struct_size = sizeof options;
  if (!weights.empty())
    options.weights_path = weights.c_str();
  options.height = info().input_height;
  options.width = info().input_width;
  vitc_model *model = nullptr;
  if (vitc_status status = functions.create(&model, &options))
    return failure(status);
  return RunningModel(*this, model);
}

RunningModel::~RunningModel() {
  if (model)
    library->functions.destroy(model);
}

std::string RunningModel::levelName() const { return library->functions.level(model); }
uint32_t RunningModel::threads() const { return library->functions.threads(model); }
size_t RunningModel::outputElements(size_t index) const {
  return tables->output_bytes[index] / sizeof(float);
}

/// Calls PREFIX_run or PREFIX_run_u8, which take one pointer for each output behind `arguments`.
template <typename... Arguments>
static vitc_status call(void *function, llvm::ArrayRef<float *> outputs, Arguments... arguments) {
  vitc_status status = VITC_OK;
  auto with = [&]<size_t... Index>(std::index_sequence<Index...>) {
    using Function = vitc_status (*)(Arguments..., std::conditional_t<true, float *, decltype(Index)>...);
    status = reinterpret_cast<Function>(function)(arguments..., outputs[Index]...);
  };
  // A function type for each number of outputs; load() admits one to kMaxOutputs.
  [&]<size_t... Count>(std::index_sequence<Count...>) {
    (void)((outputs.size() == Count + 1 && (with(std::make_index_sequence<Count + 1>()), true)) || ...);
  }(std::make_index_sequence<kMaxOutputs>());
  return status;
}

llvm::Error RunningModel::run(const float *images, size_t n, llvm::ArrayRef<float *> outputs) const {
  if (vitc_status status = call(library->functions.run, outputs, model, images, n))
    return library->failure(status);
  return llvm::Error::success();
}

llvm::Error RunningModel::runPictures(const uint8_t *pixels, int32_t height, int32_t width, int32_t channels,
                                      size_t n, llvm::ArrayRef<float *> outputs) const {
  if (!library->functions.runU8)
    return inputError("{}: expected a model with a preprocessing, got one that takes no pictures",
                      library->path());
  if (vitc_status status = call(library->functions.runU8, outputs, model, pixels, height, width, channels,
                                ptrdiff_t(width) * channels, n))
    return library->failure(status);
  return llvm::Error::success();
}
