#include "compiler/Codegen/CPU/MathFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

/// c[0] + c[1] x + ... by Horner's rule.
static Value horner(LeafBuilder &b, Value x, ArrayRef<double> c) {
  Value p = b.splat(c.back());
  for (double k : llvm::reverse(c.drop_back()))
    p = b.fma(p, x, b.splat(k));
  return p;
}

// Weighted minimax fit of 2^r on [-1/2, 1/2], relative error 1.9e-9 before rounding.
static constexpr double kExp2[] = {1.0,
                                   0.6931471824645996,
                                   0.24022646248340607,
                                   0.05550328642129898,
                                   0.009618489071726799,
                                   0.0013399930903688073,
                                   0.0001534580806037411};

Value vitc::emitExp2(LeafBuilder &b, Value x) {
  x = b.maxf(b.splat(-126.0), x); // in this order NaN passes
  // Adding 1.5 * 2^23 leaves round(x) in the low mantissa bits; the subtraction recovers it as a float,
  // exactly.
  Value magic = b.splat(12582912.0);
  Value shifted = b.addf(x, magic);
  Value fraction = b.subf(x, b.subf(shifted, magic));
  Value p = horner(b, fraction, kExp2);
  auto intType = VectorType::get(b.vecType.getShape(), b.b.getI32Type());
  Value bits = arith::BitcastOp::create(b.b, b.loc, intType, shifted);
  Value by = arith::ConstantOp::create(b.b, b.loc,
                                       DenseElementsAttr::get(intType, b.b.getI32IntegerAttr(23).getValue()));
  Value exponent = arith::ShLIOp::create(b.b, b.loc, bits, by);
  Value sum = arith::AddIOp::create(b.b, b.loc, arith::BitcastOp::create(b.b, b.loc, intType, p), exponent);
  return arith::BitcastOp::create(b.b, b.loc, b.vecType, sum);
}

// log2 of Phi(-a) and of sigmoid(-2 sqrt(2/pi) (a + 0.044715 a^3)) on [0, 5.75]; the weight of the fit is the
// error's effect on the GELU. Both GELUs are then max(x, 0) - |x| 2^p(|x|): no division, and relative
// accuracy in the negative tail. Measured on f32: absolute error 2.5e-7 (half an ulp of results near 4.6),
// relative 2e-6 for |x| < 3.
static constexpr double kGeluErf[] = {
    -0.9999991655349731,     -1.1511200666427612,    -0.45912763476371765,
    -0.052691586315631866,   0.007310397457331419,   -0.00030993513064458966,
    -0.00011891448957612738, 2.5862087568384595e-05, -1.745873419167765e-06};
static constexpr double kGeluTanh[] = {-1.0000005960464478,    -1.1510957479476929,    -0.4592471122741699,
                                       -0.0515429712831974,    0.008159318007528782,   -0.0011401725932955742,
                                       0.0008921981789171696,  -0.0009396180976182222, 0.000312947784550488,
                                       -4.513275780482218e-05, 2.474485881975852e-06};
static constexpr double kGeluRange = 5.75;

static Value gelu(LeafBuilder &b, Value x, ArrayRef<double> coefficients) {
  // Beyond the range |x| 2^p is less than 3e-8, and what it is at the end of the range serves everywhere: its
  // factor must be clamped too, or it would grow with |x| again.
  Value magnitude = b.minf(b.splat(kGeluRange), b.absf(x)); // in this order NaN passes
  Value tail = emitExp2(b, horner(b, magnitude, coefficients));
  Value negative = b.subf(b.splat(-0.0), magnitude);
  return b.fma(negative, tail, b.maxf(x, b.splat(0.0)));
}

/// x * sigmoid(slope * x), from 2^(-|t|) so that nothing overflows.
static Value timesSigmoid(LeafBuilder &b, Value x, double slope) {
  constexpr double kLog2E = 1.4426950408889634;
  // From here on |x| * share vanishes; unclamped, 2^-126 would not outweigh the largest |x|.
  constexpr double kRange = 1e4;
  Value magnitude = b.minf(b.splat(kRange), b.absf(x)); // in this order NaN passes
  Value tail = emitExp2(b, b.mulf(magnitude, b.splat(-slope * kLog2E)));
  // max(x, 0) - |x| * e / (1 + e) is x * sigmoid(slope x) on both sides of zero.
  Value share = b.divf(tail, b.addf(tail, b.splat(1.0)));
  Value negative = b.subf(b.splat(-0.0), magnitude);
  return b.fma(negative, share, b.maxf(x, b.splat(0.0)));
}

static Value tanh(LeafBuilder &b, Value x) {
  constexpr double kTwoLog2E = 2.8853900817779268;
  Value magnitude = b.absf(x);
  Value tail = emitExp2(b, b.mulf(magnitude, b.splat(-kTwoLog2E)));
  Value one = b.splat(1.0);
  Value large = b.divf(b.subf(one, tail), b.addf(one, tail));
  // Near zero 1 - tail cancels: use the series there.
  Value square = b.mulf(x, x);
  static constexpr double kSeries[] = {1.0, -1.0 / 3, 2.0 / 15, -17.0 / 315, 62.0 / 2835};
  Value small = b.mulf(magnitude, horner(b, square, kSeries));
  Value isSmall = arith::CmpFOp::create(b.b, b.loc, arith::CmpFPredicate::OLT, magnitude, b.splat(0.25));
  Value positive = arith::SelectOp::create(b.b, b.loc, isSmall, small, large);
  Value isNegative = arith::CmpFOp::create(b.b, b.loc, arith::CmpFPredicate::OLT, x, b.splat(0.0));
  Value result = arith::SelectOp::create(b.b, b.loc, isNegative, b.subf(b.splat(-0.0), positive), positive);
  // The clamp of exp2 would hide a NaN.
  Value isNan = arith::CmpFOp::create(b.b, b.loc, arith::CmpFPredicate::UNO, x, x);
  return arith::SelectOp::create(b.b, b.loc, isNan, x, result);
}

Value vitc::emitActivation(LeafBuilder &b, vit::ActivationKind kind, Value x) {
  switch (kind) {
  case vit::ActivationKind::GeluErf:
    return gelu(b, x, kGeluErf);
  case vit::ActivationKind::GeluTanh:
    return gelu(b, x, kGeluTanh);
  case vit::ActivationKind::QuickGelu:
    return timesSigmoid(b, x, 1.702);
  case vit::ActivationKind::Relu:
    // NaN > 0 is false, so ask for x < 0 to let NaN through.
    return b.maxf(b.splat(0.0), x);
  case vit::ActivationKind::Silu:
    return timesSigmoid(b, x, 1.0);
  case vit::ActivationKind::Tanh:
    return tanh(b, x);
  }
  llvm_unreachable("all activations are handled");
}

void vitc::emitActivations(LeafBuilder &b, vit::ActivationKind kind, MutableArrayRef<Value> values) {
  // Operations on a vector of vectors become one per row, next to each other.
  LeafBuilder wide = b;
  wide.vecType = VectorType::get({static_cast<int64_t>(values.size()), b.lanes()}, b.b.getF32Type());
  Value all = wide.splat(0.0);
  for (auto [i, value] : llvm::enumerate(values))
    all = vector::InsertOp::create(b.b, b.loc, value, all, static_cast<int64_t>(i));
  all = emitActivation(wide, kind, all);
  for (auto [i, value] : llvm::enumerate(values))
    value = vector::ExtractOp::create(b.b, b.loc, all, static_cast<int64_t>(i));
}
