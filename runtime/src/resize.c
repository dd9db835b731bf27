#include "resize.h"
#include "vitc/abi.h"

enum { PRECISION = 32 - 8 - 2, HALF = 1 << (PRECISION - 1) };

static double radius(uint32_t filter) { return filter == VITC_FILTER_BICUBIC ? 2.0 : 1.0; }

/* The filters as Pillow writes them: the order of operations decides the last bit. */
static double kernel(uint32_t filter, double x) {
  if (x < 0.0)
    x = -x;
  if (filter == VITC_FILTER_BILINEAR)
    return x < 1.0 ? 1.0 - x : 0.0;
  const double a = -0.5;
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

uint64_t vitc_resize_weight_limit(uint32_t filter, uint64_t max_in, uint64_t count) {
  /* A position has at most 2 r max(1, in / out) + 2 taps, and count <= out. */
  uint64_t r = (uint64_t)radius(filter);
  return 2 * r * max_in + (2 * r + 2) * count;
}

int vitc_resize_taps(const vitc_axis *axis, uint32_t filter, vitc_taps *taps, int32_t *weights,
                     uint64_t limit) {
  uint32_t at = 0;
  if (axis->in == axis->out) {
    if ((uint64_t)axis->count > limit)
      return 0;
    for (int32_t i = 0; i < axis->count; i++) {
      taps[i] = (vitc_taps){(int32_t)(axis->first + i), 1, (uint32_t)i};
      weights[i] = 1 << PRECISION;
    }
    return 1;
  }
  double scale = (double)axis->in / (double)axis->out;
  double filter_scale = scale < 1.0 ? 1.0 : scale;
  double support = radius(filter) * filter_scale;
  double step = 1.0 / filter_scale;
  for (int32_t i = 0; i < axis->count; i++) {
    double center = ((double)(axis->first + i) + 0.5) * scale;
    int64_t low = (int64_t)(center - support + 0.5);
    int64_t high = (int64_t)(center + support + 0.5);
    low = low < 0 ? 0 : low;
    high = high > axis->in ? axis->in : high;
    int32_t count = (int32_t)(high - low);
    if (at + (uint64_t)count > limit)
      return 0;
    /* The sum first, then each weight again: cheaper than keeping them as doubles. */
    double sum = 0.0;
    for (int32_t k = 0; k < count; k++)
      sum += kernel(filter, ((double)(k + low) - center + 0.5) * step);
    for (int32_t k = 0; k < count; k++) {
      double weight = kernel(filter, ((double)(k + low) - center + 0.5) * step);
      if (sum != 0.0)
        weight /= sum;
      weight *= 1 << PRECISION;
      weights[at + (uint32_t)k] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps[i] = (vitc_taps){(int32_t)low, count, at};
    at += (uint32_t)count;
  }
  return 1;
}

static uint8_t rounded(int32_t sum) {
  sum >>= PRECISION;
  return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static int32_t grey(const uint8_t *rgb) {
  return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

void vitc_resize_row(const vitc_pixels *pixels, const uint8_t *row, const vitc_taps *taps,
                     const int32_t *weights, int32_t count, uint8_t *out) {
  const int32_t stride = pixels->stride;
  for (int32_t i = 0; i < count; i++) {
    const uint8_t *source = row + (ptrdiff_t)taps[i].first * stride;
    const int32_t *weight = weights + taps[i].at;
    const int32_t n = taps[i].count;
    if (pixels->to_grey) {
      int32_t sum = HALF;
      for (int32_t k = 0; k < n; k++, source += stride)
        sum += grey(source) * weight[k];
      *out++ = rounded(sum);
    } else if (pixels->channels == 3) {
      int32_t red = HALF, green = HALF, blue = HALF;
      for (int32_t k = 0; k < n; k++, source += stride) {
        red += source[0] * weight[k];
        green += source[1] * weight[k];
        blue += source[2] * weight[k];
      }
      *out++ = rounded(red);
      *out++ = rounded(green);
      *out++ = rounded(blue);
    } else {
      for (int32_t c = 0; c < pixels->channels; c++) {
        int32_t sum = HALF;
        for (int32_t k = 0; k < n; k++)
          sum += source[(ptrdiff_t)k * stride + c] * weight[k];
        *out++ = rounded(sum);
      }
    }
  }
}

void vitc_resize_column(const uint8_t *rows, size_t pitch, int32_t first_row, const vitc_taps *taps,
                        const int32_t *weights, int32_t bytes, uint8_t *out) {
  enum { BLOCK = 256 }; /* sums of a block stay in L1, its source rows stream */
  const uint8_t *source = rows + (size_t)(taps->first - first_row) * pitch;
  const int32_t *weight = weights + taps->at;
  for (int32_t begin = 0; begin < bytes; begin += BLOCK) {
    int32_t n = bytes - begin < BLOCK ? bytes - begin : BLOCK;
    int32_t sums[BLOCK];
    for (int32_t i = 0; i < n; i++)
      sums[i] = HALF;
    for (int32_t k = 0; k < taps->count; k++) {
      const uint8_t *line = source + (size_t)k * pitch + begin;
      for (int32_t i = 0; i < n; i++)
        sums[i] += line[i] * weight[k];
    }
    for (int32_t i = 0; i < n; i++)
      out[begin + i] = rounded(sums[i]);
  }
}

void vitc_resize_source_column(const vitc_pixels *pixels, const uint8_t *source, ptrdiff_t row_stride,
                               const vitc_taps *taps, const int32_t *weights, int32_t count, uint8_t *out) {
  const int32_t *weight = weights + taps->at;
  for (int32_t x = 0; x < count; x++) {
    const uint8_t *top = source + taps->first * row_stride + (ptrdiff_t)x * pixels->stride;
    for (int32_t c = 0; c < pixels->channels; c++) {
      int32_t sum = HALF;
      for (int32_t k = 0; k < taps->count; k++) {
        const uint8_t *pixel = top + k * row_stride;
        sum += (pixels->to_grey ? grey(pixel) : pixel[c]) * weight[k];
      }
      *out++ = rounded(sum);
    }
  }
}
