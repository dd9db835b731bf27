//===- SynsetLabels.h - the classes of ImageNet's meta.mat --------------------------------------------===//
#ifndef COMPILER_IMPORT_SYNSETLABELS_H
#define COMPILER_IMPORT_SYNSETLABELS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace vitc {

/// Whether a file is one of MATLAB's, level 5.
bool isMatFile(llvm::StringRef bytes);

/// The class names of `synsets` in the meta.mat of ImageNet's development kit: of the leaves (num_children
/// 0), in order of their WordNet ID, the first of the names in `words`. This is how indices of ImageNet
/// classifiers are counted. Reads the struct array only
/// (https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf), plain or deflated, and executes
/// nothing. Errors: Input; `path` only appears in messages.
llvm::Expected<std::vector<std::string>> readSynsetLabels(llvm::StringRef bytes, llvm::StringRef path);

} // namespace vitc

#endif // COMPILER_IMPORT_SYNSETLABELS_H
