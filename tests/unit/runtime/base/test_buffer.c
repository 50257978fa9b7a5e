#include "runtime/base/buffer.h"

#include <criterion/criterion.h>

Test(buffer, content_ends_in_nul_and_grows)
{
    rp_buffer buffer;
    rp_buffer_init(&buffer, 1 << 20);
    cr_assert_str_eq(rp_buffer_string(&buffer), "");
    cr_assert(buffer.data == NULL);
    for (int i = 0; i < 10000; i++) {
        rp_buffer_byte(&buffer, 'x');
        cr_assert(buffer.data[buffer.len] == '\0');
    }
    rp_buffer_text(&buffer, "abc");
    rp_buffer_append(&buffer, "d\0e", 3);
    rp_buffer_append(&buffer, NULL, 0);
    rp_buffer_printf(&buffer, "%s-%d", "f", 7);
    cr_assert(buffer.len == 10009 && !buffer.truncated);
    cr_assert(memcmp(buffer.data + 10000, "abcd\0ef-7", 10) == 0);
    cr_assert(rp_bytes_equal(rp_buffer_bytes(&buffer), rp_bytes_of(buffer.data, 10009)));
    rp_buffer_done(&buffer);
    cr_assert(buffer.data == NULL);
    rp_buffer_done(NULL);
}

Test(buffer, past_the_bound_nothing_more_is_taken)
{
    rp_buffer buffer;
    rp_buffer_init(&buffer, 8);
    rp_buffer_text(&buffer, "12345678");
    cr_assert(!buffer.truncated);
    rp_buffer_byte(&buffer, '9');
    cr_assert(buffer.truncated && buffer.len == 8);
    rp_buffer_clear(&buffer);
    cr_assert(!buffer.truncated && buffer.len == 0);
    cr_assert_str_eq(rp_buffer_string(&buffer), "");
    rp_buffer_text(&buffer, "123");
    rp_buffer_printf(&buffer, "%s", "456789");
    cr_assert(buffer.truncated);
    cr_assert_str_eq(rp_buffer_string(&buffer), "123", "what does not fit is not cut in two");
    rp_buffer_text(&buffer, "4");
    cr_assert_str_eq(rp_buffer_string(&buffer), "123", "nor does what comes behind it stand");
    rp_buffer_done(&buffer);
}

Test(buffer, lengths_do_not_wrap)
{
    rp_buffer buffer;
    rp_buffer_init(&buffer, SIZE_MAX);
    rp_buffer_text(&buffer, "abc");
    cr_assert(!rp_buffer_reserve(&buffer, SIZE_MAX - 3));
    cr_assert(buffer.truncated);
    rp_buffer_clear(&buffer);
    rp_buffer_text(&buffer, "abc");
    cr_assert(!rp_buffer_reserve(&buffer, SIZE_MAX));
    cr_assert_str_eq(rp_buffer_string(&buffer), "abc");
    rp_buffer_done(&buffer);
}

Test(buffer, reserved_room_needs_no_move)
{
    rp_buffer buffer;
    rp_buffer_init(&buffer, 1 << 16);
    cr_assert(rp_buffer_reserve(&buffer, 5000));
    const uint8_t *data = buffer.data;
    for (int i = 0; i < 5000; i++)
        rp_buffer_byte(&buffer, 'x');
    cr_assert(buffer.data == data);
    rp_buffer_clear(&buffer);
    rp_buffer_text(&buffer, "y");
    cr_assert(buffer.data == data, "clearing keeps the memory");
    rp_buffer_done(&buffer);
}

Test(buffer, a_cut_takes_back_what_did_not_fit)
{
    rp_buffer buffer;
    rp_buffer_init(&buffer, 8);
    rp_buffer_text(&buffer, "1234");
    size_t mark = buffer.len;
    rp_buffer_text(&buffer, "5");
    rp_buffer_text(&buffer, "6789");
    cr_assert(buffer.truncated);
    rp_buffer_cut(&buffer, mark);
    cr_assert(!buffer.truncated);
    rp_buffer_text(&buffer, "!");
    cr_assert_str_eq(rp_buffer_string(&buffer), "1234!");
    rp_buffer_cut(&buffer, 0);
    cr_assert_str_eq(rp_buffer_string(&buffer), "");
    rp_buffer_done(&buffer);
}
