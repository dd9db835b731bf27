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

/// Moves the levels' code into `main`, the module of tables and public functions, and gives it the data
/// layout and triple of `machine`.
llvm::Error linkLevels(llvm::Module &main, std::vector<LevelCode> &levels,
                       const llvm::TargetMachine &machine);

/// Runs LLVM's O3 pipeline without its vectorizers. All symbols but `exported` become internal.
llvm::Error optimise(llvm::Module &module, llvm::TargetMachine &machine,
                     llvm::ArrayRef<std::string> exported);

/// Adds the runtime's bitcode, which was optimised when vitc was built, and drops what the module does not
/// call.
llvm::Error linkRuntime(llvm::Module &module, llvm::StringRef runtime, llvm::ArrayRef<std::string> exported);

llvm::Error emitCode(llvm::Module &module, llvm::TargetMachine &machine, CodeKind kind,
                     llvm::raw_pwrite_stream &os);

} // namespace vitc

#endif // COMPILER_TARGET_OBJECTEMITTER_H
