//===- AttentionMap.h - what a model attends to, drawn over the picture -------------------------------===//
#ifndef COMPILER_DRIVER_ATTENTIONMAP_H
#define COMPILER_DRIVER_ATTENTIONMAP_H

#include "compiler/Driver/CommandLine.h"
#include "compiler/Driver/PictureResizer.h"

namespace vitc {

/// The output that --attention and --attention-block ask for: rollout, or the maps of a block; nullopt
/// without --attention.
llvm::Expected<std::optional<OutputSpec>> attentionOption(const Arguments &arguments);

/// How much of each patch reaches the token that the model pools, row by row of the grid, from the values of
/// the output `spec` for one image. Of the maps of a block, the mean over heads, in the row of the class
/// token, or, where none is pooled, the mean of the patches' rows: as rollout has it.
std::vector<double> patchAttention(const ModelConfig &config, const OutputSpec &spec,
                                   llvm::ArrayRef<float> values);

/// The patch that reads each of `pixels` positions of a picture along one axis, or -1 where none does: the
/// crop leaves the position out, or the last patch ends before it. `vertical` chooses the axis; `axes` says
/// how the picture passes through resize and crop. Of patches that overlap, the one with the nearest centre.
std::vector<int64_t> patchesAlong(const ModelConfig &config, const PictureAxes &axes, bool vertical,
                                  int32_t pixels);

/// The picture, enlarged as annotate() does, with the colour of its patch's attention mixed half and half
/// into every pixel that a patch reads; others stay as they are. `attention` has a value for each patch; the
/// least gets the first colour of the map (nearly black), the largest the last (light yellow): matplotlib's
/// "inferno" at five points, and straight lines between them. The result is RGB.
Picture drawAttention(const Picture &picture, const ModelConfig &config, const PictureAxes &axes,
                      llvm::ArrayRef<double> attention);

} // namespace vitc

#endif // COMPILER_DRIVER_ATTENTIONMAP_H
