#include "compiler/Import/OnnxFunction.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <cstring>

using namespace vitc;
using namespace vitc::onnx;

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double geluErf(double x) { return 0.5 * x * (1 + std::erf(x * M_SQRT1_2)); }
static double geluTanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
/// Python's: the result has the sign of the divisor.
static double modulo(double a, double b) {
  double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static constexpr FunctionOp ops[] = {
    {"Neg", [](double x) { return -x; }, nullptr},
    {"Abs", [](double x) { return std::abs(x); }, nullptr},
    {"Sqrt", [](double x) { return std::sqrt(x); }, nullptr},
    {"Reciprocal", [](double x) { return 1 / x; }, nullptr},
    {"Exp", [](double x) { return std::exp(x); }, nullptr},
    {"Log", [](double x) { return std::log(x); }, nullptr},
    {"Sin", [](double x) { return std::sin(x); }, nullptr},
    {"Cos", [](double x) { return std::cos(x); }, nullptr},
    {"Erf", [](double x) { return std::erf(x); }, nullptr},
    {"Tanh", [](double x) { return std::tanh(x); }, nullptr},
    {"Sigmoid", sigmoid, nullptr},
    {"Relu", [](double x) { return x < 0 ? 0.0 : x; }, nullptr},
    {"Softplus", [](double x) { return std::log1p(std::exp(x)); }, nullptr},
    {"Floor", [](double x) { return std::floor(x); }, nullptr},
    {"Ceil", [](double x) { return std::ceil(x); }, nullptr},
    {"Round", [](double x) { return std::nearbyint(x); }, nullptr},
    {"Sign", [](double x) { return static_cast<double>((x > 0) - (x < 0)); }, nullptr},
    {"Not", [](double x) { return x == 0 ? 1.0 : 0.0; }, nullptr},
    {"IsNaN", [](double x) { return std::isnan(x) ? 1.0 : 0.0; }, nullptr},
    {"IsInf", [](double x) { return std::isinf(x) ? 1.0 : 0.0; }, nullptr},
    {"Gelu", geluErf, nullptr},
    {"GeluTanh", geluTanh, nullptr},
    {"Swish", [](double x) { return x * sigmoid(x); }, nullptr},
    {"Add", nullptr, [](double a, double b) { return a + b; }},
    {"Sub", nullptr, [](double a, double b) { return a - b; }},
    {"Mul", nullptr, [](double a, double b) { return a * b; }},
    {"Div", nullptr, [](double a, double b) { return a / b; }},
    {"Pow", nullptr, [](double a, double b) { return std::pow(a, b); }},
    {"Mod", nullptr, modulo},
    {"Min", nullptr, [](double a, double b) { return a < b ? a : b; }},
    {"Max", nullptr, [](double a, double b) { return a > b ? a : b; }},
    {"Equal", nullptr, [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {"Greater", nullptr, [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    {"GreaterOrEqual", nullptr, [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
    {"Less", nullptr, [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {"LessOrEqual", nullptr, [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    {"And", nullptr, [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
    {"Or", nullptr, [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
    {"Xor", nullptr, [](double a, double b) { return (a != 0) != (b != 0) ? 1.0 : 0.0; }},
};

llvm::ArrayRef<FunctionOp> onnx::functionOps() { return ops; }

const FunctionOp *onnx::findFunctionOp(llvm::StringRef name) {
  const FunctionOp *found = llvm::find_if(ops, [&](const FunctionOp &op) { return name == op.name; });
  return found == std::end(ops) ? nullptr : found;
}

Function Function::scale(double factor) {
  Function f;
  f.code.push_back({nullptr, true, 0});
  return factor == 1 ? f : f.withConstant(*findFunctionOp("Mul"), factor, false);
}

Function Function::then(const FunctionOp &op) const {
  Function f = *this;
  f.code.push_back({&op, false, 0});
  return f;
}

Function Function::combine(const FunctionOp &op, const Function &other) const {
  Function f = *this;
  f.code.insert(f.code.end(), other.code.begin(), other.code.end());
  return f.then(op);
}

Function Function::withConstant(const FunctionOp &op, double c, bool first) const {
  Function constant;
  constant.code.push_back({nullptr, false, c});
  return first ? constant.combine(op, *this) : combine(op, constant);
}

Function Function::into(const Function &outer) const {
  Function f;
  for (const Step &step : outer.code)
    if (step.variable)
      f.code.insert(f.code.end(), code.begin(), code.end());
    else
      f.code.push_back(step);
  return f;
}

double Function::operator()(double x) const {
  std::vector<double> stack;
  for (const Step &step : code) {
    if (!step.op) {
      stack.push_back(step.variable ? x : step.constant);
    } else if (step.op->unary) {
      stack.back() = step.op->unary(stack.back());
    } else {
      double right = stack.back();
      stack.pop_back();
      stack.back() = step.op->binary(stack.back(), right);
    }
  }
  return stack.back();
}

std::string Function::key() const {
  std::string key;
  for (const Step &step : code) {
    char bytes[sizeof(double)];
    std::memcpy(bytes, &step.constant, sizeof bytes);
    key += step.op ? step.op->name : step.variable ? "x" : std::string(bytes, sizeof bytes);
    key += ' ';
  }
  return key;
}

/// Equal up to what rounding constants to float does.
static bool near(double a, double b) { return std::abs(a - b) <= 2e-6 * (1 + std::abs(b)); }

static bool equalOnProbes(const Function &f, double (*g)(double)) {
  for (double x = -12; x <= 12; x += 0.171875) // no point is 0, where many functions agree
    if (!near(f(x), g(x)))
      return false;
  return near(f(-40), g(-40)) && near(f(40), g(40));
}

std::optional<Activation> onnx::activationOf(const Function &f) {
  static constexpr std::pair<Activation, double (*)(double)> known[] = {
      {Activation::GeluErf, geluErf},
      {Activation::GeluTanh, geluTanh},
      {Activation::QuickGelu, [](double x) { return x * sigmoid(1.702 * x); }},
      {Activation::Relu, [](double x) { return x < 0 ? 0.0 : x; }},
      {Activation::Silu, [](double x) { return x * sigmoid(x); }},
  };
  for (const auto &[activation, g] : known)
    if (equalOnProbes(f, g))
      return activation;
  return std::nullopt;
}

bool onnx::isTanh(const Function &f) {
  return equalOnProbes(f, [](double x) { return std::tanh(x); });
}

std::optional<double> onnx::squareFactor(const Function &f) {
  double c = f(1);
  for (double x : {-3.0, -1.0, -0.25, 0.0, 0.5, 2.0, 7.0})
    if (!(std::abs(f(x) - c * x * x) <= 1e-6 * std::abs(c) * x * x))
      return std::nullopt;
  return c > 0 ? std::optional(c) : std::nullopt;
}

std::optional<InverseRoot> onnx::inverseRoot(const Function &f) {
  auto inverseSquare = [&](double s) { return 1 / (f(s) * f(s)); };
  InverseRoot result{inverseSquare(1) - inverseSquare(0), inverseSquare(0)};
  if (!(result.slope > 0 && result.offset >= 0 && std::isfinite(result.slope)))
    return std::nullopt;
  for (double s : {0.01, 0.5, 3.0, 10.0, 1000.0}) {
    double want = result.slope * s + result.offset;
    if (!(std::abs(inverseSquare(s) - want) <= 1e-6 * want) || f(s) < 0)
      return std::nullopt;
  }
  return result;
}
