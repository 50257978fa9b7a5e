#include "runtime/actor/presence.h"

#include "runtime/base/name.h"
#include "schemas/codec.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVERY_MS = 1000, AT_MOST_EVERY_MS = 100, CHANGES_MAX = 64, RECORD_BYTES_MAX = 64 << 10 };

#define EXPIRES      "10s"
#define EXPIRES_LAST "1s" /* of a process that has said good-bye; the shortest there is */

struct rp_presence {
    rp_presence_spec spec;
    rp_timer *timer;
    uint32_t changes; /* since the last record */
    bool on_its_way;  /* one at a time: without a connection they would pile up in the outbox */
    uint64_t published_ns;
    uint64_t started_unix_ms;
    char subject[RP_WORKER_SUBJECT_BYTES];
    rp_buffer record;
};

static void on_published(void *arg, const rp_published *published);

static void publish(rp_presence *presence, const char *expires)
{
    const rp_presence_spec *spec = &presence->spec;
    Rp__Actor record = RP__ACTOR__INIT;
    record.kind = spec->kind;
    record.instance = spec->name;
    record.build = spec->env->build;
    record.host = spec->host;
    record.has_pid = true;
    record.pid = spec->pid;
    record.has_started_unix_ms = true;
    record.started_unix_ms = presence->started_unix_ms;
    record.has_ready = true;
    record.admin = spec->admin;
    spec->describe(spec->arg, &record);
    presence->changes = 0;
    presence->published_ns = rp_clock_monotonic_ns(spec->env->host->clock);
    rp_buffer_clear(&presence->record);
    rp_error error = {0};
    if (rp_schema_encode(&record.base, RP_ENCODING_JSON, &presence->record, &error) != RP_OK) {
        rp_log_error(spec->env->log, "presence_not_encoded", rp_log_failure(&error));
        return;
    }
    rp_publication publication = {
        .subject = rp_bytes_text(presence->subject), .body = rp_buffer_bytes(&presence->record)};
    rp_publication_header(&publication, RP_HEADER_TTL, rp_bytes_text(expires));
    rp_status status = rp_bus_publish(spec->env->bus, &publication, on_published, presence);
    presence->on_its_way = status == RP_OK;
    if (status != RP_OK)
        rp_log_warn(spec->env->log, "presence_put_off", rp_log_status("status", status));
}

void rp_presence_publish(rp_presence *presence)
{
    if (presence->on_its_way)
        presence->changes++;
    else
        publish(presence, EXPIRES);
}

void rp_presence_leave(rp_presence *presence)
{
    publish(presence, EXPIRES_LAST);
}

static void on_timer(void *arg)
{
    rp_presence *presence = arg;
    uint64_t now_ns = rp_clock_monotonic_ns(presence->spec.env->host->clock);
    if (presence->changes > 0 || now_ns - presence->published_ns >= EVERY_MS * RP_NS_PER_MS)
        rp_presence_publish(presence);
}

rp_status rp_presence_new(const rp_presence_spec *spec, rp_presence **ret_presence)
{
    rp_presence *presence = calloc(1, sizeof *presence);
    if (!presence)
        return RP_NO_MEMORY;
    presence->spec = *spec;
    presence->started_unix_ms = rp_clock_unix_ns(spec->env->host->clock) / RP_NS_PER_MS;
    rp_buffer_init(&presence->record, RECORD_BYTES_MAX);
    snprintf(
        presence->subject, sizeof presence->subject, "$KV.ACTORS.%s.%s", spec->kind, spec->name);
    rp_status status = rp_name_is_subject(rp_bytes_text(presence->subject)) ? RP_OK : RP_INVALID;
    if (status == RP_OK)
        status = rp_timer_new(spec->env->host, on_timer, presence, &presence->timer);
    if (status != RP_OK) {
        rp_presence_free(presence);
        return status;
    }
    rp_timer_set(presence->timer, AT_MOST_EVERY_MS * RP_NS_PER_MS, AT_MOST_EVERY_MS * RP_NS_PER_MS);
    *ret_presence = presence;
    return RP_OK;
}

static void publish_many(rp_presence *presence)
{
    if (presence->changes >= CHANGES_MAX && !presence->on_its_way)
        publish(presence, EXPIRES);
}

static void on_published(void *arg, const rp_published *published)
{
    rp_presence *presence = arg;
    presence->on_its_way = false;
    if (published->status == RP_OK)
        publish_many(presence);
    else
        rp_log_warn(presence->spec.env->log, "presence_not_stored",
            rp_log_status("status", published->status), rp_log_text("why", published->why));
}

void rp_presence_touch(rp_presence *presence)
{
    presence->changes++;
    publish_many(presence);
}

void rp_presence_free(rp_presence *presence)
{
    if (!presence)
        return;
    rp_bus_forget(presence->spec.env->bus, presence);
    rp_timer_free(presence->timer);
    rp_buffer_done(&presence->record);
    free(presence);
}
