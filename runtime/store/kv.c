#include "runtime/store/kv.h"

#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "runtime/store/kv_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Something that waits for the bus. A write may take several steps: what stands there is read where
 * the expected revision did not hold. */
struct rp__kv_operation {
    rp_kv *kv;
    bool used;
    bool create;
    bool expect;
    rp_kv_operation what;
    uint64_t expected;
    uint32_t ttl_s;
    unsigned tries;
    char subject[RP__KV_SUBJECT_BYTES];
    char identity[RP_STORE_IDENTITY_BYTES];
    rp_buffer value; /* of a create, for its next try */
    rp_kv_entry_cb on_entry;
    rp_kv_written_cb on_written;
    void *arg;
};

/* -- names ------------------------------------------------------------------------------------- */

static bool is_key_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '=' || c == '/' || c == '.';
}

static bool has_key_bytes(rp_bytes text, bool wild)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_key_byte(text.data[i]) && !(wild && (text.data[i] == '*' || text.data[i] == '>')))
            return false;
    }
    return text.len > 0 && text.len <= RP_KV_KEY_MAX;
}

bool rp_kv_is_key(rp_bytes key)
{
    return has_key_bytes(key, false) && rp_name_is_subject(key);
}

bool rp_kv_is_filter(rp_bytes filter)
{
    return has_key_bytes(filter, true) && rp_name_is_filter(filter);
}

void rp__kv_subject(const rp_kv *kv, rp_bytes key, char subject[RP__KV_SUBJECT_BYTES])
{
    snprintf(
        subject, RP__KV_SUBJECT_BYTES, "%s%.*s", kv->prefix, (int)key.len, (const char *)key.data);
}

/* -- what a message says ----------------------------------------------------------------------- */

static rp_kv_operation operation_of(const rp_message *message)
{
    rp_bytes operation = rp_message_header(message, RP_HEADER_OPERATION);
    rp_bytes marker = rp_message_header(message, RP_HEADER_MARKER);
    if (rp_bytes_is(operation, "DEL") || rp_bytes_is(marker, "Remove"))
        return RP_KV_DELETE;
    if (rp_bytes_is(operation, "PURGE") || marker.len > 0)
        return RP_KV_PURGE;
    return RP_KV_PUT;
}

/* "15s" and "15"; whoever writes it in other words gets 0. */
static uint32_t ttl_of(const rp_message *message)
{
    rp_bytes text = rp_message_header(message, RP_HEADER_TTL);
    uint64_t seconds = 0;
    if (text.len > 0 && text.data[text.len - 1] == 's')
        text.len--;
    if (rp_decimal_parse(text, &seconds) != RP_OK || seconds > RP_KV_TTL_MAX_S)
        return 0;
    return (uint32_t)seconds;
}

bool rp__kv_entry(const rp_kv *kv, const rp_message *message, rp_kv_entry *ret_entry)
{
    size_t len = strlen(kv->prefix);
    if (message->subject.len <= len || memcmp(message->subject.data, kv->prefix, len) != 0)
        return false;
    *ret_entry =
        (rp_kv_entry){.key = rp_bytes_of(message->subject.data + len, message->subject.len - len),
            .value = message->body,
            .revision = message->stream_sequence,
            .operation = operation_of(message),
            .ttl_s = ttl_of(message),
            .timestamp_ns = message->timestamp_ns};
    return true;
}

/* -- operations -------------------------------------------------------------------------------- */

static rp__kv_operation *take(rp_kv *kv, rp_bytes key)
{
    for (size_t i = 0; i < RP_KV_OPERATIONS_MAX; i++) {
        rp__kv_operation *o = &kv->operations[i];
        if (o->used)
            continue;
        rp_buffer value = o->value;
        *o = (rp__kv_operation){.kv = kv, .used = true, .value = value};
        rp_buffer_clear(&o->value);
        rp__kv_subject(kv, key, o->subject);
        return o;
    }
    return NULL;
}

static void finish_read(rp__kv_operation *o, rp_status status, const rp_kv_entry *entry)
{
    o->used = false;
    o->on_entry(o->arg, status, entry);
}

static void finish_write(rp__kv_operation *o, rp_status status, uint64_t revision, const char *why)
{
    rp_kv_written written = {.status = status, .revision = revision, .why = why ? why : ""};
    o->used = false;
    if (o->on_written)
        o->on_written(o->arg, &written);
}

static void on_got(void *arg, rp_status status, const rp_message *message)
{
    rp__kv_operation *o = arg;
    rp_kv_entry entry;
    if (status != RP_OK)
        finish_read(o, status, NULL);
    else if (!rp__kv_entry(o->kv, message, &entry))
        finish_read(o, RP_CORRUPT, NULL);
    else
        finish_read(o, entry.operation == RP_KV_PUT ? RP_OK : RP_NOT_FOUND, &entry);
}

rp_status rp_kv_get(rp_kv *kv, rp_bytes key, rp_kv_entry_cb callback, void *arg)
{
    if (!rp_kv_is_key(key))
        return RP_INVALID;
    rp__kv_operation *o = take(kv, key);
    if (!o)
        return RP_LIMIT;
    o->on_entry = callback;
    o->arg = arg;
    rp_status status = rp_bus_last(kv->store->bus, kv->stream, o->subject, on_got, o);
    o->used = status == RP_OK;
    return status;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void on_stored(void *arg, const rp_published *published);

static rp_status publish(rp__kv_operation *o, rp_bytes value)
{
    char ttl[16];
    rp_publication p = {.subject = rp_bytes_text(o->subject),
        .body = value,
        .expect = o->expect,
        .expected_sequence = o->expected};
    rp_publication_header(&p, RP_HEADER_MESSAGE_ID, rp_bytes_text(o->identity));
    if (o->what != RP_KV_PUT)
        rp_publication_header(
            &p, RP_HEADER_OPERATION, rp_bytes_text(o->what == RP_KV_DELETE ? "DEL" : "PURGE"));
    if (o->what == RP_KV_PURGE)
        rp_publication_header(&p, RP_HEADER_ROLLUP, rp_bytes_text("sub"));
    if (o->ttl_s > 0) {
        snprintf(ttl, sizeof ttl, "%" PRIu32 "s", o->ttl_s);
        rp_publication_header(&p, RP_HEADER_TTL, rp_bytes_text(ttl));
    }
    return rp_bus_publish(o->kv->store->bus, &p, on_stored, o);
}

/* A create found a deletion: its sequence is what to go on from. */
static void create_again(rp__kv_operation *o, uint64_t revision)
{
    if (++o->tries == RP_KV_CREATE_TRIES_MAX) {
        finish_write(o, RP_CONFLICT, revision, "others delete and write this key all the time");
        return;
    }
    o->expected = revision;
    rp_store_identity(o->kv->store, o->identity); /* what stands there is none of the one before */
    rp_status status = publish(o, rp_buffer_bytes(&o->value));
    if (status != RP_OK)
        finish_write(o, status, 0, rp_status_text(status));
}

/* What stands there, where the expected revision did not hold: our own write, if only its
 * acknowledgement was lost, or another one's. */
static void on_standing(void *arg, rp_status status, const rp_message *message)
{
    rp__kv_operation *o = arg;
    rp_kv_entry entry = {0};
    bool there = status == RP_OK && rp__kv_entry(o->kv, message, &entry);
    if (status != RP_OK && status != RP_NOT_FOUND)
        finish_write(o, RP_UNAVAILABLE, 0, "another revision stands there, which cannot be read");
    else if (there && rp_bytes_is(rp_message_header(message, RP_HEADER_MESSAGE_ID), o->identity))
        finish_write(o, RP_OK, entry.revision, NULL);
    else if (o->create && (!there || entry.operation != RP_KV_PUT))
        create_again(o, entry.revision);
    else if (o->create)
        finish_write(o, RP_EXISTS, entry.revision, "a value stands there");
    else
        finish_write(o, RP_CONFLICT, entry.revision, "another revision stands there");
}

static void on_stored(void *arg, const rp_published *published)
{
    rp__kv_operation *o = arg;
    if (published->status == RP_OK || published->status == RP_DUPLICATE) {
        finish_write(o, RP_OK, published->sequence, NULL);
    } else if (published->status == RP_CONFLICT) {
        rp_status status =
            rp_bus_last(o->kv->store->bus, o->kv->stream, o->subject, on_standing, o);
        if (status != RP_OK)
            finish_write(o, RP_UNAVAILABLE, 0, "another revision stands there");
    } else {
        finish_write(o, published->status, 0, published->why);
    }
}

/* What a write asks for, in the operation's own words. */
typedef struct order {
    rp_kv_operation what;
    bool create, expect;
    uint64_t expected;
    uint32_t ttl_s;
} order;

static rp_status start(
    rp_kv *kv, rp_bytes key, rp_bytes value, order asked, rp_kv_written_cb callback, void *arg)
{
    if (!rp_kv_is_key(key) || asked.ttl_s > RP_KV_TTL_MAX_S)
        return RP_INVALID;
    if (value.len > rp_bus_payload_bytes_max(kv->store->bus))
        return RP_LIMIT;
    rp__kv_operation *o = take(kv, key);
    if (!o)
        return RP_LIMIT;
    o->what = asked.what;
    o->create = asked.create;
    o->expect = asked.expect;
    o->expected = asked.expected;
    o->ttl_s = asked.ttl_s;
    o->on_written = callback;
    o->arg = arg;
    rp_store_identity(kv->store, o->identity);
    if (o->create) {
        o->value.bytes_max = value.len + 1; /* looked at above */
        rp_buffer_append(&o->value, value.data, value.len);
        if (o->value.truncated) {
            o->used = false;
            return RP_NO_MEMORY;
        }
    }
    rp_status status = publish(o, value);
    o->used = status == RP_OK;
    return status;
}

rp_status rp_kv_put(
    rp_kv *kv, rp_bytes key, rp_bytes value, uint32_t ttl_s, rp_kv_written_cb callback, void *arg)
{
    return start(kv, key, value, (order){.ttl_s = ttl_s}, callback, arg);
}

rp_status rp_kv_create(
    rp_kv *kv, rp_bytes key, rp_bytes value, uint32_t ttl_s, rp_kv_written_cb callback, void *arg)
{
    order asked = {.create = true, .expect = true, .ttl_s = ttl_s};
    return start(kv, key, value, asked, callback, arg);
}

rp_status rp_kv_update(rp_kv *kv, rp_bytes key, uint64_t revision, rp_bytes value, uint32_t ttl_s,
    rp_kv_written_cb callback, void *arg)
{
    order asked = {.expect = true, .expected = revision, .ttl_s = ttl_s};
    return start(kv, key, value, asked, callback, arg);
}

rp_status rp_kv_remove(
    rp_kv *kv, rp_bytes key, uint64_t revision, rp_kv_written_cb callback, void *arg)
{
    order asked = {.what = RP_KV_DELETE, .expect = revision > 0, .expected = revision};
    return start(kv, key, rp_bytes_of(NULL, 0), asked, callback, arg);
}

rp_status rp_kv_purge(rp_kv *kv, rp_bytes key, uint64_t revision, uint32_t ttl_s,
    rp_kv_written_cb callback, void *arg)
{
    order asked = {
        .what = RP_KV_PURGE, .expect = revision > 0, .expected = revision, .ttl_s = ttl_s};
    return start(kv, key, rp_bytes_of(NULL, 0), asked, callback, arg);
}

/* -- opening and closing ----------------------------------------------------------------------- */

rp_status rp_kv_open(rp_store *store, const char *bucket, rp_kv **ret_kv)
{
    if (!rp_store_is_bucket(bucket))
        return RP_INVALID;
    rp_kv *kv = calloc(1, sizeof *kv);
    rp__kv_operation *operations = calloc(RP_KV_OPERATIONS_MAX, sizeof *operations);
    if (!kv || !operations) {
        free(kv);
        free(operations);
        return RP_NO_MEMORY;
    }
    kv->store = store;
    kv->operations = operations;
    snprintf(kv->stream, sizeof kv->stream, "KV_%s", bucket);
    snprintf(kv->prefix, sizeof kv->prefix, "$KV.%s.", bucket);
    *ret_kv = kv;
    return RP_OK;
}

void rp_kv_close(rp_kv *kv)
{
    if (!kv)
        return;
    rp__kv_watchers_done(kv);
    for (size_t i = 0; i < RP_KV_OPERATIONS_MAX; i++) {
        if (kv->operations[i].used)
            rp_bus_forget(kv->store->bus, &kv->operations[i]);
        rp_buffer_done(&kv->operations[i].value);
    }
    free(kv->operations);
    free(kv);
}
