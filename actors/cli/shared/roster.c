#include "actors/cli/shared/roster.h"

#include "schemas/codec.h"

#include <stdlib.h>

enum { ARENA_CHUNK = 64 << 10, ARENA_MAX = 16 << 20 };

rp_status rp_roster_init(rp_roster *roster, rp_error *reterr)
{
    *roster = (rp_roster){0};
    if (rp_arena_init(&roster->arena, ARENA_CHUNK, ARENA_MAX) != RP_OK)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    return RP_OK;
}

void rp_roster_done(rp_roster *roster)
{
    if (roster)
        rp_arena_done(&roster->arena);
}

static void add(void *arg, const rp_message *message)
{
    rp_roster *roster = arg;
    void *actor = NULL;
    /* The message goes when this returns, and decoded texts may point into it. */
    rp_bytes body = rp_arena_copy(&roster->arena, message->body);
    if (roster->count == RP_ROSTER_MAX || !body.data ||
        rp_schema_decode(&rp__actor__descriptor, RP_ENCODING_JSON, body, &roster->arena, &actor,
            NULL) != RP_OK) {
        roster->unreadable++;
        return;
    }
    uint64_t now = roster->now_unix_ns, then = message->timestamp_ns;
    uint64_t age = now > then ? now - then : 0;
    roster->records[roster->count++] =
        (rp_roster_record){.actor = actor, .age_ns = age, .alive = age <= RP_ROSTER_GONE_NS};
}

static int by_name(const void *a, const void *b)
{
    const Rp__Actor *x = ((const rp_roster_record *)a)->actor,
                    *y = ((const rp_roster_record *)b)->actor;
    int order = strcmp(x->kind, y->kind);
    return order ? order : strcmp(x->instance, y->instance);
}

rp_status rp_roster_read(
    rp_client *client, const rp_clock *clock, rp_roster *roster, rp_error *reterr)
{
    rp_arena_reset(&roster->arena);
    roster->count = roster->unreadable = 0;
    roster->records = rp_arena_array(&roster->arena, RP_ROSTER_MAX, sizeof *roster->records);
    if (!roster->records)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    roster->now_unix_ns = rp_clock_unix_ns(clock);
    rp_status status = rp_client_list(client, "ACTORS", add, roster, reterr);
    if (status == RP_NOT_FOUND)
        return rp_error_set(reterr, RP_NOT_FOUND, "ACTORS",
            "the server has no bucket ACTORS: Reprise was never set up there; run reprise "
            "provision, or reprise up");
    if (status == RP_OK)
        qsort(roster->records, roster->count, sizeof *roster->records, by_name);
    return status;
}

/* The model in a process's record; NULL where it does not serve it. */
static const Rp__ModelPresence *presence(
    const Rp__Actor *actor, const char *model, const char *version)
{
    for (size_t i = 0; i < actor->n_models; i++) {
        const Rp__ModelPresence *m = actor->models[i];
        if (strcmp(m->name, model) == 0 && (!version || strcmp(m->version, version) == 0))
            return m;
    }
    return NULL;
}

/* The same of the first process of a kind that lives, and is ready where that is asked for. */
static const Rp__ModelPresence *served(
    const rp_roster *roster, const char *kind, bool ready, const char *model, const char *version)
{
    const Rp__ModelPresence *found = NULL;
    for (size_t i = 0; i < roster->count && !found; i++) {
        const rp_roster_record *r = &roster->records[i];
        if (r->alive && (r->actor->ready || !ready) && strcmp(r->actor->kind, kind) == 0)
            found = presence(r->actor, model, version);
    }
    return found;
}

size_t rp_roster_ready(
    const rp_roster *roster, const char *kind, const char *model, const char *version)
{
    size_t count = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const rp_roster_record *r = &roster->records[i];
        count += r->alive && r->actor->ready && strcmp(r->actor->kind, kind) == 0 &&
                 (!model || presence(r->actor, model, version));
    }
    return count;
}

bool rp_roster_serves(const rp_roster *roster, const char *model, const char *version)
{
    return served(roster, "executor", false, model, version) ||
           served(roster, "up", true, model, version);
}

bool rp_roster_continues(const rp_roster *roster, const char *model)
{
    const Rp__ModelPresence *m = served(roster, "executor", false, model, NULL);
    return m && m->has_chat_template && !m->chat_template;
}

const rp_roster_record *rp_roster_find(
    const rp_roster *roster, const char *kind, const char *instance)
{
    for (size_t i = 0; i < roster->count; i++) {
        const Rp__Actor *actor = roster->records[i].actor;
        if (strcmp(actor->kind, kind) == 0 && strcmp(actor->instance, instance) == 0)
            return &roster->records[i];
    }
    return NULL;
}
