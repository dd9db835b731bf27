#include "interpolate.h"
#include "vitc/abi.h"

int vitc_interpolates(uint32_t rules, uint32_t filter) {
  return filter == VITC_FILTER_NEAREST || rules == VITC_RULES_TORCH_PLAIN || rules == VITC_RULES_TENSORFLOW ||
         rules == VITC_RULES_OPENCV;
}

static int taps_of(uint32_t filter) {
  return filter == VITC_FILTER_NEAREST ? 1 : filter == VITC_FILTER_BICUBIC ? 4 : 2;
}

static int64_t floor_of(double value) {
  int64_t whole = (int64_t)value;
  return (double)whole > value ? whole - 1 : whole;
}

static int32_t within(int64_t position, int64_t size) {
  return (int32_t)(position < 0 ? 0 : position >= size ? size - 1 : position);
}

/* Half to even, of |value| < 2^22. */
static int32_t round_even(float value) {
  const float shift = 12582912.0f; /* 1.5 x 2^23 */
  return (int32_t)((value + shift) - shift);
}

/* Source position of the nearest pixel. Pillow adds the scale up, as the caller must: `sum` is scale / 2 for
 * position 0. */
static int32_t nearest(const vitc_axis *axis, uint32_t rules, int64_t position, double sum) {
  float scale = (float)axis->in / (float)axis->out;
  switch (rules) {
  case VITC_RULES_PILLOW:
    return within(floor_of(sum), axis->in);
  case VITC_RULES_TENSORFLOW:
    return within(floor_of(((float)position + 0.5f) * scale), axis->in);
  case VITC_RULES_OPENCV:
    return within(floor_of((double)position * (1.0 / ((double)axis->out / (double)axis->in))), axis->in);
  default:
    return within(floor_of((float)position * scale), axis->in);
  }
}

static void nearest_points(const vitc_axis *axis, uint32_t rules, vitc_point *points) {
  double scale = (double)axis->in / (double)axis->out, sum = scale * 0.5;
  if (rules == VITC_RULES_PILLOW)
    for (int64_t i = 0; i < axis->first; i++)
      sum += scale;
  for (int32_t i = 0; i < axis->count; i++, sum += scale)
    points[i].at[0] = nearest(axis, rules, axis->first + i, sum);
}

/* The cubic of a = -0.75 at a distance of x from the second of four positions. */
static void cubic(double x, double *weights) {
  const double a = -0.75;
  for (int k = 0; k < 4; k++) {
    double d = k < 2 ? x + (1 - k) : (k - 1) - x;
    weights[k] =
        d < 1.0 ? ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0 : ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
  }
}

/* PyTorch moves weights of positions outside onto the border before it rounds them. */
static void torch_weights(const vitc_axis *axis, int taps, int64_t i, int32_t *at, double *weights) {
  double position = ((double)axis->in / (double)axis->out) * ((double)i + 0.5) - 0.5;
  if (taps == 2 && position < 0.0)
    position = 0.0;
  int64_t index = floor_of((float)position);
  index = index < axis->in ? index : axis->in - 1;
  double lambda = position - (double)index;
  lambda = lambda < 0.0 ? 0.0 : lambda > 1.0 ? 1.0 : lambda;
  if (taps == 4) {
    cubic(lambda, weights);
  } else {
    weights[0] = 1.0 - lambda;
    weights[1] = lambda;
  }
  int64_t first = index - taps / 2 + 1;
  for (int k = 0; k < taps; k++)
    at[k] = within(first + k, axis->in);
  for (int k = taps - 1; k > 0; k--)
    if (at[k] == at[k - 1] && at[k] > 0) { /* the lower border gathers upwards, the upper one downwards */
      weights[k - 1] += weights[k];
      weights[k] = 0.0;
    }
  for (int k = 0; k + 1 < taps; k++)
    if (at[k] == at[k + 1] && at[k] == 0) {
      weights[k + 1] += weights[k];
      weights[k] = 0.0;
    }
}

static int torch_points(const vitc_axis *axis, int taps, vitc_point *points) {
  enum { MANY = 1 << 16 }; /* as in resize.c */
  int32_t at[4];
  double weights[4], largest = 0.0;
  for (int64_t i = 0; i < axis->out && i < MANY; i++) {
    torch_weights(axis, taps, i, at, weights);
    for (int k = 0; k < taps; k++)
      largest = weights[k] > largest ? weights[k] : largest;
  }
  int shift = vitc_torch_shift(largest);
  for (int32_t i = 0; i < axis->count; i++) {
    torch_weights(axis, taps, axis->first + i, points[i].at, weights);
    for (int k = 0; k < taps; k++) {
      double weight = weights[k] * (1 << shift);
      points[i].weight.fixed[k] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return shift;
}

enum { OPENCV_SHIFT = 11 };

static void opencv_point(const vitc_axis *axis, int columns, int taps, int64_t i, vitc_point *point) {
  double scale = 1.0 / ((double)axis->out / (double)axis->in);
  float x = (float)(((double)i + 0.5) * scale - 0.5), weights[4];
  int64_t index = floor_of(x);
  x -= (float)index;
  if (columns && taps == 2 &&
      (index < 0 || index >= axis->in - 1)) { /* rows keep their weights at the border */
    index = index < 0 ? 0 : axis->in - 1;
    x = 0.0f;
  }
  if (taps == 4) {
    const float a = -0.75f;
    weights[0] = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    weights[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
    weights[2] = ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1;
    weights[3] = 1.0f - weights[0] - weights[1] - weights[2];
  } else {
    weights[0] = 1.0f - x;
    weights[1] = x;
  }
  for (int k = 0; k < taps; k++) {
    point->at[k] = within(index - taps / 2 + 1 + k, axis->in);
    point->weight.fixed[k] = round_even(weights[k] * (float)(1 << OPENCV_SHIFT));
  }
}

static void tensorflow_point(const vitc_axis *axis, int taps, int64_t i, vitc_point *point) {
  float scale = (float)axis->in / (float)axis->out;
  float position = ((float)i + 0.5f) * scale - 0.5f;
  int64_t index = floor_of(position);
  float x = position - (float)index;
  if (taps == 2) {
    point->at[1] = within(index + (x > 0.0f), axis->in);
    point->at[0] = within(index, axis->in);
    point->weight.real[1] = x;
    return;
  }
  enum { STEPS = 1 << 10 };
  int32_t step = round_even(x * STEPS);
  float sum = 0.0f;
  for (int k = 0; k < 4; k++) {
    const double a = -0.5;
    /* Distance in steps of the table, whose entries are f32 functions of f32 distances. */
    float d = (float)(k < 2 ? step : STEPS - step) / STEPS;
    double value;
    if (k == 1 || k == 2) {
      value = ((a + 2) * d - (a + 3)) * d * d + 1;
    } else {
      d += 1.0f;
      value = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
    int64_t at = index - 1 + k;
    point->at[k] = within(at, axis->in);
    point->weight.real[k] = at == point->at[k] ? (float)value : 0.0f; /* nothing comes from outside */
  }
  for (int k = 0; k < 4; k++)
    sum += point->weight.real[k];
  float factor = 1.0f / sum;
  for (int k = 0; k < 4; k++)
    point->weight.real[k] *= factor;
}

int vitc_interpolation_points(const vitc_axis *axis, int columns, uint32_t rules, uint32_t filter,
                              vitc_point *points) {
  int taps = taps_of(filter);
  if (filter == VITC_FILTER_NEAREST) {
    nearest_points(axis, rules, points);
    return 0;
  }
  if (rules == VITC_RULES_TORCH_PLAIN)
    return torch_points(axis, taps, points);
  for (int32_t i = 0; i < axis->count; i++)
    if (rules == VITC_RULES_OPENCV)
      opencv_point(axis, columns, taps, axis->first + i, &points[i]);
    else
      tensorflow_point(axis, taps, axis->first + i, &points[i]);
  return OPENCV_SHIFT;
}

static int32_t value_of(const vitc_pixels *pixels, const uint8_t *pixel, int32_t channel) {
  return pixels->to_grey ? vitc_grey(pixel) : pixel[channel];
}

static uint8_t fixed_pixel(const vitc_interpolation *how, const vitc_pixels *pixels,
                           const uint8_t *const *rows, const vitc_point *row, const vitc_point *column,
                           int32_t channel) {
  int taps = taps_of(how->filter);
  if (taps == 1)
    return (uint8_t)value_of(pixels, rows[0] + (ptrdiff_t)column->at[0] * pixels->stride, channel);
  int32_t sums[4];
  for (int j = 0; j < taps; j++) {
    sums[j] = 0;
    for (int k = 0; k < taps; k++)
      sums[j] += value_of(pixels, rows[j] + (ptrdiff_t)column->at[k] * pixels->stride, channel) *
                 column->weight.fixed[k];
  }
  if (how->rules == VITC_RULES_OPENCV && taps == 2) {
    /* Truncated on the way, so that vectors of 16 bits suffice. */
    int32_t first = (row->weight.fixed[0] * (sums[0] >> 4)) >> 16;
    int32_t second = (row->weight.fixed[1] * (sums[1] >> 4)) >> 16;
    return (uint8_t)((first + second + 2) >> 2);
  }
  int shift = how->row_shift;
  int64_t sum = 0;
  for (int j = 0; j < taps; j++) {
    int32_t value = sums[j];
    if (how->rules == VITC_RULES_TORCH_PLAIN)
      value = vitc_clamp((value + (1 << (how->column_shift - 1))) >> how->column_shift);
    sum += (int64_t)value * row->weight.fixed[j];
  }
  if (how->rules == VITC_RULES_OPENCV)
    shift += how->column_shift;
  return vitc_clamp((int32_t)((sum + ((int64_t)1 << (shift - 1))) >> shift));
}

void vitc_interpolate_row(const vitc_interpolation *how, const vitc_pixels *pixels, const uint8_t *source,
                          ptrdiff_t row_stride, const vitc_point *row, int32_t count, int32_t out_channels,
                          uint8_t *out) {
  const uint8_t *rows[4];
  for (int j = 0; j < taps_of(how->filter); j++)
    rows[j] = source + row->at[j] * row_stride;
  for (int32_t x = 0; x < count; x++, out += out_channels)
    for (int32_t c = 0; c < out_channels; c++)
      out[c] = c < pixels->channels ? fixed_pixel(how, pixels, rows, row, &how->columns[x], c) : out[0];
}

static float real_pixel(const vitc_interpolation *how, const vitc_pixels *pixels, const uint8_t *const *rows,
                        const vitc_point *row, const vitc_point *column, int32_t channel) {
  int taps = taps_of(how->filter);
  float values[4][4];
  for (int j = 0; j < taps; j++)
    for (int k = 0; k < taps; k++)
      values[j][k] = (float)value_of(pixels, rows[j] + (ptrdiff_t)column->at[k] * pixels->stride, channel);
  if (taps == 2) {
    float top = values[0][0] + (values[0][1] - values[0][0]) * column->weight.real[1];
    float bottom = values[1][0] + (values[1][1] - values[1][0]) * column->weight.real[1];
    return top + (bottom - top) * row->weight.real[1];
  }
  float result = 0.0f;
  for (int k = 0; k < 4; k++) {
    float sum = 0.0f;
    for (int j = 0; j < 4; j++)
      sum += values[j][k] * row->weight.real[j];
    result += sum * column->weight.real[k];
  }
  return result;
}

void vitc_interpolate_row_f32(const vitc_interpolation *how, const vitc_pixels *pixels, const uint8_t *source,
                              ptrdiff_t row_stride, const vitc_point *row, int32_t count,
                              int32_t out_channels, size_t plane, float *out) {
  const uint8_t *rows[4];
  for (int j = 0; j < taps_of(how->filter); j++)
    rows[j] = source + row->at[j] * row_stride;
  for (int32_t c = 0; c < out_channels; c++)
    for (int32_t x = 0; x < count; x++)
      out[(size_t)c * plane + (size_t)x] =
          c < pixels->channels ? real_pixel(how, pixels, rows, row, &how->columns[x], c) : out[x];
}
