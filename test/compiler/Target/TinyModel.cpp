#include "test/compiler/Target/TinyModel.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdio>
#include <fstream>
#include <sstream>
#include <sys/wait.h>

using namespace vitc;
using namespace vitc::test;
namespace fs = llvm::sys::fs;

const char *const vitc::test::kCc = VITC_TEST_CC;
const char *const vitc::test::kCxx = VITC_TEST_CXX;
const char *const vitc::test::kLlvmBin = VITC_TEST_LLVM_BIN;

static const char kRegions[] = R"(
  llvm.func @multiply(%x: !llvm.ptr, %w: !llvm.ptr, %y: !llvm.ptr, %i: i64) {
    %px = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %pw = llvm.getelementptr %w[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %py = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %a = llvm.load %px : !llvm.ptr -> f32
    %b = llvm.load %pw : !llvm.ptr -> f32
    %c = llvm.call @product(%a, %b) : (f32, f32) -> f32
    llvm.store %c, %py : f32, !llvm.ptr
    llvm.return
  }
  llvm.func internal @product(%a: f32, %b: f32) -> f32 attributes {no_inline} {
    %c = llvm.fmul %a, %b : f32
    llvm.return %c : f32
  }
  llvm.func @add(%x: !llvm.ptr, %b: !llvm.ptr, %y: !llvm.ptr, %i: i64) {
    %px = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %pb = llvm.getelementptr %b[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %py = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %a = llvm.load %px : !llvm.ptr -> f32
    %c = llvm.load %pb : !llvm.ptr -> f32
    %d = llvm.fadd %a, %c : f32
    llvm.store %d, %py : f32, !llvm.ptr
    llvm.return
  }
  llvm.func @sum(%x: !llvm.ptr, %y: !llvm.ptr, %i: i64) {
    %zero = llvm.mlir.constant(0.0 : f32) : f32
    %v = llvm.load %x {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
    %s = "llvm.intr.vector.reduce.fadd"(%zero, %v) : (f32, vector<4xf32>) -> f32
    llvm.store %s, %y : f32, !llvm.ptr
    llvm.return
  }
  llvm.func @widen(%x: !llvm.ptr, %y: !llvm.ptr, %i: i64) {
    %px = llvm.getelementptr %x[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i8
    %py = llvm.getelementptr %y[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %a = llvm.load %px : !llvm.ptr -> i8
    %b = llvm.uitofp %a : i8 to f32
    llvm.store %b, %py : f32, !llvm.ptr
    llvm.return
  }
)";

/// Arena: products at 0, pixels as floats at 64. Spaces: 0 arena, 1 weights, 2 input, 3 output.
static const char kRun[] = R"(
  vit.schedule @run attributes {arena_bytes = 64 : i64, scratch_bytes = 0 : i64, input_bytes = 16 : i64} {
    vit.step @multiply "multiply" spaces [2, 1, 0] indices [0, 0, 0] offsets [0, 0, 0] chunks 4 parts 2 flops 4 {activation_bytes = 32 : i64, dot = #vit<dot int8>, kind = "gemm", linear, weight_bytes = 16 : i64}
    vit.step @add "add" spaces [0, 1, 3] indices [0, 0, 0] offsets [0, 64, 0] chunks 4 parts 1 flops 4
    vit.step @sum "sum" spaces [3, 3] indices [0, 1] offsets [0, 0] chunks 1 parts 1 flops 4
  }
)";
static const char kRunU8[] = R"(
  vit.schedule @run_u8 attributes {arena_bytes = 128 : i64, scratch_bytes = 64 : i64, input_bytes = 4 : i64} {
    vit.step @widen "widen" spaces [2, 0] indices [0, 0] offsets [0, 64] chunks 4 parts 1 flops 0
    vit.step @multiply "multiply" spaces [0, 1, 0] indices [0, 0, 0] offsets [64, 0, 0] chunks 4 parts 1 flops 4
    vit.step @add "add" spaces [0, 1, 3] indices [0, 0, 0] offsets [0, 64, 0] chunks 4 parts 1 flops 4
    vit.step @sum "sum" spaces [3, 3] indices [0, 1] offsets [0, 0] chunks 1 parts 1 flops 4
  }
)";

std::string vitc::test::tinyModule(bool pictures) {
  return std::string(kRegions) + kRun + (pictures ? kRunU8 : "");
}

LibraryInfo TinyModel::info() const {
  LibraryInfo info;
  info.name = name;
  SizeInfo &size = info.sizes.emplace_back();
  size.input = {"images", {1, 2, 2}};
  size.outputs = {{"logits", {4}}, {"n", {1}}};
  size.modelFlops = 12;
  size.tokens = 3;
  if (several) {
    SizeInfo flat = size;
    flat.input.shape = {1, 1, 4};
    info.sizes.push_back(flat);
  }
  info.parameters = 8;
  info.batch = 2;
  info.maxSide = 64;
  return info;
}

ModelConfig TinyModel::config(Extent size) const {
  ModelConfig config;
  config.name = name;
  config.inputSize = size;
  config.channels = 1;
  config.labels = labels;
  config.head.layers = {{"main", "pooled", 4, true}};
  config.source = {"by hand", "tiny", "xxh3-128:00112233445566778899aabbccddeeff", ""};
  if (pictures)
    config.preprocess = Preprocess{true, {ResizeStep{ResizeMode::Squash, size}}};
  return config;
}

std::vector<BlobTensor> TinyModel::tensors() const {
  std::vector<BlobTensor> result(2);
  result[0] = {"w", 0, 4, [scale = scale](int64_t first, llvm::MutableArrayRef<double> out) {
                 for (auto [i, value] : llvm::enumerate(out))
                   value = scale * (first + i + 1);
               }};
  result[1] = {"b", 64, 4,
               [scale = scale](int64_t, llvm::MutableArrayRef<double> out) { llvm::fill(out, scale * 0.5); }};
  if (padding)
    result.push_back({"padding", 128, padding, [](int64_t first, llvm::MutableArrayRef<double> out) {
                        for (auto [i, value] : llvm::enumerate(out))
                          value = first + i;
                      }});
  return result;
}

CompileOptions TinyModel::options() const {
  CompileOptions options;
  options.name = name;
  options.batch = 2;
  options.weights = weights;
  return options;
}

llvm::Error TinyModel::emit(const std::string &output, LibraryInfo *result) const {
  mlir::DialectRegistry registry;
  registry.insert<mlir::LLVM::LLVMDialect, vit::VitDialect>();
  mlir::MLIRContext context(registry);
  llvm::Expected<std::vector<const Isa *>> isas = parseTargets(targets);
  if (!isas)
    return isas.takeError();
  const ModelConfig square = config(), flat = config({1, 4});
  std::vector<SizeModules> sizes;
  sizes.push_back({&square, {}});
  if (several)
    sizes.push_back({&flat, {}});
  for (SizeModules &size : sizes)
    for (const Isa *isa : *isas) {
      size.levels.push_back({isa, mlir::parseSourceString<mlir::ModuleOp>(tinyModule(pictures), &context)});
      EXPECT_TRUE(size.levels.back().module);
    }
  LibraryInfo filled = info();
  llvm::Error error = emitLibrary(std::move(sizes), tensors(), options(), output, filled);
  if (result)
    *result = filled;
  return error;
}

TempFolder::TempFolder() {
  llvm::SmallString<128> created;
  EXPECT_FALSE(fs::createUniqueDirectory("vitc-test", created));
  folder = std::string(created);
}
TempFolder::~TempFolder() { fs::remove_directories(folder); }
std::string TempFolder::operator/(llvm::StringRef name) const { return folder + "/" + name.str(); }

std::vector<std::string> TempFolder::files() const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; it != end && !error; it.increment(error))
    names.push_back(llvm::sys::path::filename(it->path()).str());
  llvm::sort(names);
  return names;
}

std::string vitc::test::readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.is_open()) << path;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

void vitc::test::writeFile(const std::string &path, llvm::StringRef text) {
  std::ofstream(path, std::ios::binary) << text.str();
}

std::string vitc::test::shell(const std::string &command) {
  std::string output;
  FILE *pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (size_t count = fread(buffer, 1, sizeof buffer, pipe))
    output.append(buffer, count);
  int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command << "\n" << output;
  return output;
}
