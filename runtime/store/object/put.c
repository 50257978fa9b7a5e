#include "runtime/base/decimal.h"
#include "runtime/store/object/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FULL_WAIT_MS = 20 }; /* of an outbox */

struct rp_object_put {
    rp__object_task task; /* first */
    rp_object_put_spec spec;
    rp_object_info info;               /* as it will say of itself */
    rp_object_info before;             /* what stands under the name */
    char digest[RP_SHA256_TEXT_BYTES]; /* that the caller says; "" = none */
    char subject[RP__OBJECT_CHUNKS_BYTES];
    rp_timer *timer;
    rp_sha256 sha;
    uint8_t *chunk; /* that is being filled */
    uint32_t chunk_bytes, filled;
    uint64_t index;         /* of the chunk that is being filled */
    uint64_t stored;        /* chunks that are there */
    uint64_t last_sequence; /* of the last of them */
    unsigned tries;
    bool open;         /* on_room may come */
    bool wants_room;   /* and is waited for */
    bool on_its_way;   /* a chunk, or a question about one */
    bool finished;     /* the caller has no more */
    rp_status refused; /* what became of a write; told from the loop */
    bool digested;     /* it is complete */
    bool naming;       /* and takes its name */
};

static void proceed(rp_object_put *put);

/* -- the end ----------------------------------------------------------------------------------- */

static void put_free(rp__object_task *task)
{
    rp_object_put *put = (rp_object_put *)task;
    rp__object_task_remove(task);
    rp_timer_free(put->timer);
    rp_sha256_done(&put->sha);
    free(put->chunk);
    free(put);
}

static bool is_content(const rp_object_put *put)
{
    return put->digest[0] != '\0';
}

/* What was stored of one that came to nothing goes, the chunk on its way included, unless another
 * attempt can go on from it. */
static void sweep(const rp_object_put *put, bool keep)
{
    if (!keep && (put->stored > 0 || put->index > 0))
        rp__object_sweep(put->task.objects, put->info.nuid, INT64_MAX);
}

static void stop(rp__object_task *task)
{
    sweep((rp_object_put *)task, is_content((rp_object_put *)task));
    put_free(task);
}

static void fail(rp_object_put *put, rp_status status, const char *why)
{
    rp_object_put_spec spec = put->spec;
    char copy[RP_ERROR_MESSAGE_MAX];
    snprintf(copy, sizeof copy, "%s", why && why[0] ? why : rp_status_text(status));
    sweep(put, is_content(put) && status != RP_CORRUPT);
    put_free(&put->task);
    spec.on_end(spec.arg, status, NULL, copy);
}

static void succeed(rp_object_put *put, const rp_object_info *info)
{
    rp_object_put_spec spec = put->spec;
    rp_object_info copy = *info;
    put_free(&put->task);
    spec.on_end(spec.arg, RP_OK, &copy, "");
}

/* -- taking the name --------------------------------------------------------------------------- */

/* The chunks of what stood there before: nobody finds them any more. Those of the same content may
 * still be read by somebody who looked a moment ago, and go with their age. */
static void sweep_before(const rp_object_put *put, uint64_t revision)
{
    const rp_object_info *before = &put->before;
    if (before->revision == 0 || before->deleted || !before->nuid[0] ||
        strcmp(before->nuid, put->info.nuid) == 0 ||
        (is_content(put) && strcmp(before->digest, put->info.digest) == 0))
        return;
    rp__object_sweep(put->task.objects, before->nuid, revision);
}

static void look_before(rp_object_put *put);

static void name_later(rp_object_put *put)
{
    put->naming = false;
    rp_timer_set(put->timer, FULL_WAIT_MS * RP_NS_PER_MS, 0);
}

static void on_named(void *arg, const rp_published *published)
{
    rp_object_put *put = arg;
    if (published->status == RP_OK) {
        put->info.revision = published->sequence;
        sweep_before(put, published->sequence);
        succeed(put, &put->info);
    } else if (published->status == RP_CONFLICT && ++put->tries < RP_OBJECT_TRIES_MAX) {
        look_before(put);
    } else {
        fail(put, published->status, published->why);
    }
}

static void on_before(void *arg, rp_status status, const rp_message *message)
{
    rp_object_put *put = arg;
    put->before = (rp_object_info){0};
    if (status == RP_OK &&
        rp__object_info_of(message, put->info.name, &put->before, NULL) != RP_OK) {
        put->before = (rp_object_info){0}; /* whatever it is: it goes */
        put->before.revision = message->stream_sequence;
    }
    if (status != RP_OK && status != RP_NOT_FOUND) {
        fail(put, status, "the bucket does not answer");
        return;
    }
    if (put->before.revision && !put->before.deleted &&
        strcmp(put->before.nuid, put->info.nuid) == 0 &&
        strcmp(put->before.digest, put->info.digest) == 0) {
        succeed(put, &put->before); /* its acknowledgement was lost, or another shared the work */
        return;
    }
    status = rp__object_publish_info(
        put->task.objects, &put->info, put->chunk_bytes, put->before.revision, on_named, put);
    if (status == RP_LIMIT)
        name_later(put);
    else if (status != RP_OK)
        fail(put, status, NULL);
}

static void look_before(rp_object_put *put)
{
    const rp_objects *objects = put->task.objects;
    char subject[RP__OBJECT_META_BYTES];
    rp__object_meta(objects, put->info.name, subject);
    rp_status status = rp_bus_last(objects->store->bus, objects->stream, subject, on_before, put);
    put->naming = true;
    if (status == RP_LIMIT)
        name_later(put);
    else if (status != RP_OK)
        fail(put, status, NULL);
}

static void complete(rp_object_put *put)
{
    uint8_t digest[RP_SHA256_BYTES];
    if (!put->digested) {
        if (rp_sha256_final(&put->sha, digest) != RP_OK) {
            fail(put, RP_INTERNAL, "the digest cannot be computed");
            return;
        }
        put->digested = true;
        rp_sha256_text(digest, put->info.digest);
    }
    put->info.chunks = put->index;
    put->info.modified_ns = rp_clock_unix_ns(put->task.objects->store->host->clock);
    if (is_content(put) && strcmp(put->digest, put->info.digest) != 0)
        fail(put, RP_CORRUPT, "the bytes do not have the SHA-256 that was said");
    else if (put->stored > put->index)
        fail(put, RP_CORRUPT, "more chunks lie under this content than it has");
    else
        look_before(put);
}

/* -- chunks ------------------------------------------------------------------------------------ */

/* What the last message on the chunks' subject is: how far this object has come. */
static bool read_standing(rp_object_put *put, rp_status status, const rp_message *message)
{
    uint64_t index = 0;
    if (status != RP_OK ||
        rp_decimal_parse(rp_message_header(message, RP_HEADER_CHUNK), &index) != RP_OK ||
        index >= RP_OBJECT_BYTES_MAX)
        return false;
    put->stored = index + 1;
    put->last_sequence = message->stream_sequence;
    return true;
}

/* A chunk was refused, since another is the last. It is this very one, if only its acknowledgement
 * was lost, or another writer of the same content was quicker. */
static void on_standing(void *arg, rp_status status, const rp_message *message)
{
    rp_object_put *put = arg;
    put->on_its_way = false;
    if (status != RP_OK && status != RP_NOT_FOUND)
        fail(put, status, "the bucket does not answer");
    else if (!read_standing(put, status, message) || put->stored < put->index)
        fail(put, RP_CONFLICT, "its chunks were deleted meanwhile");
    else
        proceed(put);
}

static void on_stored(void *arg, const rp_published *published)
{
    rp_object_put *put = arg;
    const rp_objects *objects = put->task.objects;
    put->on_its_way = false;
    if (published->status == RP_OK) {
        put->stored = put->index;
        put->last_sequence = published->sequence;
        proceed(put);
    } else if (published->status == RP_CONFLICT) {
        rp_status status =
            rp_bus_last(objects->store->bus, objects->stream, put->subject, on_standing, put);
        put->on_its_way = status == RP_OK;
        if (status != RP_OK)
            fail(put, RP_UNAVAILABLE, "another chunk stands there");
    } else {
        fail(put, published->status, published->why);
    }
}

static rp_status send_chunk(rp_object_put *put)
{
    char index[24];
    snprintf(index, sizeof index, "%" PRIu64, put->index);
    rp_publication p = {.subject = rp_bytes_text(put->subject),
        .body = rp_bytes_of(put->chunk, put->filled),
        .expect = true,
        .expected_sequence = put->last_sequence};
    rp_publication_header(&p, RP_HEADER_CHUNK, rp_bytes_text(index));
    return rp_bus_publish(put->task.objects->store->bus, &p, on_stored, put);
}

/* Sends the chunk that is filled, or passes over one that is there. What the bus has taken it has
 * copied, so that the next one can be filled at once. False where it must wait. */
static bool pass_chunk(rp_object_put *put, rp_status *ret_status)
{
    *ret_status = RP_OK;
    if (put->index >= put->stored) {
        if (put->on_its_way)
            return false;
        *ret_status = send_chunk(put);
        if (*ret_status != RP_OK)
            return false;
        put->on_its_way = true;
    }
    put->index++;
    put->filled = 0;
    return true;
}

/* Goes on with whatever can be gone on with. */
static void proceed(rp_object_put *put)
{
    rp_status status = RP_OK;
    if (put->naming)
        return;
    bool whole = put->filled == put->chunk_bytes || (put->finished && put->filled > 0);
    if (whole && !pass_chunk(put, &status)) {
        if (status == RP_LIMIT)
            rp_timer_set(put->timer, FULL_WAIT_MS * RP_NS_PER_MS, 0);
        else if (status != RP_OK)
            fail(put, status, NULL);
        return;
    }
    if (put->finished) {
        if (!put->on_its_way)
            complete(put);
    } else if (put->open && put->wants_room) {
        put->wants_room = false;
        put->spec.on_room(put->spec.arg);
    }
}

size_t rp_object_put_write(rp_object_put *put, rp_bytes bytes)
{
    size_t taken = 0;
    rp_status status = RP_OK;
    RP_ASSERT(put->open && !put->finished);
    while (taken < bytes.len) {
        if (put->filled == put->chunk_bytes && !pass_chunk(put, &status))
            break;
        size_t room = put->chunk_bytes - put->filled, n = bytes.len - taken;
        n = n < room ? n : room;
        memcpy(put->chunk + put->filled, bytes.data + taken, n);
        put->filled += (uint32_t)n;
        taken += n;
    }
    if (rp_sha256_update(&put->sha, rp_bytes_of(bytes.data, taken)) != RP_OK)
        status = RP_INTERNAL;
    put->info.size += taken;
    put->wants_room = taken < bytes.len;
    if (status == RP_LIMIT)
        rp_timer_set(put->timer, FULL_WAIT_MS * RP_NS_PER_MS, 0);
    else if (status != RP_OK)
        rp_timer_set(put->timer, 0, 0);
    put->refused = status == RP_LIMIT ? RP_OK : status;
    return taken;
}

void rp_object_put_finish(rp_object_put *put)
{
    RP_ASSERT(put->open && !put->finished);
    put->finished = true;
    rp_timer_set(put->timer, 0, 0); /* the end comes from the loop */
}

/* -- the beginning ----------------------------------------------------------------------------- */

static void open_up(rp_object_put *put)
{
    put->open = true;
    put->wants_room = true;
    proceed(put);
}

/* How far an earlier attempt at the same content came. */
static void on_earlier(void *arg, rp_status status, const rp_message *message)
{
    rp_object_put *put = arg;
    if (status != RP_OK && status != RP_NOT_FOUND) {
        fail(put, status, "the bucket does not answer");
        return;
    }
    if (status == RP_OK && !read_standing(put, status, message)) {
        fail(put, RP_CORRUPT, "what lies under this content is none of its chunks");
        return;
    }
    open_up(put);
}

static bool is_fresh(const rp_object_put *put, const rp_object_info *info)
{
    uint64_t now_ns = rp_clock_unix_ns(put->task.objects->store->host->clock);
    return put->spec.fresh_ns == 0 || info->modified_ns + put->spec.fresh_ns > now_ns;
}

static void on_there(void *arg, rp_status status, const rp_message *message)
{
    rp_object_put *put = arg;
    const rp_objects *objects = put->task.objects;
    rp_object_info info;
    if (status != RP_OK && status != RP_NOT_FOUND) {
        fail(put, status, "the bucket does not answer");
        return;
    }
    if (status == RP_OK && rp__object_info_of(message, put->info.name, &info, NULL) == RP_OK &&
        !info.deleted && strcmp(info.digest, put->digest) == 0 && is_fresh(put, &info)) {
        succeed(put, &info);
        return;
    }
    status = rp_bus_last(objects->store->bus, objects->stream, put->subject, on_earlier, put);
    if (status != RP_OK)
        fail(put, status, NULL);
}

static void on_timer(void *arg)
{
    rp_object_put *put = arg;
    if (put->refused != RP_OK)
        fail(put, put->refused, NULL);
    else if (put->open)
        proceed(put);
    else
        open_up(put);
}

/* Of content it follows from that, so that the next attempt finds it; else nobody has it. Where what
 * is old is written again, its chunks lie elsewhere than those that go. */
static void name_chunks(rp_object_put *put)
{
    rp_store *store = put->task.objects->store;
    char identity[RP_STORE_IDENTITY_BYTES], text[RP_HASH128_TEXT_BYTES];
    uint64_t fresh_ns = put->spec.fresh_ns;
    uint64_t period = fresh_ns ? rp_clock_unix_ns(store->host->clock) / fresh_ns : 0;
    if (is_content(put)) {
        snprintf(put->info.nuid, sizeof put->info.nuid, "%s-%" PRIx32 "-%" PRIx64, put->digest,
            put->chunk_bytes, period);
    } else {
        rp_store_identity(store, identity);
        rp_hash128_text(rp_hash_xxh3_128(rp_bytes_text(identity), 0), text);
        memcpy(put->info.nuid, text, sizeof text);
    }
    rp__object_chunks(put->task.objects, put->info.nuid, put->subject);
}

static bool is_digest(const char *digest)
{
    return strlen(digest) == RP_SHA256_TEXT_BYTES - 1 &&
           strspn(digest, "0123456789abcdef") == RP_SHA256_TEXT_BYTES - 1;
}

static rp_status start(rp_object_put *put)
{
    const rp_objects *objects = put->task.objects;
    char subject[RP__OBJECT_META_BYTES];
    put->chunk = malloc(put->chunk_bytes);
    if (!put->chunk)
        return RP_NO_MEMORY;
    rp_status status = rp_sha256_init(&put->sha);
    if (status == RP_OK)
        status = rp_timer_new(objects->store->host, on_timer, put, &put->timer);
    if (status != RP_OK)
        return status;
    if (!is_content(put)) {
        rp_timer_set(put->timer, 0, 0);
        return RP_OK;
    }
    rp__object_meta(objects, put->info.name, subject);
    return rp_bus_last(objects->store->bus, objects->stream, subject, on_there, put);
}

rp_status rp_object_put_start(
    rp_objects *objects, const rp_object_put_spec *spec, rp_object_put **ret_put)
{
    size_t payload = rp_bus_payload_bytes_max(objects->store->bus);
    if (!rp_object_is_name(spec->name) || (spec->digest && !is_digest(spec->digest)) ||
        payload == 0)
        return RP_INVALID;
    rp_object_put *put = calloc(1, sizeof *put);
    if (!put)
        return RP_NO_MEMORY;
    put->spec = *spec;
    put->chunk_bytes =
        payload < RP_OBJECT_CHUNK_BYTES ? (uint32_t)payload : (uint32_t)RP_OBJECT_CHUNK_BYTES;
    snprintf(put->info.name, sizeof put->info.name, "%s", spec->name);
    snprintf(put->digest, sizeof put->digest, "%s", spec->digest ? spec->digest : "");
    rp__object_task_add(objects, &put->task, stop);
    name_chunks(put);
    rp_status status = start(put);
    if (status != RP_OK) {
        put_free(&put->task);
        return status;
    }
    *ret_put = put;
    return RP_OK;
}

void rp_object_put_stop(rp_object_put *put)
{
    if (put)
        stop(&put->task);
}
