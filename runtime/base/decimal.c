#include "runtime/base/decimal.h"

rp_status rp_decimal_take(rp_bytes *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text->data[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return RP_LIMIT;
        number = number * 10 + digit;
    }
    if (i == 0)
        return RP_INVALID;
    *text = rp_bytes_of(text->data + i, text->len - i);
    *ret_number = number;
    return RP_OK;
}

rp_status rp_decimal_parse(rp_bytes text, uint64_t *ret_number)
{
    uint64_t number;
    rp_status status = rp_decimal_take(&text, &number);
    if (status != RP_OK)
        return status;
    if (text.len > 0)
        return RP_INVALID;
    *ret_number = number;
    return RP_OK;
}
