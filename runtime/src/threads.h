/* threads.h - a pool of threads that runs numbered tasks.
 *
 * One thread, the leader, takes the pool for a run, hands it one job after another, and gives it back.
 * Between the jobs of a run the workers spin; between runs they sleep in the kernel. Tasks are claimed by
 * whoever is free, so a worker that loses its CPU delays one claim, and a job ends when all its tasks have:
 * no worker needs to check in.
 */
#ifndef VITC_THREADS_H
#define VITC_THREADS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*vitc_task)(void *arg, uint32_t index, uint32_t worker);

enum { VITC_MAX_THREADS = 1024 };

typedef struct vitc_pool vitc_pool;

/* Starts a pool of `threads` workers in all, from 2 to VITC_MAX_THREADS, the leader being worker 0. `started`
 * receives how many there are, the leader included: fewer when the system refuses more. Null if out of
 * memory. */
vitc_pool *vitc_pool_create(uint32_t threads, const char *name, uint32_t *started);

/* Ends the threads. In a child of fork, which has none of them, only frees the memory. */
void vitc_pool_destroy(vitc_pool *pool);

/* Takes the pool for a run: nonzero if it was free. Always zero in a child of fork. */
int vitc_pool_take(vitc_pool *pool);
void vitc_pool_give_back(vitc_pool *pool);

/* Workers in all, the leader included. */
uint32_t vitc_pool_threads(const vitc_pool *pool);

/* for (uint32_t i = 0; i < count; i++) task(arg, i, worker), on all workers. Only while the pool is taken.
 * Tasks are `count / width` lines of `width`, which divides `count`. Each worker begins with a share of its
 * own: the same part of every line as far as there are enough, else a part of the lines. So the worker of a
 * task has its inputs in its own cache if it did what they come from, in a job divided likewise. Who ends
 * early helps the others. */
void vitc_pool_run(vitc_pool *pool, uint32_t count, uint32_t width, vitc_task task, void *arg);

/* Sleeps while *word == value; may wake early. Wakes up to `count` sleepers. */
void vitc_futex_wait(uint32_t *word, uint32_t value);
void vitc_futex_wake(uint32_t *word, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif /* VITC_THREADS_H */
