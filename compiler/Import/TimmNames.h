//===- TimmNames.h - tensor names of timm and of those who share them ----------------------------------===//
#ifndef COMPILER_IMPORT_TIMMNAMES_H
#define COMPILER_IMPORT_TIMMNAMES_H

#include "compiler/Import/NameTable.h"

namespace vitc {

/// Names of timm's VisionTransformer, Eva and Beit, and of DeiT, DINO, MAE, I-JEPA, DINOv2 and DINOv3.
extern const NameTable timmNames;

} // namespace vitc

#endif // COMPILER_IMPORT_TIMMNAMES_H
