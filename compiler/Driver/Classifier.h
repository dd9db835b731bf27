//===- Classifier.h - a model that classifies pictures ------------------------------------------------===//
#ifndef COMPILER_DRIVER_CLASSIFIER_H
#define COMPILER_DRIVER_CLASSIFIER_H

#include "compiler/Driver/CommandLine.h"
#include "compiler/Driver/Console.h"
#include "compiler/Driver/LoadedLibrary.h"
#include "compiler/Driver/Picture.h"
#include "compiler/Driver/Ranking.h"

namespace vitc {

struct Classified {
  std::string path;
  int32_t height, width;
  std::vector<Ranked> top;       ///< most probable first
  double milliseconds;           ///< of resizing, normalising and the forward
  std::vector<double> attention; ///< with --attention: of each patch (AttentionMap.h)
};

class Classifier {
public:
  /// MODEL or LIB with --labels, --threads, --target and --attention. Errors: Input, if it does not classify
  /// pictures, or does not give back the attention that is to be drawn.
  static llvm::Expected<Classifier> open(llvm::StringRef modelOrLibrary, const Arguments &arguments,
                                         Console &console);

  /// Reads and classifies one picture, and leaves its pixels in `picture`. Errors: Input, if it cannot be
  /// read or the logits are not finite.
  llvm::Expected<Classified> classify(llvm::StringRef path, size_t top, Picture &picture) const;

  /// The picture that was classified with its attention over it. Precondition: --attention.
  llvm::Expected<Picture> withAttention(const Picture &picture, const Classified &row) const;

  int64_t classes() const;
  /// One per class, or empty.
  const std::vector<std::string> &labels() const { return names; }
  /// The label of a class, or "class 7".
  std::string label(int64_t index) const;
  const LoadedLibrary &library() const { return *loaded; }

private:
  Classifier(std::unique_ptr<LoadedLibrary> loaded, RunningModel model, std::vector<std::string> names)
      : loaded(std::move(loaded)), model(std::move(model)), names(std::move(names)) {}
  std::unique_ptr<LoadedLibrary> loaded; // outlives the model
  RunningModel model;
  std::vector<std::string> names;
  std::optional<OutputSpec> attention; ///< the output to draw
};

} // namespace vitc

#endif // COMPILER_DRIVER_CLASSIFIER_H
