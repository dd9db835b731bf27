// Elementary functions on every lane width that runs here, against float64, over the whole range of float32.
#include "compiler/Codegen/CPU/MathFunctions.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Parser/Parser.h"
#include "test/compiler/Codegen/CPU/CompiledLevel.h"
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

using namespace vitc;
using namespace vitc::test;

namespace {

constexpr size_t kBlock = 4096;
constexpr double kInf = std::numeric_limits<double>::infinity();

/// A function of vectors as a function of arrays of kBlock floats.
class VectorFunction {
public:
  using Emit = std::function<mlir::Value(LeafBuilder &, mlir::Value)>;

  VectorFunction(const Isa &isa, const Emit &emit) : context(makeContext()) {
    std::string size = "memref<" + std::to_string(kBlock) + "xf32>";
    std::string text = "module attributes {" + isaAttribute(isa) + "} {\nfunc.func @region(%x: " + size +
                       ", %y: " + size + ", %chunk: index) { return }\n" +
                       "vit.schedule @run attributes {arena_bytes = 0 : i64, scratch_bytes = 0 : i64, "
                       "input_bytes = 0 : i64} {\n vit.step @region \"f\" spaces [0, 0] indices [0, 0] "
                       "offsets [0, 0] chunks 1 parts 1 flops 0\n}\n}";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    EXPECT_TRUE(module);
    auto function = module->lookupSymbol<mlir::func::FuncOp>("region");
    auto attribute = llvm::cast<vit::IsaAttr>((*module)->getAttr("vit.isa"));
    mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(&function.getBody().front());
    LeafBuilder b(builder, function.getLoc(), attribute);
    b.loop(0, kBlock, b.lanes(), [&](mlir::Value i) {
      b.store(emit(b, b.load(function.getArgument(0), {i})), function.getArgument(1), {i});
    });
    code = CompiledLevel::compile(*module, isa);
  }

  std::vector<float> operator()(std::vector<float> x) const {
    size_t size = x.size();
    x.resize((size + kBlock - 1) / kBlock * kBlock);
    std::vector<float> y(x.size());
    for (size_t i = 0; code && i < x.size(); i += kBlock) {
      void *operands[] = {x.data() + i, y.data() + i};
      code->run(0, operands, 0);
    }
    y.resize(size);
    return y;
  }
  float operator()(float x) const { return (*this)(std::vector<float>{x})[0]; }

private:
  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<CompiledLevel> code;
};

VectorFunction exp2Of(const Isa &isa, Accuracy accuracy = Accuracy::F32) {
  return {isa, [accuracy](LeafBuilder &b, mlir::Value x) { return emitExp2(b, x, accuracy); }};
}
VectorFunction activation(const Isa &isa, vit::ActivationKind kind, Accuracy accuracy = Accuracy::F32) {
  return {isa,
          [kind, accuracy](LeafBuilder &b, mlir::Value x) { return emitActivation(b, kind, x, accuracy); }};
}

/// All float32 numbers are too many; every `stride`-th of the positive ones, denormals included, and their
/// negatives. An odd stride meets all mantissas.
std::vector<float> wholeRange(uint32_t stride) {
  std::vector<float> x{0.0f, -0.0f};
  for (uint64_t bits = 1; bits < 0x7f800000; bits += stride)
    for (float sign : {1.0f, -1.0f})
      x.push_back(sign * std::bit_cast<float>(static_cast<uint32_t>(bits)));
  for (float sign : {1.0f, -1.0f})
    x.insert(x.end(), {sign * std::numeric_limits<float>::denorm_min(),
                       sign * std::numeric_limits<float>::min(), sign * std::numeric_limits<float>::max()});
  return x;
}

/// `count` numbers evenly from lo to hi.
std::vector<float> evenly(double lo, double hi, size_t count) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i)
    x[i] = static_cast<float>(lo + (hi - lo) * static_cast<double>(i) / static_cast<double>(count - 1));
  return x;
}

struct Worst {
  double error = 0;
  float at = 0;
};
/// The largest error(x, y) over all x.
Worst worst(const VectorFunction &f, const std::vector<float> &x,
            const std::function<double(double, double)> &error) {
  Worst result;
  std::vector<float> y = f(x);
  for (size_t i = 0; i < x.size(); ++i)
    if (double e = error(x[i], y[i]); !(e <= result.error))
      result = {e, x[i]};
  return result;
}

/// Half a unit in the last place of a number near y that has `digits` binary digits.
double halfUlp(double y, int digits = 24) {
  int exponent;
  std::frexp(std::max(std::abs(y), 0x1p-126), &exponent);
  return std::ldexp(1, exponent - digits - 1);
}

double geluErf(double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }
double geluTanh(double x) {
  // 0.5 (1 + tanh u) = sigmoid(2u), which keeps its relative accuracy in the tail.
  return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double sigmoidTimes(double x, double slope) { return x / (1 + std::exp(-slope * x)); }

class MathFunctionsTest : public testing::TestWithParam<const Isa *> {};

void expectExp2(const VectorFunction &f, double bound) {
  auto relative = [](double x, double y) { return std::abs(y / std::exp2(x) - 1); };
  std::vector<float> x = wholeRange(1009);
  std::erase_if(x, [](float v) { return v > 127 || v < -126; });
  for (const std::vector<float> &some : {x, evenly(-126, 127, 2000000), evenly(-2, 0, 500000)}) {
    Worst w = worst(f, some, relative);
    EXPECT_LE(w.error, bound) << "at " << w.at;
  }
  EXPECT_EQ(f(0.0f), 1.0f);
  EXPECT_EQ(f(-1.0f), 0.5f); // whole powers are exact
  EXPECT_EQ(f(127.0f), 0x1p127f);
  EXPECT_EQ(f(-126.0f), 0x1p-126f);
  for (float low : {-126.5f, -1e3f, -3e38f, -std::numeric_limits<float>::infinity()})
    EXPECT_EQ(f(low), 0x1p-126f) << low;
  EXPECT_TRUE(std::isnan(f(std::numeric_limits<float>::quiet_NaN())));
}

TEST_P(MathFunctionsTest, Exp2) { expectExp2(exp2Of(*GetParam()), GetParam()->fma ? 1.7e-7 : 2e-7); }
TEST_P(MathFunctionsTest, Exp2ForBf16) { expectExp2(exp2Of(*GetParam(), Accuracy::Bf16), 1.1e-4); }

// The softmax weight of the largest score is exactly one.
TEST_P(MathFunctionsTest, Exp2IsMonotoneOnScores) {
  VectorFunction f = exp2Of(*GetParam());
  std::vector<float> y = f(evenly(-20, 0, 1 << 20));
  for (size_t i = 1; i < y.size(); ++i)
    ASSERT_GE(y[i], y[i - 1] * (1 - 2.4e-7f)) << i;
  EXPECT_EQ(y.back(), 1.0f);
}

/// The bounds that MathFunctions.h states.
void expectActivation(const Isa &isa, vit::ActivationKind kind, const std::function<double(double)> &exact,
                      Accuracy accuracy) {
  SCOPED_TRACE(vit::stringifyActivationKind(kind).str());
  VectorFunction f = activation(isa, kind, accuracy);
  bool wide = accuracy == Accuracy::F32;
  auto error = [&](double x, double y) {
    double want = exact(x);
    return std::abs(y - want) / std::max(wide ? 3e-7 : 5e-5, 1.01 * halfUlp(want, wide ? 24 : 8));
  };
  for (const std::vector<float> &x : {wholeRange(1511), evenly(-8, 8, 1000000), evenly(-40, 0, 200000)}) {
    Worst w = worst(f, x, error);
    EXPECT_LE(w.error, 1) << "at " << w.at << ": " << f(w.at) << ", want " << exact(w.at);
  }
  EXPECT_TRUE(std::isnan(f(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(f(0.0f), 0.0f);
  EXPECT_EQ(f(static_cast<float>(kInf)), exact(kInf));
  EXPECT_NEAR(f(static_cast<float>(-kInf)), kind == vit::ActivationKind::Tanh ? -1 : 0, wide ? 3e-7 : 5e-5);
}

void expectActivation(const Isa &isa, vit::ActivationKind kind, const std::function<double(double)> &exact) {
  expectActivation(isa, kind, exact, Accuracy::F32);
  expectActivation(isa, kind, exact, Accuracy::Bf16);
}

TEST_P(MathFunctionsTest, GeluErf) { expectActivation(*GetParam(), vit::ActivationKind::GeluErf, geluErf); }
TEST_P(MathFunctionsTest, GeluTanh) {
  expectActivation(*GetParam(), vit::ActivationKind::GeluTanh, geluTanh);
}
TEST_P(MathFunctionsTest, QuickGelu) {
  expectActivation(*GetParam(), vit::ActivationKind::QuickGelu,
                   [](double x) { return sigmoidTimes(x, 1.702); });
}
TEST_P(MathFunctionsTest, Silu) {
  expectActivation(*GetParam(), vit::ActivationKind::Silu, [](double x) { return sigmoidTimes(x, 1); });
}
TEST_P(MathFunctionsTest, Tanh) {
  expectActivation(*GetParam(), vit::ActivationKind::Tanh, [](double x) { return std::tanh(x); });
}
TEST_P(MathFunctionsTest, Relu) {
  expectActivation(*GetParam(), vit::ActivationKind::Relu, [](double x) { return std::max(x, 0.0); });
}

// Small arguments, where an absolute bound says nothing: x / 2 and x keep their digits.
TEST_P(MathFunctionsTest, RelativeAccuracyNearZero) {
  auto relative = [](auto exact) {
    return [exact](double x, double y) { return std::abs(y / exact(x) - 1); };
  };
  std::vector<float> x;
  for (float v : wholeRange(9973))
    if (std::abs(v) > 1e-30f && std::abs(v) < 3)
      x.push_back(v);
  Worst w = worst(activation(*GetParam(), vit::ActivationKind::GeluErf), x, relative(geluErf));
  EXPECT_LE(w.error, 4e-5) << "at " << w.at;
  w = worst(activation(*GetParam(), vit::ActivationKind::GeluTanh), x, relative(geluTanh));
  EXPECT_LE(w.error, 4e-5) << "at " << w.at;
  w = worst(activation(*GetParam(), vit::ActivationKind::Tanh), x,
            relative([](double v) { return std::tanh(v); }));
  EXPECT_LE(w.error, 6e-7) << "at " << w.at;
}

// Several vectors side by side give what one at a time gives.
TEST_P(MathFunctionsTest, SeveralVectorsGiveTheSameBits) {
  for (auto kind :
       {vit::ActivationKind::GeluErf, vit::ActivationKind::GeluTanh, vit::ActivationKind::QuickGelu,
        vit::ActivationKind::Relu, vit::ActivationKind::Silu, vit::ActivationKind::Tanh}) {
    VectorFunction one = activation(*GetParam(), kind);
    VectorFunction three(*GetParam(), [kind](LeafBuilder &b, mlir::Value x) {
      mlir::Value values[] = {b.splat(1), x, b.splat(-1)};
      emitActivations(b, kind, values, Accuracy::F32);
      return values[1];
    });
    std::vector<float> x = wholeRange(1000003);
    std::vector<float> expected = one(x), got = three(x);
    EXPECT_EQ(std::memcmp(expected.data(), got.data(), x.size() * sizeof(float)), 0)
        << vit::stringifyActivationKind(kind).str();
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, MathFunctionsTest, testing::ValuesIn(runnableLevels()),
                         [](const auto &info) {
                           std::string name = info.param->name.str();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
