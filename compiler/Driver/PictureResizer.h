//===- PictureResizer.h - pictures at a model's size, by the code that libraries carry ----------------===//
#ifndef COMPILER_DRIVER_PICTURERESIZER_H
#define COMPILER_DRIVER_PICTURERESIZER_H

#include "compiler/Driver/Picture.h"
#include "compiler/Import/ModelConfig.h"
#include "dialect/Interp/Interpreter.h"
#include "runtime/include/vitc/abi.h"
#include <vector>

namespace vitc {

/// What `config` does to pictures. Errors: Input, if it does not say, behind `before`.
llvm::Expected<vitc_preprocess> requiredPreprocess(const ModelConfig &config, llvm::StringRef before = "");

/// Resizes and crops one picture after another.
class PictureResizer {
public:
  /// To `size` and `channels`, for pictures with sides of at most `maxSide`.
  PictureResizer(const vitc_preprocess &preprocess, int64_t channels, Extent size, int64_t maxSide);
  PictureResizer(const PictureResizer &) = delete;

  /// The pixels, 0 to 255: [height, width, channels], or [channels, height, width] where the resize keeps
  /// fractions; what @forward_u8 reads. Errors: Input, with the runtime's message behind `path`.
  llvm::Expected<vit::Tensor> resize(const Picture &picture, llvm::StringRef path);

private:
  vitc_preprocess table;
  vitc_model_info info = {};
  std::vector<uint8_t> scratch;
};

/// How the sides of a picture pass through resize and crop: VITC_RESIZE_* and VITC_CROP_* of the table.
struct PictureAxes {
  Extent resized;      ///< before the crop
  Extent first, place; ///< the crop reads from `first` on, and writes to `place` on, with zeros around it ...
  Extent count;        ///< ... so many rows and columns
};
/// Errors: Input, if the runtime cannot do it.
llvm::Expected<PictureAxes> pictureAxes(const vitc_preprocess &preprocess, Extent picture, Extent size);

} // namespace vitc

#endif // COMPILER_DRIVER_PICTURERESIZER_H
