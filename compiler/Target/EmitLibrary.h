//===- EmitLibrary.h - from LLVM-dialect modules to a library with header and weights ---------------===//
#ifndef COMPILER_TARGET_EMITLIBRARY_H
#define COMPILER_TARGET_EMITLIBRARY_H

#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Target/WeightBlob.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace vitc {

/// The code of one instruction-set level: kernels and regions in the LLVM dialect, and `vit.schedule @run`,
/// with `vit.schedule @run_u8` beside it if the model has a preprocessing.
struct LevelModule {
  const Isa *isa;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The code of one input size.
struct SizeModules {
  const ModelConfig *config;       ///< labels, preprocessing and provenance
  std::vector<LevelModule> levels; ///< best first, of one architecture, all of one interface
};

/// Writes the library `output`: an object (.o), an archive (.a) or a shared library (.so), and beside it
/// `NAME.h` and, unless the weights are embedded, `NAME.vitw`, where NAME is `info.name`. Or a listing of its
/// code (.s or .ll), alone. All files appear complete, or none does. The same input gives the same bytes.
///
///   sizes    the default first; all have the same levels, outputs and labels, and a preprocessing or none.
///
///   weights  the blob's tensors, see SharedBlob.
///
///   info     read: name (a valid prefix, see Prefix.h), parameters, batch, maxSide, and of each size input,
///            outputs, tokens and modelFlops. Filled in: weightBytes, weightId, embedded, levels, and what
///            else there is of each size.
///
/// Errors: Input, if the runtime cannot do the preprocessing; Usage, if the suffix is unknown; Environment,
/// if a file cannot be written.
llvm::Error emitLibrary(std::vector<SizeModules> sizes, llvm::ArrayRef<BlobTensor> weights,
                        const CompileOptions &options, llvm::StringRef output, LibraryInfo &info);

} // namespace vitc

#endif // COMPILER_TARGET_EMITLIBRARY_H
