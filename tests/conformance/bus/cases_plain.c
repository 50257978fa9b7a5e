#include "tests/conformance/bus/conform.h"

static rp_subscription *subscribe(
    rp_bus *bus, const char *subject, const char *queue, conform_heard *heard)
{
    rp_subscription *s = NULL;
    rp_status status = rp_bus_subscribe(bus, subject, queue, conform_on_plain, heard, &s);
    if (status != RP_OK)
        say(heard->c, "subscribe to %s: %s", subject, rp_status_name(status));
    return s;
}

static void heard_by_all(conform *c)
{
    conform_heard a = {.c = c, .who = "a"};
    rp_subscription *s = subscribe(c->other, "plain.*.x", NULL, &a);
    conform_pass(c, 200);
    rp_bus_send(c->bus, rp_bytes_text("plain.1.x"), rp_bytes_text("hello"));
    rp_bus_send(c->bus, rp_bytes_text("plain.1.y"), rp_bytes_text("not for a"));
    UNTIL(c, a.count > 0);
    rp_bus_unsubscribe(c->other, s);
    conform_pass(c, 200);
    rp_bus_send(c->bus, rp_bytes_text("plain.1.x"), rp_bytes_text("nobody listens"));
    conform_pass(c, 200);
    conform_tell(&a);
    say(c, "a heard %zu", a.count);
}

static void queue(conform *c)
{
    conform_heard members = {.c = c, .who = "member"};
    rp_subscription *one = subscribe(c->bus, "plain.queue", "q", &members);
    rp_subscription *two = subscribe(c->other, "plain.queue", "q", &members);
    conform_pass(c, 200);
    for (int i = 0; i < 4; i++)
        rp_bus_send(c->bus, rp_bytes_text("plain.queue"), rp_bytes_text("work"));
    conform_pass(c, 300);
    conform_tell(&members);
    say(c, "together they heard %zu", members.count);
    rp_bus_unsubscribe(c->bus, one);
    rp_bus_unsubscribe(c->other, two);
}

/* What a stream stores is heard as it was published; under a mapping, also as it was stored, where
 * it was. */
static void stored_and_heard(conform *c)
{
    conform_heard a = {.c = c, .who = "subscriber"};
    rp_subscription *s = subscribe(c->bus, "reply.t.>", NULL, &a);
    conform_pass(c, 200);
    rp_publication p = {
        .subject = rp_bytes_text("put.reply.t.r"), .body = rp_bytes_text("0"), .expect = true};
    rp_publication_header(&p, RP_HEADER_REQUEST, rp_bytes_text("r"));
    uint64_t first = put(c, &p).sequence;
    UNTIL(c, a.count > 0);
    put(c, &p);
    p.expected_sequence = first;
    put(c, &p);
    UNTIL(c, a.count > 1);
    conform_pass(c, 200);
    conform_tell(&a);
    say(c, "heard %zu", a.count);
    say_last(c, "REPLY", "reply.t.r");
    rp_bus_unsubscribe(c->bus, s);
}

static void answer(void *arg, const rp_message *message)
{
    conform_heard *h = arg;
    note(h, "asked \"%.*s\", %s", (int)message->body.len, (const char *)message->body.data,
        message->reply.len > 0 ? "and may answer" : "and may not answer");
    if (!rp_bytes_is(message->body, "say nothing"))
        rp_bus_send(h->c->other, message->reply, rp_bytes_text("an answer"));
}

static void on_answer(void *arg, rp_status status, const rp_message *message)
{
    conform_heard *h = arg;
    h->count++;
    note(h, "answer: %s \"%.*s\"", rp_status_name(status), message ? (int)message->body.len : 0,
        message ? (const char *)message->body.data : "");
}

static void ask(conform *c, const char *subject, const char *body)
{
    conform_heard h = {.c = c, .who = "asker"};
    rp_status status =
        rp_bus_request(c->bus, subject, rp_bytes_text(body), 700 * RP_NS_PER_MS, on_answer, &h);
    say(c, "ask: %s", rp_status_name(status));
    UNTIL(c, h.count > 0);
    conform_tell(&h);
    rp_bus_forget(c->bus, &h);
}

static void requests(conform *c)
{
    conform_heard h = {.c = c, .who = "answerer"};
    rp_subscription *s = NULL;
    ask(c, "ask.nobody", "is anybody there?");
    say(c, "%s", rp_status_name(rp_bus_subscribe(c->other, "ask.x", "q", answer, &h, &s)));
    conform_pass(c, 200);
    ask(c, "ask.x", "who?");
    ask(c, "ask.x", "say nothing");
    conform_tell(&h);
    rp_bus_unsubscribe(c->other, s);
}

static void filters(conform *c)
{
    conform_heard h = {.c = c, .who = "nobody"};
    rp_subscription *s = NULL;
    say(c, "%s", rp_status_name(rp_bus_subscribe(c->bus, "a..b", NULL, answer, &h, &s)));
    say(c, "%s", rp_status_name(rp_bus_subscribe(c->bus, "a.>.b", NULL, answer, &h, &s)));
}

const conform_case conform_plain[] = {{"subscribers hear what is sent", heard_by_all},
    {"one of a queue hears", queue}, {"what is stored is heard once", stored_and_heard},
    {"requests", requests}, {"filters that are none", filters}, {0}};
