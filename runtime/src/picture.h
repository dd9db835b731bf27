/* picture.h - from a caller's picture to the pixels that run_u8's schedule reads: u8 HWC, or f32 CHW where
 * the rules keep fractions. */
#ifndef VITC_PICTURE_H
#define VITC_PICTURE_H

#include "interpolate.h"
#include "resize.h"
#include "threads.h"
#include "vitc/abi.h"
#include "vitc/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* for (uint32_t i = 0; i < count; i++) task(arg, i, worker); zero on failure. */
typedef int (*vitc_for)(void *team, uint32_t count, vitc_task task, void *arg);

/* Scratch that pictures of a model need, a multiple of 64; 0 if it takes none. Tables of both axes and, for
 * resizes in two passes, the result of the horizontal one: at most max_side rows of the model's width.
 * Saturates at UINT64_MAX. */
uint64_t vitc_picture_bytes(const vitc_model_info *info);

/* What resize and crop do to a picture of h x w. Errors: VITC_INVALID_ARGUMENT if the result does not have
 * the model's size, VITC_PICTURE_TOO_LARGE. */
vitc_status vitc_picture_axes(const vitc_model_info *info, int32_t h, int32_t w, vitc_axis *vertical,
                              vitc_axis *horizontal);

/* Pictures of one size, ready to be resized one after another. */
typedef struct vitc_picture {
  vitc_axis vertical, horizontal;
  vitc_pixels pixels;
  ptrdiff_t row_stride;
  int32_t out_channels, out_height, out_width;
  int32_t f32, interpolates;
  /* In one pass: */
  vitc_interpolation interpolation;
  vitc_point *row_points, *column_points; /* of each row of the result, of each column */
  /* In two passes: */
  vitc_taps *row_taps, *column_taps;     /* of the horizontal pass, of the vertical pass */
  int32_t *row_weights, *column_weights; /* with f32, floats */
  int row_shift, column_shift;
  int32_t vertical_first;
  uint8_t *middle;              /* result of the first pass */
  int32_t first_row, row_count; /* source rows that the crop needs */
} vitc_picture;

/* Checks the arguments of run_u8 and fills the tables in `scratch`, vitc_picture_bytes() long. */
vitc_status vitc_picture_prepare(vitc_picture *picture, const vitc_model_info *info, int32_t h, int32_t w,
                                 int32_t channels, ptrdiff_t row_stride, uint8_t *scratch);

/* Resizes and crops one picture into u8 out[height][width][channels] of the model, or f32
 * out[channels][height][width]; zero if `parallel` fails. */
int vitc_picture_convert(const vitc_picture *picture, const uint8_t *source, void *out, vitc_for parallel,
                         void *team);

#ifdef __cplusplus
}
#endif

#endif /* VITC_PICTURE_H */
