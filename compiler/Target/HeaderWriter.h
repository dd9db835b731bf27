//===- HeaderWriter.h - the C99 header of a library -------------------------------------------------===//
#ifndef COMPILER_TARGET_HEADERWRITER_H
#define COMPILER_TARGET_HEADERWRITER_H

#include "compiler/Pipeline/Pipeline.h"

namespace vitc {

/// The text of NAME.h, also valid C++. Headers of several models can be included together. A library of
/// several input sizes has the array NAME_sizes, and constants NAME_224X384_... beside those of its default
/// size, whose description is `config`.
std::string headerText(const LibraryInfo &info, const ModelConfig &config, const CompileOptions &options);

} // namespace vitc

#endif // COMPILER_TARGET_HEADERWRITER_H
