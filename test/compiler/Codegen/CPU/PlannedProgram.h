//===- PlannedProgram.h - planned ops, compiled alone and interpreted -------------------------------===//
#ifndef TEST_COMPILER_CODEGEN_CPU_PLANNEDPROGRAM_H
#define TEST_COMPILER_CODEGEN_CPU_PLANNEDPROGRAM_H

#include "dialect/IR/VitOps.h"
#include "dialect/Interp/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "test/compiler/Codegen/CPU/CompiledLevel.h"
#include <string>
#include <vector>

namespace vitc::test {

/// `memref<rows x columns, strided<[stride, 1]>>`
std::string rowsType(int64_t rows, int64_t columns, int64_t stride, const char *element = "f32");
std::string denseType(std::initializer_list<int64_t> shape, const char *element = "f32");
int64_t roundUp(int64_t n, int64_t to);

/// One function of planned ops on arguments. Buffers hold NaN, or bytes of 255, where nothing is defined and
/// end at a guard page; chunks run in a random order.
class Planned {
public:
  /// `arguments` as "%a: type" text; the first `inputs` of them hold random numbers.
  Planned(const Isa &isa, const std::string &arguments, size_t inputs, const std::string &body);

  /// Scales the values of input `index`.
  void scaleInput(size_t index, double factor);
  /// Computes the values of input `index` from their place in it and what they were.
  void setInput(size_t index, llvm::function_ref<double(llvm::ArrayRef<int64_t>, double)> value);

  /// What the last op leaves in its output, in float64 or float32.
  std::vector<double> expected(bool single = false);
  /// The same, compiled; `emulate` as CompiledLevel::compile.
  std::vector<float> compiled(bool emulate);
  std::vector<float> compiled() { return compiled(!runsHere(isa)); }

private:
  const Isa &isa;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  size_t inputCount;
  std::vector<vit::Tensor> data;
};

/// Infinity if sizes differ; NaN where an element of `got` is.
double relativeError(const std::vector<float> &got, const std::vector<double> &want);

} // namespace vitc::test

#endif // TEST_COMPILER_CODEGEN_CPU_PLANNEDPROGRAM_H
