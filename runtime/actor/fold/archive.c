#include "runtime/actor/fold/archive.h"

#include <stdlib.h>

#include "runtime/actor/fold/snapshot.h"

typedef struct candidate {
    uint64_t sequence;
    char name[RP_SNAPSHOT_NAME_BYTES];
} candidate;

struct rp_archive {
    rp_archive_spec spec;
    rp_objects *objects;
    uint64_t newest;
    /* What the last listing found, the newest first. */
    candidate listed[RP_ARCHIVE_LISTED_MAX];
    size_t listed_count;
    bool listing;

    struct {
        bool active;
        size_t at; /* in `listed` */
        rp_object_get *get;
        rp_buffer bytes;
        rp_status (*on_snapshot)(void *arg, rp_bytes bytes, rp_error *reterr);
        void (*on_end)(void *arg, rp_status status, const char *why);
        void *arg;
    } restore;

    struct {
        bool active;
        uint64_t sequence;
        rp_buffer bytes;
        size_t written;
        rp_status hashed;
        uint8_t sha256[RP_SHA256_BYTES];
        rp_object_put *put;
        void (*on_end)(void *arg, rp_status status, uint64_t sequence, const char *why);
        void *arg;
    } put;
};

/* -- what is there ----------------------------------------------------------------------------- */

/* Into its place among the newest; the oldest falls off the end. */
static void on_info(void *arg, const rp_object_info *info)
{
    rp_archive *archive = arg;
    candidate c = {0};
    char sha256[RP_SHA256_TEXT_BYTES];
    size_t len = strlen(info->name);
    if (len >= sizeof c.name ||
        !rp_snapshot_name_parse(rp_bytes_of(info->name, len), archive->spec.kind,
            archive->spec.partition, &c.sequence, sha256))
        return;
    memcpy(c.name, info->name, len + 1);
    if (c.sequence > archive->newest)
        archive->newest = c.sequence;
    size_t at = archive->listed_count;
    for (size_t i = 0; i < archive->listed_count; i++) {
        if (strcmp(archive->listed[i].name, c.name) == 0)
            return; /* it changed while it was listed */
    }
    while (at > 0 && archive->listed[at - 1].sequence < c.sequence)
        at--;
    if (at == RP_ARCHIVE_LISTED_MAX)
        return;
    size_t last = archive->listed_count < RP_ARCHIVE_LISTED_MAX ? archive->listed_count
                                                                : RP_ARCHIVE_LISTED_MAX - 1;
    memmove(&archive->listed[at + 1], &archive->listed[at], (last - at) * sizeof c);
    archive->listed[at] = c;
    archive->listed_count = last + 1;
}

static rp_status list(rp_archive *archive, void (*on_end)(void *arg, rp_status status))
{
    archive->listed_count = 0;
    rp_status status = rp_object_list(archive->objects, on_info, on_end, archive);
    archive->listing = status == RP_OK;
    return status;
}

static void on_looked(void *arg, rp_status status)
{
    rp_archive *archive = arg;
    archive->listing = false;
    if (status != RP_OK)
        rp_log_warn(
            archive->spec.env->log, "snapshots_not_listed", rp_log_status("status", status));
}

void rp_archive_look(rp_archive *archive)
{
    if (!archive->listing && !archive->restore.active)
        (void)list(archive, on_looked); /* what it does not see now, it sees behind a snapshot */
}

uint64_t rp_archive_newest(const rp_archive *archive)
{
    return archive->newest;
}

/* -- reading ----------------------------------------------------------------------------------- */

static void try_next(rp_archive *archive);

static void restored(rp_archive *archive, rp_status status, const char *why)
{
    archive->restore.active = false;
    rp_buffer_done(&archive->restore.bytes);
    archive->restore.on_end(archive->restore.arg, status, why);
}

static void leave_out(rp_archive *archive, const char *why)
{
    rp_counter_add(archive->spec.corrupt, 1);
    rp_log_error(archive->spec.env->log, "snapshot_left_out",
        rp_log_text("name", archive->listed[archive->restore.at].name), rp_log_text("why", why));
    archive->restore.at++;
    try_next(archive);
}

static void on_get_info(void *arg, const rp_object_info *info)
{
    rp_archive *archive = arg;
    rp_buffer_clear(&archive->restore.bytes);
    if (info->size <= archive->spec.bytes_max)
        (void)rp_buffer_reserve(&archive->restore.bytes, (size_t)info->size);
    else
        archive->restore.bytes.truncated = true;
}

static void on_chunk(void *arg, rp_bytes chunk)
{
    rp_archive *archive = arg;
    rp_buffer_append(&archive->restore.bytes, chunk.data, chunk.len);
}

/* The object is what it says of itself; whether it is what its name says is another matter. */
static bool is_as_named(const rp_archive *archive)
{
    uint8_t sha256[RP_SHA256_BYTES];
    char hex[RP_SHA256_TEXT_BYTES];
    const char *name = archive->listed[archive->restore.at].name;
    if (rp_hash_sha256(rp_buffer_bytes(&archive->restore.bytes), sha256) != RP_OK)
        return false;
    rp_sha256_text(sha256, hex);
    return strcmp(strrchr(name, '.') + 1, hex) == 0;
}

static void on_get_end(void *arg, rp_status status, const char *why)
{
    rp_archive *archive = arg;
    rp_error error = {0};
    archive->restore.get = NULL;
    if (status == RP_NOT_FOUND) { /* deleted since it was listed */
        archive->restore.at++;
        try_next(archive);
    } else if (status == RP_CORRUPT || status == RP_UNSUPPORTED) {
        leave_out(archive, why);
    } else if (status != RP_OK) {
        restored(archive, status, why);
    } else if (archive->restore.bytes.truncated) {
        leave_out(archive, "it is larger than the fold's limits allow");
    } else if (!is_as_named(archive)) {
        leave_out(archive, "its content has another SHA-256 than its name says");
    } else {
        status = archive->restore.on_snapshot(
            archive->restore.arg, rp_buffer_bytes(&archive->restore.bytes), &error);
        if (status != RP_OK)
            leave_out(archive, error.message);
        else
            restored(archive, RP_OK, "");
    }
}

static void try_next(rp_archive *archive)
{
    rp_object_get_spec get = {
        .on_info = on_get_info, .on_chunk = on_chunk, .on_end = on_get_end, .arg = archive};
    if (archive->restore.at == archive->listed_count) {
        restored(archive, RP_NOT_FOUND, "there is no snapshot");
        return;
    }
    get.name = archive->listed[archive->restore.at].name;
    rp_status status = rp_object_get_start(archive->objects, &get, &archive->restore.get);
    if (status != RP_OK)
        restored(archive, status, "a snapshot cannot be read");
}

static void on_listed(void *arg, rp_status status)
{
    rp_archive *archive = arg;
    archive->listing = false;
    if (status != RP_OK)
        restored(archive, status, "SNAPSHOTS cannot be listed");
    else
        try_next(archive);
}

rp_status rp_archive_restore(rp_archive *archive,
    rp_status (*on_snapshot)(void *arg, rp_bytes bytes, rp_error *reterr),
    void (*on_end)(void *arg, rp_status status, const char *why), void *arg)
{
    if (archive->restore.active || archive->listing)
        return RP_BUSY;
    archive->restore.at = 0;
    archive->restore.on_snapshot = on_snapshot;
    archive->restore.on_end = on_end;
    archive->restore.arg = arg;
    rp_buffer_init(&archive->restore.bytes, archive->spec.bytes_max);
    rp_status status = list(archive, on_listed);
    archive->restore.active = status == RP_OK;
    return status;
}

/* -- writing ----------------------------------------------------------------------------------- */

bool rp_archive_is_busy(const rp_archive *archive)
{
    return archive->put.active;
}

static void on_pruned(void *arg, rp_status status)
{
    rp_archive *archive = arg;
    archive->listing = false;
    for (size_t i = RP_ARCHIVE_KEPT; status == RP_OK && i < archive->listed_count; i++) {
        /* What cannot be deleted now is found again behind the next snapshot. */
        status = rp_object_delete(archive->objects, archive->listed[i].name, NULL, NULL);
    }
    if (status != RP_OK)
        rp_log_warn(archive->spec.env->log, "old_snapshots_stay", rp_log_status("status", status));
}

static void put_ended(rp_archive *archive, rp_status status, const char *why)
{
    archive->put.active = false;
    archive->put.put = NULL;
    rp_buffer_done(&archive->put.bytes);
    if (status == RP_OK && archive->put.sequence > archive->newest)
        archive->newest = archive->put.sequence;
    if (status == RP_OK && !archive->listing && !archive->restore.active)
        (void)list(archive, on_pruned);
    archive->put.on_end(archive->put.arg, status, archive->put.sequence, why);
}

static void on_room(void *arg)
{
    rp_archive *archive = arg;
    rp_bytes all = rp_buffer_bytes(&archive->put.bytes);
    rp_bytes rest = rp_bytes_of(all.data + archive->put.written, all.len - archive->put.written);
    archive->put.written += rp_object_put_write(archive->put.put, rest);
    if (archive->put.written == all.len)
        rp_object_put_finish(archive->put.put);
}

static void on_put_end(void *arg, rp_status status, const rp_object_info *info, const char *why)
{
    (void)info;
    put_ended(arg, status, why);
}

static void run_hash(void *arg, size_t thread)
{
    rp_archive *archive = arg;
    (void)thread;
    archive->put.hashed = rp_hash_sha256(rp_buffer_bytes(&archive->put.bytes), archive->put.sha256);
}

static void on_hashed(void *arg)
{
    rp_archive *archive = arg;
    char name[RP_SNAPSHOT_NAME_BYTES], hex[RP_SHA256_TEXT_BYTES];
    rp_sha256_text(archive->put.sha256, hex);
    rp_object_put_spec put = {
        .name = name, .digest = hex, .on_room = on_room, .on_end = on_put_end, .arg = archive};
    rp_status status = archive->put.hashed;
    if (status == RP_OK)
        status = rp_snapshot_name(archive->spec.kind, archive->spec.partition,
            archive->put.sequence, archive->put.sha256, name);
    if (status == RP_OK)
        status = rp_object_put_start(archive->objects, &put, &archive->put.put);
    if (status != RP_OK)
        put_ended(archive, status, rp_status_text(status));
}

rp_status rp_archive_put(rp_archive *archive, uint64_t sequence, rp_buffer *bytes,
    void (*on_end)(void *arg, rp_status status, uint64_t sequence, const char *why), void *arg)
{
    if (archive->put.active)
        return RP_BUSY;
    rp_job job = {.run = run_hash, .done = on_hashed, .arg = archive};
    archive->put.bytes = *bytes;
    rp_status status = rp_host_submit(archive->spec.env->host, job);
    if (status != RP_OK)
        return status;
    *bytes = (rp_buffer){0};
    archive->put.active = true;
    archive->put.sequence = sequence;
    archive->put.written = 0;
    archive->put.on_end = on_end;
    archive->put.arg = arg;
    return RP_OK;
}

/* -- its life ---------------------------------------------------------------------------------- */

rp_status rp_archive_new(const rp_archive_spec *spec, rp_archive **ret_archive)
{
    rp_archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        return RP_NO_MEMORY;
    archive->spec = *spec;
    rp_status status = rp_objects_open(spec->store, RP_ARCHIVE_BUCKET, &archive->objects);
    if (status != RP_OK)
        free(archive);
    else
        *ret_archive = archive;
    return status;
}

void rp_archive_free(rp_archive *archive)
{
    if (!archive)
        return;
    rp_objects_close(archive->objects); /* ends what is on its way */
    rp_buffer_done(&archive->restore.bytes);
    if (archive->put.active)
        rp_buffer_done(&archive->put.bytes);
    free(archive);
}
