//===- OnnxFunction.h - elementwise functions, known by what they compute ---------------------------===//
//
// A GELU is exported as one operator, as Div-Erf-Add-Mul-Mul in any order, or as eight operators around Tanh;
// optimisers move its factors. Instead of listing the spellings, a function of one variable is kept as a
// program, and recognised by its values: the known forms differ by at least 1e-4 somewhere, and spellings of
// one form by rounding only.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_ONNXFUNCTION_H
#define COMPILER_IMPORT_ONNXFUNCTION_H

#include "compiler/Import/ModelConfig.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace vitc::onnx {

/// An elementwise operator by ONNX's name. Exactly one of the two is set.
struct FunctionOp {
  const char *name;
  double (*unary)(double);
  double (*binary)(double, double);
};
/// All that vitc evaluates, for functions and for folding.
llvm::ArrayRef<FunctionOp> functionOps();
/// The operator of that name, or null.
const FunctionOp *findFunctionOp(llvm::StringRef name);

/// A function of one variable, in postfix.
class Function {
public:
  /// x * factor
  static Function scale(double factor);
  /// `op` after this.
  Function then(const FunctionOp &op) const;
  /// op(this(x), other(x))
  Function combine(const FunctionOp &op, const Function &other) const;
  /// op(this(x), c), or op(c, this(x)) if `first`
  Function withConstant(const FunctionOp &op, double c, bool first) const;
  /// outer(this(x))
  Function into(const Function &outer) const;

  double operator()(double x) const;
  bool isIdentity() const { return code.size() == 1; }
  /// Beyond, nothing is combined any more: no known function is half as long.
  bool tooLong() const { return code.size() > 200; }
  /// Equal keys: equal functions.
  std::string key() const;

private:
  struct Step {
    const FunctionOp *op = nullptr; ///< null: a constant, or the variable
    bool variable = false;
    double constant = 0;
  };
  std::vector<Step> code;
};

/// Which activation `f` is.
std::optional<Activation> activationOf(const Function &f);
bool isTanh(const Function &f);
/// c where f(x) = c x^2.
std::optional<double> squareFactor(const Function &f);
/// f(s) = 1 / sqrt(slope * s + offset), for s from 0 on.
struct InverseRoot {
  double slope, offset;
};
std::optional<InverseRoot> inverseRoot(const Function &f);

} // namespace vitc::onnx

#endif // COMPILER_IMPORT_ONNXFUNCTION_H
