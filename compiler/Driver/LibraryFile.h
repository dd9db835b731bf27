//===- LibraryFile.h - a compiled library as a file, without running it -------------------------------===//
#ifndef COMPILER_DRIVER_LIBRARYFILE_H
#define COMPILER_DRIVER_LIBRARYFILE_H

#include "compiler/Pipeline/Pipeline.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace vitc {

/// What a library says of itself, at one of its input sizes, in PREFIX_metadata.
struct LibraryFacts {
  std::string compiler; ///< version that made it
  std::string name;     ///< symbol prefix
  std::string architecture, precision;
  std::vector<vit::LayerArithmetic> layers; ///< that are not computed as the precision says
  Extent inputSize;                         ///< of `input`, whose layout may be either
  Port input;
  std::vector<Port> outputs;
  int64_t tokens = 0; ///< of a block; 0 if not known
  struct Level {
    std::string name, summary;
  };
  std::vector<Level> levels;
  int64_t batch = 1, maxSide = 0, parameters = 0;
  int64_t modelFlops = 0, executedFlops = 0; ///< per image
  int64_t arenaBytes = 0, scratchBytes = 0;  ///< per image, per thread
  int64_t weightBytes = 0;
  std::string weightId;
  bool embedded = false;
  /// The canonical description; absent if the model was a .mlir file.
  std::optional<ModelConfig> model;
};

enum class LibraryKind { Shared, Archive, Object };

struct LibraryFile {
  std::string path;
  LibraryKind kind;
  std::vector<LibraryFacts> sizes; ///< one for each input size, the default first
};

/// Whether `path` looks like a library: by its first bytes if it is a regular file, else by its suffix.
bool isLibrary(llvm::StringRef path);

/// Reads the symbols and the metadata of a library of any architecture. Nothing of the file is executed.
/// Errors: Input, if the file is no library of vitc, or one of another ABI version.
llvm::Expected<LibraryFile> openLibraryFile(llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_DRIVER_LIBRARYFILE_H
