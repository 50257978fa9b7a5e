/* Orders to scale: written and read back, and what anybody may send instead. */
#include "actors/cli/shared/up/scaling.h"

#include <criterion/criterion.h>

static rp_status read_text(const char *text, rp_scaling *scaling, rp_error *error)
{
    return rp_scaling_read(rp_bytes_text(text), scaling, error);
}

Test(scaling, an_order_comes_back)
{
    rp_buffer out;
    rp_scaling order = {.kind = "executor", .model = "a \"b\"", .count = 32}, back = {0};
    rp_buffer_init(&out, RP_SCALING_BYTES_MAX);
    rp_scaling_write(&order, &out);
    cr_assert_eq(rp_scaling_read(rp_buffer_bytes(&out), &back, NULL), RP_OK);
    cr_assert_str_eq(back.kind, order.kind);
    cr_assert_str_eq(back.model, order.model);
    cr_assert_eq(back.count, 32);
    rp_buffer_done(&out);
}

Test(scaling, a_model_may_be_left_out)
{
    rp_scaling back = {0};
    cr_assert_eq(read_text("{\"kind\":\"tokenizer\",\"count\":0}", &back, NULL), RP_OK);
    cr_assert_str_eq(back.model, "");
    cr_assert_eq(back.count, 0);
}

Test(scaling, what_is_no_order_is_refused_and_changes_nothing)
{
    static const struct {
        const char *text, *field;
        rp_status status;
    } rows[] = {
        {"", "", RP_INVALID},
        {"7", "", RP_INVALID},
        {"{}", "count", RP_INVALID},
        {"{\"count\":1.5}", "count", RP_INVALID},
        {"{\"count\":\"1\"}", "count", RP_INVALID},
        {"{\"count\":-1}", "count", RP_INVALID},
        {"{\"count\":33}", "count", RP_LIMIT},
        {"{\"kind\":[],\"count\":1}", "kind", RP_INVALID},
        {"{\"kind\":\"a\\u0000b\",\"count\":1}", "kind", RP_INVALID},
        {"{\"kind\":\"12345678901234567890123456789012\",\"count\":1}", "kind", RP_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rp_error error = {0};
        rp_scaling back = {.count = 7};
        cr_assert_eq(read_text(rows[i].text, &back, &error), rows[i].status, "%s", rows[i].text);
        cr_assert_str_eq(error.field, rows[i].field, "%s", rows[i].text);
        cr_assert_eq(back.count, 7);
    }
}

Test(scaling, a_long_order_is_not_even_parsed)
{
    rp_error error = {0};
    rp_scaling back;
    char text[RP_SCALING_BYTES_MAX + 2];
    memset(text, ' ', sizeof text);
    cr_assert_eq(rp_scaling_read(rp_bytes_of(text, sizeof text), &back, &error), RP_LIMIT);
    cr_assert_str_eq(error.limit, "4096 bytes");
}
