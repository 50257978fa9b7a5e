#include "runtime/store/object/object.h"

#include "runtime/store/object/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* -- what the files share ---------------------------------------------------------------------- */

void rp__object_task_add(
    rp_objects *objects, rp__object_task *task, void (*stop)(rp__object_task *task))
{
    task->objects = objects;
    task->stop = stop;
    task->next = objects->tasks;
    if (objects->tasks)
        objects->tasks->previous = task;
    objects->tasks = task;
}

void rp__object_task_remove(rp__object_task *task)
{
    rp_bus_forget(task->objects->store->bus, task);
    if (task->next)
        task->next->previous = task->previous;
    if (task->previous)
        task->previous->next = task->next;
    else
        task->objects->tasks = task->next;
}

void rp__object_meta(
    const rp_objects *objects, const char *name, char subject[RP__OBJECT_META_BYTES])
{
    char token[RP_BASE64_BYTES(RP_OBJECT_NAME_MAX)] = "";
    rp_status status = rp_base64_url(rp_bytes_text(name), token, sizeof token);
    RP_ASSERT(status == RP_OK);
    snprintf(subject, RP__OBJECT_META_BYTES, "$O.%s.M.%s", objects->bucket, token);
}

void rp__object_chunks(
    const rp_objects *objects, const char *nuid, char subject[RP__OBJECT_CHUNKS_BYTES])
{
    snprintf(subject, RP__OBJECT_CHUNKS_BYTES, "$O.%s.C.%s", objects->bucket, nuid);
}

rp_status rp__object_info_of(
    const rp_message *message, const char *name, rp_object_info *ret_info, rp_error *reterr)
{
    rp_object_info info = {0};
    rp_status status = rp_object_info_parse(message->body, &info, reterr);
    if (status != RP_OK)
        return status;
    if (name && strcmp(info.name, name) != 0)
        return rp_error_set(reterr, RP_CORRUPT, "name",
            "what stands under the name %.100s is about %.100s", name, info.name);
    info.revision = message->stream_sequence;
    *ret_info = info;
    return RP_OK;
}

rp_status rp__object_publish_info(const rp_objects *objects, const rp_object_info *info,
    uint32_t chunk_bytes, uint64_t revision, rp_published_cb callback, void *arg)
{
    char subject[RP__OBJECT_META_BYTES];
    rp_buffer text;
    rp__object_meta(objects, info->name, subject);
    rp_buffer_init(&text, RP_OBJECT_INFO_BYTES_MAX);
    rp_object_info_write(info, objects->bucket, chunk_bytes, &text);
    rp_publication p = {.subject = rp_bytes_text(subject),
        .body = rp_buffer_bytes(&text),
        .expect = true,
        .expected_sequence = revision};
    rp_publication_header(&p, RP_HEADER_ROLLUP, rp_bytes_text("sub"));
    rp_status status =
        text.truncated ? RP_NO_MEMORY : rp_bus_publish(objects->store->bus, &p, callback, arg);
    rp_buffer_done(&text);
    return status;
}

static void on_swept(void *arg, rp_status status, uint64_t purged)
{
    (void)arg, (void)status, (void)purged;
}

void rp__object_sweep(const rp_objects *objects, const char *nuid, uint64_t keep_from)
{
    char subject[RP__OBJECT_CHUNKS_BYTES];
    rp__object_chunks(objects, nuid, subject);
    /* What stays is found by nobody; where the stream keeps by age, it goes in the end. */
    rp_status status =
        rp_bus_purge(objects->store->bus, objects->stream, subject, keep_from, on_swept, NULL);
    (void)status;
}

/* -- stat -------------------------------------------------------------------------------------- */

typedef struct stat_task {
    rp__object_task task; /* first */
    char name[RP_OBJECT_NAME_MAX + 1];
    rp_object_info_cb callback;
    void *arg;
} stat_task;

static void stat_stop(rp__object_task *task)
{
    rp__object_task_remove(task);
    free(task);
}

static void on_stat(void *arg, rp_status status, const rp_message *message)
{
    stat_task *t = arg;
    rp_object_info info = {0};
    rp_object_info_cb callback = t->callback;
    void *callback_arg = t->arg;
    if (status == RP_OK)
        status = rp__object_info_of(message, t->name, &info, NULL);
    if (status == RP_OK && info.deleted)
        status = RP_NOT_FOUND;
    stat_stop(&t->task);
    callback(callback_arg, status, status == RP_OK ? &info : NULL);
}

rp_status rp_object_stat(
    rp_objects *objects, const char *name, rp_object_info_cb callback, void *arg)
{
    char subject[RP__OBJECT_META_BYTES];
    if (!rp_object_is_name(name))
        return RP_INVALID;
    stat_task *t = calloc(1, sizeof *t);
    if (!t)
        return RP_NO_MEMORY;
    snprintf(t->name, sizeof t->name, "%s", name);
    t->callback = callback;
    t->arg = arg;
    rp__object_task_add(objects, &t->task, stat_stop);
    rp__object_meta(objects, name, subject);
    rp_status status = rp_bus_last(objects->store->bus, objects->stream, subject, on_stat, t);
    if (status != RP_OK)
        stat_stop(&t->task);
    return status;
}

/* -- list -------------------------------------------------------------------------------------- */

typedef struct list_task {
    rp__object_task task; /* first */
    char filter[RP__OBJECT_STREAM_BYTES + 8];
    rp_follower *follower;
    rp_timer *silence;
    void (*on_info)(void *arg, const rp_object_info *info);
    void (*on_end)(void *arg, rp_status status);
    void *arg;
} list_task;

static void list_stop(rp__object_task *task)
{
    list_task *t = (list_task *)task;
    rp_bus_unfollow(task->objects->store->bus, t->follower);
    rp_timer_free(t->silence);
    rp__object_task_remove(task);
    free(t);
}

static void list_end(list_task *t, rp_status status)
{
    void (*on_end)(void *arg, rp_status status) = t->on_end;
    void *arg = t->arg;
    list_stop(&t->task);
    on_end(arg, status);
}

static void listen_longer(list_task *t)
{
    rp_timer_set(t->silence, RP_OBJECT_SILENCE_MS * RP_NS_PER_MS, 0);
}

static void on_listed(void *arg, const rp_message *message)
{
    list_task *t = arg;
    rp_object_info info;
    listen_longer(t);
    if (rp__object_info_of(message, NULL, &info, NULL) == RP_OK && !info.deleted)
        t->on_info(t->arg, &info);
}

static void on_all_listed(void *arg)
{
    list_end(arg, RP_OK);
}

static void on_list_silent(void *arg)
{
    list_end(arg, RP_TIMEOUT);
}

rp_status rp_object_list(rp_objects *objects,
    void (*on_info)(void *arg, const rp_object_info *info),
    void (*on_end)(void *arg, rp_status status), void *arg)
{
    list_task *t = calloc(1, sizeof *t);
    if (!t)
        return RP_NO_MEMORY;
    t->on_info = on_info;
    t->on_end = on_end;
    t->arg = arg;
    snprintf(t->filter, sizeof t->filter, "$O.%s.M.>", objects->bucket);
    rp__object_task_add(objects, &t->task, list_stop);
    rp_follower_spec spec = {.stream = objects->stream,
        .filter = t->filter,
        .from = RP_FOLLOW_LAST_PER_SUBJECT,
        .on_message = on_listed,
        .on_caught_up = on_all_listed,
        .arg = t};
    rp_status status = rp_timer_new(objects->store->host, on_list_silent, t, &t->silence);
    if (status == RP_OK)
        status = rp_bus_follow(objects->store->bus, &spec, &t->follower);
    if (status != RP_OK)
        list_stop(&t->task);
    else
        listen_longer(t);
    return status;
}

/* -- delete ------------------------------------------------------------------------------------ */

typedef struct delete_task {
    rp__object_task task;              /* first */
    rp_object_info info;               /* as it stood there */
    char nuid[RP_OBJECT_NUID_MAX + 1]; /* whose chunks are to go */
    unsigned tries;
    void (*callback)(void *arg, rp_status status);
    void *arg;
} delete_task;

static void delete_stop(rp__object_task *task)
{
    rp__object_task_remove(task);
    free(task);
}

static void delete_end(delete_task *t, rp_status status)
{
    void (*callback)(void *arg, rp_status status) = t->callback;
    void *arg = t->arg;
    delete_stop(&t->task);
    if (callback)
        callback(arg, status);
}

static void on_chunks_purged(void *arg, rp_status status, uint64_t purged)
{
    (void)purged;
    delete_end(arg, status);
}

static void purge_chunks(delete_task *t, uint64_t keep_from)
{
    const rp_objects *objects = t->task.objects;
    char subject[RP__OBJECT_CHUNKS_BYTES];
    if (!t->nuid[0]) {
        delete_end(t, RP_OK);
        return;
    }
    rp__object_chunks(objects, t->nuid, subject);
    rp_status status =
        rp_bus_purge(objects->store->bus, objects->stream, subject, keep_from, on_chunks_purged, t);
    if (status != RP_OK)
        delete_end(t, status);
}

static rp_status look(delete_task *t);

static void on_marked(void *arg, const rp_published *published)
{
    delete_task *t = arg;
    rp_status status = published->status;
    if (status == RP_OK) {
        purge_chunks(t, published->sequence);
        return;
    }
    if (status == RP_CONFLICT && ++t->tries < RP_OBJECT_TRIES_MAX)
        status = look(t);
    if (status != RP_OK)
        delete_end(t, status);
}

static void on_looked(void *arg, rp_status status, const rp_message *message)
{
    delete_task *t = arg;
    rp_object_info info = {0};
    if (status == RP_OK)
        status = rp__object_info_of(message, t->info.name, &info, NULL);
    /* At a second look a deletion is our own, or as good as that. */
    if (status == RP_OK && info.deleted && t->tries > 0) {
        purge_chunks(t, info.revision);
        return;
    }
    if (status == RP_OK && info.deleted)
        status = RP_NOT_FOUND;
    if (status == RP_OK) {
        t->info = info;
        memcpy(t->nuid, info.nuid, sizeof t->nuid);
        info.deleted = true;
        info.size = info.chunks = 0;
        info.digest[0] = '\0';
        info.modified_ns = rp_clock_unix_ns(t->task.objects->store->host->clock);
        status = rp__object_publish_info(t->task.objects, &info, 0, info.revision, on_marked, t);
    }
    if (status != RP_OK)
        delete_end(t, status);
}

static rp_status look(delete_task *t)
{
    const rp_objects *objects = t->task.objects;
    char subject[RP__OBJECT_META_BYTES];
    rp__object_meta(objects, t->info.name, subject);
    return rp_bus_last(objects->store->bus, objects->stream, subject, on_looked, t);
}

rp_status rp_object_delete(
    rp_objects *objects, const char *name, void (*callback)(void *arg, rp_status status), void *arg)
{
    if (!rp_object_is_name(name))
        return RP_INVALID;
    delete_task *t = calloc(1, sizeof *t);
    if (!t)
        return RP_NO_MEMORY;
    snprintf(t->info.name, sizeof t->info.name, "%s", name);
    t->callback = callback;
    t->arg = arg;
    rp__object_task_add(objects, &t->task, delete_stop);
    rp_status status = look(t);
    if (status != RP_OK)
        delete_stop(&t->task);
    return status;
}

/* -- the bucket -------------------------------------------------------------------------------- */

rp_status rp_objects_open(rp_store *store, const char *bucket, rp_objects **ret_objects)
{
    if (!rp_store_is_bucket(bucket))
        return RP_INVALID;
    rp_objects *objects = calloc(1, sizeof *objects);
    if (!objects)
        return RP_NO_MEMORY;
    objects->store = store;
    snprintf(objects->bucket, sizeof objects->bucket, "%s", bucket);
    snprintf(objects->stream, sizeof objects->stream, "OBJ_%s", bucket);
    *ret_objects = objects;
    return RP_OK;
}

void rp_objects_close(rp_objects *objects)
{
    if (!objects)
        return;
    while (objects->tasks)
        objects->tasks->stop(objects->tasks);
    free(objects);
}
