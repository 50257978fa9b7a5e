/* Stop strings: where they match, and what is held back. */
#include "kernels/text/stop.h"

#include <criterion/criterion.h>

/* Pushes a text; returns where the first match ends and its length. */
static size_t run(const rp_stop *stop, const char *text, size_t *ret_len)
{
    rp_stop_state state = {0};
    for (size_t i = 0; text[i]; i++) {
        *ret_len = rp_stop_push(stop, &state, (uint8_t)text[i]);
        if (*ret_len > 0)
            return i + 1;
    }
    return 0;
}

static rp_stop stop_of(const char *const *strings, size_t count)
{
    rp_stop stop;
    rp_bytes views[RP_STOP_STRINGS_MAX];
    rp_error error = {0};
    for (size_t i = 0; i < count; i++)
        views[i] = rp_bytes_text(strings[i]);
    cr_assert_eq(rp_stop_init(&stop, views, count, &error), RP_OK, "%s", error.message);
    return stop;
}

Test(stop, finds_the_earliest_end_and_of_equals_the_longest)
{
    size_t len = 0;
    rp_stop stop = stop_of((const char *const[]){"c", "abc", "bc"}, 3);
    cr_expect_eq(run(&stop, "xxabc", &len), 5);
    cr_expect_eq(len, 3);
    stop = stop_of((const char *const[]){"abcd", "bc"}, 2);
    cr_expect_eq(run(&stop, "abcd", &len), 3); /* bc ends first */
    cr_expect_eq(len, 2);
    stop = stop_of((const char *const[]){"aab"}, 1);
    cr_expect_eq(run(&stop, "aaaab", &len), 5);
    stop = stop_of((const char *const[]){"abab"}, 1);
    cr_expect_eq(run(&stop, "abaabab", &len), 7);
    cr_expect_eq(run(&stop, "abaaba", &len), 0);
    stop = stop_of(NULL, 0);
    cr_expect_eq(run(&stop, "anything", &len), 0);
}

Test(stop, holds_what_may_become_one)
{
    static const struct {
        const char *text;
        size_t held;
    } cases[] = {{"", 0}, {"x", 0}, {"xa", 1}, {"xab", 2}, {"xaba", 3}, {"xabax", 0}, {"xabab", 4},
        {"xababx", 0}, {"\n", 1}, {"a\n", 1}};
    rp_stop stop = stop_of((const char *const[]){"ababc", "\n\nQ:"}, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rp_stop_state state = {0};
        for (const char *p = cases[i].text; *p; p++)
            cr_assert_eq(rp_stop_push(&stop, &state, (uint8_t)*p), 0);
        cr_expect_eq(rp_stop_held(&stop, &state), cases[i].held, "\"%s\"", cases[i].text);
    }
}

/* Every string of up to 4 letters of an alphabet of two against every text of 8: the automaton and
 * a plain search agree. */
Test(stop, equals_a_plain_search)
{
    for (unsigned pattern = 0; pattern < 16; pattern++) {
        for (size_t len = 1; len <= 4; len++) {
            char string[5] = {0}, text[9] = {0};
            for (size_t i = 0; i < len; i++)
                string[i] = pattern >> i & 1 ? 'a' : 'b';
            rp_stop stop = stop_of((const char *const[]){string}, 1);
            for (unsigned bits = 0; bits < 256; bits++) {
                size_t got_len;
                for (size_t i = 0; i < 8; i++)
                    text[i] = bits >> i & 1 ? 'a' : 'b';
                const char *found = strstr(text, string);
                size_t wanted = found ? (size_t)(found - text) + len : 0;
                cr_assert_eq(run(&stop, text, &got_len), wanted, "%s in %s", string, text);
            }
        }
    }
}

Test(stop, refuses_what_is_wrong)
{
    rp_stop stop = {0};
    rp_error error = {0};
    static const uint8_t longest[RP_STOP_BYTES_MAX + 1] = {1};
    rp_bytes strings[RP_STOP_STRINGS_MAX + 1];
    for (size_t i = 0; i <= RP_STOP_STRINGS_MAX; i++)
        strings[i] = rp_bytes_text("x");
    cr_expect_eq(rp_stop_init(&stop, strings, RP_STOP_STRINGS_MAX, &error), RP_OK);
    cr_expect_eq(rp_stop_init(&stop, strings, RP_STOP_STRINGS_MAX + 1, &error), RP_LIMIT);
    strings[2] = rp_bytes_text("");
    cr_expect_eq(rp_stop_init(&stop, strings, 3, &error), RP_INVALID);
    cr_expect_str_eq(error.message, "stop string 2 is empty");
    strings[2] = rp_bytes_text("\xE2\x96");
    cr_expect_eq(rp_stop_init(&stop, strings, 3, &error), RP_INVALID);
    strings[2] = rp_bytes_of(longest, RP_STOP_BYTES_MAX + 1);
    cr_expect_eq(rp_stop_init(&stop, strings, 3, &error), RP_LIMIT);
    strings[2].len--;
    cr_expect_eq(rp_stop_init(&stop, strings, 3, &error), RP_OK);
}
