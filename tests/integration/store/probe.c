/* The stores on a command line, for tests that have a real server and a stock client on the other
 * side.
 *
 * Reads commands from standard input, one a line, and writes what comes of them to standard output,
 * one JSON object a line. Every answer carries the id that its command gave, and the time of the
 * machine's monotonic clock.
 *
 *     get ID BUCKET KEY
 *     put|create ID BUCKET KEY VALUE TTL_S
 *     update ID BUCKET KEY VALUE TTL_S REVISION
 *     remove|purge ID BUCKET KEY REVISION
 *     watch|list|history ID BUCKET FILTER
 *     store ID BUCKET NAME FILE SHA256|-
 *     fetch ID BUCKET NAME FILE
 *     stat|delete ID BUCKET NAME
 *     objects ID BUCKET
 *     lease ID BUCKET KEY TTL_S
 *     token|release ID
 *     race ID BUCKET COUNT        so many puts, as many at once as can be
 *
 * It ends with standard input.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/process/host_uv.h"
#include "runtime/base/json.h"
#include "runtime/store/kv.h"
#include "runtime/store/lease.h"
#include "runtime/store/object/object.h"
#include "tests/integration/console/console.h"

enum { NAMES_MAX = 256, BUCKETS_MAX = 8 };

typedef struct probe probe;

/* What an id stands for. Its place is the callbacks' argument. */
typedef struct name {
    probe *probe;
    char id[32];
    rp_lease *lease;
    rp_kv_watcher *watcher;
    rp_object_put *put;
    rp_object_get *get;
    FILE *file;
    size_t offset; /* into `read`, of a put */
    uint8_t *read;
    size_t read_len;
    rp_kv *kv; /* of a race */
    uint64_t started_ns, to_start, to_end;
} name;

typedef struct bucket {
    char name[RP_STORE_BUCKET_MAX + 1];
    rp_kv *kv;
    rp_objects *objects;
} bucket;

struct probe {
    console console;
    rp_host *host;
    rp_store store;
    bucket buckets[BUCKETS_MAX];
    name names[NAMES_MAX];
    size_t name_count;
};

static uint64_t now_ns(void)
{
    return rp_clock_monotonic_ns(rp_clock_system());
}

/* -- what is said ------------------------------------------------------------------------------ */

static void say(const name *n, const char *event, const char *status, const char *text_key,
    rp_bytes text, uint64_t number)
{
    rp_buffer out;
    rp_buffer_init(&out, 1 << 20);
    rp_buffer_printf(&out,
        "{\"id\":\"%s\",\"event\":\"%s\",\"status\":\"%s\",\"at_ns\":%" PRIu64
        ",\"number\":%" PRIu64 ",\"%s\":",
        n->id, event, status, now_ns(), number, text_key);
    rp_json_string(&out, text);
    rp_buffer_text(&out, "}\n");
    fputs(rp_buffer_string(&out), stdout);
    fflush(stdout);
    rp_buffer_done(&out);
}

static void say_entry(const name *n, rp_status status, const rp_kv_entry *entry)
{
    static const char *const events[] = {
        [RP_KV_PUT] = "put", [RP_KV_DELETE] = "delete", [RP_KV_PURGE] = "purge"};
    char key_value[CONSOLE_LINE_BYTES];
    if (!entry) {
        say(n, "nothing", rp_status_name(status), "text", rp_bytes_of(NULL, 0), 0);
        return;
    }
    snprintf(key_value, sizeof key_value, "%.*s=%.*s", (int)entry->key.len,
        (const char *)entry->key.data, (int)entry->value.len, (const char *)entry->value.data);
    say(n, events[entry->operation], rp_status_name(status), "text", rp_bytes_text(key_value),
        entry->revision);
}

static void on_entry(void *arg, const rp_kv_entry *entry)
{
    say_entry(arg, RP_OK, entry);
}

static void on_got(void *arg, rp_status status, const rp_kv_entry *entry)
{
    say_entry(arg, status, entry);
}

static void on_written(void *arg, const rp_kv_written *w)
{
    say(arg, "written", rp_status_name(w->status), "why", rp_bytes_text(w->why), w->revision);
}

static void on_caught_up(void *arg)
{
    say(arg, "caught_up", "ok", "text", rp_bytes_of(NULL, 0), 0);
}

static void on_end(void *arg, rp_status status)
{
    say(arg, "end", rp_status_name(status), "text", rp_bytes_of(NULL, 0), 0);
}

static void on_info(void *arg, rp_status status, const rp_object_info *info)
{
    say(arg, "info", rp_status_name(status), "text", rp_bytes_text(info ? info->name : ""),
        info ? info->size : 0);
}

static void on_listed(void *arg, const rp_object_info *info)
{
    on_info(arg, RP_OK, info);
}

static void on_taken(void *arg, uint64_t token)
{
    say(arg, "taken", "ok", "text", rp_bytes_of(NULL, 0), token);
}

static void on_lost(void *arg, const char *why)
{
    say(arg, "lost", "ok", "why", rp_bytes_text(why), 0);
}

static void on_trouble(void *arg, rp_status status, const char *why)
{
    say(arg, "trouble", rp_status_name(status), "why", rp_bytes_text(why), 0);
}

static void on_released(void *arg)
{
    say(arg, "released", "ok", "text", rp_bytes_of(NULL, 0), 0);
}

/* -- objects ----------------------------------------------------------------------------------- */

static void done_with_file(name *n)
{
    if (n->file)
        fclose(n->file);
    free(n->read);
    n->file = NULL;
    n->read = NULL;
}

static void on_room(void *arg)
{
    name *n = arg;
    n->offset +=
        rp_object_put_write(n->put, rp_bytes_of(n->read + n->offset, n->read_len - n->offset));
    if (n->offset == n->read_len)
        rp_object_put_finish(n->put);
}

static void on_put(void *arg, rp_status status, const rp_object_info *info, const char *why)
{
    name *n = arg;
    (void)info;
    done_with_file(n);
    say(n, "stored", rp_status_name(status), "why", rp_bytes_text(why),
        (now_ns() - n->started_ns) / RP_NS_PER_US);
}

static rp_status store(name *n, rp_objects *objects, char **words)
{
    rp_object_put_spec spec = {.name = words[3],
        .digest = strcmp(words[5], "-") == 0 ? NULL : words[5],
        .on_room = on_room,
        .on_end = on_put,
        .arg = n};
    n->file = fopen(words[4], "rb");
    RP_ASSERT(n->file && fseek(n->file, 0, SEEK_END) == 0);
    n->read_len = (size_t)ftell(n->file);
    n->offset = 0;
    n->read = malloc(n->read_len + 1);
    RP_ASSERT(n->read && fseek(n->file, 0, SEEK_SET) == 0);
    RP_ASSERT(fread(n->read, 1, n->read_len, n->file) == n->read_len);
    n->started_ns = now_ns();
    return rp_object_put_start(objects, &spec, &n->put);
}

static void on_chunk(void *arg, rp_bytes chunk)
{
    name *n = arg;
    RP_ASSERT(fwrite(chunk.data, 1, chunk.len, n->file) == chunk.len);
}

static void on_fetched(void *arg, rp_status status, const char *why)
{
    name *n = arg;
    done_with_file(n);
    say(n, "fetched", rp_status_name(status), "why", rp_bytes_text(why),
        (now_ns() - n->started_ns) / RP_NS_PER_US);
}

static rp_status fetch(name *n, rp_objects *objects, char **words)
{
    rp_object_get_spec spec = {
        .name = words[3], .on_chunk = on_chunk, .on_end = on_fetched, .arg = n};
    n->file = fopen(words[4], "wb");
    RP_ASSERT(n->file);
    n->started_ns = now_ns();
    return rp_object_get_start(objects, &spec, &n->get);
}

/* -- a race ------------------------------------------------------------------------------------ */

static void race_on(name *n);

static void on_raced(void *arg, const rp_kv_written *w)
{
    name *n = arg;
    RP_ASSERT(w->status == RP_OK);
    if (--n->to_end == 0)
        say(n, "raced", "ok", "text", rp_bytes_of(NULL, 0),
            (now_ns() - n->started_ns) / RP_NS_PER_US);
    race_on(n);
}

static void race_on(name *n)
{
    char key[32];
    while (n->to_start > 0) {
        snprintf(key, sizeof key, "key-%" PRIu64, n->to_start % 1000);
        if (rp_kv_put(n->kv, rp_bytes_text(key), rp_bytes_text("0123456789abcdef"), 0, on_raced,
                n) != RP_OK)
            return;
        n->to_start--;
    }
}

/* -- what is asked ----------------------------------------------------------------------------- */

static name *named(probe *p, const char *id)
{
    for (size_t i = 0; i < p->name_count; i++) {
        if (strcmp(p->names[i].id, id) == 0)
            return &p->names[i];
    }
    RP_ASSERT(p->name_count < NAMES_MAX);
    name *n = &p->names[p->name_count++];
    n->probe = p;
    snprintf(n->id, sizeof n->id, "%s", id);
    return n;
}

static bucket *opened(probe *p, const char *bucket_name)
{
    size_t i = 0;
    while (p->buckets[i].kv && strcmp(p->buckets[i].name, bucket_name) != 0)
        RP_ASSERT(++i < BUCKETS_MAX);
    bucket *b = &p->buckets[i];
    if (!b->kv) {
        RP_ASSERT(rp_kv_open(&p->store, bucket_name, &b->kv) == RP_OK);
        RP_ASSERT(rp_objects_open(&p->store, bucket_name, &b->objects) == RP_OK);
        snprintf(b->name, sizeof b->name, "%s", bucket_name);
    }
    return b;
}

static rp_status lease(probe *p, name *n, char **words)
{
    rp_lease_spec spec = {.store = &p->store,
        .bucket = words[2],
        .key = rp_bytes_text(words[3]),
        .ttl_s = (uint32_t)console_number(words[4]),
        .on_taken = on_taken,
        .on_lost = on_lost,
        .on_trouble = on_trouble,
        .arg = n};
    return rp_lease_new(&spec, &n->lease);
}

static rp_status watch(name *n, rp_kv *kv, const char *filter)
{
    rp_kv_watch_spec spec = {.filter = rp_bytes_text(filter),
        .on_entry = on_entry,
        .on_caught_up = on_caught_up,
        .arg = n};
    return rp_kv_watch(kv, &spec, &n->watcher);
}

static rp_status race(name *n, rp_kv *kv, uint64_t count)
{
    n->kv = kv;
    n->to_start = n->to_end = count;
    n->started_ns = now_ns();
    race_on(n);
    return RP_OK;
}

/* Key-value; RP_UNSUPPORTED where it is none of its verbs. */
static rp_status obey_kv(probe *p, name *n, char **words, size_t count)
{
    rp_kv *kv = opened(p, words[2])->kv;
    const char *verb = words[0];
    rp_bytes key = rp_bytes_text(words[3]), value = rp_bytes_text(words[4]);
    uint32_t ttl_s = (uint32_t)console_number(words[5]);
    if (strcmp(verb, "get") == 0 && count == 4)
        return rp_kv_get(kv, key, on_got, n);
    if (strcmp(verb, "put") == 0 && count == 6)
        return rp_kv_put(kv, key, value, ttl_s, on_written, n);
    if (strcmp(verb, "create") == 0 && count == 6)
        return rp_kv_create(kv, key, value, ttl_s, on_written, n);
    if (strcmp(verb, "update") == 0 && count == 7)
        return rp_kv_update(kv, key, console_number(words[6]), value, ttl_s, on_written, n);
    if (strcmp(verb, "remove") == 0 && count == 5)
        return rp_kv_remove(kv, key, console_number(words[4]), on_written, n);
    if (strcmp(verb, "purge") == 0 && count == 5)
        return rp_kv_purge(kv, key, console_number(words[4]), 0, on_written, n);
    if (strcmp(verb, "watch") == 0 && count == 4)
        return watch(n, kv, words[3]);
    if (strcmp(verb, "list") == 0 && count == 4)
        return rp_kv_list(kv, key, RP_KV_LAST, on_entry, on_end, n);
    if (strcmp(verb, "history") == 0 && count == 4)
        return rp_kv_list(kv, key, RP_KV_HISTORY, on_entry, on_end, n);
    if (strcmp(verb, "race") == 0 && count == 4)
        return race(n, kv, console_number(words[3]));
    return RP_UNSUPPORTED;
}

static rp_status obey_object(probe *p, name *n, char **words, size_t count)
{
    rp_objects *objects = opened(p, words[2])->objects;
    const char *verb = words[0];
    if (strcmp(verb, "store") == 0 && count == 6)
        return store(n, objects, words);
    if (strcmp(verb, "fetch") == 0 && count == 5)
        return fetch(n, objects, words);
    if (strcmp(verb, "stat") == 0 && count == 4)
        return rp_object_stat(objects, words[3], on_info, n);
    if (strcmp(verb, "delete") == 0 && count == 4)
        return rp_object_delete(objects, words[3], on_end, n);
    if (strcmp(verb, "objects") == 0 && count == 3)
        return rp_object_list(objects, on_listed, on_end, n);
    return RP_UNSUPPORTED;
}

static rp_status obey_any(probe *p, name *n, char **words, size_t count)
{
    if (strcmp(words[0], "lease") == 0 && count == 5)
        return lease(p, n, words);
    if (strcmp(words[0], "token") == 0) {
        say(n, "token", "ok", "text", rp_bytes_of(NULL, 0), rp_lease_token(n->lease));
        return RP_OK;
    }
    if (strcmp(words[0], "release") == 0) {
        rp_lease_release(n->lease, on_released, n);
        return RP_OK;
    }
    if (count < 3)
        return RP_UNSUPPORTED;
    rp_status status = obey_kv(p, n, words, count);
    return status == RP_UNSUPPORTED ? obey_object(p, n, words, count) : status;
}

static void obey(void *arg, char **words, size_t count)
{
    if (count < 2)
        return;
    name *n = named(arg, words[1]);
    rp_status status = obey_any(arg, n, words, count);
    if (status != RP_OK)
        say(n, "refused", rp_status_name(status), "text", rp_bytes_of(NULL, 0), 0);
}

/* -- the process ------------------------------------------------------------------------------- */

static void end(void *arg)
{
    probe *p = arg;
    for (size_t i = 0; i < p->name_count; i++) {
        rp_lease_free(p->names[i].lease);
        done_with_file(&p->names[i]);
    }
    for (size_t i = 0; i < BUCKETS_MAX; i++) {
        rp_kv_close(p->buckets[i].kv);
        rp_objects_close(p->buckets[i].objects);
    }
    rp_host_free(p->host);
}

static void on_bus_state(void *arg, bool connected)
{
    say(named(arg, "bus"), connected ? "connected" : "disconnected", "ok", "text",
        rp_bytes_of(NULL, 0), 0);
}

static rp_status start(probe *p, const char *server, const char *instance, rp_error *reterr)
{
    rp_status status = console_open(&p->console, server, "store_probe", reterr);
    rp_host_uv_spec host = {
        .loop = &p->console.loop, .clock = rp_clock_system(), .threads = 1, .jobs_max = 1};
    if (status == RP_OK)
        status = rp_host_uv_new(&host, &p->host);
    p->store = (rp_store){.bus = p->console.bus, .host = p->host, .instance = instance};
    return status;
}

int main(int argc, char **argv)
{
    static probe p;
    rp_error error = {0};
    if (argc != 3 || start(&p, argv[1], argv[2], &error) != RP_OK) {
        fprintf(stderr, "store_probe URL INSTANCE: %s\n", error.message);
        return 1;
    }
    rp_bus_watch_state(p.console.bus, on_bus_state, &p);
    console_run(&p.console, obey, end, &p);
    return 0;
}
