#include "tests/conformance/bus/conform.h"

static rp_publication with_id(const char *subject, const char *body, const char *id)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(body)};
    rp_publication_header(&p, RP_HEADER_MESSAGE_ID, rp_bytes_text(id));
    return p;
}

static void stored(conform *c)
{
    put_text(c, "example.words.a", "one");
    put_text(c, "example.words.b", "two");
    put_text(c, "example.words.a", "");
    say_last(c, "EXAMPLE", "example.words.a");
    say_last(c, "EXAMPLE", "example.words.b");
    say_last(c, "EXAMPLE", "example.words.nobody");
}

static void duplicates(conform *c)
{
    rp_publication first = with_id("example.words.d", "first", "id-1");
    rp_publication again = with_id("example.words.e", "elsewhere", "id-1");
    rp_publication other = with_id("example.words.d", "second", "id-2");
    put(c, &first);
    put(c, &again);
    put(c, &other);
    say_last(c, "EXAMPLE", "example.words.d");
    say_last(c, "EXAMPLE", "example.words.e");
}

/* REQUEST remembers ids for a tenth of a second. */
static void window(conform *c)
{
    rp_publication p = with_id("embed.t.m", "x", "id-3");
    put(c, &p);
    put(c, &p);
    conform_pass(c, 400);
    put(c, &p);
}

static void expected(conform *c)
{
    rp_publication p = with_id("example.words.x", "0", "x-0");
    p.expect = true;
    uint64_t first = put(c, &p).sequence;
    put(c, &p); /* what is expected is looked at before the id */
    rp_publication next = with_id("example.words.x", "1", "x-1");
    next.expect = true;
    next.expected_sequence = first;
    uint64_t second = put(c, &next).sequence;
    next = with_id("example.words.x", "2", "x-1");
    next.expect = true;
    next.expected_sequence = second;
    put(c, &next); /* expected as it is, but the id is known */
    next.expected_sequence = first;
    put(c, &next);
    say_last(c, "EXAMPLE", "example.words.x");
}

static void headers_that_ask_too_much(conform *c)
{
    rp_publication p = {.subject = rp_bytes_text("example.words.h"), .body = rp_bytes_text("x")};
    rp_publication_header(&p, RP_HEADER_TTL, rp_bytes_text("1s"));
    put(c, &p);
    rp_publication q = {.subject = rp_bytes_text("example.words.h"), .body = rp_bytes_text("x")};
    rp_publication_header(&q, RP_HEADER_ROLLUP, rp_bytes_text("sub"));
    put(c, &q);
    say_last(c, "EXAMPLE", "example.words.h");
}

static void what_cannot_be_sent(conform *c)
{
    rp_publication p = {.subject = rp_bytes_text("example.words.h"), .body = rp_bytes_text("x")};
    rp_publication_header(&p, RP_HEADER_REQUEST, rp_bytes_text("a\nb"));
    put(c, &p);
    put_text(c, "example.words.with space", "x");
    put_text(c, "example.words.*", "x");
    put_text(c, "", "x");
}

static void on_published_never(void *arg, const rp_published *published)
{
    (void)published;
    say(((conform_heard *)arg)->c, "told all the same");
}

static void forgotten(conform *c)
{
    conform_heard unused = {.c = c, .who = "nobody"};
    rp_publication p = {
        .subject = rp_bytes_text("example.words.f"), .body = rp_bytes_text("forgotten")};
    rp_status status = rp_bus_publish(c->bus, &p, on_published_never, &unused);
    rp_bus_forget(c->bus, &unused);
    say(c, "%s", rp_status_name(status));
    conform_pass(c, 300);
    say_last(c, "EXAMPLE", "example.words.f"); /* stored all the same */
}

const conform_case conform_publish[] = {{"stored and read back", stored},
    {"a known id is not stored again", duplicates}, {"ids are remembered for a window", window},
    {"the expected sequence", expected},
    {"headers that the stream does not allow", headers_that_ask_too_much},
    {"what cannot be sent", what_cannot_be_sent}, {"forgotten is stored all the same", forgotten},
    {0}};
