/* The journal's text: what it says, where it ends, and that it can always be read. */
#include "runtime/actor/journal.h"

#include <criterion/criterion.h>
#include <stdio.h>

static rp_journal journal;

static void init(void)
{
    rp_journal_init(&journal);
}

static void done(void)
{
    rp_journal_done(&journal);
}

TestSuite(journal, .init = init, .fini = done);

Test(journal, says_nothing_of_nothing)
{
    cr_expect_str_eq(rp_journal_text(&journal), "");
    cr_expect_str_eq(rp_journal_text(&journal), "");
}

Test(journal, lists_readings_in_order_and_counts_draws)
{
    rp_journal_draw(&journal);
    rp_journal_revision(&journal, "ROUTES", "acme.gemma3", 17);
    rp_journal_value(&journal, "ACTORS", "executor.a1", "free=3");
    rp_journal_revision(&journal, "R", "", UINT64_MAX);
    rp_journal_draw(&journal);
    cr_expect_str_eq(rp_journal_text(&journal),
        "[[\"ROUTES\",\"acme.gemma3\",17],[\"ACTORS\",\"executor.a1\",\"free=3\"],"
        "[\"R\",\"\",18446744073709551615],[\"RANDOM\",\"\",2]]");
}

Test(journal, of_draws_alone)
{
    rp_journal_draw(&journal);
    cr_expect_str_eq(rp_journal_text(&journal), "[[\"RANDOM\",\"\",1]]");
}

Test(journal, is_printable_ascii_whatever_was_read)
{
    rp_journal_value(&journal, "A\"", "k\\", "\n\x7f\xff \"~");
    const char *text = rp_journal_text(&journal);
    cr_expect_str_eq(
        text, "[[\"A\\u0022\",\"k\\u005c\",\"\\u000a\\u007f\\u00ff \\u0022~\"]]", "%s", text);
}

Test(journal, may_be_closed_twice_and_goes_on)
{
    rp_journal_revision(&journal, "A", "a", 1);
    rp_journal_draw(&journal);
    static const char closed[] = "[[\"A\",\"a\",1],[\"RANDOM\",\"\",1]]";
    cr_expect_str_eq(rp_journal_text(&journal), closed);
    cr_expect_str_eq(rp_journal_text(&journal), closed);
    rp_journal_revision(&journal, "B", "b", 2);
    cr_expect_str_eq(
        rp_journal_text(&journal), "[[\"A\",\"a\",1],[\"B\",\"b\",2],[\"RANDOM\",\"\",1]]");
    rp_journal_draw(&journal);
    rp_journal_value(&journal, "C", "c", "3");
    cr_expect_str_eq(rp_journal_text(&journal),
        "[[\"A\",\"a\",1],[\"B\",\"b\",2],[\"C\",\"c\",\"3\"],[\"RANDOM\",\"\",2]]");
}

Test(journal, clear_forgets_everything)
{
    rp_journal_revision(&journal, "A", "a", 1);
    rp_journal_draw(&journal);
    (void)rp_journal_text(&journal);
    rp_journal_clear(&journal);
    cr_expect_str_eq(rp_journal_text(&journal), "");
    rp_journal_revision(&journal, "B", "b", 2);
    cr_expect_str_eq(rp_journal_text(&journal), "[[\"B\",\"b\",2]]");
}

/* Whatever the entries' lengths: at most so many bytes, whole entries, and a number of those that
 * were left out. */
Test(journal, is_bounded_and_says_what_was_left_out)
{
    char key[512];
    for (size_t len = 0; len < sizeof key; len += 7) {
        size_t entries = 4000;
        memset(key, 'k', sizeof key);
        key[len] = '\0';
        rp_journal_clear(&journal);
        for (size_t i = 0; i < entries; i++)
            rp_journal_revision(&journal, "ROUTES", key, UINT64_MAX);
        for (size_t i = 0; i < 3; i++)
            rp_journal_draw(&journal);
        const char *text = rp_journal_text(&journal);
        cr_assert_leq(strlen(text), RP_JOURNAL_BYTES_MAX);
        cr_assert_gt(strlen(text), RP_JOURNAL_BYTES_MAX - 96 - 45 - len, "room is not wasted");
        size_t listed = 0;
        for (const char *p = text; (p = strstr(p, "\"ROUTES\"")) != NULL; p++)
            listed++;
        char tail[128];
        int n = snprintf(
            tail, sizeof tail, ",[\"RANDOM\",\"\",3],[\"CUT\",\"\",%zu]]", entries - listed);
        cr_expect_str_eq(text + strlen(text) - (size_t)n, tail);
    }
}

Test(journal, leaves_out_one_that_is_too_long_and_takes_the_next)
{
    static char huge[2 * RP_JOURNAL_BYTES_MAX];
    memset(huge, '\n', sizeof huge - 1); /* six bytes each when written */
    rp_journal_value(&journal, "A", "a", huge);
    rp_journal_revision(&journal, "B", "b", 2);
    cr_expect_str_eq(rp_journal_text(&journal), "[[\"B\",\"b\",2],[\"CUT\",\"\",1]]");
    rp_journal_clear(&journal);
    rp_journal_revision(&journal, "B", "b", 2);
    rp_journal_value(&journal, "A", huge, "");
    cr_expect_str_eq(rp_journal_text(&journal), "[[\"B\",\"b\",2],[\"CUT\",\"\",1]]");
    rp_journal_clear(&journal);
    rp_journal_value(&journal, huge, "", "");
    cr_expect_str_eq(rp_journal_text(&journal), "[[\"CUT\",\"\",1]]");
}
