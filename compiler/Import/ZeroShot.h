//===- ZeroShot.h - class embeddings of a text tower as the head of an image tower --------------------===//
#ifndef COMPILER_IMPORT_ZEROSHOT_H
#define COMPILER_IMPORT_ZEROSHOT_H

#include "compiler/Import/Checkpoint.h"

namespace vitc {

/// Makes a classifier of a checkpoint without a head. `path` holds `embeddings` [classes, width of the pooled
/// token], of any length, and perhaps numbers `scale` (a factor) or `logit_scale` (its logarithm, as CLIP and
/// SigLIP store it), and `bias` or `logit_bias`: then probabilities are sigmoids, otherwise a softmax. Sets
/// config.zeroShot, adds the tensors zero_shot.w and zero_shot.b, and takes the file into the hash of the
/// weights. Errors: Input, if the file or the model does not fit.
llvm::Error useClassEmbeddings(Checkpoint &checkpoint, llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_IMPORT_ZEROSHOT_H
