#include "actors/cli/presence.h"

#include "schemas/codec.h"

#include <stdlib.h>

enum { ARENA_CHUNK = 64 << 10, ARENA_MAX = 16 << 20 };

rp_status rp_presence_init(rp_presence *presence, rp_error *reterr)
{
    *presence = (rp_presence){0};
    if (rp_arena_init(&presence->arena, ARENA_CHUNK, ARENA_MAX) != RP_OK)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    return RP_OK;
}

void rp_presence_done(rp_presence *presence)
{
    if (presence)
        rp_arena_done(&presence->arena);
}

static void add(void *arg, const rp_message *message)
{
    rp_presence *presence = arg;
    void *actor = NULL;
    /* The message goes when this returns, and decoded texts may point into it. */
    rp_bytes body = rp_arena_copy(&presence->arena, message->body);
    if (presence->count == RP_PRESENCE_MAX || !body.data ||
        rp_schema_decode(&rp__actor__descriptor, RP_ENCODING_JSON, body, &presence->arena, &actor,
            NULL) != RP_OK) {
        presence->unreadable++;
        return;
    }
    uint64_t now = presence->now_unix_ns, then = message->timestamp_ns;
    uint64_t age = now > then ? now - then : 0;
    presence->records[presence->count++] =
        (rp_presence_record){.actor = actor, .age_ns = age, .alive = age <= RP_PRESENCE_GONE_NS};
}

static int by_name(const void *a, const void *b)
{
    const Rp__Actor *x = ((const rp_presence_record *)a)->actor,
                    *y = ((const rp_presence_record *)b)->actor;
    int order = strcmp(x->kind, y->kind);
    return order ? order : strcmp(x->instance, y->instance);
}

rp_status rp_presence_read(
    rp_client *client, const rp_clock *clock, rp_presence *presence, rp_error *reterr)
{
    rp_arena_reset(&presence->arena);
    presence->count = presence->unreadable = 0;
    presence->records =
        rp_arena_array(&presence->arena, RP_PRESENCE_MAX, sizeof *presence->records);
    if (!presence->records)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    presence->now_unix_ns = rp_clock_unix_ns(clock);
    rp_status status = rp_client_list(client, "ACTORS", add, presence, reterr);
    if (status == RP_NOT_FOUND)
        return rp_error_set(reterr, RP_NOT_FOUND, "ACTORS",
            "the server has no bucket ACTORS: Reprise was never set up there; run reprise "
            "provision, or reprise up");
    if (status == RP_OK)
        qsort(presence->records, presence->count, sizeof *presence->records, by_name);
    return status;
}

static bool serves(const Rp__Actor *actor, const char *model, const char *version)
{
    for (size_t i = 0; i < actor->n_models; i++) {
        const Rp__ModelPresence *m = actor->models[i];
        if (strcmp(m->name, model) == 0 && (!version || strcmp(m->version, version) == 0))
            return true;
    }
    return false;
}

size_t rp_presence_ready(
    const rp_presence *presence, const char *kind, const char *model, const char *version)
{
    size_t count = 0;
    for (size_t i = 0; i < presence->count; i++) {
        const rp_presence_record *r = &presence->records[i];
        count += r->alive && r->actor->ready && strcmp(r->actor->kind, kind) == 0 &&
                 (!model || serves(r->actor, model, version));
    }
    return count;
}

bool rp_presence_serves(const rp_presence *presence, const char *model, const char *version)
{
    for (size_t i = 0; i < presence->count; i++) {
        const rp_presence_record *r = &presence->records[i];
        if (r->alive && strcmp(r->actor->kind, "executor") == 0 && serves(r->actor, model, version))
            return true;
    }
    return false;
}

const rp_presence_record *rp_presence_find(
    const rp_presence *presence, const char *kind, const char *instance)
{
    for (size_t i = 0; i < presence->count; i++) {
        const Rp__Actor *actor = presence->records[i].actor;
        if (strcmp(actor->kind, kind) == 0 && strcmp(actor->instance, instance) == 0)
            return &presence->records[i];
    }
    return NULL;
}
