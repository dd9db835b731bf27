//===- CompileLibrary.cpp - from a checkpoint to files ----------------------------------------------===//
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Support/Error.h"
#include "compiler/Target/EmitLibrary.h"
#include "compiler/Target/PlannedWeights.h"
#include "compiler/Target/Prefix.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace vitc;

namespace {

/// A checkpoint's tensor as the interpreter reads it.
class ViewSource : public vit::TensorSource {
public:
  explicit ViewSource(std::shared_ptr<const TensorView> view)
      : TensorSource(view->shape()), view(std::move(view)) {}
  void read(int64_t first, llvm::MutableArrayRef<double> out) const override { view->read(first, out); }

private:
  std::shared_ptr<const TensorView> view;
};

/// Levels share one blob: each must want the same tensors at the same offsets.
bool sameBlob(ModuleOp a, ModuleOp b) {
  auto placed = [](ModuleOp module) {
    llvm::SmallVector<std::pair<Attribute, int64_t>> rows;
    for (auto weight : module.getOps<vit::WeightOp>())
      if (weight.getOffset())
        rows.emplace_back(weight.getChain() ? Attribute(weight.getChainAttr())
                                            : Attribute(weight.getSymNameAttr()),
                          *weight.getOffset());
    return rows;
  };
  return placed(a) == placed(b);
}

/// The runtime's tables call the entry points by what the user calls.
void nameSchedules(ModuleOp module) {
  for (auto schedule : module.getOps<vit::ScheduleOp>()) {
    StringRef name = schedule.getSymName();
    if (name.consume_front("forward"))
      schedule.setSymName("run" + name.str());
  }
}

} // namespace

vit::TensorLookup vitc::tensorLookup(const Checkpoint &checkpoint) {
  return [&checkpoint](StringRef name) -> std::shared_ptr<const vit::TensorSource> {
    auto it = checkpoint.tensors.find(name.str());
    return it == checkpoint.tensors.end() ? nullptr : std::make_shared<ViewSource>(it->second);
  };
}

/// Elements from one row of a buffer to the next.
static int64_t rowStride(MemRefType type) {
  auto strides = type.getStridesAndOffset().first;
  return strides.size() < 2 ? type.getNumElements() : strides[strides.size() - 2];
}

/// A plan may have been written by hand: its code must not leave the memory that the library will have.
static llvm::Error checkPlan(func::FuncOp function) {
  constexpr int64_t kWidest = 16; // elements of the widest vector that norms, maps and means write
  for (Type type : function.getArgumentTypes())
    if (auto memref = dyn_cast<MemRefType>(type))
      if (memref.getRank() > 1 && rowStride(memref) != memref.getShape().back())
        return inputError("expected arguments of @{} without gaps between rows, got {} elements a row of {}",
                          function.getName().str(), rowStride(memref), memref.getShape().back());
  auto arena = function->getAttrOfType<IntegerAttr>("vit.arena_bytes");
  llvm::Error error = llvm::Error::success();
  function.walk([&](Operation *op) {
    if (auto buffer = dyn_cast<vit::PlanBufferOp>(op)) {
      auto type = cast<MemRefType>(buffer.getType());
      auto offset = buffer.getOffset();
      if (error || !arena || !offset) // what is missing is vit-emit-cpu's to say
        return;
      int64_t bytes =
          type.getDimSize(0) * type.getStridesAndOffset().first[0] * type.getElementTypeBitWidth() / 8;
      int64_t end = static_cast<int64_t>(*offset) + bytes;
      if (end > arena.getInt())
        error = inputError(
            "expected the buffers of @{} to lie within vit.arena_bytes = {}, got one that ends at {}",
            function.getName().str(), arena.getInt(), end);
    }
    if (!isa<vit::PlanLayerNormOp, vit::PlanMapOp, vit::PlanMeanOp, vit::PlanMaxOp, vit::PlanSoftmaxOp,
             vit::PlanAttentionWeightsOp, vit::PlanRolloutOp>(op))
      return;
    for (Type type : op->getOperandTypes()) {
      auto rows = cast<MemRefType>(type);
      if (error || rows.getRank() != 2)
        continue;
      int64_t columns = rows.getDimSize(1), needed = (columns + kWidest - 1) / kWidest * kWidest;
      if (rowStride(rows) < needed)
        error = inputError(
            "expected rows of {} columns that '{}' reads or writes to be at least {} elements apart, "
            "got {}",
            columns, op->getName().getStringRef().str(), needed, rowStride(rows));
    }
  });
  return error;
}

/// The inputs and outputs of @forward, whose outputs are results on tensors and arguments on buffers.
static llvm::Error readPorts(ModuleOp module, LibraryInfo &info) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward || forward.isExternal() || forward.getNumArguments() == 0)
    return inputError("expected a function @forward that takes an image, got a module without one");
  bool planned = isa<MemRefType>(forward.getArgumentTypes()[0]);
  auto shape = [](Type type) { return llvm::to_vector<4>(cast<ShapedType>(type).getShape()); };
  auto add = [&](DictionaryAttr attributes, Type type) {
    llvm::SmallVector<int64_t, 4> extents = shape(type);
    Attribute name = attributes ? attributes.get("vit.name") : Attribute();
    // Maps are rows of one head after another.
    auto planes = attributes ? attributes.getAs<IntegerAttr>("vit.planes") : IntegerAttr();
    if (planes && planes.getInt() > 0 && extents.front() % planes.getInt() == 0) {
      extents.front() /= planes.getInt();
      extents.insert(extents.begin(), planes.getInt());
    }
    if (extents.size() == 2 && extents.front() == 1) // one token is a vector
      extents.erase(extents.begin());
    auto text = dyn_cast_or_null<StringAttr>(name);
    info.outputs.push_back({text ? text.str() : "output" + std::to_string(info.outputs.size()), extents});
  };
  auto allStatic = [](TypeRange types) {
    return llvm::all_of(types, [](Type type) {
      auto shaped = dyn_cast<ShapedType>(type);
      return shaped && shaped.hasStaticShape();
    });
  };
  if (!allStatic(forward.getArgumentTypes()) || !allStatic(forward.getResultTypes()))
    return inputError("expected @forward on tensors or buffers of static shape, got others");
  for (Type type : forward.getResultTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor || tensor.getRank() != 2) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      return inputError("expected results of @forward that are tokens [rows, columns], got {}", text);
    }
  info.input = {"image", shape(forward.getArgumentTypes()[0])};
  info.channelsLast = llvm::any_of(forward.getArgument(0).getUsers(), [](Operation *user) {
    return isa<vit::ChannelsFirstOp>(user) || user->hasAttr("channels_last");
  });
  if (planned)
    for (unsigned i = 1; i < forward.getNumArguments(); ++i)
      add(forward.getArgAttrDict(i), forward.getArgumentTypes()[i]);
  else
    for (auto [i, type] : llvm::enumerate(forward.getResultTypes()))
      add(forward.getResultAttrDict(i), type);
  if (info.input.shape.size() != 3 || info.outputs.empty())
    return inputError(
        "expected @forward from an image [channels, height, width] to at least one output, got an input of "
        "{} dimensions and {} outputs",
        info.input.shape.size(), info.outputs.size());
  return llvm::Error::success();
}

llvm::Expected<LibraryInfo> vitc::compileModule(ModuleOp module, const ModelConfig &config,
                                                const vit::TensorLookup &weights,
                                                const CompileOptions &options, StringRef output) {
  LibraryInfo info;
  info.name = options.name.empty() ? prefixFrom(config.name) : options.name;
  if (llvm::Error error = checkPrefix(info.name))
    return error;
  info.batch = options.batch;
  info.maxSide = options.maxSide;
  for (auto weight : module.getOps<vit::WeightOp>())
    if (!weight.getChain())
      info.parameters += weight.getTensorType().getNumElements();
  info.modelFlops = modelFlops(module);
  if (llvm::Error error = readPorts(module, info))
    return error;
  for (auto function : module.getOps<func::FuncOp>())
    if (llvm::Error error = checkPlan(function))
      return error;

  auto progress = [&](StringRef stage, double fraction) {
    if (options.progress)
      options.progress(stage, fraction);
  };
  progress("fuse", 0);
  if (llvm::Error error = lowerTo(module, Phase::Fused, *options.targets.front(), options))
    return error;

  std::vector<LevelModule> levels;
  OwningOpRef<ModuleOp> planned; // of the first level, for the weights
  for (auto [i, isa] : llvm::enumerate(options.targets)) {
    progress("generate code", static_cast<double>(i) / options.targets.size());
    OwningOpRef<ModuleOp> level = module.clone();
    if (llvm::Error error = lowerTo(*level, Phase::Planned, *isa, options))
      return error;
    if (!planned)
      planned = level->clone();
    else if (!sameBlob(*planned, *level))
      return makeError(ExitCode::Internal, "levels '{}' and '{}' disagree on the packed weights",
                       options.targets.front()->name.str(), isa->name.str());
    if (llvm::Error error = lowerTo(*level, Phase::Llvm, *isa, options))
      return error;
    nameSchedules(*level);
    levels.push_back({isa, std::move(level)});
  }

  vit::WeightEvaluator evaluator(*planned, weights);
  auto tensors = blobTensors(*planned, evaluator);
  if (!tensors)
    return tensors.takeError();
  if (llvm::Error error = emitLibrary(std::move(levels), config, *tensors, options, output, info))
    return error;
  return info;
}

llvm::Expected<LibraryInfo> vitc::compileLibrary(const Checkpoint &checkpoint, const CompileOptions &options,
                                                 StringRef output) {
  auto context = makeContext();
  OwningOpRef<ModuleOp> module = buildModule(*context, checkpoint.config);
  return compileModule(*module, checkpoint.config, tensorLookup(checkpoint), options, output);
}
