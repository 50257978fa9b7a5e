#include "tests/conformance/bus/conform.h"

static rp_mailbox *open_on(rp_bus *bus, conform_heard *h, const char *durable)
{
    rp_mailbox *mailbox = NULL;
    rp_mailbox_spec spec = {.stream = "EXAMPLE",
        .durable = durable,
        .on_message = conform_on_message,
        .on_trouble = conform_on_trouble,
        .arg = h};
    rp_status status = rp_mailbox_open(bus, &spec, &mailbox);
    if (status != RP_OK)
        say(h->c, "open %s: %s", durable, rp_status_name(status));
    return mailbox;
}

static void settle(
    rp_bus *bus, conform_heard *h, size_t index, rp_settlement how, uint64_t delay_ms)
{
    rp_bus_settle(bus, h->messages[index], how, delay_ms * RP_NS_PER_MS,
        how == RP_SETTLE_REJECT ? "no use" : NULL);
    rp_message_free(h->messages[index]);
    h->messages[index] = NULL;
}

/* As many as there is credit for, in order, each once. */
static void credit(conform *c)
{
    conform_heard h = {.c = c, .who = "worker"};
    for (int i = 0; i < 4; i++)
        put_text(c, "example.text.credit", "work");
    rp_mailbox *m = open_on(c->bus, &h, "example");
    conform_pass(c, 300);
    conform_tell(&h);
    say(c, "without credit: %zu", h.count);
    rp_mailbox_credit(c->bus, m, 3);
    UNTIL(c, h.count == 3);
    conform_tell(&h);
    conform_pass(c, 300);
    conform_tell(&h);
    say(c, "with a credit of 3: %zu", h.count);
    for (size_t i = 0; i < 3; i++)
        settle(c->bus, &h, i, RP_SETTLE_DONE, 0);
    rp_mailbox_credit(c->bus, m, 3);
    UNTIL(c, h.count == 4);
    conform_tell(&h);
    settle(c->bus, &h, 3, RP_SETTLE_DONE, 0);
    conform_pass(c, 300);
    conform_tell(&h);
    say_state(c, "EXAMPLE");
    rp_mailbox_close(c->bus, m);
}

static void handed_back(conform *c)
{
    conform_heard h = {.c = c, .who = "worker"};
    put_text(c, "example.text.back", "work");
    rp_mailbox *m = open_on(c->bus, &h, "example");
    rp_mailbox_credit(c->bus, m, 4);
    UNTIL(c, h.count == 1);
    conform_tell(&h);
    settle(c->bus, &h, 0, RP_SETTLE_RETRY, 0);
    UNTIL(c, h.count == 2);
    conform_tell(&h);
    settle(c->bus, &h, 1, RP_SETTLE_RETRY, 900);
    conform_pass(c, 500);
    conform_tell(&h);
    say(c, "within the delay: %zu", h.count);
    UNTIL(c, h.count == 3);
    conform_tell(&h);
    settle(c->bus, &h, 2, RP_SETTLE_REJECT, 0);
    conform_pass(c, 6000);
    conform_tell(&h);
    say(c, "in all: %zu", h.count);
    rp_mailbox_close(c->bus, m);
}

/* ack_wait is 5 s: what is extended is not handed out again, what is forgotten is. */
static void extended(conform *c)
{
    conform_heard h = {.c = c, .who = "worker"};
    put_text(c, "example.text.slow", "work");
    rp_mailbox *m = open_on(c->bus, &h, "example");
    rp_mailbox_credit(c->bus, m, 4);
    UNTIL(c, h.count == 1);
    conform_tell(&h);
    for (int i = 0; i < 4; i++) {
        conform_pass(c, 2000);
        rp_bus_settle(c->bus, h.messages[0], RP_SETTLE_PROGRESS, 0, NULL);
    }
    say(c, "extended for 8 s: %zu", h.count);
    UNTIL(c, h.count == 2);
    conform_tell(&h);
    settle(c->bus, &h, 1, RP_SETTLE_DONE, 0);
    rp_message_free(h.messages[0]);
    conform_pass(c, 300);
    conform_tell(&h);
    say_state(c, "EXAMPLE");
    rp_mailbox_close(c->bus, m);
}

/* A settlement counts, whichever delivery it is of. */
static void late(conform *c)
{
    conform_heard h = {.c = c, .who = "worker"};
    put_text(c, "example.text.late", "work");
    rp_mailbox *m = open_on(c->bus, &h, "example");
    rp_mailbox_credit(c->bus, m, 4);
    UNTIL(c, h.count == 2); /* not settled for ack_wait */
    conform_tell(&h);
    settle(c->bus, &h, 0, RP_SETTLE_DONE, 0);
    conform_pass(c, 6500);
    conform_tell(&h);
    say(c, "in all: %zu", h.count);
    rp_message_free(h.messages[1]);
    rp_mailbox_close(c->bus, m);
}

static void closed(conform *c)
{
    conform_heard one = {.c = c, .who = "first"}, two = {.c = c, .who = "second"};
    rp_mailbox *m = open_on(c->bus, &one, "example");
    rp_mailbox_credit(c->bus, m, 2);
    conform_pass(c, 200);
    rp_mailbox_close(c->bus, m);
    conform_pass(c, 200);
    put_text(c, "example.text.closed", "work");
    conform_pass(c, 300);
    rp_mailbox *n = open_on(c->other, &two, "example");
    rp_mailbox_credit(c->other, n, 1);
    UNTIL(c, two.count == 1);
    conform_tell(&two);
    settle(c->other, &two, 0, RP_SETTLE_DONE, 0);
    say(c, "the one that closed heard %zu", one.count);
    conform_pass(c, 200);
    rp_mailbox_close(c->other, n);
}

static void missing(conform *c)
{
    conform_heard h = {.c = c, .who = "worker"};
    rp_mailbox *m = open_on(c->bus, &h, "no-such-durable");
    rp_mailbox_credit(c->bus, m, 1);
    UNTIL(c, h.troubles > 1);
    conform_tell(&h);
    say(c, "it is fine %zu times", h.fine);
    rp_mailbox_close(c->bus, m);
    open_on(c->bus, &h, "no.such.durable");
}

const conform_case conform_mailbox[] = {{"credit", credit}, {"handed back", handed_back},
    {"extended", extended}, {"a late settlement", late}, {"closed", closed},
    {"a durable that is missing", missing}, {0}};
