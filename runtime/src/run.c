#define _GNU_SOURCE
#include "message.h"
#include "model.h"
#include "picture.h"
#include <stddef.h>
#include <time.h>

/* A run in progress: its memory and the threads that it got. */
typedef struct run {
  const vitc_model *model;
  vitc_context *context;
  vitc_pool *pool; /* null: tasks run on the calling thread, or in the caller's pool */
} run;

/* Tasks given to the caller's pool, and how they came back. */
typedef struct checked_tasks {
  vitc_task task;
  void *arg;
  uint32_t count, threads;
  uint32_t ran, bad;
} checked_tasks;

/* A pool that hands out numbers beyond its own limits must not make us write beyond ours. */
static void checked_task(void *arg, uint32_t index, uint32_t worker) {
  checked_tasks *tasks = arg;
  if (index >= tasks->count || worker >= tasks->threads) {
    __atomic_store_n(&tasks->bad, 1, __ATOMIC_RELAXED);
    return;
  }
  tasks->task(tasks->arg, index, worker);
  __atomic_fetch_add(&tasks->ran, 1, __ATOMIC_RELAXED);
}

static int run_in_parallel(void *team, uint32_t count, vitc_task task, void *arg) {
  run *r = team;
  const vitc_thread_pool *theirs = &r->model->caller_pool;
  if (r->pool) {
    vitc_pool_run(r->pool, count, task, arg);
  } else if (!theirs->parallel_for) {
    for (uint32_t i = 0; i < count; i++)
      task(arg, i, 0);
  } else {
    checked_tasks tasks = {task, arg, count, theirs->threads, 0, 0};
    theirs->parallel_for(theirs->context, count, checked_task, &tasks);
    if (tasks.bad || __atomic_load_n(&tasks.ran, __ATOMIC_RELAXED) != count) {
      vitc_text text = vitc_message();
      vitc_add(&text, "the caller's thread pool ran ");
      vitc_add_number(&text, tasks.ran);
      vitc_add(&text, " of ");
      vitc_add_number(&text, count);
      vitc_add(&text, tasks.bad ? " tasks, and one with an index or worker out of range" : " tasks");
      return 0;
    }
  }
  return 1;
}

/* One step over the images of a pass. Operand i of an image lies at base[i] + image * image_stride[i], on a
 * worker at worker * worker_stride[i] beyond that. */
typedef struct step_run {
  const vitc_step *step;
  uint32_t images;
  uint8_t *base[VITC_MAX_OPERANDS];
  uint64_t image_stride[VITC_MAX_OPERANDS];
  uint64_t worker_stride[VITC_MAX_OPERANDS];
} step_run;

/* Neighbouring tasks share an image, whose activations stay in cache, or a chunk and its weights. */
static void step_task(void *arg, uint32_t index, uint32_t worker) {
  const step_run *s = arg;
  uint32_t images_inner = s->step->flags & VITC_STEP_IMAGES_INNER;
  uint32_t image = images_inner ? index % s->images : index / s->step->chunks;
  uint32_t chunk = images_inner ? index / s->images : index % s->step->chunks;
  void *operands[VITC_MAX_OPERANDS];
  for (uint32_t i = 0; i < s->step->operand_count; i++)
    operands[i] = s->base[i] + image * s->image_stride[i] + worker * s->worker_stride[i];
  s->step->run(operands, chunk);
}

/* What a pass reads and writes: `first` is the number of its first image in the whole call. */
typedef struct pass {
  const uint8_t *input;
  void *const *outputs;
  size_t first;
  uint32_t images;
} pass;

static void resolve(step_run *s, const run *r, const vitc_schedule *schedule, const pass *p) {
  const vitc_model *model = r->model;
  const vitc_level *level = model->level;
  for (uint32_t i = 0; i < s->step->operand_count; i++) {
    const vitc_operand *operand = &s->step->operands[i];
    uint8_t *base = NULL;
    s->image_stride[i] = s->worker_stride[i] = 0;
    switch (operand->space) {
    case VITC_SPACE_ARENA:
      base = r->context->memory + model->layout.activations;
      s->image_stride[i] = level->arena_bytes;
      break;
    case VITC_SPACE_WEIGHTS:
      base = (uint8_t *)(uintptr_t)model->weights.blob;
      break;
    case VITC_SPACE_INPUT:
      base = (uint8_t *)(uintptr_t)p->input;
      s->image_stride[i] = schedule->input_bytes;
      break;
    case VITC_SPACE_OUTPUT:
      s->image_stride[i] = model->info->output_bytes[operand->index];
      base = (uint8_t *)p->outputs[operand->index] + p->first * s->image_stride[i];
      break;
    case VITC_SPACE_SCRATCH:
      base = r->context->memory + model->layout.scratch;
      s->worker_stride[i] = level->scratch_bytes;
      break;
    }
    s->base[i] = base + operand->offset;
  }
}

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int run_pass(run *r, const vitc_schedule *schedule, const pass *p) {
  const vitc_options *options = &r->model->options;
  uint64_t before = options->profile_ns ? nanoseconds() : 0;
  for (uint32_t i = 0; i < schedule->step_count; i++) {
    step_run s;
    s.step = &schedule->steps[i];
    s.images = p->images;
    resolve(&s, r, schedule, p);
    if (!run_in_parallel(r, s.step->chunks * p->images, step_task, &s))
      return 0;
    if (options->profile_ns && i < options->profile_steps) {
      uint64_t after = nanoseconds();
      options->profile_ns[i] += after - before;
      before = after;
    }
  }
  return 1;
}

static run begin(vitc_model *model) {
  run r = {model, vitc_context_take(&model->contexts), NULL};
  if (model->pool && vitc_pool_take(model->pool))
    r.pool = model->pool;
  return r;
}

static void end(vitc_model *model, run *r) {
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
  run r = begin(model);
  pass p = {(const uint8_t *)images, outputs, 0, 0};
  for (; p.first < n && !status; p.first += p.images) {
    p.images = images_of_pass(model, n - p.first);
    if (!run_pass(&r, schedule, &p))
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
  run r = begin(model);
  vitc_picture picture;
  uint8_t *memory = r.context->memory;
  uint8_t *resized = memory + model->layout.pixels;
  status = vitc_picture_prepare(&picture, model->info, h, w, channels, row_stride,
                                memory + model->layout.pictures);
  if (!status && n > (size_t)(PTRDIFF_MAX / (h * row_stride)))
    status = vitc_fail(VITC_INVALID_ARGUMENT, "the pictures do not fit into memory");
  pass p = {resized, outputs, 0, 0};
  for (; p.first < n && !status; p.first += p.images) {
    p.images = images_of_pass(model, n - p.first);
    int done = 1;
    for (uint32_t i = 0; i < p.images && done; i++)
      done = vitc_picture_convert(&picture, pixels + (ptrdiff_t)(p.first + i) * h * row_stride,
                                  resized + i * schedule->input_bytes, run_in_parallel, &r);
    if (!done || !run_pass(&r, schedule, &p))
      status = VITC_INVALID_ARGUMENT;
  }
  end(model, &r);
  return status;
}
