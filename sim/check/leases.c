#include "sim/check/leases.h"

#include "runtime/base/json.h"

#include <inttypes.h>

enum { VALUE_BYTES_MAX = 16 << 10 };

static sim_lease *lease_of(sim_leases *leases, rp_bytes subject)
{
    for (size_t i = 0; i < leases->count; i++) {
        if (rp_bytes_equal(leases->list[i].subject, subject))
            return &leases->list[i];
    }
    RP_ASSERT(leases->count < SIM_LEASES_MAX);
    sim_lease *lease = &leases->list[leases->count++];
    *lease = (sim_lease){.subject = sim_world_copy(leases->world, subject)};
    return lease;
}

/* Whether what is stored may follow what was. */
static bool may_follow(const sim_lease *before, const sim_lease *now, const sim_stored *stored)
{
    if (rp_bytes_equal(before->holder, now->holder))
        return now->token >= before->token;
    bool stands = stored->previous != 0 && !before->given_back;
    return now->token > before->token && !stands;
}

static void look(sim_leases *leases, sim_lease *before, rp_bytes value, const sim_stored *stored)
{
    rp_arena arena;
    yyjson_doc *doc = NULL;
    RP_ASSERT(rp_arena_init(&arena, 1024, VALUE_BYTES_MAX) == RP_OK);
    RP_ASSERT(rp_json_parse(value, &arena, &doc, NULL) == RP_OK);
    yyjson_val *root = yyjson_doc_get_root(doc), *token = yyjson_obj_get(root, "token");
    yyjson_val *holder = yyjson_obj_get(root, "holder");
    sim_lease now = {.subject = before->subject,
        .holder = rp_bytes_of(yyjson_get_str(holder), yyjson_get_len(holder)),
        .token = token ? yyjson_get_uint(token) : stored->sequence};
    if (!may_follow(before, &now, stored))
        sim_verdict_fail(leases->verdict, "a lease is never held twice with one token",
            "%.*s #%" PRIu64 ": held by %.*s with %" PRIu64 ", after %.*s with %" PRIu64,
            (int)now.subject.len, (const char *)now.subject.data, stored->sequence,
            (int)now.holder.len, (const char *)now.holder.data, now.token, (int)before->holder.len,
            (const char *)before->holder.data, before->token);
    now.holder = sim_world_copy(leases->world, now.holder);
    *before = now;
    rp_arena_done(&arena);
}

void sim_leases_stored(void *arg, const sim_stream *stream, const sim_stored *stored)
{
    sim_leases *leases = arg;
    if (strcmp(stream->config.name, "KV_LEASES") != 0)
        return;
    sim_lease *lease = lease_of(leases, stored->message->subject);
    if (sim_message_header(stored->message, RP_HEADER_OPERATION).data)
        lease->given_back = true;
    else
        look(leases, lease, stored->message->body, stored);
}
