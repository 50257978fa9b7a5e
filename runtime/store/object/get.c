#include "runtime/base/decimal.h"
#include "runtime/store/object/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct rp_object_get {
    rp__object_task task; /* first */
    rp_object_get_spec spec;
    rp_object_info info; /* its name from the start, the rest when it was read */
    char subject[RP__OBJECT_CHUNKS_BYTES];
    rp_follower *follower; /* NULL while paused */
    rp_timer *timer;       /* while it reads: silence; else: what comes next, without a message */
    rp_sha256 sha;
    uint64_t chunks, bytes; /* handed over so far */
    uint64_t next;          /* stream sequence behind the last of them */
    bool reading;           /* the info has been told */
    bool paused;
};

static void stop(rp__object_task *task)
{
    rp_object_get *get = (rp_object_get *)task;
    rp_bus_unfollow(task->objects->store->bus, get->follower);
    rp_timer_free(get->timer);
    rp_sha256_done(&get->sha);
    rp__object_task_remove(task);
    free(get);
}

static void end(rp_object_get *get, rp_status status, const char *why)
{
    rp_object_get_spec spec = get->spec;
    stop(&get->task);
    spec.on_end(spec.arg, status, why);
}

static void corrupt(rp_object_get *get, const char *what)
{
    char why[RP_ERROR_MESSAGE_MAX];
    snprintf(
        why, sizeof why, "the object %.200s is not what it says it is: %s", get->info.name, what);
    end(get, RP_CORRUPT, why);
}

/* All chunks are there, and none more. */
static void complete(rp_object_get *get)
{
    uint8_t digest[RP_SHA256_BYTES];
    char text[RP_SHA256_TEXT_BYTES];
    if (get->bytes != get->info.size) {
        corrupt(get, "it has fewer bytes");
        return;
    }
    rp_status status = rp_sha256_final(&get->sha, digest);
    if (status != RP_OK) {
        end(get, status, "the digest cannot be computed");
        return;
    }
    rp_sha256_text(digest, text);
    if (strcmp(text, get->info.digest) != 0)
        corrupt(get, "its SHA-256 differs");
    else
        end(get, RP_OK, "");
}

static void on_message(void *arg, const rp_message *message)
{
    rp_object_get *get = arg;
    rp_bytes header = rp_message_header(message, RP_HEADER_CHUNK);
    uint64_t index = get->chunks, pending = message->pending;
    if (header.data && (rp_decimal_parse(header, &index) != RP_OK || index != get->chunks)) {
        corrupt(get, "a chunk is not where it should be");
        return;
    }
    if (get->chunks == get->info.chunks) {
        corrupt(get, "it has more chunks");
        return;
    }
    if (message->body.len > get->info.size - get->bytes) {
        corrupt(get, "it has more bytes");
        return;
    }
    rp_status status = rp_sha256_update(&get->sha, message->body);
    if (status != RP_OK) {
        end(get, status, "the digest cannot be computed");
        return;
    }
    get->chunks++;
    get->bytes += message->body.len;
    get->next = message->stream_sequence + 1;
    if (get->chunks == get->info.chunks && pending > 0) {
        corrupt(get, "it has more chunks");
        return;
    }
    /* The end comes from the loop, since the chunk may be the last thing that its taker wants. */
    rp_timer_set(
        get->timer, get->chunks == get->info.chunks ? 0 : RP_OBJECT_SILENCE_MS * RP_NS_PER_MS, 0);
    get->spec.on_chunk(get->spec.arg, message->body); /* may pause or stop it */
}

static void on_caught_up(void *arg)
{
    rp_object_get *get = arg;
    if (get->chunks < get->info.chunks)
        corrupt(get, "chunks are missing");
}

static void on_lost(void *arg, uint64_t expected, uint64_t first)
{
    (void)first;
    if (expected == 0)
        end(arg, RP_UNAVAILABLE, "the bucket was made anew meanwhile");
    /* Else the stream's start went, and what is missing of the object shows. */
}

static void read_on(rp_object_get *get)
{
    rp_follower_spec spec = {.stream = get->task.objects->stream,
        .filter = get->subject,
        .from = RP_FOLLOW_SEQUENCE,
        .sequence = get->next,
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .on_lost = on_lost,
        .arg = get};
    rp_status status = rp_bus_follow(get->task.objects->store->bus, &spec, &get->follower);
    if (status != RP_OK)
        end(get, status, "the bus has no follower left");
    else
        rp_timer_set(get->timer, RP_OBJECT_SILENCE_MS * RP_NS_PER_MS, 0);
}

static void on_timer(void *arg)
{
    rp_object_get *get = arg;
    if (get->chunks == get->info.chunks)
        complete(get);
    else if (get->follower)
        end(get, RP_TIMEOUT, "no chunk came in time");
    else
        read_on(get);
}

static void begin(rp_object_get *get, const rp_message *message)
{
    rp_error error = {0};
    rp_status status = rp__object_info_of(message, get->info.name, &get->info, &error);
    if (status != RP_OK) {
        end(get, status, error.message);
    } else if (get->info.deleted) {
        end(get, RP_NOT_FOUND, "the object was deleted");
    } else if (get->info.link) {
        end(get, RP_UNSUPPORTED, "the object is a link");
    } else if (!get->info.digest[0]) {
        corrupt(get, "it has no SHA-256");
    } else {
        rp__object_chunks(get->task.objects, get->info.nuid, get->subject);
        get->reading = true;
        if (!get->paused)
            rp_timer_set(get->timer, 0, 0);
        if (get->spec.on_info)
            get->spec.on_info(get->spec.arg, &get->info); /* may pause or stop it */
    }
}

static void on_info(void *arg, rp_status status, const rp_message *message)
{
    rp_object_get *get = arg;
    if (status == RP_OK)
        begin(get, message);
    else
        end(get, status,
            status == RP_NOT_FOUND ? "there is no such object" : "the bucket does not answer");
}

rp_status rp_object_get_start(
    rp_objects *objects, const rp_object_get_spec *spec, rp_object_get **ret_get)
{
    char subject[RP__OBJECT_META_BYTES];
    if (!rp_object_is_name(spec->name))
        return RP_INVALID;
    rp_object_get *get = calloc(1, sizeof *get);
    if (!get)
        return RP_NO_MEMORY;
    get->spec = *spec;
    snprintf(get->info.name, sizeof get->info.name, "%s", spec->name);
    rp__object_task_add(objects, &get->task, stop);
    rp__object_meta(objects, spec->name, subject);
    rp_status status = rp_sha256_init(&get->sha);
    if (status == RP_OK)
        status = rp_timer_new(objects->store->host, on_timer, get, &get->timer);
    if (status == RP_OK)
        status = rp_bus_last(objects->store->bus, objects->stream, subject, on_info, get);
    if (status != RP_OK) {
        stop(&get->task);
        return status;
    }
    *ret_get = get;
    return RP_OK;
}

/* A follower cannot be held back; it is given up, and made anew behind what was handed over. */
void rp_object_get_pause(rp_object_get *get)
{
    get->paused = true;
    rp_bus_unfollow(get->task.objects->store->bus, get->follower);
    get->follower = NULL;
    rp_timer_clear(get->timer);
}

void rp_object_get_resume(rp_object_get *get)
{
    if (get->paused && get->reading)
        rp_timer_set(get->timer, 0, 0);
    get->paused = false;
}

void rp_object_get_stop(rp_object_get *get)
{
    if (get)
        stop(&get->task);
}
