/* actors/cli/ask/request.h: options become the JSON that is published. */
#include "actors/cli/ask/request.h"

#include "runtime/base/clock.h"

#include <criterion/criterion.h>

static rp_buffer out;

static void setup(void)
{
    rp_buffer_init(&out, 4096);
}

static void teardown(void)
{
    rp_buffer_done(&out);
}

TestSuite(request, .init = setup, .fini = teardown);

static const char *parameters(const rp_ask *ask)
{
    rp_error error = {0};
    rp_buffer_clear(&out);
    cr_assert_eq(rp_ask_parameters(ask, &out, &error), RP_OK, "%s", error.message);
    return rp_buffer_string(&out);
}

static const char *request(const rp_ask *ask, bool raw, const char *text)
{
    rp_buffer_clear(&out);
    cr_assert_eq(rp_ask_request(
                     ask, raw, rp_bytes_text(text), rp_bytes_text(",\"max_tokens\":1"), &out, NULL),
        RP_OK);
    return rp_buffer_string(&out);
}

Test(request, only_what_was_given_is_written)
{
    rp_ask ask = {.max_tokens = 7};
    cr_expect_str_eq(parameters(&ask), ",\"max_tokens\":7");
    ask = (rp_ask){.max_tokens = 7,
        .temperature = "0.5",
        .top_p = ".9",
        .min_p = "1e-2",
        .presence_penalty = "-1",
        .frequency_penalty = "0.25",
        .repetition_penalty = "1.5",
        .top_k = 40,
        .seed = "0",
        .deadline_ns = 1500 * RP_NS_PER_MS,
        .stop = {.values = {"\n", "END"}, .count = 2},
        .session = "s \"1\"",
        .no_stream = true};
    cr_expect_str_eq(parameters(&ask),
        ",\"max_tokens\":7,\"temperature\":0.5,\"top_p\":0.9,\"min_p\":0.01,"
        "\"presence_penalty\":-1,\"frequency_penalty\":0.25,\"repetition_penalty\":1.5,"
        "\"top_k\":40,\"seed\":0,\"deadline_ms\":1500,\"stop\":[\"\\n\",\"END\"],"
        "\"session\":\"s \\\"1\\\"\",\"stream\":false");
}

static void check_refused(const rp_ask *ask, const char *option)
{
    rp_error error = {0};
    rp_buffer_clear(&out);
    cr_expect_eq(rp_ask_parameters(ask, &out, &error), RP_INVALID, "%s", option);
    cr_expect_str_eq(error.field, option);
    cr_expect_not_null(strstr(error.message, option), "%s", error.message);
}

Test(request, what_is_no_number_is_named)
{
    check_refused(&(rp_ask){.temperature = "warm"}, "temperature");
    check_refused(&(rp_ask){.top_p = ""}, "top-p");
    check_refused(&(rp_ask){.min_p = "0.1x"}, "min-p");
    check_refused(&(rp_ask){.presence_penalty = "inf"}, "presence-penalty");
    check_refused(&(rp_ask){.frequency_penalty = "nan"}, "frequency-penalty");
    check_refused(&(rp_ask){.repetition_penalty = "1e999"}, "repetition-penalty");
    check_refused(&(rp_ask){.seed = "-1"}, "seed");
}

Test(request, raw_and_a_conversation_exclude_each_other)
{
    check_refused(&(rp_ask){.raw = true, .system = "s"}, "system");
    check_refused(&(rp_ask){.raw = true, .chat = true}, "chat");
}

Test(request, the_text_is_a_message_or_stands_as_it_is)
{
    const rp_ask plain = {0}, system = {.system = "Be brief."};
    cr_expect_str_eq(request(&plain, false, "Why?\n"),
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Why?\\n\"}],\"max_tokens\":1}");
    cr_expect_str_eq(request(&system, false, "Why?"),
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
        "{\"role\":\"user\",\"content\":\"Why?\"}],\"max_tokens\":1}");
    cr_expect_str_eq(request(&plain, true, "Why?"), "{\"prompt\":\"Why?\",\"max_tokens\":1}");
}

Test(request, what_does_not_fit_is_refused)
{
    const rp_ask ask = {0};
    rp_error error = {0};
    rp_buffer small;
    rp_buffer_init(&small, 16);
    cr_expect_eq(rp_ask_request(&ask, true, rp_bytes_text("a text that is too long for it"),
                     rp_bytes_text(""), &small, &error),
        RP_LIMIT);
    cr_expect_str_eq(error.field, "text");
    rp_buffer_done(&small);
}
