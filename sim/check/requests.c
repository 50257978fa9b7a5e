#include "sim/check/requests.h"

#include "schemas/codec.h"
#include "schemas/schema.h"
#include "sim/client/blobs.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct subject {
    const sim_requests_check *check;
    const sim_ask *ask;
    const sim_answer *right; /* the undisturbed one */
    const Rp__Chunk *last;
    const Rp__Result *result;
} subject;

static bool fail(const subject *s, const char *invariant, const char *facts)
{
    return sim_verdict_fail(s->check->verdict, invariant,
        "%s: %s (REQUEST #%" PRIu64 ", %zu chunks seen)", s->ask->reply, facts, s->ask->sequence,
        s->ask->chunk_count);
}

static const void *decode(const subject *s, const ProtobufCMessageDescriptor *type, rp_bytes body)
{
    void *decoded = NULL;
    rp_status status =
        rp_schema_decode(type, RP_ENCODING_JSON, body, s->check->arena, &decoded, NULL);
    return status == RP_OK ? decoded : NULL;
}

static rp_bytes body_of(const subject *s, const sim_message *message)
{
    return sim_blobs_body(
        s->check->server, sim_message_header(message, RP_HEADER_BODY), message->body);
}

/* -- RESULT ------------------------------------------------------------------------------------ */

static size_t count_on(sim_server *server, const char *stream, const char *filter)
{
    const char *const filters[SIM_FILTERS_MAX] = {filter};
    return (size_t)sim_stream_pending(sim_server_stream(server, stream), 1, filters);
}

static bool find_result(subject *s)
{
    char facts[64];
    size_t count = count_on(s->check->server, "RESULT", s->ask->result);
    if (count != 1) {
        snprintf(facts, sizeof facts, "%zu RESULTs", count);
        return fail(s, "one RESULT a request", facts);
    }
    const sim_stored *stored = sim_stream_last(
        sim_server_stream(s->check->server, "RESULT"), rp_bytes_text(s->ask->result));
    s->result = decode(s, &rp__result__descriptor, body_of(s, stored->message));
    return s->result ? true : fail(s, "one RESULT a request", "it cannot be read");
}

/* -- chunks ------------------------------------------------------------------------------------ */

/* The client has seen what the stream holds, all of it, in order. */
static bool check_seen(const subject *s)
{
    const char *const filters[SIM_FILTERS_MAX] = {s->ask->reply};
    const sim_stream *stream = sim_server_stream(s->check->server, "REPLY");
    const sim_stored *stored;
    uint64_t from = 1;
    for (size_t i = 0; i < s->ask->chunk_count; i++, from = stored->sequence + 1) {
        stored = sim_stream_next(stream, from, filters);
        if (!stored || !rp_bytes_equal(body_of(s, stored->message), s->ask->chunks[i]))
            return fail(s, "a client sees what is stored", "a chunk is missing or another one");
    }
    if (sim_stream_next(stream, from, filters))
        return fail(s, "an answer ends with its last chunk", "more is stored behind it");
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_tokens(const uint32_t *a, const uint32_t *b, size_t count)
{
    return count == 0 || memcmp(a, b, count * sizeof *a) == 0;
}

/* Like the undisturbed end in all that is determined. */
static bool same_end(const Rp__Chunk *a, const Rp__Chunk *b)
{
    return a->finish_reason == b->finish_reason && a->index == b->index &&
           a->n_tokens == b->n_tokens && same_tokens(a->tokens, b->tokens, a->n_tokens) &&
           rp_bytes_equal(rp_schema_bytes(a->text), rp_schema_bytes(b->text)) &&
           same_text(a->digest, b->digest) &&
           (a->error ? (int)a->error->code : 0) == (b->error ? (int)b->error->code : 0);
}

static bool is_cut(const subject *s)
{
    int reason = (int)s->last->finish_reason;
    return (reason == RP__CHUNK__FINISH_REASON__CANCELLED && s->ask->cancelled) ||
           (reason == RP__CHUNK__FINISH_REASON__DEADLINE && s->ask->order->in_peace);
}

static bool is_excused(const subject *s)
{
    const sim_tolerance *t = &s->check->tolerance;
    if (!s->last->error)
        return false;
    int code = (int)s->last->error->code;
    return (code == RP__ERROR__CODE__OVERLOADED && t->overloaded) ||
           (code == RP__ERROR__CODE__DEAD && t->dead);
}

static bool check_chunks(subject *s)
{
    char facts[SIM_VERDICT_FACTS_BYTES / 2];
    size_t count = s->ask->chunk_count;
    s->last = decode(s, &rp__chunk__descriptor, s->ask->chunks[count - 1]);
    if (!s->last)
        return fail(s, "the same answer", "the last chunk cannot be read");
    for (size_t i = 0; i + 1 < count; i++) {
        if (i < s->right->chunk_count && rp_bytes_equal(s->ask->chunks[i], s->right->chunks[i]))
            continue;
        snprintf(facts, sizeof facts, "chunk %zu is %.*s", i,
            (int)(s->ask->chunks[i].len < 200 ? s->ask->chunks[i].len : 200),
            (const char *)s->ask->chunks[i].data);
        return fail(s, "the same answer", facts);
    }
    if (is_excused(s) || is_cut(s) ||
        (count == s->right->chunk_count && same_end(s->last, s->right->last)))
        return true;
    snprintf(facts, sizeof facts, "it ends with %.*s",
        (int)(s->ask->chunks[count - 1].len < 300 ? s->ask->chunks[count - 1].len : 300),
        (const char *)s->ask->chunks[count - 1].data);
    return fail(s, "the same answer", facts);
}

/* RESULT says how it ended, and with which tokens: those of the undisturbed answer, or its first. */
static bool check_result(const subject *s)
{
    const Rp__Result *r = s->result, *right = s->right->result;
    if (r->finish_reason != s->last->finish_reason || !same_text(r->digest, s->last->digest))
        return fail(s, "RESULT and REPLY say the same", "RESULT ends in another way");
    if (s->last->usage && r->n_tokens != s->last->usage->completion_tokens && !is_excused(s))
        return fail(s, "RESULT and REPLY say the same", "RESULT has another number of tokens");
    if (r->n_tokens > right->n_tokens || !same_tokens(r->tokens, right->tokens, r->n_tokens))
        return fail(s, "the same answer", "RESULT has other tokens");
    if (!is_cut(s) && !is_excused(s) && r->n_tokens != right->n_tokens)
        return fail(s, "the same answer", "RESULT has fewer tokens");
    return true;
}

static void check_ask(const sim_requests_check *check, const sim_ask *ask)
{
    subject s = {.check = check, .ask = ask};
    if (ask->status != RP_OK) /* the stream did not take it: nothing is promised */
        return;
    s.right = sim_answers_find(check->answers, ask->order);
    if (!ask->ended) {
        fail(&s, "stored and answered", "there is no end");
        return;
    }
    if (find_result(&s) && check_seen(&s) && check_chunks(&s))
        (void)check_result(&s);
}

void sim_requests_check_client(const sim_requests_check *check, const sim_client *client)
{
    for (size_t i = 0; i < sim_client_ask_count(client) && !check->verdict->broken; i++)
        check_ask(check, sim_client_ask_at(client, i));
}

/* -- what nobody asked for --------------------------------------------------------------------- */

static bool is_asked_for(sim_client *const *clients, size_t client_count, rp_bytes name)
{
    for (size_t c = 0; c < client_count; c++) {
        for (size_t i = 0; i < sim_client_ask_count(clients[c]); i++) {
            const sim_ask *ask = sim_client_ask_at(clients[c], i);
            if (rp_bytes_is(name, ask->result) || rp_bytes_is(name, ask->reply))
                return true;
        }
    }
    return false;
}

void sim_requests_check_streams(
    const sim_requests_check *check, sim_client *const *clients, size_t client_count)
{
    static const char *const all[SIM_FILTERS_MAX] = {">"};
    static const char *const streams[] = {"RESULT", "REPLY"};
    size_t dead = count_on(check->server, "DEAD", ">");
    if (dead > 0 && !check->tolerance.dead)
        sim_verdict_fail(check->verdict, "nothing is dead without a reason", "%zu in DEAD", dead);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        const sim_stream *stream = sim_server_stream(check->server, streams[i]);
        const sim_stored *stored;
        for (uint64_t at = 1; (stored = sim_stream_next(stream, at, all)) != NULL;
             at = stored->sequence + 1) {
            rp_bytes name = stored->message->subject;
            if (!is_asked_for(clients, client_count, name))
                sim_verdict_fail(check->verdict, "nothing that nobody asked for", "%.*s",
                    (int)name.len, (const char *)name.data);
        }
    }
}
