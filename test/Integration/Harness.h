//===- Harness.h - models compiled, run and compared, for whole-program tests -----------------------===//
#ifndef TEST_INTEGRATION_HARNESS_H
#define TEST_INTEGRATION_HARNESS_H

#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Pipeline/Pipeline.h"
#include "dialect/Interp/Interpreter.h"
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace vitc::test {

/// The outputs of a model, each for all images, one image behind the other.
using Outputs = std::vector<std::vector<float>>;

/// Levels of the portable set, or this architecture's, that this machine runs; best first.
std::vector<const Isa *> runnableLevels(Precision precision = Precision::F32);

/// Options that compile for runnableLevels(), with names that two tests can use at once.
CompileOptions hostOptions(Precision precision = Precision::F32);

/// Compiles `checkpoint` to a temporary shared library and loads it; null and a test failure if that fails.
std::unique_ptr<LoadedLibrary> compileAndLoad(const Checkpoint &checkpoint,
                                              const CompileOptions &options = hostOptions());

/// Creates a model on `level` (null: the best) with `threads` threads.
std::optional<RunningModel> create(const LoadedLibrary &library, const char *level = nullptr,
                                   uint32_t threads = 1);
std::optional<RunningModel> create(const LoadedLibrary &library, const vitc_options &options);

/// Runs `n` images, or pictures of one size; empty and a test failure if that fails.
Outputs run(const LoadedLibrary &library, const RunningModel &model, const std::vector<float> &images,
            size_t n);
Outputs runPictures(const LoadedLibrary &library, const RunningModel &model,
                    const std::vector<uint8_t> &pixels, int32_t height, int32_t width, int32_t channels,
                    size_t n = 1);

/// The model-level module of a checkpoint, interpreted.
class Reference {
public:
  /// Precondition: `checkpoint` outlives the object.
  /// With a precision below f32, operands of products are rounded to it, and nothing else is.
  explicit Reference(const Checkpoint &checkpoint, Precision precision = Precision::F32);

  /// Outputs for `n` normalised images, one behind the other. `single`: computed in float32.
  std::vector<std::vector<double>> run(const std::vector<float> &images, size_t n, bool single = false);
  /// Outputs for pixels of the model's size. Precondition: the model has a preprocessing.
  std::vector<std::vector<double>> runPixels(const std::vector<uint8_t> &pixels, bool single = false);

private:
  std::vector<std::vector<double>> interpret(llvm::StringRef function, const std::vector<double> &data,
                                             size_t n, bool single);
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  vit::WeightEvaluator weights;
};

/// Relative L2 error of `got` against `want`; infinity if sizes differ.
double relativeError(const std::vector<float> &got, const std::vector<double> &want);
double relativeError(const std::vector<double> &got, const std::vector<double> &want);
/// The largest over all outputs.
template <typename T>
double relativeError(const std::vector<std::vector<T>> &got, const std::vector<std::vector<double>> &want) {
  double worst = got.size() == want.size() ? 0 : std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < std::min(got.size(), want.size()); ++i)
    worst = std::max(worst, relativeError(got[i], want[i]));
  return worst;
}

/// Elements of one normalised image.
size_t imageElements(const ModelConfig &config);

/// An array of a .npy file: little-endian f64, f32 or u8 in C order.
vit::Tensor readNpy(const std::string &path);

/// A small model of several blocks, as a starting point for tests that need any: 3 channels, 30 x 30 pixels,
/// width 60, cls token, pictures with resize and crop.
ModelConfig smallConfig();

/// Runs a shell command; its exit code and its output, both streams.
struct CommandResult {
  int exitCode;
  std::string output;
};
CommandResult command(const std::string &line);

} // namespace vitc::test

#endif // TEST_INTEGRATION_HARNESS_H
