#include "test/compiler/Codegen/CPU/CompiledLevel.h"
#include "compiler/Codegen/CPU/Passes.h"
#include "compiler/Target/ObjectEmitter.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Pass/PassManager.h"
#include "test/compiler/Codegen/CPU/TileEmulation.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include <sys/mman.h>
#include <unistd.h>

using namespace vitc;
using namespace vitc::test;

/// The value, or a test failure and null.
template <typename T> static std::optional<T> take(llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  ADD_FAILURE() << llvm::toString(value.takeError());
  return std::nullopt;
}

std::vector<const Isa *> vitc::test::runnableLevels(Precision precision) {
  std::vector<const Isa *> levels;
  for (const Isa &isa : allIsas())
    if (runsHere(isa) && gainsFrom(precision, isa))
      levels.push_back(&isa);
  return levels;
}

const Isa *vitc::test::matrixUnitLevel() {
  const Isa *wanted = findIsa("sapphirerapids");
  std::vector<const Isa *> levels = runnableLevels(Precision::Bf16);
  bool near = llvm::is_contained(levels, wanted) || llvm::is_contained(levels, findIsa("znver4"));
  return near ? wanted : nullptr;
}

/// Instructions of a matrix unit and the functions that stand in for them.
static const std::pair<const char *, void *> kEmulated[] = {
    {"ldtilecfg", reinterpret_cast<void *>(vitc_emulated_ldtilecfg)},
    {"tilerelease", reinterpret_cast<void *>(vitc_emulated_tilerelease)},
    {"tilezero", reinterpret_cast<void *>(vitc_emulated_tilezero)},
    {"tileloadd64", reinterpret_cast<void *>(vitc_emulated_tileloadd64)},
    {"tilestored64", reinterpret_cast<void *>(vitc_emulated_tilestored64)},
    {"tdpbf16ps", reinterpret_cast<void *>(vitc_emulated_tdpbf16ps)},
    {"tdpbusd", reinterpret_cast<void *>(vitc_emulated_tdpbusd)},
};

static void emulateTiles(llvm::Module &module) {
  for (auto [name, address] : kEmulated)
    if (llvm::Function *intrinsic = module.getFunction("llvm.x86." + std::string(name))) {
      auto stand =
          module.getOrInsertFunction("vitc_emulated_" + std::string(name), intrinsic->getFunctionType());
      intrinsic->replaceAllUsesWith(stand.getCallee());
      intrinsic->eraseFromParent();
    }
}

/// Replaces the 256-bit product of quads of bytes (AVX-VNNI) by a function of plain instructions, and keeps
/// the backend from making it of these.
static void emulateDot(llvm::Module &module) {
  llvm::Function *intrinsic = module.getFunction("llvm.x86.avx512.vpdpbusd.256");
  if (!intrinsic)
    return;
  for (llvm::Function &function : module)
    if (llvm::StringRef features = function.getFnAttribute("target-features").getValueAsString();
        features.consume_back("+avxvnni"))
      function.addFnAttr("target-features", features.rtrim(','));
  auto *stand = llvm::Function::Create(intrinsic->getFunctionType(), llvm::GlobalValue::InternalLinkage,
                                       "vitc_emulated_vpdpbusd", module);
  for (llvm::Function &function : module)
    if (function.hasFnAttribute("target-features")) {
      stand->copyAttributesFrom(&function); // vectors are passed alike
      break;
    }
  stand->setLinkage(llvm::GlobalValue::InternalLinkage);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(module.getContext(), "", stand));
  auto *wide = llvm::FixedVectorType::get(b.getInt32Ty(), 32);
  llvm::Value *sum = stand->getArg(0), *products = b.CreateMul(b.CreateZExt(stand->getArg(1), wide),
                                                               b.CreateSExt(stand->getArg(2), wide));
  for (int k = 0; k < 4; ++k) {
    llvm::SmallVector<int> lanes;
    for (int lane = 0; lane < 8; ++lane)
      lanes.push_back(4 * lane + k);
    sum = b.CreateAdd(sum, b.CreateShuffleVector(products, lanes));
  }
  b.CreateRet(sum);
  intrinsic->replaceAllUsesWith(stand);
  intrinsic->eraseFromParent();
}

std::string vitc::test::isaAttribute(const Isa &isa) {
  auto text = [](vit::TileSize tile) {
    return std::to_string(tile.rows) + " x " + std::to_string(tile.vectors);
  };
  return "vit.isa = #vit.isa<\"" + isa.name.str() + "\", lanes = " + std::to_string(isa.lanes) +
         ", tile = " + text(isa.tile) + ", panel = " + std::to_string(kPanel) +
         ", fma = " + (isa.fma ? "true" : "false") + ", bf16 = " + vit::stringifyBf16Unit(isa.bf16).str() +
         ", bf16_tile = " + text(isa.bf16Tile) + ", int8 = " + vit::stringifyInt8Unit(isa.int8).str() +
         ", int8_tile = " + text(isa.int8Tile) + ">";
}

GuardedFloats::GuardedFloats(size_t bytes) {
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), whole = (bytes + page - 1) / page * page;
  mapped = whole + page;
  base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(base, MAP_FAILED);
  auto *bytesBase = static_cast<uint8_t *>(base);
  EXPECT_EQ(mprotect(bytesBase + whole, page, PROT_NONE), 0);
  data = bytesBase + whole - bytes;
}
GuardedFloats::GuardedFloats(GuardedFloats &&other) noexcept
    : base(std::exchange(other.base, nullptr)), data(other.data), mapped(other.mapped) {}
GuardedFloats::~GuardedFloats() {
  if (base)
    munmap(base, mapped);
}

std::unique_ptr<CompiledLevel> CompiledLevel::compile(mlir::ModuleOp module, const Isa &isa, bool emulate) {
  mlir::PassManager pm(module.getContext());
  buildLowerToLlvmPipeline(pm);
  if (mlir::failed(pm.run(module))) {
    ADD_FAILURE() << "lowering to the LLVM dialect failed";
    return nullptr;
  }
  llvm::LLVMContext context;
  auto level = take(translateLevel(module, isa, "test", context));
  auto machine = take(createTargetMachine(isa.arch));
  if (!level || !machine)
    return nullptr;
  if (emulate) {
    emulateTiles(*level->code);
    emulateDot(*level->code);
  }
  level->code->setDataLayout((*machine)->createDataLayout());
  level->code->setTargetTriple((*machine)->getTargetTriple());
  std::vector<std::string> entries;
  for (const StepTable &step : level->run.steps) {
    level->code->getFunction(step.entry)->setVisibility(llvm::GlobalValue::DefaultVisibility);
    entries.push_back(step.entry);
  }
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::Error error = optimise(*level->code, **machine, entries);
  if (!error)
    error = emitCode(*level->code, **machine, CodeKind::Object, stream);
  if (error) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return nullptr;
  }

  auto result = std::make_unique<CompiledLevel>();
  llvm::InitializeNativeTarget();
  auto jit = take(llvm::orc::LLJITBuilder().create());
  if (!jit)
    return nullptr;
  result->jit = std::move(*jit);
  result->table = std::move(level->run);
  llvm::orc::SymbolMap emulated;
  for (auto [name, address] : kEmulated)
    emulated[result->jit->mangleAndIntern("vitc_emulated_" + std::string(name))] = {
        llvm::orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
  llvm::cantFail(result->jit->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(emulated))));
  llvm::StringRef bytes(object.data(), object.size());
  if (llvm::Error bad = result->jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes))) {
    ADD_FAILURE() << llvm::toString(std::move(bad));
    return nullptr;
  }
  for (const std::string &entry : entries) {
    auto address = take(result->jit->lookup(entry));
    if (!address)
      return nullptr;
    result->regions.push_back(address->toPtr<Region>());
  }
  return result;
}
