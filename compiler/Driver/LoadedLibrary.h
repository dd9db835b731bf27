//===- LoadedLibrary.h - a compiled model in this process ---------------------------------------------===//
#ifndef COMPILER_DRIVER_LOADEDLIBRARY_H
#define COMPILER_DRIVER_LOADEDLIBRARY_H

#include "compiler/Driver/LibraryFile.h"
#include "runtime/include/vitc/abi.h"
#include "runtime/include/vitc/api.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>
#include <string>
#include <vector>

namespace vitc {

/// A directory for intermediate files, removed with the object, and by an interrupt if its files were given
/// to llvm::sys::RemoveFileOnSignal.
class TemporaryDirectory {
public:
  static llvm::Expected<std::unique_ptr<TemporaryDirectory>> create();
  ~TemporaryDirectory();
  std::string file(llvm::StringRef name) const;

private:
  explicit TemporaryDirectory(std::string path) : path(std::move(path)) {}
  std::string path;
};

/// The layer that a step computes, for tables: its name without what passes made of the weights,
/// "blk.3.fc1" for "blk.3.fc1.w.norm.panels".
std::string layerName(const vitc_step &step);

class RunningModel;

/// A library whose code is loaded, at one of its input sizes. Archives and objects are linked to a temporary
/// shared library first.
class LoadedLibrary {
public:
  /// Loads `file`, which must be of this machine's architecture. `directory` holds it if it is temporary.
  static llvm::Expected<std::unique_ptr<LoadedLibrary>>
  load(LibraryFile file, std::unique_ptr<TemporaryDirectory> directory = nullptr);
  ~LoadedLibrary();
  LoadedLibrary(const LoadedLibrary &) = delete;

  /// Facts at every input size, the default first.
  llvm::ArrayRef<LibraryFacts> sizes() const { return file.sizes; }
  /// Chooses the input size `sizes()[index]` for facts(), info(), level() and create(); the default is the
  /// first.
  void select(size_t index) { selected = index; }

  const LibraryFacts &facts() const { return file.sizes[selected]; }
  const std::string &path() const { return file.path; }
  /// The tables of the model at the chosen size.
  const vitc_model_info &info() const { return tables->models[selected]; }
  /// The table of the level called `name`, or null.
  const vitc_level *level(llvm::StringRef name) const;
  /// Where the weights are if they are not embedded, else "".
  const std::string &weightsPath() const { return weights; }

  /// Creates the model at the chosen size; `options.weights_path` is filled in. Errors carry the library's
  /// message.
  llvm::Expected<RunningModel> create(vitc_options options) const;

private:
  friend class RunningModel;
  struct Functions {
    vitc_status (*create)(vitc_model **, const vitc_options *);
    void *run, *runU8; ///< their types depend on the number of outputs; runU8 may be null
    void (*destroy)(vitc_model *);
    const char *(*lastMessage)();
    const char *(*level)(const vitc_model *);
    uint32_t (*threads)(const vitc_model *);
  };
  LoadedLibrary() = default;
  llvm::Error resolve();
  llvm::Error checkSize(const LibraryFacts &size, const vitc_model_info &table) const;
  llvm::Error failure(vitc_status status) const;

  LibraryFile file;
  std::unique_ptr<TemporaryDirectory> directory;
  std::string weights;
  void *handle = nullptr;
  Functions functions{};
  const vitc_library_info *tables = nullptr;
  size_t selected = 0;
};

/// A created model; destroyed with the object.
class RunningModel {
public:
  RunningModel(const LoadedLibrary &library, vitc_model *model)
      : library(&library), tables(&library.info()), model(model) {}
  RunningModel(RunningModel &&other)
      : library(other.library), tables(other.tables), model(std::exchange(other.model, nullptr)) {}
  ~RunningModel();

  /// Level and threads in use.
  std::string levelName() const;
  uint32_t threads() const;
  /// Elements of output `index` for one image.
  size_t outputElements(size_t index) const;
  /// Runs `n` images. `outputs` has one buffer for each output, large enough for n images.
  llvm::Error run(const float *images, size_t n, llvm::ArrayRef<float *> outputs) const;
  llvm::Error runPictures(const uint8_t *pixels, int32_t height, int32_t width, int32_t channels, size_t n,
                          llvm::ArrayRef<float *> outputs) const;

private:
  const LoadedLibrary *library;
  const vitc_model_info *tables; ///< of the size that it was created at
  vitc_model *model;
};

} // namespace vitc

#endif // COMPILER_DRIVER_LOADEDLIBRARY_H
