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

/* Shares of a job, at most: every job writes them all, and who runs out of work looks at all of them. */
enum { MAX_SHARES = 16 };

/* generation << 32 | tasks of the share not yet claimed. One word, so that a late worker can never claim a
 * task of one job and read the description of another. */
typedef struct vitc_ticket {
  _Alignas(LINE) uint64_t word;
} vitc_ticket;

/* A job's tasks are lines of `width`. They are divided among `columns` x `rows` shares, rectangles of them:
 * share s takes column s % columns and row s / columns. */
typedef struct vitc_job {
  uint32_t lines, width;
  uint32_t columns, rows;
  uint32_t count;
  vitc_task task;
  void *arg;
} vitc_job;

typedef struct vitc_worker {
  struct vitc_pool *pool;
  pthread_t thread;
  uint32_t index;
} vitc_worker;

struct vitc_pool {
  /* Fixed after creation. */
  uint32_t threads;
  uint32_t shares;
  uint32_t spin;
  int32_t pid;
  char name[16];
  vitc_worker *workers; /* threads - 1 of them */

  _Alignas(LINE) uint32_t taken;

  /* The job. Written by the leader while no task is claimed, polled by all. */
  _Alignas(LINE) uint32_t generation; /* of the newest job; workers sleep on it */
  uint32_t running;                   /* a run is in progress: spin for its next job */
  uint32_t stop;
  uint32_t claim; /* tasks to claim at once, at most */
  vitc_job job;

  vitc_ticket tickets[MAX_SHARES];

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

/* The part of [0, total) that is number `part` of `parts`. */
typedef struct vitc_range {
  uint32_t first, size;
} vitc_range;

static vitc_range part_of(uint32_t total, uint32_t part, uint32_t parts) {
  uint32_t first = (uint32_t)((uint64_t)total * part / parts);
  return (vitc_range){first, (uint32_t)((uint64_t)total * (part + 1) / parts) - first};
}

/* As many shares as there may be, in as many columns as possible: then each thread sees the same part of
 * every line. */
static void divide(vitc_job *job, uint32_t shares) {
  uint32_t most = job->width < shares ? job->width : shares;
  job->columns = most;
  for (uint32_t columns = most; columns; columns--)
    if (columns * (shares / columns) > job->columns * (shares / job->columns))
      job->columns = columns;
  job->rows = shares / job->columns;
}

/* Claims and runs tasks of one share until none is left; returns how many. `sharers` workers begin here. */
static uint32_t work_share(vitc_pool *pool, uint32_t share, uint32_t sharers, uint32_t worker) {
  uint32_t ran = 0;
  uint64_t *word = &pool->tickets[share].word;
  uint64_t ticket = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  while ((uint32_t)ticket) {
    /* A line of the share, or half of what is left: all end together. If the job just ended this is the line
     * of a later one, and the exchange fails. */
    uint32_t line = __atomic_load_n(&pool->claim, __ATOMIC_RELAXED);
    uint32_t left = (uint32_t)ticket, claim = left / (2 * sharers);
    claim = claim < line ? claim : line;
    claim = claim ? claim : 1;
    if (!__atomic_compare_exchange_n(word, &ticket, ticket - claim, 1, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
      continue;
    vitc_job job = pool->job; /* it cannot change while one of its tasks is unfinished */
    vitc_range columns = part_of(job.width, share % job.columns, job.columns);
    vitc_range lines = part_of(job.lines, share / job.columns, job.rows);
    uint32_t first = columns.size * lines.size - left;
    for (uint32_t i = first; i != first + claim; i++)
      job.task(job.arg, (lines.first + i / columns.size) * job.width + columns.first + i % columns.size,
               worker);
    ran += claim;
    ticket = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  }
  return ran;
}

/* Does what is left of the current job: first of the worker's own share, then of the others. */
static void work(vitc_pool *pool, uint32_t worker) {
  uint32_t shares = pool->shares, own = worker % shares, ran = 0;
  uint32_t sharers = (pool->threads + shares - 1) / shares;
  for (uint32_t i = 0; i < shares; i++)
    ran += work_share(pool, (own + i) % shares, sharers, worker);
  if (!ran)
    return;
  uint32_t count = pool->job.count;
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

void vitc_pool_run(vitc_pool *pool, uint32_t count, uint32_t width, vitc_task task, void *arg) {
  if (count < 2) { /* nothing to share */
    if (count)
      task(arg, 0, 0);
    return;
  }
  uint32_t generation = pool->generation + 1;
  vitc_job job = {count / width, width, 0, 0, count, task, arg};
  divide(&job, pool->shares);
  pool->job = job;
  __atomic_store_n(&pool->claim, part_of(width, 0, job.columns).size, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->done, 0, __ATOMIC_RELAXED);
  for (uint32_t share = 0; share < pool->shares; share++) {
    uint32_t tasks = share < job.columns * job.rows
                         ? part_of(width, share % job.columns, job.columns).size *
                               part_of(job.lines, share / job.columns, job.rows).size
                         : 0;
    __atomic_store_n(&pool->tickets[share].word, (uint64_t)generation << 32 | tasks, __ATOMIC_RELEASE);
  }
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
  pool->shares = pool->threads < MAX_SHARES ? pool->threads : MAX_SHARES;
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
