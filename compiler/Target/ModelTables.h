//===- ModelTables.h - the tables that the runtime interprets ---------------------------------------===//
#ifndef COMPILER_TARGET_MODELTABLES_H
#define COMPILER_TARGET_MODELTABLES_H

#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Target/TranslateLevel.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/IR/Module.h"
#include <optional>

namespace vitc {

/// The code of one input size.
struct SizeCode {
  std::vector<LevelCode> levels;             ///< best first
  std::optional<vitc_preprocess> preprocess; ///< absent if the model takes no pictures
};

/// The part of a preprocessing that the runtime does: resize and crop; nothing if the model takes no
/// pictures. Errors: Input, naming the step that the runtime cannot do.
llvm::Expected<std::optional<vitc_preprocess>> preprocessTable(const ModelConfig &config);

/// Defines `PREFIX.info`, a hidden constant vitc_library_info, and all that it points to. Entries of levels
/// and, if the weights are embedded, `PREFIX.weights`, are declared. `sizes` are those of `info`.
llvm::GlobalVariable *buildModelTables(llvm::Module &module, llvm::ArrayRef<SizeCode> sizes,
                                       const LibraryInfo &info);

} // namespace vitc

#endif // COMPILER_TARGET_MODELTABLES_H
