//===- TimmArchitectures.h - what timm's architecture names imply -----------------------------------===//
//
// timm's config.json holds the arguments that were given; what the function behind the architecture's name
// fills in is stored nowhere. Where the tensors do not show it either (heads, eps, activation, pooling),
// these tables do. Source: timm/models/vision_transformer.py and deit.py.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_TIMMARCHITECTURES_H
#define COMPILER_IMPORT_TIMMARCHITECTURES_H

#include "compiler/Import/ModelConfig.h"

namespace vitc {

struct TimmArchitecture {
  int64_t width = 0, heads = 0; ///< of the function's own arguments
  double eps = 1e-6;
  Activation act = Activation::GeluErf;
  const char *pool = "token";
  Placement placement = Placement::Pre;
};

/// What `name` (without a tag such as ".augreg_in21k") implies; nullopt for unknown names.
std::optional<TimmArchitecture> findTimmArchitecture(llvm::StringRef name);

/// The names and patterns that findTimmArchitecture knows, for messages.
std::vector<std::string> timmArchitecturePatterns();

} // namespace vitc

#endif // COMPILER_IMPORT_TIMMARCHITECTURES_H
