#include "runtime/actor/fold/folds.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/actor/fold/metrics.h"

struct rp_folds {
    rp_store store;
    rp_fold_metrics metrics;
    rp_fold **folds;
    size_t count;
    size_t left; /* not drained yet */
    void (*drained)(void *arg);
    void *drained_arg;
};

static rp_status start(
    rp_folds *folds, const rp_worker_env *env, const rp_folds_spec *spec, rp_error *reterr)
{
    bool all = spec->partition == RP_FOLDS_ALL;
    size_t count = all ? spec->partitions : 1;
    folds->store = (rp_store){.bus = env->bus, .host = env->host, .instance = env->instance};
    folds->folds = calloc(count, sizeof *folds->folds);
    if (!folds->folds)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    rp_status status = rp_fold_metrics_init(&folds->metrics, env->metrics, count, reterr);
    while (status == RP_OK && folds->count < count) {
        rp_fold_place place = {.kind = spec->kind,
            .partition = all ? (uint32_t)folds->count : spec->partition,
            .partitions = spec->partitions,
            .snapshot_every = spec->snapshot_every,
            .store = &folds->store,
            .metrics = &folds->metrics};
        rp_fold **next = &folds->folds[folds->count];
        status = rp_fold_new(env, spec->fold, &place, spec->state, next, reterr);
        folds->count += status == RP_OK;
    }
    return status;
}

rp_status rp_folds_new(
    const rp_worker_env *env, const rp_folds_spec *spec, rp_folds **ret_folds, rp_error *reterr)
{
    if (spec->partitions < 1 || spec->partitions > RP_FOLD_PARTITIONS_MAX)
        return rp_error_set(reterr, RP_INVALID, "partitions",
            "%" PRIu32 " partitions: there are 1 to %d", spec->partitions, RP_FOLD_PARTITIONS_MAX);
    rp_folds *folds = calloc(1, sizeof *folds);
    if (!folds)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    rp_status status = start(folds, env, spec, reterr);
    if (status != RP_OK)
        rp_folds_free(folds);
    else
        *ret_folds = folds;
    return status;
}

bool rp_folds_troubled(const rp_folds *folds, const char **ret_why)
{
    for (size_t i = 0; i < folds->count; i++) {
        if (rp_fold_troubled(folds->folds[i], ret_why))
            return true;
    }
    return false;
}

size_t rp_folds_waiting(const rp_folds *folds)
{
    size_t waiting = 0;
    for (size_t i = 0; i < folds->count; i++)
        waiting += rp_fold_waiting(folds->folds[i]);
    return waiting;
}

static void on_drained(void *arg)
{
    rp_folds *folds = arg;
    if (--folds->left == 0)
        folds->drained(folds->drained_arg);
}

void rp_folds_drain(rp_folds *folds, uint64_t limit_ns, void (*drained)(void *arg), void *arg)
{
    folds->drained = drained;
    folds->drained_arg = arg;
    folds->left = folds->count;
    for (size_t i = 0; i < folds->count; i++)
        rp_fold_drain(folds->folds[i], limit_ns, on_drained, folds);
}

void rp_folds_free(rp_folds *folds)
{
    if (!folds)
        return;
    for (size_t i = 0; i < folds->count; i++)
        rp_fold_free(folds->folds[i]);
    free(folds->folds);
    free(folds);
}
