//===- PublicApi.h - the exported functions and data of a library -----------------------------------===//
#ifndef COMPILER_TARGET_PUBLICAPI_H
#define COMPILER_TARGET_PUBLICAPI_H

#include "compiler/Pipeline/Pipeline.h"
#include "llvm/IR/Module.h"

namespace vitc {

/// Defines the public symbols of a library in `module`, as thin callers of vitc_rt_*:
///
///   - PREFIX_create, _run, _destroy, _last_message, _status_name, _level, _threads, _arena_bytes;
///   - PREFIX_run_u8, with `pictures`;
///   - `const char *const PREFIX_labels[]`: one per class, if there are labels;
///   - `const char PREFIX_metadata[]`: the text `metadata`;
///   - `const PREFIX_size PREFIX_sizes[]`: one per input size, if there are several; see headerText();
///   - `const vitc_library_info *PREFIX_vitc_info()`: the tables, for vitc's own tools.
///
/// `tables` is the vitc_library_info of buildModelTables(). Returns the names of all public symbols.
std::vector<std::string> buildPublicApi(llvm::Module &module, llvm::GlobalVariable *tables,
                                        const LibraryInfo &info, llvm::ArrayRef<std::string> labels,
                                        bool pictures, llvm::StringRef metadata);

} // namespace vitc

#endif // COMPILER_TARGET_PUBLICAPI_H
