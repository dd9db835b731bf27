#include "test/compiler/Codegen/CPU/CompiledLevel.h"
#include "compiler/Codegen/CPU/Passes.h"
#include "compiler/Target/ObjectEmitter.h"
#include "dialect/IR/VitOps.h"
#include "mlir/Pass/PassManager.h"
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

std::vector<const Isa *> vitc::test::runnableLevels() {
  auto host = take(parseTargets({"host"}));
  std::vector<const Isa *> levels;
  bool found = false;
  for (const Isa &isa : allIsas()) { // best first: what stands behind the host's best runs here, too
    found |= host && &isa == host->front();
    if (found && isa.arch == host->front()->arch)
      levels.push_back(&isa);
  }
  return levels;
}

std::string vitc::test::isaAttribute(const Isa &isa) {
  return "vit.isa = #vit.isa<\"" + isa.name.str() + "\", lanes = " + std::to_string(isa.lanes) +
         ", tile = " + std::to_string(isa.tile.rows) + " x " + std::to_string(isa.tile.vectors) +
         ", panel = " + std::to_string(kPanel) + ", fma = " + (isa.fma ? "true" : "false") + ">";
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

std::unique_ptr<CompiledLevel> CompiledLevel::compile(mlir::ModuleOp module, const Isa &isa) {
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
