/* pass.h - a run in progress: tasks on whatever threads it has, and images through the steps of a schedule.
 */
#ifndef VITC_PASS_H
#define VITC_PASS_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A run in progress: its memory and the threads that it got. */
typedef struct vitc_run {
  const vitc_model *model;
  vitc_context *context;
  vitc_pool *pool;  /* null: tasks run on the calling thread, or in the caller's pool */
  uint32_t threads; /* that its tasks run on */
} vitc_run;

/* What a pass reads and writes: `first` is the number of its first image in the whole call. */
typedef struct vitc_pass {
  const vitc_run *run;
  const vitc_schedule *schedule;
  const uint8_t *input;
  void *const *outputs;
  size_t first;
  uint32_t images;
} vitc_pass;

/* for (uint32_t i = 0; i < count; i++) task(arg, i, worker), on the run's threads: lines of `width` tasks,
 * see vitc_pool_run. Zero, and a message, if the caller's pool did something else. */
int vitc_run_tasks(const vitc_run *run, uint32_t count, uint32_t width, vitc_task task, void *arg);

/* All steps for all images of the pass. Zero, and a message, as above. */
int vitc_run_pass(const vitc_pass *pass);

#ifdef __cplusplus
}
#endif

#endif /* VITC_PASS_H */
