//===- BareLibraries.h - the libraries whose bare weights are recognised -------------------------------===//
#ifndef COMPILER_IMPORT_BARELIBRARIES_H
#define COMPILER_IMPORT_BARELIBRARIES_H

#include "compiler/Import/BareWeights.h"

namespace vitc {

// TimmBare.cpp: those that share timm's names.
extern const BareLibrary bareTimm, bareDino, bareMae, bareIJepa, bareDinoV2, bareDinoV3;
// OpenClip.cpp
extern const BareLibrary bareOpenAi, bareOpenClip;
// Torchvision.cpp
extern const BareLibrary bareTorchvision;
// Lucidrains.cpp
extern const BareLibrary bareLucidrains, bareLucidrainsOld, bareSimpleVit;
// Jax.cpp
extern const BareLibrary bareJax;
// MindSpore.cpp
extern const BareLibrary bareMindSpore, bareMindcv;

} // namespace vitc

#endif // COMPILER_IMPORT_BARELIBRARIES_H
