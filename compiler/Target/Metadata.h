//===- Metadata.h - what a library says of itself, as JSON ------------------------------------------===//
#ifndef COMPILER_TARGET_METADATA_H
#define COMPILER_TARGET_METADATA_H

#include "compiler/Pipeline/Pipeline.h"

namespace vitc {

/// The text of PREFIX_metadata: one JSON object with all that `vitc inspect LIB` shows. docs/abi.md lists its
/// keys; "model" is the canonical description (vit.json), labels and provenance included.
std::string metadataJson(const LibraryInfo &info, const ModelConfig &config, const CompileOptions &options);

} // namespace vitc

#endif // COMPILER_TARGET_METADATA_H
