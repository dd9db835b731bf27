#include "test/Integration/Harness.h"
#include "compiler/Driver/Comparison.h"
#include "compiler/Driver/OpenModel.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>
#include <sys/wait.h>

using namespace vitc;
using namespace vitc::test;

template <typename T> static bool succeeded(llvm::Expected<T> &value) {
  if (value)
    return true;
  ADD_FAILURE() << llvm::toString(value.takeError());
  return false;
}

std::vector<const Isa *> vitc::test::runnableLevels(Precision precision) {
  std::vector<const Isa *> levels;
  for (const Isa &isa : allIsas())
    if (runsHere(isa) && gainsFrom(precision, isa))
      levels.push_back(&isa);
  return levels;
}

CompileOptions vitc::test::hostOptions(Precision precision) {
  CompileOptions options;
  options.precision = precision;
  options.targets = runnableLevels(precision);
  return options;
}

std::unique_ptr<LoadedLibrary> vitc::test::compileAndLoad(const Checkpoint &checkpoint,
                                                          const CompileOptions &options) {
  auto library = vitc::compileAndLoad(Model(checkpoint), options);
  return succeeded(library) ? std::move(*library) : nullptr;
}

std::optional<RunningModel> vitc::test::create(const LoadedLibrary &library, const char *level,
                                               uint32_t threads) {
  vitc_options options = {};
  options.level = level;
  options.threads = threads;
  return create(library, options);
}

std::optional<RunningModel> vitc::test::create(const LoadedLibrary &library, const vitc_options &options) {
  auto model = library.create(options);
  if (!succeeded(model))
    return std::nullopt;
  return std::optional<RunningModel>(std::move(*model));
}

/// Buffers for n images, filled with NaN so that an element which is not written shows.
static Outputs buffers(const LoadedLibrary &library, const RunningModel &model, size_t n,
                       std::vector<float *> &pointers) {
  Outputs outputs;
  for (uint32_t i = 0; i < library.info().output_count; ++i)
    outputs.emplace_back(n * model.outputElements(i), std::numeric_limits<float>::quiet_NaN());
  for (auto &output : outputs)
    pointers.push_back(output.data());
  return outputs;
}

Outputs vitc::test::run(const LoadedLibrary &library, const RunningModel &model,
                        const std::vector<float> &images, size_t n) {
  EXPECT_EQ(images.size() * sizeof(float), n * library.info().levels[0].run.input_bytes);
  std::vector<float *> pointers;
  Outputs outputs = buffers(library, model, n, pointers);
  if (llvm::Error error = model.run(images.data(), n, pointers)) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return {};
  }
  return outputs;
}

Outputs vitc::test::runPictures(const LoadedLibrary &library, const RunningModel &model,
                                const std::vector<uint8_t> &pixels, int32_t height, int32_t width,
                                int32_t channels, size_t n) {
  EXPECT_EQ(pixels.size(), n * size_t(height) * width * channels);
  std::vector<float *> pointers;
  Outputs outputs = buffers(library, model, n, pointers);
  if (llvm::Error error = model.runPictures(pixels.data(), height, width, channels, n, pointers)) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return {};
  }
  return outputs;
}

static mlir::OwningOpRef<mlir::ModuleOp> referenceModule(mlir::MLIRContext &context,
                                                         const ModelConfig &config, Precision precision) {
  auto module = buildModule(context, config);
  CompileOptions options;
  options.precision = precision;
  if (precision != Precision::F32)
    if (llvm::Error error = lowerTo(*module, Phase::Fused, allIsas().front(), options))
      ADD_FAILURE() << llvm::toString(std::move(error));
  return module;
}

Reference::Reference(const Checkpoint &checkpoint, Precision precision)
    : context(makeContext()), module(referenceModule(*context, checkpoint.config, precision)),
      weights(*module, tensorLookup(checkpoint)) {}

std::vector<std::vector<double>> Reference::interpret(llvm::StringRef name, const std::vector<double> &data,
                                                      size_t n, bool single) {
  auto function = module->lookupSymbol<mlir::func::FuncOp>(name);
  if (!function) {
    ADD_FAILURE() << "no function @" << name.str();
    return {};
  }
  auto type = llvm::cast<mlir::ShapedType>(function.getArgumentTypes().front());
  size_t elements = static_cast<size_t>(type.getNumElements());
  EXPECT_EQ(data.size(), n * elements);
  vit::InterpOptions options;
  options.single = single;
  std::vector<std::vector<double>> all(function.getNumResults());
  for (size_t i = 0; i < n; ++i) {
    auto first = data.begin() + static_cast<ptrdiff_t>(i * elements);
    vit::Tensor image{llvm::to_vector<4>(type.getShape()), {first, first + static_cast<ptrdiff_t>(elements)}};
    std::vector<vit::Tensor> results;
    if (mlir::failed(vit::interpret(function, {image}, weights, options, results))) {
      ADD_FAILURE() << "the interpreter failed";
      return {};
    }
    for (size_t r = 0; r < results.size(); ++r)
      all[r].insert(all[r].end(), results[r].data.begin(), results[r].data.end());
  }
  return all;
}

std::vector<std::vector<double>> Reference::run(const std::vector<float> &images, size_t n, bool single) {
  return interpret("forward", {images.begin(), images.end()}, n, single);
}

std::vector<std::vector<double>> Reference::runPixels(const std::vector<uint8_t> &pixels, bool single) {
  return interpret("forward_u8", {pixels.begin(), pixels.end()}, 1, single);
}

template <typename T> static double errorOf(const std::vector<T> &got, const std::vector<double> &want) {
  if (got.size() != want.size())
    return std::numeric_limits<double>::infinity();
  RelativeError error;
  for (size_t i = 0; i < got.size(); ++i)
    error.add(got[i], want[i]);
  return error.value();
}
double vitc::test::relativeError(const std::vector<float> &got, const std::vector<double> &want) {
  return errorOf(got, want);
}
double vitc::test::relativeError(const std::vector<double> &got, const std::vector<double> &want) {
  return errorOf(got, want);
}

size_t vitc::test::imageElements(const ModelConfig &config) {
  return static_cast<size_t>(config.channels * config.inputSize.height * config.inputSize.width);
}

vit::Tensor vitc::test::readNpy(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    ADD_FAILURE() << path << ": " << buffer.getError().message();
    return {};
  }
  // Magic (6 bytes), version (2), length of the header (2), header, data.
  llvm::StringRef bytes = (*buffer)->getBuffer();
  size_t start = 10 + static_cast<uint8_t>(bytes[8]) + 256 * static_cast<uint8_t>(bytes[9]);
  llvm::StringRef header = bytes.substr(10, start - 10), data = bytes.drop_front(start);
  vit::Tensor tensor;
  llvm::SmallVector<llvm::StringRef> extents;
  header.split("'shape': (").second.split(')').first.split(extents, ',', -1, /*KeepEmpty=*/false);
  size_t elements = 1;
  for (llvm::StringRef text : extents) {
    int64_t extent = 0;
    if (text.trim().getAsInteger(10, extent))
      continue; // the blank behind "(3, )"
    tensor.shape.push_back(extent);
    elements *= static_cast<size_t>(extent);
  }
  auto read = [&]<typename T>(T) {
    EXPECT_EQ(data.size(), elements * sizeof(T)) << path;
    std::vector<T> values(data.size() / sizeof(T));
    std::memcpy(values.data(), data.data(), values.size() * sizeof(T));
    tensor.data.assign(values.begin(), values.end());
  };
  if (!header.contains("'fortran_order': False"))
    ADD_FAILURE() << path << ": expected C order";
  else if (header.contains("'<f8'"))
    read(double());
  else if (header.contains("'<f4'"))
    read(float());
  else if (header.contains("'|u1'"))
    read(uint8_t());
  else
    ADD_FAILURE() << path << ": unexpected type in " << header.str();
  return tensor;
}

ModelConfig vitc::test::smallConfig() {
  ModelConfig config;
  config.name = "small";
  config.inputSize = {30, 30};
  config.width = 60;
  config.depth = 3;
  config.heads = 3;
  config.headDim = 20;
  config.patch.size = config.patch.stride = {5, 5};
  config.prefix = {{"cls", 1}};
  config.pos.grid = config.grid();
  config.normEps = 1e-5;
  config.block.mlp.hidden = 130;
  config.head.layers = {{"main", "pooled", 11, true}};
  ResizeStep resize;
  resize.mode = ResizeMode::Shortest;
  resize.size = {35, 0};
  resize.filter = ResizeFilter::Bicubic;
  config.preprocess = Preprocess{true,
                                 {resize, CenterCropStep{config.inputSize, CropRounding::HalfEven, 0},
                                  AffineStep{1 / 255.0, {.485, .456, .406}, {.229, .224, .225}}}};
  return config;
}

CommandResult vitc::test::command(const std::string &line) {
  CommandResult result{-1, ""};
  FILE *pipe = popen((line + " 2>&1").c_str(), "r");
  if (!pipe)
    return result;
  char buffer[4096];
  while (size_t count = fread(buffer, 1, sizeof buffer, pipe))
    result.output.append(buffer, count);
  int status = pclose(pipe);
  result.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}
