//===- Metadata.h - what a library says of itself, as JSON ------------------------------------------===//
#ifndef COMPILER_TARGET_METADATA_H
#define COMPILER_TARGET_METADATA_H

#include "compiler/Pipeline/Pipeline.h"

namespace vitc {

/// The text of PREFIX_metadata: one JSON object with all that `vitc inspect LIB` shows. docs/library.md lists
/// its keys; "model" is the canonical description (vit.json), labels and provenance included. `configs` are
/// those of `info.sizes`.
std::string metadataJson(const LibraryInfo &info, llvm::ArrayRef<const ModelConfig *> configs,
                         const CompileOptions &options);

} // namespace vitc

#endif // COMPILER_TARGET_METADATA_H
