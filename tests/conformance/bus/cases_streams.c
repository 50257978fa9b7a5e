#include "tests/conformance/bus/conform.h"

#include <inttypes.h>
#include <stdlib.h>

static void one_a_subject(conform *c)
{
    put_text(c, "control.t.r.cancel", "first");
    put_text(c, "control.t.r.cancel", "second");
    put_text(c, "control.t.s.cancel", "third");
    say_state(c, "CONTROL");
    say_last(c, "CONTROL", "control.t.r.cancel");
}

static void time_to_live(conform *c)
{
    rp_publication p = {.subject = rp_bytes_text("$KV.ACTORS.k.a"), .body = rp_bytes_text("here")};
    rp_publication_header(&p, RP_HEADER_TTL, rp_bytes_text("1s"));
    put(c, &p);
    put_text(c, "$KV.ACTORS.k.b", "stays");
    say_last(c, "KV_ACTORS", "$KV.ACTORS.k.a");
    conform_pass(c, 2000);
    say_last(c, "KV_ACTORS", "$KV.ACTORS.k.a");
    say_last(c, "KV_ACTORS", "$KV.ACTORS.k.b");
    say_state(c, "KV_ACTORS");
}

static void rollup(conform *c)
{
    put_text(c, "$O.BLOBS.C.x", "1");
    put_text(c, "$O.BLOBS.C.x", "2");
    put_text(c, "$O.BLOBS.C.y", "3");
    rp_publication p = {.subject = rp_bytes_text("$O.BLOBS.C.x"), .body = rp_bytes_text("4")};
    rp_publication_header(&p, RP_HEADER_ROLLUP, rp_bytes_text("sub"));
    put(c, &p);
    say_state(c, "OBJ_BLOBS");
    say_last(c, "OBJ_BLOBS", "$O.BLOBS.C.x");
    say_last(c, "OBJ_BLOBS", "$O.BLOBS.C.y");
}

/* KV_ACTORS holds 8 MiB and refuses what is new; a key that is there may change in place. */
static void full(conform *c)
{
    enum { LARGE = 900 << 10, KEYS = 12 };
    char *body = calloc(1, LARGE), subject[64];
    RP_ASSERT(body);
    memset(body, 'x', LARGE);
    size_t stored = 0;
    rp_published last = {0};
    for (size_t i = 0; i < KEYS && last.status == RP_OK; i++) {
        snprintf(subject, sizeof subject, "$KV.ACTORS.full.%zu", i);
        rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_of(body, LARGE)};
        last = put(c, &p);
        stored += last.status == RP_OK;
    }
    say(c, "%zu of %d keys are stored", stored, KEYS);
    rp_publication again = {
        .subject = rp_bytes_text("$KV.ACTORS.full.1"), .body = rp_bytes_text("smaller")};
    put(c, &again);
    free(body);
}

static void on_purged(void *arg, rp_status status, uint64_t purged)
{
    conform_heard *h = arg;
    h->count++;
    note(h, "purged: %s %" PRIu64, rp_status_name(status), purged);
}

static void purge(conform *c, const char *stream, const char *filter, uint64_t keep_from)
{
    conform_heard h = {.c = c, .who = "purge"};
    rp_status status = rp_bus_purge(c->bus, stream, filter, keep_from, on_purged, &h);
    if (status != RP_OK)
        say(c, "purge: not taken, %s", rp_status_name(status));
    else
        UNTIL(c, h.count > 0);
    conform_tell(&h);
}

static void purges(conform *c)
{
    uint64_t first = put_text(c, "dead.p", "1").sequence;
    put_text(c, "dead.q", "2");
    put_text(c, "dead.p", "3");
    put_text(c, "dead.q", "4");
    purge(c, "DEAD", "dead.p", first + 2);
    say_state(c, "DEAD");
    purge(c, "DEAD", NULL, first + 3);
    say_state(c, "DEAD");
    purge(c, "DEAD", NULL, 1);
    purge(c, "DEAD", NULL, 0);
    say_last(c, "DEAD", "dead.q");
    purge(c, "DEAD", NULL, first + 100);
    say_state(c, "DEAD");
    put_text(c, "dead.p", "5");
    say_state(c, "DEAD");
}

/* -- schedules --------------------------------------------------------------------------------- */

static rp_published schedule(
    conform *c, const char *subject, const char *pattern, const char *target, const char *body)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(body)};
    rp_publication_header(&p, RP_HEADER_SCHEDULE, rp_bytes_text(pattern));
    rp_publication_header(&p, RP_HEADER_TARGET, rp_bytes_text(target));
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text("C:1:0"));
    return put(c, &p);
}

static void schedule_in(conform *c, const char *subject, const char *body, uint64_t ms)
{
    char text[RP_CLOCK_TEXT_BYTES], pattern[RP_CLOCK_TEXT_BYTES + 8], target[64];
    rp_clock_text(rp_clock_unix_ns(c->host->clock) + ms * RP_NS_PER_MS, text);
    snprintf(pattern, sizeof pattern, "@at %s", text);
    snprintf(target, sizeof target, "%s.due", subject);
    schedule(c, subject, pattern, target, body);
}

/* One a subject: it comes once, and is gone then; another takes its place; a roll-up ends it. */
static void schedules(conform *c)
{
    schedule_in(c, "timer.t.a", "comes", 1000);
    schedule_in(c, "timer.t.b", "replaced", 1000);
    schedule_in(c, "timer.t.b", "in its place", 1500);
    schedule_in(c, "timer.t.c", "taken back", 1000);
    rp_publication p = {.subject = rp_bytes_text("timer.t.c")};
    rp_publication_header(&p, RP_HEADER_ROLLUP, rp_bytes_text("sub"));
    rp_publication_header(&p, RP_HEADER_TTL, rp_bytes_text("168h"));
    put(c, &p);
    say_state(c, "TIMER");
    conform_pass(c, 3000);
    say_state(c, "TIMER");
    say_last(c, "TIMER", "timer.t.a");
    say_last(c, "TIMER", "timer.t.a.due");
    say_last(c, "TIMER", "timer.t.b.due");
    say_last(c, "TIMER", "timer.t.c.due");
    schedule(c, "timer.t.d", "@at 2026-01-01T00:00:00.000Z", "timer.t.d.due", "long past");
    conform_pass(c, 1000);
    say_last(c, "TIMER", "timer.t.d.due");
}

static void schedules_that_cannot_be(conform *c)
{
    schedule(c, "timer.t.e", "@tomorrow", "timer.t.e.due", "no pattern");
    schedule(c, "timer.t.e", "@at 2026-01-01T00:00:00.000Z", "dead.x", "another stream's");
    schedule(c, "timer.t.e", "@at 2026-01-01T00:00:00.000Z", "timer.t.e", "its own");
    schedule(c, "dead.x", "@at 2026-01-01T00:00:00.000Z", "dead.y", "a stream without");
}

static void no_such_stream(conform *c)
{
    say_state(c, "NOWHERE");
    purge(c, "NOWHERE", NULL, 5);
}

const conform_case conform_streams[] = {{"one message a subject", one_a_subject},
    {"time to live", time_to_live}, {"rollup", rollup}, {"full", full}, {"purges", purges},
    {"schedules", schedules}, {"schedules that cannot be", schedules_that_cannot_be},
    {"no such stream", no_such_stream}, {0}};
