/* A crew: the threads that share a forward pass.
 *
 * Work is a number of independent pieces. Whoever calls rp_crew_run works too, as thread 0; helpers
 * join and take pieces from one counter, a grain at a time, until none is left. A helper that is
 * late, or that the system has put aside, costs nothing but the grain it holds: the caller does the
 * rest. Since pieces are independent, results do not depend on how many threads there are or who
 * took what.
 *
 * Who waits, a helper for work or the caller for the last grains, yields the processor between looks
 * and sleeps after a while: the system then lets another process have the core, or moves the thread
 * that is waited for to it.
 *
 *     rp_crew *crew;
 *     if (rp_crew_new(2, NULL, &crew, reterr) != RP_OK) ...
 *     rp_crew_run(crew, rows, 16, multiply, &job);
 *     rp_crew_free(crew);
 *
 * A crew serves one caller at a time, on a thread that has entered (kernels/cpu/canon/thread.h).
 */
#ifndef ACTORS_EXECUTOR_MODEL_CREW_H
#define ACTORS_EXECUTOR_MODEL_CREW_H

#include "runtime/base/status.h"

enum { RP_CREW_THREADS_MAX = 256 };

typedef struct rp_crew rp_crew;

/* Does pieces [first, first + count). `thread` is below the crew's number of threads, and no two
 * that run at once are equal: an index into per-thread scratch. */
typedef void rp_crew_work(void *arg, unsigned thread, size_t first, size_t count);

/* `threads` in all, the caller's included, 1 to RP_CREW_THREADS_MAX; so threads - 1 are started, and
 * none for 1: then all is done on whichever thread calls rp_crew_run.
 * `cpus` names the processor of each of those, or is NULL: the system places them. RP_LIMIT,
 * RP_NO_MEMORY; RP_IO where a thread cannot be started or placed; RP_UNSUPPORTED where one has not
 * the canon's float environment. */
RP_MUST_USE rp_status rp_crew_new(
    unsigned threads, const int *cpus, rp_crew **ret_crew, rp_error *reterr);

/* Ends the helpers. Accepts NULL. */
void rp_crew_free(rp_crew *crew);

unsigned rp_crew_threads(const rp_crew *crew);

/* Returns when all `count` pieces are done. Up to `grain` (at least 1) pieces are not worth a
 * helper. */
void rp_crew_run(rp_crew *crew, size_t count, size_t grain, rp_crew_work *work, void *arg);

#endif
