//===- TimmArchitectures.h - what timm's architecture names imply -----------------------------------===//
//
// timm's config.json holds the arguments that were given; what the function behind the architecture's name
// fills in is stored nowhere. Where the tensors do not show it either (heads, eps, activation, pooling,
// rotary positions), these tables do. Source: timm/models/ vision_transformer.py, deit.py, beit.py, eva.py.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_TIMMARCHITECTURES_H
#define COMPILER_IMPORT_TIMMARCHITECTURES_H

#include "compiler/Import/ModelConfig.h"

namespace vitc {

struct TimmArchitecture {
  int64_t width = 0, heads = 0; ///< of the function's own arguments
  double eps = 1e-6;
  std::optional<Activation> act; ///< GELU (erf) of plain MLPs and SiLU of gated ones, if not set
  std::string pool = "token";
  bool poolIncludesPrefix = false;
  int64_t poolHeads = 0; ///< of "map"; 0: as in the blocks
  Placement placement = Placement::Pre;
  RopeConfig rope;
  PosResize posResize; ///< timm's own: bicubic with antialiasing
  bool tower = false;  ///< of a model of pictures and texts, whose projection is called its head
};

/// What `name` (without a tag such as ".augreg_in21k") implies; nullopt for unknown names.
std::optional<TimmArchitecture> findTimmArchitecture(llvm::StringRef name);

/// Why models of that name are refused although they are timm's; empty for the others.
llvm::StringRef refusedTimmArchitecture(llvm::StringRef name);

/// The pooling of timm's name ("token", "avg", ...), or nullopt.
std::optional<PoolKind> findTimmPool(llvm::StringRef name);

/// The names and patterns that findTimmArchitecture knows, for messages.
std::vector<std::string> timmArchitecturePatterns();

} // namespace vitc

#endif // COMPILER_IMPORT_TIMMARCHITECTURES_H
