// Libraries on CPUs that this machine is not: old x86-64 ones and Arm, under qemu's user-mode emulation,
// which faults on instructions that the CPU lacks.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "test/Integration/Harness.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <cstring>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr int kHeight = 41, kWidth = 53;
constexpr double kBound = 2e-6;

bool onX86() { return llvm::Triple(llvm::sys::getProcessTriple()).isX86_64(); }

class OldCpuTest : public testing::Test {
protected:
  OldCpuTest() : checkpoint(seededCheckpoint(smallConfig())) {
    auto created = TemporaryDirectory::create();
    if (!created) {
      ADD_FAILURE() << llvm::toString(created.takeError());
      return;
    }
    directory = std::move(*created);
    image = seededImage(1, imageElements(checkpoint.config));
    for (float value : seededImage(2, size_t(kHeight) * kWidth * 3))
      picture.push_back(static_cast<uint8_t>(std::clamp(128 + 60 * value, 0.0f, 255.0f)));
    write("image", image.data(), image.size() * sizeof(float));
    write("picture", picture.data(), picture.size());
  }
  void write(const char *name, const void *data, size_t bytes) {
    std::error_code error;
    llvm::raw_fd_ostream os(directory->file(name), error);
    os.write(static_cast<const char *>(data), bytes);
  }
  /// Compiles the model to `library` and links `program` with it.
  void build(llvm::StringRef target, const std::string &library, const std::string &program,
             const std::string &cc, const std::string &flags, Precision precision = Precision::F32) {
    CompileOptions options;
    options.precision = precision;
    auto targets = parseTargets({target.str()}, precision);
    ASSERT_TRUE(static_cast<bool>(targets)) << llvm::toString(targets.takeError());
    options.targets = *targets;
    auto info = compileLibrary(checkpoint, options, directory->file(library));
    ASSERT_TRUE(static_cast<bool>(info)) << llvm::toString(info.takeError());
    CommandResult result = command(cc + " -std=c99 -O1 -Wall -Wextra -Werror -I" + directory->file("") +
                                   " " VITC_TEST_DATA "/run_model.c " + directory->file(library) + " " +
                                   flags + " -pthread -o " + directory->file(program));
    ASSERT_EQ(result.exitCode, 0) << result.output;
  }
  /// Runs `program` below `emulator` and returns the logits of the image, then of the picture.
  std::vector<float> runProgram(const std::string &emulator, const std::string &program,
                                const std::string &expectedLevel, const std::string &forced = "") {
    std::string result = directory->file("result");
    // qemu warns of features that it lacks itself; an error of the program shows by its exit code.
    CommandResult done =
        command("(" + emulator + " " + directory->file(program) + " " + directory->file("image") + " " +
                directory->file("picture") + " " + std::to_string(kHeight) + " " + std::to_string(kWidth) +
                " " + result + " " + forced + " 2>" + directory->file("errors") + ")");
    EXPECT_EQ(done.exitCode, 0) << command("cat " + directory->file("errors")).output;
    EXPECT_EQ(done.output, expectedLevel);
    auto buffer = llvm::MemoryBuffer::getFile(result, false, false);
    if (!buffer)
      return {};
    std::vector<float> logits((*buffer)->getBufferSize() / sizeof(float));
    std::memcpy(logits.data(), (*buffer)->getBufferStart(), logits.size() * sizeof(float));
    command("rm " + result);
    return logits;
  }
  /// The image's logits against the interpreter; the picture's are checked by other means.
  void expectRight(const std::vector<float> &logits, Precision precision = Precision::F32) {
    ASSERT_EQ(logits.size(), 2u * static_cast<size_t>(checkpoint.config.classes()));
    std::vector<float> ofImage(logits.begin(), logits.begin() + checkpoint.config.classes());
    std::vector<double> want = Reference(checkpoint).run(image, 1)[0];
    // What the precision itself costs, and a little for roundings that flip near a tie.
    double bound = precision == Precision::F32
                       ? kBound
                       : 1.5 * relativeError(Reference(checkpoint, precision).run(image, 1)[0], want);
    EXPECT_LE(relativeError(ofImage, want), bound);
  }
  /// Both are those that this machine computes, up to rounding.
  void expectAsHere(const std::vector<float> &logits) {
    auto library = compileAndLoad(checkpoint);
    ASSERT_TRUE(library);
    auto model = create(*library);
    ASSERT_TRUE(model);
    Outputs ofPicture = runPictures(*library, *model, picture, kHeight, kWidth, 3);
    ASSERT_EQ(logits.size(), 2 * ofPicture[0].size());
    std::vector<float> got(logits.begin() + ptrdiff_t(ofPicture[0].size()), logits.end());
    EXPECT_LE(relativeError(got, {ofPicture[0].begin(), ofPicture[0].end()}), 2 * kBound);
  }

  Checkpoint checkpoint;
  std::unique_ptr<TemporaryDirectory> directory;
  std::vector<float> image;
  std::vector<uint8_t> picture;
};

class PortableLibraryTest : public OldCpuTest, public testing::WithParamInterface<Precision> {};

TEST_P(PortableLibraryTest, OnOldCpus) {
  if (!onX86())
    GTEST_SKIP() << "hardware: programs of this test are built by the system's compiler for x86-64";
  Precision precision = GetParam();
  build("portable", "small.a", "program", VITC_TEST_CC, "-static", precision);
  struct Cpu {
    const char *name, *level;
  };
  for (Cpu cpu : {Cpu{"Nehalem", "x86-64"}, Cpu{"Haswell", "x86-64-v3"}}) {
    SCOPED_TRACE(cpu.name);
    std::vector<float> emulated =
        runProgram(std::string("qemu-x86_64 -cpu ") + cpu.name, "program", cpu.level);
    expectRight(emulated, precision);
    if (precision == Precision::F32)
      expectAsHere(emulated);
    if (!runsHere(*findIsa(cpu.level)))
      continue; // an x86-64 machine without AVX2
    std::vector<float> native = runProgram("", "program", cpu.level, cpu.level);
    ASSERT_EQ(native.size(), emulated.size());
    EXPECT_EQ(std::memcmp(native.data(), emulated.data(), native.size() * sizeof(float)), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, PortableLibraryTest, testing::ValuesIn(kPrecisions),
                         [](const auto &info) { return precisionName(info.param).str(); });

TEST_F(OldCpuTest, ForcingWhatTheCpuLacksFails) {
  if (!onX86())
    GTEST_SKIP() << "hardware: programs of this test are built by the system's compiler for x86-64";
  build("portable", "small.a", "program", VITC_TEST_CC, "-static");
  CommandResult result =
      command("qemu-x86_64 -cpu Nehalem " + directory->file("program") + " " + directory->file("image") +
              " " + directory->file("picture") + " 41 53 " + directory->file("result") + " x86-64-v3");
  EXPECT_EQ(result.exitCode, 1); // not a signal
  EXPECT_TRUE(llvm::StringRef(result.output).contains("x86-64-v3")) << result.output;
}

TEST_F(OldCpuTest, Aarch64) {
  for (bool archive : {true, false}) {
    SCOPED_TRACE(archive ? "archive" : "shared library");
    if (archive)
      build("aarch64", "small.a", "arm", "aarch64-linux-gnu-gcc", "-static");
    else
      build("aarch64", "small.so", "arm", "aarch64-linux-gnu-gcc", "-Wl,-rpath,'$ORIGIN'");
    std::vector<float> logits = runProgram("qemu-aarch64 -L /usr/aarch64-linux-gnu", "arm", "aarch64");
    expectRight(logits);
    expectAsHere(logits);
  }
}

} // namespace
