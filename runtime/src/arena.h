/* arena.h - the memory of runs: how much, where each part lies, and who has it. */
#ifndef VITC_ARENA_H
#define VITC_ARENA_H

#include "vitc/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sums that stick at UINT64_MAX: sizes that do not fit in memory, rather than wrong ones. */
static inline uint64_t vitc_plus(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }
static inline uint64_t vitc_times(uint64_t a, uint64_t b) {
  return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}
static inline uint64_t vitc_align(uint64_t bytes) {
  return bytes > UINT64_MAX - 63 ? UINT64_MAX : (bytes + 63) & ~UINT64_C(63);
}

/* Offsets of the parts of one run's memory, the same on every level, so that a program sized on one CPU also
 * runs on the next. All are multiples of 64. */
typedef struct vitc_layout {
  uint64_t activations; /* batch x the largest level's arena_bytes */
  uint64_t pixels;      /* batch x resized pictures */
  uint64_t pictures;    /* tables and intermediate of the resize */
  uint64_t scratch;     /* threads x the largest level's scratch_bytes */
  uint64_t bytes;       /* in all; UINT64_MAX if that overflows */
} vitc_layout;

vitc_layout vitc_layout_of(const vitc_model_info *info, uint32_t threads);

/* The memory of one run. */
typedef struct vitc_context {
  uint32_t owner; /* process whose run has it; 0 if free */
  uint8_t *memory;
} vitc_context;

/* The contexts of a model. A thread that finds none free sleeps until one is given back. */
typedef struct vitc_contexts {
  vitc_context *list;
  uint32_t count;
  uint32_t returned; /* counts give-backs; waiters sleep on it */
  uint32_t waiters;
} vitc_contexts;

/* A context that a parent process held at the time of fork counts as free in the child: its owner is not
 * there. */
vitc_context *vitc_context_take(vitc_contexts *contexts);
void vitc_context_give_back(vitc_contexts *contexts, vitc_context *context);

#ifdef __cplusplus
}
#endif

#endif /* VITC_ARENA_H */
