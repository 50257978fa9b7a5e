#include "sim/server/message.h"

#include <criterion/criterion.h>

static bool matches(const char *subject, const char *filter)
{
    return sim_subject_matches(rp_bytes_text(subject), filter);
}

Test(sim_message, filters)
{
    cr_assert(matches("a.b", "a.b"));
    cr_assert(matches("a.b", "a.*"));
    cr_assert(matches("a.b", "*.b"));
    cr_assert(matches("a.b.c", "a.>"));
    cr_assert(matches("a", ">"));
    cr_assert(matches("$KV.ACTORS.a.b", "$KV.ACTORS.>"));
    cr_assert_not(matches("a", "a.>"));
    cr_assert_not(matches("a", "a.*"));
    cr_assert_not(matches("a.b.c", "a.*"));
    cr_assert_not(matches("a.b", "a"));
    cr_assert_not(matches("ab", "a"));
    cr_assert_not(matches("a", "ab"));
    cr_assert_not(matches("a.b", "a.b.c"));
}

Test(sim_message, headers_are_replaced_and_bytes_counted)
{
    sim_world *world = sim_world_new();
    sim_world_begin(world, 1);
    rp_publication p = {.subject = rp_bytes_text("a"), .body = rp_bytes_text("body")};
    rp_publication_header(&p, RP_HEADER_SEQUENCE, rp_bytes_text("1"));
    sim_message *message = sim_message_new(world, &p, rp_bytes_of(NULL, 0));
    const rp_header_value added[] = {
        {RP_HEADER_SEQUENCE, rp_bytes_text("2")}, {RP_HEADER_LAST_SEQUENCE, rp_bytes_text("1")}};
    sim_message *again = sim_message_again(world, message, rp_bytes_text("b"), added, 2);
    cr_assert(rp_bytes_is(sim_message_header(message, RP_HEADER_SEQUENCE), "1"));
    cr_assert(rp_bytes_is(sim_message_header(again, RP_HEADER_SEQUENCE), "2"));
    cr_assert(rp_bytes_is(sim_message_header(again, RP_HEADER_LAST_SEQUENCE), "1"));
    cr_assert_null(sim_message_header(message, RP_HEADER_LAST_SEQUENCE).data);
    cr_assert_gt(sim_message_bytes(again), sim_message_bytes(message));
    sim_world_free(world);
}
