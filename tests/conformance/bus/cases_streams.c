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

static void no_such_stream(conform *c)
{
    say_state(c, "NOWHERE");
    purge(c, "NOWHERE", NULL, 5);
}

const conform_case conform_streams[] = {{"one message a subject", one_a_subject},
    {"time to live", time_to_live}, {"rollup", rollup}, {"full", full}, {"purges", purges},
    {"no such stream", no_such_stream}, {0}};
