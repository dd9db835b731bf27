// Whole models on the level with a matrix unit, whose instructions are emulated: a library's own IR, in which
// they are calls into this program, compiled for this machine.
#include "compiler/Driver/Comparison.h"
#include "compiler/Import/Presets.h"
#include "compiler/Target/ObjectEmitter.h"
#include "test/Integration/Harness.h"
#include "test/Integration/RandomModel.h"
#include "test/compiler/Codegen/CPU/TileEmulation.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/SourceMgr.h"

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr const char *kLevel = "sapphirerapids";

/// The machine as the library is to see it.
constexpr const char *kMachine = "#include <stdint.h>\n"
                                 "uint32_t vitc_cpu_features_from(const void *leaves) { return ~0u; }\n"
                                 "int vitc_cpu_request_amx(void) { return 1; }\n";

/// Instructions of the unit become calls, and questions about the machine are answered by others. Returns
/// what is wrong, if anything is.
std::string emulate(const std::string &listing, const std::string &result) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module = llvm::parseIRFile(listing, diagnostic, context);
  if (!module)
    return diagnostic.getMessage().str();
  int replaced = 0;
  for (llvm::Function &function : llvm::make_early_inc_range(*module)) {
    llvm::StringRef name = function.getName();
    if (!name.consume_front("llvm.x86.") ||
        !(name.starts_with("tile") || name.starts_with("td") || name.starts_with("ldtile")))
      continue;
    auto stand = module->getOrInsertFunction(("vitc_emulated_" + name).str(), function.getFunctionType());
    function.replaceAllUsesWith(stand.getCallee());
    function.eraseFromParent();
    ++replaced;
  }
  if (replaced < 5)
    return "the library does not use the unit";
  for (const char *name : {"vitc_cpu_features_from", "vitc_cpu_request_amx"}) {
    llvm::Function *function = module->getFunction(name);
    if (!function)
      return std::string("no function ") + name;
    function->deleteBody();
    function->setLinkage(llvm::GlobalValue::ExternalLinkage);
    function->setDSOLocal(false);
  }
  auto machine = createTargetMachine("x86_64");
  if (!machine)
    return llvm::toString(machine.takeError());
  std::error_code error;
  llvm::raw_fd_ostream os(result, error);
  if (error)
    return error.message();
  llvm::Error failure = emitCode(*module, **machine, CodeKind::Object, os);
  return failure ? llvm::toString(std::move(failure)) : "";
}

/// As compileAndLoad, with an emulated unit.
std::unique_ptr<LoadedLibrary> compileEmulated(const Checkpoint &checkpoint, CompileOptions options) {
  auto fail = [](llvm::Error error) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return nullptr;
  };
  auto directory = TemporaryDirectory::create();
  if (!directory)
    return fail(directory.takeError());
  options.name = "emulated";
  options.targets = {findIsa(kLevel)};
  options.weights = WeightPlacement::File;
  std::string library = (*directory)->file("model.so"), listing = (*directory)->file("model.ll"),
              code = (*directory)->file("emulated.o"), machine = (*directory)->file("machine.c");
  for (const std::string &output : {library, listing}) // the library for its weights
    if (auto info = compileLibrary(checkpoint, options, output); !info)
      return fail(info.takeError());
  if (std::string failure = emulate(listing, code); !failure.empty()) {
    ADD_FAILURE() << failure;
    return nullptr;
  }
  {
    std::error_code error;
    llvm::raw_fd_ostream(machine, error) << kMachine;
  }
  CommandResult linked =
      command(std::string(VITC_TEST_CC) + " -O2 -shared -fPIC -o " + library + " " + code + " " + machine);
  EXPECT_EQ(linked.exitCode, 0) << linked.output;
  llvm::Expected<LibraryFile> file = openLibraryFile(library);
  if (!file)
    return fail(file.takeError());
  auto loaded = LoadedLibrary::load(std::move(*file), std::move(*directory));
  return loaded ? std::move(*loaded) : fail(loaded.takeError());
}

class EmulatedUnitTest : public testing::TestWithParam<std::tuple<Precision, int>> {
protected:
  void SetUp() override {
    // The rest of the level runs on the machine.
    if (!llvm::is_contained(runnableLevels(Precision::Bf16), findIsa("znver4")))
      GTEST_SKIP() << "this machine lacks AVX-512 BF16 or VNNI";
    vitc_emulated_reset();
  }
};

// No more than PrecisionTest allows the levels that run here; the same bits whatever the threads and the
// batch.
TEST_P(EmulatedUnitTest, WholeModels) {
  auto [precision, index] = GetParam();
  ModelConfig config = index ? randomModel(/*seed=*/5, index) : smallConfig();
  SCOPED_TRACE(printVitJson(config));
  Checkpoint checkpoint = seededCheckpoint(config, {4});
  CompileOptions options;
  options.precision = precision;
  options.batch = 2;
  auto library = compileEmulated(checkpoint, options);
  ASSERT_TRUE(library);
  constexpr size_t kImages = 3;
  std::vector<float> images = seededImage(8, kImages * imageElements(config));
  auto alone = create(*library, kLevel, 1), shared = create(*library, nullptr, 3);
  ASSERT_TRUE(alone && shared);
  EXPECT_EQ(shared->levelName(), kLevel);
  Outputs got = run(*library, *alone, images, kImages);
  EXPECT_EQ(got, run(*library, *shared, images, kImages));

  auto want = Reference(checkpoint).run(images, kImages),
       rounded = Reference(checkpoint, precision).run(images, kImages);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    double factor = got[i].size() < 16 ? 10 : 2;
    EXPECT_LE(relativeError(got[i], want[i]), factor * relativeError(rounded[i], want[i])) << "output " << i;
  }
  vitc_emulated_counts counted = vitc_emulated_state();
  EXPECT_STREQ(counted.fault, nullptr);
  EXPECT_GT(counted.products, 1000u);
  EXPECT_EQ(counted.configurations, counted.releases);
}

INSTANTIATE_TEST_SUITE_P(Models, EmulatedUnitTest,
                         testing::Combine(testing::Values(Precision::Bf16, Precision::Int8),
                                          testing::Values(0, 2, 3)),
                         [](const auto &info) {
                           return precisionName(std::get<0>(info.param)).str() + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

} // namespace
