/* The floor below which everything is settled. Purging itself is tested against a real server. */
#include "runtime/provision/housekeeping.h"

#include <criterion/criterion.h>

static rp_floor lowered(uint64_t last_sequence, const char *consumers)
{
    rp_arena arena;
    yyjson_doc *doc = NULL;
    rp_floor floor = {.sequence = last_sequence};
    cr_assert_eq(rp_arena_init(&arena, 16 << 10, 1 << 20), RP_OK);
    cr_assert_eq(rp_json_parse(rp_bytes_text(consumers), &arena, &doc, NULL), RP_OK);
    rp_floor_lower(&floor, yyjson_doc_get_root(doc));
    rp_arena_done(&arena);
    return floor;
}

#define DURABLE(floor, pending, unacknowledged)                                  \
    "{\"config\":{\"durable_name\":\"d\"},\"ack_floor\":{\"stream_seq\":" #floor \
    "},\"num_pending\":" #pending ",\"num_ack_pending\":" #unacknowledged "}"
#define EPHEMERAL "{\"config\":{},\"ack_floor\":{\"stream_seq\":1},\"num_pending\":5}"

Test(floor, the_lowest_holds_back)
{
    rp_floor floor = lowered(100, "[" DURABLE(40, 1, 0) "," DURABLE(30, 0, 2) "]");
    cr_assert_eq(floor.sequence, 30);
    cr_assert_eq(floor.durables, 2);
}

Test(floor, an_idle_durable_counts_as_at_the_end)
{
    cr_assert_eq(lowered(100, "[" DURABLE(3, 0, 0) "]").sequence, 100);
    cr_assert_eq(lowered(100, "[" DURABLE(3, 0, 0) "," DURABLE(50, 1, 0) "]").sequence, 50);
}

Test(floor, one_that_never_acknowledged_holds_everything)
{
    cr_assert_eq(lowered(100, "[" DURABLE(0, 7, 0) "]").sequence, 0);
}

Test(floor, never_beyond_what_was_there)
{
    cr_assert_eq(lowered(100, "[" DURABLE(120, 1, 0) "]").sequence, 100);
}

Test(floor, readers_without_a_name_do_not_count)
{
    rp_floor floor = lowered(100, "[" EPHEMERAL "]");
    cr_assert_eq(floor.durables, 0);
    cr_assert_eq(lowered(100, "[" EPHEMERAL "," DURABLE(60, 1, 1) "]").sequence, 60);
}
