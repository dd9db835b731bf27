//===- HeaderWriter.h - the C99 header of a library -------------------------------------------------===//
#ifndef COMPILER_TARGET_HEADERWRITER_H
#define COMPILER_TARGET_HEADERWRITER_H

#include "compiler/Pipeline/Pipeline.h"

namespace vitc {

/// Bytes of one run's arena: `base + perThread * threads`.
struct ArenaFormula {
  uint64_t base = 0, perThread = 0;
};

/// The text of NAME.h, also valid C++. Headers of several models can be included together.
std::string headerText(const LibraryInfo &info, const ModelConfig &config, const CompileOptions &options,
                       const ArenaFormula &arena);

} // namespace vitc

#endif // COMPILER_TARGET_HEADERWRITER_H
