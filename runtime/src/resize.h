/* resize.h - antialiased resizes of 8-bit pictures, one axis at a time: Pillow's, and torchvision's of
 * tensors.
 *
 * Follows src/libImaging/Resample.c of Pillow step by step, so that results agree to the bit: weights in
 * double, normalised, rounded to fixed point of 22 bits; horizontal pass first, its result rounded to 8 bits;
 * then the vertical pass. The caller swaps the passes where Pillow 11.3 to 12.3 do. PyTorch's kernel of u8
 * tensors (aten/src/ATen/native/cpu/UpSampleKernelAVXAntialias.h) differs in the bits of the weights: as many
 * as let the axis's largest weight fit into 16. Only the positions that a crop keeps are computed.
 */
#ifndef VITC_RESIZE_H
#define VITC_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One axis of a picture on its way into the model. */
typedef struct vitc_axis {
  int64_t in;    /* source size */
  int64_t out;   /* size after the resize */
  int64_t first; /* the crop keeps positions first to first + count - 1 of the resized axis ... */
  int32_t count;
  int32_t place; /* ... and puts them here in the model's input, which is zero elsewhere */
} vitc_axis;

/* Output position i of an axis is the sum of weights[i's at + k] x source[first + k], k < count. */
typedef struct vitc_taps {
  int32_t first;
  int32_t count;
  uint32_t at;
} vitc_taps;

/* Weights that the taps of `count` output positions can need, for sources up to max_in: the taps of all
 * positions together cover the source at most 2 x radius times, give or take the ends of each. */
uint64_t vitc_resize_weight_limit(uint32_t filter, uint64_t max_in, uint64_t count);

/* Fills taps[0 .. axis->count) and their weights, which are multiples of 2^-shift. Returns the shift, or 0 if
 * `limit` weights are too few. `rules` is VITC_RULES_PILLOW or _TORCH, `filter` VITC_FILTER_* but nearest. An
 * axis whose size stays gets one tap of weight 1. */
int vitc_resize_taps(const vitc_axis *axis, uint32_t rules, uint32_t filter, vitc_taps *taps,
                     int32_t *weights, uint64_t limit);

/* The largest shift that lets a weight of `largest` fit into 16 bits, as PyTorch finds it. */
int vitc_torch_shift(double largest);

/* The same for VITC_RULES_TORCH_F32, whose positions and weights are f32 (aten/src/ATen/native/cpu/
 * UpSampleKernel.cpp); nonzero on success. */
int vitc_resize_taps_f32(const vitc_axis *axis, uint32_t filter, vitc_taps *taps, float *weights,
                         uint64_t limit);

/* How a pass reads a source pixel. */
typedef struct vitc_pixels {
  int32_t stride;   /* bytes from one pixel to the next */
  int32_t channels; /* of the result: the first ones of the source, or 1 with to_grey */
  int32_t to_grey;  /* weight the first three channels to grey as ITU-R 601-2, like Pillow's convert("L") */
} vitc_pixels;

static inline int32_t vitc_grey(const uint8_t *rgb) {
  return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

static inline uint8_t vitc_clamp(int32_t value) {
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The weights of a pass and their shift. */
typedef struct vitc_axis_weights {
  const int32_t *weights;
  int shift;
} vitc_axis_weights;

/* One row of the horizontal pass: row -> out[count * channels]. */
void vitc_resize_row(const vitc_pixels *pixels, const uint8_t *row, const vitc_taps *taps,
                     vitc_axis_weights weights, int32_t count, uint8_t *out);

/* One row of the vertical pass: out[i] for i < bytes, from rows `pitch` bytes apart, of which the first is
 * number `first_row` of the source. */
void vitc_resize_column(const uint8_t *rows, size_t pitch, int32_t first_row, const vitc_taps *taps,
                        vitc_axis_weights weights, int32_t bytes, uint8_t *out);

/* The same straight from a source picture, for count pixels: out[count * channels]. */
void vitc_resize_source_column(const vitc_pixels *pixels, const uint8_t *source, ptrdiff_t row_stride,
                               const vitc_taps *taps, vitc_axis_weights weights, int32_t count, uint8_t *out);

/* The two passes in f32. The rows between them are interleaved, `pitch` floats apart; the result is one
 * channel of a row: out[x] for x < count. */
void vitc_resize_row_f32(const vitc_pixels *pixels, const uint8_t *row, const vitc_taps *taps,
                         const float *weights, int32_t count, float *out);
void vitc_resize_column_f32(const float *rows, size_t pitch, int32_t first_row, const vitc_taps *taps,
                            const float *weights, int32_t channels, int32_t channel, int32_t count,
                            float *out);

#ifdef __cplusplus
}
#endif

#endif /* VITC_RESIZE_H */
