/* Scaling: more of a kind, or fewer. */
#include "actors/cli/up/process/crew_internal.h"

/* -- of whom ----------------------------------------------------------------------------------- */

static void list_models(const rp_model_args *models, char *text, size_t text_bytes)
{
    rp_buffer names;
    rp_buffer_init(&names, text_bytes - 1);
    for (size_t i = 0; i < models->count; i++)
        rp_buffer_printf(&names, "%s%s", i ? ", " : "", models->models[i].name);
    memcpy(text, rp_buffer_string(&names), names.len + 1);
    rp_buffer_done(&names);
}

static rp_status find_model(
    const rp_crew *crew, const char *name, const rp_model_arg **ret_model, rp_error *reterr)
{
    char served[200];
    const rp_model_args *models = crew->spec.programs.models;
    list_models(models, served, sizeof served);
    if (!*name && models->count > 1)
        return rp_error_set(reterr, RP_INVALID, "model",
            "executors serve one model each: say of which with --model; here there are %s", served);
    for (size_t i = 0; i < models->count; i++) {
        if (!*name || strcmp(models->models[i].name, name) == 0) {
            *ret_model = &models->models[i];
            return RP_OK;
        }
    }
    return rp_error_set(reterr, RP_NOT_FOUND, "model",
        "this reprise up does not serve %.60s, so it has no file for executors of it; it serves %s",
        name, served);
}

static rp_status find_kind(const rp_crew *crew, const rp_scaling *scaling, const char **ret_kind,
    const rp_model_arg **ret_model, rp_error *reterr)
{
    *ret_model = NULL;
    if (strcmp(scaling->kind, rp__crew_executor) == 0) {
        *ret_kind = rp__crew_executor;
        return find_model(crew, scaling->model, ret_model, reterr);
    }
    bool is_janitor = strcmp(scaling->kind, rp__crew_janitor) == 0;
    if (!is_janitor && strcmp(scaling->kind, rp__crew_tokenizer) != 0)
        return rp_error_set(reterr, RP_NOT_FOUND, "kind",
            "reprise up starts tokenizer, executor and janitor, not %.60s", scaling->kind);
    if (*scaling->model)
        return rp_error_set(reterr, RP_INVALID, "model",
            "a %s serves all models: leave --model out", scaling->kind);
    if (is_janitor && scaling->count > RP_CREW_JANITORS_MAX)
        return rp_error_limit(
            reterr, "count", "1 process", "a second janitor has nothing to do: give 0 or 1");
    *ret_kind = is_janitor ? rp__crew_janitor : rp__crew_tokenizer;
    return RP_OK;
}

/* -- fewer ------------------------------------------------------------------------------------- */

/* How gladly it is let go: what does nothing yet before what works, then the youngest. */
static bool goes_before(const rp_member *a, const rp_member *b)
{
    if (a->child.running != b->child.running)
        return !a->child.running;
    if (a->ready != b->ready)
        return !a->ready;
    return a->child.started_ns >= b->child.started_ns;
}

typedef struct selection {
    rp_member *members[RP_CREW_ACTORS_MAX]; /* of the kind and model, that are not drained */
    size_t count;
} selection;

static void drain(rp_crew *crew, rp_member *member)
{
    member->draining = true;
    member->draining_ns = rp_clock_monotonic_ns(crew->spec.clock);
    rp_child_stop(&member->child); /* where it does not run, it is gone when this returns */
}

/* Those that shall be counted; what was given up is forgotten. */
static void select_members(
    rp_crew *crew, const char *kind, const rp_model_arg *model, selection *ret_selection)
{
    selection given_up = {.count = 0};
    ret_selection->count = 0;
    for (size_t i = 0; i < crew->actors_count; i++) {
        rp_member *member = crew->actors[i];
        if (member->kind != kind || member->model != model || member->draining)
            continue;
        selection *to = member->child.given_up ? &given_up : ret_selection;
        to->members[to->count++] = member;
    }
    for (size_t i = 0; i < given_up.count; i++)
        drain(crew, given_up.members[i]);
}

static void let_go(rp_crew *crew, selection *from, rp_scaled *scaled)
{
    size_t first = 0;
    for (size_t i = 1; i < from->count; i++) {
        if (goes_before(from->members[i], from->members[first]))
            first = i;
    }
    rp_member *member = from->members[first];
    from->members[first] = from->members[--from->count];
    scaled->drains[scaled->drains_count++] = member;
    drain(crew, member);
}

/* -- both -------------------------------------------------------------------------------------- */

rp_status rp_crew_scale(
    rp_crew *crew, const rp_scaling *scaling, rp_scaled *ret_scaled, rp_error *reterr)
{
    selection there;
    const char *kind = NULL;
    rp_scaled scaled = {0};
    rp_status status = find_kind(crew, scaling, &kind, &scaled.model, reterr);
    if (status != RP_OK)
        return status;
    select_members(crew, kind, scaled.model, &there);
    scaled.from = there.count;
    while (there.count > scaling->count)
        let_go(crew, &there, &scaled);
    for (size_t i = scaled.from; i < scaling->count && status == RP_OK; i++) {
        const rp_member *member = NULL;
        status = rp__crew_add(crew, kind, scaled.model, &member, reterr);
        if (status == RP_OK)
            scaled.starts[scaled.starts_count++] = member;
    }
    *ret_scaled = scaled;
    return status;
}
