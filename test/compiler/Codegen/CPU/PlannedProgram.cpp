#include "test/compiler/Codegen/CPU/PlannedProgram.h"
#include "compiler/Codegen/CPU/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/include/vitc/abi.h"
#include <algorithm>
#include <cmath>
#include <random>

using namespace vitc;
using namespace vitc::test;

std::string vitc::test::rowsType(int64_t rows, int64_t columns, int64_t stride, const char *element) {
  return "memref<" + std::to_string(rows) + "x" + std::to_string(columns) + "x" + element + ", strided<[" +
         std::to_string(stride) + ", 1]>>";
}
std::string vitc::test::denseType(std::initializer_list<int64_t> shape, const char *element) {
  std::string text = "memref<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + element + ">";
}
int64_t vitc::test::roundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/// Calls `visit` for the elements of a buffer: where each is, and its offset in elements.
static void forEachElement(mlir::MemRefType type,
                           llvm::function_ref<void(llvm::ArrayRef<int64_t>, int64_t)> visit) {
  auto strides = type.getStridesAndOffset().first;
  llvm::SmallVector<int64_t> index(type.getRank(), 0);
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    int64_t offset = 0;
    for (auto [at, stride] : llvm::zip(index, strides))
      offset += at * stride;
    visit(index, offset);
    for (size_t d = index.size(); d-- > 0 && ++index[d] == type.getDimSize(d);)
      index[d] = 0;
  }
}

static void write(mlir::Type element, void *buffer, int64_t offset, double value) {
  if (element.isInteger(8))
    static_cast<uint8_t *>(buffer)[offset] = static_cast<uint8_t>(static_cast<int>(value));
  else if (element.isInteger(16))
    static_cast<uint16_t *>(buffer)[offset] = static_cast<uint16_t>(static_cast<int>(value));
  else if (element.isBF16())
    static_cast<uint16_t *>(buffer)[offset] =
        static_cast<uint16_t>(llvm::bit_cast<uint32_t>(static_cast<float>(value)) >> 16);
  else
    static_cast<float *>(buffer)[offset] = static_cast<float>(value);
}

static float read(mlir::Type element, const void *buffer, int64_t offset) {
  if (element.isBF16())
    return llvm::bit_cast<float>(uint32_t{static_cast<const uint16_t *>(buffer)[offset]} << 16);
  return static_cast<const float *>(buffer)[offset];
}

static GuardedFloats makeBuffer(mlir::MemRefType type, const vit::Tensor *values) {
  mlir::Type element = type.getElementType();
  auto strides = type.getStridesAndOffset().first;
  int64_t extent = type.getDimSize(0) * strides[0], elementBytes = element.getIntOrFloatBitWidth() / 8;
  GuardedFloats buffer(extent * elementBytes);
  std::memset(buffer.get(), 0xff, extent * elementBytes); // NaN
  if (!values)
    return buffer;
  size_t next = 0;
  forEachElement(type, [&](llvm::ArrayRef<int64_t> at, int64_t offset) {
    write(element, buffer.get(), offset, values->data[next++]);
    // Rows of pairs end with whole pairs.
    if (element.isBF16() && at.back() + 1 == type.getShape().back() && at.back() % 2 == 0)
      write(element, buffer.get(), offset + 1, 0);
  });
  return buffer;
}

Planned::Planned(const Isa &isa, const std::string &arguments, size_t inputs, const std::string &body)
    : isa(isa), context(makeContext()), inputCount(inputs) {
  std::string text = "module attributes {" + isaAttribute(isa) + "} {\nfunc.func @run(" + arguments +
                     ") attributes {vit.arena_bytes = 0 : i64} {\n" + body + "\nreturn\n}\n}";
  module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  EXPECT_TRUE(module) << text;
  if (!module)
    return;
  function = module->lookupSymbol<mlir::func::FuncOp>("run");
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  for (mlir::Type type : function.getArgumentTypes().take_front(inputs)) {
    auto memref = llvm::cast<mlir::MemRefType>(type);
    mlir::Type element = memref.getElementType();
    vit::Tensor tensor{llvm::SmallVector<int64_t, 4>(memref.getShape()), {}};
    for (int64_t i = 0; i < memref.getNumElements(); ++i) {
      float value = element.isInteger(8) ? static_cast<float>(random() % 256) : normal(random);
      if (element.isBF16())
        value = llvm::bit_cast<float>(llvm::bit_cast<uint32_t>(value) & 0xffff0000);
      tensor.data.push_back(value);
    }
    data.push_back(std::move(tensor));
  }
}

void Planned::scaleInput(size_t index, double factor) {
  for (double &value : data[index].data)
    value = static_cast<float>(value * factor);
}

void Planned::setInput(size_t index, llvm::function_ref<double(llvm::ArrayRef<int64_t>, double)> value) {
  size_t next = 0;
  auto type = mlir::MemRefType::get(data[index].shape, mlir::Float32Type::get(context.get()));
  forEachElement(type, [&](llvm::ArrayRef<int64_t> at, int64_t) {
    double &x = data[index].data[next++];
    x = value(at, x);
  });
}

std::vector<double> Planned::expected(bool single) {
  vit::WeightEvaluator weights(*module, [](llvm::StringRef) { return nullptr; });
  std::vector<double> last;
  vit::InterpOptions options;
  options.single = single;
  options.observe = [&](mlir::Operation *, const vit::Tensor &tensor) { last = tensor.data; };
  std::vector<vit::Tensor> results;
  EXPECT_TRUE(mlir::succeeded(vit::interpret(function, data, weights, options, results)));
  return last;
}

std::vector<float> Planned::compiled(bool emulate) {
  vit::PlannedOpInterface lastOp;
  function.walk([&](vit::PlannedOpInterface op) { lastOp = op; });
  auto output = llvm::cast<mlir::BlockArgument>(lastOp.getOutputBuffers().front());

  mlir::OwningOpRef<mlir::ModuleOp> clone = module->clone();
  mlir::PassManager pm(context.get());
  pm.addPass(createEmitCpu());
  EXPECT_TRUE(mlir::succeeded(pm.run(*clone)));
  std::unique_ptr<CompiledLevel> level = CompiledLevel::compile(*clone, isa, emulate);
  if (!level)
    return {};
  std::vector<GuardedFloats> buffers;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    buffers.push_back(makeBuffer(llvm::cast<mlir::MemRefType>(type), i < inputCount ? &data[i] : nullptr));
  GuardedFloats scratch(level->schedule().scratchBytes);
  for (auto [s, step] : llvm::enumerate(level->schedule().steps)) {
    std::vector<void *> operands;
    for (const StepTable::Operand &operand : step.operands)
      operands.push_back(operand.space == VITC_SPACE_SCRATCH ? scratch.get()
                         : operand.space == VITC_SPACE_INPUT ? buffers[0].get()
                                                             : buffers[operand.index + 1].get());
    std::vector<uint32_t> chunks(step.chunks);
    std::iota(chunks.begin(), chunks.end(), 0);
    std::shuffle(chunks.begin(), chunks.end(), std::mt19937(3));
    for (uint32_t chunk : chunks) {
      // What a chunk leaves in scratch is nobody else's.
      std::memset(scratch.get(), 0xff, level->schedule().scratchBytes);
      level->run(s, operands.data(), chunk);
    }
  }
  auto type = llvm::cast<mlir::MemRefType>(output.getType());
  std::vector<float> result;
  forEachElement(type, [&](llvm::ArrayRef<int64_t>, int64_t offset) {
    result.push_back(read(type.getElementType(), buffers[output.getArgNumber()].get(), offset));
  });
  return result;
}

double vitc::test::relativeError(const std::vector<float> &got, const std::vector<double> &want) {
  if (got.size() != want.size() || got.empty())
    return std::numeric_limits<double>::infinity();
  double error = 0, norm = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    error += (got[i] - want[i]) * (got[i] - want[i]);
    norm += want[i] * want[i];
  }
  return std::sqrt(error / norm);
}
