#include "tests/conformance/bus/conform.h"

static rp_follower *follow(conform_heard *h, const char *stream, const char *filter,
    rp_follow_from from, uint64_t sequence)
{
    rp_follower *follower = NULL;
    rp_follower_spec spec = {.stream = stream,
        .filter = filter,
        .from = from,
        .sequence = sequence,
        .on_message = conform_on_followed,
        .on_caught_up = conform_on_caught_up,
        .on_lost = conform_on_lost,
        .arg = h};
    rp_status status = rp_bus_follow(h->c->bus, &spec, &follower);
    if (status != RP_OK)
        say(h->c, "follow %s: %s", filter, rp_status_name(status));
    return follower;
}

/* Follows until it has caught up, and tells what was heard. */
static void read_to_the_end(
    conform_heard *h, const char *stream, const char *filter, uint64_t sequence)
{
    rp_follower *f = follow(h, stream, filter, RP_FOLLOW_SEQUENCE, sequence);
    UNTIL(h->c, h->caught_up > 0);
    rp_bus_unfollow(h->c->bus, f);
    conform_tell(h);
}

static void from_the_start(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    put_text(c, "result.f.1", "a");
    put_text(c, "result.f.2", "b");
    put_text(c, "result.g.1", "c");
    rp_follower *f = follow(&h, "RESULT", "result.f.*", RP_FOLLOW_SEQUENCE, 0);
    UNTIL(c, h.caught_up > 0);
    conform_tell(&h);
    put_text(c, "result.g.2", "d");
    put_text(c, "result.f.3", "e");
    UNTIL(c, h.count == 3);
    rp_bus_unfollow(c->bus, f);
    conform_tell(&h);
    put_text(c, "result.f.4", "f");
    conform_pass(c, 200);
    say(c, "heard %zu", h.count);
}

static void from_a_sequence(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    read_to_the_end(&h, "RESULT", "result.>", 4);
}

static void what_is_new(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    rp_follower *f = follow(&h, "RESULT", "result.>", RP_FOLLOW_NEW, 0);
    UNTIL(c, h.caught_up > 0);
    conform_tell(&h);
    put_text(c, "result.n.1", "new");
    UNTIL(c, h.count == 1);
    rp_bus_unfollow(c->bus, f);
    conform_tell(&h);
}

static void newest_of_each(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    put_text(c, "step.a", "1");
    put_text(c, "step.b", "2");
    put_text(c, "step.a", "3");
    rp_follower *f = follow(&h, "STEP", "step.*", RP_FOLLOW_LAST_PER_SUBJECT, 0);
    UNTIL(c, h.caught_up > 0);
    conform_tell(&h);
    put_text(c, "step.b", "4");
    UNTIL(c, h.count == 3);
    rp_bus_unfollow(c->bus, f);
    conform_tell(&h);
}

static void on_purged(void *arg, rp_status status, uint64_t purged)
{
    conform_heard *h = arg;
    (void)purged;
    h->fine++;
    note(h, "purged: %s", rp_status_name(status));
}

static void behind_a_loss(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    for (int i = 0; i < 3; i++)
        put_text(c, "exec.m.v.l", "x");
    say(c, "%s", rp_status_name(rp_bus_purge(c->bus, "EXEC", NULL, 3, on_purged, &h)));
    UNTIL(c, h.fine > 0);
    conform_tell(&h);
    read_to_the_end(&h, "EXEC", "exec.>", 1);
}

static void beyond_the_end(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    read_to_the_end(&h, "EXEC", "exec.>", 50);
}

static void mapped(conform *c)
{
    conform_heard h = {.c = c, .who = "reader"};
    put_text(c, "put.reply.m.1", "chunk");
    read_to_the_end(&h, "REPLY", "reply.m.1", 0);
}

const conform_case conform_follow[] = {{"from the start", from_the_start},
    {"from a sequence", from_a_sequence}, {"what is new", what_is_new},
    {"the newest of each subject", newest_of_each}, {"behind a loss", behind_a_loss},
    {"beyond the end", beyond_the_end}, {"under a mapping", mapped}, {0}};
