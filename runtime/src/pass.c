#define _GNU_SOURCE
#include "pass.h"
#include "message.h"
#include <stddef.h>
#include <time.h>

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

int vitc_run_tasks(const vitc_run *r, uint32_t count, uint32_t width, vitc_task task, void *arg) {
  const vitc_thread_pool *theirs = &r->model->caller_pool;
  if (r->pool) {
    vitc_pool_run(r->pool, count, width, task, arg);
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
  vitc_region_fn run; /* `chunks` of it, in lines of `parts` */
  uint32_t chunks, parts;
  uint32_t images;
  uint8_t *base[VITC_MAX_OPERANDS];
  uint64_t image_stride[VITC_MAX_OPERANDS];
  uint64_t worker_stride[VITC_MAX_OPERANDS];
} step_run;

/* Neighbouring tasks share an image and weights, or a chunk and its weights. */
static void step_task(void *arg, uint32_t index, uint32_t worker) {
  const step_run *s = arg;
  uint32_t images_inner = s->step->flags & VITC_STEP_IMAGES_INNER;
  uint32_t image = images_inner ? index % s->images : index / s->chunks;
  uint32_t chunk = images_inner ? index / s->images : index % s->chunks;
  void *operands[VITC_MAX_OPERANDS];
  for (uint32_t i = 0; i < s->step->operand_count; i++)
    operands[i] = s->base[i] + image * s->image_stride[i] + worker * s->worker_stride[i];
  s->run(operands, chunk);
}

/* Step `index` over images of the pass from `image` on. */
static step_run resolve(const vitc_pass *p, uint32_t index, uint32_t image, uint32_t images) {
  const vitc_model *model = p->run->model;
  const vitc_level *level = model->level;
  step_run s;
  s.step = &p->schedule->steps[index];
  s.run = s.step->run;
  s.chunks = s.step->chunks;
  s.parts = s.step->parts;
  s.images = images;
  for (uint32_t i = 0; i < s.step->operand_count; i++) {
    const vitc_operand *operand = &s.step->operands[i];
    uint8_t *base = NULL;
    s.image_stride[i] = s.worker_stride[i] = 0;
    switch (operand->space) {
    case VITC_SPACE_ARENA:
      base = p->run->context->memory + model->layout.activations;
      s.image_stride[i] = level->arena_bytes;
      break;
    case VITC_SPACE_WEIGHTS:
      base = (uint8_t *)(uintptr_t)model->weights.blob;
      break;
    case VITC_SPACE_INPUT:
      base = (uint8_t *)(uintptr_t)p->input;
      s.image_stride[i] = p->schedule->input_bytes;
      break;
    case VITC_SPACE_OUTPUT:
      s.image_stride[i] = model->info->output_bytes[operand->index];
      base = (uint8_t *)p->outputs[operand->index] + p->first * s.image_stride[i];
      break;
    case VITC_SPACE_SCRATCH:
      base = p->run->context->memory + model->layout.scratch;
      s.worker_stride[i] = level->scratch_bytes;
      break;
    }
    s.base[i] = base + operand->offset + image * s.image_stride[i];
  }
  return s;
}

/* Chooses the finer division of a step where the other leaves threads idle for more than a fifth of the time:
 * finer chunks cost some work that is done for each of them. */
static void divide_for(step_run *s, uint32_t threads) {
  uint64_t tasks = (uint64_t)s->chunks * s->images, turns = (tasks + threads - 1) / threads;
  if (!s->step->run_fine || 5 * tasks >= 4 * turns * threads)
    return;
  s->run = s->step->run_fine;
  s->chunks = s->step->fine_chunks;
  s->parts = s->step->fine_parts;
}

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Adds the time since `*before` to a step's profile, if there is one; `sharers` threads count time at once.
 */
static void count_time(const vitc_options *options, uint32_t step, uint32_t sharers, uint64_t *before) {
  if (!options->profile_ns || step >= options->profile_steps)
    return;
  uint64_t now = nanoseconds();
  __atomic_fetch_add(&options->profile_ns[step], (now - *before) / sharers, __ATOMIC_RELAXED);
  *before = now;
}

/* Consecutive steps of a pass, in which images do not wait for each other. */
typedef struct stretch {
  const vitc_pass *pass;
  uint32_t first, end;
} stretch;

/* All steps of a stretch for one image, on one thread. */
static void image_task(void *arg, uint32_t image, uint32_t worker) {
  const stretch *s = arg;
  const vitc_options *options = &s->pass->run->model->options;
  uint64_t before = options->profile_ns ? nanoseconds() : 0;
  for (uint32_t i = s->first; i < s->end; i++) {
    step_run one = resolve(s->pass, i, image, 1);
    for (uint32_t chunk = 0; chunk < one.chunks; chunk++)
      step_task(&one, chunk, worker);
    count_time(options, i, s->pass->run->threads, &before);
  }
}

/* As many images as fill all threads go each on a thread of its own, without waiting and with its activations
 * in that core's cache; the threads share the others, step by step. Either way an image's results have the
 * same bits. */
static int run_stretch(const stretch *s) {
  const vitc_pass *p = s->pass;
  const vitc_run *r = p->run;
  int images_inner = p->schedule->steps[s->first].flags & VITC_STEP_IMAGES_INNER;
  uint32_t alone = images_inner ? 0 : p->images / r->threads * r->threads;
  if (alone && !vitc_run_tasks(r, alone, 1, image_task, (void *)(uintptr_t)s))
    return 0;
  if (alone == p->images)
    return 1;
  uint64_t before = r->model->options.profile_ns ? nanoseconds() : 0;
  for (uint32_t i = s->first; i < s->end; i++) {
    step_run rest = resolve(p, i, alone, p->images - alone);
    divide_for(&rest, r->threads);
    uint32_t width = rest.parts * (images_inner ? rest.images : 1);
    if (!vitc_run_tasks(r, rest.chunks * rest.images, width, step_task, &rest))
      return 0;
    count_time(&r->model->options, i, 1, &before);
  }
  return 1;
}

int vitc_run_pass(const vitc_pass *p) {
  const vitc_step *steps = p->schedule->steps;
  stretch s = {p, 0, 0};
  for (; s.first < p->schedule->step_count; s.first = s.end) {
    for (s.end = s.first + 1; s.end < p->schedule->step_count; s.end++)
      if ((steps[s.end].flags ^ steps[s.first].flags) & VITC_STEP_IMAGES_INNER)
        break;
    if (!run_stretch(&s))
      return 0;
  }
  return 1;
}
