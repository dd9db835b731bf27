//===- OpenClipNames.h - tensor names of open_clip and OpenAI's CLIP ------------------------------------===//
#ifndef COMPILER_IMPORT_OPENCLIPNAMES_H
#define COMPILER_IMPORT_OPENCLIPNAMES_H

#include "compiler/Import/NameTable.h"

namespace vitc {

/// The visual tower of both; towers that open_clip takes from timm have timm's names (TimmNames.h).
extern const NameTable openClipNames;
/// Text towers, and what CLIP models hold beside the towers.
extern const llvm::ArrayRef<IgnoreRule> clipTextTensors;

} // namespace vitc

#endif // COMPILER_IMPORT_OPENCLIPNAMES_H
