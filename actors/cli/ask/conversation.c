#include "actors/cli/ask/conversation.h"

#include "actors/cli/ask/order.h"
#include "actors/cli/shared/interrupt.h"
#include "actors/cli/shared/text/units.h"
#include "runtime/base/name.h"
#include "schemas/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_NS      (100 * RP_NS_PER_MS) /* an interrupt is noticed so soon */
#define REREAD_NS    (1 * RP_NS_PER_S)    /* silence after which the stream is read */
#define LOOK_NS      (3 * RP_NS_PER_S)    /* silence after which ACTORS is read */
#define CANCEL_NS    (10 * RP_NS_PER_S)   /* that the answer has to end after a cancel */
#define RETRY_MIN_NS (50 * RP_NS_PER_MS)
#define RETRY_MAX_NS (2 * RP_NS_PER_S)

enum {
    CHUNK_ARENA_MAX = 64 << 20,
    JSON_MAX = 64 << 20,
    PUBLISH_TRIES = 10,
    SUBJECT_BYTES = RP_CLIENT_SUBJECT_BYTES
};

typedef struct state {
    const rp_conversation *c;
    rp_order order;
    rp_arena arena; /* of one chunk */
    rp_buffer json; /* likewise, where it came as something else */
    char reply[SUBJECT_BYTES];
    char tenant[RP_NAME_TOKEN_BYTES], model[RP_NAME_TOKEN_BYTES];
    uint64_t heard_ns;     /* when the last chunk was taken, or we began */
    uint64_t reread_ns;    /* when the stream was last read */
    uint64_t looked_ns;    /* when ACTORS was last read */
    uint64_t cancelled_ns; /* 0 = not */
    bool absence_told;
} state;

static uint64_t now(const state *s)
{
    return rp_clock_monotonic_ns(s->c->clock);
}

/* -- chunks ------------------------------------------------------------------------------------ */

static uint64_t header_number(const rp_message *message, rp_header header)
{
    char text[24];
    uint64_t number = 0;
    rp_bytes value = rp_message_header(message, header);
    if (value.len == 0 || value.len >= sizeof text)
        return 0;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    return rp_parse_count(text, &number) == RP_OK ? number : 0;
}

static rp_status decode(
    state *s, const rp_message *message, const Rp__Chunk **ret_chunk, rp_error *reterr)
{
    rp_encoding encoding;
    rp_refusal refusal;
    void *chunk = NULL;
    rp_arena_reset(&s->arena);
    rp_status status =
        rp_encoding_of(rp_message_header(message, RP_HEADER_CONTENT_TYPE), &encoding, &refusal);
    if (status == RP_OK)
        status = rp_schema_decode(
            &rp__chunk__descriptor, encoding, message->body, &s->arena, &chunk, &refusal);
    if (status != RP_OK)
        return rp_error_set(reterr, RP_CORRUPT, s->reply, "what came on %s is no chunk: %.160s",
            s->reply, refusal.detail.message);
    *ret_chunk = chunk;
    return RP_OK;
}

/* A request in protobuf is answered in protobuf. */
static rp_bytes json_of(state *s, const rp_message *message, const Rp__Chunk *chunk)
{
    rp_encoding encoding = RP_ENCODING_JSON;
    rp_bytes type = rp_message_header(message, RP_HEADER_CONTENT_TYPE);
    if (rp_encoding_of(type, &encoding, NULL) != RP_OK || encoding == RP_ENCODING_JSON)
        return message->body;
    rp_buffer_clear(&s->json);
    if (rp_schema_encode(&chunk->base, RP_ENCODING_JSON, &s->json, NULL) != RP_OK)
        rp_buffer_clear(&s->json);
    return rp_buffer_bytes(&s->json);
}

static void take(state *s, const rp_message *message, const Rp__Chunk *chunk, uint64_t sequence)
{
    rp_order_taken(&s->order, sequence, chunk->has_finish_reason);
    s->heard_ns = s->reread_ns = s->looked_ns = now(s);
    s->c->on_chunk(s->c->arg, chunk, json_of(s, message, chunk));
}

/* Takes from the stream whatever it holds beyond the last chunk. A server that is away is asked
 * again later. */
static rp_status reread(state *s, rp_error *reterr)
{
    rp_status status = RP_OK;
    s->reread_ns = now(s);
    while (status == RP_OK && !s->order.finished) {
        rp_message *message = NULL;
        const Rp__Chunk *chunk = NULL;
        if (rp_client_next(s->c->client, "REPLY", s->reply, s->order.last_sequence + 1, &message,
                NULL) != RP_OK)
            return RP_OK;
        status = decode(s, message, &chunk, reterr);
        if (status == RP_OK &&
            rp_order_read(&s->order, message->stream_sequence, chunk->index) != RP_ORDER_TAKE)
            status = rp_error_set(reterr, RP_CORRUPT, s->reply,
                "chunk %llu of the answer is not in REPLY any more; ask again",
                (unsigned long long)s->order.next_index);
        if (status == RP_OK)
            take(s, message, chunk, message->stream_sequence);
        rp_message_free(message);
    }
    return status;
}

static rp_status hear(state *s, const rp_message *message, rp_error *reterr)
{
    const Rp__Chunk *chunk = NULL;
    uint64_t sequence = header_number(message, RP_HEADER_SEQUENCE);
    uint64_t last = header_number(message, RP_HEADER_LAST_SEQUENCE);
    rp_status status = decode(s, message, &chunk, reterr);
    if (status != RP_OK)
        return status;
    switch (rp_order_heard(&s->order, sequence, last, chunk->index)) {
    case RP_ORDER_TAKE:
        take(s, message, chunk, sequence);
        return RP_OK;
    case RP_ORDER_OLD:
        return RP_OK;
    default:
        return reread(s, reterr);
    }
}

/* -- publishing -------------------------------------------------------------------------------- */

typedef rp_status (*publish_once)(void *arg, rp_client *client, rp_error *reterr);

/* The id makes it safe to send again: a second copy is answered once. */
static rp_status publish(state *s, publish_once once, void *arg, rp_error *reterr)
{
    rp_status status = RP_OK;
    uint64_t pause_ns = RETRY_MIN_NS;
    for (int attempt = 0; attempt < PUBLISH_TRIES; attempt++) {
        status = once(arg, s->c->client, reterr);
        if (status != RP_BUSY && status != RP_UNAVAILABLE && status != RP_TIMEOUT)
            break;
        if (rp_interrupt_wait(pause_ns))
            return rp_error_set(reterr, RP_CANCELLED, NULL, "interrupted before it was published");
        pause_ns = pause_ns * 2 < RETRY_MAX_NS ? pause_ns * 2 : RETRY_MAX_NS;
    }
    return status == RP_DUPLICATE ? RP_OK : status;
}

static rp_status publish_request(void *arg, rp_client *client, rp_error *reterr)
{
    char subject[SUBJECT_BYTES];
    const state *s = arg;
    snprintf(subject, sizeof subject, "infer.%s.%s", s->tenant, s->model);
    rp_publication publication = {.subject = rp_bytes_text(subject), .body = s->c->body};
    rp_publication_header(&publication, RP_HEADER_REQUEST, rp_bytes_text(s->c->request));
    return rp_client_publish(client, &publication, NULL, reterr);
}

static rp_status publish_cancel(void *arg, rp_client *client, rp_error *reterr)
{
    char subject[SUBJECT_BYTES];
    const state *s = arg;
    snprintf(subject, sizeof subject, "control.%s.%s.cancel", s->tenant, s->c->request);
    rp_publication publication = {.subject = rp_bytes_text(subject)};
    rp_publication_header(&publication, RP_HEADER_REQUEST, rp_bytes_text(s->c->request));
    return rp_client_publish(client, &publication, NULL, reterr);
}

static rp_status cancel(state *s, rp_error *reterr)
{
    if (s->cancelled_ns)
        return rp_error_set(reterr, RP_CANCELLED, NULL, "left; the cancel is on its way");
    s->cancelled_ns = now(s);
    s->c->on_note(s->c->arg, "cancelling; Ctrl-C again leaves at once");
    return publish(s, publish_cancel, s, reterr);
}

/* -- silence ----------------------------------------------------------------------------------- */

/* Who is missing for an answer, as a sentence; "" where everybody is there or it cannot be told. */
static void who_is_missing(const state *s, char *text, size_t text_bytes)
{
    rp_roster roster;
    text[0] = '\0';
    if (rp_roster_init(&roster, NULL) == RP_OK &&
        rp_roster_read(s->c->client, s->c->clock, &roster, NULL) == RP_OK) {
        if (!rp_roster_ready(&roster, "tokenizer", NULL, NULL))
            snprintf(text, text_bytes, "no tokenizer is alive");
        else if (!rp_roster_ready(&roster, "executor", s->c->model, NULL))
            snprintf(text, text_bytes, "no executor of %s is alive", s->c->model);
    }
    rp_roster_done(&roster);
}

static void look(state *s)
{
    char missing[RP_NAME_MAX + 64], note[RP_NAME_MAX + 128];
    s->looked_ns = now(s);
    who_is_missing(s, missing, sizeof missing);
    if (*missing && !s->absence_told) {
        snprintf(note, sizeof note, "%s; waiting for one (Ctrl-C cancels)", missing);
        s->c->on_note(s->c->arg, note);
    }
    s->absence_told = *missing != '\0';
}

static rp_status give_up(state *s, rp_error *reterr)
{
    char missing[RP_NAME_MAX + 64], waited[RP_UNITS_TEXT_BYTES];
    who_is_missing(s, missing, sizeof missing);
    rp_units_duration(s->c->silence_ns, waited);
    return rp_error_set(reterr, RP_TIMEOUT, "answer",
        "nothing came for %s%s%s; the request stays queued, and its answer will lie on %s", waited,
        *missing ? ": " : "", missing, s->reply);
}

static rp_status be_silent(state *s, rp_error *reterr)
{
    uint64_t t = now(s);
    if (s->cancelled_ns && t - s->cancelled_ns > CANCEL_NS)
        return rp_error_set(reterr, RP_CANCELLED, NULL,
            "the answer did not end after the cancel, which stays in CONTROL");
    if (t - s->heard_ns > s->c->silence_ns)
        return give_up(s, reterr);
    if (t - s->looked_ns > LOOK_NS)
        look(s);
    return t - s->reread_ns > REREAD_NS ? reread(s, reterr) : RP_OK;
}

/* -- the whole --------------------------------------------------------------------------------- */

static rp_status listen_to_it(state *s, rp_client_inbox *inbox, rp_error *reterr)
{
    rp_status status = RP_OK;
    while (status == RP_OK && !s->order.finished) {
        rp_message *message = NULL;
        rp_status received = rp_client_receive(inbox, POLL_NS, &message, NULL);
        if (received == RP_OK)
            status = hear(s, message, reterr);
        else if (received == RP_LIMIT) /* came faster than it was read */
            status = reread(s, reterr);
        else if (received != RP_TIMEOUT)
            status = rp_error_set(reterr, received, "server", "the connection is closed");
        else
            status = be_silent(s, reterr);
        rp_message_free(message);
        if (status == RP_OK && !s->order.finished && rp_interrupt_wait(0))
            status = cancel(s, reterr);
    }
    return status;
}

static rp_status name_it(state *s, rp_error *reterr)
{
    rp_bytes tenant = rp_bytes_text(s->c->tenant), model = rp_bytes_text(s->c->model);
    if (rp_name_encode(tenant, s->tenant, sizeof s->tenant) != RP_OK)
        return rp_error_set(reterr, RP_INVALID, "tenant", "a tenant has 1 to 128 bytes");
    if (rp_name_encode(model, s->model, sizeof s->model) != RP_OK)
        return rp_error_set(reterr, RP_INVALID, "model", "a model's name has 1 to 128 bytes");
    if (!rp_name_is_request(rp_bytes_text(s->c->request)))
        return rp_error_set(reterr, RP_INVALID, "request",
            "a request's id is 1 to 64 of A-Z a-z 0-9 _ -, and not digits alone");
    snprintf(s->reply, sizeof s->reply, "reply.%s.%s", s->tenant, s->c->request);
    return RP_OK;
}

rp_status rp_conversation_run(const rp_conversation *conversation, rp_error *reterr)
{
    rp_client_inbox *inbox = NULL;
    state *s = calloc(1, sizeof *s);
    if (!s || rp_arena_init(&s->arena, 64 << 10, CHUNK_ARENA_MAX) != RP_OK) {
        free(s);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    }
    s->c = conversation;
    rp_buffer_init(&s->json, JSON_MAX);
    s->heard_ns = s->reread_ns = s->looked_ns = now(s);
    rp_status status = name_it(s, reterr);
    if (status == RP_OK)
        status = rp_client_subscribe(conversation->client, s->reply, &inbox, reterr);
    if (status == RP_OK && conversation->publish)
        status = publish(s, conversation->publish, conversation->publish_arg, reterr);
    else if (status == RP_OK)
        status = publish(s, publish_request, s, reterr);
    if (status == RP_OK)
        status = listen_to_it(s, inbox, reterr);
    rp_client_inbox_free(inbox);
    rp_buffer_done(&s->json);
    rp_arena_done(&s->arena);
    free(s);
    return status;
}
