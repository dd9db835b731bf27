//===- NameTable.h - from a library's tensor names to the canonical ones ----------------------------===//
//
// How a library names its tensors is data: patterns with placeholders, prefixes that wrappers put in front,
// and names that may be ignored. Supporting another library means another table.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_NAMETABLE_H
#define COMPILER_IMPORT_NAMETABLE_H

#include "compiler/Import/Checkpoint.h"
#include "compiler/Import/WeightStore.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace vitc {

/// How a stored weight becomes the canonical one (torch's: linear [out, in], patch kernel [out, in, h, w]).
/// Each names the stored dimensions. Biases are one-dimensional everywhere, except that HeadsIn's are [heads,
/// size].
enum class Layout {
  AsStored,
  Transposed, ///< [in, out], a dense kernel of TensorFlow and JAX
  Hwio,       ///< [h, w, in, out], a convolution's
  HeadsIn,    ///< [in, heads, size]: a projection to the heads
  HeadsOut,   ///< [heads, size, out]: the projection that joins them
};

/// `source` -> `target`. Placeholders: "{i}" is a block's index ("{j}" in a source that counts from 1), "{p}"
/// a parameter (see NameTable::parameters; "w"/"b" in the target). A target "a|b|c" cuts the rows of the
/// canonical tensor into equal parts. A target with "{i}" whose source has none takes the blocks from the
/// first dimension, as scanned models store them.
struct NameRule {
  const char *source, *target;
  Layout layout = Layout::AsStored;
};

/// What a library calls the two parameters of a layer.
struct ParameterSpelling {
  const char *weight, *bias;
};
inline constexpr ParameterSpelling torchParameters[] = {{"weight", "bias"}};

/// Tensors that may be left out. `pattern` may hold '*'; it is matched before and after peeling prefixes.
struct IgnoreRule {
  const char *pattern, *reason;
};

/// The beginning of a name that is replaced, "{i}" in it being any index: "blocks.{i}." -> "blocks." for
/// blocks in chunks that are numbered through. Applied once, when no rule matches the name as it is.
struct NameRewrite {
  const char *from, *to;
};

struct NameTable {
  const char *library;
  llvm::ArrayRef<NameRule> rules;
  llvm::ArrayRef<const char *> prefixes; ///< peeled off, repeatedly, when no rule matches the name as it is
  llvm::ArrayRef<IgnoreRule> ignored;
  llvm::ArrayRef<ParameterSpelling> parameters = torchParameters; ///< any of them may stand for "{p}"
  llvm::ArrayRef<NameRewrite> rewrites = {};
  bool restIsCanonical = false; ///< a name that no rule matches is the canonical one
};

/// What is wrong with a rule that a user wrote, or "".
std::string problemOf(llvm::StringRef source, llvm::StringRef target);

/// Tensors of a checkpoint by canonical name. The shapes are canonical but for dimensions of extent 1 (a
/// token may be [1, 1, D]).
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

/// Adds what one rule makes of one tensor: the slices that its target names, with `index` for "{i}" and w or
/// b for
/// "{p}". The same errors as canonicalNames().
llvm::Error addCanonical(const WeightStore &store, const RawTensor &raw, const NameRule &rule,
                         std::optional<int64_t> index, bool bias, CanonicalTensors &result);

/// Renames all tensors. `extraIgnored` holds patterns of the model class at hand. Errors name tensors that no
/// rule matches, two tensors with one canonical name, and tensors whose type or rank does not fit their rule.
llvm::Expected<CanonicalTensors> canonicalNames(const WeightStore &store, const NameTable &table,
                                                llvm::ArrayRef<IgnoreRule> extraIgnored = {});

/// The tensors that canonicalNames() would complain about because no rule and no pattern matches their names.
std::vector<std::string> unknownTensors(const WeightStore &store, const NameTable &table,
                                        llvm::ArrayRef<IgnoreRule> extraIgnored = {});

/// "'a', 'b', 'c' and 4 more", for messages.
std::string listNames(llvm::ArrayRef<std::string> names);

/// True if a pattern, which may hold '*', matches `name`.
bool isIgnored(llvm::ArrayRef<std::string> patterns, llvm::StringRef name);

/// The first source name that `table` maps to `canonical`, for messages ("a/kernel|scale" where a parameter
/// has several spellings); empty if there is none.
std::string sourceNameOf(const NameTable &table, llvm::StringRef canonical);

/// Fills `checkpoint.tensors` with what `checkpoint.config` implies and is not there yet. Errors name missing
/// tensors, wrong shapes (dimensions of extent 1 may come and go) and left-over tensors. Precondition:
/// validate(config) succeeded. `description`, if any, is the vit.json whose fields imply the tensors: errors
/// then say where they stand.
llvm::Error bindTensors(Checkpoint &checkpoint, const CanonicalTensors &tensors, const NameTable &table,
                        llvm::StringRef path, const JsonDocument *description = nullptr);

} // namespace vitc

#endif // COMPILER_IMPORT_NAMETABLE_H
