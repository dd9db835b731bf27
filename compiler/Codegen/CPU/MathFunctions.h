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

/// 2^x for x <= 127; arguments below -126 give 2^-126, NaN gives NaN. Relative error <= 8e-8, without FMA
/// <= 1.1e-7.
mlir::Value emitExp2(LeafBuilder &b, mlir::Value x);

/// An elementwise activation. Absolute error <= 3e-7, or half an ulp of the result where that is more, for
/// all x; infinities give their limits, NaN gives NaN.
mlir::Value emitActivation(LeafBuilder &b, vit::ActivationKind kind, mlir::Value x);

/// The same for several vectors in place, instruction by instruction for all of them: one vector's chain of
/// multiply-adds keeps a pipe waiting.
void emitActivations(LeafBuilder &b, vit::ActivationKind kind, llvm::MutableArrayRef<mlir::Value> values);

} // namespace vitc

#endif // COMPILER_CODEGEN_CPU_MATHFUNCTIONS_H
