//===- TimmModel.h - a description from timm's tensors and what they do not show ---------------------===//
//
// Shared by everybody who meets timm's tensors: timm's own directories, open_clip's towers, and weights
// without a configuration, also of the projects that share the names (TimmNames.h).
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_TIMMMODEL_H
#define COMPILER_IMPORT_TIMMMODEL_H

#include "compiler/Import/Importers.h"
#include "compiler/Import/TimmArchitectures.h"

namespace vitc {

/// Fills `imported.checkpoint.config` from `imported.tensors`, which came through timmNames, and from
/// `facts`; brings the tensors into canonical form (packed gates and parallel blocks, masked biases,
/// frequencies of all blocks in one). Preconditions: config.inputSize is set, and facts.heads is positive.
/// Errors name what does not fit.
llvm::Error describeTimm(const TimmArchitecture &facts, Imported &imported);

/// Makes the one layer of the head the projection behind pooling. Does nothing without a head.
void useHeadAsProjection(Imported &imported);

/// Only the second half of that: canonical form. describeTimm() calls it. Idempotent.
llvm::Error canonicaliseTimm(Imported &imported);

} // namespace vitc

#endif // COMPILER_IMPORT_TIMMMODEL_H
