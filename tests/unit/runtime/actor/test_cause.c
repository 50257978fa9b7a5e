/* Rp-Cause: <stream>:<sequence>:<index>, and what is none. */
#include <criterion/criterion.h>

#include "runtime/actor/worker_internal.h"

Test(cause, is_read)
{
    static const struct {
        const char *text, *stream;
        uint64_t sequence, index;
    } right[] = {{"EXEC:7:0", "EXEC", 7, 0}, {"E:0:0", "E", 0, 0}, {" :1:2", " ", 1, 2},
        {"EXEC:18446744073709551615:18446744073709551615", "EXEC", UINT64_MAX, UINT64_MAX},
        {"EXEC:007:01", "EXEC", 7, 1}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        rp_bytes stream;
        uint64_t sequence, index;
        cr_assert_eq(
            rp__cause_parse(rp_bytes_text(right[i].text), &stream, &sequence, &index), RP_OK);
        cr_expect(rp_bytes_is(stream, right[i].stream));
        cr_expect_eq(sequence, right[i].sequence);
        cr_expect_eq(index, right[i].index);
    }
}

Test(cause, that_is_none_is_refused_and_nothing_written)
{
    static const char *const wrong[] = {"", ":", "::", ":1:2", "EXEC", "EXEC:", "EXEC:7",
        "EXEC:7:", "EXEC::0", "EXEC:7:0:", "EXEC:7:0 ", "EXEC: 7:0", "EXEC:-7:0", "EXEC:+7:0",
        "EXEC:7:x", "EXEC:18446744073709551616:0", "EXEC:7:18446744073709551616",
        "EXEC:7:99999999999999999999999", "A:B:1:2", "EXEC:0x7:0", "EXEC:7.0:0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp_bytes stream = rp_bytes_text("untouched");
        uint64_t sequence = 11, index = 12;
        cr_expect_eq(rp__cause_parse(rp_bytes_text(wrong[i]), &stream, &sequence, &index),
            RP_INVALID, "%s", wrong[i]);
        cr_expect(rp_bytes_is(stream, "untouched"));
        cr_expect_eq(sequence, 11);
        cr_expect_eq(index, 12);
    }
    /* It ends where its length says, whatever stands behind. */
    rp_bytes stream;
    uint64_t sequence, index;
    cr_expect_eq(
        rp__cause_parse(rp_bytes_of("EXEC:7:0", 7), &stream, &sequence, &index), RP_INVALID);
    cr_expect_eq(rp__cause_parse(rp_bytes_of("EXEC:7:0:", 8), &stream, &sequence, &index), RP_OK);
    cr_expect_eq(rp__cause_parse(rp_bytes_of(NULL, 0), &stream, &sequence, &index), RP_INVALID);
}
