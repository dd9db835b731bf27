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

/// Writes the library `output`: an object (.o), an archive (.a) or a shared library (.so), and beside it
/// `NAME.h` and, unless the weights are embedded, `NAME.vitw`, where NAME is `info.name`. Or a listing of its
/// code (.s or .ll), alone. All files appear complete, or none does. The same input gives the same bytes.
///
/// levels   best first, of one architecture, all of one interface.
/// config   labels, preprocessing and provenance of the model.
/// weights  the blob's tensors; see blobTensors().
/// info     name (a valid prefix, see Prefix.h), input, outputs, parameters, modelFlops, batch and maxSide
/// are read;
///          weightBytes, weightId, embedded, arenaBytes, scratchBytes, executedFlops and levels are filled
///          in.
/// Errors: Input, if the runtime cannot do the preprocessing; Usage, if the suffix is unknown; Environment,
/// if a file cannot be written.
llvm::Error emitLibrary(std::vector<LevelModule> levels, const ModelConfig &config,
                        llvm::ArrayRef<BlobTensor> weights, const CompileOptions &options,
                        llvm::StringRef output, LibraryInfo &info);

} // namespace vitc

#endif // COMPILER_TARGET_EMITLIBRARY_H
