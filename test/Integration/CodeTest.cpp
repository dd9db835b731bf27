// What a generated library consists of, for every target: its symbols, its sizes, its bytes, and the
// instructions of its inner loops and of the runtime.
#include "compiler/Import/Presets.h"
#include "runtime/include/vitc/abi.h"
#include "test/Integration/Disassembly.h"
#include "test/Integration/Harness.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <set>

using namespace vitc;
using namespace vitc::test;

namespace {

const std::string kName = "judged";
constexpr uint64_t kLevelLimit = 100'000, kRuntimeLimit = 100'000; ///< bytes of code

/// What a library may ask of the program that links it: docs/abi.md, "What a library does and does not do".
const std::set<std::string> kAllowed{
    "malloc",  "calloc",         "posix_memalign", "free",         "open",          "read",
    "pread",   "close",          "mmap",           "munmap",       "madvise",       "strlen",
    "syscall", "pthread_create", "getpid",         "pthread_join", "clock_gettime",
};
/// "the memory functions aside", and errno.
const std::set<std::string> kImplied{"memcpy", "memmove", "memset", "memcmp", "__errno_location"};

std::string tool(const char *name) { return std::string(VITC_TEST_LLVM_BIN) + "/" + name; }

/// The output of a command that must succeed.
std::string output(const std::string &line) {
  CommandResult result = command(line);
  EXPECT_EQ(result.exitCode, 0) << line << "\n" << result.output;
  return result.output;
}

std::vector<std::string> lines(const std::string &text) {
  llvm::SmallVector<llvm::StringRef> split;
  llvm::StringRef(text).split(split, '\n', -1, /*KeepEmpty=*/false);
  return {split.begin(), split.end()};
}

std::string contents(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
  EXPECT_TRUE(static_cast<bool>(buffer)) << path;
  return buffer ? (*buffer)->getBuffer().str() : "";
}

/// One model for one list of targets, compiled to each kind of library, in a directory of its own.
struct Compiled {
  std::unique_ptr<TemporaryDirectory> directory;
  LibraryInfo info;
  std::string file(const std::string &suffix) const { return directory->file(kName + suffix); }
  std::vector<Function> functions() const {
    return parseDisassembly(output(tool("llvm-objdump") + " -d --no-show-raw-insn " + file(".o")));
  }
};

std::unique_ptr<Compiled> compileAll(const std::string &model, const std::string &target,
                                     llvm::ArrayRef<const char *> suffixes = {".o", ".a", ".so"}) {
  auto result = std::make_unique<Compiled>();
  auto fail = [](llvm::Error error) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return nullptr;
  };
  auto [name, precision] = llvm::StringRef(model).split('-'); // "vit_tiny-bf16"
  auto checkpoint =
      name == "small" ? seededCheckpoint(smallConfig()) : openCheckpoint("preset:vit_tiny_patch16_224");
  if (!checkpoint)
    return fail(checkpoint.takeError());
  auto directory = TemporaryDirectory::create();
  if (!directory)
    return fail(directory.takeError());
  result->directory = std::move(*directory);
  CompileOptions options;
  options.name = kName;
  options.precision = precisionOf(precision);
  auto targets = parseTargets({target}, options.precision);
  if (!targets)
    return fail(targets.takeError());
  options.targets = *targets;
  for (const char *suffix : suffixes) {
    auto info = compileLibrary(*checkpoint, options, result->file(suffix));
    if (!info)
      return fail(info.takeError());
    result->info = *info;
  }
  return result;
}

/// "x86-64-v3" is "x86_64_v3" in symbols.
std::string symbolPart(llvm::StringRef level) {
  std::string text = level.str();
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

using Param = std::tuple<std::string, std::string>;
class CodeTest : public testing::TestWithParam<Param> {
protected:
  /// Compiled once for all tests.
  static const Compiled &compiled(const std::string &model, const std::string &target) {
    auto &entry = cache()[{model, target}];
    if (!entry)
      entry = compileAll(model, target);
    return *entry;
  }
  static int64_t weightBytes(const std::string &model, const std::string &target) {
    auto known = cache().find({model, target});
    auto own = known == cache().end() ? compileAll(model, target, {".o"}) : nullptr;
    return own ? own->info.weightBytes : known != cache().end() ? known->second->info.weightBytes : 0;
  }
  void SetUp() override { ASSERT_TRUE(&library()); }
  static void TearDownTestSuite() { cache().clear(); }
  const Compiled &library() const { return compiled(std::get<0>(GetParam()), std::get<1>(GetParam())); }

private:
  static std::map<Param, std::unique_ptr<Compiled>> &cache() {
    static std::map<Param, std::unique_ptr<Compiled>> libraries;
    return libraries;
  }
};

TEST_P(CodeTest, AsksForNothingButLibc) {
  for (const char *suffix : {".o", ".a", ".so"}) {
    SCOPED_TRACE(suffix);
    std::string nm = tool("llvm-nm") + " -j --quiet " + (suffix == std::string(".so") ? "-D " : "");
    std::vector<std::string> wanted = lines(output(nm + "--undefined-only " + library().file(suffix)));
    llvm::StringSet<> defined; // of another member of the archive
    for (const std::string &name : lines(output(nm + "--defined-only " + library().file(suffix))))
      defined.insert(name);
    EXPECT_GE(wanted.size(), 10u); // a tool that prints nothing proves nothing
    for (const std::string &name : wanted)
      if (!llvm::StringRef(name).ends_with(":"))
        EXPECT_TRUE(kAllowed.count(name) || kImplied.count(name) || defined.contains(name)) << name;
  }
}

TEST_P(CodeTest, ExportsNothingButItsPrefix) {
  for (const char *suffix : {".o", ".a", ".so"}) {
    SCOPED_TRACE(suffix);
    std::string nm = tool("llvm-nm") + " -j --quiet " + (suffix == std::string(".so") ? "-D " : "");
    int found = 0;
    for (const std::string &name :
         lines(output(nm + "--defined-only --extern-only " + library().file(suffix)))) {
      if (llvm::StringRef(name).ends_with(":")) // a member of the archive
        continue;
      ++found;
      EXPECT_TRUE(llvm::StringRef(name).starts_with(kName + "_") ||
                  llvm::StringRef(name).starts_with(kName + "."))
          << name;
    }
    EXPECT_GE(found, 10);
  }
}

TEST_P(CodeTest, NeedsNoOtherLibrary) {
  std::string dynamic = output(tool("llvm-readelf") + " -d " + library().file(".so"));
  EXPECT_NE(dynamic.find("SONAME"), std::string::npos) << dynamic;
  EXPECT_EQ(dynamic.find("NEEDED"), std::string::npos) << dynamic;
}

TEST_P(CodeTest, InnerLoopsOfProductsStayInRegisters) {
  int kernels = 0;
  for (const Function &function : library().functions()) {
    if (function.name.find(".gemm_") == std::string::npos)
      continue;
    ++kernels;
    int products = 0;
    bool frame = keepsFramePointer(function);
    for (Loop loop : innermostLoops(function)) {
      if (!isProduct(loop))
        continue;
      ++products;
      EXPECT_TRUE(llvm::none_of(loop, [&](const Instruction &i) { return touchesStack(i, frame); }))
          << function.name << "\n"
          << print(loop);
    }
    EXPECT_GE(products, 1) << function.name;
  }
  EXPECT_GE(kernels, 8 * int(library().info.levels.size()));
}

TEST_P(CodeTest, ArithmeticOfTheRuntimeIsPlain) {
  std::set<std::string> seen;
  for (const Function &function : library().functions()) {
    llvm::StringRef name = function.name;
    if (name.starts_with(kName + "."))
      continue; // from the model's own IR
    seen.insert(function.name);
    if (name.starts_with("vitc_resize_"))
      continue; // the image resizer may
    for (const Instruction &i : function.code)
      EXPECT_FALSE(isFma(i) || isDot(i)) << function.name << ": " << i.mnemonic << " " << i.operands;
  }
  for (const char *name : {"vitc_rt_create", "vitc_rt_run", "vitc_run_pass", "vitc_resize_row"})
    EXPECT_TRUE(seen.count(name)) << name;
}

TEST_P(CodeTest, IsSmall) {
  std::map<std::string, uint64_t> sizes; // of the levels; "" is the runtime
  for (const std::string &line :
       lines(output(tool("llvm-nm") + " -S --defined-only " + library().file(".o")))) {
    llvm::SmallVector<llvm::StringRef, 4> fields; // address, size, type, name
    llvm::StringRef(line).split(fields, ' ');
    uint64_t size = 0;
    if (fields.size() != 4 || (fields[2] != "t" && fields[2] != "T") || fields[1].getAsInteger(16, size))
      continue;
    std::string level;
    if (fields[3].consume_front(kName + "."))
      level = fields[3].split('.').first.str();
    sizes[level] += size;
  }
  EXPECT_EQ(sizes.size(), library().info.levels.size() + 1);
  for (const Isa *isa : library().info.levels) {
    uint64_t size = sizes[symbolPart(isa->name)];
    EXPECT_GT(size, 10'000u);
    EXPECT_LE(size, kLevelLimit) << isa->name.str();
  }
  EXPECT_GT(sizes[""], 5'000u);
  EXPECT_LE(sizes[""], kRuntimeLimit);
}

TEST_P(CodeTest, SameInputSameBytes) {
  const auto &[model, target] = GetParam();
  if (target != "portable" && !(model == "small" && target == "aarch64"))
    return; // the portable set has the code of the levels
  auto again = compileAll(model, target);
  ASSERT_TRUE(again);
  for (const char *suffix : {".o", ".a", ".so", ".h"})
    EXPECT_TRUE(contents(again->file(suffix)) == contents(library().file(suffix))) << suffix;
  EXPECT_EQ(again->info.weightId, library().info.weightId);
  if (!library().info.embedded)
    EXPECT_TRUE(contents(again->file(".vitw")) == contents(library().file(".vitw")));
}

TEST_P(CodeTest, LevelsShareTheWeights) {
  const auto &[model, target] = GetParam();
  uint64_t header = VITC_WEIGHTS_ALIGN;
  if (uint64_t bytes = 0; !library().info.embedded) {
    ASSERT_FALSE(llvm::sys::fs::file_size(library().file(".vitw"), bytes));
    EXPECT_EQ(bytes, header + static_cast<uint64_t>(library().info.weightBytes));
  }
  for (const Isa *isa : library().info.levels)
    EXPECT_LE(static_cast<double>(library().info.weightBytes),
              1.02 * static_cast<double>(weightBytes(model, isa->name.str())))
        << isa->name.str();
}

/// Each level alone that has code of its own for f32, and the set that is compiled by default.
std::vector<std::string> targets() {
  std::vector<std::string> names{"portable"};
  for (const Isa &isa : allIsas())
    if (gainsFrom(Precision::F32, isa))
      names.push_back(isa.name.str());
  return names;
}
INSTANTIATE_TEST_SUITE_P(Targets, CodeTest,
                         testing::Combine(testing::Values("small", "vit_tiny"), testing::ValuesIn(targets())),
                         [](const auto &info) {
                           return std::get<0>(info.param) + "_" + symbolPart(std::get<1>(info.param));
                         });
INSTANTIATE_TEST_SUITE_P(Precisions, CodeTest,
                         testing::Values(Param{"vit_tiny-bf16", "portable"},
                                         Param{"vit_tiny-bf16", "aarch64"},
                                         Param{"vit_tiny-int8", "portable"}),
                         [](const auto &info) {
                           return symbolPart(std::get<0>(info.param)) + "_" +
                                  symbolPart(std::get<1>(info.param));
                         });

TEST(Documentation, ListsWhatALibraryCalls) {
  std::string text = contents(VITC_TEST_DATA "/../../docs/abi.md");
  llvm::StringRef list = llvm::StringRef(text).split("It calls these functions of libc").second;
  list = list.split("\n* ").first;
  std::set<std::string> documented;
  for (auto [head, rest] = list.split('`'); !rest.empty(); std::tie(head, rest) = rest.split('`')) {
    auto [name, behind] = rest.split('`');
    documented.insert(name.str());
    rest = behind;
  }
  EXPECT_EQ(documented, kAllowed);
}

/// Neoverse V1 has four pipes that do fused multiply-adds of 128 bits: no loop is faster than a quarter of
/// its multiply-adds in cycles.
TEST(Neon, ProductsFillThePipes) {
  constexpr double kPipes = 4, kIterations = 100, kShare = 0.9;
  auto library = compileAll("vit_tiny", "aarch64");
  ASSERT_TRUE(library);
  int tiles = 0;
  for (const Function &function : library->functions()) {
    // The tiles of full height of the products with 197 rows.
    if (function.name.find(".gemm_6_memref_197x") == std::string::npos)
      continue;
    std::vector<Loop> loops = innermostLoops(function);
    auto product = llvm::find_if(loops, isProduct);
    ASSERT_NE(product, loops.end());
    auto count = static_cast<double>(llvm::count_if(*product, isFma));
    EXPECT_GE(count, 24) << print(*product);
    std::string source = library->directory->file("loop.s");
    {
      std::error_code error;
      llvm::raw_fd_ostream os(source, error);
      for (const Instruction &i : *product)
        os << i.mnemonic << " " << (i.target ? "0" : i.operands) << "\n";
    }
    std::string report = output(tool("llvm-mca") + " -mtriple=aarch64 -mcpu=neoverse-v1 -iterations=" +
                                std::to_string(int(kIterations)) + " " + source);
    double cycles = 0;
    ASSERT_FALSE(
        llvm::StringRef(report).split("Total Cycles:").second.split('\n').first.trim().getAsDouble(cycles))
        << report;
    EXPECT_GE(count / kPipes * kIterations / cycles, kShare) << function.name << "\n" << report;
    ++tiles;
  }
  EXPECT_GE(tiles, 4);
}

} // namespace
