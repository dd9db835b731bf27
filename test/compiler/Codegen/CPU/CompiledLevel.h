//===- CompiledLevel.h - emitted code of one level, in this process ---------------------------------===//
//
// The way of a library's level from vector code to machine code (compiler/Target), but for the last step: the
// object is loaded into the test's process instead of linked.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef TEST_COMPILER_CODEGEN_CPU_COMPILEDLEVEL_H
#define TEST_COMPILER_CODEGEN_CPU_COMPILEDLEVEL_H

#include "compiler/Pipeline/Pipeline.h"
#include "compiler/Target/TranslateLevel.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include <gtest/gtest.h>

namespace vitc::test {

/// Levels that this machine runs, best first.
std::vector<const Isa *> runnableLevels(Precision precision = Precision::F32);

/// The level with a matrix unit, if this machine runs it or all of it but the unit, which is emulated then
/// (TileEmulation.h); else null.
const Isa *matrixUnitLevel();

/// The module attribute `vit.isa = ...` of a level, for module text.
std::string isaAttribute(const Isa &isa);

/// Memory that ends where a page begins that cannot be touched: code that reads or writes behind it dies.
class GuardedFloats {
public:
  explicit GuardedFloats(size_t bytes);
  ~GuardedFloats();
  GuardedFloats(GuardedFloats &&other) noexcept;
  float *floats() const { return static_cast<float *>(data); }
  void *get() const { return data; }

private:
  void *base = nullptr, *data = nullptr;
  size_t mapped = 0;
};

class CompiledLevel {
public:
  /// Compiles a module of scf and vector code with a vit.schedule @run, as vit-emit-cpu leaves it. Null and a
  /// test failure if that fails. `emulate`: instructions of a matrix unit and of AVX-VNNI become calls.
  static std::unique_ptr<CompiledLevel> compile(mlir::ModuleOp module, const Isa &isa, bool emulate);
  static std::unique_ptr<CompiledLevel> compile(mlir::ModuleOp module, const Isa &isa) {
    return compile(module, isa, !runsHere(isa));
  }

  const ScheduleTable &schedule() const { return table; }
  /// Runs one chunk of step `step` on buffers at `operands`.
  void run(size_t step, void *const *operands, uint64_t chunk) const { regions[step](operands, chunk); }

private:
  using Region = void (*)(void *const *, uint64_t);
  ScheduleTable table;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<Region> regions;
};

} // namespace vitc::test

#endif // TEST_COMPILER_CODEGEN_CPU_COMPILEDLEVEL_H
