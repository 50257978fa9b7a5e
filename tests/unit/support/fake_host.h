/* A host whose time stands still until the test moves it, and whose jobs run when the test says so.
 *
 *     fake_host *host = fake_host_new(1);
 *     ... env.host = &host->host ...
 *     fake_host_advance(host, 1500 * RP_NS_PER_MS);  fires what is due on the way, in order
 *     fake_host_run(host);                           runs the jobs that wait, each with its `done`
 *     fake_host_free(host);
 *
 * Everything happens on the test's own thread.
 */
#ifndef TESTS_UNIT_SUPPORT_FAKE_HOST_H
#define TESTS_UNIT_SUPPORT_FAKE_HOST_H

#include "runtime/base/host.h"

enum { FAKE_HOST_JOBS_MAX = 64 };

typedef struct fake_timer fake_timer;

typedef struct fake_host {
    rp_host host; /* first */
    struct {
        rp_clock clock; /* first */
        uint64_t ns;
    } time;
    size_t jobs_max; /* above it, RP_LIMIT */
    rp_job jobs[FAKE_HOST_JOBS_MAX];
    size_t job_count;
    fake_timer *timers;
} fake_host;

/* Ends the test where there is no memory. */
fake_host *fake_host_new(size_t jobs_max);

/* Every timer must have been freed. */
void fake_host_free(fake_host *host);

/* Moves time on; timers fire at their moments, and may set others. */
void fake_host_advance(fake_host *host, uint64_t ns);

/* Runs the first job's `run` and leaves its `done` to fake_host_finish; there must be one. */
void fake_host_begin(fake_host *host);
void fake_host_finish(fake_host *host);

/* Both, for every job that waits now. */
void fake_host_run(fake_host *host);

/* Timers that are set. */
size_t fake_host_timers_set(const fake_host *host);

#endif
