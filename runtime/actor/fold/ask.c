#include "runtime/actor/fold/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/name.h"
#include "schemas/codec.h"

enum {
    LOOK_MS = 50, /* how often those that wait are looked at */
    GROUP_BYTES = RP_FOLD_KIND_MAX + 16,
    FILTER_BYTES = RP_FOLD_KIND_MAX + 16,
    ARENA_CHUNK_BYTES = 16 << 10,
    ARENA_BYTES_MAX = 2 << 20,
    TOKEN_NAME = 2,
    TOKEN_OP = 3
};

/* A request that waits for a sequence. */
typedef struct waiting {
    uint64_t at_least; /* 0 = unused */
    uint64_t until_ns;
    rp_buffer subject, reply, body;
} waiting;

struct rp_asks {
    rp_asks_spec spec;
    rp_subscription *subscription;
    rp_timer *look;
    rp_arena arena;
    rp_buffer answer;
    waiting *waiting; /* waiting_max */
    size_t waiting_count;
    uint64_t nearest; /* the lowest at_least of those that wait */
};

/* -- answering --------------------------------------------------------------------------------- */

static size_t answer_bytes_max(const rp_asks *asks)
{
    size_t max = rp_bus_payload_bytes_max(asks->spec.env->bus);
    return max < RP_ASKS_ANSWER_BYTES_MAX ? max : RP_ASKS_ANSWER_BYTES_MAX;
}

static void begin(rp_asks *asks)
{
    rp_buffer_clear(&asks->answer);
    asks->answer.bytes_max = answer_bytes_max(asks);
    rp_buffer_printf(&asks->answer, "{\"sequence\":%" PRIu64, asks->spec.folded(asks->spec.arg));
}

static void send_refusal(rp_asks *asks, rp_bytes reply, const rp_refusal *refusal)
{
    Rp__Error error;
    rp_refusal_error(refusal, &error);
    begin(asks);
    rp_buffer_text(&asks->answer, ",\"error\":");
    if (rp_schema_encode(&error.base, RP_ENCODING_JSON, &asks->answer, NULL) != RP_OK)
        rp_buffer_text(&asks->answer, "{}");
    rp_buffer_text(&asks->answer, "}");
    rp_bus_send(asks->spec.env->bus, reply, rp_buffer_bytes(&asks->answer));
    rp_counter_add(asks->spec.answered, 1);
}

static void send_answer(rp_asks *asks, rp_bytes reply, const rp_fold_ask *ask)
{
    rp_refusal refusal = {0};
    begin(asks);
    rp_buffer_text(&asks->answer, ",\"result\":");
    if (!asks->spec.answer(asks->spec.arg, ask, &asks->answer, &refusal)) {
        send_refusal(asks, reply, &refusal);
        return;
    }
    rp_buffer_text(&asks->answer, "}");
    if (asks->answer.truncated) {
        char limit[RP_ERROR_LIMIT_MAX];
        snprintf(limit, sizeof limit, "%zu bytes", answer_bytes_max(asks));
        rp_counter_add(asks->spec.limits, 1);
        rp_refusal_set(&refusal, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, NULL, limit,
            "the answer is larger than a message may be: ask for less");
        send_refusal(asks, reply, &refusal);
        return;
    }
    rp_bus_send(asks->spec.env->bus, reply, rp_buffer_bytes(&asks->answer));
    rp_counter_add(asks->spec.answered, 1);
}

/* -- understanding ----------------------------------------------------------------------------- */

static rp_status read_query(rp_asks *asks, rp_bytes body, yyjson_val **ret_query,
    uint64_t *ret_at_least, rp_refusal *retref)
{
    rp_error error = {0};
    yyjson_doc *doc;
    if (body.len > RP_ASKS_BODY_BYTES_MAX) {
        rp_counter_add(asks->spec.limits, 1);
        return rp_refusal_set(retref, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, NULL, "64 KiB",
            "a question has at most 64 KiB");
    }
    rp_bytes text = body.len ? body : rp_bytes_text("{}");
    if (rp_json_parse(text, &asks->arena, &doc, &error) != RP_OK)
        return rp_refusal_set(
            retref, RP__ERROR__CODE__INVALID_JSON, NULL, NULL, "%s", error.message);
    yyjson_val *query = yyjson_doc_get_root(doc);
    yyjson_val *at_least = yyjson_obj_get(query, "at_least");
    if (!yyjson_is_obj(query))
        return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, NULL, NULL,
            "a question is a JSON object, or empty");
    if (at_least && !yyjson_is_uint(at_least))
        return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "at_least", NULL,
            "at_least takes a sequence of the log, a whole number");
    *ret_query = query;
    *ret_at_least = yyjson_get_uint(at_least);
    return RP_OK;
}

static rp_status wait(rp_asks *asks, rp_bytes subject, rp_bytes reply, rp_bytes body,
    uint64_t at_least, rp_refusal *retref)
{
    char limit[RP_ERROR_LIMIT_MAX];
    waiting *w = asks->waiting;
    if (asks->waiting_count == asks->spec.waiting_max) {
        snprintf(limit, sizeof limit, "%zu questions", asks->spec.waiting_max);
        rp_counter_add(asks->spec.limits, 1);
        return rp_refusal_set(retref, RP__ERROR__CODE__OVERLOADED, "at_least", limit,
            "too many questions wait for a sequence already");
    }
    while (w->at_least != 0)
        w++;
    w->at_least = at_least;
    w->until_ns = rp_clock_monotonic_ns(asks->spec.env->host->clock) + asks->spec.wait_ns;
    rp_buffer_append(&w->subject, subject.data, subject.len);
    rp_buffer_append(&w->reply, reply.data, reply.len);
    rp_buffer_append(&w->body, body.data, body.len);
    if (asks->waiting_count++ == 0)
        rp_timer_set(asks->look, LOOK_MS * RP_NS_PER_MS, LOOK_MS * RP_NS_PER_MS);
    if (at_least < asks->nearest)
        asks->nearest = at_least;
    return RP_OK;
}

/* Answers, or lets it wait. */
static void take(rp_asks *asks, rp_bytes subject, rp_bytes reply, rp_bytes body)
{
    char name[RP_NAME_MAX + 1];
    rp_fold_ask ask = {.op = rp_name_token(subject, TOKEN_OP)};
    rp_refusal refusal = {0};
    uint64_t at_least = 0;
    size_t len = 0;
    rp_arena_reset(&asks->arena);
    rp_status status = read_query(asks, body, &ask.query, &at_least, &refusal);
    if (status == RP_OK &&
        rp_name_decode(rp_name_token(subject, TOKEN_NAME), name, sizeof name, &len) != RP_OK)
        status = rp_refusal_set(&refusal, RP__ERROR__CODE__INVALID_ARGUMENT, "name", NULL,
            "the name in the subject is not one that is encoded: A-Z a-z 0-9 _ - stand for "
            "themselves, "
            "any other byte is =XX");
    ask.name = rp_bytes_of(name, len);
    if (status == RP_OK && at_least > asks->spec.folded(asks->spec.arg)) {
        status = wait(asks, subject, reply, body, at_least, &refusal);
        if (status == RP_OK)
            return;
    }
    if (status != RP_OK)
        send_refusal(asks, reply, &refusal);
    else
        send_answer(asks, reply, &ask);
}

static void on_request(void *arg, const rp_message *message)
{
    rp_asks *asks = arg;
    rp_bytes token = rp_name_token(message->subject, TOKEN_NAME);
    if (!rp_name_is_subject(message->reply) || message->reply.len > RP_WORKER_SUBJECT_BYTES ||
        message->subject.len > RP_WORKER_SUBJECT_BYTES ||
        rp_fold_partition_of(token, asks->spec.partitions) != asks->spec.partition)
        return;
    take(asks, message->subject, message->reply, message->body);
}

/* -- those that wait --------------------------------------------------------------------------- */

static void release(rp_asks *asks, waiting *w)
{
    w->at_least = 0;
    rp_buffer_done(&w->body); /* may be large, and is seldom needed */
    rp_buffer_init(&w->body, RP_ASKS_BODY_BYTES_MAX);
    rp_buffer_clear(&w->subject);
    rp_buffer_clear(&w->reply);
    if (--asks->waiting_count == 0)
        rp_timer_clear(asks->look);
}

static void give_up(rp_asks *asks, waiting *w, const char *why)
{
    rp_refusal refusal = {0};
    rp_refusal_set(&refusal, RP__ERROR__CODE__UNAVAILABLE, "at_least", NULL,
        "sequence %" PRIu64 " is not folded yet, only %" PRIu64 " is: %s", w->at_least,
        asks->spec.folded(asks->spec.arg), why);
    send_refusal(asks, rp_buffer_bytes(&w->reply), &refusal);
    release(asks, w);
}

/* Looks at all that wait; `why` NULL: those whose time is up are given up, else all are. */
static void look(rp_asks *asks, const char *why)
{
    uint64_t now_ns = rp_clock_monotonic_ns(asks->spec.env->host->clock);
    uint64_t folded = asks->spec.folded(asks->spec.arg), nearest = UINT64_MAX;
    for (size_t i = 0; i < asks->spec.waiting_max && asks->waiting_count > 0; i++) {
        waiting *w = &asks->waiting[i];
        if (w->at_least == 0)
            continue;
        if (w->at_least <= folded) {
            take(asks, rp_buffer_bytes(&w->subject), rp_buffer_bytes(&w->reply),
                rp_buffer_bytes(&w->body));
            release(asks, w);
        } else if (why || now_ns >= w->until_ns) {
            rp_counter_add(asks->spec.limits, why == NULL);
            give_up(asks, w, why ? why : "it did not come in time");
        } else if (w->at_least < nearest) {
            nearest = w->at_least;
        }
    }
    asks->nearest = nearest;
}

void rp_asks_folded(rp_asks *asks)
{
    if (asks->waiting_count > 0 && asks->spec.folded(asks->spec.arg) >= asks->nearest)
        look(asks, NULL);
}

static void on_look(void *arg)
{
    look(arg, NULL);
}

/* -- its life ---------------------------------------------------------------------------------- */

rp_status rp_asks_open(rp_asks *asks)
{
    char filter[FILTER_BYTES], group[GROUP_BYTES];
    if (asks->subscription)
        return RP_OK;
    snprintf(filter, sizeof filter, "ask.%s.*.*", asks->spec.kind);
    snprintf(group, sizeof group, "%s.%" PRIu32, asks->spec.kind, asks->spec.partition);
    return rp_bus_subscribe(
        asks->spec.env->bus, filter, group, on_request, asks, &asks->subscription);
}

void rp_asks_close(rp_asks *asks)
{
    if (asks->subscription)
        rp_bus_unsubscribe(asks->spec.env->bus, asks->subscription);
    asks->subscription = NULL;
    look(asks, "this replica answers no more; ask again");
}

static rp_status init(rp_asks *asks)
{
    rp_status status = rp_arena_init(&asks->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    if (status == RP_OK)
        status = rp_timer_new(asks->spec.env->host, on_look, asks, &asks->look);
    rp_buffer_init(&asks->answer, RP_ASKS_ANSWER_BYTES_MAX);
    asks->nearest = UINT64_MAX;
    asks->waiting = calloc(asks->spec.waiting_max, sizeof *asks->waiting);
    if (!asks->waiting)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < asks->spec.waiting_max; i++) {
        rp_buffer_init(&asks->waiting[i].subject, RP_WORKER_SUBJECT_BYTES);
        rp_buffer_init(&asks->waiting[i].reply, RP_WORKER_SUBJECT_BYTES);
        rp_buffer_init(&asks->waiting[i].body, RP_ASKS_BODY_BYTES_MAX);
    }
    return status;
}

rp_status rp_asks_new(const rp_asks_spec *spec, rp_asks **ret_asks)
{
    if (spec->waiting_max == 0 || strlen(spec->kind) > RP_FOLD_KIND_MAX)
        return RP_INVALID;
    rp_asks *asks = calloc(1, sizeof *asks);
    if (!asks)
        return RP_NO_MEMORY;
    asks->spec = *spec;
    rp_status status = init(asks);
    if (status != RP_OK)
        rp_asks_free(asks);
    else
        *ret_asks = asks;
    return status;
}

void rp_asks_free(rp_asks *asks)
{
    if (!asks)
        return;
    if (asks->subscription)
        rp_bus_unsubscribe(asks->spec.env->bus, asks->subscription);
    for (size_t i = 0; asks->waiting && i < asks->spec.waiting_max; i++) {
        rp_buffer_done(&asks->waiting[i].subject);
        rp_buffer_done(&asks->waiting[i].reply);
        rp_buffer_done(&asks->waiting[i].body);
    }
    free(asks->waiting);
    rp_timer_free(asks->look);
    rp_buffer_done(&asks->answer);
    rp_arena_done(&asks->arena);
    free(asks);
}
