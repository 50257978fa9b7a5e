/* What an `up` says of its processes: written and read back, and what may come instead. */
#include "actors/cli/shared/up/processes.h"

#include <criterion/criterion.h>

static rp_arena arena;

static void setup(void)
{
    cr_assert_eq(rp_arena_init(&arena, 16 << 10, 4 << 20), RP_OK);
}

static void teardown(void)
{
    rp_arena_done(&arena);
}

TestSuite(processes, .init = setup, .fini = teardown);

static rp_status read_text(
    rp_bytes text, rp_process_view **ret_processes, size_t *ret_count, rp_error *error)
{
    yyjson_doc *doc;
    cr_assert_eq(rp_json_parse(text, &arena, &doc, NULL), RP_OK);
    return rp_processes_read(yyjson_doc_get_root(doc), &arena, ret_processes, ret_count, error);
}

Test(processes, they_come_back)
{
    rp_buffer out;
    size_t count = 0;
    rp_process_view *back = NULL;
    rp_process_view one = {.name = "executor-1",
        .kind = "executor",
        .model = "a \"b\"",
        .instance = "executor-1-12345678",
        .log = "/x/y.log",
        .state = RP_PROCESS_DRAINING,
        .pid = 4711,
        .restarts = 3,
        .since_ms = 1200};
    rp_process_view two = one;
    two.model = "";
    two.state = RP_PROCESS_GIVEN_UP;
    rp_buffer_init(&out, RP_PROCESSES_BYTES_MAX);
    rp_buffer_text(&out, "{\"processes\":[");
    rp_process_write(&one, &out);
    rp_process_write(&two, &out);
    rp_buffer_text(&out, "]}");
    cr_assert_eq(read_text(rp_buffer_bytes(&out), &back, &count, NULL), RP_OK);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(back[0].name, one.name);
    cr_assert_str_eq(back[0].model, one.model);
    cr_assert_str_eq(back[0].log, one.log);
    cr_assert_eq(back[0].state, one.state);
    cr_assert_eq(back[0].pid, 4711);
    cr_assert_eq(back[0].restarts, 3);
    cr_assert_eq(back[0].since_ms, 1200);
    cr_assert_str_eq(back[1].model, "");
    cr_assert_eq(back[1].state, RP_PROCESS_GIVEN_UP);
    rp_buffer_done(&out);
}

Test(processes, every_state_has_a_name_and_words)
{
    for (int s = 0; s < RP_PROCESS_STATE_COUNT; s++) {
        cr_assert_neq(strcmp(rp_process_state_name((rp_process_state)s), "unknown"), 0);
        cr_assert_neq(strcmp(rp_process_state_text((rp_process_state)s), "unknown"), 0);
    }
    cr_assert_str_eq(rp_process_state_name(RP_PROCESS_STATE_COUNT), "unknown");
}

Test(processes, what_is_no_list_of_them_is_refused)
{
    static const char *const texts[] = {"{}", "[]", "7", "{\"processes\":{}}",
        "{\"processes\":[7]}", "{\"processes\":[{\"name\":\"a\",\"kind\":\"b\"}]}",
        "{\"processes\":[{\"name\":\"a\",\"kind\":\"b\",\"state\":\"dancing\"}]}",
        "{\"processes\":[{\"name\":7,\"kind\":\"b\",\"state\":\"ready\"}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t count = 0;
        rp_process_view *back = NULL;
        cr_assert_eq(
            read_text(rp_bytes_text(texts[i]), &back, &count, NULL), RP_CORRUPT, "%s", texts[i]);
    }
}

Test(processes, too_many_are_refused)
{
    rp_buffer out;
    size_t count = 0;
    rp_error error = {0};
    rp_process_view *back = NULL;
    rp_process_view one = {
        .name = "a", .kind = "b", .model = "", .instance = "", .log = "", .pid = 1};
    rp_buffer_init(&out, RP_PROCESSES_BYTES_MAX);
    rp_buffer_text(&out, "{\"processes\":[");
    for (int i = 0; i <= RP_PROCESSES_MAX; i++)
        rp_process_write(&one, &out);
    rp_buffer_text(&out, "]}");
    cr_assert_eq(read_text(rp_buffer_bytes(&out), &back, &count, &error), RP_LIMIT);
    cr_assert_str_eq(error.limit, "256");
    rp_buffer_done(&out);
}
