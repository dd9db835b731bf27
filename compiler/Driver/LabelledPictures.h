//===- LabelledPictures.h - pictures and the classes they belong to -----------------------------------===//
#ifndef COMPILER_DRIVER_LABELLEDPICTURES_H
#define COMPILER_DRIVER_LABELLEDPICTURES_H

#include "compiler/Driver/Console.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace vitc {

struct LabelledPicture {
  std::string path;
  int64_t label;
};

/// The pictures of `path` in a fixed order: a folder with one folder for each class, by name of the folder,
/// then of the file; or a text file with a picture and its class a line, in its order.
///
/// A class is named by its label, which must be the only such one among `labels`, or by its index. Folders of
/// which none is named so are, if there are as many as classes, the classes in order of their names, as in
/// torchvision's ImageFolder; a note says that. Errors: Input, if a class is not known, or there is no
/// picture.
llvm::Expected<std::vector<LabelledPicture>> listLabelledPictures(llvm::StringRef path,
                                                                  llvm::ArrayRef<std::string> labels,
                                                                  int64_t classes, Console &console);

} // namespace vitc

#endif // COMPILER_DRIVER_LABELLEDPICTURES_H
