/* actors/cli/shared/text/json_member.h. */
#include "actors/cli/shared/text/json_member.h"

#include <criterion/criterion.h>

Test(json_member, commas_stand_between)
{
    rp_buffer out;
    rp_buffer_init(&out, 256);
    rp_buffer_text(&out, "{");
    rp_json_member(&out, "a", "1");
    rp_json_member(&out, "b", "\"\n");
    rp_buffer_text(&out, ",\"c\":{");
    rp_json_member(&out, "d", "");
    rp_buffer_text(&out, "}}");
    cr_assert_str_eq(rp_buffer_string(&out), "{\"a\":\"1\",\"b\":\"\\\"\\n\",\"c\":{\"d\":\"\"}}");
    rp_buffer_done(&out);
}
