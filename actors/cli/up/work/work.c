#include "actors/cli/up/work/work.h"

#include "runtime/provision/apply.h"

enum { ARENA_CHUNK = 256 << 10, ARENA_MAX = 64 << 20, CONNECT_PAUSE_MS = 20, LEFTOVER_ROUNDS = 3 };

rp_status rp_work_init(rp_work *work, const rp_clock *clock, const rp_endpoint *endpoint,
    const rp_model_args *models, const char *instance, rp_work_cb done, void *arg, rp_error *reterr)
{
    *work = (rp_work){.clock = clock,
        .endpoint = endpoint,
        .models = models,
        .instance = instance,
        .done = done,
        .arg = arg};
    work->request.data = work;
    return rp_roster_init(&work->roster, reterr);
}

void rp_work_done(rp_work *work)
{
    rp_client_free(work->client);
    work->client = NULL;
    rp_roster_done(&work->roster);
}

static rp_status connect_to(rp_work *work)
{
    uint64_t until = rp_clock_monotonic_ns(work->clock) + RP_WORK_CONNECT_NS;
    for (;;) {
        rp_status status =
            rp_client_open(work->endpoint, "reprise up", &work->client, &work->error);
        bool waits = status == RP_UNAVAILABLE || status == RP_TIMEOUT;
        if (!waits || work->once || atomic_load(&work->give_up) ||
            rp_clock_monotonic_ns(work->clock) > until)
            return status;
        uv_sleep(CONNECT_PAUSE_MS);
    }
}

static void count_change(void *arg, const rp_change *change)
{
    (void)change;
    ++*(size_t *)arg;
}

static rp_status provision(rp_work *work)
{
    rp_item *items;
    size_t count;
    rp_arena arena;
    rp_model_version versions[RP_DECLARATION_MODELS_MAX];
    rp_apply_options options = {.on_change = count_change, .arg = &work->changes};
    rp_model_args_versions(work->models, 1, versions);
    rp_declaration_spec spec = {.models = versions, .models_count = work->models->count};
    rp_status status = rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
    if (status != RP_OK)
        return rp_error_set(&work->error, status, NULL, "out of memory");
    status = rp_declaration_build(&spec, &arena, &items, &count, &work->error);
    if (status == RP_OK)
        status = rp_provision_apply(work->client, items, count, &options, &arena, &work->error);
    rp_arena_done(&arena);
    return status;
}

static rp_status answer_leftovers(rp_work *work)
{
    rp_status status = rp_roster_read(work->client, work->clock, &work->roster, &work->error);
    if (status == RP_OK)
        status = rp_leftovers_answer(work->client, work->models, &work->roster, work->instance,
            &work->leftovers, &work->error);
    return status;
}

bool rp_work_has_leftovers(const rp_work *work)
{
    return work->leftovers.remaining > 0 && work->leftover_rounds > 0;
}

/* On a worker thread. */
static void run(uv_work_t *request)
{
    rp_work *work = request->data;
    work->error = (rp_error){0};
    switch (work->kind) {
    case RP_WORK_CONNECT:
        work->status = connect_to(work);
        break;
    case RP_WORK_PROVISION:
        work->status = provision(work);
        if (work->status == RP_OK)
            work->status = answer_leftovers(work);
        work->leftover_rounds = LEFTOVER_ROUNDS;
        break;
    case RP_WORK_LOOK:
        work->status = rp_roster_read(work->client, work->clock, &work->roster, &work->error);
        break;
    case RP_WORK_LEFTOVERS:
        work->leftover_rounds--;
        work->status = answer_leftovers(work);
        break;
    }
}

static void on_done(uv_work_t *request, int status)
{
    rp_work *work = request->data;
    (void)status; /* never cancelled */
    work->busy = false;
    work->done(work->arg, work->kind, work->status, &work->error);
}

rp_status rp_work_start(rp_work *work, uv_loop_t *loop, rp_work_kind kind)
{
    RP_ASSERT(!work->busy);
    work->kind = kind;
    work->busy = uv_queue_work(loop, &work->request, run, on_done) == 0;
    return work->busy ? RP_OK : RP_IO;
}
