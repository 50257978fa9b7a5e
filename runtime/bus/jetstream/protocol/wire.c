#include "runtime/bus/jetstream/protocol/wire.h"

#include <stdio.h>
#include <yyjson.h>

#include "runtime/base/clock.h"
#include "runtime/base/decimal.h"
#include "runtime/base/name.h"

enum { TOKENS_SHORT = 9, TOKENS_LONG = 11, TOKENS_MAX = 12 };

bool rp__wire_is_name(const char *text)
{
    return rp_name_is_subject(rp_bytes_text(text)) && !strchr(text, '.') &&
           strlen(text) < RP__WIRE_NAME_BYTES;
}

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

/* Small answers are read within this much, and no heap is asked. yyjson wants some 12 bytes a byte
 * of text at most. */
enum { ANSWER_BYTES_SMALL = 4096, ANSWER_MEMORY_BYTES = 12 * ANSWER_BYTES_SMALL + 4096 };

typedef struct answer {
    uint64_t memory[ANSWER_MEMORY_BYTES / sizeof(uint64_t)];
    yyjson_doc *large; /* on the heap; NULL = in `memory` */
    yyjson_val *root;
} answer;

static bool answer_small(answer *a, rp_bytes body)
{
    yyjson_alc allocator;
    a->large = NULL;
    if (body.len == 0 || body.len > ANSWER_BYTES_SMALL ||
        !yyjson_alc_pool_init(&allocator, a->memory, sizeof a->memory))
        return false;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)body.data, body.len, 0, &allocator, NULL);
    a->root = yyjson_doc_get_root(doc);
    return yyjson_is_obj(a->root);
}

/* Whatever its size; to be followed by answer_done. */
static bool answer_any(answer *a, rp_bytes body)
{
    if (body.len <= ANSWER_BYTES_SMALL)
        return answer_small(a, body);
    a->large = NULL;
    if (body.len > RP__WIRE_ANSWER_BYTES_MAX)
        return false;
    a->large = yyjson_read_opts((char *)(uintptr_t)body.data, body.len, 0, NULL, NULL);
    a->root = yyjson_doc_get_root(a->large);
    return yyjson_is_obj(a->root);
}

static void answer_done(answer *a)
{
    yyjson_doc_free(a->large);
}

/* A member's number; 0 where there is none, or none without sign. */
static uint64_t number_of(yyjson_val *object, const char *key)
{
    yyjson_val *number = yyjson_obj_get(object, key);
    return yyjson_is_uint(number) ? yyjson_get_uint(number) : 0;
}

static uint32_t code_of(yyjson_val *object, const char *key)
{
    uint64_t number = number_of(object, key);
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

static bool has_number(yyjson_val *object, const char *key)
{
    return yyjson_is_uint(yyjson_obj_get(object, key));
}

/* Copies a member's text, cut to fit; "" where there is none. */
static void text_of(yyjson_val *object, const char *key, char *text, size_t bytes)
{
    const char *value = yyjson_get_str(yyjson_obj_get(object, key));
    snprintf(text, bytes, "%s", value ? value : "");
}

static rp__wire_error error_of(const answer *a)
{
    rp__wire_error e = {0};
    yyjson_val *error = yyjson_obj_get(a->root, "error");
    if (!error)
        return e;
    e.is_error = true;
    e.code = code_of(error, "code");
    e.error_code = code_of(error, "err_code");
    text_of(error, "description", e.description, sizeof e.description);
    if (!*e.description)
        snprintf(e.description, sizeof e.description, "no reason given");
    return e;
}

rp_status rp__wire_error_status(const rp__wire_error *error)
{
    if (!error->is_error)
        return RP_OK;
    switch (error->code) {
    case 401:
    case 403:
        return RP_DENIED;
    case 404:
        return RP_NOT_FOUND;
    case 503:
        return RP_UNAVAILABLE;
    default:
        return RP_INVALID;
    }
}

rp_status rp__wire_ack_parse(rp_bytes body, rp__wire_ack *ret_ack)
{
    answer a;
    if (!answer_small(&a, body))
        return RP_INVALID;
    rp__wire_ack ack = {.error = error_of(&a),
        .sequence = number_of(a.root, "seq"),
        .duplicate = yyjson_get_bool(yyjson_obj_get(a.root, "duplicate"))};
    if (!ack.error.is_error && ack.sequence == 0)
        return RP_INVALID;
    *ret_ack = ack;
    return RP_OK;
}

rp_status rp__wire_consumer_parse(rp_bytes body, rp__wire_consumer *ret_consumer)
{
    answer a;
    if (!answer_small(&a, body))
        return RP_INVALID;
    rp__wire_consumer c = {.error = error_of(&a),
        .pending = number_of(a.root, "num_pending"),
        .delivered_sequence = number_of(yyjson_obj_get(a.root, "delivered"), "stream_seq")};
    if (!c.error.is_error && !yyjson_is_str(yyjson_obj_get(a.root, "name")))
        return RP_INVALID;
    if (c.delivered_sequence == UINT64_MAX)
        return RP_INVALID;
    *ret_consumer = c;
    return RP_OK;
}

rp_status rp__wire_ack_status(const rp__wire_ack *ack)
{
    if (!ack->error.is_error)
        return ack->duplicate ? RP_DUPLICATE : RP_OK;
    if (ack->error.error_code == RP__WIRE_WRONG_LAST_SEQUENCE)
        return RP_CONFLICT;
    if (ack->error.error_code == RP__WIRE_STORE_FAILED)
        return RP_FULL;
    if (ack->error.error_code == RP__WIRE_TOO_MANY_REQUESTS || ack->error.code == 429)
        return RP_BUSY;
    if (ack->error.code == 503)
        return RP_UNAVAILABLE;
    return RP_INVALID;
}

/* -- streams and consumers --------------------------------------------------------------------- */

static bool stream_of(const answer *a, rp__wire_stream *stream)
{
    yyjson_val *state = yyjson_obj_get(a->root, "state");
    yyjson_val *created = yyjson_obj_get(a->root, "created");
    if (!has_number(state, "messages") || !has_number(state, "bytes") ||
        !has_number(state, "first_seq") || !has_number(state, "last_seq") ||
        !yyjson_is_str(created) ||
        rp_clock_parse(rp_bytes_of(yyjson_get_str(created), yyjson_get_len(created)),
            &stream->created_ns) != RP_OK)
        return false;
    stream->messages = number_of(state, "messages");
    stream->bytes = number_of(state, "bytes");
    stream->bytes_max = number_of(yyjson_obj_get(a->root, "config"), "max_bytes"); /* -1 = none */
    stream->first_sequence = number_of(state, "first_seq");
    stream->last_sequence = number_of(state, "last_seq");
    if (stream->last_sequence == UINT64_MAX)
        return false;
    if (stream->messages == 0)
        stream->first_sequence = stream->last_sequence + 1;
    return stream->first_sequence > 0 && stream->first_sequence <= stream->last_sequence + 1;
}

rp_status rp__wire_stream_parse(rp_bytes body, rp__wire_stream *ret_stream)
{
    answer a;
    rp__wire_stream stream = {0};
    bool fine = answer_any(&a, body);
    if (fine) {
        stream.error = error_of(&a);
        fine = stream.error.is_error || stream_of(&a, &stream);
    }
    answer_done(&a);
    if (!fine)
        return RP_INVALID;
    *ret_stream = stream;
    return RP_OK;
}

/* Readers that come and go hold nothing back, nor do those that acknowledge nothing. */
static bool settles(yyjson_val *consumer)
{
    yyjson_val *config = yyjson_obj_get(consumer, "config");
    return yyjson_is_str(yyjson_obj_get(config, "durable_name")) &&
           yyjson_equals_str(yyjson_obj_get(config, "ack_policy"), "explicit");
}

/* One that has settled all it was to see holds nothing back either. */
static bool holds_back(yyjson_val *consumer)
{
    return settles(consumer) &&
           (!has_number(consumer, "num_pending") || !has_number(consumer, "num_ack_pending") ||
               number_of(consumer, "num_pending") > 0 ||
               number_of(consumer, "num_ack_pending") > 0);
}

static bool page_of(const answer *a, rp__wire_consumers *page)
{
    yyjson_val *list = yyjson_obj_get(a->root, "consumers");
    size_t index, count;
    yyjson_val *consumer;
    page->total = number_of(a->root, "total");
    page->count = yyjson_arr_size(list);
    if (!has_number(a->root, "total") || !(yyjson_is_arr(list) || page->total == 0))
        return false;
    yyjson_arr_foreach(list, index, count, consumer)
    {
        if (!yyjson_is_str(yyjson_obj_get(consumer, "name")))
            return false;
        uint64_t floor = number_of(yyjson_obj_get(consumer, "ack_floor"), "stream_seq");
        page->settled_by_durables = page->settled_by_durables || settles(consumer);
        if (holds_back(consumer) && floor < page->floor)
            page->floor = floor;
    }
    text_of(yyjson_arr_get_first(list), "name", page->first_name, sizeof page->first_name);
    text_of(yyjson_arr_get_last(list), "name", page->last_name, sizeof page->last_name);
    return true;
}

rp_status rp__wire_consumers_parse(rp_bytes body, rp__wire_consumers *ret_consumers)
{
    answer a;
    rp__wire_consumers page = {.floor = UINT64_MAX};
    bool fine = answer_any(&a, body);
    if (fine) {
        page.error = error_of(&a);
        fine = page.error.is_error || page_of(&a, &page);
    }
    answer_done(&a);
    if (!fine)
        return RP_INVALID;
    *ret_consumers = page;
    return RP_OK;
}

rp_status rp__wire_purge_parse(rp_bytes body, rp__wire_purge *ret_purge)
{
    answer a;
    if (!answer_small(&a, body))
        return RP_INVALID;
    rp__wire_purge purge = {.error = error_of(&a), .purged = number_of(a.root, "purged")};
    if (!purge.error.is_error && !yyjson_get_bool(yyjson_obj_get(a.root, "success")))
        return RP_INVALID;
    *ret_purge = purge;
    return RP_OK;
}
