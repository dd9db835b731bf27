#define _GNU_SOURCE
#include "message.h"
#include "pass.h"
#include "picture.h"
#include <stddef.h>

static int run_picture_tasks(void *team, uint32_t count, vitc_task task, void *arg) {
  return vitc_run_tasks(team, count, 1, task, arg);
}

static vitc_run begin(vitc_model *model) {
  vitc_run r = {model, vitc_context_take(&model->contexts), NULL, 1};
  if (model->pool && vitc_pool_take(model->pool)) {
    r.pool = model->pool;
    r.threads = vitc_pool_threads(r.pool);
  } else if (model->caller_pool.parallel_for) {
    r.threads = model->caller_pool.threads;
  }
  return r;
}

static void end(vitc_model *model, vitc_run *r) {
  if (r->pool)
    vitc_pool_give_back(r->pool);
  vitc_context_give_back(&model->contexts, r->context);
}

/* Shared by both runs. The limit on n keeps every offset into images and outputs within an address. */
static vitc_status check_arguments(const vitc_model *model, const void *images, uint64_t image_bytes,
                                   size_t n, void *const *outputs) {
  if (!model)
    return vitc_fail(VITC_INVALID_ARGUMENT, "expected a model, got a null pointer");
  if (!images || !outputs)
    return vitc_fail(VITC_INVALID_ARGUMENT, "expected images and outputs, got a null pointer");
  uint64_t largest = image_bytes;
  for (uint32_t i = 0; i < model->info->output_count; i++) {
    if (!outputs[i]) {
      vitc_text text = vitc_message();
      vitc_add(&text, "expected a buffer for output ");
      vitc_add_number(&text, i);
      vitc_add(&text, ", got a null pointer");
      return VITC_INVALID_ARGUMENT;
    }
    largest = model->info->output_bytes[i] > largest ? model->info->output_bytes[i] : largest;
  }
  if (largest && n > PTRDIFF_MAX / largest) {
    vitc_text text = vitc_message();
    vitc_add_number(&text, n);
    vitc_add(&text, " images do not fit into memory");
    return VITC_INVALID_ARGUMENT;
  }
  return VITC_OK;
}

static uint32_t images_of_pass(const vitc_model *model, size_t left) {
  return left < model->info->batch ? (uint32_t)left : model->info->batch;
}

vitc_status vitc_rt_run(vitc_model *model, const float *images, size_t n, void *const *outputs) {
  if (model && !n)
    return VITC_OK;
  const vitc_schedule *schedule = model ? &model->level->run : NULL;
  vitc_status status = check_arguments(model, images, schedule ? schedule->input_bytes : 0, n, outputs);
  if (status)
    return status;
  vitc_run r = begin(model);
  vitc_pass p = {&r, schedule, (const uint8_t *)images, outputs, 0, 0};
  for (; p.first < n && !status; p.first += p.images) {
    p.images = images_of_pass(model, n - p.first);
    if (!vitc_run_pass(&p))
      status = VITC_INVALID_ARGUMENT;
    p.input += p.images * schedule->input_bytes;
  }
  end(model, &r);
  return status;
}

vitc_status vitc_rt_run_u8(vitc_model *model, const uint8_t *pixels, int32_t h, int32_t w, int32_t channels,
                           ptrdiff_t row_stride, size_t n, void *const *outputs) {
  const vitc_schedule *schedule = model ? &model->level->run_u8 : NULL;
  if (model && (!model->info->preprocess || !schedule->step_count))
    return vitc_fail(VITC_INVALID_ARGUMENT,
                     "the model was compiled without preprocessing: it takes no pictures");
  if (model && !n)
    return VITC_OK;
  vitc_status status = check_arguments(model, pixels, 0, n, outputs);
  if (status)
    return status;
  vitc_run r = begin(model);
  vitc_picture picture;
  uint8_t *memory = r.context->memory;
  uint8_t *resized = memory + model->layout.pixels;
  status = vitc_picture_prepare(&picture, model->info, h, w, channels, row_stride,
                                memory + model->layout.pictures);
  if (!status && n > (size_t)(PTRDIFF_MAX / (h * row_stride)))
    status = vitc_fail(VITC_INVALID_ARGUMENT, "the pictures do not fit into memory");
  vitc_pass p = {&r, schedule, resized, outputs, 0, 0};
  for (; p.first < n && !status; p.first += p.images) {
    p.images = images_of_pass(model, n - p.first);
    int done = 1;
    for (uint32_t i = 0; i < p.images && done; i++)
      done = vitc_picture_convert(&picture, pixels + (ptrdiff_t)(p.first + i) * h * row_stride,
                                  resized + i * schedule->input_bytes, run_picture_tasks, &r);
    if (!done || !vitc_run_pass(&p))
      status = VITC_INVALID_ARGUMENT;
  }
  end(model, &r);
  return status;
}
