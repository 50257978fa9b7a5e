#include "actors/executor/model/crew.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/canon/thread.h"

/* Looks that a thread takes, yielding in between, before it sleeps: some 0.2 ms on an idle machine,
 * longer than the caller's own work between two calls of a pass, or than the grains of a step that
 * decodes. */
enum { LOOKS_MAX = 400 };

enum { ANYWHERE = INT_MIN }; /* no processor */

typedef struct helper {
    rp_crew *crew;
    pthread_t thread;
    unsigned index; /* 1 to threads - 1 */
} helper;

struct rp_crew {
    unsigned threads, started;
    helper *helpers;

    /* The job. Written by the caller while `round` is even, read by helpers that have joined. */
    rp_crew_work *work;
    void *arg;
    size_t count, grain;

    /* Odd while a job is open. A helper joins by adding itself to `joined` and then seeing an odd
     * round; the caller closes by making the round even and then waiting for `joined` to be 0. Both
     * orders are sequentially consistent, so one of the two always sees the other. */
    atomic_uint round;
    atomic_uint joined;
    atomic_size_t next; /* the first piece that nobody has taken */

    pthread_mutex_t mutex;
    pthread_cond_t wake, left;
    atomic_uint sleeping;
    atomic_bool caller_sleeps; /* until `joined` is 0 */
    atomic_bool ending;

    atomic_uint ready; /* helpers that have entered */
    atomic_bool unfit; /* one of them could not */
};

static void take_pieces(rp_crew *crew, unsigned thread)
{
    for (;;) {
        size_t first = atomic_fetch_add(&crew->next, crew->grain);
        if (first >= crew->count)
            return;
        size_t left = crew->count - first;
        crew->work(crew->arg, thread, first, left < crew->grain ? left : crew->grain);
    }
}

/* Waits for a round that is open and not `seen`; false at the end. */
static bool wait_for_round(rp_crew *crew, unsigned seen)
{
    for (int looks = 0;; looks++) {
        unsigned round = atomic_load(&crew->round);
        if (atomic_load(&crew->ending))
            return false;
        if (round % 2 == 1 && round != seen)
            return true;
        if (looks < LOOKS_MAX) {
            sched_yield();
            continue;
        }
        pthread_mutex_lock(&crew->mutex);
        atomic_fetch_add(&crew->sleeping, 1);
        while (!atomic_load(&crew->ending) &&
               (atomic_load(&crew->round) % 2 == 0 || atomic_load(&crew->round) == seen))
            pthread_cond_wait(&crew->wake, &crew->mutex);
        atomic_fetch_sub(&crew->sleeping, 1);
        pthread_mutex_unlock(&crew->mutex);
        looks = 0;
    }
}

static void leave(rp_crew *crew)
{
    if (atomic_fetch_sub(&crew->joined, 1) > 1 || !atomic_load(&crew->caller_sleeps))
        return;
    pthread_mutex_lock(&crew->mutex);
    pthread_cond_signal(&crew->left);
    pthread_mutex_unlock(&crew->mutex);
}

static void *help(void *arg)
{
    helper *self = arg;
    rp_crew *crew = self->crew;
    if (!rp_canon_thread_enter())
        atomic_store(&crew->unfit, true);
    atomic_fetch_add(&crew->ready, 1);
    unsigned seen = 0;
    while (wait_for_round(crew, seen)) {
        atomic_fetch_add(&crew->joined, 1);
        unsigned round = atomic_load(&crew->round);
        if (round % 2 == 1) {
            take_pieces(crew, self->index);
            seen = round;
        }
        leave(crew);
    }
    return NULL;
}

/* Starts a helper on processor `cpu`, or ANYWHERE. An errno value, 0 for success. */
static int start_on(helper *self, int cpu)
{
    pthread_attr_t attributes;
    cpu_set_t set;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    if (cpu != ANYWHERE) {
        CPU_ZERO(&set);
        if (cpu >= 0 && cpu < CPU_SETSIZE)
            CPU_SET((unsigned)cpu, &set);
        error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (error == 0)
        error = pthread_create(&self->thread, &attributes, help, self);
    pthread_attr_destroy(&attributes);
    return error;
}

static rp_status start(rp_crew *crew, unsigned index, const int *cpus, rp_error *reterr)
{
    helper *self = &crew->helpers[index - 1];
    *self = (helper){.crew = crew, .index = index};
    int error = start_on(self, cpus ? cpus[index - 1] : ANYWHERE);
    if (error != 0)
        return rp_error_set(reterr, RP_IO, "threads",
            "compute thread %u could not be started%s: %s", index, cpus ? " on its processor" : "",
            strerror(error));
    crew->started++;
    return RP_OK;
}

rp_status rp_crew_new(unsigned threads, const int *cpus, rp_crew **ret_crew, rp_error *reterr)
{
    if (threads == 0 || threads > RP_CREW_THREADS_MAX)
        return rp_error_limit(reterr, "threads", "256 threads",
            "%u compute threads, between 1 and %d are possible", threads, RP_CREW_THREADS_MAX);
    rp_crew *crew = calloc(1, sizeof *crew);
    if (!crew)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for compute threads");
    crew->threads = threads;
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->wake, NULL);
    pthread_cond_init(&crew->left, NULL);
    crew->helpers = calloc(threads, sizeof *crew->helpers);
    rp_status status = RP_OK;
    if (!crew->helpers)
        status = rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for compute threads");
    for (unsigned i = 1; i < threads && status == RP_OK; i++)
        status = start(crew, i, cpus, reterr);
    while (status == RP_OK && atomic_load(&crew->ready) < threads - 1)
        sched_yield();
    if (status == RP_OK && atomic_load(&crew->unfit))
        status = rp_error_set(reterr, RP_UNSUPPORTED, "threads",
            "a compute thread does not round as IEEE 754 does by default");
    if (status != RP_OK) {
        rp_crew_free(crew);
        return status;
    }
    *ret_crew = crew;
    return RP_OK;
}

void rp_crew_free(rp_crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->mutex);
    atomic_store(&crew->ending, true);
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->mutex);
    for (unsigned i = 0; i < crew->started; i++)
        pthread_join(crew->helpers[i].thread, NULL);
    pthread_cond_destroy(&crew->wake);
    pthread_cond_destroy(&crew->left);
    pthread_mutex_destroy(&crew->mutex);
    free(crew->helpers);
    free(crew);
}

unsigned rp_crew_threads(const rp_crew *crew)
{
    return crew->threads;
}

/* Waits until no helper holds a grain. One that the system has put aside may hold it for many
 * milliseconds; a caller who kept looking would keep the very core that the helper could have. */
static void wait_for_helpers(rp_crew *crew)
{
    for (int looks = 0; looks < LOOKS_MAX; looks++) {
        if (atomic_load(&crew->joined) == 0)
            return;
        sched_yield();
    }
    pthread_mutex_lock(&crew->mutex);
    atomic_store(&crew->caller_sleeps, true);
    while (atomic_load(&crew->joined) > 0)
        pthread_cond_wait(&crew->left, &crew->mutex);
    atomic_store(&crew->caller_sleeps, false);
    pthread_mutex_unlock(&crew->mutex);
}

void rp_crew_run(rp_crew *crew, size_t count, size_t grain, rp_crew_work *work, void *arg)
{
    if (crew->threads == 1 || count <= grain) {
        if (count > 0)
            work(arg, 0, 0, count);
        return;
    }
    crew->work = work;
    crew->arg = arg;
    crew->count = count;
    crew->grain = grain;
    atomic_store(&crew->next, 0);
    atomic_fetch_add(&crew->round, 1);
    if (atomic_load(&crew->sleeping) > 0) {
        pthread_mutex_lock(&crew->mutex);
        pthread_cond_broadcast(&crew->wake);
        pthread_mutex_unlock(&crew->mutex);
    }
    take_pieces(crew, 0);
    atomic_fetch_add(&crew->round, 1);
    wait_for_helpers(crew);
}
