#include "runtime/base/utf8.h"

rp_utf8 rp_utf8_next(rp_bytes bytes, size_t *ret_len)
{
    const uint8_t *p = bytes.data;
    uint8_t low = 0x80, high = 0xBF; /* what may follow the first byte */
    size_t n;
    *ret_len = 1;
    if (p[0] < 0x80)
        return RP_UTF8_WHOLE;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        n = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        n = 3;
        low = p[0] == 0xE0 ? 0xA0 : low;
        high = p[0] == 0xED ? 0x9F : high;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        n = 4;
        low = p[0] == 0xF0 ? 0x90 : low;
        high = p[0] == 0xF4 ? 0x8F : high;
    } else {
        return RP_UTF8_BROKEN;
    }
    for (size_t i = 1; i < n; i++) {
        if (i == bytes.len)
            return RP_UTF8_CUT;
        if (p[i] < low || p[i] > high)
            return RP_UTF8_BROKEN;
        low = 0x80;
        high = 0xBF;
        *ret_len = i + 1;
    }
    return RP_UTF8_WHOLE;
}

size_t rp_utf8_length(const uint8_t *data, size_t len)
{
    size_t n;
    return rp_utf8_next(rp_bytes_of(data, len), &n) == RP_UTF8_WHOLE ? n : 0;
}

bool rp_utf8_valid(rp_bytes bytes)
{
    while (bytes.len > 0) {
        size_t n = rp_utf8_length(bytes.data, bytes.len);
        if (n == 0)
            return false;
        bytes = rp_bytes_of(bytes.data + n, bytes.len - n);
    }
    return true;
}

rp_bytes rp_utf8_cut(rp_bytes bytes, size_t bytes_max)
{
    if (bytes.len <= bytes_max)
        return bytes;
    size_t len = bytes_max;
    while (
        len > 0 && bytes_max - len < RP_UTF8_CHARACTER_MAX - 1 && (bytes.data[len] & 0xC0) == 0x80)
        len--;
    return rp_bytes_of(bytes.data, len);
}
