/* actors/cli/shared/text/paste.h: what a shell makes of it is the word again. */
#include "actors/cli/shared/text/paste.h"

#include <criterion/criterion.h>

static void check(const char *word, const char *expected)
{
    rp_buffer out;
    rp_buffer_init(&out, 256);
    rp_paste_word(&out, word);
    cr_expect_str_eq(rp_buffer_string(&out), expected);
    rp_buffer_done(&out);
}

Test(paste, what_no_shell_touches_stays)
{
    check("/home/you/reprise/build/release/bin/reprise",
        "/home/you/reprise/build/release/bin/reprise");
    check("nats://127.0.0.1:4222", "nats://127.0.0.1:4222");
}

Test(paste, anything_else_is_quoted)
{
    check("", "''");
    check("/my files/x", "'/my files/x'");
    check("$HOME`;&", "'$HOME`;&'");
    check("~/x", "'~/x'");
    check("it's", "'it'\\''s'");
}
