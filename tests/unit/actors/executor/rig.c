#include "tests/unit/actors/executor/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY_BYTES = 16 << 10, TURNS_MAX = 1000 };

static void on_ready(void *arg, const char *why)
{
    rig *r = arg;
    snprintf(r->why, sizeof r->why, "%s", why ? why : "");
}

static void on_drained(void *arg, bool failed)
{
    rig *r = arg;
    r->drained++;
    r->failed = failed;
}

rig *rig_open(size_t slots)
{
    rp_error error = {0};
    rig *r = rig_open_with(slots, NULL, &error);
    cr_assert(r, "%s", error.message);
    return r;
}

rig *rig_open_with(size_t slots, const char *canon, rp_error *reterr)
{
    static const char *const models[] = {"tiny=" TINY_MODEL};
    if (access(TINY_MODEL, R_OK) != 0)
        cr_skip("the tiny model was not made");
    rig *r = calloc(1, sizeof *r);
    cr_assert(r);
    r->bus = fake_bus_new();
    r->host = fake_host_new(FAKE_HOST_JOBS_MAX);
    cr_assert_eq(rp_metrics_new(NULL, 0, &r->metrics, NULL), RP_OK);
    r->settings = (rp_executor_settings){
        .lanes = 1, .context_tokens = RIG_CONTEXT, .prefill_chunk = 64, .canon = canon};
    r->settings.models.values[0] = models[0];
    r->settings.models.count = 1;
    rp_actor_env env = {.worker = {.bus = &r->bus->bus,
                            .host = &r->host->host,
                            .metrics = r->metrics,
                            .instance = "me.1",
                            .build = "build-1",
                            .slots = slots},
        .name = "me",
        .host_name = "here",
        .threads = 1,
        .ready = on_ready,
        .drained = on_drained,
        .arg = r};
    if (rp_actor_new(&rp_executor, &env, &r->settings, &r->actor, reterr) != RP_OK) {
        rig_close(r);
        return NULL;
    }
    r->durable = r->bus->mailboxes[0].spec.durable;
    return r;
}

void rig_close(rig *r)
{
    rp_host_stop(&r->host->host);
    rp_actor_free(r->actor);
    fake_host_free(r->host);
    fake_bus_free(r->bus);
    rp_metrics_free(r->metrics);
    free(r);
}

static uint64_t or_else(uint64_t value, uint64_t other)
{
    return value ? value : other;
}

static void write_body(const rig_work *work, const char *request, char *body)
{
    int n = snprintf(body, BODY_BYTES,
        "{\"tenant\":\"t\",\"request\":\"%s\",\"model\":\"tiny\",\"version\":\"v\",\"lane\":"
        "\"normal-0\",\"request_sequence\":3,\"max_tokens\":%u,\"chunk_tokens\":%u,\"stream\":%s,"
        "\"encoding\":\"json\",\"sampling\":{\"temperature\":0,\"top_p\":1,\"top_k\":0,\"min_p\":0,"
        "\"seed\":1,\"presence_penalty\":0,\"frequency_penalty\":0,\"repetition_penalty\":1}",
        request, (unsigned)or_else(work->max_tokens, 1), (unsigned)or_else(work->chunk_tokens, 1),
        work->whole ? "false" : "true");
    if (work->logprobs)
        n += snprintf(body + n, BODY_BYTES - (size_t)n, ",\"logprobs\":%d", work->logprobs);
    if (work->deadline_unix_ms)
        n += snprintf(body + n, BODY_BYTES - (size_t)n, ",\"deadline_unix_ms\":%llu",
            (unsigned long long)work->deadline_unix_ms);
    n += snprintf(body + n, BODY_BYTES - (size_t)n, ",\"tokens\":[2");
    for (uint64_t i = 1; i < or_else(work->prompt_tokens, 4); i++)
        n += snprintf(body + n, BODY_BYTES - (size_t)n, ",%u", (unsigned)(500 + i));
    snprintf(body + n, BODY_BYTES - (size_t)n, "]}");
}

void rig_deliver(rig *r, const rig_work *work)
{
    char *body = malloc(BODY_BYTES);
    const char *request = work->request ? work->request : "q";
    cr_assert(body);
    write_body(work, request, body);
    fake_bus_deliver(r->bus, r->durable,
        &(fake_delivery){.sequence = or_else(work->sequence, RIG_SEQUENCE),
            .deliveries = or_else(work->deliveries, 1),
            .timestamp_ns = RP_NS_PER_S,
            .body = work->body ? work->body : body,
            .headers = {{RP_HEADER_TENANT, "t"}, {RP_HEADER_REQUEST, request},
                {RP_HEADER_ENCODING, "application/json"}}});
    free(body);
}

void rig_cancel(rig *r)
{
    fake_bus_put(r->bus, "control.t.q.cancel", "", "x", "x");
}

void rig_settle_down(rig *r)
{
    int turns = 0;
    do {
        cr_assert_lt(++turns, TURNS_MAX, "it never comes to rest");
        fake_bus_run(r->bus);
        fake_host_run(r->host);
    } while (r->host->job_count > 0 || r->bus->waiting_count > 0);
}

size_t rig_chunks(const rig *r)
{
    return fake_bus_count(r->bus, "reply.t.q");
}

static const char *body_at(const rig *r, const char *subject, size_t index)
{
    const fake_stored *s = fake_bus_at(r->bus, subject, index);
    return s ? s->body : "";
}

const char *rig_chunk(const rig *r, size_t index)
{
    return body_at(r, "reply.t.q", index);
}

const char *rig_result(const rig *r)
{
    return body_at(r, "result.t.q", 0);
}

void rig_expect(const char *body, const char *text)
{
    cr_expect_not_null(strstr(body, text), "%s in %s", text, body);
}
