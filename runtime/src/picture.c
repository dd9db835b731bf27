#include "picture.h"
#include "arena.h"
#include "message.h"
#include <string.h>

/* Rows of one task: enough work to pay for claiming it, few enough to share a small picture. */
enum { TASK_ROWS = 8 };

/* Image.resize of Pillow 11.3 to 12.3 swaps the passes for pictures taller than this many widths, if they
 * shrink in height. Pillow 13 swaps them for more shapes. */
enum { TALL = 100 };

/* Where the parts of the scratch lie: points, or the rest. */
typedef struct parts {
  uint64_t row_points, column_points, row_taps, column_taps, row_weights, column_weights, middle, bytes;
} parts;

static int interpolates(const vitc_preprocess *rule) {
  return rule->resize != VITC_RESIZE_NONE && vitc_interpolates(rule->rules, rule->filter);
}

static parts parts_of(const vitc_model_info *info) {
  uint64_t side = info->max_side, h = info->input_height, w = info->input_width;
  uint32_t filter = info->preprocess->filter;
  parts p = {0};
  if (interpolates(info->preprocess)) {
    p.column_points = vitc_align(vitc_times(h, sizeof(vitc_point)));
    p.bytes = vitc_plus(p.column_points, vitc_align(vitc_times(w, sizeof(vitc_point))));
    return p;
  }
  p.column_taps = vitc_align(w * sizeof(vitc_taps));
  p.row_weights = vitc_plus(p.column_taps, vitc_align(h * sizeof(vitc_taps)));
  p.column_weights = vitc_plus(p.row_weights, vitc_align(4 * vitc_resize_weight_limit(filter, side, w)));
  p.middle = vitc_plus(p.column_weights, vitc_align(4 * vitc_resize_weight_limit(filter, side, h)));
  uint64_t wide = vitc_times(side, w), tall = vitc_times(side / TALL, h);
  uint64_t middle = vitc_times(wide > tall ? wide : tall, info->input_channels);
  p.bytes = vitc_plus(p.middle, vitc_align(vitc_times(middle, info->preprocess->f32 ? sizeof(float) : 1)));
  return p;
}

uint64_t vitc_picture_bytes(const vitc_model_info *info) {
  return info->preprocess ? parts_of(info).bytes : 0;
}

static int64_t floor_half(int64_t value) { return (value - (value & 1)) / 2; }

/* Centre crop of a resized axis to `size`, zeros around it where it is smaller. */
static void crop_axis(vitc_axis *axis, int64_t size, uint32_t rounding) {
  int64_t spare = axis->out - size;
  axis->first = axis->place = 0;
  if (rounding == VITC_CROP_HALF_EVEN && spare > 0) {
    /* torchvision: round((out - size) / 2), Python's rounding */
    axis->first = spare / 2 + (spare % 4 == 3);
  } else if (rounding == VITC_CROP_HALF_EVEN) {
    axis->place = (int32_t)(-spare / 2); /* its padding floors */
  } else {
    /* Hugging Face: floor((out - size) / 2) on both sides of zero */
    int64_t offset = floor_half(spare);
    axis->first = offset > 0 ? offset : 0;
    axis->place = (int32_t)(offset < 0 ? -offset : 0);
  }
  axis->count = (int32_t)(spare > 0 ? size : axis->out);
}

static void add_size(vitc_text *text, int64_t h, int64_t w) {
  vitc_add_signed(text, h);
  vitc_add(text, " x ");
  vitc_add_signed(text, w);
}

vitc_status vitc_picture_axes(const vitc_model_info *info, int32_t h, int32_t w, vitc_axis *vertical,
                              vitc_axis *horizontal) {
  if (h <= 0 || w <= 0) {
    vitc_text text = vitc_message();
    vitc_add(&text, "expected a picture of at least 1 x 1 pixels, got ");
    add_size(&text, h, w);
    return VITC_INVALID_ARGUMENT;
  }
  if ((uint32_t)h > info->max_side || (uint32_t)w > info->max_side) {
    vitc_text text = vitc_message();
    vitc_add(&text, "expected a picture of at most ");
    vitc_add_number(&text, info->max_side);
    vitc_add(&text, " pixels a side, got ");
    add_size(&text, h, w);
    return VITC_PICTURE_TOO_LARGE;
  }
  const vitc_preprocess *rule = info->preprocess;
  vertical->in = vertical->out = h;
  horizontal->in = horizontal->out = w;
  if (rule->resize == VITC_RESIZE_SQUASH) {
    vertical->out = rule->resize_height;
    horizontal->out = rule->resize_width;
  } else if (rule->resize == VITC_RESIZE_SHORTEST) {
    /* torchvision's int(side * long / short): below 2^53, so integer division says the same */
    int64_t side = rule->resize_height, longer = w <= h ? h : w, shorter = w <= h ? w : h;
    int64_t other = side * longer / shorter;
    if (rule->size_round == VITC_SIZE_LROUND) /* MindSpore's std::lround of a float */
      other = (int64_t)((double)((float)longer / (float)shorter * (float)side) + 0.5);
    vertical->out = w <= h ? other : side;
    horizontal->out = w <= h ? side : other;
  }
  if (!rule->crop && (vertical->out != info->input_height || horizontal->out != info->input_width)) {
    vitc_text text = vitc_message();
    vitc_add(&text, "the model takes ");
    add_size(&text, info->input_height, info->input_width);
    vitc_add(&text, " pixels and does not crop, but a picture of ");
    add_size(&text, h, w);
    vitc_add(&text, " resizes to ");
    add_size(&text, vertical->out, horizontal->out);
    return VITC_INVALID_ARGUMENT;
  }
  crop_axis(vertical, info->input_height, rule->crop_round);
  crop_axis(horizontal, info->input_width, rule->crop_round);
  return VITC_OK;
}

vitc_status vitc_picture_prepare(vitc_picture *picture, const vitc_model_info *info, int32_t h, int32_t w,
                                 int32_t channels, ptrdiff_t row_stride, uint8_t *scratch) {
  vitc_status status = vitc_picture_axes(info, h, w, &picture->vertical, &picture->horizontal);
  if (status)
    return status;
  int32_t wanted = (int32_t)info->input_channels;
  if (channels != wanted && !(wanted == 3 && (channels == 1 || channels == 4)) &&
      !(wanted == 1 && (channels == 3 || channels == 4))) {
    vitc_text text = vitc_message();
    vitc_add(&text, "a model of ");
    vitc_add_signed(&text, wanted);
    vitc_add(&text, " channels cannot take pictures of ");
    vitc_add_signed(&text, channels);
    vitc_add(&text, wanted == 1 || wanted == 3 ? "; it takes 1, 3 or 4" : "");
    return VITC_INVALID_ARGUMENT;
  }
  if (row_stride < (int64_t)w * channels || row_stride > PTRDIFF_MAX / h) {
    vitc_text text = vitc_message();
    vitc_add(&text, "expected a row stride of at least ");
    vitc_add_signed(&text, (int64_t)w * channels);
    vitc_add(&text, " bytes, got ");
    vitc_add_signed(&text, row_stride);
    return VITC_INVALID_ARGUMENT;
  }
  parts p = parts_of(info);
  picture->row_points = (vitc_point *)(scratch + p.row_points);
  picture->column_points = (vitc_point *)(scratch + p.column_points);
  picture->row_taps = (vitc_taps *)(scratch + p.row_taps);
  picture->column_taps = (vitc_taps *)(scratch + p.column_taps);
  picture->row_weights = (int32_t *)(scratch + p.row_weights);
  picture->column_weights = (int32_t *)(scratch + p.column_weights);
  picture->middle = scratch + p.middle;
  picture->row_stride = row_stride;
  picture->pixels.stride = channels;
  picture->pixels.to_grey = wanted == 1 && channels > 1;
  picture->pixels.channels = channels < wanted ? channels : wanted;
  picture->out_channels = wanted;
  picture->out_height = (int32_t)info->input_height;
  picture->out_width = (int32_t)info->input_width;

  uint32_t filter = info->preprocess->filter, rules = info->preprocess->rules;
  picture->f32 = info->preprocess->f32 != 0;
  picture->interpolates = interpolates(info->preprocess);
  if (picture->interpolates) {
    picture->interpolation = (vitc_interpolation){
        rules, filter, picture->column_points,
        vitc_interpolation_points(&picture->horizontal, 1, rules, filter, picture->column_points),
        vitc_interpolation_points(&picture->vertical, 0, rules, filter, picture->row_points)};
    return VITC_OK;
  }
  picture->vertical_first = 0;
  uint64_t row_limit = vitc_resize_weight_limit(filter, info->max_side, info->input_width);
  uint64_t column_limit = vitc_resize_weight_limit(filter, info->max_side, info->input_height);
  if (picture->f32) {
    picture->row_shift = vitc_resize_taps_f32(&picture->horizontal, filter, picture->row_taps,
                                              (float *)picture->row_weights, row_limit);
    picture->column_shift = vitc_resize_taps_f32(&picture->vertical, filter, picture->column_taps,
                                                 (float *)picture->column_weights, column_limit);
  } else {
    picture->row_shift = vitc_resize_taps(&picture->horizontal, rules, filter, picture->row_taps,
                                          picture->row_weights, row_limit);
    picture->column_shift = vitc_resize_taps(&picture->vertical, rules, filter, picture->column_taps,
                                             picture->column_weights, column_limit);
  }
  if (!picture->row_shift || !picture->column_shift)
    return vitc_fail(VITC_PICTURE_TOO_LARGE, "the picture needs larger resize tables than were reserved");
  picture->vertical_first = rules == VITC_RULES_PILLOW && h > (int64_t)TALL * w && picture->vertical.out < h;
  const vitc_taps *last = &picture->column_taps[picture->vertical.count - 1];
  picture->first_row = picture->column_taps[0].first;
  picture->row_count = last->first + last->count - picture->first_row;
  return VITC_OK;
}

typedef struct conversion {
  const vitc_picture *picture;
  const uint8_t *source;
  void *out;
} conversion;

/* Rows of the middle picture, and their length in bytes or floats. */
static int32_t middle_rows(const vitc_picture *p) {
  return p->vertical_first ? p->vertical.count : p->row_count;
}
static size_t middle_pitch(const vitc_picture *p) {
  int64_t columns = p->vertical_first ? p->horizontal.in : p->horizontal.count;
  return (size_t)columns * (size_t)p->pixels.channels;
}

static vitc_axis_weights row_weights(const vitc_picture *p) {
  return (vitc_axis_weights){p->row_weights, p->row_shift};
}
static vitc_axis_weights column_weights(const vitc_picture *p) {
  return (vitc_axis_weights){p->column_weights, p->column_shift};
}

/* Where row `row` of the resized picture begins among the model's pixels. */
static size_t first_pixel(const vitc_picture *p, int32_t row) {
  return (size_t)(p->vertical.place + row) * (size_t)p->out_width + (size_t)p->horizontal.place;
}

static void only_pass(void *arg, uint32_t index, uint32_t worker) {
  (void)worker;
  const conversion *c = arg;
  const vitc_picture *p = c->picture;
  int32_t begin = (int32_t)index * TASK_ROWS;
  int32_t end = begin + TASK_ROWS < p->vertical.count ? begin + TASK_ROWS : p->vertical.count;
  for (int32_t row = begin; row < end; row++)
    if (p->f32)
      vitc_interpolate_row_f32(&p->interpolation, &p->pixels, c->source, p->row_stride, &p->row_points[row],
                               p->horizontal.count, p->out_channels,
                               (size_t)p->out_height * (size_t)p->out_width,
                               (float *)c->out + first_pixel(p, row));
    else
      vitc_interpolate_row(&p->interpolation, &p->pixels, c->source, p->row_stride, &p->row_points[row],
                           p->horizontal.count, p->out_channels,
                           (uint8_t *)c->out + first_pixel(p, row) * (size_t)p->out_channels);
}

static void first_pass(void *arg, uint32_t index, uint32_t worker) {
  (void)worker;
  const conversion *c = arg;
  const vitc_picture *p = c->picture;
  int32_t begin = (int32_t)index * TASK_ROWS;
  int32_t end = begin + TASK_ROWS < middle_rows(p) ? begin + TASK_ROWS : middle_rows(p);
  for (int32_t row = begin; row < end; row++) {
    const uint8_t *source = c->source + (ptrdiff_t)(p->first_row + row) * p->row_stride;
    uint8_t *out = p->middle + (size_t)row * middle_pitch(p);
    if (p->f32)
      vitc_resize_row_f32(&p->pixels, source, p->row_taps, (const float *)p->row_weights, p->horizontal.count,
                          (float *)p->middle + (size_t)row * middle_pitch(p));
    else if (p->vertical_first)
      vitc_resize_source_column(&p->pixels, c->source, p->row_stride, &p->column_taps[row], column_weights(p),
                                (int32_t)p->horizontal.in, out);
    else
      vitc_resize_row(&p->pixels, source, p->row_taps, row_weights(p), p->horizontal.count, out);
  }
}

/* Spreads grey pixels over the model's channels, last one first: they share the row's memory. */
static void replicate(uint8_t *row, int32_t count, int32_t channels) {
  for (int32_t x = count; x-- > 0;)
    for (int32_t c = channels; c-- > 0;)
      row[x * channels + c] = row[x];
}

/* One row of the result, in f32. */
static void second_pass_f32(const vitc_picture *p, int32_t row, float *out) {
  for (int32_t c = 0; c < p->out_channels; c++)
    vitc_resize_column_f32((const float *)p->middle, middle_pitch(p), p->first_row, &p->column_taps[row],
                           (const float *)p->column_weights, p->pixels.channels,
                           c < p->pixels.channels ? c : 0, p->horizontal.count,
                           out + (size_t)c * (size_t)p->out_height * (size_t)p->out_width);
}

static void second_pass(void *arg, uint32_t index, uint32_t worker) {
  (void)worker;
  const conversion *c = arg;
  const vitc_picture *p = c->picture;
  const vitc_pixels middle = {p->pixels.channels, p->pixels.channels, 0};
  int32_t begin = (int32_t)index * TASK_ROWS;
  int32_t end = begin + TASK_ROWS < p->vertical.count ? begin + TASK_ROWS : p->vertical.count;
  for (int32_t row = begin; row < end; row++) {
    if (p->f32) {
      second_pass_f32(p, row, (float *)c->out + first_pixel(p, row));
      continue;
    }
    uint8_t *out = (uint8_t *)c->out + first_pixel(p, row) * (size_t)p->out_channels;
    if (p->vertical_first)
      vitc_resize_row(&middle, p->middle + (size_t)row * middle_pitch(p), p->row_taps, row_weights(p),
                      p->horizontal.count, out);
    else
      vitc_resize_column(p->middle, middle_pitch(p), p->first_row, &p->column_taps[row], column_weights(p),
                         (int32_t)middle_pitch(p), out);
    if (p->pixels.channels != p->out_channels)
      replicate(out, p->horizontal.count, p->out_channels);
  }
}

static uint32_t tasks_of(int32_t rows) { return ((uint32_t)rows + TASK_ROWS - 1) / TASK_ROWS; }

int vitc_picture_convert(const vitc_picture *p, const uint8_t *source, void *out, vitc_for parallel,
                         void *team) {
  conversion c = {p, source, out};
  if (p->vertical.count != p->out_height || p->horizontal.count != p->out_width)
    memset(out, 0,
           (size_t)p->out_height * (size_t)p->out_width * (size_t)p->out_channels *
               (p->f32 ? sizeof(float) : 1));
  if (p->interpolates)
    return parallel(team, tasks_of(p->vertical.count), only_pass, &c);
  return parallel(team, tasks_of(middle_rows(p)), first_pass, &c) &&
         parallel(team, tasks_of(p->vertical.count), second_pass, &c);
}
