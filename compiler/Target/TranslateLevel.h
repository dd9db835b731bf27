//===- TranslateLevel.h - one level's module in the LLVM dialect as LLVM IR -------------------------===//
#ifndef COMPILER_TARGET_TRANSLATELEVEL_H
#define COMPILER_TARGET_TRANSLATELEVEL_H

#include "compiler/Target/Isa.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vitc {

/// A `vit.step`, with the name of its entry function in LevelCode::code.
struct StepTable {
  struct Operand {
    uint32_t space, index;
    uint64_t offset;
  };
  std::string entry, name;
  std::vector<Operand> operands;
  uint32_t chunks, parts;
  uint64_t flops;
  uint32_t flags; ///< VITC_STEP_*
  std::string kind;
  uint32_t dot; ///< VITC_DOT_*
  uint64_t activationBytes, weightBytes;
  std::string fineEntry; ///< "" if there is no such division
  uint32_t fineChunks, fineParts;
};

/// A `vit.schedule`.
struct ScheduleTable {
  std::vector<StepTable> steps;
  uint64_t arenaBytes, scratchBytes, inputBytes;
};

struct LevelCode {
  const Isa *isa;
  ScheduleTable run;
  std::optional<ScheduleTable> runU8;
  std::unique_ptr<llvm::Module> code;

  uint64_t arenaBytes() const { return std::max(run.arenaBytes, runU8 ? runU8->arenaBytes : 0); }
  uint64_t scratchBytes() const { return std::max(run.scratchBytes, runU8 ? runU8->scratchBytes : 0); }
};

/// Takes the schedules out of `module` and translates the rest. All symbols get `PREFIX.LEVEL.` in front and
/// become internal, except one hidden entry of the ABI's type vitc_region_fn for each region that a schedule
/// names. Errors are Internal: the module is the compiler's own.
llvm::Expected<LevelCode> translateLevel(mlir::ModuleOp module, const Isa &isa, llvm::StringRef prefix,
                                         llvm::LLVMContext &context);

} // namespace vitc

#endif // COMPILER_TARGET_TRANSLATELEVEL_H
