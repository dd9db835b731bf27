//===- Checkpoint.h - a model as read from its files ------------------------------------------------===//
//
// A Checkpoint is a ModelConfig plus its tensors under their canonical names. Tensors are views: nothing is
// copied until an element is read, so that a 1 GB file costs address space only.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_CHECKPOINT_H
#define COMPILER_IMPORT_CHECKPOINT_H

#include "compiler/Import/ModelConfig.h"
#include "llvm/ADT/ArrayRef.h"
#include <map>
#include <memory>
#include <optional>

namespace vitc {

/// Read access to one tensor, element-wise in row-major order. Implementations are immutable and thread-safe.
class TensorView {
public:
  virtual ~TensorView();
  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t elements() const;
  /// Writes elements [first, first + out.size()) to `out`, widened exactly to double.
  virtual void read(int64_t first, llvm::MutableArrayRef<double> out) const = 0;

protected:
  explicit TensorView(llvm::ArrayRef<int64_t> shape) : dims(shape) {}

private:
  llvm::SmallVector<int64_t, 4> dims;
};

struct Checkpoint {
  ModelConfig config;
  std::map<std::string, std::shared_ptr<const TensorView>> tensors; ///< canonical name -> data
  /// Content hash of what was opened: "xxh3-128:..." of the weight files, or "seed:..." of a preset.
  std::string weightsHash;
  std::vector<std::string> warnings; ///< one line each, for the driver to print
  std::vector<std::string> notes;    ///< decisions that `inspect` shows ("resize rules: Pillow")
};

/// Makes tensors of `other` that read the same as `first`'s of their name into `first`'s. Importers open the
/// files anew for another input size; what they made for that size stays.
void shareTensors(const Checkpoint &first, Checkpoint &other);

/// What the command line says where a checkpoint's files cannot, or say it wrong.
struct ImportOptions {
  std::string labelsPath;                ///< text file with one label a line
  std::optional<double> normEps;         ///< instead of the description's norm.eps
  std::optional<ResizeImpl> resizeRules; ///< instead of the rules that the configuration names or implies
  /// Canonical name and file of tensors that replace, or supply, the checkpoint's; "cls", "dist", "reg" and
  /// "pos" stand for those of the embedding.
  std::vector<std::pair<std::string, std::string>> tensors;
  std::string arch;  ///< "LIBRARY:NAME": what weights without a configuration are; "" if not given
  int64_t heads = 0; ///< of weights without a configuration; 0 if not given
  std::optional<Extent> imageSize; ///< input size to resize the position table for
  std::string zeroShotPath;        ///< class embeddings to use as a head, see ZeroShot.h; "" if not given
  std::vector<OutputSpec> outputs; ///< instead of the description's
  std::vector<OutputSpec> more;    ///< besides those, or the default ones
};

/// Opens MODEL: a directory with vit.json, a Hugging Face or timm directory, or `preset:NAME` (options:
/// `preset:NAME?seed=7&variant=outlier`). What a directory is follows from its contents.
/// Postcondition: config validates, and `tensors` holds exactly expectedTensors(config) with those shapes.
llvm::Expected<Checkpoint> openCheckpoint(llvm::StringRef model, const ImportOptions &options = {});

} // namespace vitc

#endif // COMPILER_IMPORT_CHECKPOINT_H
