//===- KerasNames.h - the variables of keras-hub's ViT and of vit-keras -----------------------------===//
//
// Each in two forms: by the paths of variables ("vit_encoder/ln/gamma"), as .h5 files of whole models have
// them, and by containers and numbers ("layers/vi_t_encoder/layer_norm/vars/0").
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_IMPORT_KERASNAMES_H
#define COMPILER_IMPORT_KERASNAMES_H

#include "compiler/Import/NameTable.h"

namespace vitc {

/// `preLogits`: a dense layer stands in front of the head, which numbers do not tell.
const NameTable &kerasHubTable(bool preLogits);
const NameTable &vitKerasTable(bool preLogits);

} // namespace vitc

#endif // COMPILER_IMPORT_KERASNAMES_H
