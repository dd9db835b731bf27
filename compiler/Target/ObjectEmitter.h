//===- ObjectEmitter.h - one module of tables, levels and runtime as machine code -------------------===//
#ifndef COMPILER_TARGET_OBJECTEMITTER_H
#define COMPILER_TARGET_OBJECTEMITTER_H

#include "compiler/Target/TranslateLevel.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace vitc {

enum class CodeKind { Object, Assembly, Ir };

/// A target machine for position-independent code of an architecture's baseline CPU; functions of other
/// levels carry their own attributes.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(llvm::StringRef arch);

/// Moves the levels' code and the runtime's bitcode into `main`, whose data layout and triple are those of
/// `machine`. All symbols but `exported` become internal.
llvm::Error linkModules(llvm::Module &main, std::vector<LevelCode> &levels, llvm::StringRef runtime,
                        const llvm::TargetMachine &machine, llvm::ArrayRef<std::string> exported);

/// Runs LLVM's O3 pipeline without its vectorizers, and writes the code to `os`.
llvm::Error emitCode(llvm::Module &module, llvm::TargetMachine &machine, CodeKind kind,
                     llvm::raw_pwrite_stream &os);

} // namespace vitc

#endif // COMPILER_TARGET_OBJECTEMITTER_H
