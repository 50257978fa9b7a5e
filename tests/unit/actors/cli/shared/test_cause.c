/* What a message follows from. */
#include "actors/cli/shared/cause.h"

#include "tests/unit/actors/cli/fake_message.h"

#include <criterion/criterion.h>

Test(cause, the_sequence_in_its_stream)
{
    static const struct {
        const char *cause;
        uint64_t sequence;
    } rows[] = {{"REQUEST:17:0", 17}, {"REQUEST:18446744073709551615:3", UINT64_MAX}, {NULL, 0},
        {"", 0}, {"REQUEST", 0}, {"REQUEST:", 0}, {"REQUEST:17", 0}, {"REQUEST::0", 0},
        {"REQUEST:x:0", 0}, {"REQUEST:1x:0", 0}, {"REQUEST:18446744073709551616:0", 0},
        {"REQUESTS:17:0", 0}, {"EXEC:17:0", 0}, {"request:17:0", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake_message fake = fake_message_of("exec.a.b.c", "");
        fake.cause = rows[i].cause;
        cr_assert_eq(rp_cause_sequence(&fake.message, "REQUEST"), rows[i].sequence, "%s",
            rows[i].cause ? rows[i].cause : "without");
    }
}
