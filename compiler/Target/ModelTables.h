//===- ModelTables.h - the tables that the runtime interprets ---------------------------------------===//
#ifndef COMPILER_TARGET_MODELTABLES_H
#define COMPILER_TARGET_MODELTABLES_H

#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Target/TranslateLevel.h"
#include "llvm/IR/Module.h"
#include <optional>

struct vitc_preprocess;

namespace vitc {

/// The part of a preprocessing that the runtime does: resize and crop; nothing if the model takes no
/// pictures. Errors: Input, naming the step that the runtime cannot do.
llvm::Expected<std::optional<vitc_preprocess>> preprocessTable(const ModelConfig &config);

/// Defines `PREFIX.info`, a hidden constant vitc_model_info, and all that it points to. Entries of levels
/// and, if the weights are embedded, `PREFIX.weights`, are declared.
llvm::GlobalVariable *buildModelTables(llvm::Module &module, llvm::ArrayRef<LevelCode> levels,
                                       const LibraryInfo &info,
                                       const std::optional<vitc_preprocess> &preprocess);

} // namespace vitc

#endif // COMPILER_TARGET_MODELTABLES_H
