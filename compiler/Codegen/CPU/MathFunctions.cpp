#include "compiler/Codegen/CPU/MathFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vitc;

Accuracy vitc::accuracyOf(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getElementType().isBF16() ? Accuracy::Bf16 : Accuracy::F32;
}

/// c[0] + c[1] x + ... by Horner's rule.
static Value horner(LeafBuilder &b, Value x, ArrayRef<double> c) {
  Value p = b.splat(c.back());
  for (double k : llvm::reverse(c.drop_back()))
    p = b.fma(p, x, b.splat(k));
  return p;
}

// Minimax fits of 2^r on [-1/2, 1/2] with 2^0 = 1: relative error 9.1e-8 and 1.0e-4 before rounding.
static constexpr double kExp2F32[] = {1.0,
                                      0.6931470036506653,
                                      0.24022242426872253,
                                      0.05550733581185341,
                                      0.009671512059867382,
                                      0.001326472614891827};
static constexpr double kExp2Bf16[] = {1.0, 0.6932829022407532, 0.24221095442771912, 0.05500893294811249};

/// 2^x for x from -126 to 127 or NaN.
static Value exp2InRange(LeafBuilder &b, Value x, Accuracy accuracy) {
  // Adding 1.5 * 2^23 leaves round(x) in the low mantissa bits; the subtraction recovers it as a float,
  // exactly.
  Value magic = b.splat(12582912.0);
  Value shifted = b.addf(x, magic);
  Value fraction = b.subf(x, b.subf(shifted, magic));
  Value p = accuracy == Accuracy::F32 ? horner(b, fraction, kExp2F32) : horner(b, fraction, kExp2Bf16);
  auto intType = VectorType::get(b.vecType.getShape(), b.b.getI32Type());
  Value bits = arith::BitcastOp::create(b.b, b.loc, intType, shifted);
  Value by = arith::ConstantOp::create(b.b, b.loc,
                                       DenseElementsAttr::get(intType, b.b.getI32IntegerAttr(23).getValue()));
  Value exponent = arith::ShLIOp::create(b.b, b.loc, bits, by);
  Value sum = arith::AddIOp::create(b.b, b.loc, arith::BitcastOp::create(b.b, b.loc, intType, p), exponent);
  return arith::BitcastOp::create(b.b, b.loc, b.vecType, sum);
}

Value vitc::emitExp2(LeafBuilder &b, Value x, Accuracy accuracy) {
  return exp2InRange(b, b.maxf(b.splat(-126.0), x), accuracy); // in this order NaN passes
}

// log2 of Phi(-a) and of sigmoid(-2 sqrt(2/pi) (a + 0.044715 a^3)) on [0, 5.75]; the weight of the fit is the
// error's effect on the GELU. Both GELUs are then max(x, 0) - |x| 2^p(|x|): no division. Measured on f32:
// absolute error 2.5e-7 (half an ulp of results near 4.6), relative 4e-5 for |x| < 3; the short ones 1e-5 and
// 1e-3.
static constexpr double kGeluErfF32[] = {-1.0000027418136597,  -1.1511327028274536, -0.4589293897151947,
                                         -0.05325533077120781, 0.00800984539091587, -0.000755993474740535,
                                         3.247512722737156e-05};
static constexpr double kGeluErfBf16[] = {-1.0001527070999146,   -1.1499000787734985,
                                          -0.4620668888092041,   -0.049842581152915955,
                                          0.0062723723240196705, -0.0003564684884622693};
static constexpr double kGeluTanhF32[] = {
    -1.0000218152999878,    -1.1507238149642944,  -0.4614273011684418,   -0.04542315751314163,
    -0.0013940054923295975, 0.00779653899371624,  -0.004292143974453211, 0.0009321103570982814,
    -9.473395039094612e-05, 3.760474783121026e-06};
static constexpr double kGeluTanhBf16[] = {-1.0001814365386963,   -1.1505407094955444,  -0.45744672417640686,
                                           -0.05915914103388786,  0.017032060772180557, -0.004720271565020084,
                                           0.00033888142206706107};
static constexpr double kGeluRange = 5.75;

static Value gelu(LeafBuilder &b, Value x, ArrayRef<double> coefficients, Accuracy accuracy) {
  // Beyond the range |x| 2^p is less than 3e-8, and what it is at the end of the range serves everywhere: its
  // factor must be clamped too, or it would grow with |x| again.
  Value magnitude = b.minf(b.splat(kGeluRange), b.absf(x)); // in this order NaN passes
  Value tail = exp2InRange(b, horner(b, magnitude, coefficients), accuracy);
  Value negative = b.subf(b.splat(-0.0), magnitude);
  return b.fma(negative, tail, b.maxf(x, b.splat(0.0)));
}

/// x * sigmoid(slope * x), from 2^(-|t|) so that nothing overflows.
static Value timesSigmoid(LeafBuilder &b, Value x, double slope, Accuracy accuracy) {
  constexpr double kLog2E = 1.4426950408889634;
  // From here on |x| * share vanishes; unclamped, 2^-126 would not outweigh the largest |x|.
  constexpr double kRange = 1e4;
  Value magnitude = b.minf(b.splat(kRange), b.absf(x)); // in this order NaN passes
  Value tail = emitExp2(b, b.mulf(magnitude, b.splat(-slope * kLog2E)), accuracy);
  // max(x, 0) - |x| * e / (1 + e) is x * sigmoid(slope x) on both sides of zero.
  Value share = b.divf(tail, b.addf(tail, b.splat(1.0)));
  Value negative = b.subf(b.splat(-0.0), magnitude);
  return b.fma(negative, share, b.maxf(x, b.splat(0.0)));
}

/// From 2^(-|x|), so that nothing overflows: 1 / (1 + e) on one side of zero, e / (1 + e) on the other.
static Value sigmoid(LeafBuilder &b, Value x, Accuracy accuracy) {
  constexpr double kLog2E = 1.4426950408889634;
  Value tail = emitExp2(b, b.mulf(b.absf(x), b.splat(-kLog2E)), accuracy), one = b.splat(1.0);
  Value isNegative = arith::CmpFOp::create(b.b, b.loc, arith::CmpFPredicate::OLT, x, b.splat(0.0));
  Value share = arith::SelectOp::create(b.b, b.loc, isNegative, tail, one);
  return b.divf(share, b.addf(tail, one));
}

static Value tanh(LeafBuilder &b, Value x, Accuracy accuracy) {
  constexpr double kTwoLog2E = 2.8853900817779268;
  Value magnitude = b.absf(x);
  Value tail = emitExp2(b, b.mulf(magnitude, b.splat(-kTwoLog2E)), accuracy);
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

Value vitc::emitActivation(LeafBuilder &b, vit::ActivationKind kind, Value x, Accuracy accuracy) {
  bool exact = accuracy == Accuracy::F32;
  switch (kind) {
  case vit::ActivationKind::GeluErf:
    return gelu(b, x, exact ? ArrayRef(kGeluErfF32) : kGeluErfBf16, accuracy);
  case vit::ActivationKind::GeluTanh:
    return gelu(b, x, exact ? ArrayRef(kGeluTanhF32) : kGeluTanhBf16, accuracy);
  case vit::ActivationKind::QuickGelu:
    return timesSigmoid(b, x, 1.702, accuracy);
  case vit::ActivationKind::Relu:
    // NaN > 0 is false, so ask for x < 0 to let NaN through.
    return b.maxf(b.splat(0.0), x);
  case vit::ActivationKind::Silu:
    return timesSigmoid(b, x, 1.0, accuracy);
  case vit::ActivationKind::Tanh:
    return tanh(b, x, accuracy);
  case vit::ActivationKind::Sigmoid:
    return sigmoid(b, x, accuracy);
  }
  llvm_unreachable("all activations are handled");
}

void vitc::emitActivations(LeafBuilder &b, vit::ActivationKind kind, MutableArrayRef<Value> values,
                           Accuracy accuracy) {
  // Operations on a vector of vectors become one per row, next to each other.
  LeafBuilder wide = b;
  wide.vecType = VectorType::get({static_cast<int64_t>(values.size()), b.lanes()}, b.b.getF32Type());
  Value all = wide.splat(0.0);
  for (auto [i, value] : llvm::enumerate(values))
    all = vector::InsertOp::create(b.b, b.loc, value, all, static_cast<int64_t>(i));
  all = emitActivation(wide, kind, all, accuracy);
  for (auto [i, value] : llvm::enumerate(values))
    value = vector::ExtractOp::create(b.b, b.loc, all, static_cast<int64_t>(i));
}
