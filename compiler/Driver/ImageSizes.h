//===- ImageSizes.h - --image-size, of models and of libraries ----------------------------------------===//
#ifndef COMPILER_DRIVER_IMAGESIZES_H
#define COMPILER_DRIVER_IMAGESIZES_H

#include "compiler/Driver/CommandLine.h"
#include "compiler/Driver/LoadedLibrary.h"

namespace vitc {

/// The sizes of --image-size in order, none without the option. Errors: Usage, if one is no size, is given
/// twice, or is one too many for a library.
llvm::Expected<std::vector<Extent>> imageSizes(const Arguments &arguments);

/// A usage error if --image-size has several sizes; `why` says what takes one only.
llvm::Error expectOneSize(const Arguments &arguments, llvm::StringRef why);

/// Indices into `sizes`, those of the library `path`: what --image-size names, or all without it. Errors:
/// Usage, if the library has no code for one, with a list of those that it has.
llvm::Expected<std::vector<size_t>> chosenSizes(llvm::ArrayRef<LibraryFacts> sizes, llvm::StringRef path,
                                                const Arguments &arguments);

/// "224x384".
std::string sizeText(const Extent &size);

} // namespace vitc

#endif // COMPILER_DRIVER_IMAGESIZES_H
