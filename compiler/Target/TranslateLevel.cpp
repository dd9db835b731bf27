#include "compiler/Target/TranslateLevel.h"
#include "compiler/Support/Error.h"
#include "dialect/IR/VitOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/IR/IRBuilder.h"

using namespace vitc;

static uint32_t dotOf(std::optional<vit::DotKind> kind) {
  if (!kind)
    return VITC_DOT_F32;
  switch (*kind) {
  case vit::DotKind::Bf16:
    return VITC_DOT_BF16;
  case vit::DotKind::Int8:
    return VITC_DOT_INT8;
  }
  llvm_unreachable("all kinds are in the ABI");
}

static ScheduleTable readSchedule(vit::ScheduleOp schedule) {
  ScheduleTable table;
  table.arenaBytes = schedule.getArenaBytes();
  table.scratchBytes = schedule.getScratchBytes();
  table.inputBytes = schedule.getInputBytes();
  for (auto step : schedule.getBody().getOps<vit::StepOp>()) {
    StepTable &row = table.steps.emplace_back();
    row.entry = step.getCallee().str();
    row.name = step.getName().str();
    row.chunks = step.getChunks();
    row.parts = step.getParts();
    row.flops = step.getFlops();
    row.flags =
        (step.getImagesInner() ? VITC_STEP_IMAGES_INNER : 0) | (step.getLinear() ? VITC_STEP_LINEAR : 0);
    row.kind = step.getKind().str();
    row.dot = dotOf(step.getDot());
    row.activationBytes = step.getActivationBytes();
    row.weightBytes = step.getWeightBytes();
    row.fineEntry = step.getFineCallee().value_or("").str();
    row.fineChunks = step.getFineChunks();
    row.fineParts = step.getFineParts();
    for (auto [space, index, offset] : llvm::zip(step.getSpaces(), step.getIndices(), step.getOffsets()))
      row.operands.push_back(
          {static_cast<uint32_t>(space), static_cast<uint32_t>(index), static_cast<uint64_t>(offset)});
  }
  return table;
}

/// Attributes that make the backend emit code of the level, and nothing for unwinders.
static void setTargetAttributes(llvm::Function &function, const Isa &isa) {
  function.addFnAttr("target-cpu", isa.cpu);
  if (!isa.features.empty())
    function.addFnAttr("target-features", isa.features);
  function.addFnAttr("tune-cpu", isa.tune);
  if (isa.arch == "x86_64" && isa.lanes == 16) {
    // x86-64-v4 prefers 256-bit vectors, and would split ours.
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
  }
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.removeFnAttr(llvm::Attribute::UWTable);
}

/// void entry(ptr operands, i64 chunk): loads the region's pointers and calls it.
static llvm::Function *makeEntry(llvm::Function &region, const Isa &isa) {
  llvm::LLVMContext &context = region.getContext();
  auto *ptr = llvm::PointerType::getUnqual(context);
  auto *i64 = llvm::Type::getInt64Ty(context);
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {ptr, i64}, false);
  auto *entry = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, region.getName() + ".entry",
                                       region.getParent());
  entry->setVisibility(llvm::GlobalValue::HiddenVisibility);
  setTargetAttributes(*entry, isa);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", entry));
  llvm::SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0, e = region.arg_size() - 1; i < e; ++i)
    arguments.push_back(
        builder.CreateLoad(ptr, builder.CreateConstInBoundsGEP1_64(ptr, entry->getArg(0), i)));
  arguments.push_back(entry->getArg(1));
  builder.CreateCall(&region, arguments);
  builder.CreateRetVoid();
  // Its only caller is the entry.
  region.removeFnAttr(llvm::Attribute::NoInline);
  region.addFnAttr(llvm::Attribute::AlwaysInline);
  return entry;
}

/// Makes the entries of a schedule's steps and writes their names into the table.
static llvm::Error makeEntries(ScheduleTable &table, llvm::Module &code, llvm::StringRef prefix,
                               const Isa &isa, llvm::StringMap<llvm::Function *> &entries) {
  auto make = [&](const StepTable &step, std::string &name) -> llvm::Error {
    if (name.empty())
      return llvm::Error::success();
    llvm::Function *&entry = entries[name];
    llvm::Function *region = code.getFunction((prefix + name).str());
    if (!entry) {
      if (!region || region->isDeclaration())
        return makeError(ExitCode::Internal, "level {}: expected a region '{}' for step '{}', got none",
                         isa.name.str(), name, step.name);
      llvm::FunctionType *type = region->getFunctionType();
      bool good = type->getReturnType()->isVoidTy() && type->getNumParams() > 0 &&
                  type->params().back()->isIntegerTy(64) &&
                  llvm::all_of(type->params().drop_back(), [](llvm::Type *t) { return t->isPointerTy(); });
      if (!good)
        return makeError(ExitCode::Internal, "level {}: expected region '{}' to take pointers and an i64",
                         isa.name.str(), name);
      entry = makeEntry(*region, isa);
    }
    if (size_t expected = region->arg_size() - 1; step.operands.size() != expected)
      return makeError(ExitCode::Internal,
                       "level {}: expected {} operands for step '{}' of region '{}', got {}", isa.name.str(),
                       expected, step.name, name, step.operands.size());
    name = entry->getName().str();
    return llvm::Error::success();
  };
  for (StepTable &step : table.steps)
    if (llvm::Error error = llvm::joinErrors(make(step, step.entry), make(step, step.fineEntry)))
      return error;
  return llvm::Error::success();
}

/// Translates with MLIR's complaints as the error's text.
static llvm::Expected<std::unique_ptr<llvm::Module>> translate(mlir::ModuleOp module, llvm::StringRef name,
                                                               llvm::LLVMContext &context) {
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
    messages += "\n  " + diagnostic.str();
    return mlir::success();
  });
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context, name);
  if (!code)
    return makeError(ExitCode::Internal, "level {}: the translation to LLVM IR failed:{}", name.str(),
                     messages);
  return code;
}

llvm::Expected<LevelCode> vitc::translateLevel(mlir::ModuleOp module, const Isa &isa, llvm::StringRef prefix,
                                               llvm::LLVMContext &context) {
  LevelCode level{&isa, {}, std::nullopt, nullptr};
  bool found = false;
  for (mlir::Operation &op : llvm::make_early_inc_range(*module.getBody())) {
    if (auto schedule = mlir::dyn_cast<vit::ScheduleOp>(op)) {
      if (schedule.getSymName() == "run") {
        level.run = readSchedule(schedule);
        found = true;
      } else if (schedule.getSymName() == "run_u8") {
        level.runU8 = readSchedule(schedule);
      }
    }
    if (mlir::isa<vit::ScheduleOp, vit::WeightOp>(op))
      op.erase();
  }
  if (!found || level.run.steps.empty())
    return makeError(ExitCode::Internal, "level {}: expected vit.schedule @run with at least one step",
                     isa.name.str());

  llvm::Expected<std::unique_ptr<llvm::Module>> code = translate(module, isa.name, context);
  if (!code)
    return code.takeError();
  level.code = std::move(*code);

  // '-' would have to be quoted in assembly listings.
  std::string levelPrefix = prefix.str() + "." + isa.name.str() + ".";
  std::replace(levelPrefix.begin(), levelPrefix.end(), '-', '_');
  for (llvm::GlobalValue &value : level.code->global_values()) {
    if (value.isDeclaration())
      continue;
    value.setName(levelPrefix + value.getName());
    value.setLinkage(llvm::GlobalValue::InternalLinkage);
    value.setVisibility(llvm::GlobalValue::DefaultVisibility);
    value.setDSOLocal(true);
  }
  for (llvm::Function &function : *level.code)
    if (!function.isDeclaration())
      setTargetAttributes(function, isa);

  llvm::StringMap<llvm::Function *> entries;
  if (llvm::Error error = makeEntries(level.run, *level.code, levelPrefix, isa, entries))
    return std::move(error);
  if (level.runU8)
    if (llvm::Error error = makeEntries(*level.runU8, *level.code, levelPrefix, isa, entries))
      return std::move(error);
  return level;
}
