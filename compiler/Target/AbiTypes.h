//===- AbiTypes.h - the structures of runtime/include/vitc/abi.h as LLVM types ----------------------===//
#ifndef COMPILER_TARGET_ABITYPES_H
#define COMPILER_TARGET_ABITYPES_H

#include "llvm/IR/DerivedTypes.h"

namespace vitc {

/// Field order and natural alignment are those of the C structures; test/compiler/Target/AbiTypesTest.cpp
/// compares every offset.
struct AbiTypes {
  explicit AbiTypes(llvm::LLVMContext &context);
  llvm::PointerType *ptr;
  llvm::IntegerType *i8, *i32, *i64;
  llvm::ArrayType *id; ///< uint8_t[16]
  llvm::StructType *operand, *step, *schedule, *level, *preprocess, *modelInfo, *libraryInfo;
};

} // namespace vitc

#endif // COMPILER_TARGET_ABITYPES_H
