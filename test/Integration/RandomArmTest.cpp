// Random models on Arm, under qemu's user-mode emulation, against the interpreter: RandomShapesTest for the
// architecture that this machine is not. VITC_RANDOM_SEED and VITC_RANDOM_CASES as there.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include "test/Integration/RandomModel.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <cstring>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr size_t kImages = 2;
constexpr double kBound = 2e-6, kFactor = 3; ///< as in RandomShapesTest

uint64_t fromEnvironment(const char *name, uint64_t otherwise) {
  uint64_t value = otherwise;
  if (const char *text = std::getenv(name))
    EXPECT_FALSE(llvm::StringRef(text).getAsInteger(10, value)) << name << "=" << text;
  return value;
}

/// The first models of a seed with more than a few logits: where sums of few numbers cancel, error bounds say
/// little.
std::vector<ModelConfig> models(uint64_t seed, size_t count) {
  std::vector<ModelConfig> result;
  for (uint64_t index = 0; result.size() < count; ++index) {
    ModelConfig config = randomModel(seed, index);
    bool plain = config.outputs.empty() && !config.zeroShot && config.head.layers.size() &&
                 config.head.layers[0].from != kHeadOfTokens;
    if (config.classes() < 8 || !plain) // run_image.c has one output, of a number for each class
      continue;
    config.name = "small"; // run_image.c's
    config.preprocess.reset();
    result.push_back(std::move(config));
  }
  return result;
}

TEST(RandomArmTest, EqualsTheInterpreter) {
  uint64_t seed = fromEnvironment("VITC_RANDOM_SEED", 1);
  auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(static_cast<bool>(directory)) << llvm::toString(directory.takeError());
  auto file = [&](const char *name) { return (*directory)->file(name); };
  CompileOptions options;
  options.targets = {findIsa("aarch64")};
  options.weights = WeightPlacement::Embed;
  for (const ModelConfig &config : models(seed, fromEnvironment("VITC_RANDOM_CASES", 10))) {
    SCOPED_TRACE("VITC_RANDOM_SEED=" + std::to_string(seed) + ", vit.json:\n" + printVitJson(config));
    Checkpoint checkpoint = seededCheckpoint(config, {seed});
    auto info = compileLibrary(checkpoint, options, file("small.a"));
    ASSERT_TRUE(static_cast<bool>(info)) << llvm::toString(info.takeError());
    CommandResult linked =
        command("aarch64-linux-gnu-gcc -std=c99 -O1 -Wall -Wextra -Werror -static -I" + file("") +
                " " VITC_TEST_DATA "/run_image.c " + file("small.a") + " -pthread -o " + file("program"));
    ASSERT_EQ(linked.exitCode, 0) << linked.output;

    std::vector<float> images = seededImage(seed, kImages * imageElements(config));
    {
      std::error_code error;
      llvm::raw_fd_ostream os(file("images"), error);
      os.write(reinterpret_cast<const char *>(images.data()), images.size() * sizeof(float));
    }
    CommandResult ran = command("qemu-aarch64 " + file("program") + " " + file("images") + " " +
                                std::to_string(kImages) + " " + file("logits"));
    ASSERT_EQ(ran.exitCode, 0) << ran.output;
    auto buffer = llvm::MemoryBuffer::getFile(file("logits"), false, false);
    ASSERT_TRUE(static_cast<bool>(buffer));
    std::vector<float> logits((*buffer)->getBufferSize() / sizeof(float));
    std::memcpy(logits.data(), (*buffer)->getBufferStart(), logits.size() * sizeof(float));

    Reference reference(checkpoint);
    std::vector<double> want = reference.run(images, kImages).front();
    double error = relativeError(logits, want);
    if (error > kBound)
      EXPECT_LE(error, kFactor * relativeError(reference.run(images, kImages, true).front(), want));
  }
}

} // namespace
