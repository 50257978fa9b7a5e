/* What the conformance cases do not reach: bounds, restarts, what is lost. */
#include "sim/server/stream.h"

#include <criterion/criterion.h>

static sim_world *world;
static sim_stream stream;

static void begin(void)
{
    static const sim_stream_config config = {
        .name = "S", .subjects = {"s.>"}, .duplicates_ns = 10 * RP_NS_PER_S, .per_subject_max = -1};
    world = sim_world_new();
    sim_world_begin(world, 1);
    stream = (sim_stream){0};
    sim_stream_init(&stream, world, &config);
}

static void end(void)
{
    sim_stream_done(&stream);
    sim_world_free(world);
}

TestSuite(sim_stream, .init = begin, .fini = end);

static sim_put put_id(const char *subject, const char *id, uint64_t now_ns)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text("0123456789")};
    if (id)
        rp_publication_header(&p, RP_HEADER_MESSAGE_ID, rp_bytes_text(id));
    return sim_stream_put(&stream, sim_message_new(world, &p, rp_bytes_of(NULL, 0)), now_ns);
}

static sim_put put(const char *subject)
{
    return put_id(subject, NULL, 1);
}

Test(sim_stream, drops_its_oldest_where_it_is_full)
{
    stream.config.max_bytes = 3 * put("s.a").stored->bytes;
    for (int i = 0; i < 5; i++)
        cr_assert_eq(put("s.a").status, RP_OK);
    cr_assert_eq(stream.messages, 3);
    cr_assert_eq(stream.first, 4);
    cr_assert_eq(stream.last, 6);
}

Test(sim_stream, refuses_what_is_new_where_it_is_full)
{
    stream.config.max_bytes = 3 * put("s.a").stored->bytes;
    stream.config.discard_new = true;
    cr_assert_eq(put("s.a").status, RP_OK);
    cr_assert_eq(put("s.a").status, RP_FULL);
    cr_assert_eq(stream.messages, 2);
}

Test(sim_stream, forgets_what_is_too_old)
{
    stream.config.max_age_ns = 100;
    put_id("s.a", NULL, 1000);
    put_id("s.b", NULL, 1050);
    sim_stream_age(&stream, 1100);
    cr_assert_eq(stream.first, 2);
    sim_stream_age(&stream, 1150);
    cr_assert_eq(stream.messages, 0);
    cr_assert_eq(stream.first, 3);
    cr_assert_eq(put_id("s.a", NULL, 1200).sequence, 3);
}

Test(sim_stream, remembers_an_id_over_a_restart_while_its_message_is_there)
{
    put_id("s.a", "one", 1);
    put_id("s.b", "two", 1);
    sim_stream_purge(&stream, "s.a", 10);
    sim_stream_restarted(&stream);
    cr_assert_eq(put_id("s.b", "two", 2).status, RP_DUPLICATE);
    cr_assert_eq(put_id("s.a", "one", 2).status, RP_OK);
}

Test(sim_stream, what_was_cut_off_has_never_been)
{
    put_id("s.a", "one", 1);
    put_id("s.a", "two", 1);
    put_id("s.a", "three", 1);
    sim_stream_cut(&stream, 1);
    cr_assert_eq(stream.last, 1);
    cr_assert_eq(stream.messages, 1);
    cr_assert_eq(put_id("s.a", "two", 2).sequence, 2);
    sim_stream_cut(&stream, 0);
    cr_assert_eq(stream.first, 1);
    cr_assert_eq(stream.bytes, 0);
    cr_assert_eq(put_id("s.a", "one", 2).sequence, 1);
}

Test(sim_stream, many_come_and_go)
{
    stream.config.per_subject_max = 1;
    for (int i = 0; i < 1000; i++)
        put(i % 3 ? "s.a" : "s.b");
    cr_assert_eq(stream.messages, 2);
    cr_assert_eq(stream.last, 1000);
    cr_assert_lt(stream.count, 200, "what is gone takes no room");
    cr_assert_eq(sim_stream_last(&stream, rp_bytes_text("s.b"))->sequence, 1000);
}
