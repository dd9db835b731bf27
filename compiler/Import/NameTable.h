//===- NameTable.h - from a library's tensor names to the canonical ones ----------------------------===//
//
// How a library names its tensors is data: patterns with placeholders, prefixes that wrappers put in front,
// and names that may be ignored. Supporting another library means another table.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_NAMETABLE_H
#define COMPILER_IMPORT_NAMETABLE_H

#include "compiler/Import/Checkpoint.h"
#include "compiler/Import/Safetensors.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace vitc {

/// `source` -> `target`. "{i}" stands for a block index and "{p}" for a parameter ("weight"/"bias" in the
/// source, "w"/"b" in the target). A target "a|b|c" cuts the rows of the source into equal parts.
struct NameRule {
  const char *source, *target;
};

/// Tensors that may be left out. `pattern` may hold '*'; it is matched before and after peeling prefixes.
struct IgnoreRule {
  const char *pattern, *reason;
};

struct NameTable {
  const char *library;
  llvm::ArrayRef<NameRule> rules;
  llvm::ArrayRef<const char *> prefixes; ///< peeled off, repeatedly, when no rule matches the name as it is
  llvm::ArrayRef<IgnoreRule> ignored;
};

/// Rows of a stored tensor under a canonical name.
struct TensorSlice {
  const RawTensor *raw = nullptr;
  int64_t first = 0; ///< element where the slice begins
  llvm::SmallVector<int64_t, 4> shape;
};

/// Tensors of a checkpoint by canonical name. The shapes are those of the file (for instance [1, 1, D] for a
/// token).
class CanonicalTensors {
public:
  std::map<std::string, TensorSlice> slices;
  std::vector<std::string> ignored; ///< "NAME (reason)"

  const TensorSlice *find(llvm::StringRef name) const;
  bool has(llvm::StringRef name) const { return find(name) != nullptr; }
  /// Extent of dimension `index`, counted from the end if negative; 0 if there is no such tensor or
  /// dimension.
  int64_t extent(llvm::StringRef name, int index) const;
};

/// Renames all tensors. `extraIgnored` holds patterns of the model class at hand. Errors name tensors that no
/// rule matches, two tensors with one canonical name, and tensors whose type cannot be a weight.
llvm::Expected<CanonicalTensors> canonicalNames(const WeightStore &store, const NameTable &table,
                                                llvm::ArrayRef<IgnoreRule> extraIgnored = {});

/// True if a pattern, which may hold '*', matches `name`.
bool isIgnored(llvm::ArrayRef<std::string> patterns, llvm::StringRef name);

/// The first source name that `table` maps to `canonical`, for messages; empty if there is none.
std::string sourceNameOf(const NameTable &table, llvm::StringRef canonical);

/// Fills `checkpoint.tensors` with exactly what `checkpoint.config` implies. Errors name missing tensors,
/// wrong shapes (dimensions of extent 1 may come and go) and left-over tensors. Precondition:
/// validate(config) succeeded.
llvm::Error bindTensors(Checkpoint &checkpoint, const CanonicalTensors &tensors, const NameTable &table,
                        llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_IMPORT_NAMETABLE_H
