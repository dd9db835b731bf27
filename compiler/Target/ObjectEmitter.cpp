#include "compiler/Target/ObjectEmitter.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include <mutex>

using namespace vitc;

/// The two architectures of the generated libraries; a libLLVM may lack either.
static const llvm::Target *lookupTarget(const llvm::Triple &triple, std::string &error) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers(); // the runtime's inline assembly
  });
  return llvm::TargetRegistry::lookupTarget(triple, error);
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> vitc::createTargetMachine(llvm::StringRef arch) {
  llvm::Triple triple((arch + "-unknown-linux-gnu").str());
  std::string error;
  const llvm::Target *target = lookupTarget(triple, error);
  if (!target)
    return makeError(ExitCode::Environment, "the LLVM library cannot emit code for {}: {}", arch.str(),
                     error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // fused operations are fused in the IR already
  options.MCOptions.AsmVerbose = false;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, arch == "x86_64" ? "x86-64" : "generic", "", options,
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return makeError(ExitCode::Environment, "the LLVM library cannot emit code for {}", arch.str());
  return machine;
}

static llvm::Error linkInto(llvm::Linker &linker, std::unique_ptr<llvm::Module> source, llvm::StringRef what,
                            const llvm::Module &main) {
  source->setDataLayout(main.getDataLayout());
  source->setTargetTriple(main.getTargetTriple());
  if (linker.linkInModule(std::move(source)))
    return makeError(ExitCode::Internal, "the {} cannot be linked into the model's module", what.str());
  return llvm::Error::success();
}

llvm::Error vitc::linkLevels(llvm::Module &main, std::vector<LevelCode> &levels,
                             const llvm::TargetMachine &machine) {
  main.setDataLayout(machine.createDataLayout());
  main.setTargetTriple(machine.getTargetTriple());
  llvm::Linker linker(main);
  for (LevelCode &level : levels)
    if (llvm::Error error = linkInto(linker, std::move(level.code), level.isa->name, main))
      return error;
  return llvm::Error::success();
}

/// Makes all definitions but `exported` internal.
static void hide(llvm::Module &module, llvm::ArrayRef<std::string> exported) {
  llvm::StringSet<> keep;
  for (const std::string &name : exported)
    keep.insert(name);
  llvm::internalizeModule(module,
                          [&](const llvm::GlobalValue &value) { return keep.contains(value.getName()); });
}

llvm::Error vitc::linkRuntime(llvm::Module &module, llvm::StringRef runtime,
                              llvm::ArrayRef<std::string> exported) {
  auto bitcode = llvm::parseBitcodeFile(llvm::MemoryBufferRef(runtime, "runtime"), module.getContext());
  if (!bitcode)
    return makeError(ExitCode::Internal, "the runtime's bitcode is damaged: {}",
                     llvm::toString(bitcode.takeError()));
  llvm::Linker linker(module);
  if (llvm::Error error = linkInto(linker, std::move(*bitcode), "runtime", module))
    return error;
  hide(module, exported);
  llvm::ModuleAnalysisManager analyses;
  llvm::PassBuilder().registerModuleAnalyses(analyses);
  llvm::GlobalDCEPass().run(module, analyses);
  for (llvm::Function &function : module) {
    // No unwind tables: nothing here throws, and they would be a fifth of a small model's code.
    function.removeFnAttr(llvm::Attribute::UWTable);
    if (!function.isDeclaration())
      function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  return llvm::Error::success();
}

llvm::Error vitc::optimise(llvm::Module &module, llvm::TargetMachine &machine,
                           llvm::ArrayRef<std::string> exported) {
  std::string message;
  llvm::raw_string_ostream messageStream(message);
  if (llvm::verifyModule(module, &messageStream))
    return makeError(ExitCode::Internal, "the model's LLVM module is invalid: {}", message);
  hide(module, exported);
  llvm::PipelineTuningOptions tuning;
  // Kernels are vectors already. LLVM's unrolling measured the same within 1 % on every x86-64 level of
  // ViT-B/16, for 0.4 s more compile time and 48 KB more code.
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  // The library promises its undefined symbols: no code may turn into a call of another.
  llvm::TargetLibraryInfoImpl libraryInfo(module.getTargetTriple());
  libraryInfo.disableAllFunctions();
  for (llvm::LibFunc kept : {llvm::LibFunc_memcpy, llvm::LibFunc_memmove, llvm::LibFunc_memset})
    libraryInfo.setAvailable(kept);
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(libraryInfo); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
  return llvm::Error::success();
}

llvm::Error vitc::emitCode(llvm::Module &module, llvm::TargetMachine &machine, CodeKind kind,
                           llvm::raw_pwrite_stream &os) {
  if (kind == CodeKind::Ir) {
    module.print(os, nullptr);
    return llvm::Error::success();
  }
  llvm::legacy::PassManager passes;
  auto fileType =
      kind == CodeKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (machine.addPassesToEmitFile(passes, os, nullptr, fileType, /*DisableVerify=*/true))
    return makeError(ExitCode::Internal, "the LLVM library cannot write object files for this target");
  passes.run(module);
  return llvm::Error::success();
}
