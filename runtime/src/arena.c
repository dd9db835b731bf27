#include "arena.h"
#include "cpus.h"
#include "picture.h"
#include "vitc/runtime.h"
#include <unistd.h>

vitc_layout vitc_layout_of(const vitc_model_info *info, uint32_t threads) {
  uint64_t arena = 0, scratch = 0, pixels = 0;
  for (uint32_t i = 0; i < info->level_count; i++) {
    const vitc_level *level = &info->levels[i];
    arena = level->arena_bytes > arena ? level->arena_bytes : arena;
    scratch = level->scratch_bytes > scratch ? level->scratch_bytes : scratch;
    if (level->run_u8.step_count && level->run_u8.input_bytes > pixels)
      pixels = level->run_u8.input_bytes;
  }
  vitc_layout layout;
  layout.activations = 0;
  layout.pixels = vitc_align(vitc_times(info->batch, arena));
  layout.pictures = vitc_plus(layout.pixels, vitc_align(vitc_times(info->batch, pixels)));
  layout.scratch = vitc_plus(layout.pictures, vitc_picture_bytes(info));
  layout.bytes = vitc_plus(layout.scratch, vitc_align(vitc_times(threads, scratch)));
  return layout;
}

uint64_t vitc_rt_arena_bytes(const vitc_library_info *library, uint32_t threads) {
  /* One size may need the most for its activations, and another for a thread's scratch. */
  uint64_t fixed = 0, scratch = 0;
  for (uint32_t i = 0; i < library->model_count; i++) {
    vitc_layout layout = vitc_layout_of(&library->models[i], 1);
    uint64_t own = layout.bytes - layout.scratch;
    fixed = layout.scratch > fixed ? layout.scratch : fixed;
    scratch = own > scratch ? own : scratch;
  }
  return vitc_plus(fixed, vitc_times(threads ? threads : vitc_cpus_default(), scratch));
}

vitc_context *vitc_context_take(vitc_contexts *contexts) {
  uint32_t self = (uint32_t)getpid();
  for (;;) {
    uint32_t returned = __atomic_load_n(&contexts->returned, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < contexts->count; i++) {
      uint32_t owner = __atomic_load_n(&contexts->list[i].owner, __ATOMIC_RELAXED);
      if (owner != self && __atomic_compare_exchange_n(&contexts->list[i].owner, &owner, self, 0,
                                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return &contexts->list[i];
    }
    __atomic_fetch_add(&contexts->waiters, 1, __ATOMIC_SEQ_CST);
    vitc_futex_wait(&contexts->returned, returned);
    __atomic_fetch_sub(&contexts->waiters, 1, __ATOMIC_RELAXED);
  }
}

void vitc_context_give_back(vitc_contexts *contexts, vitc_context *context) {
  __atomic_store_n(&context->owner, 0, __ATOMIC_RELEASE);
  __atomic_fetch_add(&contexts->returned, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&contexts->waiters, __ATOMIC_SEQ_CST))
    vitc_futex_wake(&contexts->returned, 1);
}
