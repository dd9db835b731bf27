#define _GNU_SOURCE
#include "threads.h"
#include "cpus.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Iterations of relax() before a waiting thread sleeps: a few hundred microseconds, longer than most steps
 * take, and short against a time slice when another process wants the CPU. With more threads than CPUs every
 * spin steals from the thread waited for. */
enum { SPIN = 16384, SPIN_OVERSUBSCRIBED = 64 };
enum { LINE = 64 };

typedef struct vitc_worker {
  struct vitc_pool *pool;
  pthread_t thread;
  uint32_t index;
} vitc_worker;

struct vitc_pool {
  /* Fixed after creation. */
  uint32_t threads;
  uint32_t spin;
  int32_t pid;
  char name[16];
  vitc_worker *workers; /* threads - 1 of them */

  _Alignas(LINE) uint32_t taken;

  /* The job. Written by the leader while no task is claimed, polled by all. */
  _Alignas(LINE) uint32_t generation; /* of the newest job; workers sleep on it */
  uint32_t running;                   /* a run is in progress: spin for its next job */
  uint32_t stop;
  uint32_t count, grain;
  vitc_task task;
  void *arg;

  /* generation << 32 | tasks not yet claimed. One word, so that a late worker can never claim a task of one
   * job and read the description of another. */
  _Alignas(LINE) uint64_t ticket;

  _Alignas(LINE) uint32_t done; /* tasks finished; the leader sleeps on it */
  uint32_t leader_sleeps;

  _Alignas(LINE) uint32_t sleepers;
};

void vitc_futex_wait(uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void vitc_futex_wake(uint32_t *word, uint32_t count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb"); /* yield is a no-op on most cores; isb takes about as long as pause */
#endif
}

/* Tasks to claim of `left`: half of a fair share, at most the grain. */
static uint32_t claim_of(uint32_t left, uint32_t grain, uint32_t threads) {
  uint32_t share = left / (2 * threads);
  uint32_t claim = share < grain ? share : grain;
  return claim ? claim : 1;
}

/* Claims and runs tasks of the current job until none is left. */
static void work(vitc_pool *pool, uint32_t worker) {
  uint32_t ran = 0, count = 0;
  uint64_t ticket = __atomic_load_n(&pool->ticket, __ATOMIC_ACQUIRE);
  while ((uint32_t)ticket) {
    /* The grain of a later job, if this one just ended: then the exchange fails. */
    uint32_t grain = __atomic_load_n(&pool->grain, __ATOMIC_RELAXED);
    uint32_t left = (uint32_t)ticket, claim = claim_of(left, grain, pool->threads);
    if (!__atomic_compare_exchange_n(&pool->ticket, &ticket, ticket - claim, 1, __ATOMIC_ACQUIRE,
                                     __ATOMIC_ACQUIRE))
      continue;
    count = pool->count; /* the job cannot change while one of its tasks is unfinished */
    for (uint32_t i = count - left; i != count - left + claim; i++)
      pool->task(pool->arg, i, worker);
    ran += claim;
    ticket = __atomic_load_n(&pool->ticket, __ATOMIC_ACQUIRE);
  }
  if (!ran)
    return;
  uint32_t done = __atomic_add_fetch(&pool->done, ran, __ATOMIC_SEQ_CST);
  if (done == count && worker && __atomic_load_n(&pool->leader_sleeps, __ATOMIC_SEQ_CST))
    vitc_futex_wake(&pool->done, 1);
}

static void *worker_main(void *arg) {
  vitc_worker *self = arg;
  vitc_pool *pool = self->pool;
  syscall(SYS_prctl, PR_SET_NAME, pool->name, 0, 0, 0);
  uint32_t seen = 0, spins = 0;
  for (;;) {
    uint32_t generation = __atomic_load_n(&pool->generation, __ATOMIC_ACQUIRE);
    if (generation != seen) {
      if (__atomic_load_n(&pool->stop, __ATOMIC_ACQUIRE))
        return NULL;
      seen = generation;
      spins = 0;
      work(pool, self->index);
    } else if (spins < pool->spin && __atomic_load_n(&pool->running, __ATOMIC_RELAXED)) {
      spins++;
      relax();
    } else {
      __atomic_fetch_add(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&pool->generation, __ATOMIC_SEQ_CST) == seen)
        vitc_futex_wait(&pool->generation, seen);
      __atomic_fetch_sub(&pool->sleepers, 1, __ATOMIC_RELAXED);
      spins = 0;
    }
  }
}

/* Announces a new generation, after everything it stands for has been written. */
static void announce(vitc_pool *pool, uint32_t generation, uint32_t helpers) {
  __atomic_store_n(&pool->generation, generation, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool->sleepers, __ATOMIC_SEQ_CST))
    vitc_futex_wake(&pool->generation, helpers);
}

uint32_t vitc_pool_threads(const vitc_pool *pool) { return pool->threads; }

void vitc_pool_run(vitc_pool *pool, uint32_t count, uint32_t grain, vitc_task task, void *arg) {
  if (count < 2) { /* nothing to share */
    if (count)
      task(arg, 0, 0);
    return;
  }
  uint32_t generation = pool->generation + 1;
  pool->count = count;
  __atomic_store_n(&pool->grain, grain, __ATOMIC_RELAXED);
  pool->task = task;
  pool->arg = arg;
  __atomic_store_n(&pool->done, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->ticket, (uint64_t)generation << 32 | count, __ATOMIC_RELEASE);
  announce(pool, generation, count - 1);
  work(pool, 0);

  uint32_t done;
  for (uint32_t spins = 0; (done = __atomic_load_n(&pool->done, __ATOMIC_ACQUIRE)) != count; spins++) {
    if (spins < pool->spin) {
      relax();
      continue;
    }
    __atomic_store_n(&pool->leader_sleeps, 1, __ATOMIC_SEQ_CST);
    if ((done = __atomic_load_n(&pool->done, __ATOMIC_SEQ_CST)) != count)
      vitc_futex_wait(&pool->done, done);
    __atomic_store_n(&pool->leader_sleeps, 0, __ATOMIC_RELAXED);
  }
}

int vitc_pool_take(vitc_pool *pool) {
  if (getpid() != pool->pid || __atomic_exchange_n(&pool->taken, 1, __ATOMIC_ACQUIRE))
    return 0;
  __atomic_store_n(&pool->running, 1, __ATOMIC_RELAXED);
  return 1;
}

void vitc_pool_give_back(vitc_pool *pool) {
  __atomic_store_n(&pool->running, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->taken, 0, __ATOMIC_RELEASE);
}

/* Workers take no signals: the application's handlers run on its own threads. Faults stay deliverable, as do
 * the C libraries' internal signals 32 to 34 and the profiler's. Returns the creator's mask. */
static uint64_t block_signals(void) {
  static const uint8_t open_signals[] = {
      4 /* ILL */,   5 /* TRAP */, 6 /* ABRT */, 7 /* BUS */, 8 /* FPE */, 11 /* SEGV */,
      27 /* PROF */, 31 /* SYS */, 32,           33,          34};
  uint64_t mask = ~UINT64_C(0), old = 0;
  for (uint32_t i = 0; i < sizeof open_signals; i++)
    mask &= ~(UINT64_C(1) << (open_signals[i] - 1));
  syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &mask, &old, sizeof mask);
  return old;
}

vitc_pool *vitc_pool_create(uint32_t threads, const char *name, uint32_t *started) {
  *started = 0;
  void *memory = NULL;
  size_t workers = (threads - 1) * sizeof(vitc_worker);
  if (posix_memalign(&memory, LINE, sizeof(vitc_pool) + workers))
    return NULL;
  memset(memory, 0, sizeof(vitc_pool) + workers);
  vitc_pool *pool = memory;
  pool->workers = (vitc_worker *)(pool + 1);
  pool->pid = getpid();
  pool->spin = threads <= vitc_cpus_affinity() ? SPIN : SPIN_OVERSUBSCRIBED;
  for (uint32_t i = 0; i < sizeof pool->name - 1 && name[i]; i++)
    pool->name[i] = name[i];

  uint64_t old = block_signals();
  for (pool->threads = 1; pool->threads < threads; pool->threads++) {
    vitc_worker *worker = &pool->workers[pool->threads - 1];
    worker->pool = pool;
    worker->index = pool->threads;
    if (pthread_create(&worker->thread, NULL, worker_main, worker))
      break;
  }
  syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &old, NULL, sizeof old);
  *started = pool->threads;
  return pool;
}

void vitc_pool_destroy(vitc_pool *pool) {
  if (getpid() == pool->pid) {
    __atomic_store_n(&pool->stop, 1, __ATOMIC_RELEASE);
    announce(pool, pool->generation + 1, UINT32_MAX >> 1);
    for (uint32_t i = 0; i + 1 < pool->threads; i++)
      pthread_join(pool->workers[i].thread, NULL);
  }
  free(pool);
}
