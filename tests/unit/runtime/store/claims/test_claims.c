/* Bodies above the inner bus's limit, on the fake bus: stored before their message, fetched before
 * their handler, in order and within bounds. The limit here is ten bytes. */
#include "runtime/store/claims/claims.h"
#include "tests/unit/runtime/store/shelf.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 10 };

#define MS    RP_NS_PER_MS
#define LARGE "a body above the limit"

static shelf s;
static rp_bus *bus;
static rp_metrics *metrics;

/* What callbacks said. */
static size_t published_count, answered_count, caught_up_count, message_count;
static rp_published published;
static char published_order[64];
static rp_status answered, body_status;
static char body[256], why[RP_ERROR_MESSAGE_MAX], told[512];
static rp_message *taken;

static void setup(void)
{
    shelf_open(&s);
    s.bus->payload_bytes_max = LIMIT;
    cr_assert_eq(rp_metrics_new(NULL, 0, &metrics, NULL), RP_OK);
    rp_claims_spec spec = {
        .inner = &s.bus->bus, .host = &s.host->host, .instance = "me.1", .metrics = metrics};
    cr_assert_eq(rp_claims_new(&spec, &bus, NULL), RP_OK);
    published_count = answered_count = caught_up_count = message_count = 0;
    published_order[0] = told[0] = body[0] = '\0';
    taken = NULL;
}

static void teardown(void)
{
    rp_message_free(taken);
    rp_bus_free(bus); /* and with it the fake one, which looks for what is left */
    fake_host_free(s.host);
    rp_metrics_free(metrics);
}

TestSuite(store_claims, .init = setup, .fini = teardown);

static void on_published(void *arg, const rp_published *p)
{
    size_t n = strlen(published_order);
    published_count++;
    published = *p;
    snprintf(published_order + n, sizeof published_order - n, "%s", (const char *)arg);
}

static rp_status publish(const char *subject, const char *text, const char *arg)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(text)};
    rp_publication_header(&p, RP_HEADER_REQUEST, rp_bytes_text("r"));
    return rp_bus_publish(bus, &p, on_published, (void *)(uintptr_t)arg);
}

static bool tells(const char *line)
{
    rp_buffer text;
    rp_buffer_init(&text, 1 << 20);
    rp_metrics_expose(metrics, &text);
    bool found = strstr(rp_buffer_string(&text), line) != NULL;
    rp_buffer_done(&text);
    return found;
}

static void run(void)
{
    shelf_wait(&s, 200);
}

static const char *reference_of(const char *text)
{
    static char out[RP_CLAIM_TEXT_BYTES];
    rp_claim_reference r = {0};
    uint8_t digest[RP_SHA256_BYTES];
    cr_assert_eq(rp_hash_sha256(rp_bytes_text(text), digest), RP_OK);
    rp_sha256_text(digest, r.digest);
    memcpy(r.name, r.digest, sizeof r.digest);
    rp_claim_reference_text(&r, out);
    return out;
}

static size_t blobs(void)
{
    size_t count = 0;
    for (size_t i = 0; i < s.bus->stored_count; i++)
        count += !s.bus->stored[i].gone && strncmp(s.bus->stored[i].subject, "$O.BLOBS.M", 10) == 0;
    return count;
}

/* -- publishing -------------------------------------------------------------------------------- */

Test(store_claims, a_small_body_goes_as_it_is)
{
    cr_assert_eq(publish("exec.a", "small", "1"), RP_OK);
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 1, "at once");
    run();
    cr_expect_eq(published_count, 1);
    cr_expect_str_eq(fake_bus_at(s.bus, "exec.a", 0)->body, "small");
    cr_expect_str_eq(fake_stored_header(fake_bus_at(s.bus, "exec.a", 0), RP_HEADER_BODY), "");
    cr_expect_eq(rp_bus_payload_bytes_max(bus), RP_CLAIM_BYTES_MAX);
}

Test(store_claims, a_large_body_is_stored_before_its_message)
{
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 0);
    run();
    cr_expect_eq(published_count, 1);
    cr_expect_eq(published.status, RP_OK);
    const fake_stored *m = fake_bus_at(s.bus, "exec.a", 0);
    cr_assert_not_null(m);
    cr_expect_eq(m->body_len, 0);
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_BODY), reference_of(LARGE));
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_REQUEST), "r");
    cr_expect_eq(blobs(), 1);
    const fake_stored *last = &s.bus->stored[s.bus->stored_count - 1];
    cr_expect_str_eq(last->subject, "exec.a", "the body was there before");
}

Test(store_claims, the_same_body_is_stored_once)
{
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    run();
    size_t stored = s.bus->stored_count;
    cr_assert_eq(publish("exec.b", LARGE, "2"), RP_OK);
    run();
    cr_expect_eq(s.bus->stored_count, stored + 1);
    cr_expect_eq(published_count, 2);
}

Test(store_claims, a_subject_keeps_its_order)
{
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    cr_assert_eq(publish("exec.a", "small", "2"), RP_OK);
    cr_assert_eq(publish("exec.a", LARGE "!", "3"), RP_OK);
    cr_assert_eq(publish("exec.b", "other", "4"), RP_OK);
    cr_expect_eq(fake_bus_count(s.bus, "exec.b"), 1, "another subject does not wait");
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 0);
    run();
    cr_expect_str_eq(published_order, "4123");
    cr_expect_str_eq(fake_bus_at(s.bus, "exec.a", 1)->body, "small");
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 3);
    cr_assert_eq(publish("exec.a", "small", "5"), RP_OK);
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 4, "and nothing waits any more");
}

Test(store_claims, expectations_go_along)
{
    rp_publication p = {.subject = rp_bytes_text("exec.a"),
        .body = rp_bytes_text(LARGE),
        .expect = true,
        .expected_sequence = 7};
    cr_assert_eq(rp_bus_publish(bus, &p, on_published, (void *)(uintptr_t) "1"), RP_OK);
    run();
    cr_expect_eq(published.status, RP_CONFLICT);
}

Test(store_claims, a_body_that_cannot_be_stored_is_told)
{
    fake_bus_fate(s.bus, "$O.BLOBS", FAKE_FAIL, RP_FULL);
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    cr_assert_eq(publish("exec.a", "small", "2"), RP_OK);
    run();
    cr_expect_str_eq(published_order, "12", "what waited goes on");
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 1);
    fake_bus_fate(s.bus, "$O.BLOBS", FAKE_FAIL, RP_INVALID);
    cr_assert_eq(publish("exec.a", LARGE, "3"), RP_OK);
    run();
    cr_expect_eq(published.status, RP_UNAVAILABLE);
    fake_bus_fate(s.bus, "exec.a", FAKE_REFUSE, RP_INVALID);
    cr_assert_eq(publish("exec.a", LARGE, "4"), RP_OK);
    run();
    cr_expect_eq(published.status, RP_INVALID);
}

Test(store_claims, a_full_outbox_is_waited_for)
{
    fake_bus_fate(s.bus, "exec.a", FAKE_REFUSE, RP_LIMIT);
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    run();
    cr_expect_eq(published_count, 1);
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 1);
}

Test(store_claims, takes_no_more_than_its_limits)
{
    char subject[32], text[64];
    uint8_t *huge = malloc(RP_CLAIM_BYTES_MAX + 1);
    rp_publication p = {
        .subject = rp_bytes_text("exec.a"), .body = rp_bytes_of(huge, RP_CLAIM_BYTES_MAX + 1)};
    cr_expect_eq(rp_bus_publish(bus, &p, NULL, NULL), RP_LIMIT);
    free(huge);
    for (size_t i = 0; i < RP_CLAIMS_MAX; i++) {
        snprintf(subject, sizeof subject, "exec.%zu", i);
        snprintf(text, sizeof text, LARGE "%zu", i);
        cr_assert_eq(publish(subject, text, "."), RP_OK);
    }
    cr_expect_eq(publish("exec.z", LARGE, "."), RP_LIMIT);
    for (size_t i = RP_CLAIMS_MAX; i < RP_CLAIMS_HELD_MAX; i++)
        cr_assert_eq(publish("exec.0", "small", ""), RP_OK);
    cr_expect_eq(publish("exec.0", "small", "."), RP_LIMIT);
    cr_expect_eq(publish("exec.y", "small", "."), RP_OK, "one that waits for nothing");
    p = (rp_publication){.subject = rp_bytes_text("a b"), .body = rp_bytes_text(LARGE)};
    cr_expect_eq(rp_bus_publish(bus, &p, NULL, NULL), RP_INVALID);
    p.subject = rp_bytes_text("exec.a");
    p.header_count = RP_PUBLICATION_HEADERS_MAX;
    cr_expect_eq(rp_bus_publish(bus, &p, NULL, NULL), RP_INVALID, "no room for Rp-Body");
}

Test(store_claims, all_that_was_taken_comes_out)
{
    char subject[32], text[64];
    for (size_t i = 0; i < RP_CLAIMS_MAX; i++) {
        snprintf(subject, sizeof subject, "exec.%zu", i % 3);
        snprintf(text, sizeof text, LARGE "%zu", i);
        cr_assert_eq(publish(subject, text, "."), RP_OK);
    }
    shelf_wait(&s, 2000);
    cr_expect_eq(published_count, RP_CLAIMS_MAX);
    cr_expect_eq(blobs(), RP_CLAIMS_MAX);
    cr_expect_eq(publish("exec.z", LARGE, "."), RP_OK, "and there is room again");
}

Test(store_claims, who_forgets_hears_nothing_and_it_is_stored)
{
    static char me[] = "x";
    cr_assert_eq(publish("exec.a", LARGE, me), RP_OK);
    rp_bus_forget(bus, me);
    run();
    cr_expect_eq(published_count, 0);
    cr_expect_eq(fake_bus_count(s.bus, "exec.a"), 1);
}

/* -- what is handed over ----------------------------------------------------------------------- */

static void note(const rp_message *message)
{
    message_count++;
    body_status = message->body_status;
    snprintf(body, sizeof body, "%.*s", (int)message->body.len, (const char *)message->body.data);
    snprintf(why, sizeof why, "%s", message->body_why ? message->body_why : "");
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s,", body);
}

static void on_message(void *arg, rp_message *message)
{
    (void)arg;
    rp_message_free(taken);
    taken = message;
    note(message);
}

static rp_mailbox *mailbox(void)
{
    rp_mailbox_spec spec = {.stream = "EXEC", .durable = "work", .on_message = on_message};
    rp_mailbox *m;
    cr_assert_eq(rp_mailbox_open(bus, &spec, &m), RP_OK);
    rp_mailbox_credit(bus, m, 4);
    return m;
}

static void deliver(uint64_t sequence, const char *reference)
{
    fake_delivery d = {.sequence = sequence, .deliveries = 1, .body = reference ? "" : "small"};
    if (reference) {
        d.headers[0].header = RP_HEADER_BODY;
        d.headers[0].value = reference;
        d.headers[1].header = RP_HEADER_REQUEST;
        d.headers[1].value = "r";
    }
    fake_bus_deliver(s.bus, "work", &d);
}

/* A body in BLOBS, as any client puts it there. */
static const char *blob(const char *text)
{
    cr_assert_eq(publish("dead.x", text, ""), RP_OK);
    run();
    return reference_of(text);
}

Test(store_claims, a_mailbox_hands_over_the_body)
{
    const char *reference = blob(LARGE);
    rp_mailbox *m = mailbox();
    deliver(7, reference);
    cr_expect_eq(message_count, 0);
    run();
    cr_assert_eq(message_count, 1);
    cr_expect_str_eq(body, LARGE);
    cr_expect_eq(body_status, RP_OK);
    cr_expect_eq(taken->stream_sequence, 7);
    cr_expect(rp_bytes_is(rp_message_header(taken, RP_HEADER_REQUEST), "r"));
    rp_bus_settle(bus, taken, RP_SETTLE_DONE, 0, NULL);
    cr_expect_eq(s.bus->settled[0].sequence, 7);
    deliver(8, NULL);
    cr_expect_str_eq(body, "small", "at once");
    rp_mailbox_close(bus, m);
}

Test(store_claims, a_mailbox_tells_what_cannot_be_had)
{
    static const struct {
        const char *reference;
        rp_status status;
        const char *why;
    } wrong[] = {{"BLOBS/nobody;2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     RP_NOT_FOUND, "no object nobody"},
        {"nonsense", RP_INVALID, "Rp-Body takes BLOBS/"}, {NULL, RP_CORRUPT, "SHA-256 differs"}};
    char stranger[RP_CLAIM_TEXT_BYTES];
    rp_mailbox *m = mailbox();
    snprintf(stranger, sizeof stranger, "%.70s;%s", blob(LARGE),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    for (size_t i = 0; i < 3; i++) {
        deliver(i + 1, wrong[i].reference ? wrong[i].reference : stranger);
        run();
        cr_assert_eq(message_count, i + 1);
        cr_expect_eq(body_status, wrong[i].status, "%s", rp_status_name(body_status));
        cr_expect(strstr(why, wrong[i].why), "%s", why);
    }
    rp_mailbox_close(bus, m);
}

Test(store_claims, a_mailbox_extends_what_waits)
{
    const char *reference = blob(LARGE);
    rp_mailbox *m = mailbox();
    fake_bus_cut(s.bus);
    deliver(7, reference);
    shelf_wait(&s, 5000);
    cr_expect_eq(s.bus->settled_count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(s.bus->settled[i].settlement, RP_SETTLE_PROGRESS);
    fake_bus_mend(s.bus);
    run();
    cr_expect_eq(message_count, 1);
    shelf_wait(&s, 5000);
    cr_expect_eq(s.bus->settled_count, 3, "no more than needed");
    rp_mailbox_close(bus, m);
}

Test(store_claims, a_mailbox_gives_back_what_the_moment_refuses)
{
    const char *reference = blob(LARGE);
    rp_mailbox *m = mailbox();
    s.bus->read_status = RP_TIMEOUT;
    deliver(7, reference);
    run();
    cr_expect_eq(message_count, 0);
    cr_assert_eq(s.bus->settled_count, 1);
    cr_expect_eq(s.bus->settled[0].settlement, RP_SETTLE_RETRY);
    cr_expect_eq(s.bus->settled[0].delay_ns, 2 * RP_NS_PER_S);
    cr_expect_eq(fake_bus_mailbox(s.bus, "work")->credit, 4, "its owner saw nothing of it");
    s.bus->read_status = RP_OK;
    deliver(7, reference);
    rp_mailbox_close(bus, m);
    run();
    cr_expect_eq(message_count, 0);
    cr_expect_eq(s.bus->settled_count, 2);
    cr_expect_eq(s.bus->settled[1].settlement, RP_SETTLE_RETRY, "a closed mailbox gives back, too");
}

Test(store_claims, several_bodies_come_at_once_and_no_more_than_the_limit)
{
    const char *reference = blob(LARGE);
    rp_mailbox *m = mailbox();
    rp_mailbox_credit(bus, m, RP_CLAIMS_MAX + 1);
    for (size_t i = 0; i <= RP_CLAIMS_MAX; i++)
        deliver(i + 1, reference);
    cr_expect_eq(s.bus->settled_count, 1, "the last one is given back");
    cr_expect(tells("\nreprise_claims_full_total 1\n"));
    run();
    cr_expect_eq(message_count, RP_CLAIMS_MAX);
    rp_mailbox_close(bus, m);
}

static void on_answer(void *arg, rp_status status, const rp_message *message)
{
    (void)arg;
    answered_count++;
    answered = status;
    cr_assert_eq(status == RP_OK, message != NULL);
    if (message)
        note(message);
}

Test(store_claims, the_last_of_a_subject_has_its_body)
{
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    run();
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.a", on_answer, NULL), RP_OK);
    run();
    cr_expect_eq(answered_count, 1);
    cr_expect_str_eq(body, LARGE);
    cr_assert_eq(publish("exec.a", "small", "2"), RP_OK);
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.a", on_answer, NULL), RP_OK);
    run();
    cr_expect_str_eq(body, "small");
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.b", on_answer, NULL), RP_OK);
    run();
    cr_expect_eq(answered, RP_NOT_FOUND);
    cr_expect_eq(answered_count, 3);
}

Test(store_claims, a_last_message_whose_body_cannot_be_had)
{
    rp_publication p = {.subject = rp_bytes_text("exec.a")};
    rp_publication_header(&p, RP_HEADER_BODY, rp_bytes_text("nonsense"));
    cr_assert_eq(rp_bus_publish(bus, &p, NULL, NULL), RP_OK);
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.a", on_answer, NULL), RP_OK);
    run();
    cr_expect_eq(answered, RP_OK);
    cr_expect_eq(body_status, RP_INVALID);
    cr_assert_eq(publish("exec.a", LARGE, "1"), RP_OK);
    run();
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.a", on_answer, &s), RP_OK);
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.a", on_answer, &bus), RP_OK);
    fake_bus_step(s.bus); /* the message is there, its body is not */
    rp_bus_forget(bus, &s);
    run();
    cr_expect_eq(answered_count, 2, "who forgets hears nothing");
}

/* -- following --------------------------------------------------------------------------------- */

static rp_follower *follower;

static void on_followed(void *arg, const rp_message *message)
{
    (void)arg;
    note(message);
}

static void on_caught_up(void *arg)
{
    (void)arg;
    caught_up_count++;
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "|");
}

static void follow(void)
{
    rp_follower_spec spec = {.stream = "EXEC",
        .filter = "exec.>",
        .from = RP_FOLLOW_SEQUENCE,
        .on_message = on_followed,
        .on_caught_up = on_caught_up};
    cr_assert_eq(rp_bus_follow(bus, &spec, &follower), RP_OK);
}

Test(store_claims, a_follower_sees_bodies_in_order)
{
    cr_assert_eq(publish("exec.a", "1", ""), RP_OK);
    cr_assert_eq(publish("exec.b", LARGE, ""), RP_OK);
    run();
    cr_assert_eq(publish("exec.c", "3", ""), RP_OK);
    follow();
    run();
    cr_assert_eq(publish("exec.d", LARGE "!", ""), RP_OK);
    run();
    cr_assert_eq(publish("exec.e", "5", ""), RP_OK);
    run();
    cr_expect_str_eq(told, "1," LARGE ",3,|" LARGE "!,5,");
    rp_bus_unfollow(bus, follower);
}

Test(store_claims, a_follower_tries_again_and_then_tells)
{
    cr_assert_eq(publish("exec.a", LARGE, ""), RP_OK);
    run();
    cr_assert_eq(publish("exec.b", "2", ""), RP_OK);
    s.bus->read_status = RP_TIMEOUT;
    follow();
    shelf_wait(&s, 1000);
    cr_expect_eq(message_count, 0);
    s.bus->read_status = RP_OK;
    shelf_wait(&s, 2000);
    cr_expect_str_eq(told, LARGE ",2,|");
    rp_bus_unfollow(bus, follower);
    s.bus->read_status = RP_TIMEOUT;
    told[0] = '\0';
    message_count = 0;
    follow();
    shelf_wait(&s, 30 * 1000);
    cr_expect_str_eq(told, ",2,|");
    rp_bus_unfollow(bus, follower);
}

Test(store_claims, a_follower_with_too_much_before_it_stops_reading)
{
    char subject[16];
    cr_assert_eq(publish("exec.a", LARGE, ""), RP_OK);
    run();
    for (size_t i = 0; i < RP_CLAIMS_HELD_MAX + 50; i++) {
        snprintf(subject, sizeof subject, "exec.%zu", i);
        cr_assert_eq(publish(subject, "x", ""), RP_OK);
        fake_bus_run(s.bus);
    }
    s.bus->read_status = RP_TIMEOUT;
    follow();
    fake_bus_run(s.bus);
    cr_expect_eq(fake_bus_followers(s.bus), 0, "it is full");
    s.bus->read_status = RP_OK;
    shelf_wait(&s, 2000);
    cr_expect_eq(message_count, RP_CLAIMS_HELD_MAX + 51);
    cr_expect_eq(caught_up_count, 1);
    cr_expect_eq(fake_bus_followers(s.bus), 1);
    rp_bus_unfollow(bus, follower);
}

static void unfollow_own(void *arg, const rp_message *message)
{
    (void)arg;
    note(message);
    rp_bus_unfollow(bus, follower);
}

Test(store_claims, a_follower_may_end_itself)
{
    cr_assert_eq(publish("exec.a", LARGE, ""), RP_OK);
    run();
    cr_assert_eq(publish("exec.b", "2", ""), RP_OK);
    rp_follower_spec spec = {.stream = "EXEC",
        .filter = "exec.a",
        .on_message = unfollow_own,
        .from = RP_FOLLOW_SEQUENCE};
    cr_assert_eq(rp_bus_follow(bus, &spec, &follower), RP_OK);
    run();
    spec.filter = "exec.b";
    cr_assert_eq(rp_bus_follow(bus, &spec, &follower), RP_OK);
    run();
    cr_expect_str_eq(told, LARGE ",2,");
}

Test(store_claims, what_is_on_its_way_goes_with_the_bus)
{
    const char *reference = blob(LARGE);
    rp_mailbox *m = mailbox();
    (void)m;
    follow();
    cr_assert_eq(publish("exec.a", LARGE "!", "1"), RP_OK);
    cr_assert_eq(publish("exec.a", "small", "1"), RP_OK);
    cr_assert_eq(publish("exec.b", LARGE, "1"), RP_OK);
    shelf_wait(&s, 20);
    deliver(7, reference);
    cr_assert_eq(rp_bus_last(bus, "EXEC", "exec.b", on_answer, NULL), RP_OK);
    fake_bus_step(s.bus);
    /* and the bus is freed in the middle of it */
}
