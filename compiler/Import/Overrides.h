//===- Overrides.h - what the command line says about a checkpoint ------------------------------------===//
#ifndef COMPILER_IMPORT_OVERRIDES_H
#define COMPILER_IMPORT_OVERRIDES_H

#include "compiler/Import/Checkpoint.h"

namespace vitc {

/// Applies --norm-eps, --image-size and --resize-rules to a description that need not be validated yet.
/// Errors: Input, if there is no resize whose rules could change, or no rule for positions on another grid.
llvm::Error overrideConfig(ModelConfig &config, const ImportOptions &options);

/// Puts the tensors of --tensor under their canonical names, whatever was there, and returns the content hash
/// of each file. Errors: Input, if a name is not among expectedTensors(config), or a file does not hold
/// exactly one tensor of its shape (dimensions of extent 1 may come and go). Precondition: validate(config)
/// succeeded.
llvm::Expected<std::vector<std::string>> supplyTensors(Checkpoint &checkpoint, const ImportOptions &options);

/// The content hash of weights of which supplyTensors() replaced some.
std::string combinedHash(llvm::StringRef weights, llvm::ArrayRef<std::string> supplied);

} // namespace vitc

#endif // COMPILER_IMPORT_OVERRIDES_H
