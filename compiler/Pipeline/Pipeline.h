//===- Pipeline.h - from a checkpoint to a library, in named phases ---------------------------------===//
#ifndef COMPILER_PIPELINE_PIPELINE_H
#define COMPILER_PIPELINE_PIPELINE_H

#include "compiler/Import/Checkpoint.h"
#include "compiler/Target/Isa.h"
#include "dialect/Interp/WeightEvaluator.h"
#include "dialect/Transforms/LayerArithmetic.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <functional>
#include <memory>

namespace vitc {

/// Points at which the compiler can stop and print; each lowers the one before.
enum class Phase {
  Import,  ///< the canonical description, vit.json
  Vit,     ///< model-level ops, as the checkpoint states them
  Fused,   ///< folded and fused: what is computed in one go
  Planned, ///< buffers, packed weights, arena offsets, tiles and grids for one target
  Vector,  ///< one function per region: scf and vector
  Llvm,    ///< the LLVM dialect
};

struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral name, summary;
};
llvm::ArrayRef<PhaseInfo> allPhases();

enum class WeightPlacement { Auto, Embed, File };

/// Everything that a compilation depends on besides the checkpoint. One struct flows through the compiler.
struct CompileOptions {
  std::string name;                 ///< C prefix; empty: the checkpoint's
  std::vector<const Isa *> targets; ///< best first, of one architecture
  Precision precision = Precision::F32;
  int64_t batch = 1;      ///< images per pass: more need a larger arena and balance better over many threads
  int64_t maxSide = 4096; ///< largest picture side that run_u8 accepts
  /// Layers that are not computed as the precision says, in the order of the model.
  std::vector<vit::LayerArithmetic> layers;
  WeightPlacement weights = WeightPlacement::Auto; ///< Auto embeds up to 16 MiB
  bool verifyEachPass = false;
  std::function<void(llvm::StringRef stage, double fraction)> progress; ///< may be empty
};

/// A named tensor of the library's interface, shape per image.
struct Port {
  std::string name;
  llvm::SmallVector<int64_t, 4> shape;
};

/// Bytes of one run's memory, as `create` reserves them: `base + perThread * threads`.
struct ArenaFormula {
  uint64_t base = 0, perThread = 0;
};

/// What depends on the input size.
struct SizeInfo {
  Port input;                ///< [channels, height, width], or with channels last
  bool channelsLast = false; ///< of the input
  std::vector<Port> outputs;
  int64_t tokens = 0;                       ///< of a block; 0 if the model came without a description
  int64_t modelFlops = 0;                   ///< nominal, per image: two per multiply-add
  int64_t executedFlops = 0;                ///< after dead rows are dropped
  int64_t arenaBytes = 0, scratchBytes = 0; ///< per image, per thread; the largest over the levels
  ArenaFormula run;                         ///< for all images of a pass, with pictures
};

/// What is known of a library once it is planned; the source of the header, of `inspect` and of the tables.
struct LibraryInfo {
  std::string name;
  std::vector<SizeInfo> sizes;        ///< the default first
  int64_t parameters = 0;             ///< elements of the checkpoint's tensors
  int64_t weightBytes = 0;            ///< of the packed blob
  std::array<uint8_t, 16> weightId{}; ///< content id of the blob
  bool embedded = false;
  int64_t batch = 1, maxSide = 0;
  std::vector<const Isa *> levels;
};

/// Builds the module of model-level ops: `@forward` from f32 images, and `@forward_u8` from pixels of the
/// model's size when the checkpoint states a preprocessing. Outputs carry their name as result attribute
/// `vit.name`.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext &context, const ModelConfig &config);

/// Lowers a module in place up to `phase`, for one target. The module may be at any earlier phase: one that
/// is planned already is not planned again.
llvm::Error lowerTo(mlir::ModuleOp module, Phase phase, const Isa &isa, const CompileOptions &options);

/// Multiply-adds of @forward's model-level ops times two, per image: patch embedding, linear layers and the
/// two products of attention, as the literature counts them.
int64_t modelFlops(mlir::ModuleOp module);
/// The share of one op; 0 for all others.
int64_t modelFlopsOf(mlir::Operation *op);

/// A context with every dialect of the pipeline.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Weights of `checkpoint` for evaluation and interpretation.
vit::TensorLookup tensorLookup(const Checkpoint &checkpoint);

/// The most input sizes of one library: each is code of its own for every level.
constexpr size_t kMaxSizes = 16;

/// Compiles one model at each of `sizes`, the default first, to `output`, whose suffix (.o .a .so .s .ll)
/// says what to write; writes NAME.h and, unless the weights are embedded, NAME.vitw beside libraries. Files
/// appear complete or not at all. Sizes share the packed weights that are made in the same way of tensors
/// that they share, see shareTensors(). Precondition: one to kMaxSizes checkpoints. Errors: Input, if two
/// have the same input size, or if outputs or channels differ.
llvm::Expected<LibraryInfo> compileLibrary(llvm::ArrayRef<Checkpoint> sizes, const CompileOptions &options,
                                           llvm::StringRef output);

/// A model at one input size, as a module of any phase up to planned.
struct SizedModule {
  mlir::ModuleOp module;     ///< is lowered in place
  const ModelConfig *config; ///< name, labels and preprocessing
  vit::TensorLookup weights; ///< the tensors of weights without a chain
  /// Which tensor is meant by a name: sizes with equal numbers have equal tensors. Null: always 0.
  std::function<int64_t(llvm::StringRef name)> origin = nullptr;
};

/// The same for modules. Errors also: Input, if @forward is missing or has ports that a library cannot have.
llvm::Expected<LibraryInfo> compileModules(llvm::ArrayRef<SizedModule> sizes, const CompileOptions &options,
                                           llvm::StringRef output);

} // namespace vitc

#endif // COMPILER_PIPELINE_PIPELINE_H
