/* api.h - types that the headers of all models compiled by vitc share.
 *
 * Self-contained C99, also valid C++. vitc pastes this text into each generated header; the guard lets a
 * program include the headers of several models. Functions are declared per model, with the model's prefix.
 */
#ifndef VITC_API_H
#define VITC_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. Everything but VITC_OK also leaves a message for the calling thread. */
typedef enum vitc_status {
  VITC_OK = 0,
  VITC_INVALID_ARGUMENT = 1,   /* an argument or option is out of its stated range */
  VITC_OUT_OF_MEMORY = 2,      /* create could not allocate */
  VITC_WEIGHTS_NOT_FOUND = 3,  /* the weights file is missing or unreadable */
  VITC_WEIGHTS_MISMATCH = 4,   /* the weights are damaged, or those of another model */
  VITC_PICTURE_TOO_LARGE = 5,  /* a side exceeds the model's ..._MAX_SIDE */
  VITC_UNSUPPORTED_CPU = 6,    /* no level of the library (or not the forced one) runs on this CPU */
  VITC_ARENA_TOO_SMALL = 7,    /* the caller's arena is smaller than ..._arena_bytes() */
  VITC_THREADS_UNAVAILABLE = 8 /* the system refused to start the threads asked for */
} vitc_status;

/* A model in memory. Generated headers give it a type of their own. */
typedef struct vitc_model vitc_model;

/* A thread pool of the caller. parallel_for must have the effect of
 *
 *   for (uint32_t i = 0; i < count; i++) task(arg, i, 0);
 *
 * and return after the last task has. Tasks may run in any order and at the same time on up to `threads`
 * threads; `worker` then tells them apart: it is less than `threads`, and differs between tasks of this call
 * that run at the same time (it selects scratch memory). The calling thread may be one of the workers. With
 * `concurrency` above 1, parallel_for may be called from several threads at once. */
typedef struct vitc_thread_pool {
  void *context;    /* passed through */
  uint32_t threads; /* 1 to 1024 */
  void (*parallel_for)(void *context, uint32_t count,
                       void (*task)(void *arg, uint32_t index, uint32_t worker), void *arg);
} vitc_thread_pool;

/* Options of create. Start from zeros with struct_size set; zero always means the default:
 *
 *   vitc_options options = {sizeof options};
 */
typedef struct vitc_options {
  size_t struct_size; /* sizeof(vitc_options) */

  /* Threads per run, the caller's included, up to 1024; results do not depend on it. 0: the CPUs in the
   * process's affinity mask, cut by its cgroup quota (v1 or v2). Ignored with `pool`. */
  uint32_t threads;
  /* Runs that may be in progress at once, up to 1024; further callers wait. Default 1. Each takes
   * ..._arena_bytes() of memory. One run at a time has the library's threads, the others use their caller's.
   */
  uint32_t concurrency;
  const vitc_thread_pool *pool; /* instead of own threads; must outlive the model. Null: own threads */

  /* Where the weights are; at most one of the three. Default: embedded, or else the model's file beside the
   * library or executable that holds its code, or else in the current directory. The file must not shrink
   * while in use. */
  const char *weights_path;
  const void *weights_data; /* contents of a .vitw file, 64-byte aligned; must outlive the model */
  size_t weights_size;      /* bytes at weights_data */
  int32_t weights_fd;       /* an open .vitw file; may be closed after create */
  int32_t use_weights_fd;   /* nonzero: weights_fd is given */

  /* Memory to run in: 64-byte aligned, at least ..._arena_bytes(threads) for each concurrent run; must
   * outlive the model and need not be cleared. Null: allocated by create. */
  void *arena;
  size_t arena_bytes;

  const char *level; /* name of the instruction-set level to use; null: the best that this CPU has */

  /* Nanoseconds spent in each step of the model are added to profile_ns[step], for steps below profile_steps.
   * Meant for one run at a time. Null: no clock is read. */
  uint64_t *profile_ns;
  uint32_t profile_steps;

  /* Input size of the model in pixels, one of those that the library was compiled for. Models of all sizes
   * may exist and run at once; their weights are in memory once. Both 0: the first, which is the only one
   * unless the header has ..._SIZES. */
  uint32_t height, width;
} vitc_options;

#ifdef __cplusplus
}
#endif

#endif /* VITC_API_H */
