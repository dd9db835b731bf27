/* interpolate.h - resizes that look at a fixed number of source pixels, however much a picture shrinks.
 *
 * An output pixel is a sum of 1 (nearest), 2 x 2 (bilinear) or 4 x 4 (bicubic) source pixels, computed where
 * it is needed. Each library's arithmetic is followed step by step: torchvision, antialias=False
 * aten/src/ATen/native/cpu/UpSampleKernel*.cpp of PyTorch, kernels of u8: weights of 16 bits, 8 bits between
 * the passes, a = -0.75 TensorFlow tensorflow/core/kernels/image/resize_{bilinear,bicubic}_op.cc: f32,
 * half-pixel centres, a = -0.5, cubic weights from a table of 1024 steps OpenCV
 * modules/imgproc/src/resize.cpp: weights of 11 bits, no rounding between the passes, a = -0.75 and nearest
 * as each of them, and Pillow, has it.
 */
#ifndef VITC_INTERPOLATE_H
#define VITC_INTERPOLATE_H

#include "resize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a resize is one of these; else vitc_resize_taps() makes its weights. */
int vitc_interpolates(uint32_t rules, uint32_t filter);

/* One output position of an axis: its source positions and their weights. */
typedef struct vitc_point {
  int32_t at[4];
  union {
    int32_t fixed[4]; /* multiples of 2^-shift */
    float real[4];    /* TENSORFLOW; bilinear has the distance from the first position in real[1] */
  } weight;
} vitc_point;

/* Fills points[0 .. axis->count) for one axis, the columns or else the rows; returns the shift of fixed
 * weights. */
int vitc_interpolation_points(const vitc_axis *axis, int columns, uint32_t rules, uint32_t filter,
                              vitc_point *points);

/* How a picture is interpolated. */
typedef struct vitc_interpolation {
  uint32_t rules, filter;
  const vitc_point *columns;
  int column_shift, row_shift;
} vitc_interpolation;

/* One row of the result: `count` pixels of `out_channels`, channels that `pixels` does not have being copies
 * of its first. As u8, interleaved, to `out`; as f32 to out[channel * plane + x]. */
void vitc_interpolate_row(const vitc_interpolation *how, const vitc_pixels *pixels, const uint8_t *source,
                          ptrdiff_t row_stride, const vitc_point *row, int32_t count, int32_t out_channels,
                          uint8_t *out);
void vitc_interpolate_row_f32(const vitc_interpolation *how, const vitc_pixels *pixels, const uint8_t *source,
                              ptrdiff_t row_stride, const vitc_point *row, int32_t count,
                              int32_t out_channels, size_t plane, float *out);

#ifdef __cplusplus
}
#endif

#endif /* VITC_INTERPOLATE_H */
