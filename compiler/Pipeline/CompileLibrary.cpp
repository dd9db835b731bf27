//===- CompileLibrary.cpp - from a checkpoint to files ----------------------------------------------===//
#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Support/Error.h"
#include "compiler/Target/EmitLibrary.h"
#include "compiler/Target/Interface.h"
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
static llvm::Error readPorts(ModuleOp module, SizeInfo &info) {
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

/// A module's plan for every level, and what of the weights no earlier module has.
struct Lowered {
  std::vector<LevelModule> levels;
  OwningOpRef<ModuleOp> planned; ///< of the first level, for the weights
  std::vector<std::string> added;
};

static llvm::Error lowerLevels(const SizedModule &size, const CompileOptions &options, SharedBlob &blob,
                               Lowered &result, llvm::function_ref<void()> step) {
  for (const Isa *isa : options.targets) {
    step();
    OwningOpRef<ModuleOp> level = ModuleOp(size.module).clone();
    if (llvm::Error error = lowerTo(*level, Phase::Planned, *isa, options))
      return error;
    std::vector<std::string> added = blob.place(*level, size.origin);
    if (!result.planned) {
      result.planned = level->clone();
      result.added = std::move(added);
    } else if (!added.empty()) {
      return makeError(ExitCode::Internal, "levels '{}' and '{}' disagree on the packed weights: '{}'",
                       options.targets.front()->name.str(), isa->name.str(), added.front());
    }
    if (llvm::Error error = lowerTo(*level, Phase::Llvm, *isa, options))
      return error;
    nameSchedules(*level);
    result.levels.push_back({isa, std::move(level)});
  }
  return llvm::Error::success();
}

/// Callers of a library see one interface at all sizes.
static llvm::Error checkSizes(const LibraryInfo &info) {
  auto names = [](const SizeInfo &size) {
    std::string text;
    for (const Port &output : size.outputs)
      text += (text.empty() ? "" : ", ") + output.name;
    return text;
  };
  const SizeInfo &first = info.sizes.front();
  for (size_t i = 1; i < info.sizes.size(); ++i) {
    const SizeInfo &size = info.sizes[i];
    for (const SizeInfo &other : llvm::ArrayRef(info.sizes).take_front(i))
      if (sizeText(size) == sizeText(other))
        return inputError("expected input sizes that differ, got {} twice", sizeText(size));
    if (inputExtents(size).channels != inputExtents(first).channels ||
        size.channelsLast != first.channelsLast)
      return inputError("expected inputs of one layout, got {} at {} and {} at {}", shapeText(first.input),
                        sizeText(first), shapeText(size.input), sizeText(size));
    if (names(size) != names(first))
      return inputError("expected the same outputs at all input sizes, got {} at {} and {} at {}",
                        names(first), sizeText(first), names(size), sizeText(size));
  }
  return llvm::Error::success();
}

llvm::Expected<LibraryInfo> vitc::compileModules(llvm::ArrayRef<SizedModule> sizes,
                                                 const CompileOptions &options, StringRef output) {
  assert(!sizes.empty() && sizes.size() <= kMaxSizes);
  LibraryInfo info;
  info.name = options.name.empty() ? prefixFrom(sizes.front().config->name) : options.name;
  if (llvm::Error error = checkPrefix(info.name))
    return error;
  info.batch = options.batch;
  info.maxSide = options.maxSide;
  for (auto weight : ModuleOp(sizes.front().module).getOps<vit::WeightOp>())
    if (!weight.getChain())
      info.parameters += weight.getTensorType().getNumElements();
  for (const SizedModule &size : sizes) {
    SizeInfo &facts = info.sizes.emplace_back();
    facts.modelFlops = modelFlops(size.module);
    facts.tokens = size.config->depth ? size.config->tokens() : 0;
    if (llvm::Error error = readPorts(size.module, facts))
      return error;
    for (auto function : ModuleOp(size.module).getOps<func::FuncOp>())
      if (llvm::Error error = checkPlan(function))
        return error;
  }
  if (llvm::Error error = checkSizes(info))
    return error;

  size_t done = 0, all = sizes.size() * options.targets.size();
  auto step = [&] {
    if (options.progress)
      options.progress("generate code", static_cast<double>(done++) / static_cast<double>(all));
  };
  SharedBlob blob;
  std::vector<SizeModules> modules;
  std::vector<BlobTensor> tensors;
  for (const SizedModule &size : sizes) {
    if (llvm::Error error = lowerTo(size.module, Phase::Fused, *options.targets.front(), options))
      return error;
    Lowered lowered;
    if (llvm::Error error = lowerLevels(size, options, blob, lowered, step))
      return error;
    vit::WeightEvaluator evaluator(*lowered.planned, size.weights);
    auto own = blobTensors(*lowered.planned, evaluator, lowered.added);
    if (!own)
      return own.takeError();
    llvm::append_range(tensors, std::move(*own));
    modules.push_back({size.config, std::move(lowered.levels)});
  }
  if (llvm::Error error = emitLibrary(std::move(modules), tensors, options, output, info))
    return error;
  return info;
}

llvm::Expected<LibraryInfo> vitc::compileLibrary(llvm::ArrayRef<Checkpoint> sizes,
                                                 const CompileOptions &options, StringRef output) {
  auto context = makeContext();
  std::vector<OwningOpRef<ModuleOp>> modules;
  std::vector<SizedModule> sized;
  for (auto [i, checkpoint] : llvm::enumerate(sizes)) {
    modules.push_back(buildModule(*context, checkpoint.config));
    auto origin = [i, &own = checkpoint.tensors, &first = sizes.front().tensors](StringRef name) -> int64_t {
      auto mine = own.find(name.str()), other = first.find(name.str());
      bool same = mine != own.end() && other != first.end() && mine->second == other->second;
      return same ? 0 : static_cast<int64_t>(i);
    };
    sized.push_back({*modules.back(), &checkpoint.config, tensorLookup(checkpoint), origin});
  }
  return compileModules(sized, options, output);
}
