#include "runtime/bus/jetstream/wire.h"

#include <stdio.h>
#include <yyjson.h>

#include "runtime/base/decimal.h"

enum { TOKENS_SHORT = 9, TOKENS_LONG = 11, TOKENS_MAX = 12 };

static size_t split(rp_bytes subject, rp_bytes tokens[TOKENS_MAX])
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= subject.len; i++) {
        if (i < subject.len && subject.data[i] != '.')
            continue;
        if (count == TOKENS_MAX)
            return 0;
        tokens[count++] = rp_bytes_of(subject.data + start, i - start);
        start = i + 1;
    }
    return count;
}

rp_status rp__wire_delivery_parse(rp_bytes reply, rp__wire_delivery *ret_delivery)
{
    rp_bytes tokens[TOKENS_MAX];
    size_t count = reply.len ? split(reply, tokens) : 0;
    if ((count != TOKENS_SHORT && count < TOKENS_LONG) || !rp_bytes_is(tokens[0], "$JS") ||
        !rp_bytes_is(tokens[1], "ACK"))
        return RP_INVALID;
    const rp_bytes *t = tokens + (count == TOKENS_SHORT ? 2 : 4);
    rp__wire_delivery d = {.stream = t[0], .consumer = t[1]};
    if (d.stream.len == 0 || d.consumer.len == 0 ||
        rp_decimal_parse(t[2], &d.deliveries) != RP_OK ||
        rp_decimal_parse(t[3], &d.stream_sequence) != RP_OK ||
        rp_decimal_parse(t[4], &d.consumer_sequence) != RP_OK ||
        rp_decimal_parse(t[5], &d.timestamp_ns) != RP_OK ||
        rp_decimal_parse(t[6], &d.pending) != RP_OK)
        return RP_INVALID;
    *ret_delivery = d;
    return RP_OK;
}

/* An answer is small: it is read within this much, and no heap is asked. yyjson wants some 12 bytes
 * a byte of text at most. */
enum { ANSWER_BYTES_MAX = 4096, ANSWER_MEMORY_BYTES = 12 * ANSWER_BYTES_MAX + 4096 };

typedef struct answer {
    uint64_t memory[ANSWER_MEMORY_BYTES / sizeof(uint64_t)];
    yyjson_val *root;
} answer;

static bool answer_read(answer *a, rp_bytes body)
{
    yyjson_alc allocator;
    if (body.len == 0 || body.len > ANSWER_BYTES_MAX ||
        !yyjson_alc_pool_init(&allocator, a->memory, sizeof a->memory))
        return false;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)body.data, body.len, 0, &allocator, NULL);
    a->root = yyjson_doc_get_root(doc);
    return yyjson_is_obj(a->root);
}

/* A member's number; 0 where there is none, or none without sign. */
static uint64_t number_of(yyjson_val *object, const char *key)
{
    yyjson_val *number = yyjson_obj_get(object, key);
    return yyjson_is_uint(number) ? yyjson_get_uint(number) : 0;
}

/* Whether the answer is an error; writes its codes and its text. */
static bool answer_error(
    const answer *a, uint32_t *code, uint32_t *error_code, char *text, size_t text_bytes)
{
    yyjson_val *error = yyjson_obj_get(a->root, "error");
    if (!error)
        return false;
    const char *description = yyjson_get_str(yyjson_obj_get(error, "description"));
    *code = (uint32_t)number_of(error, "code");
    *error_code = (uint32_t)number_of(error, "err_code");
    snprintf(text, text_bytes, "%s", description ? description : "no reason given");
    return true;
}

rp_status rp__wire_ack_parse(rp_bytes body, rp__wire_ack *ret_ack)
{
    answer a;
    rp__wire_ack ack = {0};
    if (!answer_read(&a, body))
        return RP_INVALID;
    ack.is_error =
        answer_error(&a, &ack.code, &ack.error_code, ack.description, sizeof ack.description);
    ack.sequence = number_of(a.root, "seq");
    ack.duplicate = yyjson_get_bool(yyjson_obj_get(a.root, "duplicate"));
    if (!ack.is_error && ack.sequence == 0)
        return RP_INVALID;
    *ret_ack = ack;
    return RP_OK;
}

rp_status rp__wire_consumer_parse(rp_bytes body, rp__wire_consumer *ret_consumer)
{
    answer a;
    uint32_t code;
    rp__wire_consumer c = {0};
    if (!answer_read(&a, body))
        return RP_INVALID;
    c.is_error = answer_error(&a, &code, &c.error_code, c.description, sizeof c.description);
    if (!c.is_error && !yyjson_is_str(yyjson_obj_get(a.root, "name")))
        return RP_INVALID;
    c.pending = number_of(a.root, "num_pending");
    c.delivered_sequence = number_of(yyjson_obj_get(a.root, "delivered"), "stream_seq");
    *ret_consumer = c;
    return RP_OK;
}

rp_status rp__wire_ack_status(const rp__wire_ack *ack)
{
    if (!ack->is_error)
        return ack->duplicate ? RP_DUPLICATE : RP_OK;
    if (ack->error_code == RP__WIRE_WRONG_LAST_SEQUENCE)
        return RP_CONFLICT;
    if (ack->error_code == RP__WIRE_STORE_FAILED)
        return RP_FULL;
    if (ack->error_code == RP__WIRE_TOO_MANY_REQUESTS || ack->code == 429)
        return RP_BUSY;
    if (ack->code == 503)
        return RP_UNAVAILABLE;
    return RP_INVALID;
}
