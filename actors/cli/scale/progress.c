#include "actors/cli/scale/progress.h"

#include "actors/cli/shared/interrupt.h"
#include "actors/cli/shared/text/units.h"
#include "actors/cli/shared/up/scaling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_NS   (200 * RP_NS_PER_MS)
#define ANSWER_NS (2 * RP_NS_PER_S)
#define SILENCE_NS \
    (10 * RP_NS_PER_S) /* that the `up` may be out of reach, over a server's restart */

enum { ARENA_CHUNK = 64 << 10, ARENA_MAX = 4 << 20, MEMBERS_MAX = 2 * RP_SCALING_COUNT_MAX };

typedef struct mover {
    const char *name;
    bool drains;
    bool done;
    rp_process_state state; /* as last told */
} mover;

typedef struct progress {
    const rp_progress_spec *spec;
    mover movers[MEMBERS_MAX];
    size_t count;
    char other[96]; /* what is on its way by an earlier order, at the last look; "" = nothing */
    rp_arena arena; /* of one look */
    uint64_t began_ns, heard_ns;
} progress;

static uint64_t now(const progress *p)
{
    return rp_clock_monotonic_ns(p->spec->clock);
}

static rp_status add(progress *p, const char *field, bool drains, rp_error *reterr)
{
    size_t index, count;
    yyjson_val *name, *names = yyjson_obj_get(p->spec->answer, field);
    if (!yyjson_is_arr(names) || yyjson_arr_size(names) > RP_SCALING_COUNT_MAX)
        return rp_error_set(reterr, RP_CORRUPT, field, "the answer does not say what it %s", field);
    yyjson_arr_foreach(names, index, count, name)
    {
        if (!yyjson_is_str(name))
            return rp_error_set(reterr, RP_CORRUPT, field, "the answer's %s are no names", field);
        p->movers[p->count++] = (mover){.name = yyjson_get_str(name),
            .drains = drains,
            .state = drains ? RP_PROCESS_DRAINING : RP_PROCESS_STARTING};
    }
    return RP_OK;
}

/* -- one look ---------------------------------------------------------------------------------- */

static const rp_process_view *find(const rp_process_view *processes, size_t count, const mover *m)
{
    for (size_t i = 0; i < count; i++) {
        /* The name may have been given anew to one that is started. */
        bool drains = processes[i].state == RP_PROCESS_DRAINING;
        if (strcmp(processes[i].name, m->name) == 0 && drains == m->drains)
            return &processes[i];
    }
    return NULL;
}

static void tell(const progress *p, const mover *m, const char *what)
{
    char text[96], after[RP_UNITS_TEXT_BYTES];
    rp_units_duration(now(p) - p->began_ns, after);
    snprintf(text, sizeof text, "%s after %s", what, after);
    p->spec->on_step(p->spec->arg, m->name, text);
}

static rp_status follow(
    const progress *p, mover *m, const rp_process_view *process, rp_error *reterr)
{
    if (m->drains) {
        m->done = process == NULL;
        if (m->done)
            tell(p, m, "drained");
        return RP_OK;
    }
    if (!process) { /* another order drained it */
        m->done = true;
        tell(p, m, "no longer wanted");
        return RP_OK;
    }
    if (process->state == RP_PROCESS_GIVEN_UP)
        return rp_error_set(reterr, RP_UNAVAILABLE, m->name,
            "%s was given up: it ended again and again; its log: %.160s", m->name, process->log);
    m->done = process->state == RP_PROCESS_READY;
    if (process->state != m->state)
        tell(p, m, rp_process_state_text(process->state));
    m->state = process->state;
    return RP_OK;
}

/* Of the same kind and model, also what an earlier order, or a death, has set going. */
static void note_other(progress *p, const rp_process_view *processes, size_t count)
{
    const char *kind = yyjson_get_str(yyjson_obj_get(p->spec->answer, "kind"));
    const char *model = yyjson_get_str(yyjson_obj_get(p->spec->answer, "model"));
    p->other[0] = '\0';
    for (size_t i = 0; i < count && kind; i++) {
        const rp_process_view *process = &processes[i];
        bool moves =
            process->state == RP_PROCESS_STARTING || process->state == RP_PROCESS_RESTARTING;
        if (moves && strcmp(process->kind, kind) == 0 &&
            strcmp(process->model, model ? model : "") == 0)
            snprintf(p->other, sizeof p->other, "%.40s (%s)", process->name,
                rp_process_state_text(process->state));
    }
}

static rp_status look(progress *p, bool *ret_all, rp_error *reterr)
{
    yyjson_val *answer = NULL;
    rp_process_view *processes = NULL;
    size_t count = 0;
    rp_arena_reset(&p->arena);
    rp_status status = rp_up_ask(p->spec->client, p->spec->instance, RP_UP_PROCESSES,
        rp_bytes_of(NULL, 0), ANSWER_NS, &p->arena, &answer, reterr);
    if (status == RP_UNAVAILABLE || status == RP_TIMEOUT)
        return now(p) - p->heard_ns < SILENCE_NS ? RP_OK : status;
    if (status == RP_OK)
        status = rp_processes_read(answer, &p->arena, &processes, &count, reterr);
    p->heard_ns = now(p);
    note_other(p, processes, count);
    *ret_all = !*p->other;
    for (size_t i = 0; i < p->count && status == RP_OK; i++) {
        mover *m = &p->movers[i];
        if (!m->done)
            status = follow(p, m, find(processes, count, m), reterr);
        *ret_all = *ret_all && m->done;
    }
    return status;
}

/* -- the whole --------------------------------------------------------------------------------- */

static rp_status too_late(const progress *p, rp_error *reterr)
{
    rp_buffer names;
    char waited[RP_UNITS_TEXT_BYTES];
    rp_buffer_init(&names, 200);
    rp_units_duration(p->spec->timeout_ns, waited);
    for (size_t i = 0; i < p->count; i++) {
        const mover *m = &p->movers[i];
        if (!m->done)
            rp_buffer_printf(&names, "%s%s (%s)", names.len ? ", " : "", m->name,
                rp_process_state_text(m->state));
    }
    if (names.len == 0)
        rp_buffer_text(&names, p->other);
    rp_status status = rp_error_set(reterr, RP_TIMEOUT, "timeout",
        "not done within %s, and still going on: %s; reprise status tells how far it is", waited,
        rp_buffer_string(&names));
    rp_buffer_done(&names);
    return status;
}

static rp_status wait_for_all(progress *p, rp_error *reterr)
{
    bool all = false;
    rp_status status = look(p, &all, reterr);
    while (status == RP_OK && !all) {
        if (rp_interrupt_wait(LOOK_NS))
            return rp_error_set(reterr, RP_CANCELLED, NULL,
                "no longer waiting; what was ordered goes on, reprise status shows it");
        if (now(p) - p->began_ns > p->spec->timeout_ns)
            return too_late(p, reterr);
        status = look(p, &all, reterr);
    }
    return status;
}

rp_status rp_progress_wait(const rp_progress_spec *spec, rp_error *reterr)
{
    progress *p = calloc(1, sizeof *p);
    if (!p || rp_arena_init(&p->arena, ARENA_CHUNK, ARENA_MAX) != RP_OK) {
        free(p);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    }
    p->spec = spec;
    p->began_ns = p->heard_ns = now(p);
    rp_status status = add(p, "starts", false, reterr);
    if (status == RP_OK)
        status = add(p, "drains", true, reterr);
    if (status == RP_OK)
        status = wait_for_all(p, reterr);
    rp_arena_done(&p->arena);
    free(p);
    return status;
}
