/* model.h - a model in memory. */
#ifndef VITC_MODEL_H
#define VITC_MODEL_H

#include "arena.h"
#include "threads.h"
#include "vitc/runtime.h"
#include "weights.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vitc_model {
  const vitc_model_info *info; /* of the size that was asked for */
  const vitc_level *level;
  vitc_options options;         /* as completed by create */
  vitc_thread_pool caller_pool; /* parallel_for null: own threads */
  vitc_pool *pool;              /* null with one thread, or with the caller's pool */
  uint32_t threads;             /* workers that may run at once, and so have scratch */
  vitc_weights weights;
  vitc_layout layout;
  void *memory; /* of all contexts; ours to free unless the caller brought it */
  vitc_contexts contexts;
};

#ifdef __cplusplus
}
#endif

#endif /* VITC_MODEL_H */
