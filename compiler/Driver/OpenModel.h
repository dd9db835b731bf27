//===- OpenModel.h - MODEL or LIB as a command line names it ------------------------------------------===//
#ifndef COMPILER_DRIVER_OPENMODEL_H
#define COMPILER_DRIVER_OPENMODEL_H

#include "compiler/Driver/CommandLine.h"
#include "compiler/Driver/Console.h"
#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/MlirModel.h"
#include "compiler/Pipeline/Pipeline.h"
#include <variant>

namespace vitc {

/// A model before it is compiled: a checkpoint, or a module of the vit dialect with its weights.
using Model = std::variant<Checkpoint, MlirModel>;

/// Opens MODEL with --weights-from or the options of a checkpoint, and prints the checkpoint's warnings.
/// Errors also: Usage, if --image-size has several sizes.
llvm::Expected<Model> openModel(llvm::StringRef model, const Arguments &arguments, Console &console);
/// The same at each size of --image-size, or else of `otherwise`, or else at its own.
llvm::Expected<std::vector<Model>> openModels(llvm::StringRef model, const Arguments &arguments,
                                              Console &console, llvm::ArrayRef<Extent> otherwise = {});

/// The --precision given, f32 by default.
llvm::Expected<Precision> precisionOption(const Arguments &arguments);

/// The CompileOptions that --target, --precision, --batch, --name, --weights, --max-side and --verify-each
/// ask for, as far as the command has them. `defaultTarget` is a name that parseTargets() knows.
llvm::Expected<CompileOptions> compileOptions(const Arguments &arguments, Console &console,
                                              llvm::StringRef defaultTarget);

/// Without --target, a planned module chooses the level that it was planned for.
void useTargetOf(const Model &model, const Arguments &arguments, CompileOptions &options);

/// What no pass accepts is the input's fault if the module was: turns Internal errors into Input errors.
llvm::Error blameModule(llvm::Error error);

/// Compiles a model, at each of its input sizes, to `output`.
llvm::Expected<LibraryInfo> compileModel(llvm::ArrayRef<Model> sizes, const CompileOptions &options,
                                         llvm::StringRef output);

/// Compiles a model to a temporary shared library and loads it.
llvm::Expected<std::unique_ptr<LoadedLibrary>> compileAndLoad(llvm::ArrayRef<Model> sizes,
                                                              const CompileOptions &options);

/// Loads LIB; with `arguments`, at the first size of --image-size.
llvm::Expected<std::unique_ptr<LoadedLibrary>> loadLibrary(llvm::StringRef path);
llvm::Expected<std::unique_ptr<LoadedLibrary>> loadLibrary(llvm::StringRef path, const Arguments &arguments);

/// A usage error if one of `options`, which only mean something for a MODEL, is given for a library, or one
/// about a checkpoint's contents (--norm-eps, --tensor, ...).
llvm::Error refuseForLibrary(llvm::StringRef library, const Arguments &arguments,
                             llvm::ArrayRef<OptionId> options);

/// Loads LIB, or compiles MODEL for this machine and loads the result, at the first size of --image-size.
llvm::Expected<std::unique_ptr<LoadedLibrary>> openAndLoad(llvm::StringRef modelOrLibrary,
                                                           const Arguments &arguments, Console &console);

/// A model of the library at its chosen size, with --threads and --target.
llvm::Expected<RunningModel> createModel(const Arguments &arguments, const LoadedLibrary &library);

} // namespace vitc

#endif // COMPILER_DRIVER_OPENMODEL_H
