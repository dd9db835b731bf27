//===- MathFunctions.h - elementary functions on vectors --------------------------------------------===//
//
// Straight-line polynomials; errors were measured over dense samples of f32 arguments
// (test/compiler/Codegen/CPU).
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H
#define COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H

#include "compiler/Codegen/CPU/LeafBuilder.h"

namespace vitc {

/// What the results will be rounded to. Vectors are of f32 either way; digits that rounding removes are not
/// computed.
enum class Accuracy { F32, Bf16 };

/// For results that are stored in `buffer`.
Accuracy accuracyOf(mlir::Value buffer);

/// 2^x for x <= 127; arguments below -126 give 2^-126, NaN gives NaN. Relative error <= 1.7e-7, without FMA
/// <= 2e-7; for bf16 <= 1.1e-4.
mlir::Value emitExp2(LeafBuilder &b, mlir::Value x, Accuracy accuracy);

/// An elementwise activation. Absolute error <= 3e-7, or half an ulp of the result where that is more, for
/// all x; for bf16 <= 5e-5 and half an ulp of bf16. Infinities give their limits, NaN gives NaN.
mlir::Value emitActivation(LeafBuilder &b, vit::ActivationKind kind, mlir::Value x, Accuracy accuracy);

/// The same for several vectors in place, instruction by instruction for all of them: one vector's chain of
/// multiply-adds keeps a pipe waiting.
void emitActivations(LeafBuilder &b, vit::ActivationKind kind, llvm::MutableArrayRef<mlir::Value> values,
                     Accuracy accuracy);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H
