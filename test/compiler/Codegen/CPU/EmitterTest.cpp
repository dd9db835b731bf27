// Planned ops of many shapes, each compiled alone for every level that runs here and compared with the
// interpreter. Buffers hold NaN where nothing is defined and end at a guard page; chunks run in a random
// order.
#include "compiler/Codegen/CPU/Passes.h"
#include "dialect/IR/VitOps.h"
#include "dialect/Interp/Interpreter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/include/vitc/abi.h"
#include "test/compiler/Codegen/CPU/CompiledLevel.h"
#include <algorithm>
#include <cmath>
#include <random>

using namespace vitc;
using namespace vitc::test;

namespace {

/// `memref<rows x columns, strided<[stride, 1]>>`
std::string rowsType(int64_t rows, int64_t columns, int64_t stride) {
  return "memref<" + std::to_string(rows) + "x" + std::to_string(columns) + "xf32, strided<[" +
         std::to_string(stride) + ", 1]>>";
}
std::string denseType(std::initializer_list<int64_t> shape, const char *element = "f32") {
  std::string text = "memref<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + element + ">";
}
int64_t roundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
/// Stride of a row buffer as a plan would have it; not whole panels where only vectors are written.
int64_t strideOf(int64_t width) { return roundUp(width, 32) + 48; }

/// One function of planned ops on arguments.
class Planned {
public:
  /// `arguments` as "%a: type" text; the first `inputs` of them hold random numbers.
  Planned(const Isa &isa, const std::string &arguments, size_t inputs, const std::string &body)
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
      vit::Tensor tensor{llvm::SmallVector<int64_t, 4>(memref.getShape()), {}};
      for (int64_t i = 0; i < memref.getNumElements(); ++i)
        tensor.data.push_back(memref.getElementType().isInteger(8) ? static_cast<double>(random() % 256)
                                                                   : normal(random));
      data.push_back(std::move(tensor));
    }
  }

  /// Scales the values of input `index`.
  void scaleInput(size_t index, double factor) {
    for (double &value : data[index].data)
      value = static_cast<float>(value * factor);
  }

  /// What the last op leaves in its output, in float64 or float32.
  std::vector<double> expected(bool single = false) {
    vit::WeightEvaluator weights(*module, [](llvm::StringRef) { return nullptr; });
    std::vector<double> last;
    vit::InterpOptions options;
    options.single = single;
    options.observe = [&](mlir::Operation *, const vit::Tensor &tensor) { last = tensor.data; };
    std::vector<vit::Tensor> results;
    EXPECT_TRUE(mlir::succeeded(vit::interpret(function, data, weights, options, results)));
    return last;
  }

  /// The same, compiled.
  std::vector<float> compiled() {
    vit::PlannedOpInterface lastOp;
    function.walk([&](vit::PlannedOpInterface op) { lastOp = op; });
    auto output = llvm::cast<mlir::BlockArgument>(lastOp.getOutputBuffers().front());

    mlir::OwningOpRef<mlir::ModuleOp> clone = module->clone();
    mlir::PassManager pm(context.get());
    pm.addPass(createEmitCpu());
    EXPECT_TRUE(mlir::succeeded(pm.run(*clone)));
    std::unique_ptr<CompiledLevel> level = CompiledLevel::compile(*clone, isa);
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
        std::fill_n(scratch.floats(), level->schedule().scratchBytes / sizeof(float),
                    std::numeric_limits<float>::quiet_NaN());
        level->run(s, operands.data(), chunk);
      }
    }
    auto type = llvm::cast<mlir::MemRefType>(output.getType());
    std::vector<float> result;
    forEachElement(
        type, [&](int64_t offset) { result.push_back(buffers[output.getArgNumber()].floats()[offset]); });
    return result;
  }

private:
  static void forEachElement(mlir::MemRefType type, llvm::function_ref<void(int64_t)> visit) {
    auto strides = type.getStridesAndOffset().first;
    llvm::SmallVector<int64_t> index(type.getRank(), 0);
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      int64_t offset = 0;
      for (auto [at, stride] : llvm::zip(index, strides))
        offset += at * stride;
      visit(offset);
      for (size_t d = index.size(); d-- > 0 && ++index[d] == type.getDimSize(d);)
        index[d] = 0;
    }
  }

  static GuardedFloats makeBuffer(mlir::MemRefType type, const vit::Tensor *values) {
    if (type.getElementType().isInteger(8)) {
      GuardedFloats bytes(type.getNumElements());
      std::copy(values->data.begin(), values->data.end(), static_cast<uint8_t *>(bytes.get()));
      return bytes;
    }
    int64_t extent = type.getDimSize(0) * type.getStridesAndOffset().first[0];
    GuardedFloats buffer(extent * sizeof(float));
    std::fill_n(buffer.floats(), extent, std::numeric_limits<float>::quiet_NaN());
    size_t next = 0;
    if (values)
      forEachElement(
          type, [&](int64_t offset) { buffer.floats()[offset] = static_cast<float>(values->data[next++]); });
    return buffer;
  }

  const Isa &isa;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  size_t inputCount;
  std::vector<vit::Tensor> data;
};

double relativeError(const std::vector<float> &got, const std::vector<double> &want) {
  if (got.size() != want.size() || got.empty())
    return std::numeric_limits<double>::infinity();
  double error = 0, norm = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    error += (got[i] - want[i]) * (got[i] - want[i]);
    norm += want[i] * want[i];
  }
  return std::sqrt(error / norm); // NaN where an element is
}

class EmitterTest : public testing::TestWithParam<const Isa *> {
protected:
  const Isa &isa = *GetParam();
  std::string tile() const { return std::to_string(isa.tile.rows) + ", " + std::to_string(isa.tile.vectors); }

  void expectClose(Planned planned, double bound = 5e-7) {
    EXPECT_LE(relativeError(planned.compiled(), planned.expected()), bound);
  }
  void expectEqual(Planned planned) { EXPECT_EQ(relativeError(planned.compiled(), planned.expected()), 0); }
};

//===----------------------------------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------------------------------===//

struct GemmCase {
  int64_t rows, depth, columns;
  std::string grid = "1, 1, 1";
  bool bias = true;
  std::string activation = {};
  bool residual = false, inPlace = false;
  int64_t planeWidth = 0; ///< C is planes

  Planned plan(const Isa &isa, const std::string &tile) const {
    int64_t panels = roundUp(columns, 32) / 32, covered = panels * 32;
    std::string a = rowsType(rows, depth, strideOf(depth)), w = denseType({panels, depth, 32}),
                b = denseType({covered}),
                c = planeWidth ? denseType({roundUp(covered, planeWidth) / planeWidth, rows, planeWidth})
                               : rowsType(rows, columns, covered + 16);
    std::string arguments =
        "%a: " + a + ", %w: " + w + ", %b: " + b + ", %r: " + (planeWidth ? a : c) + ", %c: " + c;
    std::string out = inPlace ? "%r" : "%c";
    std::string body = "vit.plan.gemm ins(%a, %w : " + a + ", " + w + ")" +
                       (bias ? " bias(%b : " + b + ")" : "") +
                       (activation.empty() ? "" : " activation " + activation) +
                       (residual ? " residual(%r : " + c + ")" : "") + " outs(" + out + " : " + c +
                       ") tile [" + tile + "] grid [" + grid + "] flops 1";
    return Planned(isa, arguments, 4, body);
  }
};

TEST_P(EmitterTest, GemmOfAnyShape) {
  // Around the tile's height, the panel's width, and the unrolling of the depth; ViT's shapes are elsewhere.
  int64_t tall = isa.tile.rows;
  for (const GemmCase &c : {GemmCase{1, 1, 1},
                            {1, 64, 10},
                            {2, 31, 33},
                            {tall, 16, 32},
                            {tall + 1, 7, 64},
                            {2 * tall - 1, 40, 95},
                            {2 * tall + 1, 9, 97},
                            {50, 33, 40},
                            {3, 129, 1000}}) {
    SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.depth) + " x " +
                 std::to_string(c.columns));
    expectClose(c.plan(isa, tile()));
  }
}

TEST_P(EmitterTest, GemmEpilogues) {
  for (const char *activation : {"", "gelu_erf", "quick_gelu"})
    for (bool bias : {false, true})
      for (bool residual : {false, true}) {
        SCOPED_TRACE(std::string(activation) + (bias ? " bias" : "") + (residual ? " residual" : ""));
        expectClose(
            GemmCase{2 * isa.tile.rows + 1, 24, 70, "1, 1, 1", bias, activation, residual}.plan(isa, tile()),
            1e-6);
      }
}

TEST_P(EmitterTest, GemmOntoItsResidual) {
  expectClose(GemmCase{29, 24, 70, "2, 2, 1", true, "", true, true}.plan(isa, tile()));
}

TEST_P(EmitterTest, GemmIntoHeadPlanes) {
  for (int64_t width : {16, 32, 48, 64, 80}) {
    SCOPED_TRACE(width);
    expectClose(GemmCase{isa.tile.rows + 2, 20, 6 * width, "1, 2, 1", true, "", false, false, width}.plan(
        isa, tile()));
  }
  expectClose(GemmCase{5, 20, 96, "1, 1, 1", true, "relu", false, false, 48}.plan(isa, tile()));
}

// However the work is divided, the same bits.
TEST_P(EmitterTest, GemmBitsDoNotDependOnTheGrid) {
  GemmCase c{4 * isa.tile.rows + 3, 37, 200, "1, 1, 1", true, "gelu_tanh", true};
  std::vector<float> whole = c.plan(isa, tile()).compiled();
  for (const char *grid : {"1, 7, 1", "5, 1, 1", "2, 3, 2", "1, 2, 5", "1, 7, 4"}) {
    c.grid = grid;
    std::vector<float> divided = c.plan(isa, tile()).compiled();
    ASSERT_EQ(divided.size(), whole.size());
    EXPECT_EQ(std::memcmp(divided.data(), whole.data(), whole.size() * sizeof(float)), 0) << grid;
  }
}

//===----------------------------------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------------------------------===//

struct AttentionCase {
  int64_t queries, keys, width, heads = 2, blocks = 1;
  bool base2 = true;

  Planned plan(const Isa &isa, const std::string &tile, double sharpness = 0.3) const {
    // Planes of three packed tensors, some of which no head reads.
    std::string q = denseType({heads + 1, queries, width}), k = denseType({heads + 2, keys, width}),
                v = denseType({heads, keys, width}), o = rowsType(queries, heads * width, heads * width + 16);
    std::string n = std::to_string(heads);
    Planned planned(isa, "%q: " + q + ", %k: " + k + ", %v: " + v + ", %o: " + o, 3,
                    "vit.plan.attention ins(%q, %k, %v : " + q + ", " + k + ", " + v + ") outs(%o : " + o +
                        ") heads " + n + " planes [1, 2, 0]" + (base2 ? " base2" : "") + " tile [" + tile +
                        "] grid [" + std::to_string(blocks) + ", " + n + "] flops 1");
    planned.scaleInput(0, sharpness);
    return planned;
  }
};

TEST_P(EmitterTest, AttentionOfAnyShape) {
  int64_t tall = isa.tile.rows;
  for (const AttentionCase &c : {AttentionCase{1, 1, 16},
                                 {1, 50, 64},
                                 {5, 5, 16},
                                 {tall, 31, 32},
                                 {tall + 1, 32, 48},
                                 {17, 33, 64},
                                 {2 * tall + 1, 65, 80},
                                 {50, 50, 32, 3},
                                 {7, 100, 16, 1},
                                 {20, 197, 64, 1, 1, false}}) {
    SCOPED_TRACE(std::to_string(c.queries) + " queries, " + std::to_string(c.keys) + " keys of " +
                 std::to_string(c.width));
    expectClose(c.plan(isa, tile()), 1e-6);
  }
}

// Scores of hundreds, of which all but one weigh nothing; and equal scores.
TEST_P(EmitterTest, AttentionOfPeakedAndFlatScores) {
  AttentionCase c{19, 45, 32};
  expectClose(c.plan(isa, tile(), 0), 1e-6);
  Planned peaked = c.plan(isa, tile(), 100);
  std::vector<double> want = peaked.expected();
  std::vector<float> single;
  for (double value : peaked.expected(/*single=*/true))
    single.push_back(static_cast<float>(value));
  EXPECT_LE(relativeError(peaked.compiled(), want), std::max(2e-6, 3 * relativeError(single, want)));
}

TEST_P(EmitterTest, AttentionBitsDoNotDependOnTheGrid) {
  AttentionCase c{5 * isa.tile.rows - 1, 70, 48, 3};
  std::vector<float> whole = c.plan(isa, tile()).compiled();
  for (int64_t blocks : {2, 5}) {
    c.blocks = blocks;
    std::vector<float> divided = c.plan(isa, tile()).compiled();
    ASSERT_EQ(divided.size(), whole.size());
    EXPECT_EQ(std::memcmp(divided.data(), whole.data(), whole.size() * sizeof(float)), 0) << blocks;
  }
}

//===----------------------------------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------------------------------===//

TEST_P(EmitterTest, LayerNorm) {
  for (int64_t width : {1, 15, 16, 17, 60, 64, 100, 129})
    for (const char *affine : {"", "g", "b", "gb"}) {
      SCOPED_TRACE(std::to_string(width) + affine);
      std::string x = rowsType(5, width, strideOf(width)), g = denseType({roundUp(width, 16)});
      bool gamma = llvm::StringRef(affine).contains('g'), beta = llvm::StringRef(affine).contains('b');
      if (width == 1 && !beta)
        continue; // nothing but rounding is left of a single channel
      expectClose(
          Planned(isa, "%x: " + x + ", %g: " + g + ", %b: " + g + ", %y: " + x, 3,
                  "vit.plan.layer_norm ins(%x : " + x + ")" + (gamma ? " gamma(%g : " + g + ")" : "") +
                      (beta ? " beta(%b : " + g + ")" : "") + " outs(%y : " + x + ") eps 1.0e-6 chunks 3"));
    }
}

// A mean of a thousand deviations: the variance must not come from E[x^2] - E[x]^2.
TEST_P(EmitterTest, LayerNormFarFromZero) {
  std::string x = rowsType(3, 70, 80);
  Planned planned(isa, "%x: " + x + ", %s: " + x + ", %y: " + x, 2,
                  "vit.plan.map ins(%x, %s : " + x + ", " + x + ") outs(%s : " + x +
                      ") factor 1.0 chunks 1\n" + "vit.plan.layer_norm ins(%s : " + x + ") outs(%y : " + x +
                      ") eps 1.0e-6 chunks 1");
  planned.scaleInput(0, 1e-3);
  expectClose(std::move(planned), 2e-6);
}

TEST_P(EmitterTest, LayerNormInPlace) {
  std::string x = rowsType(4, 50, 112);
  expectClose(Planned(isa, "%x: " + x + ", %y: " + x, 2,
                      "vit.plan.layer_norm ins(%y : " + x + ") outs(%y : " + x + ") eps 1.0e-5 chunks 4"));
}

TEST_P(EmitterTest, CopyTouchesItsColumnsOnly) {
  for (int64_t width : {1, 7, 16, 33}) {
    std::string x = rowsType(6, width, strideOf(width)), y = rowsType(6, width, width);
    expectEqual(Planned(isa, "%x: " + x + ", %y: " + y, 1,
                        "vit.plan.copy ins(%x : " + x + ") outs(%y : " + y + ") chunks 4"));
  }
}

TEST_P(EmitterTest, Map) {
  std::string x = rowsType(5, 37, strideOf(37)),
              args = "%x: " + x + ", %y: " + x + ", %z: " + x + ", %o: " + x;
  expectEqual(
      Planned(isa, args, 3, "vit.plan.map ins(%x : " + x + ") outs(%o : " + x + ") factor 0.5 chunks 2"));
  expectClose(Planned(isa, args, 3,
                      "vit.plan.map ins(%x, %y, %z : " + x + ", " + x + ", " + x + ") outs(%o : " + x +
                          ") factor 0.3333333333333333 activation tanh chunks 5"));
}

TEST_P(EmitterTest, Mean) {
  std::string x = rowsType(49, 45, strideOf(45)), y = rowsType(1, 45, strideOf(45));
  expectClose(
      Planned(isa, "%x: " + x + ", %y: " + y, 1, "vit.plan.mean ins(%x : " + x + ") outs(%y : " + y + ")"));
}

TEST_P(EmitterTest, Gather) {
  struct Case {
    int64_t channels, height, width, patchHeight, patchWidth, strideY, strideX;
  };
  // Whole vectors, part of one, overlap, gaps, and pixels that no patch covers.
  for (const Case &c : {Case{3, 32, 32, 16, 16, 16, 16},
                        {1, 28, 28, 4, 4, 4, 4},
                        {3, 9, 11, 3, 5, 3, 5},
                        {2, 20, 20, 8, 8, 4, 4},
                        {1, 10, 10, 2, 3, 4, 4},
                        {3, 40, 33, 1, 32, 2, 1}}) {
    int64_t patches =
        ((c.height - c.patchHeight) / c.strideY + 1) * ((c.width - c.patchWidth) / c.strideX + 1);
    int64_t width = c.channels * c.patchHeight * c.patchWidth;
    for (bool pixels : {false, true}) {
      std::string x = pixels ? denseType({c.height, c.width, c.channels}, "i8")
                             : denseType({c.channels, c.height, c.width});
      std::string y = rowsType(patches, width, strideOf(width));
      SCOPED_TRACE(x);
      expectEqual(Planned(isa, "%x: " + x + ", %y: " + y, 1,
                          "vit.plan.gather ins(%x : " + x + ") outs(%y : " + y + ") size [" +
                              std::to_string(c.patchHeight) + ", " + std::to_string(c.patchWidth) +
                              "] stride [" + std::to_string(c.strideY) + ", " + std::to_string(c.strideX) +
                              "] chunks " + std::to_string(std::min<int64_t>(patches, 3))));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, EmitterTest, testing::ValuesIn(runnableLevels()), [](const auto &info) {
  std::string name = info.param->name.str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
