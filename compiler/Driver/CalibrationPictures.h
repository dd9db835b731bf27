//===- CalibrationPictures.h - a folder of pictures as a model's inputs -------------------------------===//
#ifndef COMPILER_DRIVER_CALIBRATIONPICTURES_H
#define COMPILER_DRIVER_CALIBRATIONPICTURES_H

#include "compiler/Driver/Console.h"
#include "compiler/Import/ModelConfig.h"
#include "dialect/Interp/Interpreter.h"
#include <vector>

namespace vitc {

/// Reads the PNG and JPEG files in `directory` and the folders below it (but not behind links), and resizes
/// and crops them to the model's size with the code that libraries do it with: pixels [height, width,
/// channels], 0 to 255, inputs of
/// @forward_u8. Of more than `most` pictures it takes as many, evenly spread over the files in order of their
/// paths. A picture that cannot be used (damaged, sides above `maxSide`) is a warning that names it, and
/// another takes its place.
///
/// Errors: Input, if the folder is missing or no folder, holds no pictures, none that can be used, or the
/// model takes no pictures; Environment, if the folder cannot be read.
llvm::Expected<std::vector<vit::Tensor>> readCalibrationPictures(llvm::StringRef directory,
                                                                 const ModelConfig &config, int64_t maxSide,
                                                                 size_t most, Console &console);

} // namespace vitc

#endif // COMPILER_DRIVER_CALIBRATIONPICTURES_H
