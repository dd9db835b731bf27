#include "resize.h"
#include "vitc/abi.h"

enum { PRECISION = 32 - 8 - 2 };

static const double PI = 3.14159265358979323846, PI_REST = 1.2246467991473532e-16;

/* Sine of 0 <= x < 30, at most 2^-52 off: a sum of powers on [-pi / 2, pi / 2]. */
static double sine(double x) {
  int turns = (int)(x / PI + 0.5);
  double r = (x - turns * PI) - turns * PI_REST, square = r * r, sum = 0.0;
  for (int n = 21; n >= 3; n -= 2)
    sum = (1.0 - sum) * square / (n * (n - 1));
  r -= r * sum;
  return turns & 1 ? -r : r;
}

static double cosine(double x) {
  double half = sine(x / 2.0);
  return 1.0 - 2.0 * half * half;
}

static double sinc(double x) {
  x = (x < 0.0 ? -x : x) * PI;
  return x == 0.0 ? 1.0 : sine(x) / x;
}

/* Twice the radius of a filter: where it is not zero, for an axis that does not shrink. */
static uint64_t width_of(uint32_t filter) {
  switch (filter) {
  case VITC_FILTER_BOX:
    return 1;
  case VITC_FILTER_BICUBIC:
    return 4;
  case VITC_FILTER_LANCZOS:
    return 6;
  default:
    return 2;
  }
}

/* The filters as Pillow writes them: the order of operations decides the last bit. */
static double filter_at(uint32_t filter, double x) {
  if (filter == VITC_FILTER_BOX)
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  if (filter == VITC_FILTER_LANCZOS)
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  if (x < 0.0)
    x = -x;
  if (filter == VITC_FILTER_BILINEAR)
    return x < 1.0 ? 1.0 - x : 0.0;
  if (filter == VITC_FILTER_HAMMING)
    return x == 0.0 ? 1.0 : x < 1.0 ? sinc(x) * (0.54f + 0.46f * cosine(x * PI)) : 0.0;
  const double a = -0.5;
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

uint64_t vitc_resize_weight_limit(uint32_t filter, uint64_t max_in, uint64_t count) {
  /* A position has at most 2 r max(1, in / out) + 2 taps, and count <= out. */
  uint64_t width = width_of(filter);
  return width * max_in + (width + 2) * count;
}

/* The weights of an axis, one output position at a time. */
typedef struct window {
  uint32_t filter;
  double scale, support, step; /* source positions per output position; reach; filter units per position */
  int64_t in;
  double center; /* of the output position */
  int64_t low;   /* its source positions */
  int32_t count;
  double sum; /* of the filter's values there */
} window;

static window window_of(const vitc_axis *axis, uint32_t filter) {
  window w = {filter, (double)axis->in / (double)axis->out, 0, 0, axis->in, 0, 0, 0, 0};
  double filter_scale = w.scale < 1.0 ? 1.0 : w.scale;
  w.support = 0.5 * (double)width_of(filter) * filter_scale;
  w.step = 1.0 / filter_scale;
  return w;
}

static double value_at(const window *w, int32_t k) {
  return filter_at(w->filter, ((double)(k + w->low) - w->center + 0.5) * w->step);
}

static void move_to(window *w, int64_t position) {
  w->center = ((double)position + 0.5) * w->scale;
  int64_t high = (int64_t)(w->center + w->support + 0.5);
  w->low = (int64_t)(w->center - w->support + 0.5);
  w->low = w->low < 0 ? 0 : w->low;
  high = high > w->in ? w->in : high;
  w->count = (int32_t)(high - w->low);
  w->sum = 0.0;
  for (int32_t k = 0; k < w->count; k++)
    w->sum += value_at(w, k);
}

/* After the sum each value is computed again: cheaper than keeping them as doubles. */
static double weight_at(const window *w, int32_t k) {
  double value = value_at(w, k);
  return w->sum != 0.0 ? value / w->sum : value;
}

int vitc_torch_shift(double largest) {
  int shift = 0;
  while (shift < PRECISION && 0.5 + largest * (double)(1 << (shift + 1)) < (double)(1 << 15))
    shift++;
  return shift;
}

/* PyTorch looks at the weights of all output positions, cropped or not. Beyond so many, which only pictures
 * many times as long as wide have, they repeat. */
static double largest_weight(window w, int64_t positions) {
  enum { MANY = 1 << 16 };
  double largest = 0.0;
  for (int64_t i = 0; i < positions && i < MANY; i++) {
    move_to(&w, i);
    for (int32_t k = 0; k < w.count; k++) {
      double weight = weight_at(&w, k);
      largest = weight > largest ? weight : largest;
    }
  }
  return largest;
}

int vitc_resize_taps(const vitc_axis *axis, uint32_t rules, uint32_t filter, vitc_taps *taps,
                     int32_t *weights, uint64_t limit) {
  uint32_t at = 0;
  if (axis->in == axis->out) {
    if ((uint64_t)axis->count > limit)
      return 0;
    for (int32_t i = 0; i < axis->count; i++) {
      taps[i] = (vitc_taps){(int32_t)(axis->first + i), 1, (uint32_t)i};
      weights[i] = 1 << PRECISION;
    }
    return PRECISION;
  }
  window w = window_of(axis, filter);
  int shift = rules == VITC_RULES_TORCH ? vitc_torch_shift(largest_weight(w, axis->out)) : PRECISION;
  for (int32_t i = 0; i < axis->count; i++) {
    move_to(&w, axis->first + i);
    if (at + (uint64_t)w.count > limit)
      return 0;
    for (int32_t k = 0; k < w.count; k++) {
      double weight = weight_at(&w, k) * (1 << shift);
      weights[at + (uint32_t)k] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps[i] = (vitc_taps){(int32_t)w.low, w.count, at};
    at += (uint32_t)w.count;
  }
  return shift;
}

int vitc_resize_taps_f32(const vitc_axis *axis, uint32_t filter, vitc_taps *taps, float *weights,
                         uint64_t limit) {
  uint32_t at = 0;
  const float scale = (float)axis->in / (float)axis->out, filter_scale = scale < 1.0f ? 1.0f : scale;
  const float support = (float)width_of(filter) * 0.5f * filter_scale, step = 1.0f / filter_scale;
  for (int32_t i = 0; i < axis->count; i++) {
    float center = (float)(scale * ((double)(axis->first + i) + 0.5)), sum = 0.0f;
    int64_t low = (int64_t)((double)(center - support) + 0.5),
            high = (int64_t)((double)(center + support) + 0.5);
    low = low < 0 ? 0 : low;
    high = high > axis->in ? axis->in : high;
    if (axis->in == axis->out) {
      low = axis->first + i;
      high = low + 1;
    }
    int32_t count = (int32_t)(high - low);
    if (at + (uint64_t)count > limit)
      return 0;
    float *weight = weights + at;
    for (int32_t k = 0; k < count; k++) {
      float x = (float)(((double)((float)(k + low) - center) + 0.5) * step);
      weight[k] = (float)filter_at(filter, x);
      sum += weight[k];
    }
    for (int32_t k = 0; k < count; k++)
      weight[k] = axis->in == axis->out ? 1.0f : weight[k] / sum;
    taps[i] = (vitc_taps){(int32_t)low, count, at};
    at += (uint32_t)count;
  }
  return 1;
}

void vitc_resize_row(const vitc_pixels *pixels, const uint8_t *row, const vitc_taps *taps,
                     vitc_axis_weights weights, int32_t count, uint8_t *out) {
  const int32_t stride = pixels->stride, half = 1 << (weights.shift - 1);
  const int shift = weights.shift;
  for (int32_t i = 0; i < count; i++) {
    const uint8_t *source = row + (ptrdiff_t)taps[i].first * stride;
    const int32_t *weight = weights.weights + taps[i].at;
    const int32_t n = taps[i].count;
    if (pixels->to_grey) {
      int32_t sum = half;
      for (int32_t k = 0; k < n; k++, source += stride)
        sum += vitc_grey(source) * weight[k];
      *out++ = vitc_clamp(sum >> shift);
    } else if (pixels->channels == 3) {
      int32_t red = half, green = half, blue = half;
      for (int32_t k = 0; k < n; k++, source += stride) {
        red += source[0] * weight[k];
        green += source[1] * weight[k];
        blue += source[2] * weight[k];
      }
      *out++ = vitc_clamp(red >> shift);
      *out++ = vitc_clamp(green >> shift);
      *out++ = vitc_clamp(blue >> shift);
    } else {
      for (int32_t c = 0; c < pixels->channels; c++) {
        int32_t sum = half;
        for (int32_t k = 0; k < n; k++)
          sum += source[(ptrdiff_t)k * stride + c] * weight[k];
        *out++ = vitc_clamp(sum >> shift);
      }
    }
  }
}

void vitc_resize_column(const uint8_t *rows, size_t pitch, int32_t first_row, const vitc_taps *taps,
                        vitc_axis_weights weights, int32_t bytes, uint8_t *out) {
  enum { BLOCK = 256 }; /* sums of a block stay in L1, its source rows stream */
  const uint8_t *source = rows + (size_t)(taps->first - first_row) * pitch;
  const int32_t *weight = weights.weights + taps->at;
  const int shift = weights.shift;
  for (int32_t begin = 0; begin < bytes; begin += BLOCK) {
    int32_t n = bytes - begin < BLOCK ? bytes - begin : BLOCK;
    int32_t sums[BLOCK];
    for (int32_t i = 0; i < n; i++)
      sums[i] = 1 << (shift - 1);
    for (int32_t k = 0; k < taps->count; k++) {
      const uint8_t *line = source + (size_t)k * pitch + begin;
      for (int32_t i = 0; i < n; i++)
        sums[i] += line[i] * weight[k];
    }
    for (int32_t i = 0; i < n; i++)
      out[begin + i] = vitc_clamp(sums[i] >> shift);
  }
}

void vitc_resize_source_column(const vitc_pixels *pixels, const uint8_t *source, ptrdiff_t row_stride,
                               const vitc_taps *taps, vitc_axis_weights weights, int32_t count,
                               uint8_t *out) {
  const int32_t *weight = weights.weights + taps->at;
  for (int32_t x = 0; x < count; x++) {
    const uint8_t *top = source + taps->first * row_stride + (ptrdiff_t)x * pixels->stride;
    for (int32_t c = 0; c < pixels->channels; c++) {
      int32_t sum = 1 << (weights.shift - 1);
      for (int32_t k = 0; k < taps->count; k++) {
        const uint8_t *pixel = top + k * row_stride;
        sum += (pixels->to_grey ? vitc_grey(pixel) : pixel[c]) * weight[k];
      }
      *out++ = vitc_clamp(sum >> weights.shift);
    }
  }
}

void vitc_resize_row_f32(const vitc_pixels *pixels, const uint8_t *row, const vitc_taps *taps,
                         const float *weights, int32_t count, float *out) {
  for (int32_t i = 0; i < count; i++) {
    const uint8_t *source = row + (ptrdiff_t)taps[i].first * pixels->stride;
    const float *weight = weights + taps[i].at;
    for (int32_t c = 0; c < pixels->channels; c++) {
      float sum = 0.0f;
      for (int32_t k = 0; k < taps[i].count; k++) {
        const uint8_t *pixel = source + (ptrdiff_t)k * pixels->stride;
        sum += (float)(pixels->to_grey ? vitc_grey(pixel) : pixel[c]) * weight[k];
      }
      *out++ = sum;
    }
  }
}

void vitc_resize_column_f32(const float *rows, size_t pitch, int32_t first_row, const vitc_taps *taps,
                            const float *weights, int32_t channels, int32_t channel, int32_t count,
                            float *out) {
  const float *source = rows + (size_t)(taps->first - first_row) * pitch + channel;
  for (int32_t x = 0; x < count; x++) {
    float sum = 0.0f;
    for (int32_t k = 0; k < taps->count; k++)
      sum += source[(size_t)k * pitch + (size_t)x * (size_t)channels] * weights[taps->at + (uint32_t)k];
    out[x] = sum;
  }
}
